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
    strength = _ink_strength(signed, 0.0 if method is Method.FLAT_PAPER else _noise(signed))
    contrast = np.clip(signed / strength, 0, 1.5) if strength else np.zeros_like(signed)
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
    inked = darkness[darkness > max(0.1, 4 * quantile(sample(darkness), 0.5))]  # most is paper, and its grain
    contrast = np.clip(darkness / quantile(inked, 0.9), 0, 1.5) if inked.size > 6 else np.zeros_like(darkness)
    return Measured(contrast, Method.SHADED_PAPER, "dark on light")


def flat_paper(pixels: np.ndarray) -> np.ndarray | None:
    """Return the paper's one colour if the picture is drawn on a flat ground, as on a canvas, else None.

    Sensor noise never repeats one value over a quarter of a picture; a drawing program does.
    """
    grey = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., 1])
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    shares, on_border = counts(grey) / grey.size, counts(border) / border.size
    level = int(np.argmax(shares + on_border))
    near = shares[max(0, level - 24) : level + 25].sum()
    if shares[level] < 0.2 or near < 0.25:
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
    border = np.concatenate([coarse[0], coarse[-1], coarse[1:-1, 0], coarse[1:-1, -1]])
    basis = _quadratic_basis(*coarse.shape[:2])
    coarse = coarse.reshape(-1, n_channels)
    distance = _farthest(coarse - np.median(border, axis=0))
    keep = distance <= quantile(distance, 0.5)  # to begin with, the half that resembles the border
    for _ in range(ROUNDS):
        kept = basis[keep]
        coefficients = np.linalg.lstsq(kept.T @ kept, kept.T @ coarse[keep], rcond=None)[0]
        distance = _farthest(coarse - basis @ coefficients)
        keep = distance <= max(2.0, 2.5 * quantile(distance[keep], 0.5))
    return _quadratic_surface(coefficients.astype(np.float32), height, width)


def _farthest(departure: np.ndarray) -> np.ndarray:
    """Return the largest departure of any channel, (n, c) -> (n,)."""
    return functools.reduce(np.maximum, np.abs(departure).T)  # many times as fast as max(axis=1) over three


@functools.lru_cache(maxsize=64)
def _quadratic_basis(height: int, width: int) -> np.ndarray:
    y, x = np.meshgrid(_axis(height), _axis(width), indexing="ij")
    columns = [np.ones_like(x), x, y, x * y, x * x, y * y]
    return np.stack([column.ravel() for column in columns], axis=1)


def _axis(n: int) -> np.ndarray:
    """Return the middles of n equal parts of -1 … 1, so that coarse and fine grids lie on each other."""
    return ((np.arange(n, dtype=np.float32) + 0.5) * 2 / n - 1).astype(np.float32)


def _quadratic_surface(coefficients: np.ndarray, height: int, width: int) -> np.ndarray:
    x, y = _axis(width)[None], _axis(height)[:, None]
    surface = np.empty((height, width, coefficients.shape[1]), np.float32)
    for channel, (one, along_x, along_y, across, x_squared, y_squared) in enumerate(coefficients.T):
        row = one + x * along_x + x * x * x_squared  # (1, w)
        column = y * along_y + y * y * y_squared  # (h, 1)
        surface[..., channel] = row + column + (y * x) * across
    return surface


def _along_ink_colour(departure: np.ndarray) -> tuple[np.ndarray, bool]:
    """Project (h, w, c) departures on the direction of the strongest ones: (h, w), ink positive; and is ink darker?"""
    if departure.shape[2] == 1:
        size = np.abs(sample(departure))
        strongest = sample(departure)[size >= quantile(size, 0.97)][:, None]
        direction = np.array([1.0], np.float32)
    else:
        flat = departure.reshape(-1, departure.shape[2])
        flat = flat[:: max(1, len(flat) // 8192)]
        size = sum(channel * channel for channel in flat.T)
        strongest = flat[size >= quantile(size, 0.97)]
        direction = np.linalg.eigh(strongest.T @ strongest)[1][:, -1].astype(np.float32)
    if (strongest @ direction).sum() < 0:
        direction = -direction
    return (departure @ direction if len(direction) > 1 else departure[..., 0] * direction), bool(direction.sum() < 0)


def _noise(signed: np.ndarray) -> float:
    """Return the spread of the paper, from the side where no ink is: ink may cover more than half of the picture."""
    signed = sample(signed)
    n_lighter = np.count_nonzero(signed < 0)
    return -1.4826 * float(np.partition(signed, n_lighter // 2)[n_lighter // 2]) if n_lighter else 0.0


def _ink_strength(signed: np.ndarray, noise: float) -> float:
    """Return the departure of solid ink, or 0 if nothing stands out of the noise."""
    above = signed[signed > max(8.0, 4.0 * noise)]
    if above.size < 6:
        return 0.0
    return quantile(above, 0.9)
