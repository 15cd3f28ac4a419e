"""Knowledge distillation: what a teacher says of augmented pictures, for another network to learn in place of labels.

    ink, targets = teach(ink, Augment({"rotation": 10}), predictor.predict_scores, copies=12, key="gapcnn")

After Hinton et al. 2015 (arXiv:1503.02531). The pupil sees the very copies that the teacher judged, for many epochs
(Beyer et al. 2022, arXiv:2106.05237). Since a teacher takes its time, the copies are drawn and judged once, and kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from digits.learning.augment import Augment
from digits.learning.cache import cached

Ask = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def teach(ink: np.ndarray, augment: Augment, ask: Ask, copies: int, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return augmented copies of ink (n, 28, 28), uint8 (copies * n, 28, 28), and targets, float32 (copies * n, 11).

    A target is the teacher's probability of each digit, and of "no digit". `ask` returns its (probabilities (n, 10),
    digit scores (n,)), as `MNISTPredictor.predict_scores` does; `key` tells teachers apart in the cache.
    """
    code = Path(__file__).read_bytes() + Path(__file__).with_name("augment.py").read_bytes()
    drawn_from = code + repr((key, copies, augment.strengths)).encode() + ink.tobytes()

    def make() -> dict[str, np.ndarray]:
        lessons = [_lesson(ink, augment, ask, copy) for copy in tqdm(range(copies), "asking the teacher", leave=False)]
        drawn, targets = (np.concatenate(part) for part in zip(*lessons, strict=True))
        return {"ink": drawn, "targets": targets}

    taught = cached(f"taught-{hashlib.sha256(drawn_from).hexdigest()[:12]}", make)
    return taught["ink"], taught["targets"]


def _lesson(ink: np.ndarray, augment: Augment, ask: Ask, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = torch.Generator().manual_seed(seed)
    parts = torch.split(torch.from_numpy(ink).unsqueeze(1), 1024)
    augmented = torch.cat([augment(part.float() / 255, generator) for part in parts])
    drawn = (augmented.squeeze(1).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return drawn, targets_of(*ask(drawn))


def targets_of(probabilities: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the probabilities of the ten digits and of "no digit", float32 (n, 11): see digits/reading/verdict.py."""
    digit = np.exp(-np.logaddexp(0.0, -scores))  # against the eleventh logit, always 0
    return np.column_stack([probabilities * digit[:, None], 1 - digit]).astype(np.float32)
