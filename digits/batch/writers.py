"""What a batch writes: tables for programs and for Excel, and a page to review, each streamed from the journal.

    path = write_report(journal, summarise(journal), "csv", Path("predictions/reports/batch_1"))
    data = report_bytes(rows, "csv", ["mnistnet"], 12.3)      # of rows that the API answered, without a file

Nothing is overwritten: a name that is taken gets a number. Text that a spreadsheet would run as a formula is disarmed.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import itertools
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np

from digits.batch.entries import Entry
from digits.batch.forms import form_columns, spread
from digits.batch.journal import IN_MEMORY, Journal
from digits.batch.labels import add_truth
from digits.batch.rows import DIGIT_COLUMNS, NUMBER_COLUMNS, TRUTH_COLUMNS
from digits.batch.stores import URL
from digits.batch.summary import about_run, summarise
from digits.command import UserError
from digits.files import ASSETS_DIR, free_path
from digits.finding.decode import open_picture
from digits.finding.limits import PictureError
from digits.finding.pixels import shrink
from digits.reading.answer import P_COLUMNS
from digits.reading.verdict import ERROR
from digits.tables import disarmed

DIGITS_A_PAGE, NUMBERS_A_PAGE = 2_000, 250  # rows of one HTML file: a browser's table gets slow, and pictures weigh
THUMBNAIL_SIDE = 96
PICTURE_SIDE = 1_200  # of a picture with numbers, so that they can be read on it
REPORT_SCRIPTS = ("text.js", "rows.js", "corrections.js", "table.js", "review.js", "report.js")  # after their imports
BLOCK = 10_000  # rows written to Parquet at once
SCHEMA_VERSION = 1  # of the rows; docs/reports.md has the columns. More columns leave it; other meanings raise it
MAX_SHEET = 1_048_575  # rows of a spreadsheet below its header
WORST_FIRST = """CASE WHEN status = 'error' THEN 0 WHEN correct = 0 THEN 1 WHEN status = 'unsure' THEN 2
    WHEN status = 'not_a_digit' THEN 3 WHEN status = 'blank' THEN 4 ELSE 5 END, confidence, position"""


def columns_of(journal: Journal) -> list[str]:
    """Return the report's columns; label and correct are empty where no truth was given."""
    if names := journal.facts.get("fields"):
        return form_columns(names)
    answers = NUMBER_COLUMNS if journal.facts.get("number") else DIGIT_COLUMNS
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


def write_report(
    journal: Journal, summary: dict[str, Any], kind: str, path: str | os.PathLike[str], replace: bool = False
) -> Path:
    """Write one report beside its final name, then rename it; return that name. `kind` is a key of `WRITERS`.

    The name is `path` with the kind's suffix, or the first of `name-2`, `name-3`, … that is free; with `replace`,
    `path` itself. A page to review of many rows goes on in further files of such names, which `replace` knows again.
    """
    path = Path(path)
    path = path if path.suffix == f".{kind}" else path.with_name(f"{path.name}.{kind}")
    n_files = n_pages(journal) if kind == "html" else 1
    ours = [path, *map(path.with_name, journal.facts.get("pages", []))][:n_files] if replace else []
    paths = list(ours)
    while len(paths) < n_files:
        paths.append(free_path(path, paths))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
        for i, one in enumerate(paths):
            with (Path(folder) / one.name).open("wb") as file:
                if kind == "html":
                    write_html(journal, summary, file, i, [page.name for page in paths])
                else:
                    WRITERS[kind](journal, summary, file)
        placed = [one if one in ours else _reserve(one) for one in paths]
        for one, place in zip(paths, placed, strict=True):
            os.replace(Path(folder) / one.name, place)
    if replace and n_files > 1:
        journal.note(pages=[one.name for one in placed[1:]])
    return placed[0]


