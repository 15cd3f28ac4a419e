"""What the reader of whole numbers asks a network about, to train on: digits cut out of a line, and wrong cuts.

    ink, labels = make_segments(ink, labels, n_lines=1000, seed=0)     # labels 0-9, and NO_DIGIT for wrong cuts

Lines of two to five digits are written close together, many of them touching, and go through the very seams and
candidates of reading/pieces.py. A candidate that holds one digit, whole and nearly alone, is that digit; one that holds
clearly less, or parts of two, is no digit; what lies between is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digits.learning.glyphs import NO_DIGIT, Glyph, Rng, draw_glyph
from digits.learning.in_processes import make_in_chunks
from digits.learning.written_line import crop_line, write_line
from digits.reading.pieces import between, cut_line, propose

WRONG_A_DIGIT = 3  # wrong cuts kept for each digit written

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


def count_pixels(owner: np.ndarray, n: int) -> np.ndarray:
    """Return (n,) how many pixels each glyph has in `owner`, of any shape, where -1 is nobody's."""
    return np.bincount(owner[owner >= 0], minlength=n)
