"""MNIST, image folders, Kaggle's CSV and corrections -> ink and labels in memory, and the splits.

    ink, labels = load_mnist(train=True)        # uint8 (60000, 28, 28), int64 (60000,)
    train, validation = split(labels)
"""

from __future__ import annotations

import json
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


def load_strokes(path: str | Path | None = None) -> tuple[list[list[np.ndarray]], np.ndarray]:
    """Return pen strokes and labels of UCI Pendigits' training writers: each digit a list of (n, 2) paths, y down.

    The file is JSON: [{"label": 8, "strokes": [[[x, y], …], …]}, …], y up as the tablet has it.
    """
    path = Path(path or data_dir() / "strokes" / "pendigits_train.json")
    try:
        digits = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"there are no pen strokes at {path}; leave them out with --dataset mnist") from None
    flip = np.float32([1, -1])
    strokes = [[np.float32(stroke) * flip for stroke in digit["strokes"] if len(stroke) > 1] for digit in digits]
    keep = [i for i, digit in enumerate(strokes) if digit]
    return [strokes[i] for i in keep], np.array([digits[i]["label"] for i in keep], np.int64)


def load_glyphs(directory: str | Path | None = None) -> tuple[list, np.ndarray]:
    """Return MNIST's training ink and, where there, pen strokes as one list of glyphs, with their labels."""
    ink, labels = load_mnist(True, directory)
    strokes, stroke_labels = load_strokes()
    return [*ink, *strokes], np.concatenate([labels, stroke_labels])
