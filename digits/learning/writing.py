"""Handwritten text: digits, the signs that go with them, and words that are neither, as coverage with a truth.

    writer = Writer(glyphs, labels)
    written = writer.write("64,444.60", height=24, rng=np.random.default_rng(0))
    written.coverage, written.marks            # float32 (h, w) in 0-1; where each symbol stands

`OTHER` stands for a word, a scribble or a crossing-out: writing that is no number. Every line has one hand: a pen, a
lean, a pace; some lines change the pen at every digit. Pens of `HELD_OUT` are never drawn with in training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from digits.finding.pixels import bounding_box
from digits.learning.glyphs import LONG, Glyph, Rng, choose, draw_glyph, from_strokes
from digits.reading.symbols import OTHER

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHJKLMNPRSTUVWXYZ"
WORDS = (
    "Name Date Datum Total Summe EUR No. Nr. Tel. Postcode PLZ Amount Betrag Score Punkte Phone Street Apples kg cm "
    "Student Class Zip Form page Balance Customer Konto Room Year Age Menge Price Art Birth Page Seite Max Anna Li Bob "
    "Sum Tax Rate Time from to and Mr. Mrs. Dr. Form-B §3 (a) A4 B2 DIN Rev. 2024-03 1/1 27-B No.7 Q1 x2 3rd"
).split()


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


# ---------------------------------------------------------------- pens

Pen = Callable[[np.ndarray, Rng], np.ndarray]  # coverage (h, w) of a line -> coverage


def ballpoint(coverage: np.ndarray, _rng: Rng) -> np.ndarray:
    """Even strokes."""
    return coverage


def skipping(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A pen that runs dry: strokes pale or broken in places."""
    return coverage * np.clip(1.6 * _noise(coverage.shape, rng, rng.uniform(3, 12)) + rng.uniform(0.2, 0.8), 0, 1)


