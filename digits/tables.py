"""Tables as people save them -> rows of text: .xlsx, or CSV with commas, semicolons or tabs, in UTF-8, UTF-16 or else.

read_table("list.csv")                    # [["file", "label"], ["a.png", "7"]]
read_labels("labels.xlsx")                # [{"file": "a.png", "label": "7", "source": "ann"}]
to_digit("7.0")                           # 7
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from pathlib import Path

from digits.command import UserError

FILE_TITLES = ("path", "file", "filename", "image", "name")  # the first that is there is meant
LABEL_TITLES = ("label", "truth", "class", "digit", "value")
DIGIT_NAMES = "zero one two three four five six seven eight nine".split()
NO_DIGIT_SIGN = "-"  # the label of what is no digit
SEPARATORS = ",;\t"
TABLES = (".csv", ".tsv", ".xlsx")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MAX_LINES = 5_000_000
# What a spreadsheet would run (OWASP, CSV injection), also behind apostrophes: so the one we add can be told from them.
FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def disarmed(text: str) -> str:
    """Return a text with an apostrophe before it if a spreadsheet would run it as a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def armed(text: str) -> str:
    """Return a text as it was before `disarmed`."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def read_table(path: str | os.PathLike[str], errors: str = "strict") -> list[list[str]]:
    """Return the rows of a .xlsx's first sheet, or of a text file; empty rows are left out. Raises `UserError`.

    `errors` is as in `to_text`.
    """
    try:
        data = Path(path).read_bytes()
        rows = _sheet(data) if Path(path).suffix.lower() == ".xlsx" else _lines(to_text(data, errors))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a CSV or .xlsx file that is there") from None
    except (UnicodeDecodeError, csv.Error):
        raise UserError(f"{path} is not a CSV text file; save it as CSV in UTF-8") from None
    return [row for row in rows if any(cell.strip() for cell in row)]


def to_text(data: bytes, errors: str = "strict") -> str:
    """Return a text file's text: UTF-8 with or without a mark, UTF-16, or else Windows' Western one.

    With `errors` other than "strict" odd bytes are kept as these say, rather than taken for Windows'.
    """
    if data.startswith(UTF_16):
        return data.decode("utf-16")
    if data[:1] == b"\0":
        return data.decode("utf-16-be")
    if data[1:2] == b"\0":
        return data.decode("utf-16-le")
    try:
        return data.decode("utf-8-sig", errors)
    except UnicodeDecodeError:
        return data.decode("cp1252")


def _lines(text: str) -> list[list[str]]:
    if "\0" in text:
        raise csv.Error("no text")
    first, _break, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) <= len("sep=") + 1:  # a line of Excel's
        text, separator = rest, first.strip("\r\n")[len("sep=") :] or "\t"
    else:
        separator = max(SEPARATORS, key=first.count)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def _sheet(data: bytes) -> list[list[str]]:
    try:
        import openpyxl
    except ImportError:
        raise UserError(".xlsx files need openpyxl: pip install openpyxl, or save the table as CSV") from None
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        return [[_cell(value) for value in row] for row in sheet.iter_rows(max_row=MAX_LINES, values_only=True)]
    except Exception:  # zipfile, XML and openpyxl's own
        raise UserError("the .xlsx file is damaged; open it in Excel and save it again, or save it as CSV") from None


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def read_csv(path: str | os.PathLike[str], *columns: str) -> list[dict[str, str]]:
    """Return the rows of a table by the names in its first line, a missing cell as "".

    Raises `UserError` if it cannot be read or lacks one of `columns`.
    """
    titles, *rows = read_table(path) or [[]]
    if not set(columns) <= set(titles):
        raise UserError(f"{path} needs the columns {' and '.join(columns)}; name them in its first line")
    return [dict(zip(titles, _filled(row, len(titles)), strict=True)) for row in rows]


def read_labels(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Return the rows of a table of labels, with "file", "label" and its other columns by their titles.

    The columns go by `FILE_TITLES` and `LABEL_TITLES`, in small or capital letters; a table without them is taken as
    file and label if it has two columns, the second of them labels. Raises `UserError`.
    """
    first, *rows = read_table(path) or [[]]
    titles = [cell.strip().lower() for cell in first]
    file, label = first_of(FILE_TITLES, titles), first_of(LABEL_TITLES, titles)
    if file is None and label is None and len(first) == 2 and any(map(str.isdigit, first[1])):
        return [{"file": row[0], "label": row[1]} for row in map(lambda row: _filled(row, 2), [first, *rows])]
    if file is None or label is None or not rows:
        held = ", ".join(cell[:30] for cell in first[:8]) or "nothing"
        raise UserError(
            f"'{path}' needs rows below a header with the columns file and label; its first line is: {held}"
        )
    named = [dict(zip(titles, _filled(row, len(titles)), strict=True)) for row in rows]
    return [row | {"file": row[titles[file]], "label": row[titles[label]]} for row in named]


def to_digit(label: str) -> int | None:
    """Return the digit that a label, or a folder's name, stands for: 7, 7.0 as spreadsheets save it, or seven."""
    label = re.sub(r"[.,]0+$", "", label.strip().lower())
    if label in DIGIT_NAMES:
        return DIGIT_NAMES.index(label)
    return int(label) if label in set("0123456789") else None


def first_of(wanted: tuple[str, ...], titles: list[str]) -> int | None:
    """Return at which place of `titles` the first of `wanted` stands that is there."""
    return next((titles.index(title) for title in wanted if title in titles), None)


def _filled(row: list[str], n: int) -> list[str]:
    return [*row, *[""] * n][:n]
