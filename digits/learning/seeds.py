"""One seed for every generator a training uses."""

from __future__ import annotations


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