def _reserve(path: Path) -> Path:
    """Create `path`, or the first of `name-2`, … that is free, empty: two runs at once cannot take the same name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        candidate = free_path(path)
        with contextlib.suppress(FileExistsError):
            candidate.touch(exist_ok=False)
            return candidate


def check_kind(kind: str) -> None:
    """Raise `UserError` for a kind that is none of `WRITERS`."""
    if kind not in WRITERS:
        raise UserError(f"there is no report of the kind {kind}; choose from {', '.join(WRITERS)}")


def report_bytes(
    rows: list[dict[str, Any]], kind: str, model: list[str], seconds: float, skipped: dict[str, int] | None = None
) -> bytes:
    """Return a report of rows that `model` read before, within `seconds`, as the API answered them; all digits or all
    numbers. `skipped` tells how many files were passed over, by kind.

    Each has besides its `label` (None if nobody gave one), and perhaps `ink`, a small picture as data URL. Raises
    `UserError` for a kind that is none of `WRITERS`.
    """
    check_kind(kind)
    labelled = any(row["label"] is not None for row in rows)
    is_number = any("text" in row for row in rows)
    facts = {"run": "digits", "labelled": labelled, "number": is_number, "pictures": [row.get("ink") for row in rows]}
    with contextlib.closing(Journal(IN_MEMORY, facts)) as journal, io.BytesIO() as file:
        journal.add([_journalled(row, position) for position, row in enumerate(rows)])
        summary = summarise(journal) | about_run(["page"], model, skipped or {}, time.time() - seconds, seconds)
        WRITERS[kind](journal, summary, file)
        return file.getvalue()


def _journalled(row: dict[str, Any], position: int) -> dict[str, Any]:
    packed = {name: json.dumps(row[name]) for name in ("lines", "digits") if row.get(name) is not None}
    row = row | packed | {"position": position, "cut": None, "stamp": ""}
    add_truth(row, None if row["label"] is None else str(row["label"]))
    return row


def write_csv(journal: Journal, summary: dict[str, Any], file: BinaryIO) -> None:
    """Write the rows as CSV (UTF-8)."""
    columns = columns_of(journal)
    with _as_text(file) as text:
        writer = csv.writer(text)
        writer.writerow(map(disarmed, columns))  # a form's fields are called what their template says
        if journal.facts.get("fields"):
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


def to_json(row: dict[str, Any], ensure_ascii: bool = False) -> str:
    """Return a report's row as JSON in one line."""
    return json.dumps(_unpacked(row), ensure_ascii=ensure_ascii)


