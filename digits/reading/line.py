"""One line of a number: what its strip says, how surely, and what is left to doubt.

line = read_zone(grey, zone, readers)
line.text, line.digits, line.doubt         # "64,444.60", [DigitReading, …], ""
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from digits.finding.pixels import Box
from digits.finding.strip import DIGIT_HEIGHT
from digits.reading.ctc import Spelt, log_probability, spell
from digits.reading.doubts import (
    Doubt,
    close_by,
    cut_through,
    illegible,
    is_crossed_out,
    misread,
    out_of_line,
    skipped,
    unread_end,
    weakest,
)
from digits.reading.engines import SurroundingsNetwork
from digits.reading.finder import NumberFinder
from digits.reading.spans import Span, spans_of, to_box
from digits.reading.symbols import OTHER
from digits.reading.usage import usage, weigh_usage
from digits.reading.verdict import OK, UNSURE
from digits.reading.zones import Zone

# Chosen on drawn fields of validation digits and on the development documents, see docs/labbook.md.
SIZES = (1.0, 1.14)  # of the digits, against what the finder says
LEAST_READ = 0.6  # certainty of a line, on average, below which it is none
CLEAR = 0.97  # probability of a line that needs no second look
LEAST_SURE = 0.9  # probability of a line that is ok, or of a digit
BEYOND = 0.5  # digit heights outside the zone where something was read: it goes on
READ_ON = 8  # times at most


@dataclass(frozen=True)
class NumberReaders:
    """The two networks that read numbers: where they stand, and what a line says."""

    finder: NumberFinder
    lines: SurroundingsNetwork

    @property
    def facts(self) -> dict[str, Any]:
        """Return each network's facts by its name."""
        return {"pages": self.finder.facts, "lines": self.lines.facts}


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
    """What one zone says, and how surely on average.

    `spans` are where its symbols but for the spaces stand along it, in digit heights.
    `doubt` is why it is not ok, empty if it is; `is_whole`, whether nothing in the zone was left unread or missed.
    """

    zone: Zone
    text: str
    spans: list[Span]
    digits: list[DigitReading]
    certainty: float
    doubt: str
    is_whole: bool = False

    @property
    def is_blot(self) -> bool:
        """Whether there is no writing at all, but a blot or a punched hole."""
        return not self.digits and not self.doubt


@dataclass(frozen=True)
class _Seen:
    """A zone's strip, uint8 (32, w), what it says, and the way back from its pixels to the picture's."""

    strip: np.ndarray
    to_picture: np.ndarray
    log_probs: np.ndarray  # (w // 2, 19)
    spelt: Spelt

    @property
    def certainty(self) -> float:
        """How surely its symbols are read, on average."""
        return float(self.spelt.certainty.mean()) if self.spelt.text else 0.0


def read_zone(grey: np.ndarray, zone: Zone, readers: NumberReaders) -> ReadLine:
    """Read one zone of a grey picture, uint8 (h, w), and what goes on beyond its ends."""
    line = _read(grey, zone, readers)
    for _ in range(READ_ON):
        if (longer := _reaching(line)) == line.zone:
            return line
        if not (again := _read(grey, longer, readers)).digits:
            break
        line = again
    doubt = line.doubt or f"what is beyond {line.zone.place} was not read"
    return replace(line, doubt=doubt, is_whole=False)


def _reaching(line: ReadLine) -> Zone:
    """Return the zone of a line as long as what was read in it: the finder may see only a part of a number."""
    zone = line.zone
    if not line.digits:
        return zone
    left = min(zone.x, float(line.digits[0].box[0]))
    right = max(zone.x + zone.length, float(line.digits[-1].box[2]))
    if right - left < zone.length + BEYOND * zone.height:
        return zone
    return replace(zone, x=left, y=zone.y + zone.slope * (left - zone.x), length=right - left)


