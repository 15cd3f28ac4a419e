"""The rows of filled forms: a column a field, its status beside it; and the tables of sheets without a template.

form_columns(["total", "date"])        # [..., "total", "total_status", "date", "date_status", "reason", ...]
write_tables(journal, Path("predictions/tables/batch_1"))
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

from digits.batch.entries import Entry
from digits.batch.journal import Journal
from digits.files import free_path, nth_path, shortened
from digits.reading.table import table_of


def form_columns(names: list[str]) -> list[str]:
    """Return the report's columns for a form with fields of these names."""
    return ["path", "status", *(column for name in names for column in (name, f"{name}_status")), "reason", "error"]


def spread(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return a journalled row with its fields as columns besides; they are empty for a page that could not be read."""
    fields = json.loads(row["fields"]) if row.get("fields") else {}
    cells = {}
    for name in names:
        cells[name] = fields.get(name, {}).get("text")
        cells[f"{name}_status"] = fields.get(name, {}).get("status")
    return row | cells


def write_tables(journal: Journal, directory: Path) -> None:
    """Write a CSV of rows and columns for each picture with numbers, named as the picture.

    A name that is taken gets a number, in the order of the report.
    """
    directory.mkdir(parents=True, exist_ok=True)
    taken = Counter[Path]()
    for row in journal.rows():
        table = table_of(json.loads(row["lines"]), json.loads(row["digits"])) if row["lines"] else []
        if table:
            path = directory / shortened(f"{Entry(row['path'], row['cut']).basename}.csv")
            taken[path] += 1
            with free_path(nth_path(path, taken[path])).open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(table)
