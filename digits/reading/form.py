"""A picture of a filled form -> what each of its fields says: the story from the page to the answers.

    form = load_form("form.json")
    reading = read_form(pixels, form, predictor)
    reading.fields["total"].text, reading.fields["total"].status      # "64,444.60", "ok"

The page is laid over the picture of the empty form, which also tells what is print there and what is written. A page
that does not fit is refused. What a field says is held against its format; what breaks it is never ok.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from digits.finding.alignment import Alignment, align, darkness_of
from digits.finding.limits import PictureError
from digits.finding.pixels import to_grey
from digits.finding.rules import runs_through
from digits.finding.strip import STRIP_HEIGHT
from digits.reading.answer import Predictor
from digits.reading.template import Field, Form
from digits.reading.verdict import BLANK, NOT_A_DIGIT, OK, UNSURE

MARGIN = 0.2  # of a field's height, cut out round it: people write over the edge
HEIGHT = 96  # pixels of a field as it is read, at least, if the page has so many
PRINTED = 0.1  # of the paper's light is taken by print, at its palest
LEAST_FIT = 0.5  # correlation of the print round a field; of a page photographed out of focus 0.8, of others below 0.4
NEAR = 0.03  # of a field's height: its print may stand so far off
PLACE = re.compile(r" (at|before|behind) columns \d+–\d+")
INKED, FAINT = 0.25, 0.09  # of the paper's light, taken by ink; by what may be ink
OUTSIDE = 0.03  # of a field's height, that it may reach out of the picture: the two are aligned so exactly
STROKE = 0.16  # of a field's height, a mark's least size


@dataclass(frozen=True)
class FieldReading:
    """What one field says. `status` is ok, unsure, blank or not_a_digit; `reason` one sentence, empty if ok."""

    text: str
    status: str
    reason: str
    confidence: float | None

    def row(self) -> dict[str, Any]:
        """Return the reading as plain JSON values."""
        confidence = None if self.confidence is None else round(self.confidence, 6)
        return {"text": self.text, "status": self.status, "reason": self.reason, "confidence": confidence}


@dataclass(frozen=True)
class FormReading:
    """What a page says, by the names of its fields. It is ok if every field is, or is empty and may be."""

    form: Form
    fields: dict[str, FieldReading]
    alignment: Alignment

    @property
    def doubts(self) -> list[str]:
        """Return what keeps the page from being ok, a sentence a field."""
        fields = [(field, self.fields[field.name]) for field in self.form.fields]
        return [f"{field.name}: {reading.reason}" for field, reading in fields if _is_doubtful(field, reading)]

    @property
    def status(self) -> str:
        """Return ok, unsure, or blank if nothing is filled in."""
        if all(reading.status == BLANK for reading in self.fields.values()):
            return BLANK
        return UNSURE if self.doubts else OK

    def row(self, path: str = "") -> dict[str, Any]:
        """Return the reading as plain JSON values."""
        sure = [reading.confidence for reading in self.fields.values() if reading.confidence is not None]
        corners = {field.name: corners_of(self.alignment, self.form, field) for field in self.form.fields}
        return {
            "path": path, "status": self.status, "reason": "; ".join(self.doubts),
            "confidence": round(min(sure), 6) if sure else None,
            "fields": {name: reading.row() | {"corners": corners[name]} for name, reading in self.fields.items()},
        }  # fmt: skip


def _is_doubtful(field: Field, reading: FieldReading) -> bool:
    """Whether a field keeps its page from being ok: it is not ok itself, or is empty and must not be."""
    return reading.status not in (OK, BLANK) or (reading.status == BLANK and field.required)


def read_form(pixels: np.ndarray, form: Form, predictor: Predictor) -> FormReading:
    """Read a page, uint8 (h, w) or RGB (h, w, 3). Raises `PictureError` if it cannot be laid over the empty form."""
    # 1. The page is laid over the empty form.
    page = to_grey(pixels)
    alignment = align(page, form.landmarks)

    # 2. It is another edition of the form, if the fields stand elsewhere on it.
    fits = {field.name: _fit(alignment, form, field) for field in form.fields}
    if np.median(list(fits.values())) < LEAST_FIT:
        raise PictureError("the page does not show this form: the print around the fields differs")

    # 3. Each field is cut out, read, and held against its format.
    fields = {field.name: read_field(alignment, form, field, predictor) for field in form.fields}
    for name in (name for name, fit in fits.items() if fit < LEAST_FIT and fields[name].status == OK):
        fields[name] = replace(fields[name], status=UNSURE, reason="the print around it differs from the form")
    for name in (field.name for field in form.fields if _is_cut_off(alignment, form, field)):
        doubtful = UNSURE if fields[name].text else NOT_A_DIGIT
        fields[name] = replace(fields[name], status=doubtful, reason="the picture does not show all of this field")
    return FormReading(form, fields, alignment)


def _fit(alignment: Alignment, form: Form, field: Field) -> float:
    """Return how well the print round a field is found again, at most 1."""
    assert alignment.seen is not None, "the page was aligned"
    return form.landmarks.alike(alignment.seen, form.box_of(field))


def _is_cut_off(alignment: Alignment, form: Form, field: Field) -> bool:
    """Whether the page ends within a field: what lies beyond is not known, and its last pixels are repeated there."""
    height, width = alignment.page.shape
    corners = np.array(corners_of(alignment, form, field))
    slack = OUTSIDE * np.ptp(corners[:, 1])
    return bool((corners < -slack).any() or (corners > np.array([width, height]) + slack).any())


def read_field(alignment: Alignment, form: Form, field: Field, predictor: Predictor) -> FieldReading:
    """Read one field of an aligned page."""
    # 1. What the page shows there, without what is printed on the empty form.
    picture, printed = cut_field(alignment, form, field)
    writing = without_print(picture, printed)
    marks = marks_on(picture, printed)
    if is_blank(marks):
        faint = not is_blank(marks_on(cv2.GaussianBlur(picture, (5, 5), 0), printed, FAINT))
        reason = "something faint is written, or the paper is stained" if faint else "nothing is written here"
        return FieldReading("", NOT_A_DIGIT if faint else BLANK, reason, None)

    # 2. What is written: a digit a cell, or a line.
    if field.cells or field.format.kind == "digit":
        reading = read_cells(writing, marks, field.cells or 1, predictor)
    else:
        number = predictor.read_number(writing)
        reason = PLACE.sub("", number.reason)  # in the picture cut out, which nobody sees
        reading = FieldReading(field.format.plain(number.text), number.status, reason, number.confidence)
    if not reading.text:
        return FieldReading("", NOT_A_DIGIT, "something is written, but nothing that can be read", None)

    # 3. What breaks the format is never ok.
    fault = field.format.fault(reading.text)
    return replace(reading, status=UNSURE, reason=fault) if fault else reading


def read_cells(writing: np.ndarray, marks: np.ndarray, n: int, predictor: Predictor) -> FieldReading:
    """Read a field of `n` cells, one digit each; empty ones may stand before and behind the digits only."""
    margin = MARGIN * writing.shape[0] / (1 + 2 * MARGIN)
    edges = np.linspace(margin, writing.shape[1] - margin, n + 1).round().astype(int)
    cells = list(zip(edges, edges[1:], strict=False))
    filled = [i for i, (left, right) in enumerate(cells) if not is_blank(marks[:, left:right])]
    digits = predictor.predict_batch(np.ascontiguousarray(writing[:, left:right]) for left, right in cells)
    read = [(i, digits[i]) for i in filled if digits[i].digit is not None]
    doubts = [f"cell {i + 1}: {digit.reason}" for i in filled if (digit := digits[i]).status != OK]
    if filled and len(filled) <= filled[-1] - filled[0]:
        doubts.append("a cell between two digits is empty")
    if len(filled) > 1 and _are_crossed_out(marks[:, cells[filled[0]][0] : cells[filled[-1]][1]]):
        doubts.append("it may be crossed out")
    text = "".join(str(digit.digit) for _i, digit in read)
    confidence = min((digit.confidence for _i, digit in read), default=None)
    return FieldReading(text, UNSURE if doubts else OK, next(iter(doubts), ""), confidence)


def _are_crossed_out(marks: np.ndarray) -> bool:
    """Whether a stroke runs through all cells, bool (h, w); it shows no marks on the lines printed between them."""
    size = round(marks.shape[1] * STRIP_HEIGHT / len(marks)), STRIP_HEIGHT
    small = (cv2.resize(marks.astype(np.float32), size) > 0.3).astype(np.uint8)
    return runs_through(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((1, 7), np.uint8)) > 0)


# ---------------------------------------------------------------- one field's pixels


def cut_field(alignment: Alignment, form: Form, field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Return what the page and the empty form show at a field and a margin round it, both uint8 (h, w)."""
    left, top, right, bottom = form.box_of(field)
    margin = MARGIN * (bottom - top)
    box = left - margin, top - margin, right + margin, bottom + margin
    scale = max(1.0, min(alignment.scale_at(box), HEIGHT / (bottom - top)))
    return alignment.cut(box, scale), Alignment(form.empty, np.eye(3), 1.0).cut(box, scale)