def _read(grey: np.ndarray, zone: Zone, readers: NumberReaders) -> ReadLine:
    """Read what a zone says."""
    # 1. What the line says, at two sizes unless the first is clear; if they differ, what both together find likelier.
    seen = _looks(grey, zone, readers)
    best = _likeliest(seen)
    spelt, other = best.spelt, seen[0 if best is seen[-1] else -1].spelt
    # 2. Where each of its symbols stands.
    spans = spans_of(spelt, best.strip)
    boxes = [to_box(span, best.to_picture, grey.shape) for span in spans]
    digits = [_digit(spelt, i, boxes[i]) for i, symbol in enumerate(spelt.text) if symbol.isdigit()]
    # 3. Words, some of whose letters look like digits, are no number, and neither is what can hardly be read.
    n_words = spelt.text.count(OTHER)
    beside_a_unit = n_words == len(digits) == 1 and digits[0].confidence > CLEAR
    if (len(digits) <= n_words and not beside_a_unit) or best.certainty < LEAST_READ:
        nothing = illegible(zone, spelt.text, spans, best.strip)
        return ReadLine(zone, "", [], [], best.certainty, nothing.why if nothing else "")
    # 4. What is left to doubt.
    written = [i for i, symbol in enumerate(spelt.text) if symbol != " "]
    inked, ends = [spans[i] for i in written], [boxes[i] for i in written]
    unread = close_by(spelt, boxes) or unread_end(zone, ends) or skipped(inked, best.strip, best.to_picture, grey.shape)
    found = unread or cut_through(zone, ends, grey) or _doubt(best, other, spans, boxes)
    digits = [replace(digit, status=UNSURE) if found and digit.box == found.box else digit for digit in digits]
    doubt = found.why if found else ""
    is_whole = not unread and bool(spelt.missed.max() < 1 - LEAST_SURE)
    in_heights = [(left / DIGIT_HEIGHT, right / DIGIT_HEIGHT) for left, right in spans]
    symbols = [in_heights[i] for i in written if spelt.text[i] != OTHER]
    return ReadLine(zone, _without_words(spelt.text), symbols, digits, best.certainty, doubt, is_whole)


def _doubt(best: _Seen, other: Spelt, spans: list[Span], boxes: list[Box]) -> Doubt | None:
    """Return what speaks against a line in which nothing was left unread, or None; `other` is its other look."""
    spelt, inked = best.spelt, [span for span, symbol in zip(spans, best.spelt.text, strict=True) if symbol != " "]
    if is_crossed_out(inked, best.strip):
        return Doubt("it may be crossed out")
    where = spelt.text, spans, best.strip, boxes
    if doubt := misread(*where) or out_of_line(*where):
        return doubt
    said, otherwise = _without_words(spelt.text), _without_words(other.text)
    if _without_spaces(otherwise) != _without_spaces(said):
        return Doubt(f"it could be {otherwise or 'no number'}")
    if "/" in said and usage(said) < 1:  # few people write one there, but a 1 that leans
        return Doubt(f"a / in {said} could be 1")
    return weakest(spelt, boxes) if np.sqrt(spelt.probability * other.probability) < LEAST_SURE else None


def _looks(grey: np.ndarray, zone: Zone, readers: NumberReaders) -> list[_Seen]:
    """See a zone once if digits are clear then, twice if not."""
    first = _see(grey, zone, SIZES[0], readers)
    is_clear = _has_digits(first) and first.spelt.probability > CLEAR
    return [first] if is_clear else [first, _see(grey, zone, SIZES[1], readers)]


def _see(grey: np.ndarray, zone: Zone, size: float, readers: NumberReaders) -> _Seen:
    """See a zone as if its digits were `size` times as high as the finder says."""
    strip, to_picture = replace(zone, height=size * zone.height).cut(grey)
    log_probs = readers.lines.run(strip[None])[0].astype(np.float64)
    return _Seen(strip, to_picture, log_probs, weigh_usage(spell(log_probs)))


def _likeliest(seen: list[_Seen]) -> _Seen:
    """Return the look whose text all looks together find likeliest; of those that say the same, the surest."""
    texts = {one.spelt.text for one in seen if _has_digits(one)}
    if len(texts) < 2:
        return max(seen, key=lambda one: (one.spelt.text in texts, one.certainty))
    likelihood = {
        text: sum(log_probability(one.log_probs, text) for one in seen) + np.log(usage(text)) for text in texts
    }
    return max(seen, key=lambda one: (likelihood.get(one.spelt.text, -np.inf), one.certainty))


def _has_digits(one: _Seen) -> bool:
    return any(map(str.isdigit, one.spelt.text))


def _digit(spelt: Spelt, i: int, box: Box) -> DigitReading:
    """Return symbol number `i` of a line, a digit, by itself."""
    probs = spelt.probabilities[i, :10] / spelt.probabilities[i, :10].sum()
    status = OK if spelt.certainty[i] > LEAST_SURE else UNSURE
    return DigitReading(int(spelt.text[i]), float(spelt.certainty[i]), probs.astype(np.float32), box, status, 0)


def _without_words(text: str) -> str:
    """Return a text without the words beside it."""
    return " ".join(text.replace(OTHER, " ").split())


def _without_spaces(text: str) -> str:
    return "".join(text.split())
