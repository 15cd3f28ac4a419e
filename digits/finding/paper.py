"""What is paper and what is ink: how far every pixel departs from the paper, along the colour of the ink.

Four ideas of the paper: one flat colour, as on a canvas; a smooth surface fitted to the whole picture, as under a
lamp; the median of the neighbourhood, where shadows fall or the desk shows; the picture with its dark strokes closed,
for a shadow's sharp edge. Polarity comes out of it, nobody sets it.

    contrast, method, polarity = measure_contrast(pixels)      # (h, w) float32, 0 = paper, 1 = ink
"""

from __future__ import annotations

import functools
from enum import Enum
from typing import NamedTuple

import cv2
import numpy as np

from digits.finding.pixels import counts, quantile, sample

COARSE_SIDE = 32  # pixels of the copy, at most, that a surface is fitted to
ROUNDS = 4  # of fitting it
COARSE_GRAIN = 3.5  # mean grey levels; in such noise, closing finds strokes everywhere
OF_Y, OF_X = [0, 0, 1, 1, 0, 2], [0, 1, 0, 1, 2, 0]  # powers of y and x in the terms of a quadratic


class Method(Enum):
    """How a picture was looked at: its idea of the paper, or what a view left out."""

    AS_IT_IS = "as it is"  # ink already
    FLAT_PAPER = "flat paper"
    FITTED_PAPER = "fitted paper"
    NEAR_PAPER = "near paper"
    SHADED_PAPER = "shaded paper"
    INSIDE = "inside a frame"  # or on a sheet, where a first view saw what is around it
    MARK = "a mark in a ring"  # or a small digit: believed only if what is around it is no digit
    ABOVE = "above a line"  # without an underline


class Measured(NamedTuple):
    """How far the pixels of a picture depart from its paper, by which idea of it, and which way."""

    contrast: np.ndarray  # float32 (h, w), 0 = paper, 1 = full ink
    method: Method
    polarity: str  # "dark on light" or "light on dark"


def measure_contrast(pixels: np.ndarray, method: Method | None = None) -> Measured:
    """Return how much each pixel departs from the paper, see `paper_of`, towards the ink."""
    values = pixels.reshape(*pixels.shape[:2], -1).astype(np.float32)  # (h, w, 1 or 3)
    paper, method = paper_of(pixels, values, method)
    signed, darker = _along_ink_colour(values - paper)
    noise = 0.0 if method is Method.FLAT_PAPER else _noise(signed)
    contrast = _as_contrast(signed, max(8.0, 4.0 * noise))
    return Measured(contrast, method, "dark on light" if darker else "light on dark")


def paper_of(pixels: np.ndarray, values: np.ndarray, method: Method | None) -> tuple[np.ndarray, Method]:
    """Return the paper's colour by `method`, fitted or near; by itself, one flat colour if it is flat, else fitted.

    `values` are the pixels as float32 (h, w, c). The colour is (c,) or, for every pixel, (h, w, c).
    """
    if method is Method.NEAR_PAPER:
        return near_paper(pixels), method
    flat = flat_paper(pixels) if method is None else None
    return (fit_paper(values), Method.FITTED_PAPER) if flat is None else (flat, Method.FLAT_PAPER)


def near_paper(pixels: np.ndarray) -> np.ndarray:
    """Return the median colour around every pixel, (h, w, c): follows shadows and edges, and skips strokes."""
    side = int(0.3 * min(pixels.shape[:2])) | 1
    return cv2.medianBlur(pixels, side).reshape(*pixels.shape[:2], -1).astype(np.float32)


def measure_shaded(pixels: np.ndarray) -> Measured:
    """Return what `measure_contrast` does for dark ink across the sharp edge of a shadow.

    The paper is the picture with every dark stroke closed, which keeps the shadow's edge; ink is what is darker than
    that, in proportion to the light there.
    """
    side = int(0.2 * min(pixels.shape[:2])) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    smooth = cv2.medianBlur(pixels, 3)
    closed = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, kernel).astype(np.float32)
    ratio = (closed - smooth) / np.maximum(closed, 1)
    darkness = ratio if ratio.ndim == 2 else ratio.mean(axis=2)
    if cv2.absdiff(pixels, smooth).mean() > COARSE_GRAIN:
        darkness[:] = 0
    return Measured(_as_contrast(darkness, 0.1), Method.SHADED_PAPER, "dark on light")


