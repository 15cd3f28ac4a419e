"""Written lines to train the line reader on: strips of one to six digits, touching or apart, some with letters between.

    strips, texts = make_strips(glyphs, labels, n=100_000, seed=0)   # uint8 (n, 32, 160), int64 (n, 6)

A text is padded with `NO_DIGIT`, a strip with empty columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from digits.learning.glyphs import NO_DIGIT, Glyph, Rng, draw_glyph
from digits.learning.in_processes import make_in_chunks
from digits.learning.non_digits import draw_sign
from digits.learning.written_line import crop_line, write_line
from digits.reading.line_network import STRIP_HEIGHT, to_strip

LONGEST = 6  # digits of a line
WIDEST = 160  # columns of a strip
GAPS = (0.1, 0.25, 0.45)  # the widest between two digits of a line, in digit heights
SIGNS, WORDS = 0.02, 0.02  # shares of letters among the digits, and of lines of nothing but letters


def make_strips(
    glyphs: Sequence[Glyph], labels: np.ndarray, n: int, seed: int, workers: int = 2, chunk: int = 1000
) -> tuple[np.ndarray, np.ndarray]:
    """Return `n` strips, uint8 (n, 32, 160), and their texts, int64 (n, 6); `chunk` have a generator of their own."""
    return make_in_chunks(_write_some, glyphs, labels, n, chunk, seed, workers)


def _write_some(glyphs: Sequence[Glyph], labels: np.ndarray, n: int, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    strips, texts = np.zeros((n, STRIP_HEIGHT, WIDEST), np.uint8), np.full((n, LONGEST), NO_DIGIT, np.int64)
    i = 0
    while i < n:
        strip, text = write_strip(glyphs, labels, rng)
        if strip.shape[1] <= WIDEST:
            strips[i, :, : strip.shape[1]], texts[i, : len(text)] = strip, text
            i += 1
    return strips, texts


def write_strip(glyphs: Sequence[Glyph], labels: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Return one strip, uint8 (32, w), and the digits on it, int64 (up to 6,)."""
    chosen = rng.integers(0, len(labels), int(rng.integers(1, LONGEST + 1)))
    is_sign = rng.random(len(chosen)) < (1.0 if rng.random() < WORDS else SIGNS)
    drawn = [draw_sign(rng) if sign else draw_glyph(glyphs[i], rng) for i, sign in zip(chosen, is_sign, strict=True)]
    touching, gap = float(rng.choice([0.0, 0.7], p=[0.35, 0.65])), float(rng.choice(GAPS))
    heights = (16, 40) if rng.random() < 0.25 else (40, 80)
    strokes, owner = write_line(drawn, rng, touching, gap, heights)
    line, _owner = crop_line(strokes, owner)
    strip = to_strip(line.strokes, line.height * float(np.exp(rng.normal(0, 0.07))))
    return _lean(strip, rng), labels[chosen[~is_sign]]


def _lean(strip: np.ndarray, rng: Rng) -> np.ndarray:
    """Let the whole line lean, and rise or fall, a little: a hand leans all its digits alike."""
    lean, rise = rng.normal(0, 0.15), rng.normal(0, 0.02)
    middle = np.array(strip.shape[::-1], np.float32) / 2
    shear = np.array([[1, lean, -lean * middle[1]], [rise, 1, -rise * middle[0]]], np.float32)
    return cv2.warpAffine(strip, shear, strip.shape[::-1], flags=cv2.INTER_LINEAR)
