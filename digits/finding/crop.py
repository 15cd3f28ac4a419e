"""A picture of one digit among other things, as the crop reader takes it: 48 pixels square, in even contrast.

crop = to_crop(pixels)       # uint8 (48, 48); paper is `PAPER`, ink is brighter
"""

from __future__ import annotations

import numpy as np

from digits.finding.pixels import scaled, to_grey
from digits.finding.strip import PAPER, measure, to_levels

CROP_SIDE = 48


def to_crop(pixels: np.ndarray) -> np.ndarray:
    """Return a picture, uint8 (h, w) or RGB (h, w, 3), whole: the longer side 48 pixels, paper beside the shorter."""
    grey = to_grey(pixels)
    paper, contrast = measure(grey)
    even = scaled((grey.astype(np.float32) - paper) / contrast, CROP_SIDE / max(grey.shape))
    height, width = even.shape
    left, top = (CROP_SIDE - width) // 2, (CROP_SIDE - height) // 2
    crop = np.full((CROP_SIDE, CROP_SIDE), PAPER, np.uint8)
    crop[top : top + height, left : left + width] = to_levels(even)
    return crop