def pencil(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """Graphite on the grain of the paper."""
    return coverage * np.clip(1 - rng.uniform(0.2, 0.8) * rng.random(coverage.shape, np.float32), 0, 1)


def pressure(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """Ink that grows paler and darker along the line."""
    return coverage * np.clip(rng.uniform(0.5, 1) + 0.5 * _noise(coverage.shape, rng, coverage.shape[0]), 0.2, 1)


def bleeding(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """Ink that soaks into the paper."""
    soaked = cv2.GaussianBlur(coverage, (0, 0), rng.uniform(0.01, 0.03) * coverage.shape[0] + 0.4)
    return np.clip(1.6 * soaked + 0.2 * _noise(coverage.shape, rng, 3) * (soaked > 0.15), 0, 1).astype(np.float32)


def swelling(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A pointed nib: strokes that go down are wider than those that go up or across."""
    size = max(2, round(rng.uniform(0.012, 0.04) * coverage.shape[0]))
    kernel = np.zeros((size, size), np.uint8)
    cv2.line(kernel, (0, size - 1), (size - 1, size - 1), 1, 1)
    return cv2.dilate(coverage, kernel, borderType=cv2.BORDER_REPLICATE)


def chisel(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A broad nib held aslant (held out)."""
    size = max(2, round(rng.uniform(0.012, 0.035) * coverage.shape[0]))
    kernel = np.eye(size, dtype=np.uint8)[::-1].copy()
    return cv2.dilate(coverage, kernel, borderType=cv2.BORDER_REPLICATE)


def chalk(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A soft crayon with rough edges (held out)."""
    rough = cv2.GaussianBlur(coverage, (0, 0), 0.008 * coverage.shape[0] + 0.4)
    return (rough > 0.15 + 0.35 * rng.random(coverage.shape, np.float32)).astype(np.float32) * rough.clip(0.5, 1)


PENS: dict[Pen, float] = {ballpoint: 0.4, skipping: 0.14, pencil: 0.12, pressure: 0.14, bleeding: 0.1, swelling: 0.1}
HELD_OUT: dict[Pen, float] = {chisel: 0.5, chalk: 0.5}


def _noise(shape: tuple[int, int], rng: Rng, grain: float) -> np.ndarray:
    """Smooth noise in 0-1, float32 (h, w), with spots about `grain` pixels wide."""
    size = max(2, round(shape[0] / grain) + 1), max(2, round(shape[1] / grain) + 1)
    return cv2.resize(rng.random(size, np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR)


# ---------------------------------------------------------------- a hand


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
    pitch: float = 0.0  # from digit to digit, in digit heights, where every one has its cell; 0 where there are none


def any_hand(rng: Rng, pens: dict[Pen, float] = PENS) -> Hand:
    """Return a hand at random, from hairline to marker and from cramped to wide."""
    return Hand(
        pen=draw_pen(rng),
        mixed=rng.random() < 0.3,
        ink=choose(pens, rng),
        lean=float(rng.normal(0.06, 0.14)),
        gap=float(rng.choice([0.05, 0.12, 0.25, 0.5], p=[0.25, 0.35, 0.3, 0.1])),
        uneven=float(rng.uniform(0, 0.15 if rng.random() < 0.85 else 0.3)),
        touching=float(rng.choice([0.0, 0.1, 0.7], p=[0.6, 0.23, 0.17])),
    )


def draw_pen(rng: Rng) -> float:
    """Return a pen's width for a digit 80 high: 2 is a hairline, 10 is MNIST's, 16 a marker."""
    return float(np.exp(rng.uniform(np.log(2.0), np.log(16.0))))


class Writer:
    """Writes texts with the digits given: `glyphs` (uint8 (28, 28) ink or pen strokes) and `labels` (n,)."""

    def __init__(self, glyphs: Sequence[Glyph], labels: np.ndarray) -> None:
        self._glyphs = glyphs
        self._places = [np.flatnonzero(labels == digit) for digit in range(10)]

    def glyph(self, digit: int, rng: Rng) -> Glyph:
        """Return one of the glyphs of `digit`."""
        return self._glyphs[rng.choice(self._places[digit])]

    def digit(self, digit: int, pen: float, rng: Rng) -> np.ndarray:
        """Return one digit's coverage, cut to its ink, about 80 pixels on its longer side.

        Three 1s in ten are one straight stroke: few of those given are as straight as a ruled line.
        """
        straight = digit == 1 and rng.random() < 0.3
        for _ in range(4):
            drawn = straight_one(pen, rng) if straight else draw_glyph(self.glyph(digit, rng), rng, pen)
            if drawn.max() > 0.4:
                left, top, right, bottom = bounding_box(drawn > 0.15)
                return drawn[top:bottom, left:right]
        return np.ones((LONG, 12), np.float32)

    def write(self, text: str, height: float, rng: Rng, hand: Hand | None = None) -> Written:
        """Write `text` with digits `height` pixels high on average."""
        hand = hand or any_hand(rng)
        pieces = [self._piece(symbol, height, hand, rng) for symbol in text]
        written = _set(text, pieces, height, hand, rng)
        return _lean(replace(written, coverage=hand.ink(written.coverage, rng)), hand.lean)

    def _piece(self, symbol: str, height: float, hand: Hand, rng: Rng) -> tuple[np.ndarray, float]:
        """Return a symbol's coverage and how far its foot is above the base line, in pixels."""
        pen = draw_pen(rng) if hand.mixed else hand.pen
        if symbol.isdigit():
            drawn = self.digit(int(symbol), pen, rng)
            scale = height * np.exp(rng.normal(0, hand.uneven)) / max(drawn.shape[0], 0.75 * drawn.shape[1])
            return _resized(drawn, scale), rng.normal(0, hand.uneven) * height
        if symbol == " ":
            return np.zeros((1, max(1, round(height * rng.uniform(0.55, 1.3)))), np.float32), 0.0
        if symbol == OTHER:
            return write_word(height, pen, rng), rng.normal(0, 0.1) * height
        return draw_sign(symbol, height, pen, rng)


def _resized(coverage: np.ndarray, scale: float) -> np.ndarray:
    size = max(1, round(coverage.shape[1] * scale)), max(2, round(coverage.shape[0] * scale))
    return cv2.resize(coverage, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


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
        left = round(max(0, left))
        place = page[top : top + piece.shape[0], left : left + piece.shape[1]]
        np.maximum(place, piece[:, : place.shape[1]], out=place)
        marks.append(Mark(symbol, left, top, left + piece.shape[1], top + piece.shape[0]))
        right = max(right, left + piece.shape[1]) if not hand.pitch else left + piece.shape[1]
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


def _lean(written: Written, lean: float) -> Written:
    """Let the whole line lean to the right: a hand leans all its digits alike."""
    tall, wide = written.coverage.shape
    extra = int(np.ceil(abs(lean) * tall))
    shear = np.array([[1, -lean, lean * written.base + extra], [0, 1, 0]], np.float32)
    coverage = cv2.warpAffine(written.coverage, shear, (wide + 2 * extra, tall), flags=cv2.INTER_LINEAR)
    marks = [_leant(mark, lean, written.base, extra) for mark in written.marks]
    return replace(written, coverage=coverage, marks=marks)


def _leant(mark: Mark, lean: float, base: float, extra: int) -> Mark:
    shifts = lean * (base - mark.top) + extra, lean * (base - mark.bottom) + extra
    return replace(mark, left=mark.left + min(shifts), right=mark.right + max(shifts))


# ---------------------------------------------------------------- ones, signs and words


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
    return _resized(image[top:bottom, left:right].astype(np.float32) / 255, height / 64)


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
    return _resized(drawn, height * rng.uniform(0.7, 1.3) / drawn.shape[0])


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


# ---------------------------------------------------------------- what people write


def _digits(rng: Rng, low: int, high: int) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, int(rng.integers(low, high + 1))))


def _amount(rng: Rng) -> str:
    point, comma = (".", ",") if rng.random() < 0.6 else (",", ".")
    whole = _digits(rng, 1, 3) + "".join(comma + _digits(rng, 3, 3) for _ in range(rng.integers(0, 3)))
    return whole + (point + _digits(rng, 1, 2) if rng.random() < 0.85 else "")


def _date(rng: Rng) -> str:
    day, month, year = rng.integers(1, 32), rng.integers(1, 13), rng.integers(1900, 2100)
    sign = str(rng.choice(list(".-/"), p=[0.3, 0.15, 0.55]))
    two = (lambda n: f"{n:02d}") if rng.random() < 0.5 else str
    parts = [two(day), two(month), str(year) if rng.random() < 0.5 else f"{year % 100:02d}"]
    return sign.join(parts if rng.random() < 0.7 else [parts[2], parts[1], parts[0]])


def _phone(rng: Rng) -> str:
    sign = str(rng.choice(list(" -/"), p=[0.6, 0.25, 0.15]))
    groups = [_digits(rng, 2, 5) for _ in range(rng.integers(2, 5))]
    return ("+" if rng.random() < 0.4 else "") + sign.join(groups)


def _time(rng: Rng) -> str:
    return f"{rng.integers(0, 25)}:{rng.integers(0, 60):02d}"


def _with_words(rng: Rng) -> str:
    text = any_text(rng, NUMBERS)
    return str(
        rng.choice([f"{OTHER} {text}", f"{text} {OTHER}", f"{OTHER}{text}", f"{text}{OTHER}"], p=[0.4, 0.35, 0.1, 0.15])
    )


def _jumble(rng: Rng) -> str:
    """Digits with signs between them in no order that means anything: no sign stands at an end or beside another."""
    groups = [_digits(rng, 1, 4) for _ in range(rng.integers(2, 5))]
    return groups[0] + "".join(str(rng.choice(list(".,-+/: "))) + group for group in groups[1:])


NUMBERS: dict[Callable[[Rng], str], float] = {
    lambda rng: _digits(rng, 1, 2): 0.16,
    lambda rng: _digits(rng, 2, 6): 0.3,
    lambda rng: _digits(rng, 5, 10): 0.14,
    lambda rng: "".join(rng.choice(list("1111447"), rng.integers(2, 6))): 0.12,  # straight strokes side by side
    lambda rng: "1" + _digits(rng, 1, 2): 0.06,  # a first 1 is easily taken for a printed line
    _amount: 0.1,
    _date: 0.17,
    _phone: 0.07,
    lambda rng: "-" + _digits(rng, 1, 5): 0.04,
    lambda rng: f"{rng.integers(0, 100)}.{rng.integers(0, 100)}": 0.04,
    lambda rng: f"{rng.integers(0, 100)}/{rng.integers(1, 100)}": 0.03,  # points, fractions, months
    _time: 0.03,
}
TEXTS: dict[Callable[[Rng], str], float] = {
    **NUMBERS,
    _jumble: 0.04,
    _with_words: 0.08,
    lambda rng: " ".join(OTHER * int(rng.integers(1, 4))): 0.05,
    lambda _rng: "": 0.04,
}


def any_text(rng: Rng, texts: dict[Callable[[Rng], str], float] = TEXTS) -> str:
    """Return something people write: mostly numbers, with their signs; now and then words, or nothing."""
    return choose(texts, rng)(rng)
