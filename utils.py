"""What every training and every predictor with torch begins with: the device, and one seed for all generators.

from utils import choose_device, seed_everything
seed_everything(0)
model.to(choose_device())              # cuda, mps or cpu
"""

from __future__ import annotations

from digits.command import UserError


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def choose_device(name: str = "auto") -> str:
    """Return `name`, or for "auto" the fastest device torch can see: cuda, mps or cpu. Raises `UserError`."""
    if name == "cpu":
        return name
    import torch

    if name != "auto":
        try:
            torch.zeros(1, device=name)
        except Exception:  # RuntimeError of a name it does not know, AssertionError of a GPU that is not there
            raise UserError(f"there is no device '{name}' here; choose cpu, cuda, mps or auto") from None
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
