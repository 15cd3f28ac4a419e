"""What a journal's rows look like in a report: its columns, in their order, file names that can be printed, JSON.

for row in report_rows(journal): print(to_json(row))
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from typing import Any

from digits.batch.journal import Journal
from digits.batch.rows import DIGIT_COLUMNS, NUMBER_COLUMNS, TRUTH_COLUMNS


def columns_of(journal: Journal) -> list[str]:
    """Return the report's columns; label and correct are empty where no truth was given.

    A form's fields have a column each, and their status beside it.
    """
    if journal.kind == "form":
        cells = [column for name in journal.facts["fields"] for column in (name, f"{name}_status")]
        return ["path", "status", *cells, "reason", "error"]
    answers = NUMBER_COLUMNS if journal.kind == "number" else DIGIT_COLUMNS
    return [*answers, *TRUTH_COLUMNS, "error"]


def printable(value: Any) -> Any:
    """Return a file name that is no valid Unicode with its odd bytes as \\xff escapes; anything else as it is."""
    if isinstance(value, str) and not value.isascii():
        value = os.fsencode(value)
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def report_rows(journal: Journal) -> Iterator[dict[str, Any]]:
    """Yield every row with exactly the report's columns, in input order."""
    return map(shape_of(journal), journal.rows())


def shape_of(journal: Journal) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what makes a journal's row, or one on its way there, a report's row."""
    columns, names = columns_of(journal), journal.facts.get("fields", [])

    def shaped(row: dict[str, Any]) -> dict[str, Any]:
        row = row | {"path": printable(row["path"]), "error": printable(row.get("error"))} | _cells(row, names)
        return {name: row.get(name) for name in columns}

    return shaped


def _cells(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return what a journal's row says of a form's fields, by column; None of a page that could not be read."""
    fields = json.loads(row["fields"]) if row.get("fields") else {}
    said = {name: fields.get(name, {}) for name in names}
    return {name: one.get("text") for name, one in said.items()} | {
        f"{name}_status": one.get("status") for name, one in said.items()
    }


def to_json(row: dict[str, Any], ensure_ascii: bool = False) -> str:
    """Return a report's row as JSON in one line."""
    return json.dumps(unpacked(row), ensure_ascii=ensure_ascii)


def unpacked(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with the JSON of --number's cells as what it stands for."""
    return row | {name: json.loads(row[name]) for name in packed(row) if row[name]}


def packed(columns: Collection[str]) -> list[str]:
    """Return which columns hold JSON: those of --number, but no form's fields of these names, with a status beside."""
    return [name for name in ("lines", "digits") if name in columns and f"{name}_status" not in columns]