def flat_paper(pixels: np.ndarray) -> np.ndarray | None:
    """Return the paper's one colour if the picture is drawn on a flat ground, as on a canvas, else None.

    Sensor noise never repeats one value over a fifth of a picture; a drawing program does.
    """
    grey = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., 1])
    border = _border(grey)
    shares, on_border = counts(grey) / grey.size, counts(border) / border.size
    level = int(np.argmax(shares + on_border))
    if shares[level] < 0.2:
        return None
    if pixels.ndim == 2:
        return np.array([level], np.float32)
    return np.median(pixels[grey == level], axis=0).astype(np.float32)


def fit_paper(values: np.ndarray) -> np.ndarray:
    """Return the paper's colour at every pixel, (h, w, c): a quadratic surface a channel, fitted to what is no ink.

    Each round drops the pixels that depart most from the surface (the ink, an edge, a finger) and fits again.
    """
    height, width, n_channels = values.shape
    coarse = cv2.resize(values, (min(width, COARSE_SIDE), min(height, COARSE_SIDE)), interpolation=cv2.INTER_AREA)
    at_border = np.median(_border(coarse), axis=0)
    in_y, in_x = _powers(coarse.shape[0]), _powers(coarse.shape[1])
    basis = (in_y[:, None, OF_Y] * in_x[:, OF_X]).reshape(-1, 6)
    coarse = coarse.reshape(-1, n_channels)
    distance = _farthest(coarse - at_border)
    keep = distance <= quantile(distance, 0.5)  # to begin with, the half that resembles the border
    for _ in range(ROUNDS):
        kept = basis[keep]
        coefficients = np.linalg.lstsq(kept.T @ kept, kept.T @ coarse[keep], rcond=None)[0]
        distance = _farthest(coarse - basis @ coefficients)
        keep = distance <= max(2.0, 2.5 * quantile(distance[keep], 0.5))
    return _quadratic_surface(coefficients, height, width)


def _border(pixels: np.ndarray) -> np.ndarray:
    """Return the outermost pixels, (n,) or (n, c)."""
    return np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])


def _farthest(departure: np.ndarray) -> np.ndarray:
    """Return the largest departure of any channel, (n, c) -> (n,)."""
    return functools.reduce(np.maximum, np.abs(departure).T)  # many times as fast as max(axis=1) over three


def _quadratic_surface(coefficients: np.ndarray, height: int, width: int) -> np.ndarray:
    terms = np.zeros((coefficients.shape[1], 3, 3), np.float32)
    terms[:, OF_Y, OF_X] = coefficients.T
    return np.stack([_powers(height) @ channel @ _powers(width).T for channel in terms], axis=-1)


@functools.lru_cache(maxsize=64)
def _powers(n: int) -> np.ndarray:
    """Return 1, t and t² of the middles of n equal parts of -1 … 1, (n, 3): coarse and fine grids lie on each other."""
    return np.vander((np.arange(n) + 0.5) * 2 / n - 1, 3, increasing=True).astype(np.float32)


def _along_ink_colour(departure: np.ndarray) -> tuple[np.ndarray, bool]:
    """Project (h, w, c) departures on the direction of the strongest ones: (h, w), ink positive; and is ink darker?"""
    some = sample(departure)
    size = sum(channel * channel for channel in some.T)
    strongest = some[size >= quantile(size, 0.97)]
    direction = np.linalg.eigh(strongest.T @ strongest)[1][:, -1] if some.shape[1] > 1 else np.ones(1, np.float32)
    if (strongest @ direction).sum() < 0:
        direction = -direction
    return (departure @ direction if len(direction) > 1 else departure[..., 0] * direction), bool(direction.sum() < 0)


def _noise(signed: np.ndarray) -> float:
    """Return the spread of the paper, from the side where no ink is: ink may cover more than half of the picture."""
    some = sample(signed)
    lighter = some[some < 0]
    return -1.4826 * quantile(lighter, 0.5) if lighter.size else 0.0


def _as_contrast(departure: np.ndarray, least: float) -> np.ndarray:
    """Return departures from the paper, (h, w), in those of solid ink; 0 if hardly any is above `least`."""
    inked = departure[departure > least]
    return np.clip(departure / quantile(inked, 0.9), 0, 1.5) if inked.size > 5 else np.zeros_like(departure)
