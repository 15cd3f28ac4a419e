"""What is left to doubt of a line that was read: each rule looks for one thing, and says in words where it found it.

    close_by(spelt, boxes)             # Doubt("something at columns 40–61 was not read", box), or None

They are asked one after the other in line.py; the first that finds something is the reason why the line is not ok.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from digits.finding.pixels import Box
from digits.finding.rules import runs_through
from digits.finding.strip import DIGIT_HEIGHT, PAPER, measure
from digits.reading.ctc import Spelt
from digits.reading.marks import is_blot, why_not
from digits.reading.spans import INKED, Span, ink_at_digits, to_box
from digits.reading.symbols import OTHER, SYMBOLS
from digits.reading.zones import Zone

UNREAD = 0.8  # digit heights at an end of the zone, or between two symbols, where nothing was read
TALL, BROAD = 0.3, 0.25  # digit heights: what was passed over is higher than a rule, and broader than a line
SMALLER, RAISED, LOWERED = 0.75, 0.25, 0.05  # of the tallest digit's height: a raised or lowered one, and how far it is
ALONG = 0.8  # of a line's length, that a ruled line covers
TRACED, LEVEL = 0.3, 0.9  # of its strongest ink, to which a digit is traced; of its width, that a line below it covers
NEAR, ROOM = 0.1, 0.3  # digit heights from a border that strokes may cross, and at the other one
CROSSED = 0.5  # of the ink's depth, where it does
RIM = 3  # rows of a strip that may show the feet and heads of other lines


class Doubt(NamedTuple):
    """Why a line is not ok, in words, and the box of the symbol that they name, if they name one."""

    why: str
    box: Box | None = None


def close_by(spelt: Spelt, boxes: list[Box]) -> Doubt | None:
    """Return where other writing stands beside a digit or sign, or None."""
    for i, symbol in enumerate(spelt.text):
        beside = spelt.text[max(0, i - 1) : i] + spelt.text[i + 1 : i + 2]
        if symbol == OTHER and beside.strip(f" {OTHER}"):
            return Doubt(f"something at {_place_of(boxes[i])} was not read", boxes[i])
    return None


def unread_end(zone: Zone, boxes: list[Box]) -> Doubt | None:
    """Return which end of the zone nothing was read at, or None."""
    first, last = boxes[0][0], boxes[-1][2]
    if first - zone.x > UNREAD * zone.height:
        return Doubt(f"something at columns {round(zone.x)}–{first} was not read")
    if zone.x + zone.length - last > UNREAD * zone.height:
        return Doubt(f"something at columns {last}–{round(zone.x + zone.length)} was not read")
    return None


def illegible(zone: Zone, text: str, spans: list[Span], strip: np.ndarray) -> Doubt | None:
    """Return that a zone in which no number is read holds something; None if that is a punched hole or a blot."""
    if text == OTHER:
        left, right = map(round, spans[0])
        if is_blot(ink_at_digits(strip)[:, left:right] > INKED):
            return None
    return Doubt(f"something at {zone.place} was not read")


def skipped(spans: list[Span], strip: np.ndarray, to_picture: np.ndarray, shape: tuple[int, ...]) -> Doubt | None:
    """Return between which two symbols something as high as writing was passed over, or None."""
    ink = ink_at_digits(strip) > INKED
    tall = ink.sum(axis=0) > TALL * DIGIT_HEIGHT
    for (_left, end), (start, _right) in zip(spans, spans[1:], strict=False):
        if start - end > UNREAD * DIGIT_HEIGHT and tall[round(end) : round(start)].sum() > BROAD * DIGIT_HEIGHT:
            return Doubt(f"something at {_place_of(to_box((end, start), to_picture, shape))} was not read")
    return None


def is_crossed_out(spans: list[Span], strip: np.ndarray) -> bool:
    """Whether a stroke runs all along two or more symbols: the gaps between them are inked too."""
    left, right = round(spans[0][0]), round(spans[-1][1])
    ink = strip[:, left:right].astype(np.float32) - PAPER > INKED
    return len(spans) > 1 and right - left >= DIGIT_HEIGHT and runs_through(ink)


def cut_through(zone: Zone, boxes: list[Box], grey: np.ndarray) -> Doubt | None:
    """Return that all symbols end at the top or the foot of a picture that leaves room on the other side; or None.

    They may go on beyond it, as a single digit may that touches a border.
    """
    lefts, tops, rights, feet = np.array(boxes).T
    above, below = tops.min(), grey.shape[0] - feet.max()
    near, far = sorted((above, below))
    if near > NEAR * zone.height or far < ROOM * zone.height:
        return None
    paper, contrast = measure(grey[tops.min() : feet.max(), lefts[0] : rights[-1]])
    inked = (grey[0 if above < below else -1] - paper) / contrast > CROSSED
    is_ruled = inked[lefts[0] : rights[-1]].mean() > ALONG
    all_end_there = all(inked[left:right].any() for left, right in zip(lefts, rights, strict=True))
    return Doubt("it may be cut off at the border") if all_end_there and not is_ruled else None


def misread(text: str, spans: list[Span], strip: np.ndarray, boxes: list[Box]) -> Doubt | None:
    """Return which symbol's ink is hardly that symbol, and why; or None."""
    ink = ink_at_digits(strip) > INKED
    for symbol, (left, right), box in zip(text, spans, boxes, strict=True):
        if symbol != " " and (why := why_not(symbol, ink[:, round(left) : round(right)])):
            return Doubt(f"the {symbol} at {_place_of(box)} may be none: {why}", box)
    return None


