"""A line of writing as the line reader takes it: a strip of 32 rows with digits about 20 high, in even contrast.

strip = to_strip(grey, middle=60, height=40)     # uint8 (32, w); paper is `PAPER`, ink is brighter
"""

from __future__ import annotations

import cv2
import numpy as np

from digits.finding.pixels import median_level

STRIP_HEIGHT = 32
DIGIT_HEIGHT = 20  # of the digits on it
MARGIN = 8  # columns of paper on either side
PAPER = 64  # what paper becomes; 255 is the strongest ink, 0 lighter than paper by a third of that
BLOCK = 1.6  # digit heights along the line over which the light is taken for even
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
    even = seen - paper_along(seen, BLOCK * height)
    above, below = max(0, -top), max(0, bottom - grey.shape[0])
    band = cv2.copyMakeBorder(even / contrast_of(even), above, below, 0, 0, cv2.BORDER_CONSTANT, value=0)
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
    paper = float(median_level(grey))
    return paper, contrast_of(grey.astype(np.float32) - paper, strongest)


def contrast_of(even: np.ndarray, strongest: float = 1.0) -> float:
    """Return how far the ink departs from the paper in a picture whose paper is 0, float (h, w); see `measure`."""
    departures = np.sort(even, axis=None)  # as `quantile` does
    few = int(strongest / 100 * (even.size - 1))
    low, high = departures[few], departures[-1 - few]
    contrast = low if -low >= high else high
    return float(np.copysign(max(abs(contrast), LEAST_CONTRAST), contrast))


def paper_along(grey: np.ndarray, width: float) -> np.ndarray:
    """Return the level of the paper in each column of a line, float32 (w,): in a shadow it is darker.

    It is the median of blocks about `width` pixels wide, of three neighbours the middle one, since a block may be full
    of ink; and on the way from one to the next what lies between.
    """
    blocks = np.array_split(grey, max(1, round(grey.shape[1] / width)), axis=1)
    levels = np.array([np.median(block) for block in blocks])
    if len(levels) > 2:
        around = np.pad(levels, 1, mode="edge")
        levels = np.median([around[:-2], levels, around[2:]], axis=0)
    ends = np.cumsum([block.shape[1] for block in blocks])
    middles = ends - np.array([block.shape[1] for block in blocks]) / 2
    return np.interp(np.arange(grey.shape[1]) + 0.5, middles, levels).astype(np.float32)


def to_levels(ink: np.ndarray) -> np.ndarray:
    """Return uint8 levels of ink, float: 0 becomes `PAPER`, 1 (the contrast) becomes 255."""
    return np.clip(PAPER + (255 - PAPER) * ink, 0, 255).round().astype(np.uint8)
