"""What the reader of whole numbers asks a network about, to train on: digits cut out of a line, and wrong cuts.

    ink, labels = make_segments(ink, labels, n_lines=1000, seed=0)     # labels 0-9, and NO_DIGIT for wrong cuts

Lines of two to five digits are written close together, many of them touching, and go through the very seams and
candidates of `seams.py`. A candidate that holds one digit, whole and nearly alone, is that digit; one that holds
clearly less, or parts of two, is no digit; what lies between is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from digits.imitate import NO_DIGIT, Glyph, Rng, draw_glyph
from digits.layout import Line
from digits.pools import make_in_chunks
from digits.seams import between, cut_line, propose
from digits.strokes import bounding_box

WRONG_A_DIGIT = 3  # wrong cuts kept for each digit written
INKED, FAINT = 0.3, 0.25  # where a stroke's pixel is surely ink, and below which it is noise

# Of a candidate's ink, the share that is one digit's; and of that digit's ink, the share in the candidate.
PURE, WHOLE = 0.9, 0.87  # above both, the candidate is that digit
MIXED, PARTIAL = 0.8, 0.7  # below either, it is a wrong cut


def make_segments(
    glyphs: Sequence[Glyph], labels: np.ndarray, n_lines: int, seed: int, workers: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Return ink, uint8 (n, 28, 28), and labels, int64 (n,) in 0–10, of the candidates of `n_lines` written lines."""
    return make_in_chunks(_cut_some, glyphs, labels, n_lines, 100, seed, workers)


def _cut_some(glyphs: Sequence[Glyph], labels: np.ndarray, n_lines: int, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    found = []
    for _ in range(n_lines):
        chosen = rng.integers(0, len(labels), int(rng.integers(2, 6)))
        strokes, owner = write_line([draw_glyph(glyphs[i], rng) for i in chosen], rng)
        found += cut_and_label(strokes, owner, labels[chosen], rng)
    return np.stack([ink for ink, _label in found]), np.array([label for _ink, label in found], np.int64)


def write_line(
    glyphs: list[np.ndarray], rng: Rng, touching: float = 0.7, gap: float = 0.25, heights: tuple[int, int] = (40, 80)
) -> tuple[np.ndarray, np.ndarray]:
    """Set glyphs side by side: strokes, float32 (h, w) in 0-1, and each pixel's glyph or -1.

    The share `touching` of them touch the one before, the others keep up to `gap` digit heights away. A digit is some
    number of pixels between `heights` high.
    """
    height = rng.uniform(*heights)
    tall, right = round(1.6 * height), 2
    strokes = np.zeros((tall, round(1.6 * height * len(glyphs)) + 8), np.float32)
    owner = np.full(strokes.shape, -1, np.int64)
    for number, glyph in enumerate(glyphs):
        left, top, edge, bottom = bounding_box(glyph > INKED)
        scale = height * rng.uniform(0.88, 1.12) / max(edge - left, bottom - top)
        small = cv2.resize(glyph[top:bottom, left:edge], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        y = int(np.clip((tall - small.shape[0]) / 2 + rng.normal(0, 0.05) * height, 0, tall - small.shape[0]))
        x = right + round(rng.uniform(0, gap) * height)
        if number and rng.random() < touching:
            x = contact(strokes[y : y + small.shape[0]], small) - int(rng.integers(0, 2 + max(1, round(height / 20))))
        x = max(0, x)
        place = (slice(y, y + small.shape[0]), slice(x, x + small.shape[1]))
        owner[place][small > np.maximum(INKED, strokes[place])] = number
        np.maximum(strokes[place], small, out=strokes[place])
        right = max(right, x + small.shape[1])
    strokes = cv2.GaussianBlur(strokes, (0, 0), rng.uniform(0.3, 1.2))
    return np.clip(strokes + rng.normal(0, rng.uniform(0, 0.06), strokes.shape), 0, 1).astype(np.float32), owner


def contact(written: np.ndarray, glyph: np.ndarray) -> int:
    """Return the column at which `glyph`, pushed to the left, first touches what is written."""
    rows = np.flatnonzero((written > 0.4).any(axis=1) & (glyph > 0.4).any(axis=1))
    if not len(rows):
        return int(np.flatnonzero((written > 0.4).any(axis=0))[-1]) if (written > 0.4).any() else 0
    ends = written.shape[1] - np.argmax(written[rows, ::-1] > 0.4, axis=1)
    return int((ends - np.argmax(glyph[rows] > 0.4, axis=1)).max())


def cut_and_label(strokes: np.ndarray, owner: np.ndarray, labels: np.ndarray, rng: Rng) -> list[tuple[np.ndarray, int]]:
    """Return (ink, uint8 (28, 28), and label) of a written line's candidates, wrong cuts thinned out.

    `strokes` and `owner`, (h, w), are what `write_line` returns; `labels`, (n,), those of its glyphs.
    """
    line, owner = crop_line(strokes, owner)
    seams = cut_line(line)
    whole = count_pixels(owner, len(labels))
    digits, wrong_cuts = [], []
    for candidate, ink in propose(0, line, seams):
        held = count_pixels(owner[between(line, seams[candidate.first], seams[candidate.last])], len(labels))
        main = int(np.argmax(held))
        purity, share = held[main] / max(1, held.sum()), held[main] / max(1, whole[main])
        if purity > PURE and share > WHOLE:
            digits.append((ink, int(labels[main])))
        elif purity < MIXED or share < PARTIAL:
            wrong_cuts.append((ink, NO_DIGIT))
    rng.shuffle(wrong_cuts)
    return digits + wrong_cuts[: WRONG_A_DIGIT * len(labels)]


def crop_line(strokes: np.ndarray, owner: np.ndarray) -> tuple[Line, np.ndarray]:
    """Return the written line without its margins and its faint noise, as `layout.py` would, and `owner` cut alike."""
    left, top, right, bottom = bounding_box(strokes > INKED)
    strokes, owner = strokes[top:bottom, left:right], owner[top:bottom, left:right]
    heights = [np.ptp(np.flatnonzero((owner == glyph).any(axis=1))) + 1 for glyph in np.unique(owner[owner >= 0])]
    return Line(0, 0, np.where(strokes > FAINT, strokes, 0), float(np.quantile(heights, 0.6))), owner


def count_pixels(owner: np.ndarray, n: int) -> np.ndarray:
    """Return (n,) how many pixels each glyph has in `owner`, of any shape, where -1 is nobody's."""
    return np.bincount(owner[owner >= 0], minlength=n)
