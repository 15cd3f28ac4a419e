"""A picture of writing -> the numbers in it: the story from the pixels to the answer.

    reading = read_number(pixels, readers, single=predictor.predict(pixels))
    reading.text, reading.status, reading.reason       # "64,444.60", "ok", ""

What is written is decided by networks that see the surroundings: one finds the numbers, one reads each line of them as
a whole, one looks at every digit once more by itself. Where these disagree, or something was left unread, the reading
is unsure and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from digits.finding.crop import crops_of
from digits.finding.strip import DIGIT_HEIGHT, PAPER, STRIP_HEIGHT
from digits.reading.ctc import Spelt, spell
from digits.reading.engines import SurroundingsNetwork
from digits.reading.finder import Box, NumberFinder, Zone
from digits.reading.symbols import OTHER, to_value
from digits.reading.verdict import NOT_A_DIGIT, OK, UNSURE, softmax

# Chosen on drawn validation lines, digits and pens that no network was trained on (benchmarks/fields.py).
LEAST_CERTAIN = 0.80  # of a symbol that is ok
MOST_MISSED = 0.35  # probability that a symbol more stands somewhere in the line
LEAST_FOUND = 0.5  # certainty of the finder
CROP_WEIGHT = 0.35  # of what a digit's own look says, against the line's
AGAINST = 0.5  # probability of another digit at that look from which the two disagree
HALF_WIDTH = 0.55  # of a digit's box, in digit heights, where no neighbour is nearer
SAME_ROW = 0.5  # digit heights between the middles of two zones of one row


@dataclass(frozen=True)
class DigitReading:
    """One digit of a number; `box` is (left, top, right, bottom) in the upright picture's pixels."""

    digit: int
    confidence: float
    probs: np.ndarray  # (10,) float32
    box: Box
    status: str  # ok or unsure
    line: int  # from 0

    def row(self) -> dict:
        """Return the digit as plain JSON values."""
        probs = [round(float(p), 6) for p in self.probs]
        return {
            "digit": self.digit, "confidence": round(self.confidence, 6), "status": self.status,
            "line": self.line, "box": list(self.box), "probs": probs,
        }  # fmt: skip


@dataclass(frozen=True)
class NumberReading:
    """What is written in a picture: `lines` with their signs and spaces, and every digit in reading order.

    `status` is ok, unsure or not_a_digit; `reason` one sentence for people, empty if ok.
    """

    lines: list[str]
    digits: list[DigitReading]
    status: str = NOT_A_DIGIT
    reason: str = "no number was found"

    @property
    def text(self) -> str:
        """The lines in one text; empty if there is no number."""
        return "\n".join(self.lines)

    @property
    def number(self) -> int | float | None:
        """The plain value, where the picture holds one number and it can mean only one thing."""
        return to_value(self.lines[0].replace(" ", "")) if len(self.lines) == 1 else None

    @property
    def confidence(self) -> float | None:
        """The lowest confidence of its digits; None if there are none."""
        return min((digit.confidence for digit in self.digits), default=None)

    def row(self, path: str = "") -> dict:
        """Return the reading as plain JSON values."""
        return {
            "path": path, "status": self.status, "text": self.text, "number": self.number,
            "confidence": None if self.confidence is None else round(self.confidence, 6), "reason": self.reason,
            "lines": self.lines, "digits": [digit.row() for digit in self.digits],
        }  # fmt: skip


class Single(Protocol):
    """What is to be known of the same picture read as one digit."""

    digit: int | None
    confidence: float
    probs: np.ndarray
    status: str
    reason: str

    @property
    def box(self) -> Box | None:
        """Where the digit stands."""
        ...


@dataclass(frozen=True)
class NumberReaders:
    """The three networks that read numbers: where they stand, what a line says, what a digit looks like by itself."""

    finder: NumberFinder
    lines: SurroundingsNetwork
    crops: SurroundingsNetwork

    @property
    def facts(self) -> dict[str, dict]:
        """Return each network's facts by its name."""
        return {"pages": self.finder.facts, "lines": self.lines.facts, "crops": self.crops.facts}


