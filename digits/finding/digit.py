"""Any picture of a digit -> ink: uint8 (28, 28), white on black, as MNIST has it.

    from digits.finding.digit import find_digit, to_ink
    ink = to_ink("photo.jpg")                  # (28, 28) uint8
    found = find_digit("photo.jpg")            # the same ink, the box it came from, polarity, and every step between

The steps: shrink to a working size; estimate the paper and measure how far each pixel departs from it, along the
colour in which the ink departs most (so red on grey counts as much as black on white, and polarity needs no switch);
threshold; keep the strokes that belong together; even out hairline strokes; fit into 20x20; centre of mass to the
middle of 28x28. A picture that already has MNIST's form passes untouched. What else there is to look at where all
that leaves a doubt is in views.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from digits.finding.decode import Picture, open_picture
from digits.finding.ink import INK_SIDE, NO_INK, is_mnist_form, normalise
from digits.finding.paper import measure_contrast
from digits.finding.pixels import bounding_box, shrink
from digits.finding.strokes import edge_height, select_strokes
from digits.finding.views import FoundDigit, look_again, look_closer

WORK_SIDE = 160  # of the picture while the digit is being found; 256 read no better and took twice as long
LEAST_EDGE = 0.45  # of strokes in a photo: of 224 photographed digits none was below 0.58, empty paper mostly is


def to_ink(picture: Picture) -> np.ndarray:
    """Return the ink of `picture`, uint8 (28, 28); all zero if it is blank. Raises `PictureError`."""
    return find_digit(picture).ink


def find_digit(picture: Picture) -> FoundDigit:
    """Find the one digit in `picture`. Raises `PictureError` if the picture cannot be read."""
    pixels = open_picture(picture, side=WORK_SIDE * 3 // 2)
    if is_mnist_form(pixels):
        return _untouched(pixels, "light on dark")
    if pixels.size == INK_SIDE**2 and is_mnist_form(255 - pixels):
        return _untouched(255 - pixels, "dark on light")
    found = _find_in(pixels)
    found = look_closer(pixels, found, _find_in) if max(pixels.shape[:2]) > WORK_SIDE else found
    size = pixels.shape[1::-1]
    return replace(found, size=size, others=tuple(replace(view, size=size) for view in found.others))


def _find_in(pixels: np.ndarray, n_nested: int = 2) -> FoundDigit:
    """Find the digit in `pixels`, looking within frames and sheets at most `n_nested` deep."""
    small = shrink(pixels, WORK_SIDE)
    read = partial(_read, scale=pixels.shape[0] / small.shape[0])
    first = read(*measure_contrast(small))
    return look_again(first, pixels, small, read, partial(_find_in, n_nested=n_nested - 1) if n_nested else None)


def _read(contrast: np.ndarray, method: str, polarity: str, scale: float) -> FoundDigit:
    """Find the digit in a contrast map of the picture made smaller by `scale`."""
    mask, others = select_strokes(contrast)
    if not mask.any() or (method != "flat paper" and edge_height(contrast, mask) < LEAST_EDGE):
        return FoundDigit(NO_INK, None, polarity, method, contrast, np.zeros_like(mask))
    box = tuple(round(edge * scale) for edge in bounding_box(mask))
    return FoundDigit(normalise(contrast, mask), box, polarity, method, contrast, mask, left_out=others)


def _untouched(ink: np.ndarray, polarity: str) -> FoundDigit:
    mask = ink > 0
    return FoundDigit(ink, bounding_box(mask), polarity, "as it is", ink.astype(np.float32) / 255, mask)
