"""One line of a number: what its strip says as a whole and digit by digit, how surely, and what is left to doubt.

line = read_zone(grey, zone, readers)
line.text, line.digits, line.doubt         # "64,444.60", [DigitReading, …], ""
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from digits.finding.crop import crops_of
from digits.finding.strip import DIGIT_HEIGHT, PAPER, STRIP_HEIGHT
from digits.reading.ctc import Spelt, spell
from digits.reading.engines import SurroundingsNetwork
from digits.reading.finder import Box, NumberFinder, Zone
from digits.reading.symbols import OTHER
from digits.reading.verdict import OK, UNSURE, softmax

# Chosen on drawn fields of validation digits and on the development documents, see docs/labbook.md.
SIZES = (1.0, 0.93)  # of the digits, against what the finder says
SPACE, WIDER = 0.8, 0.38  # digit heights: the narrowest gap between groups, and how much wider it is than usual ones
LEAST_READ = 0.6  # certainty of a line, on average, below which it is none
LEAST_CERTAIN = 0.8  # of a digit that is ok
LEAST_SURE = 0.9  # probability of a line that is ok
UNREAD = 0.8  # digit heights at an end of the zone where nothing was read
CROP_WEIGHT = 0.35  # of what a digit's own look says, against the line's
AGAINST = 0.5  # probability of another digit at that look from which the two disagree
HALF_WIDTH = 0.55  # of a digit's box, in digit heights, where no neighbour is nearer
INKED = 50  # levels above the paper

Span = tuple[float, float]  # left and right, in a strip's pixels


@dataclass(frozen=True)
class NumberReaders:
    """The three networks that read numbers: where they stand, what a line says, what a digit looks like by itself."""

    finder: NumberFinder
    lines: SurroundingsNetwork
    crops: SurroundingsNetwork

    @property
    def facts(self) -> dict[str, Any]:
        """Return each network's facts by its name."""
        return {"pages": self.finder.facts, "lines": self.lines.facts, "crops": self.crops.facts}


@dataclass(frozen=True)
class DigitReading:
    """One digit of a number; `box` is (left, top, right, bottom) in the upright picture's pixels."""

    digit: int
    confidence: float
    probs: np.ndarray  # (10,) float32
    box: Box
    status: str  # ok or unsure
    line: int  # from 0

    def row(self) -> dict[str, Any]:
        """Return the digit as plain JSON values."""
        probs = [round(float(p), 6) for p in self.probs]
        return {
            "digit": self.digit, "confidence": round(self.confidence, 6), "status": self.status,
            "line": self.line, "box": list(self.box), "probs": probs,
        }  # fmt: skip


@dataclass(frozen=True)
class ReadLine:
    """What one zone says, and how surely on average. `doubt` is why it is not ok, empty if it is."""

    zone: Zone
    text: str
    digits: list[DigitReading]
    certainty: float
    doubt: str


@dataclass(frozen=True)
class _Seen:
    """A zone's strip, uint8 (32, w), what it says, and the way back from its pixels to the picture's."""

    strip: np.ndarray
    to_picture: np.ndarray
    spelt: Spelt

    @property
    def certainty(self) -> float:
        """How surely its symbols are read, on average."""
        return float(self.spelt.certainty.mean()) if self.spelt.text else 0.0


def read_zone(grey: np.ndarray, zone: Zone, readers: NumberReaders) -> ReadLine:
    """Read one zone of a grey picture, uint8 (h, w)."""
    # 1. What the line says at two sizes: the surer one counts, if both say the same.
    seen = [_see(grey, zone, size, readers) for size in SIZES]
    best = max(seen, key=lambda one: (any(map(str.isdigit, one.spelt.text)), one.certainty))
    other = next(one.spelt.text for one in seen if one is not best)
    spelt = best.spelt
    # 2. Where each of its symbols stands, and what each digit looks like by itself; both are weighed.
    spans = spans_of(spelt, best.strip)
    boxes = [_to_box(span, best.to_picture, grey.shape) for span in spans]
    where = [i for i, symbol in enumerate(spelt.text) if symbol.isdigit()]
    alone = _look_again(best.strip, [spans[i] for i in where], readers)
    both = _weigh(spelt.probabilities[where, :10] * spelt.presence[where, None], alone)
    digits, text = [], list(spelt.text)
    for i, probs, by_itself in zip(where, both, alone, strict=True):
        digit, confidence = int(probs.argmax()), float(probs.max() * spelt.presence[i])
        sure = min(confidence, spelt.certainty[i]) > LEAST_CERTAIN and np.delete(by_itself, digit).max() < AGAINST
        digits.append(DigitReading(digit, confidence, probs.astype(np.float32), boxes[i], OK if sure else UNSURE, 0))
        text[i] = str(digit)
    # 3. Words, some of whose letters look like digits, are no number; what looks like both words and grain is unread.
    if digits and len(digits) <= text.count(OTHER) or set(text) == {OTHER}:
        return ReadLine(zone, "", [], best.certainty, "")
    if not digits or best.certainty < LEAST_READ:
        return ReadLine(zone, "", [], best.certainty, f"something at {_reach(zone)} was not read")
    # 4. What is left to doubt.
    doubt = _doubt(spelt, digits, boxes) or _unread(zone, boxes)
    if not doubt and _without_spaces(other) != _without_spaces(spelt.text):
        doubt = f"it could be {_as_number(other) or 'no number'}"
    return ReadLine(zone, _spaced(text, spans), digits, best.certainty, doubt)


