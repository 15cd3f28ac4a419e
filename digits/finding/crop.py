"""A picture of one digit among other things, as the crop reader takes it: 48 pixels square, in even contrast.

crop = to_crop(pixels)       # uint8 (48, 48); paper is `PAPER`, ink is brighter
"""

from __future__ import annotations

import cv2
import numpy as np

from digits.finding.pixels import to_grey
from digits.finding.strip import PAPER, measure, to_levels

CROP_SIDE = 48


def to_crop(pixels: np.ndarray) -> np.ndarray:
    """Return a picture, uint8 (h, w) or RGB (h, w, 3), whole: the longer side 48 pixels, paper beside the shorter."""
    grey = to_grey(pixels)
    paper, contrast = measure(grey)
    even: np.ndarray = (grey.astype(np.float32) - paper) / contrast
    scale = CROP_SIDE / max(grey.shape)
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    even = cv2.resize(even, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = (CROP_SIDE - size[0]) // 2, (CROP_SIDE - size[1]) // 2
    crop = np.full((CROP_SIDE, CROP_SIDE), PAPER, np.uint8)
    crop[top : top + size[1], left : left + size[0]] = to_levels(even)
    return crop
