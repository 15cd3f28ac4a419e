"""Pens: how wide a stroke is, and what becomes of its ink on paper.

    coverage = pencil(coverage, rng)           # of a line, float32 (h, w) in 0-1, likewise

Those of `HELD_OUT` are never drawn with in training.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from digits.learning.camera import smooth_noise
from digits.learning.glyphs import Rng

Pen = Callable[[np.ndarray, Rng], np.ndarray]  # coverage (h, w) of a line -> coverage


def draw_pen(rng: Rng) -> float:
    """Return a pen's width for a digit 80 high: 2 is a hairline, 10 is MNIST's, 16 a marker."""
    return float(np.exp(rng.uniform(np.log(2.0), np.log(16.0))))


def ballpoint(coverage: np.ndarray, _rng: Rng) -> np.ndarray:
    """Even strokes."""
    return coverage


def skipping(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A pen that runs dry: strokes pale or broken in places."""
    return coverage * np.clip(1.6 * smooth_noise(coverage.shape, rng, rng.uniform(3, 12)) + rng.uniform(0.2, 0.8), 0, 1)


def pencil(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """Graphite on the grain of the paper."""
    return coverage * np.clip(1 - rng.uniform(0.2, 0.8) * rng.random(coverage.shape, np.float32), 0, 1)


def pressure(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """Ink that grows paler and darker along the line."""
    return coverage * np.clip(rng.uniform(0.5, 1) + 0.5 * smooth_noise(coverage.shape, rng, coverage.shape[0]), 0.2, 1)


def bleeding(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """Ink that soaks into the paper."""
    soaked = cv2.GaussianBlur(coverage, (0, 0), rng.uniform(0.01, 0.03) * coverage.shape[0] + 0.4)
    return np.clip(1.6 * soaked + 0.2 * smooth_noise(coverage.shape, rng, 3) * (soaked > 0.15), 0, 1).astype(np.float32)


def swelling(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A pointed nib: strokes that go down are wider than those that go up or across."""
    size = max(2, round(rng.uniform(0.012, 0.04) * coverage.shape[0]))
    kernel = np.zeros((size, size), np.uint8)
    cv2.line(kernel, (0, size - 1), (size - 1, size - 1), 1, 1)
    return cv2.dilate(coverage, kernel, borderType=cv2.BORDER_REPLICATE)


def chisel(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A broad nib held aslant (held out)."""
    size = max(2, round(rng.uniform(0.012, 0.035) * coverage.shape[0]))
    kernel = np.eye(size, dtype=np.uint8)[::-1].copy()
    return cv2.dilate(coverage, kernel, borderType=cv2.BORDER_REPLICATE)


def chalk(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A soft crayon with rough edges (held out)."""
    rough = cv2.GaussianBlur(coverage, (0, 0), 0.008 * coverage.shape[0] + 0.4)
    return (rough > 0.15 + 0.35 * rng.random(coverage.shape, np.float32)).astype(np.float32) * rough.clip(0.5, 1)


PENS: dict[Pen, float] = {ballpoint: 0.4, skipping: 0.14, pencil: 0.12, pressure: 0.14, bleeding: 0.1, swelling: 0.1}
HELD_OUT: dict[Pen, float] = {chisel: 0.5, chalk: 0.5}
