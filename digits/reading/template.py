"""The template of a form: the picture of the empty form, and the boxes to read on it with what they may hold.

    form = load_form("form.json")          # or form.toml; docs/forms.md says what stands in it
    form.fields[0].name, form.fields[0].box
    form = form_of(data, "form.json")      # a stranger's, in memory: opens no file

Every mistake in a template is a `UserError` of one sentence that names the field.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from digits.command import UserError
from digits.finding.alignment import FloatBox, Landmarks
from digits.finding.decode import open_picture
from digits.finding.limits import PictureError
from digits.finding.pixels import to_grey
from digits.reading.formats import CHECKS, KINDS, ORDERS, Format, is_quick, limit_of

RESERVED = {"path", "status", "reason", "error"}  # columns of the report
IN_ITSELF = re.compile(r"data:image/[\w.+-]+;base64,")  # how a picture that stands in the template begins
MAX_CELLS = 100  # of one field; the longest numbers on forms, IBANs, have 34
LEAST_SIDE = 4  # pixels of the empty form that a field is high, and each of its cells wide
MAX_NUMBER = 1e9  # in a template: millimetres, shares, lengths
KEYS = {"name", "box", "kind", "cells", "required", "pattern", "length", "min", "max", "check", "prefix", "order"}


@dataclass(frozen=True)
class Field:
    """One box of a form: (left, top, right, bottom) in shares of the empty form's width and height.

    `cells` is how many digits it has room for, if it is divided; `required`, whether it must be filled in.
    """

    name: str
    box: FloatBox
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

    def box_of(self, field: Field) -> FloatBox:
        """Return a field's box in the empty form's pixels."""
        height, width = self.empty.shape
        left, top, right, bottom = field.box
        return left * width, top * height, right * width, bottom * height

    @cached_property
    def landmarks(self) -> Landmarks:
        """What to know the form by."""
        return Landmarks(self.empty)


def load_form(path: str | os.PathLike[str]) -> Form:
    """Return the form that a template describes, JSON or TOML; docs/forms.md says how. Raises `UserError`."""
    path = Path(path)
    return _form(path, _parsed(path), path.parent)


def form_of(data: bytes, name: str) -> Form:
    """Return the form that a JSON template called `name` describes, the empty one's picture in it. Raises `UserError`.

    Of a template that names its picture nothing is opened: whoever sent it may name any file.
    """
    try:
        template = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise UserError(f"'{name}' is not a template: it is not written as JSON is") from None
    form = _form(name, template, None)
    for field in form.fields:
        if field.format.pattern and not is_quick(field.format.pattern):
            raise UserError(f"'{name}', field {field.name}: its pattern could take very long; repeat no group in it")
    return form


def _form(where: Path | str, template: Any, folder: Path | None) -> Form:
    """Return the form; its picture lies in `folder`, or if that is None stands in the template itself."""
    if (
        not isinstance(template, dict)
        or not isinstance(template.get("picture"), str)
        or not isinstance(template.get("fields"), list)
    ):
        raise UserError(f"'{where}' needs a picture (the file name of the empty form) and a list of fields")
    _refuse_others(where, template, {"picture", "fields", "page_mm"})
    size = template.get("page_mm", [1, 1])
    if not _are_numbers(size, 2) or min(size) <= 0:
        raise UserError(f"'{where}': page_mm is the page's width and height in millimetres, such as [210, 297]")
    fields = [_field(where, one, size) for one in template["fields"]]
    names = [field.name for field in fields]
    if not fields or len(set(names)) < len(names):
        raise UserError(f"'{where}' needs at least one field, and a different name for each")
    if taken := next((name for name in names if f"{name}_status" in names), None):
        raise UserError(f"'{where}', field {taken}_status: that is the column of the status of {taken}; rename it")
    return _with_empty(where, template["picture"], folder, fields)


def _parsed(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"'{path}' cannot be read ({error.strerror}); name the template of a form") from None
    except UnicodeDecodeError:
        raise UserError(f"'{path}' is not text in UTF-8; name the template of a form, .json or .toml") from None
    is_toml = path.suffix.lower() == ".toml"
    try:
        return _toml(text) if is_toml else json.loads(text)
    except ValueError as error:
        raise UserError(f"'{path}' is not valid {'TOML' if is_toml else 'JSON'}: {error}") from None


def _toml(text: str) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _with_empty(where: Path | str, picture: str, folder: Path | None, fields: list[Field]) -> Form:
    """Return the form with the empty one's picture, which stands in the template or lies in `folder`, in grey."""
    in_itself = IN_ITSELF.match(picture)
    if not in_itself and folder is None:
        raise UserError(f"'{where}' names a picture of the empty form; here the picture must stand in the template")
    name = "in it" if in_itself else f"'{picture}'"
    try:
        pixels = open_picture(_decoded(picture[in_itself.end() :]) if in_itself else Path(folder or ".") / picture)
        form = Form(to_grey(pixels), fields)
        _ = form.landmarks  # refuses an empty form on which too little is printed
    except PictureError as error:
        raise UserError(f"'{where}', the picture {name} of the empty form: {error}") from None
    for field in fields:
        if min(_sides(form, field)) < LEAST_SIDE:
            raise UserError(f"'{where}', field {field.name}: its box is too small to be read")
    return form


