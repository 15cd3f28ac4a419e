"""Ink made worse on purpose, by kind and strength: what robustness is measured with. numpy and OpenCV only.

    from digits.measuring.corruptions import corrupt
    corrupt(ink, "blur", 1.5)                  # uint8 (n, 28, 28) -> uint8 (n, 28, 28)

Five strengths a kind, as Hendrycks and Dietterich 2019 (arXiv:1903.12261) have them. The adversarial kinds need a
network's gradient and live in `digits/measuring/attacks.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

Random = np.random.Generator


@dataclass(frozen=True)
class Corruption:
    """A kind of damage: `function(ink as float32 (n, 28, 28), strengths (n, 1, 1), random, n_patterns)`."""

    function: Callable[[np.ndarray, np.ndarray, Random, int], np.ndarray]
    unit: str
    levels: tuple[float, ...]  # the five of the table
    range: tuple[float, float]  # from harmless to hopeless, for curves


def corrupt(
    ink: np.ndarray, kind: str, strengths: float | np.ndarray, seed: int = 0, same_pattern: bool = False
) -> np.ndarray:
    """Return `ink`, uint8 (n, 28, 28), damaged: each by its own of `strengths` (n,) or all by one; the same shape.

    `kind` is a key of `KINDS`, where the unit of the strength stands too.
    `same_pattern` draws one random pattern for all, so that a growing strength grows the same damage.
    """
    strengths = np.broadcast_to(np.asarray(strengths, np.float32), len(ink)).reshape(-1, 1, 1)
    n_patterns = 1 if same_pattern else len(ink)
    damaged = KINDS[kind].function(ink.astype(np.float32), strengths, np.random.default_rng(seed), n_patterns)
    return damaged.round().clip(0, 255).astype(np.uint8)


def _gaussian(ink: np.ndarray, strengths: np.ndarray, random: Random, n_patterns: int) -> np.ndarray:
    return ink + 255 * strengths * random.standard_normal((n_patterns, *ink.shape[1:]), np.float32)


def _salt_and_pepper(ink: np.ndarray, strengths: np.ndarray, random: Random, n_patterns: int) -> np.ndarray:
    hit = random.random((n_patterns, *ink.shape[1:]), np.float32) < strengths
    salt = random.random((n_patterns, *ink.shape[1:]), np.float32) < 0.5
    return np.where(hit, 255.0 * salt, ink)


def _blur(ink: np.ndarray, strengths: np.ndarray, random: Random, n_patterns: int) -> np.ndarray:
    pairs = zip(ink, strengths.ravel().astype(float), strict=True)
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0 else image for image, sigma in pairs])


def _rotate(ink: np.ndarray, strengths: np.ndarray, random: Random, n_patterns: int) -> np.ndarray:
    centre = (ink.shape[2] / 2 - 0.5, ink.shape[1] / 2 - 0.5)
    turns = [cv2.getRotationMatrix2D(centre, float(degrees), 1.0) for degrees in strengths.ravel()]
    return np.stack([cv2.warpAffine(image, turn, image.shape[::-1]) for image, turn in zip(ink, turns, strict=True)])


def _occlude(ink: np.ndarray, strengths: np.ndarray, random: Random, n_patterns: int) -> np.ndarray:
    """Wipe a square out, its middle anywhere in the 20x20 box."""
    y, x = random.integers(4, 24, (2, n_patterns, 1, 1))
    rows, columns = np.arange(ink.shape[1])[:, None], np.arange(ink.shape[2])[None, :]
    return np.where(np.maximum(np.abs(rows - y), np.abs(columns - x)) < strengths / 2, 0.0, ink)


def _fade(ink: np.ndarray, strengths: np.ndarray, random: Random, n_patterns: int) -> np.ndarray:
    return ink * (1 - strengths)


KINDS: dict[str, Corruption] = {
    "gaussian": Corruption(_gaussian, "standard deviation, share of full ink", (0.1, 0.2, 0.3, 0.4, 0.5), (0, 1)),
    "salt_and_pepper": Corruption(_salt_and_pepper, "share of pixels", (0.05, 0.1, 0.2, 0.3, 0.4), (0, 0.8)),
    "blur": Corruption(_blur, "sigma in pixels", (0.5, 1.0, 1.5, 2.0, 2.5), (0, 5)),
    "rotation": Corruption(_rotate, "degrees", (10, 20, 30, 45, 60), (-90, 90)),
    "occlusion": Corruption(_occlude, "side of the square in pixels", (4, 6, 8, 10, 12), (0, 20)),
    "contrast": Corruption(_fade, "share of the contrast lost", (0.3, 0.5, 0.7, 0.8, 0.9), (0, 0.98)),
}
