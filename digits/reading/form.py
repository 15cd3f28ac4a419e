"""A picture of a filled form -> what each of its fields says: the story from the template to the answers.

    form = load_form("form.json")
    reading = read_form(pixels, form, predictor)
    reading.fields["total"].text, reading.fields["total"].status      # "64,444.60", "ok"

The template names the picture of the empty form and the boxes to read. A page is laid over the empty form first; one
that does not fit is refused. What a field says is read as any number is, then held against the field's format.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from digits.command import UserError
from digits.finding.alignment import Alignment, Box, Landmarks, align, to_ink
from digits.finding.decode import PictureError, open_picture
from digits.reading.answer import Predictor
from digits.reading.formats import CHECKS, KINDS, ORDERS, Format
from digits.reading.verdict import BLANK, NOT_A_DIGIT, OK, UNSURE

MARGIN = 0.2  # of a field's height, cut out round it: people write over the edge
HEIGHT = 96  # pixels of a field as it is read, at least, if the page has so many
NEAR, INKED, STROKE = (
    0.06,
    0.25,
    0.16,
)  # of a field's height: print may be so far off; of the paper; a mark's least size
RESERVED = {"path", "status", "reason", "error"}  # columns of the report
KEYS = {"name", "box", "kind", "cells", "required", "pattern", "length", "min", "max", "check", "prefix", "order"}


@dataclass(frozen=True)
class Field:
    """One box of a form: (left, top, right, bottom) in shares of the empty form's width and height.

    `cells` is how many digits it has room for, if it is divided; `required`, whether it may be left empty.
    """

    name: str
    box: Box
    format: Format
    cells: int | None = None
    required: bool = False


@dataclass(frozen=True)
class Form:
    """An empty form, uint8 (h, w), and its fields."""

    empty: np.ndarray
    fields: list[Field]

    @property
    def fingerprint(self) -> str:
        """What changes when the template or its picture does."""
        return hashlib.sha256(repr(self.fields).encode() + self.empty.tobytes()).hexdigest()[:16]

    @cached_property
    def landmarks(self) -> Landmarks:
        """What to know the form by."""
        return Landmarks(self.empty)


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

    @property
    def doubts(self) -> list[str]:
        """Return what keeps the page from being ok, a sentence a field."""
        doubted = [
            (field.name, self.fields[field.name])
            for field in self.form.fields
            if self.fields[field.name].status not in (OK, BLANK)
            or (self.fields[field.name].status == BLANK and field.required)
        ]
        return [f"{name}: {reading.reason}" for name, reading in doubted]

    @property
    def status(self) -> str:
        """Return ok, unsure, or blank if nothing is filled in."""
        if all(reading.status == BLANK for reading in self.fields.values()):
            return BLANK
        return UNSURE if self.doubts else OK

    def row(self, path: str = "") -> dict[str, Any]:
        """Return the reading as plain JSON values."""
        sure = [reading.confidence for reading in self.fields.values() if reading.confidence is not None]
        return {
            "path": path, "status": self.status, "reason": "; ".join(self.doubts),
            "confidence": round(min(sure), 6) if sure else None,
            "fields": {name: reading.row() for name, reading in self.fields.items()},
        }  # fmt: skip


def read_form(pixels: np.ndarray, form: Form, predictor: Predictor) -> FormReading:
    """Read a page, uint8 (h, w) or RGB (h, w, 3). Raises `PictureError` if it cannot be laid over the empty form."""
    # 1. The page is laid over the empty form.
    page = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    alignment = align(page, form.landmarks)

    # 2. Each field is cut out, read, and held against its format.
    return FormReading(form, {field.name: read_field(alignment, form, field, predictor) for field in form.fields})


def read_field(alignment: Alignment, form: Form, field: Field, predictor: Predictor) -> FieldReading:
    """Read one field of an aligned page."""
    # 1. What the page shows there, and what the empty form does.
    picture, printed = cut_field(alignment, form, field)
    if is_blank(picture, printed):
        return FieldReading("", BLANK, "nothing is written here", None)

    # 2. What is written.
    if field.format.kind == "digit":
        one = predictor.predict(picture)
        text, status, reason, confidence = (
            str("" if one.digit is None else one.digit),
            one.status,
            one.reason,
            one.confidence,
        )
    else:
        number = predictor.read_number(picture)
        text, status, reason, confidence = number.text, number.status, number.reason, number.confidence
    if not text:
        return FieldReading("", NOT_A_DIGIT, "something is written, but nothing that can be read", None)

    # 3. What breaks the format is never ok.
    fault = _crowded(field, text) or field.format.fault(text)
    if fault:
        return FieldReading(field.format.plain(text), UNSURE, fault, confidence)
    return FieldReading(field.format.plain(text), status, reason, confidence)


# ---------------------------------------------------------------- one field


def cut_field(alignment: Alignment, form: Form, field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Return what the page and the empty form show at a field and a margin round it, both uint8 (h, w)."""
    height, width = form.empty.shape
    left, top, right, bottom = np.array(field.box) * (width, height, width, height)
    margin = MARGIN * (bottom - top)
    box = left - margin, top - margin, right + margin, bottom + margin
    scale = max(1.0, min(alignment.scale_at(box), HEIGHT / (bottom - top)))
    return alignment.cut(box, scale), Alignment(form.empty, np.eye(3), 1.0).cut(box, scale)


