"""A line of strokes as the line reader takes it: a strip of 32 rows, with digits 20 high."""

from __future__ import annotations

import cv2
import numpy as np

STRIP_HEIGHT = 32
DIGIT_HEIGHT = 20  # of a digit as high as its line
MARGIN = 4  # empty columns on either side


def to_strip(strokes: np.ndarray, height: float) -> np.ndarray:
    """Return a line's strokes, float32 (h, w) in 0-1 with digits `height` high, as uint8 (32, w'), digits 20 high.

    The strip is centred on the middle of the ink; what reaches above or below it is cut off.
    """
    scale = DIGIT_HEIGHT / height
    size = max(1, round(strokes.shape[1] * scale)), max(1, round(strokes.shape[0] * scale))
    small = cv2.resize(strokes, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    weight = small.sum(axis=1)
    middle = round(float(weight @ np.arange(size[1]) / max(weight.sum(), 1e-6)))
    strip = np.zeros((STRIP_HEIGHT, size[0] + 2 * MARGIN), np.float32)
    top = middle - STRIP_HEIGHT // 2
    first, last = max(0, top), min(size[1], top + STRIP_HEIGHT)
    strip[first - top : last - top, MARGIN:-MARGIN] = small[first:last]
    return (strip.clip(0, 1) * 255).round().astype(np.uint8)
