"""One line of a number: what its strip says, how surely, and what is left to doubt.

line = read_zone(grey, zone, readers)
line.text, line.digits, line.doubt         # "64,444.60", [DigitReading, …], ""
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from digits.finding.pixels import Box
from digits.finding.rules import runs_through
from digits.finding.strip import DIGIT_HEIGHT, PAPER, STRIP_HEIGHT
from digits.reading.ctc import Spelt, log_probability, spell
from digits.reading.engines import SurroundingsNetwork
from digits.reading.finder import NumberFinder, Zone
from digits.reading.marks import why_not
from digits.reading.spaces import Span
from digits.reading.symbols import OTHER, SYMBOLS
from digits.reading.usage import usage, weigh_usage
from digits.reading.verdict import OK, UNSURE

# Chosen on drawn fields of validation digits and on the development documents, see docs/labbook.md.
SIZES = (1.0, 1.14)  # of the digits, against what the finder says
LEAST_READ = 0.6  # certainty of a line, on average, below which it is none
CLEAR = 0.97  # probability of a line that needs no second look
LEAST_SURE = 0.9  # probability of a line that is ok, or of a digit
BEYOND = 0.5  # digit heights outside the zone where something was read: it goes on
READ_ON = 8  # times at most
UNREAD = 0.8  # digit heights at an end of the zone, or between two symbols, where nothing was read
TALL, BROAD = 0.3, 0.25  # digit heights: what was passed over is higher than a rule, and broader than a line
HALF_WIDTH = 0.55  # of a digit's box, in digit heights, where no neighbour is nearer
INKED = 50  # levels above the paper


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
    boxes = [_to_box(span, best.to_picture, grey.shape) for span in spans]
    digits = [_digit(spelt, i, boxes[i]) for i, symbol in enumerate(spelt.text) if symbol.isdigit()]
    # 3. Words, some of whose letters look like digits, are no number, and neither is what can hardly be read.
    n_words = spelt.text.count(OTHER)
    beside_a_unit = n_words == len(digits) == 1 and digits[0].confidence > CLEAR
    if (len(digits) <= n_words and not beside_a_unit) or best.certainty < LEAST_READ:
        return ReadLine(zone, "", [], [], best.certainty, f"something at {zone.place} was not read")
    # 4. What is left to doubt.
    written = [i for i, symbol in enumerate(spelt.text) if symbol != " "]
    unread = _close_by(spelt, boxes) or _unread(zone, [boxes[i] for i in written])
    doubt = unread = unread or _skipped([spans[i] for i in written], best, grey.shape)
    said, otherwise = _without_words(spelt.text), _without_words(other.text)
    if not doubt and _is_crossed_out([spans[i] for i in written], best.strip):
        doubt = "it may be crossed out"
    doubt = doubt or _misread(spelt.text, spans, best.strip, boxes)
    if not doubt and _without_spaces(otherwise) != _without_spaces(said):
        doubt = f"it could be {otherwise or 'no number'}"
    if not doubt and np.sqrt(spelt.probability * other.probability) < LEAST_SURE:
        doubt = _weakest(spelt, boxes)
    is_whole = not unread and bool(spelt.missed.max() < 1 - LEAST_SURE)
    in_heights = [(left / DIGIT_HEIGHT, right / DIGIT_HEIGHT) for left, right in spans]
    symbols = [in_heights[i] for i in written if spelt.text[i] != OTHER]
    return ReadLine(zone, said, symbols, digits, best.certainty, doubt, is_whole)


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


def spans_of(spelt: Spelt, strip: np.ndarray) -> list[Span]:
    """Return (left, right) of each symbol in the strip's pixels: to where its neighbours begin, then to its ink."""
    middles = 2 * spelt.columns + 1
    half = HALF_WIDTH * DIGIT_HEIGHT
    ink = strip[6:-6].astype(np.float32) - PAPER
    between = [_border(ink, left, right) for left, right in zip(middles, middles[1:], strict=False)]
    lefts = np.maximum(middles - half, [0.0, *between])
    rights = np.minimum(middles + half, [*between, strip.shape[1]])
    inked = ink.max(axis=0) > INKED
    spans = []
    for left, right in zip(lefts, rights, strict=True):
        columns = np.flatnonzero(inked[round(left) : max(round(right), round(left) + 1)]) + round(left)
        spans.append((float(columns[0]), float(columns[-1] + 1)) if len(columns) else (left, right))
    return spans