def is_blank(picture: np.ndarray, printed: np.ndarray) -> bool:
    """Whether a field shows nothing but its own print: both uint8 (h, w), the field and a margin."""
    height = picture.shape[0] / (1 + 2 * MARGIN)
    near = round(NEAR * height)
    reach = round(height) | 1
    print_there = cv2.dilate((to_ink(printed, reach) > 0.1).astype(np.uint8), np.ones((2 * near + 1,) * 2, np.uint8))
    written = (to_ink(picture, reach) > INKED) & (print_there == 0)
    inset = round((MARGIN + 0.05) * height)
    inside = written[inset:-inset, inset:-inset].astype(np.uint8)
    _n, _labels, stats, _middles = cv2.connectedComponentsWithStats(inside, connectivity=8)
    return bool(stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(initial=0) < STROKE * height)


def _crowded(field: Field, text: str) -> str:
    n = sum(map(str.isdecimal, text))
    return f"{n} digits do not fit into {field.cells} cells" if field.cells and n > field.cells else ""


# ---------------------------------------------------------------- the template


def load_form(path: str | Path) -> Form:
    """Return the form that a template describes, JSON or TOML; docs/forms.md says how. Raises `UserError`."""
    path = Path(path)
    told = _parsed(path)
    if (
        not isinstance(told, dict)
        or not isinstance(told.get("picture"), str)
        or not isinstance(told.get("fields"), list)
    ):
        raise UserError(f"'{path}' needs a picture, the name of the empty form's, and fields, a list")
    _refuse_others(path, told, {"picture", "fields", "page_mm"})
    size = told.get("page_mm", [1, 1])
    if not _are_numbers(size, 2) or min(size) <= 0:
        raise UserError(f"'{path}': page_mm is the page's width and height in millimetres, such as [210, 297]")
    fields = [_field(path, one, size) for one in told["fields"]]
    names = [field.name for field in fields]
    if not fields or len(set(names)) < len(names):
        raise UserError(f"'{path}' needs fields with names that differ")
    return _with_empty(path, told["picture"], fields)


def _parsed(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"'{path}' cannot be read ({error.strerror}); name the template of a form") from None
    except UnicodeDecodeError:
        raise UserError(f"'{path}' is not text in UTF-8; name the template of a form, .json or .toml") from None
    try:
        return _toml(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except ValueError as error:
        raise UserError(f"'{path}' is not written as {path.suffix[1:].upper() or 'JSON'} is: {error}") from None


def _toml(text: str) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _with_empty(path: Path, name: str, fields: list[Field]) -> Form:
    """Return the form with the empty one's picture, which lies beside the template, in grey."""
    try:
        pixels = open_picture(path.parent / name)
        form = Form(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels, fields)
        assert form.landmarks
    except PictureError as error:
        raise UserError(f"'{path}' names the picture '{name}' of the empty form: {error}") from None
    return form


def _field(path: Path, told: Any, size: list[float]) -> Field:
    """Return one field; every mistake is said with the field's name."""
    name = told.get("name") if isinstance(told, dict) else None
    if not isinstance(name, str) or not name.strip().isprintable() or not name.strip() or name in RESERVED:
        raise UserError(f"'{path}': every field needs a name, and other ones than {', '.join(sorted(RESERVED))}")
    where = f"'{path}', field {name}"
    _refuse_others(where, told, KEYS)
    box = told.get("box")
    if not _are_numbers(box, 4):
        raise UserError(f"{where}: box is [left, top, right, bottom]")
    left, top, right, bottom = (edge / side for edge, side in zip(box, [*size, *size], strict=True))
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise UserError(
            f"{where}: its box does not lie on the page; it is [left, top, right, bottom], in shares of "
            "the page from 0 to 1, or in millimetres with page_mm"
        )
    cells, required = told.get("cells"), told.get("required", False)
    if cells is not None and (type(cells) is not int or cells < 1) or type(required) is not bool:
        raise UserError(f"{where}: cells is a whole number from 1 on, required is true or false")
    return Field(name, (left, top, right, bottom), _format(where, told), cells, required)


def _format(where: str, told: dict[str, Any]) -> Format:
    kind, check, order = told.get("kind", "number"), told.get("check"), told.get("order", "dmy")
    for key, value, known in (
        ("kind", kind, KINDS),
        ("check", check, (None, *CHECKS)),
        ("order", order, tuple(ORDERS)),
    ):
        if value not in known:
            raise UserError(f"{where}: {key} is one of {', '.join(filter(None, known))}, not {value!r}")
    pattern, length, prefix = told.get("pattern"), told.get("length"), told.get("prefix", "")
    try:
        re.compile(pattern or "")
    except (re.error, TypeError) as error:
        raise UserError(f"{where}: pattern is no regular expression ({error})") from None
    lengths = [length, length] if type(length) is int else length
    if lengths is not None and (not _are_numbers(lengths, 2) or not 1 <= lengths[0] <= lengths[1]):
        raise UserError(f"{where}: length is how many digits, such as 8, or the least and the most, such as [5, 8]")
    low, high = told.get("min"), told.get("max")
    if not all(limit is None or _is_limit(limit, kind) for limit in (low, high)):
        wanted = 'days such as "2024-01-31"' if kind == "date" else "numbers"
        raise UserError(f"{where}: min and max are {wanted}")
    if not isinstance(prefix, str):
        raise UserError(f"{where}: prefix is text")
    return Format(kind, pattern, tuple(lengths) if lengths else None, low, high, check, prefix, order)


def _is_limit(limit: Any, kind: str) -> bool:
    if kind != "date":
        return type(limit) in (int, float)
    try:
        return bool(date.fromisoformat(limit))
    except (TypeError, ValueError):
        return False


def _are_numbers(value: Any, n: int) -> bool:
    return isinstance(value, list) and len(value) == n and all(type(one) in (int, float) for one in value)


def _refuse_others(where: Any, told: dict[str, Any], known: set[str]) -> None:
    if others := sorted(set(told) - known):
        raise UserError(f"{where}: {', '.join(others)} means nothing here; known are {', '.join(sorted(known))}")