def read_number(pixels: np.ndarray, readers: NumberReaders, single: Single) -> NumberReading:
    """Read all numbers in a picture, uint8 (h, w) or RGB (h, w, 3); `single` is the same picture read as one digit."""
    # 1. Where do numbers stand?
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    looks = readers.finder.looks(grey)

    # 2. What does each zone say, as a line and digit by digit? Of several looks the one that reads most surely counts.
    read = [[read_zone(grey, zone, readers) for zone in zones] for zones in looks]
    kept = [line for line in max(read, key=_sureness, default=[]) if line.has_number]

    # 3. One digit is read as `predict` reads it.
    if not kept or (len(kept) == 1 and len(kept[0].text) == 1):
        return _one_digit(kept, single)

    # 4. Zones side by side are one line of text.
    lines, digits, reasons = [], [], []
    for row in rows_of(kept):
        lines.append(" ".join(line.text for line in row))
        digits += [replace(digit, line=len(lines) - 1) for line in row for digit in line.digits]
        reasons += [line.doubt for line in row if line.doubt]

    # 5. It is ok only if nothing in it is doubtful.
    status = UNSURE if reasons else OK
    return NumberReading(lines, digits, status, reasons[0] if reasons else "")


# ---------------------------------------------------------------- one zone


@dataclass(frozen=True)
class ReadLine:
    """What one zone says, and how surely on average. `doubt` is why it is not ok, empty if it is."""

    zone: Zone
    text: str
    digits: list[DigitReading]
    certainty: float
    doubt: str

    @property
    def has_number(self) -> bool:
        """Whether it is a number rather than words: digits, and more of them than of other writing."""
        return bool(self.digits)


def _sureness(lines: list[ReadLine]) -> float:
    """Return how much is surely read, in pixels; pieces of large digits, or lines run together, read badly."""
    return sum(line.zone.length * line.zone.height * line.certainty**4 for line in lines if line.has_number)


def read_zone(grey: np.ndarray, zone: Zone, readers: NumberReaders) -> ReadLine:
    """Read one zone of a grey picture, uint8 (h, w)."""
    strip, to_picture = zone.cut(grey)
    spelt = spell(readers.lines.run(strip[None])[0].astype(np.float64))
    spans = spans_of(spelt, strip)
    boxes = [_to_box(span, to_picture, grey.shape) for span in spans]
    where = [i for i, symbol in enumerate(spelt.text) if symbol.isdigit()]
    by_line = spelt.probabilities[where, :10] * spelt.presence[where, None]
    by_itself = _look_again(strip, [spans[i] for i in where], readers)
    probs = _weigh(by_line, by_itself)
    certain = spelt.certainty
    digits = []
    for i, seen, alone in zip(where, probs, by_itself, strict=True):
        digit, confidence = int(seen.argmax()), float(seen.max() * spelt.presence[i])
        others = np.delete(alone, digit).max()
        status = OK if min(confidence, certain[i]) > LEAST_CERTAIN and others < AGAINST else UNSURE
        digits.append(DigitReading(digit, confidence, seen.astype(np.float32), boxes[i], status, 0))
    text = list(spelt.text)
    for i, digit in zip(where, digits, strict=True):
        text[i] = str(digit.digit)
    written = "".join(text)
    if len(digits) <= written.count(OTHER):  # words, some of whose letters look like digits
        digits = []
    certainty = float(certain.mean()) if len(certain) else 0.0
    return ReadLine(zone, _tidy(written), digits, certainty, _doubt(zone, spelt, written, digits, boxes))


def spans_of(spelt: Spelt, strip: np.ndarray) -> list[tuple[float, float]]:
    """Return (left, right) of each symbol in the strip's pixels: to half-way to its neighbours, then to its ink."""
    middles = 2 * spelt.columns + 1
    half = HALF_WIDTH * DIGIT_HEIGHT
    between = (middles[1:] + middles[:-1]) / 2
    lefts = np.maximum(middles - half, np.append(0.0, between))
    rights = np.minimum(middles + half, np.append(between, strip.shape[1]))
    inked = strip[6:-6].max(axis=0) > PAPER + 50
    spans = []
    for left, right in zip(lefts, rights, strict=True):
        columns = np.flatnonzero(inked[round(left) : max(round(right), round(left) + 1)]) + round(left)
        spans.append((float(columns[0]), float(columns[-1] + 1)) if len(columns) else (left, right))
    return spans


