"""Handwritten text: digits, the signs that go with them, and words that are neither, as coverage with a truth.

    writer = Writer(glyphs, labels)
    written = writer.write("64,444.60", height=24, rng=np.random.default_rng(0))
    written.coverage, written.marks            # float32 (h, w) in 0-1; where each symbol stands

`OTHER` stands for a word, a scribble or a crossing-out: writing that is no number. Every line has one hand: a pen, a
lean, a pace; some lines change the pen at every digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from digits.finding.pixels import bounding_box
from digits.learning.doodles import draw_face, draw_outline
from digits.learning.glyphs import LONG, Glyph, Rng, choose, draw_glyph, resized
from digits.learning.pens import PENS, Pen, draw_pen
from digits.learning.signs import LEAST_HEIGHT, draw_sign, straight_one, struck_out, write_other_sign, write_word
from digits.learning.texts import SQUEEZED
from digits.reading.symbols import OTHER

STRUCK = "12345689"  # not a 0 or a 7, which many write with a stroke
OVERWRITTEN = "02 03 04 05 07 24 26 27 29 34 36 37 45 46 47 48 56 57 67 78".split()  # a 1 would be a stroke


@dataclass(frozen=True)
class Mark:
    """One symbol and its box: left, top, right, bottom in pixels, right and bottom exclusive."""

    symbol: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Written:
    """A line of writing: `coverage` float32 (h, w), digits `height` pixels high that stand on row `base`."""

    coverage: np.ndarray
    marks: list[Mark]
    height: float
    base: float


@dataclass(frozen=True)
class Hand:
    """How one line is written. `pen` is the width for a digit 80 high; `lean` the shear; gaps in digit heights."""

    pen: float
    mixed: bool  # another pen at every digit
    ink: Pen
    lean: float
    gap: float
    uneven: float  # of sizes and heights above the line
    touching: float  # share of digits pushed against their neighbour
    bent: float = 1.0  # of each digit by itself, against the usual
    pitch: float = 0.0  # from digit to digit, in digit heights, where every one has its cell; 0 where there are none


def any_hand(rng: Rng, pens: dict[Pen, float] = PENS) -> Hand:
    """Return a hand at random, from hairline to marker and from cramped to wide; one in six as neat as print."""
    neat = rng.random() < 1 / 6
    return Hand(
        pen=draw_pen(rng),
        mixed=not neat and rng.random() < 0.3,
        ink=choose(pens, rng),
        lean=float(rng.normal(0, 0.03) if neat else rng.normal(0.06, 0.14)),
        gap=float(rng.choice([0.05, 0.12, 0.25, 0.5], p=[0.25, 0.35, 0.3, 0.1])),
        uneven=float(rng.uniform(0, 0.03 if neat else 0.15 if rng.random() < 0.85 else 0.3)),
        touching=float(rng.choice([0.0, 0.1, 0.7], p=[0.6, 0.23, 0.17])),
        bent=0.3 if neat else 1.0,
    )


class Writer:
    """Writes texts with the digits given: `glyphs` (uint8 (28, 28) ink or pen strokes) and `labels` (n,)."""

    def __init__(self, glyphs: Sequence[Glyph], labels: np.ndarray) -> None:
        self._glyphs = glyphs
        self._places = [np.flatnonzero(labels == digit) for digit in range(10)]

    def glyph(self, digit: int, rng: Rng) -> Glyph:
        """Return one of the glyphs of `digit`."""
        return self._glyphs[rng.choice(self._places[digit])]

    def digit(self, digit: int, pen: float, rng: Rng, bent: float = 1.0) -> np.ndarray:
        """Return one digit's coverage, cut to its ink, about 80 pixels on its longer side.

        Three 1s in ten are one straight stroke: few of those given are as straight as a ruled line.
        """
        straight = digit == 1 and rng.random() < 0.3
        for _ in range(4):
            drawn = straight_one(pen, rng) if straight else draw_glyph(self.glyph(digit, rng), rng, pen, bent)
            if drawn.max() > 0.4:
                left, top, right, bottom = bounding_box(drawn > 0.15)
                return drawn[top:bottom, left:right]
        return np.ones((LONG, 12), np.float32)

    def write(self, text: str, height: float, rng: Rng, hand: Hand | None = None) -> Written:
        """Write `text` with digits `height` pixels high on average."""
        hand = hand or any_hand(rng)
        pieces = [self._piece(symbol, height, hand, rng) for symbol in text]
        written = _set(text, pieces, height, hand, rng)
        inked = replace(written, coverage=hand.ink(written.coverage, rng))
        return _lean(inked, [piece for piece, _up in pieces], hand.lean)

    def _piece(self, symbol: str, height: float, hand: Hand, rng: Rng) -> tuple[np.ndarray, float]:
        """Return a symbol's coverage and how far its foot is above the base line, in pixels."""
        pen = draw_pen(rng) if hand.mixed else hand.pen
        if symbol.isdigit():
            drawn = self.digit(int(symbol), pen, rng, hand.bent)
            scale = height * np.exp(rng.normal(0, hand.uneven)) / max(drawn.shape[0], 0.75 * drawn.shape[1])
            return resized(drawn, scale, LEAST_HEIGHT), rng.normal(0, hand.uneven) * height
        if symbol == " ":
            return np.zeros((1, max(1, round(height * rng.uniform(0.55, 1.3)))), np.float32), 0.0
        if symbol == SQUEEZED:
            drawn = self.digit(int(rng.integers(0, 10)), pen, rng, hand.bent)
            size = height * rng.uniform(0.35, 0.65)
            return resized(drawn, size / drawn.shape[0], LEAST_HEIGHT), height * rng.uniform(1.0, 1.3) - size
        if symbol == OTHER:
            return self._other(height, pen, hand, rng)
        return draw_sign(symbol, height, pen, rng)

    def _other(self, height: float, pen: float, hand: Hand, rng: Rng) -> tuple[np.ndarray, float]:
        """Return the coverage of what is in no number, another sign, a correction, a doodle or a word; and its foot."""
        way = rng.random()
        if way < 0.32:
            return write_other_sign(height, pen, rng)
        if way < 0.53:
            drawn = self._corrected(pen, hand, rng)
            return resized(drawn, height / drawn.shape[0], LEAST_HEIGHT), rng.normal(0, 0.05) * height
        if way < 0.65:
            digit = self.digit(int(rng.integers(10)), pen, rng, hand.bent)
            drawn = _ringed(digit, pen, rng) if way < 0.57 else _doodle(rng)
            larger = rng.uniform(0.9, 1.5)
            return resized(drawn, larger * height / drawn.shape[0], LEAST_HEIGHT), height * (1 - larger) / 2
        return write_word(height, pen, rng), rng.normal(0, 0.1) * height

    def _corrected(self, pen: float, hand: Hand, rng: Rng) -> np.ndarray:
        """Return the coverage of a digit that is struck out, or has another one written over it."""
        if rng.random() < 0.5:
            return struck_out(self.digit(int(rng.choice(list(STRUCK))), pen, rng, hand.bent), pen, rng)
        first, second = (self.digit(int(digit), pen, rng, hand.bent) for digit in rng.choice(OVERWRITTEN))
        size = max(first.shape[1], second.shape[1]), max(first.shape[0], second.shape[0])
        return np.maximum(*(cv2.resize(drawn, size, interpolation=cv2.INTER_LINEAR) for drawn in (first, second)))


