"""A line of writing as the line reader takes it: a strip of 32 rows with digits about 20 high, in even contrast.

strip = to_strip(grey, middle=60, height=40)     # uint8 (32, w); paper is `PAPER`, ink is brighter
"""

from __future__ import annotations

import cv2
import numpy as np

STRIP_HEIGHT = 32
DIGIT_HEIGHT = 20  # of the digits on it
MARGIN = 8  # columns of paper on either side
PAPER = 64  # what paper becomes; 255 is the strongest ink, 0 what is as much lighter than paper
LEAST_CONTRAST = 20.0  # levels; weaker marks stay weak


def to_strip(grey: np.ndarray, middle: float, height: float) -> np.ndarray:
    """Return the strip round row `middle` of a grey picture, uint8 (h, w), with digits `height` pixels high.

    What lies above or below the picture, and a margin on either side, is paper.
    """
    scale = DIGIT_HEIGHT / height
    width = max(1, round(grey.shape[1] * scale))
    reach = STRIP_HEIGHT / 2 / scale
    top, bottom = int(np.floor(middle - reach)) - 1, int(np.ceil(middle + reach)) + 1
    seen = grey[max(0, top) : max(1, bottom)]
    paper, contrast = measure(seen)
    above, below = max(0, -top), max(0, bottom - grey.shape[0])
    band = cv2.copyMakeBorder(
        (seen.astype(np.float32) - paper) / contrast, above, below, 0, 0, cv2.BORDER_CONSTANT, value=0
    )
    offset = middle - reach - top  # of the strip's first row in the band
    if scale < 0.9:
        band = cv2.resize(band, (width, max(1, round(band.shape[0] * scale))), interpolation=cv2.INTER_AREA)
        matrix = np.array([[1, 0, 0], [0, 1, offset * scale]], np.float32)
    else:
        matrix = np.array([[1 / scale, 0, 0], [0, 1 / scale, offset]], np.float32)
    strip = cv2.warpAffine(
        band,
        matrix,
        (width, STRIP_HEIGHT),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cv2.copyMakeBorder(to_levels(strip), 0, 0, MARGIN, MARGIN, cv2.BORDER_CONSTANT, value=PAPER)


def measure(grey: np.ndarray, strongest: float = 1.0) -> tuple[float, float]:
    """Return the level of the paper and how far the ink departs from it; negative where ink is darker.

    The ink's level is that which `strongest` per cent of the pixels exceed.
    """
    paper = float(np.median(grey))
    low, high = np.percentile(grey, (strongest, 100 - strongest)) - paper
    contrast = low if -low >= high else high
    return paper, float(np.copysign(max(abs(contrast), LEAST_CONTRAST), contrast))


def to_levels(ink: np.ndarray) -> np.ndarray:
    """Return uint8 levels of ink, float: 0 becomes `PAPER`, 1 (the contrast) becomes 255."""
    return np.clip(PAPER + (255 - PAPER) * ink, 0, 255).round().astype(np.uint8)
