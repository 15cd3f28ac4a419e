"""A journal's rows as a report has them: its columns, in their order, file names that can be printed, JSON.

for row in report_rows(journal): print(to_json(row))
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from typing import Any

from digits.batch.journal import Journal


def printable(value: Any) -> Any:
    """Return a file name that is no valid Unicode with its odd bytes as \\xff escapes; anything else as it is."""
    if isinstance(value, str) and not value.isascii():
        value = os.fsencode(value)
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def report_rows(journal: Journal) -> Iterator[dict[str, Any]]:
    """Yield every row with exactly the report's columns, in input order."""
    return (report_row(row, journal) for row in journal.rows())


def report_row(row: dict[str, Any], journal: Journal) -> dict[str, Any]:
    """Return a journal's row, or one on its way there, as a report has it."""
    cells = _cells(row, journal.facts.get("fields", []))
    row = row | {"path": printable(row["path"]), "error": printable(row.get("error"))} | cells
    return {name: row.get(name) for name in journal.columns}


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
