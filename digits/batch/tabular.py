"""Reports for programs and for Excel: CSV, JSON, JSON lines, Parquet, spreadsheets, each streamed from the journal.

with open("batch_1.csv", "wb") as file: write_csv(journal, summarise(journal), file)

Text that a spreadsheet would run as a formula is disarmed.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from digits.batch.journal import Journal
from digits.batch.report_rows import packed, printable, report_rows, to_json, unpacked
from digits.command import UserError
from digits.reading.answer import P_COLUMNS
from digits.tables import disarmed

BLOCK = 10_000  # rows written to Parquet at once
SCHEMA_VERSION = 1  # of the rows; docs/reports.md has the columns. More columns leave it; other meanings raise it
MAX_SHEET = 1_048_575  # rows of a spreadsheet below its header
MAX_CELL = 32_767  # letters
WIDE = {"path": 40, "reason": 40, "error": 40}  # columns of a spreadsheet, in letters; Excel's own width shows eight
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # which no XML may hold


def write_csv(journal: Journal, summary: dict[str, Any], file: BinaryIO) -> None:
    """Write the rows as CSV (UTF-8)."""
    columns = journal.columns
    with _as_text(file) as text:
        writer = csv.writer(text)
        writer.writerow(map(disarmed, columns))  # a form's fields are called what their template says
        if journal.kind == "form":
            writer.writerows([_disarmed(row["path"]), *list(row.values())[1:]] for row in report_rows(journal))
            return
        rows = journal.select(f"SELECT {', '.join(columns)} FROM rows ORDER BY position")
        writer.writerows((_disarmed(path), *answers, _disarmed(error)) for path, *answers, error in rows)


@contextlib.contextmanager
def _as_text(file: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """Yield a binary file as one for text in UTF-8, its line breaks as they are; leave the file itself open."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    yield text
    text.detach()


def _disarmed(text: str | bytes | None) -> str | None:
    """Put an apostrophe before a path or an error that a spreadsheet would run as a formula."""
    shown: str | None = printable(text)
    return disarmed(shown) if shown else shown


def write_json(journal: Journal, summary: dict[str, Any], file: BinaryIO) -> None:
    """Write {"schema_version": …, "summary": …, "rows": […]}, a row a line."""
    with _as_text(file) as text:
        text.write(f'{{"schema_version": {SCHEMA_VERSION},\n"summary": {json.dumps(summary, indent=1)},\n"rows": [')
        for i, row in enumerate(report_rows(journal)):
            text.write(f"{',' if i else ''}\n{to_json(row)}")
        text.write("\n]}\n")


def write_jsonl(journal: Journal, summary: dict[str, Any], file: BinaryIO) -> None:
    """Write each row as JSON, a line each."""
    with _as_text(file) as text:
        text.writelines(f"{to_json(row)}\n" for row in report_rows(journal))


def write_parquet(journal: Journal, summary: dict[str, Any], file: BinaryIO) -> None:
    """Write the rows as Parquet, with the summary as JSON in the file's metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = _parquet_schema(journal).with_metadata(
        {"summary": json.dumps(summary), "schema_version": str(SCHEMA_VERSION)}
    )
    rows = map(unpacked, report_rows(journal))
    with parquet.ParquetWriter(file, schema) as writer:
        while block := list(itertools.islice(rows, BLOCK)):
            writer.write_table(pa.Table.from_pylist(block, schema))


def _parquet_schema(journal: Journal) -> Any:
    """Return the types of a report's columns; a form's fields are texts."""
    import pyarrow as pa

    digit = pa.struct({
        "digit": pa.int8(), "confidence": pa.float32(), "status": pa.string(), "line": pa.int32(),
        "box": pa.list_(pa.int32()), "probs": pa.list_(pa.float32()),
    })  # fmt: skip
    types = dict.fromkeys(("digit", "runner_up", "correct"), pa.int8())
    types |= dict.fromkeys(("confidence", "runner_up_confidence", *P_COLUMNS), pa.float32())
    types |= {"number": pa.float64(), "lines": pa.list_(pa.string()), "digits": pa.list_(digit)}
    if journal.kind == "form":
        types = {}
    return pa.schema([(name, types.get(name, pa.string())) for name in journal.columns])


def write_xlsx(journal: Journal, summary: dict[str, Any], file: BinaryIO) -> None:
    """Write the rows as a spreadsheet in which text is text, "00420" too; without lines and digits, which are JSON."""
    import openpyxl
    from openpyxl.utils import get_column_letter

    if len(journal) > MAX_SHEET:
        raise UserError(f"a spreadsheet holds at most {MAX_SHEET:,} rows; take csv or parquet")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    sheet.freeze_panes = "A2"
    columns = [name for name in journal.columns if name not in packed(journal.columns)]
    for name in WIDE.keys() & set(columns):
        sheet.column_dimensions[get_column_letter(columns.index(name) + 1)].width = WIDE[name]
    sheet.append([_sheet_cell(sheet, name) for name in columns])
    for row in report_rows(journal):
        sheet.append([_sheet_cell(sheet, row[name]) for name in columns])
    book.save(file)


def _sheet_cell(sheet: Any, value: Any) -> Any:
    """Return a value as a cell takes it; what would be a formula or an error of Excel's is told to be text."""
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(value, str):
        return value
    text = CONTROLS.sub("\ufffd", value)[:MAX_CELL]
    if not text.startswith(("=", "#")):
        return text
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    return cell
