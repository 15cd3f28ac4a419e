"""The numbers of each picture as a table of its own: those that stand in rows and columns do so in a CSV.

write_tables(journal, Path("predictions/tables/batch_1"))
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

from digits.batch.entries import Entry
from digits.batch.journal import Journal
from digits.files import free_path, nth_path, shortened
from digits.reading.table import table_of


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
