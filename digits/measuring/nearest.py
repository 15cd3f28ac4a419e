"""The training pictures that a network takes for most alike: an index of some, by what its last layer is given.

    Nearest.of(ink, labels, explainer.hidden(ink), weights_hash).save(path)
    nearest = Nearest.beside(weights_path("mnistnet"))        # None if none was made of exactly these weights
    nearest.find(explainer.thoughts(ink).hidden)              # places in nearest.ink and nearest.labels

Likeness is the cosine between the features. They are kept as uint8, so 4,000 pictures take under a megabyte.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digits.files import atomic_path, sha256


@dataclass(frozen=True)
class Nearest:
    """Training pictures: `ink` uint8 (n, 28, 28), `labels` (n,), `features` uint8 (n, d), and whose they are."""

    ink: np.ndarray
    labels: np.ndarray
    features: np.ndarray
    weights_sha256: str

    @classmethod
    def of(cls, ink: np.ndarray, labels: np.ndarray, hidden: np.ndarray, weights_sha256: str) -> Nearest:
        """Return an index of ink with what the network's last layer is given, (n, d), not negative."""
        top = np.maximum(hidden.max(axis=1, keepdims=True), 1e-9)  # a picture's own scale: the cosine does not mind
        return cls(ink, labels.astype(np.uint8), (hidden / top * 255).round().astype(np.uint8), weights_sha256)

    @classmethod
    def beside(cls, weights: Path) -> Nearest | None:
        """Return the index that lies beside a weights file; None if there is none or it is of other weights."""
        path = index_path(weights)
        if not path.exists():
            return None
        with np.load(path) as stored:
            index = cls(stored["ink"], stored["labels"], stored["features"], str(stored["weights_sha256"]))
        return index if index.weights_sha256 == sha256(weights) else None

    def save(self, path: Path) -> None:
        """Write the index, at once or not at all."""
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **vars(self))

    def find(self, hidden: np.ndarray, n: int = 6) -> np.ndarray:
        """Return the places of the `n` most alike to `hidden`, (d,), the nearest first."""
        features = self.features.astype(np.float32)
        alike = features @ hidden / np.maximum(np.linalg.norm(features, axis=1), 1e-9)
        return np.argsort(-alike)[:n]


def index_path(weights: Path) -> Path:
    """Return where the index of a weights file lies."""
    return weights.with_suffix(".nearest.npz")