def corners_of(alignment: Alignment, form: Form, field: Field) -> list[list[int]]:
    """Return where the page shows a field: its four corners as [x, y] in the page's pixels, from the top left on."""
    return alignment.corners_of(form.box_of(field)).round().astype(int).tolist()


def without_print(picture: np.ndarray, printed: np.ndarray) -> np.ndarray:
    """Return a field, uint8 (h, w), with what is printed there painted over from beside it, strokes across it too."""
    return cv2.inpaint(picture, _print_on(printed, NEAR), 3, cv2.INPAINT_TELEA)


def marks_on(picture: np.ndarray, printed: np.ndarray, least: float = INKED) -> np.ndarray:
    """Return where a field, uint8 (h, w), is inked at `least` so darkly and the empty form is not, bool (h, w)."""
    inked = darkness_of(picture, picture.shape[0] | 1) > least
    return inked & (_print_on(printed, 2 * NEAR) == 0)


def is_blank(marks: np.ndarray) -> bool:
    """Whether marks, bool (h, w), of a field and its margin are none in its inside that is as large as a stroke."""
    height = marks.shape[0] / (1 + 2 * MARGIN)
    inset = round((MARGIN + 0.05) * height)
    inside = marks[inset:-inset].astype(np.uint8)
    _n, _labels, stats, _middles = cv2.connectedComponentsWithStats(inside, connectivity=8)
    return bool(stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(initial=0) < STROKE * height)


def _print_on(printed: np.ndarray, near: float) -> np.ndarray:
    """Return 1 where an empty field, uint8 (h, w), is printed on, or `near` to it in shares of its height."""
    side = 2 * round(near * printed.shape[0] / (1 + 2 * MARGIN)) + 1
    return cv2.dilate(
        (darkness_of(printed, printed.shape[0] | 1) > PRINTED).astype(np.uint8), np.ones((side, side), np.uint8)
    )
