"""Fields of forms as people fill them in: writing in boxes, cells and combs, on lines, beside print; with the truth.

field = draw_field(writer, rng)            # Field(picture uint8 (h, w), text, marks, height)
strip, text = draw_strip(writer, rng)      # what the line reader sees of it, uint8 (32, w), and should say
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from digits.finding.strip import to_strip
from digits.learning.camera import any_harm, any_ink, lay_on_desk, take
from digits.learning.furniture import CELLS, FREE, Sheet, nothing, on_line
from digits.learning.glyphs import Rng, choose
from digits.learning.pens import PENS, Pen
from digits.learning.texts import WORDS, any_text
from digits.learning.typefaces import typeset
from digits.learning.writing import Hand, Mark, Writer, Written, any_hand
from digits.reading.symbols import OTHER


@dataclass(frozen=True)
class Field:
    """A picture of a field, uint8 (h, w), and what is written in it."""

    picture: np.ndarray
    text: str
    marks: list[Mark]
    height: float  # of its digits, in pixels
    middle: float  # row half-way up its digits
    left: float
    right: float
    is_open: bool  # no upright line is printed that might be taken for a 1


def draw_field(
    writer: Writer,
    rng: Rng,
    pens: dict[Pen, float] = PENS,
    heights: tuple[float, float] = (12, 44),
    crowded: bool = True,
) -> Field:
    """Draw one field: choose what is written and where, write it, print round it, photograph it.

    `heights` are of the lowest and the highest digits, in pixels; `crowded`, that lines above and below may be seen.
    """
    # 1. The text and the hand; one digit a cell now and then.
    height = float(np.exp(rng.uniform(*np.log(heights))))
    text, hand = any_text(rng), any_hand(rng, pens)
    if text.replace(OTHER, "0").isdigit() and rng.random() < 0.4:
        hand = replace(hand, pitch=float(rng.uniform(0.85, 2.2)))
    written = writer.write(text, height, rng, hand)
    text = "".join(mark.symbol for mark in written.marks)

    # 2. The paper, with room for it and for what is beside it.
    room = rng.uniform(0.2, 2.0, 4) * height
    sheet = _lay(written, room)
    marks = [_moved(mark, room[0], room[1]) for mark in written.marks]

    # 3. Print: lines and boxes, a label, other writing above and below.
    furniture = choose(CELLS if hand.pitch else FREE, rng)
    furniture(sheet, marks, hand, rng)
    if crowded and rng.random() < 0.35:
        _neighbours(sheet, writer, hand, rng)
    text, marks = _labelled(sheet, text, marks, rng)

    # 4. Turned a little, and photographed.
    ink, print_ink = any_ink(rng), any_ink(rng)
    writing, print_, marks = _turned(sheet, marks, rng)
    picture = take([(print_, print_ink), (writing, ink)], rng, height, any_harm(rng))
    left = min((mark.left for mark in marks), default=sheet.left)
    right = max((mark.right for mark in marks), default=sheet.right)
    if rng.random() < 0.12:
        picture = lay_on_desk(picture, _beyond(sheet, left, right, rng), rng)
    is_open = furniture in (nothing, on_line)
    return Field(picture, text, marks, height, sheet.base - height / 2, left, right, is_open)


def _lay(written: Written, room: np.ndarray) -> Sheet:
    """Put a line of writing on paper with `room` (4,) pixels on its left, above, on its right and below."""
    left, top, right, bottom = room.astype(int)
    tall, wide = written.coverage.shape
    writing = cv2.copyMakeBorder(written.coverage, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    start = min((mark.left for mark in written.marks), default=0.3 * written.height)
    end = max((mark.right for mark in written.marks), default=wide - 0.3 * written.height)
    return Sheet(writing, np.zeros_like(writing), written.height, written.base + top, start + left, end + left)


def _moved(mark: Mark, x: float, y: float) -> Mark:
    x, y = int(x), int(y)
    return Mark(mark.symbol, mark.left + x, mark.top + y, mark.right + x, mark.bottom + y)


def _neighbours(sheet: Sheet, writer: Writer, hand: Hand, rng: Rng) -> None:
    """Write lines above and below that reach into the picture."""
    for way in (-1, 1):
        if rng.random() < 0.6:
            other = writer.write(any_text(rng) or "7", sheet.height, rng, replace(hand, pitch=0.0))
            apart = rng.uniform(1.35, 2.2) * sheet.height
            sheet.put(
                other.coverage, rng.uniform(-2, 3) * sheet.height, sheet.base + way * apart - other.base, on_print=False
            )


def _labelled(sheet: Sheet, text: str, marks: list[Mark], rng: Rng) -> tuple[str, list[Mark]]:
    """Print a label before, behind or above the writing now and then; beside it, it is one more `OTHER`."""
    if rng.random() > 0.16:
        return text, marks
    words = " ".join(rng.choice(WORDS, rng.integers(1, 3)))
    printed = typeset(words + str(rng.choice(["", ":", ".", "*"])), sheet.height * rng.uniform(0.35, 1.0), rng)
    tall, wide = printed.shape
    top = sheet.base - rng.uniform(0.7, 1.0) * sheet.height if rng.random() < 0.5 else sheet.base - tall
    before, gap = (
        sheet.left - rng.uniform(0.25, 1.0) * sheet.height,
        sheet.right + rng.uniform(0.25, 1.0) * sheet.height,
    )
    if before > wide:
        sheet.put(printed, before - wide, top)
        return f"{OTHER} {text}".strip(), [Mark(OTHER, before - wide, top, before, top + tall), *marks]
    if sheet.print.shape[1] - gap > wide:
        sheet.put(printed, gap, top)
        return f"{text} {OTHER}".strip(), [*marks, Mark(OTHER, gap, top, gap + wide, top + tall)]
    sheet.put(
        printed, sheet.left + rng.uniform(-1, 1) * sheet.height, sheet.base - rng.uniform(1.6, 2.4) * sheet.height
    )
    return text, marks


def _turned(sheet: Sheet, marks: list[Mark], rng: Rng) -> tuple[np.ndarray, np.ndarray, list[Mark]]:
    """Turn writing and print together by a degree or two about the middle of the line."""
    angle = float(rng.normal(0, 1.2))
    tall, wide = sheet.writing.shape
    matrix = cv2.getRotationMatrix2D(((sheet.left + sheet.right) / 2, sheet.base - sheet.height / 2), angle, 1.0)
    writing, printed = (
        cv2.warpAffine(layer, matrix, (wide, tall), flags=cv2.INTER_LINEAR) for layer in (sheet.writing, sheet.print)
    )
    rise = np.tan(np.radians(angle))
    middle = (sheet.left + sheet.right) / 2
    shifts = [-rise * ((mark.left + mark.right) / 2 - middle) for mark in marks]
    return writing, printed, [_moved(mark, 0, shift) for mark, shift in zip(marks, shifts, strict=True)]


def _beyond(sheet: Sheet, left: float, right: float, rng: Rng) -> np.ndarray:
    """Return what lies beyond the edges of a small sheet round the writing, float32 (h, w) in 0-1."""
    room = rng.uniform(0.1, 1.8, 4) * sheet.height
    low = np.array([left, sheet.base - sheet.height]) - room[:2]
    high = np.array([right, sheet.base]) + room[2:]
    turn = cv2.getRotationMatrix2D(tuple((low + high) / 2), float(rng.normal(0, 3)), 1.0)
    corners = np.array([[*low, 1], [high[0], low[1], 1], [*high, 1], [low[0], high[1], 1]]) @ turn.T
    paper = np.zeros(sheet.print.shape, np.uint8)
    cv2.fillConvexPoly(paper, (corners * 16).round().astype(np.int32), 255, cv2.LINE_AA, 4)
    return 1 - paper.astype(np.float32) / 255


# ---------------------------------------------------------------- a strip


CUT_OFF = 0.25  # of a symbol's width; more, and nobody can be sure what it was
GONE = 0.8


def draw_strip(writer: Writer, rng: Rng, pens: dict[Pen, float] = PENS) -> tuple[np.ndarray, str]:
    """Return the strip of a field as the finder of lines might cut it out, uint8 (32, w), and its text."""
    field = draw_field(writer, rng, pens)
    height = field.height * float(np.exp(rng.normal(0, 0.13)))
    middle = field.middle + rng.normal(0, 0.1) * field.height
    margins = np.where(rng.random(2) < 0.4, rng.uniform(0.0, 0.2, 2), rng.uniform(0.0, 1.5, 2)) * field.height
    if field.marks and rng.random() < 0.08:  # a cut right through a digit
        margins[rng.integers(2)] = -rng.uniform(0.05, 0.6) * field.height
    left, right = max(0, round(field.left - margins[0])), min(field.picture.shape[1], round(field.right + margins[1]))
    if right - left < field.height / 3:
        left, right = 0, field.picture.shape[1]
    top, bottom = 0, field.picture.shape[0]
    if field.is_open and rng.random() < 0.4:  # a picture that ends at the digits; an upright line there would be a 1
        room = rng.uniform(0.5, 0.8, 2) * field.height
        top, bottom = max(0, round(field.middle - room[0])), round(field.middle + room[1])
    strip = to_strip(field.picture[top:bottom, left:right], middle - top, height)
    return strip, _seen(field, left, right)


def _seen(field: Field, left: float, right: float) -> str:
    """Return the text between two columns; what is cut through is `OTHER`, what is nearly all cut off is nothing."""
    ordered: list[Mark | None] = list(field.marks)
    if len(ordered) < len(field.text):  # no mark for the space between a label and the writing
        ordered.insert(1 if field.text.startswith(OTHER) else -1, None)
    seen = ""
    for symbol, mark in zip(field.text, ordered, strict=True):
        if mark is None or symbol == " ":
            seen += symbol
            continue
        lost = 1 - (min(mark.right, right) - max(mark.left, left)) / max(1.0, mark.right - mark.left)
        seen += symbol if lost < CUT_OFF else OTHER if lost < GONE else ""
    return " ".join(seen.split())
