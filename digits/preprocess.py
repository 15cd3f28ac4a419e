"""Any picture of a digit -> ink: uint8 (28, 28), white on black, as MNIST has it. The only home of mean and std.

    from digits.preprocess import find_digit, to_ink
    ink = to_ink("photo.jpg")                  # (28, 28) uint8
    found = find_digit("photo.jpg")            # the same ink, the box it came from, polarity, and every step between

The steps: shrink to a working size; estimate the paper and measure how far each pixel departs from it, along the
colour in which the ink departs most (so red on grey counts as much as black on white, and polarity needs no switch);
threshold; keep the strokes that belong together; even out hairline strokes; fit into 20x20; centre of mass to the
middle of 28x28. A picture that already has MNIST's form passes untouched. What else there is to look at where all
that leaves a doubt is `digits/views.py`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from digits.paper import measure_contrast, quantile
from digits.picture import Picture, open_picture
from digits.strokes import bounding_box, edge_height, select_strokes
from digits.views import FoundDigit, look_again, look_closer

MEAN, STD = 0.1307, 0.3081  # of MNIST's training pixels / 255

INK_SIDE = 28
BOX_SIDE = 20  # the longer side of every MNIST digit
MIDDLE = 14.5  # where MNIST has the centre of mass, in both directions
WORK_SIDE = 160  # of the picture while the digit is being found; 256 read no better and took twice as long
FINE_SIDE = 80  # strokes are evened out at four times the box
LEAST_EDGE = 0.45  # of strokes in a photo: of 224 photographed digits none was below 0.58, empty paper mostly is
NO_INK = np.zeros((INK_SIDE, INK_SIDE), np.uint8)


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


def is_mnist_form(pixels: np.ndarray) -> bool:
    """Whether `pixels` is a grey 28x28 picture, white on black, boxed and centred as MNIST's are.

    Of MNIST's 60,000 training images all have a longer side of 19 or 20 and a centre of mass inside pixel 14.
    """
    if pixels.shape != (INK_SIDE, INK_SIDE) or pixels.max() < 200:
        return False
    left, top, right, bottom = bounding_box(pixels > 0)
    x, y = centre_of_mass(pixels)
    return 19 <= max(right - left, bottom - top) <= 20 and max(abs(x - MIDDLE), abs(y - MIDDLE)) <= 0.55


def _untouched(ink: np.ndarray, polarity: str) -> FoundDigit:
    mask = ink > 0
    return FoundDigit(ink, bounding_box(mask), polarity, "as it is", ink.astype(np.float32) / 255, mask)


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return `pixels` with its longer side at most `side`, averaged rather than sampled; never enlarged."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


# ---------------------------------------------------------------- MNIST's form


def normalise(contrast: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Cut the masked strokes out of `contrast` and bring them into MNIST's form: uint8 (28, 28)."""
    left, top, right, bottom = bounding_box(mask)
    near = cv2.dilate(mask[top:bottom, left:right].astype(np.uint8), np.ones((3, 3), np.uint8))
    strokes = np.clip(contrast[top:bottom, left:right], 0, 1) * near
    longer = max(strokes.shape)
    if longer > FINE_SIDE:
        strokes = _resize(strokes, FINE_SIDE)
    strokes = thicken_hairlines(strokes)
    return centre_by_mass(_resize(strokes, BOX_SIDE))


def _resize(strokes: np.ndarray, longer_side: int) -> np.ndarray:
    scale = longer_side / max(strokes.shape)
    size = tuple(max(1, round(side * scale)) for side in strokes.shape[::-1])
    return cv2.resize(strokes, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def stroke_width(strokes: np.ndarray, level: float = 0.4) -> float:
    """Estimate the pen's width in pixels, of what is above `level`: twice the area over the outline's length."""
    solid = (strokes > level).astype(np.uint8)
    area = int(solid.sum())
    inner = int(cv2.erode(solid, np.ones((3, 3), np.uint8), borderValue=0).sum())
    return 2.0 * area / max(1, area - inner)


def hairline_brush(strokes: np.ndarray, least: float) -> np.ndarray:
    """Return the kernel, uint8 (side, side), that dilates strokes thinner than `least` pixels to that, or of side 1."""
    missing = least - stroke_width(strokes)
    side = 2 * int(np.ceil(missing / 2)) + 1 if missing >= 0.5 else 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def thicken_hairlines(strokes: np.ndarray, least: float = 2.0) -> np.ndarray:
    """Widen strokes that would be thinner than `least` pixels in the 20x20 box, where they would fade to grey."""
    brush = hairline_brush(strokes, least * max(strokes.shape) / BOX_SIDE)
    margin = len(brush) // 2
    padded = cv2.copyMakeBorder(strokes, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    return cv2.dilate(padded, brush)


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    """Return (x, y) of the centre of mass, the middle of pixel (0, 0) being (0.5, 0.5)."""
    moments = cv2.moments(image)
    return moments["m10"] / moments["m00"] + 0.5, moments["m01"] / moments["m00"] + 0.5


def centre_by_mass(strokes: np.ndarray) -> np.ndarray:
    """Place strokes (at most 20 on a side, 0–1) so that their centre of mass is the middle of 28x28; stretch to 255."""
    inked = strokes[strokes > 0.1]
    top_level = quantile(inked, 0.95) if inked.size else 1.0
    levels = (np.clip(strokes / max(0.2, top_level), 0, 1) * 255).round().astype(np.uint8)
    x, y = centre_of_mass(levels) if levels.any() else (levels.shape[1] / 2, levels.shape[0] / 2)
    height, width = levels.shape
    left = int(np.clip(round(MIDDLE - x), 0, INK_SIDE - width))
    top = int(np.clip(round(MIDDLE - y), 0, INK_SIDE - height))
    ink = np.zeros((INK_SIDE, INK_SIDE), np.uint8)
    ink[top : top + height, left : left + width] = levels
    return ink


def turn(ink: np.ndarray, degrees: float) -> np.ndarray:
    """Return ink, uint8 (n, 28, 28), turned to the left about its middle."""
    matrix = cv2.getRotationMatrix2D((MIDDLE - 0.5, MIDDLE - 0.5), degrees, 1.0)
    return np.stack([cv2.warpAffine(one, matrix, (INK_SIDE, INK_SIDE)) for one in ink])
