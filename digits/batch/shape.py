"""What a journal's rows look like in a report: its columns, in their order, file names that can be printed, JSON.

for row in report_rows(journal): print(to_json(row))
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from typing import Any

from digits.batch.forms import form_columns, spread
from digits.batch.journal import Journal
from digits.batch.rows import DIGIT_COLUMNS, NUMBER_COLUMNS, TRUTH_COLUMNS


def columns_of(journal: Journal) -> list[str]:
    """Return the report's columns; label and correct are empty where no truth was given."""
    if journal.kind == "form":
        return form_columns(journal.facts["fields"])
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
    columns, names = columns_of(journal), journal.facts.get("fields")

    def shaped(row: dict[str, Any]) -> dict[str, Any]:
        row = row | {"path": printable(row["path"]), "error": printable(row.get("error"))}
        row = spread(row, names) if names else row
        return {name: row.get(name) for name in columns}

    return shaped


def to_json(row: dict[str, Any], ensure_ascii: bool = False) -> str:
    """Return a report's row as JSON in one line."""
    return json.dumps(unpacked(row), ensure_ascii=ensure_ascii)


def unpacked(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with the JSON of --number's cells as what it stands for."""
    return row | {name: json.loads(row[name]) for name in packed(row) if row[name]}


def packed(columns: Collection[str]) -> list[str]:
    """Return which columns hold JSON: those of --number, but no form's fields of these names, with a status beside."""
    return [name for name in ("lines", "digits") if name in columns and f"{name}_status" not in columns]
