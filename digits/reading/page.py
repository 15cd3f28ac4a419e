"""A grey picture as the finder of numbers takes it."""

from __future__ import annotations

import numpy as np

from digits.reading.strip import LEAST_CONTRAST, PAPER


def to_page(grey: np.ndarray) -> np.ndarray:
    """Return a grey picture, uint8 (h, w), in even contrast: paper is `PAPER`, ink brighter."""
    paper = float(np.median(grey))
    low, high = np.percentile(grey[::2, ::2], (0.3, 99.7)) - paper
    contrast = low if -low >= high else high
    contrast = float(np.copysign(max(abs(contrast), LEAST_CONTRAST), contrast))
    return np.clip(PAPER + (255 - PAPER) * (grey.astype(np.float32) - paper) / contrast, 0, 255).round().astype(np.uint8)
