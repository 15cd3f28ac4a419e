"""MNIST, image folders, Kaggle's CSV and corrections -> ink and labels in memory, and the splits.

    ink, labels = load_mnist(train=True)        # uint8 (60000, 28, 28), int64 (60000,)
    train, validation = split(labels)
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from utils import ROOT, UserError

N_VALIDATION = 12_000  # 80/20 of the 60,000
SPLIT_SEED = 0


def data_dir() -> Path:
    """Return where MNIST lies or goes: $MNIST_DATA_DIR, else data/ beside the programs."""
    return Path(os.environ.get("MNIST_DATA_DIR") or ROOT / "data")


def load_mnist(train: bool, directory: str | Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return MNIST's ink, uint8 (n, 28, 28), and labels, int64 (n,); download it if it is not there.

    Raises `UserError` if it is missing and cannot be downloaded.
    """
    from torchvision.datasets import MNIST

    directory = Path(directory or data_dir())
    try:
        there = MNIST(directory, train=train, download=not (directory / "MNIST" / "raw").exists())
    except Exception as error:  # urllib, ssl, os and torchvision's own RuntimeError
        raise UserError(
            f"MNIST is not in {directory} and cannot be downloaded ({type(error).__name__}); "
            "name the folder that holds MNIST/raw with --data-dir"
        ) from None
    return there.data.numpy(), there.targets.numpy().astype(np.int64)


def split(labels: np.ndarray, n_validation: int = N_VALIDATION, seed: int = SPLIT_SEED) -> tuple[np.ndarray, np.ndarray]:
    """Return (training, validation) indices: a fixed random split, the same for every run with these arguments."""
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])
