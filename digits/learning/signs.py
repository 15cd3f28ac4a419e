"""Single marks beside the digits given: straight 1s, the signs that go with numbers, and writing that is no number.

coverage, up = draw_sign("+", height=24, pen=8, rng=rng)   # float32 (h, w) in 0-1; its foot above the base line
coverage = write_word(24, 8, rng)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from digits.finding.pixels import bounding_box
from digits.learning.glyphs import Rng, from_strokes, resized
from digits.learning.other_signs import draw_other_sign, strike
from digits.learning.texts import WORDS

LEAST_HEIGHT = 2  # pixels of a mark
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHJKLMNPRSTUVWXYZ"


def straight_one(pen: float, rng: Rng) -> np.ndarray:
    """Return the coverage of a 1 that is a single straight stroke, upright or leaning, float32 (128, 128)."""
    return from_strokes([np.array([[rng.normal(0.1, 0.15), 0.0], [0.0, 1.0]])], rng, pen)


def draw_sign(sign: str, height: float, pen: float, rng: Rng) -> tuple[np.ndarray, float]:
    """Return the coverage of one of `SIGNS` for digits `height` high, and how far it is above the base line."""
    side = 64.0  # drawn large, then shrunk
    width = float(np.clip(pen * 0.8, 2.0, 14.0))
    dot = max(2.2, width * rng.uniform(0.5, 0.85))

    def jitter() -> np.ndarray:
        return rng.normal(0, 2.0, 2)

    if sign == ".":
        return _strokes([[(0, 0), rng.normal(0, 1.2, 2)]], 2 * dot, height), rng.normal(0, 0.04) * height
    if sign == ",":
        foot = (rng.uniform(-14, 0), rng.uniform(14, 26))
        drawn = _strokes([[(0, 0), (rng.uniform(-1, 3), 6), foot]], max(width, 2.4), height)
        return drawn, -rng.uniform(0.08, 0.28) * height
    if sign == "-":
        length = rng.uniform(0.18, 0.5) * side
        return _strokes([[jitter(), np.add((length, 0), jitter())]], width, height), rng.uniform(0.34, 0.55) * height
    if sign == "+":
        arm = rng.uniform(0.16, 0.32) * side
        drawn = _strokes(
            [[jitter() + (-arm, 0), jitter() + (arm, 0)], [jitter() + (0, -arm), jitter() + (0, arm)]], width, height
        )
        return drawn, rng.uniform(0.1, 0.3) * height
    if sign == ":":
        apart = rng.uniform(0.25, 0.5) * side
        drawn = _strokes([[(0, 0), rng.normal(0, 1, 2)], [np.add((0, apart), jitter() / 2)] * 2], 2 * dot, height)
        return drawn, rng.uniform(0, 0.2) * height
    tall, lean = rng.uniform(0.95, 1.4) * side, rng.uniform(0.28, 0.75)
    drawn = _strokes([[(tall * lean, 0), jitter() + (tall * lean / 2, tall / 2), (0, tall)]], width, height)
    return drawn, -rng.uniform(0.0, 0.25) * height


def _strokes(paths: Sequence[Any], width: float, height: float) -> np.ndarray:
    """Return the coverage of paths on a field where a digit is 64 high, brought to digits `height` high."""
    points = [np.asarray(path, np.float32) for path in paths]
    low = np.concatenate(points).min(axis=0) - width
    size = np.ceil(np.concatenate(points).max(axis=0) + width - low).astype(int) + 1
    image = np.zeros((size[1], size[0]), np.uint8)
    for path in points:
        cv2.polylines(
            image, [((path - low) * 16).round().astype(np.int32)], False, 255, max(1, round(width)), cv2.LINE_AA, 4
        )
    left, top, right, bottom = bounding_box(image > 0)
    return resized(image[top:bottom, left:right].astype(np.float32) / 255, height / 64, LEAST_HEIGHT)


def write_other_sign(height: float, pen: float, rng: Rng) -> tuple[np.ndarray, float]:
    """Return the coverage of a sign that is none of `SIGNS`, as = or €, and its foot's height above the base line."""
    size = 0.64 * rng.uniform(0.8, 1.2)  # these are drawn 100 high, digits 64
    paths = [size * path for path in draw_other_sign(rng)]
    foot = 1 - max(path[:, 1].max() for path in paths) / 64
    return _strokes(paths, float(np.clip(pen * 0.8, 2.0, 14.0)), height), height * (foot + rng.normal(0, 0.05))


def struck_out(digit: np.ndarray, pen: float, rng: Rng) -> np.ndarray:
    """Return the coverage of a digit, (h, w), that is crossed out."""
    height, width = digit.shape
    margin = width // 3 + 2
    drawn = (255 * np.pad(digit, ((0, 0), (margin, margin)))).astype(np.uint8)
    for stroke in strike(width, height, rng):
        path = ((stroke + (margin, 0)) * 16).round().astype(np.int32)
        cv2.polylines(drawn, [path], False, 255, max(1, round(pen * rng.uniform(0.6, 1.0))), cv2.LINE_AA, 4)
    return drawn.astype(np.float32) / 255


def write_word(height: float, pen: float, rng: Rng) -> np.ndarray:
    """Return the coverage of writing that is no number: a word in pen strokes, a scribble, a crossing-out."""
    way = rng.random()
    if way < 0.2:
        return _scribble(height, pen, rng)
    word = str(rng.choice(WORDS)) if rng.random() < 0.3 else "".join(rng.choice(list(LETTERS), rng.integers(1, 7)))
    word = "".join(letter for letter in word if not letter.isdigit()) or "x"
    face = int(rng.choice([0, 2, 3, 4, 6, 7])) | (cv2.FONT_ITALIC if rng.random() < 0.4 else 0)
    thickness = max(1, round(pen * 0.55))
    size, foot = cv2.getTextSize(word, face, 1.6, thickness)
    image = np.zeros((size[1] + 2 * foot + 8, size[0] + 16), np.uint8)
    cv2.putText(image, word, (8, size[1] + 4), face, 1.6, 255, thickness, cv2.LINE_AA)
    if rng.random() < 0.5:
        image = _wave(image, rng)
    left, top, right, bottom = bounding_box(image > 60) if (image > 60).any() else (0, 0, 8, 8)
    drawn = image[top:bottom, left:right].astype(np.float32) / 255
    return resized(drawn, height * rng.uniform(0.7, 1.3) / drawn.shape[0], LEAST_HEIGHT)


def _scribble(height: float, pen: float, rng: Rng) -> np.ndarray:
    """A crossing-out, a flourish or a signature's loops, up to three digits wide."""
    knots = rng.uniform(0, 64, (rng.integers(3, 12), 2)).astype(np.float32)
    knots[:, 0] = np.sort(knots[:, 0]) * rng.uniform(0.5, 3) if rng.random() < 0.7 else knots[:, 0]
    path = cv2.resize(knots, (2, 12 * len(knots)), interpolation=cv2.INTER_CUBIC)
    return _strokes([path], min(pen * 0.8, 12), height)


def _wave(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Bend letters as a hand would."""
    tall, wide = image.shape
    shift: np.ndarray = rng.normal(0, 2.5, (4, max(2, wide // 24), 2)).astype(np.float32)
    shift = cv2.resize(shift, (wide, tall), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(wide, dtype=np.float32), np.arange(tall, dtype=np.float32))
    return cv2.remap(image, x + shift[..., 0], y + shift[..., 1], cv2.INTER_LINEAR)
