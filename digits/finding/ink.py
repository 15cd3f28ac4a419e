"""Ink, MNIST's own form: uint8 (28, 28), white on black, the digit in 20x20 with its centre of mass in the middle.

    ink = normalise(contrast, mask)        # the masked strokes of a contrast map
    is_mnist_form(pixels)                  # a picture that needs nothing done

The only home of mean and standard deviation.
"""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np

from digits.finding.pixels import bounding_box, quantile, scaled

Values = TypeVar("Values", bound=Any)  # an array or a tensor

MEAN, STD = 0.1307, 0.3081  # of MNIST's training pixels / 255
INK_SIDE = 28
BOX_SIDE = 20  # the longer side of every MNIST digit
MIDDLE = 14.5  # where MNIST has the centre of mass, in both directions
TURNS = (-12.0, 12.0)  # degrees of the looks at what is not sure; of 6 to 15, read most of the validation digits
FINE_SIDE = 80  # strokes are evened out at four times the box
SOLID = 0.4  # of full ink; paler than that is the rim of a stroke
HAIRLINE = 2.0  # pixels of the box
NO_INK = np.zeros((INK_SIDE, INK_SIDE), np.uint8)


def standardise(values: Values, mean: float = MEAN, std: float = STD) -> Values:
    """Return what a network takes: ink in 0–1 less the mean, over the standard deviation."""
    return (values - mean) / std


def is_mnist_form(pixels: np.ndarray) -> bool:
    """Whether `pixels` is a grey 28x28 picture, white on black, boxed and centred as MNIST's are.

    Of MNIST's 60,000 training images all have a longer side of 19 or 20 and a centre of mass inside pixel 14.
    """
    if pixels.shape != (INK_SIDE, INK_SIDE) or pixels.max() < 200:
        return False
    left, top, right, bottom = bounding_box(pixels > 0)
    x, y = centre_of_mass(pixels)
    return 19 <= max(right - left, bottom - top) <= 20 and max(abs(x - MIDDLE), abs(y - MIDDLE)) <= 0.55


def normalise(contrast: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Cut the masked strokes out of `contrast` and bring them into MNIST's form: uint8 (28, 28)."""
    left, top, right, bottom = bounding_box(mask)
    near = cv2.dilate(mask[top:bottom, left:right].astype(np.uint8), np.ones((3, 3), np.uint8))
    strokes = np.clip(contrast[top:bottom, left:right], 0, 1) * near
    longer = max(strokes.shape)
    if longer > FINE_SIDE:
        strokes = scaled(strokes, FINE_SIDE / longer)
    strokes = thicken_hairlines(strokes)
    return centre_by_mass(scaled(strokes, BOX_SIDE / max(strokes.shape)))


def stroke_width(strokes: np.ndarray) -> float:
    """Estimate the pen's width in pixels, of strokes in 0–1: twice the area over the outline's length."""
    solid = (strokes > SOLID).astype(np.uint8)
    area = int(solid.sum())
    inner = int(cv2.erode(solid, np.ones((3, 3), np.uint8), borderValue=0).sum())
    return 2.0 * area / max(1, area - inner)


def hairline_brush(strokes: np.ndarray, least: float) -> np.ndarray:
    """Return the kernel, uint8 (side, side), that dilates strokes thinner than `least` pixels to that, or of side 1."""
    missing = least - stroke_width(strokes)
    side = 2 * int(np.ceil(missing / 2)) + 1 if missing >= 0.5 else 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def thicken_hairlines(strokes: np.ndarray) -> np.ndarray:
    """Widen strokes that would be thinner than `HAIRLINE` in the 20x20 box, where they would fade to grey."""
    brush = hairline_brush(strokes, HAIRLINE * max(strokes.shape) / BOX_SIDE)
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
    levels = (np.clip(strokes / top_level, 0, 1) * 255).round().astype(np.uint8)
    x, y = centre_of_mass(levels) if levels.any() else (levels.shape[1] / 2, levels.shape[0] / 2)
    height, width = levels.shape
    left = min(max(0, round(MIDDLE - x)), INK_SIDE - width)
    top = min(max(0, round(MIDDLE - y)), INK_SIDE - height)
    ink = np.zeros((INK_SIDE, INK_SIDE), np.uint8)
    ink[top : top + height, left : left + width] = levels
    return ink


def turn(ink: np.ndarray, degrees: float) -> np.ndarray:
    """Return ink, uint8 (n, 28, 28), turned to the left about its middle."""
    matrix = cv2.getRotationMatrix2D((MIDDLE - 0.5, MIDDLE - 0.5), degrees, 1.0)
    return np.stack([cv2.warpAffine(one, matrix, (INK_SIDE, INK_SIDE)) for one in ink])
