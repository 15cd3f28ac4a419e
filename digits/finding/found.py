"""What was found in a picture, and how it is made of a contrast map.

found = read_strokes(measure_contrast(small), scale=1.0)
found.ink, found.box, found.method
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import cv2
import numpy as np

from digits.finding.ink import NO_INK, normalise
from digits.finding.paper import Measured, Method
from digits.finding.pixels import Box, borders, bounding_box, shifted
from digits.finding.strokes import FAT, edge_height, fatness, select_strokes

LEAST_EDGE = 0.45  # of strokes in a photo: of 224 photographed digits none was below 0.58, empty paper mostly is


@dataclass(frozen=True)
class FoundDigit:
    """What was found in a picture and how.

    `ink` is uint8 (28, 28). `box` is (left, top, right, bottom) in pixels of the upright picture at `size` (width,
    height), its own or, of a large JPEG, that which it was decoded at; None if blank.
    `contrast` is float32 (h, w), 0 = paper, about 1 = ink, at working size; `mask`, boolean (h, w), the kept strokes.
    """

    ink: np.ndarray
    box: Box | None
    polarity: str  # "dark on light" or "light on dark"
    method: Method
    contrast: np.ndarray
    mask: np.ndarray
    others: tuple[FoundDigit, ...] = ()  # what other views of a doubtful picture show; the network chooses
    size: tuple[int, int] = (28, 28)
    left_out: float = 0.0  # how much other writing there is, against the digit's: near 1 for a second digit
    crop: np.ndarray | None = None  # uint8 (48, 48), the grey picture round the digit, where there may be other things

    @property
    def is_blank(self) -> bool:
        """Whether no stroke stands out from the paper."""
        return self.box is None

    @functools.cached_property
    def doubt(self) -> int:
        """What speaks against its being one digit's strokes: borders touched, but for one; a blob; nothing at all."""
        touched = int(borders(np.array(cv2.boundingRect(self.mask.view(np.uint8))), self.mask.shape).sum())
        return max(0, touched - 1) + 3 * (self.fatness > FAT) if self.mask.any() else 4

    @functools.cached_property
    def fatness(self) -> float:
        """How fat the strokes are, see `fatness`; 0 of what is ink already."""
        return fatness(self.mask) if self.method is not Method.AS_IT_IS else 0.0

    def shifted(self, x: int, y: int) -> FoundDigit:
        """Return what was found in a cut whose corner lies at (x, y), as seen from the whole picture."""
        if self.box is None:
            return self
        return replace(self, box=shifted(self.box, x, y), others=())


def untouched(ink: np.ndarray, polarity: str) -> FoundDigit:
    """Return a picture that is ink already, uint8 (28, 28), as found."""
    mask = ink > 0
    return FoundDigit(ink, bounding_box(mask), polarity, Method.AS_IT_IS, ink.astype(np.float32) / 255, mask)


def read_strokes(measured: Measured, scale: float) -> FoundDigit:
    """Find the digit in the contrast map of a picture made smaller by `scale`."""
    contrast, method, polarity = measured
    mask, others = select_strokes(contrast)
    if not mask.any() or (method is not Method.FLAT_PAPER and edge_height(contrast, mask) < LEAST_EDGE):
        return FoundDigit(NO_INK, None, polarity, method, contrast, np.zeros_like(mask))
    left, top, right, bottom = (round(edge * scale) for edge in bounding_box(mask))
    box = left, top, right, bottom
    return FoundDigit(normalise(contrast, mask), box, polarity, method, contrast, mask, left_out=others)
