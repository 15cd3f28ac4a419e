"""What a list names: a text file, a table, or standard input; and where what it names lies.

for name in names_in("list.csv"): path = found_at(name, Path("list.csv").parent)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from digits.batch.entries import suffix_of
from digits.finding.pages import split_page
from digits.tables import FILE_TITLES, TABLES, first_of, read_table, to_text


def names_in(path: str) -> list[str]:
    """Return a list's names, one a line; of a table with a header its column file or the like (else the first).

    Raises `UserError`, `OSError` or `UnicodeError` if it cannot be read.
    """
    if suffix_of(path) not in TABLES:
        return _lines_of(path)
    rows = read_table(path, "surrogateescape")
    titles = [cell.strip().lower() for cell in rows[0]] if rows else []
    column = first_of(FILE_TITLES, titles)
    names = rows if column is None else rows[1:]
    return [row[column or 0] for row in names if len(row) > (column or 0)]


def _lines_of(path: str) -> list[str]:
    """Return a text file's lines; names in it may be of any bytes."""
    return to_text(Path(path).read_bytes(), "surrogateescape").splitlines()


def names_on_stdin(by_nul: bool) -> Iterator[str]:
    """Return the names on standard input, one a line as they come, or parted by NUL."""
    if by_nul:
        return (os.fsdecode(name) for name in sys.stdin.buffer.read().split(b"\0"))
    return (os.fsdecode(line).strip("\r\n") for line in sys.stdin.buffer)


def found_at(name: str, beside: Path) -> str:
    """Return the path of what a list means by `name`, beside the list or from here; `name` if it is not there."""
    is_relative = not os.path.isabs(name) and str(beside) != "."
    for way in _spellings(name):
        is_there = os.path.lexists if way == name else os.path.isfile  # another spelling must be worth it: \\ is no /
        for path in (str(beside / way), way) if is_relative else (way,):
            if is_there(split_page(path)[0]):
                return path
    return name


def _spellings(name: str) -> Iterator[str]:
    """Yield a name as it is, with Windows' slashes turned, and as Windows' Western text if it is not UTF-8."""
    yield name
    if "\\" in name and os.sep != "\\":
        yield name.replace("\\", "/")
    if not name.isascii() and any("\udc80" <= letter <= "\udcff" for letter in name):
        yield name.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