def _border(ink: np.ndarray, left: float, right: float) -> float:
    """Return the column with the least ink between two symbols, of the middle half of the way from one to the other."""
    quarter = (right - left) / 4
    start = round(left + quarter)
    inked = ink[:, start : max(round(right - quarter), start + 1)].clip(0).sum(axis=0)
    emptiest = np.flatnonzero(inked == inked.min())
    return start + float(emptiest.mean()) + 0.5


def _to_box(span: Span, to_picture: np.ndarray, shape: tuple[int, ...]) -> Box:
    """Return the upright box, in the picture's pixels, round a span of the strip at the height of its digits."""
    top, bottom = (STRIP_HEIGHT - DIGIT_HEIGHT) / 2, (STRIP_HEIGHT + DIGIT_HEIGHT) / 2
    corners = np.array([[x, y, 1.0] for x in span for y in (top, bottom)]) @ to_picture.T
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    left, top = np.clip(low, 0, np.array(shape[1::-1]) - 1)
    right, bottom = np.clip(high, 1, shape[1::-1])
    return int(left), int(top), int(right), int(bottom)


def _close_by(spelt: Spelt, boxes: list[Box]) -> str:
    """Return where other writing stands beside a digit or sign, or nothing."""
    for i, symbol in enumerate(spelt.text):
        beside = spelt.text[max(0, i - 1) : i] + spelt.text[i + 1 : i + 2]
        if symbol == OTHER and beside.strip(f" {OTHER}"):
            return f"something at {_place(boxes[i])} was not read"
    return ""


def _weakest(spelt: Spelt, boxes: list[Box]) -> str:
    """Return where a line is least sure: at its weakest symbol, or in the gap that most probably holds one more."""
    weakest, gap = int(spelt.certainty.argmin()), int(spelt.missed.argmax())
    if spelt.certainty[weakest] < 1 - spelt.missed[gap]:
        second = SYMBOLS[np.argsort(spelt.probabilities[weakest])[-2]]
        absent = spelt.presence[weakest] < spelt.probabilities[weakest].max()
        otherwise = "nothing" if absent else {" ": "a space", OTHER: "other writing"}.get(second, second)
        return f"the {spelt.text[weakest]} at {_place(boxes[weakest])} could be {otherwise}"
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


def _skipped(spans: list[Span], seen: _Seen, shape: tuple[int, ...]) -> str:
    """Return between which two symbols something as high as writing was passed over, or nothing."""
    ink = seen.strip[6:-6].astype(np.float32) - PAPER > INKED
    tall = ink.sum(axis=0) > TALL * DIGIT_HEIGHT
    for (_left, end), (start, _right) in zip(spans, spans[1:], strict=False):
        if start - end > UNREAD * DIGIT_HEIGHT and tall[round(end) : round(start)].sum() > BROAD * DIGIT_HEIGHT:
            return f"something at {_place(_to_box((end, start), seen.to_picture, shape))} was not read"
    return ""


def _is_crossed_out(spans: list[Span], strip: np.ndarray) -> bool:
    """Whether a stroke runs all along two or more symbols: the gaps between them are inked too."""
    left, right = round(spans[0][0]), round(spans[-1][1])
    ink = strip[:, left:right].astype(np.float32) - PAPER > INKED
    return len(spans) > 1 and right - left >= DIGIT_HEIGHT and runs_through(ink)


def _misread(text: str, spans: list[Span], strip: np.ndarray, boxes: list[Box]) -> str:
    """Return which symbol's ink is hardly that symbol, and why; or nothing."""
    ink = strip[6:-6].astype(np.float32) - PAPER > INKED
    for symbol, (left, right), box in zip(text, spans, boxes, strict=True):
        if symbol != " " and (why := why_not(symbol, ink[:, round(left) : round(right)])):
            return f"the {symbol} at {_place(box)} may be none: {why}"
    return ""


def _place(box: Box) -> str:
    return f"columns {box[0]}–{box[2]}"