def _sides(form: Form, field: Field) -> tuple[float, float]:
    """Return how many pixels of the empty form a field is high, and each of its cells wide."""
    left, top, right, bottom = form.box_of(field)
    return bottom - top, (right - left) / (field.cells or 1)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise PictureError("it is no base64") from None


def _field(path: Path | str, entry: Any, size: list[float]) -> Field:
    """Return one field; every mistake is said with the field's name."""
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name.strip().isprintable() or not name.strip() or name in RESERVED:
        raise UserError(f"'{path}': every field needs a name other than {', '.join(sorted(RESERVED))}")
    where = f"'{path}', field {name}"
    _refuse_others(where, entry, KEYS)
    box = entry.get("box")
    if not _are_numbers(box, 4):
        raise UserError(f"{where}: box is [left, top, right, bottom]")
    left, top, right, bottom = (edge / side for edge, side in zip(box, [*size, *size], strict=True))
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise UserError(
            f"{where}: its box does not lie on the page; it is [left, top, right, bottom], in shares of "
            "the page from 0 to 1, or in millimetres with page_mm"
        )
    cells, required = entry.get("cells"), entry.get("required", False)
    if cells is not None and (type(cells) is not int or not 1 <= cells <= MAX_CELLS) or type(required) is not bool:
        raise UserError(f"{where}: cells is a whole number from 1 to {MAX_CELLS}, required is true or false")
    return Field(name, (left, top, right, bottom), _format(where, entry), cells, required)


def _format(where: str, entry: dict[str, Any]) -> Format:
    kind = _choice(where, entry, "kind", "number", KINDS)
    check = _choice(where, entry, "check", None, CHECKS)
    order = _choice(where, entry, "order", "dmy", ORDERS)
    pattern, lengths = _pattern(where, entry), _lengths(where, entry)
    low, high = _limits(where, entry, kind)
    prefix = entry.get("prefix", "")
    if not isinstance(prefix, str):
        raise UserError(f"{where}: prefix is text")
    return Format(kind, pattern, lengths, low, high, check, prefix, order)


def _choice(where: str, entry: dict[str, Any], key: str, usual: Any, known: Iterable[str]) -> Any:
    """Return what stands under `key`, one of those `known`; if nothing does, what is usual."""
    value = entry.get(key, usual)
    if value not in (usual, *known):
        raise UserError(f"{where}: {key} is one of {', '.join(known)}, not {value!r}")
    return value


def _pattern(where: str, entry: dict[str, Any]) -> str | None:
    pattern = entry.get("pattern")
    try:
        re.compile(pattern or "")
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise UserError(f"{where}: pattern is not a regular expression ({error})") from None
    return pattern


def _lengths(where: str, entry: dict[str, Any]) -> tuple[int, int] | None:
    length = entry.get("length")
    if length is None:
        return None
    lengths = [length, length] if type(length) is int else length
    if not _are_numbers(lengths, 2) or not 1 <= lengths[0] <= lengths[1]:
        raise UserError(
            f"{where}: length is the number of digits, such as 8, or the minimum and maximum, such as [5, 8]"
        )
    least, most = lengths
    return least, most


def _limits(where: str, entry: dict[str, Any], kind: str) -> tuple[Any, Any]:
    low, high = entry.get("min"), entry.get("max")
    if not all(limit is None or _is_limit(limit, kind) for limit in (low, high)):
        wanted = 'days such as "2024-01-31"' if kind == "date" else "numbers"
        raise UserError(f"{where}: min and max are {wanted}")
    if low is not None and high is not None and not limit_of(low) <= limit_of(high):  # type: ignore[operator]
        raise UserError(f"{where}: min, {low}, is beyond max, {high}, so no value fits; swap them")
    return low, high


def _is_limit(limit: Any, kind: str) -> bool:
    if kind != "date":
        return type(limit) in (int, float)
    try:
        return bool(date.fromisoformat(limit))
    except (TypeError, ValueError):
        return False


def _are_numbers(value: Any, n: int) -> bool:
    """Whether `value` is a list of `n` numbers, none of them not a number or beyond what can be meant."""
    return (
        isinstance(value, list)
        and len(value) == n
        and all(type(one) in (int, float) and abs(one) <= MAX_NUMBER for one in value)
    )


def _refuse_others(where: Any, entry: dict[str, Any], known: set[str]) -> None:
    if others := sorted(set(entry) - known):
        raise UserError(f"{where}: unknown {', '.join(others)}; known are {', '.join(sorted(known))}")