def _see(grey: np.ndarray, zone: Zone, size: float, readers: NumberReaders) -> _Seen:
    """See a zone as if its digits were `size` times as high as the finder says."""
    strip, to_picture = replace(zone, height=size * zone.height).cut(grey)
    return _Seen(strip, to_picture, spell(readers.lines.run(strip[None])[0].astype(np.float64)))


def _spaced(text: list[str], spans: list[Span]) -> str:
    """Return the text without the words beside it, with a space where a gap is wide, and wider than usual."""
    gaps = [(right[0] - left[1]) / DIGIT_HEIGHT for left, right in zip(spans, spans[1:], strict=False)]
    least = max(SPACE, float(np.median(gaps)) + WIDER) if len(gaps) > 1 else np.inf
    spaced = [" " * int(gap > least) + symbol for gap, symbol in zip([0.0, *gaps], text, strict=False)]
    return _as_number("".join(spaced))


def _as_number(text: str) -> str:
    """Return a text without the words beside it."""
    return " ".join(text.replace(OTHER, " ").split())


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def spans_of(spelt: Spelt, strip: np.ndarray) -> list[Span]:
    """Return (left, right) of each symbol in the strip's pixels: to half-way to its neighbours, then to its ink."""
    middles = 2 * spelt.columns + 1
    half = HALF_WIDTH * DIGIT_HEIGHT
    between = (middles[1:] + middles[:-1]) / 2
    lefts = np.maximum(middles - half, np.append(0.0, between))
    rights = np.minimum(middles + half, np.append(between, strip.shape[1]))
    inked = strip[6:-6].max(axis=0) > PAPER + INKED
    spans = []
    for left, right in zip(lefts, rights, strict=True):
        columns = np.flatnonzero(inked[round(left) : max(round(right), round(left) + 1)]) + round(left)
        spans.append((float(columns[0]), float(columns[-1] + 1)) if len(columns) else (left, right))
    return spans


def _to_box(span: Span, to_picture: np.ndarray, shape: tuple[int, ...]) -> Box:
    """Return the upright box, in the picture's pixels, round a span of the strip at the height of its digits."""
    top, bottom = (STRIP_HEIGHT - DIGIT_HEIGHT) / 2, (STRIP_HEIGHT + DIGIT_HEIGHT) / 2
    corners = np.array([[x, y, 1.0] for x in span for y in (top, bottom)]) @ to_picture.T
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    left, top = np.clip(low, 0, np.array(shape[1::-1]) - 1)
    right, bottom = np.clip(high, 1, shape[1::-1])
    return int(left), int(top), int(right), int(bottom)


def _look_again(strip: np.ndarray, spans: Sequence[Span], readers: NumberReaders) -> np.ndarray:
    """Return (n, 10) what each digit looks like by itself, its neighbours at its sides."""
    if not spans:
        return np.zeros((0, 10))
    return softmax(readers.crops.run(crops_of(strip, spans)))


def _weigh(by_line: np.ndarray, by_itself: np.ndarray) -> np.ndarray:
    """Return (n, 10) both witnesses' probabilities weighed together; rows sum to 1."""
    logs = (1 - CROP_WEIGHT) * np.log(by_line + 1e-4) + CROP_WEIGHT * np.log(by_itself + 1e-3)
    return softmax(logs) if len(logs) else by_line


def _doubt(spelt: Spelt, digits: list[DigitReading], boxes: list[Box]) -> str:
    """Return what in the line may be something else, or nothing."""
    # 1. A digit that its own look does not confirm; other writing close by.
    for digit in digits:
        if digit.status != OK:
            return f"the {digit.digit} at {_place(digit.box)} could be {np.argsort(digit.probs)[-2]}, or no digit"
    for i, symbol in enumerate(spelt.text):
        beside = spelt.text[max(0, i - 1) : i] + spelt.text[i + 1 : i + 2]
        if symbol == OTHER and beside.strip():
            return f"something at {_place(boxes[i])} was not read"
    # 2. The line as a whole: the weakest symbol, or the gap that most probably holds one more.
    if spelt.probability > LEAST_SURE:
        return ""
    weakest, gap = int(spelt.certainty.argmin()), int(spelt.missed.argmax())
    if spelt.certainty[weakest] < 1 - spelt.missed[gap]:
        kind = "digit" if spelt.text[weakest].isdigit() else "sign"
        return f"the {kind} at {_place(boxes[weakest])} may not be a {spelt.text[weakest]}"
    side, box = ("before", boxes[gap]) if gap < len(boxes) else ("behind", boxes[-1])
    return f"there may be one more digit or sign {side} {_place(box)}"


def _unread(zone: Zone, boxes: list[Box]) -> str:
    """Return which end of the zone nothing was read at, or nothing."""
    first, last = boxes[0][0], boxes[-1][2]
    if first - zone.x > UNREAD * zone.height:
        return f"something at columns {round(zone.x)}–{first} was not read"
    if zone.x + zone.length - last > UNREAD * zone.height:
        return f"something at columns {last}–{round(zone.x + zone.length)} was not read"
    return ""


def _place(box: Box) -> str:
    return f"columns {box[0]}–{box[2]}"


def _reach(zone: Zone) -> str:
    return f"columns {round(zone.x)}–{round(zone.x + zone.length)}"