def _ringed(digit: np.ndarray, pen: float, rng: Rng) -> np.ndarray:
    """Return the coverage of a digit, (h, w), with a ring round it."""
    height, width = digit.shape
    room = round(max(height, width) * rng.uniform(0.15, 0.4)), round(height / 2)
    drawn = (255 * np.pad(digit, [(room[0],) * 2, (room[1],) * 2])).astype(np.uint8)
    middle, axes = (drawn.shape[1] // 2, drawn.shape[0] // 2), (drawn.shape[1] // 2 - 4, drawn.shape[0] // 2 - 4)
    cv2.ellipse(drawn, middle, axes, rng.normal(0, 5), 0, 360, 255, max(1, round(0.8 * pen)), cv2.LINE_AA)
    return drawn.astype(np.float32) / 255


def _doodle(rng: Rng) -> np.ndarray:
    """Return the coverage of a heart, a face or the like, cut to its ink."""
    drawn = (draw_face if rng.random() < 0.4 else draw_outline)(rng, list)
    left, top, right, bottom = bounding_box(drawn > 0.15)
    return drawn[top:bottom, left:right]


def _set(text: str, pieces: list[tuple[np.ndarray, float]], height: float, hand: Hand, rng: Rng) -> Written:
    """Set the pieces side by side on a base line, as `hand` spaces them."""
    tall = round(2.6 * height) + 4
    base = round(1.7 * height)
    room = sum(piece.shape[1] for piece, _ in pieces) + (len(pieces) + 1) * height * max(1.0, hand.pitch) + height
    page = np.zeros((tall, round(room)), np.float32)
    marks: list[Mark] = []
    right, cell = 0.3 * height, 0.3 * height
    for symbol, (piece, up) in zip(text, pieces, strict=True):
        top = int(np.clip(base - up - piece.shape[0], 0, tall - 1))
        piece = piece[: tall - top]
        left = right + height * hand.gap * rng.uniform(0.3, 1.5)
        if hand.pitch:
            free = height * hand.pitch - piece.shape[1]
            left = cell + free / 2 + np.clip(rng.normal(0, 0.1) * height, -abs(free) / 2, abs(free) / 2)
            cell += height * hand.pitch
        elif marks and symbol not in " ." and rng.random() < hand.touching:
            left = min(left, _contact(page[top : top + piece.shape[0]], piece) - rng.uniform(0, 0.08) * height)
        if symbol == SQUEEZED:
            left = right - piece.shape[1] * rng.uniform(0.1, 0.6)
        left = round(max(0, left))
        place = page[top : top + piece.shape[0], left : left + piece.shape[1]]
        np.maximum(place, piece[:, : place.shape[1]], out=place)
        seen_as = OTHER if symbol == SQUEEZED else symbol
        marks.append(Mark(seen_as, left, top, left + piece.shape[1], top + piece.shape[0]))
        if symbol != SQUEEZED:
            right = left + piece.shape[1] if hand.pitch else max(right, left + piece.shape[1])
    width = min(page.shape[1], round(max(right, cell) + 0.3 * height))
    return Written(page[:, :width], marks, height, base)


def _contact(written: np.ndarray, piece: np.ndarray) -> float:
    """Return the column at which `piece`, pushed to the left, first touches what is written."""
    rows = np.flatnonzero((written > 0.3).any(axis=1) & (piece > 0.3).any(axis=1))
    if not len(rows):
        columns = np.flatnonzero((written > 0.3).any(axis=0))
        return float(columns[-1]) if len(columns) else 0.0
    ends = written.shape[1] - np.argmax(written[rows, ::-1] > 0.3, axis=1)
    return float((ends - np.argmax(piece[rows] > 0.3, axis=1)).max())


def _lean(written: Written, pieces: list[np.ndarray], lean: float) -> Written:
    """Let the whole line lean to the right: a hand leans all its digits alike."""
    tall, wide = written.coverage.shape
    extra = int(np.ceil(abs(lean) * tall))
    shear = np.array([[1, -lean, lean * written.base + extra], [0, 1, 0]], np.float32)
    coverage = cv2.warpAffine(written.coverage, shear, (wide + 2 * extra, tall), flags=cv2.INTER_LINEAR)
    marks = [_leant(mark, piece, lean, written.base, extra) for mark, piece in zip(written.marks, pieces, strict=True)]
    return replace(written, coverage=coverage, marks=marks)


def _leant(mark: Mark, piece: np.ndarray, lean: float, base: float, extra: int) -> Mark:
    """Return the box of a piece's ink, (h, w), in the leaning line."""
    inked = piece > 0.2
    rows = np.flatnonzero(inked.any(axis=1))
    shifts = extra + lean * (base - mark.top - rows)
    if not len(rows):  # a space
        shift = extra + lean * (base - mark.top)
        return replace(mark, left=mark.left + shift, right=mark.right + shift)
    first = shifts + inked[rows].argmax(axis=1)
    last = shifts + piece.shape[1] - inked[rows, ::-1].argmax(axis=1)
    return replace(mark, left=mark.left + float(first.min()), right=mark.left + float(last.max()))