def _unpacked(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with the JSON of --number's cells as what it stands for."""
    return row | {name: json.loads(row[name]) for name in ("lines", "digits") if row.get(name)}


def write_parquet(journal: Journal, summary: dict[str, Any], file: BinaryIO) -> None:
    """Write the rows as Parquet, with the summary as JSON in the file's metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = _parquet_schema(columns_of(journal)).with_metadata(
        {"summary": json.dumps(summary), "schema_version": str(SCHEMA_VERSION)}
    )
    rows = map(_unpacked, report_rows(journal))
    with parquet.ParquetWriter(file, schema) as writer:
        while block := list(itertools.islice(rows, BLOCK)):
            writer.write_table(pa.Table.from_pylist(block, schema))


def _parquet_schema(columns: list[str]) -> Any:
    """Return the types of a report's columns; a form's fields are texts."""
    import pyarrow as pa

    digit = pa.struct({
        "digit": pa.int8(), "confidence": pa.float32(), "status": pa.string(), "line": pa.int32(),
        "box": pa.list_(pa.int32()), "probs": pa.list_(pa.float32()),
    })  # fmt: skip
    types = dict.fromkeys(("digit", "runner_up", "correct"), pa.int8())
    types |= dict.fromkeys(("confidence", "runner_up_confidence", *P_COLUMNS), pa.float32())
    types |= {"number": pa.float64(), "lines": pa.list_(pa.string()), "digits": pa.list_(digit)}
    is_form = "text" not in columns and "digit" not in columns
    return pa.schema([(name, pa.string() if is_form else types.get(name, pa.string())) for name in columns])


def write_xlsx(journal: Journal, summary: dict[str, Any], file: BinaryIO) -> None:
    """Write the rows as a spreadsheet in which text is text, "00420" too; without lines and digits, which are JSON."""
    import openpyxl

    if len(journal) > MAX_SHEET:
        raise UserError(f"a spreadsheet holds at most {MAX_SHEET:,} rows; take csv or parquet")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    sheet.freeze_panes = "A2"
    columns = [name for name in columns_of(journal) if name not in ("lines", "digits")]
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


CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # which no XML may hold
MAX_CELL = 32_767  # letters


def write_html(
    journal: Journal, summary: dict[str, Any], file: BinaryIO, page: int = 0, files: list[str] | None = None
) -> None:
    """Write a page that needs nothing else: the summary, and rows with their pictures, what wants a look first.

    `page` counts from 0; `files` are the names of all pages, which link to each other.
    """
    data = {
        "title": journal.facts["run"], "kind": _kind(journal), "labelled": bool(journal.facts.get("labelled")),
        "files": files or [], "page": page, "first": page * _n_a_page(journal), "summary": summary,
        "histogram": _histogram(journal), "rows": list(_rows_to_look_at(journal, page)),
    }  # fmt: skip
    # As \u003c no text of a user's can close the script element that carries it.
    text = json.dumps(data, default=float).replace("<", "\\u003c")
    parts = {"STYLE": _asset("table.css"), "SCRIPT": "\n".join(map(_script, REPORT_SCRIPTS)), "DATA": text}
    file.write(re.sub(r"\{\{([A-Z]+)\}\}", lambda place: parts[place[1]], _asset("report.html")).encode())


def _kind(journal: Journal) -> str:
    return "form" if journal.facts.get("fields") else "number" if journal.facts.get("number") else "digit"


def _n_a_page(journal: Journal) -> int:
    return DIGITS_A_PAGE if _kind(journal) == "digit" else NUMBERS_A_PAGE


def n_pages(journal: Journal) -> int:
    """Return how many HTML files the rows fill."""
    return max(1, math.ceil(len(journal) / _n_a_page(journal)))


def _asset(name: str) -> str:
    return (ASSETS_DIR / name).read_text(encoding="utf-8")


def _script(name: str) -> str:
    """Return a module without its imports: in the report all of them are one."""
    return re.sub(r"^import .*?;\n", "", _asset(f"scripts/{name}"), flags=re.MULTILINE | re.DOTALL)


def _histogram(journal: Journal) -> list[int]:
    """Return how many of what was read have a confidence of 0–10 %, … 90–100 %; a blank picture is not read."""
    read = "SELECT min(9, cast(confidence * 10 AS int)), count(*) FROM rows WHERE status IN ('ok', 'unsure') GROUP BY 1"
    bins = dict(journal.select(read))
    return [bins.get(i, 0) for i in range(10)]


SHOWN_OF = {
    "digit": [*DIGIT_COLUMNS, *TRUTH_COLUMNS, "error"],
    "number": ["path", "status", "text", "confidence", "reason", "digits", *TRUTH_COLUMNS, "error"],
    "form": ["path", "status", "fields", "confidence", "reason", "error"],
}


def _rows_to_look_at(journal: Journal, page: int) -> Iterator[dict[str, Any]]:
    kind, limit, copies = _kind(journal), _n_a_page(journal), journal.copies()
    pictures = journal.facts.get("pictures")  # of a visitor's rows, by position: nothing is opened by their names
    for row in journal.rows(WORST_FIRST, limit, page * limit):
        shown = {name: printable(row[name]) for name in SHOWN_OF[kind]}
        shown |= {name: json.loads(row[name]) for name in ("digits", "fields") if shown.get(name)}
        for digit in shown.get("digits") or []:
            digit.pop("probs")  # which nobody sees
        is_file = pictures is None and row["cut"] is None and not URL.match(row["path"])
        shown["file"] = printable(os.path.abspath(row["path"])) if is_file else None
        shown["copy_of"] = printable(copies.get(row["position"]))
        if pictures is not None:
            shown["thumbnail"] = pictures[row["position"]]
        elif row["status"] != ERROR or kind == "form":  # a page that is not this form can be looked at
            shown |= _picture(Entry(row["path"], row["cut"]), kind)
        yield shown


def _picture(entry: Entry, kind: str) -> dict[str, Any]:
    """Return a small picture as a data URL, with the upright picture's size; nothing if it cannot be read any more."""
    side = THUMBNAIL_SIDE if kind == "digit" else PICTURE_SIDE
    try:
        pixels = open_picture(entry.picture(), side=2 * side if kind == "digit" else None)
    except (PictureError, UserError):
        return {}
    height, width = pixels.shape[:2]
    return {"thumbnail": _to_url(shrink(pixels, side)), "width": width, "height": height}


def _to_url(pixels: np.ndarray) -> str:
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[..., ::-1])
    kind = "png" if pixels.size < 2_000 else "jpeg"
    options = [cv2.IMWRITE_JPEG_QUALITY, 80] if kind == "jpeg" else []
    _done, data = cv2.imencode(f".{kind}", pixels, options)
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"


WRITERS: dict[str, Callable[[Journal, dict[str, Any], BinaryIO], None]] = {
    "csv": write_csv,
    "json": write_json,
    "jsonl": write_jsonl,
    "html": write_html,
    "parquet": write_parquet,
    "xlsx": write_xlsx,
}