def _to_box(span: tuple[float, float], to_picture: np.ndarray, shape: tuple[int, ...]) -> Box:
    """Return the upright box, in the picture's pixels, round a span of the strip at the height of its digits."""
    top, bottom = (STRIP_HEIGHT - DIGIT_HEIGHT) / 2, (STRIP_HEIGHT + DIGIT_HEIGHT) / 2
    corners = np.array([[x, y, 1.0] for x in span for y in (top, bottom)]) @ to_picture.T
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    left, top = np.clip(low, 0, np.array(shape[1::-1]) - 1)
    right, bottom = np.clip(high, 1, shape[1::-1])
    return int(left), int(top), int(right), int(bottom)


def _look_again(strip: np.ndarray, spans: Sequence[tuple[float, float]], readers: NumberReaders) -> np.ndarray:
    """Return (n, 10) what each digit looks like by itself, its neighbours at its sides."""
    if not spans:
        return np.zeros((0, 10))
    return softmax(readers.crops.run(crops_of(strip, spans)))


def _weigh(by_line: np.ndarray, by_itself: np.ndarray) -> np.ndarray:
    """Return (n, 10) both witnesses' probabilities weighed together; rows sum to 1."""
    logs = (1 - CROP_WEIGHT) * np.log(by_line + 1e-4) + CROP_WEIGHT * np.log(by_itself + 1e-3)
    return softmax(logs) if len(logs) else by_line


def _tidy(text: str) -> str:
    """Return the text without the words beside the number."""
    return " ".join(text.replace(OTHER, " ").split())


def _doubt(zone: Zone, spelt: Spelt, text: str, digits: list[DigitReading], boxes: list[Box]) -> str:
    """Return why a line is not to be trusted, or nothing."""
    for digit in digits:
        if digit.status != OK:
            second = int(np.argsort(digit.probs)[-2])
            left, _top, right, _bottom = digit.box
            return f"the {digit.digit} at columns {left}–{right} could be {second}, or no digit"
    for i, symbol in enumerate(text):
        beside = text[max(0, i - 1) : i] + text[i + 1 : i + 2]
        if symbol == OTHER and beside.strip():
            return f"something at columns {boxes[i][0]}–{boxes[i][2]} was not read"
        if symbol != OTHER and not symbol.isspace() and spelt.certainty[i] < LEAST_CERTAIN:
            return f"the sign at columns {boxes[i][0]}–{boxes[i][2]} may not be a {symbol}"
    if spelt.missed.max() > MOST_MISSED:
        return "there may be one more sign or digit in the line"
    return "this may not be a number" if zone.certainty < LEAST_FOUND else ""


# ---------------------------------------------------------------- all zones


def rows_of(lines: list[ReadLine]) -> list[list[ReadLine]]:
    """Return the lines row by row, from top to bottom, each row from left to right."""
    rows: list[list[ReadLine]] = []
    for line in sorted(lines, key=lambda line: line.zone.x):
        row = next((row for row in rows if _is_beside(row[-1].zone, line.zone)), None)
        if row is None:
            rows.append([line])
        else:
            row.append(line)
    return sorted(rows, key=lambda row: row[0].zone.y)


def _is_beside(left: Zone, right: Zone) -> bool:
    """Whether `right` continues the row of `left`."""
    expected = left.y + left.slope * (right.x - left.x)
    return abs(right.y - expected) < SAME_ROW * max(left.height, right.height) and right.x > left.x + left.length / 2


def _one_digit(lines: list[ReadLine], single: Single) -> NumberReading:
    """Return the reading of a picture that holds one digit at most, as `predict` reads it."""
    by_line = lines[0].digits[0] if lines else None
    if single.digit is None or single.box is None or (by_line is None and single.status != OK):
        if by_line is None:
            return NumberReading([], [])
        reason = lines[0].doubt or "read as one digit, it is none"
        return NumberReading([lines[0].text], [replace(by_line, status=UNSURE)], UNSURE, reason)
    status, reason = single.status, single.reason
    if by_line is not None and by_line.digit != single.digit:
        status, reason = UNSURE, f"could be {single.digit} or {by_line.digit}"
    digit = DigitReading(single.digit, single.confidence, single.probs, single.box, status, 0)
    return NumberReading([str(single.digit)], [digit], status, reason)