def out_of_line(text: str, spans: list[Span], strip: np.ndarray, boxes: list[Box]) -> Doubt | None:
    """Return which digit is smaller than another and raised or lowered, as cents and exponents are, or None."""
    ink = strip[RIM:-RIM].astype(np.float32) - PAPER
    ink[(ink[:, round(spans[0][0]) : round(spans[-1][1])] > INKED).mean(axis=1) > ALONG] = 0  # ruled
    digits = [i for i, symbol in enumerate(text) if symbol.isdigit()]
    extents = [_rows_of(ink[:, round(spans[i][0]) : round(spans[i][1])]) for i in digits]
    top, foot = max(extents, key=lambda rows: rows[1] - rows[0])
    height = foot - top
    for i, (start, end) in zip(digits, extents, strict=True):
        if 0 < end - start < SMALLER * height and end < foot - RAISED * height:
            return Doubt(f"the {text[i]} at {_place_of(boxes[i])} is small and raised", boxes[i])
        if 0 < end - start < SMALLER * height and end > foot + LOWERED * height:
            return Doubt(f"the {text[i]} at {_place_of(boxes[i])} is small and lowered", boxes[i])
    return None


def _rows_of(ink: np.ndarray) -> tuple[int, int]:
    """Return the first row of a digit's ink, float32 (h, w), and that behind its last, without a line below it."""
    inked = ink > TRACED * ink.max(initial=1.0)
    edges = np.flatnonzero(np.diff(inked.any(axis=1), prepend=False, append=False))
    parts = [slice(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    strokes = [
        rows for rows in parts if rows.stop - rows.start > TALL * DIGIT_HEIGHT or inked[rows].any(axis=0).mean() < LEVEL
    ]
    return (int(strokes[0].start), int(strokes[-1].stop)) if strokes else (0, 0)


def weakest(spelt: Spelt, boxes: list[Box]) -> Doubt:
    """Return where a line is least sure: at its weakest symbol, or in the gap that most probably holds one more."""
    weakest, gap = int(spelt.certainty.argmin()), int(spelt.missed.argmax())
    if spelt.certainty[weakest] < 1 - spelt.missed[gap]:
        second = SYMBOLS[np.argsort(spelt.probabilities[weakest])[-2]]
        absent = spelt.presence[weakest] < spelt.probabilities[weakest].max()
        otherwise = "nothing" if absent else {" ": "a space", OTHER: "other writing"}.get(second, second)
        return Doubt(f"the {spelt.text[weakest]} at {_place_of(boxes[weakest])} could be {otherwise}", boxes[weakest])
    side, box = ("before", boxes[gap]) if gap < len(boxes) else ("behind", boxes[-1])
    return Doubt(f"there may be one more digit or sign {side} {_place_of(box)}", box)


def _place_of(box: Box) -> str:
    """Return where a box is, in words."""
    return f"columns {box[0]}–{box[2]}"
