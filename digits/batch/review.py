"""The report for people: a page to review, with pictures, what wants a look first; many rows go on in further files.

with open("batch_1.html", "wb") as file: write_html(journal, summarise(journal), file)
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from digits.batch.entries import Entry
from digits.batch.journal import DIGIT_COLUMNS, ENDING, FORM_COLUMNS, Journal
from digits.batch.report_rows import printable
from digits.batch.stores import URL
from digits.command import UserError
from digits.files import read_asset
from digits.finding.data_url import to_data_url
from digits.finding.decode import open_picture
from digits.finding.limits import PictureError
from digits.finding.pixels import shrink
from digits.reading.verdict import ERROR

DIGITS_A_PAGE, NUMBERS_A_PAGE = 2_000, 250  # rows of one HTML file: a browser's table gets slow, and pictures weigh
THUMBNAIL_SIDE, THUMBNAIL_QUALITY = 96, 80  # pixels of the longer side; JPEG
PICTURE_SIDE = 1_200  # of a picture with numbers, so that they can be read on it
# One script without imports: a module comes after those it imports, and no two declare the same name.
REPORT_SCRIPTS = ("text.js", "dom.js", "rows.js", "corrections.js", "table.js", "review.js", "report.js")
WORST_FIRST = """CASE WHEN status = 'error' THEN 0 WHEN correct = 0 THEN 1 WHEN status = 'unsure' THEN 2
    WHEN status = 'not_a_digit' THEN 3 WHEN status = 'blank' THEN 4 ELSE 5 END, confidence, position"""
SHOWN_OF = {
    "digit": DIGIT_COLUMNS,
    "number": ["path", "status", "text", "confidence", "reason", "digits", *ENDING],
    "form": FORM_COLUMNS,
}


def write_html(
    journal: Journal, summary: dict[str, Any], file: BinaryIO, page: int = 0, files: list[str] | None = None
) -> None:
    """Write a page that needs nothing else: the summary, and rows with their pictures, what wants a look first.

    `page` counts from 0; `files` are the names of all pages, which link to each other.
    """
    data = {
        "title": journal.facts["run"], "kind": journal.kind, "labelled": bool(journal.facts.get("labelled")),
        "files": files or [], "page": page, "first": page * _page_size(journal), "summary": summary,
        "histogram": _histogram(journal), "rows": list(_rows_to_look_at(journal, page)),
    }  # fmt: skip
    # As \u003c no text of a user's can close the script element that carries it.
    text = json.dumps(data, default=float).replace("<", "\\u003c")
    parts = {"STYLE": read_asset("table.css"), "SCRIPT": "\n".join(map(_script, REPORT_SCRIPTS)), "DATA": text}
    file.write(re.sub(r"\{\{([A-Z]+)\}\}", lambda place: parts[place[1]], read_asset("report.html")).encode())


def _page_size(journal: Journal) -> int:
    return DIGITS_A_PAGE if journal.kind == "digit" else NUMBERS_A_PAGE


def n_pages(journal: Journal) -> int:
    """Return how many HTML files the rows fill."""
    return max(1, math.ceil(len(journal) / _page_size(journal)))


def _script(name: str) -> str:
    """Return a module without its imports: in the report all of them are one."""
    return re.sub(r"^import .*?;\n", "", read_asset(f"scripts/{name}"), flags=re.MULTILINE | re.DOTALL)


def _histogram(journal: Journal) -> list[int]:
    """Return how many of what was read have a confidence of 0–10 %, … 90–100 %; a blank picture is not read."""
    read = "SELECT min(9, cast(confidence * 10 AS int)), count(*) FROM rows WHERE status IN ('ok', 'unsure') GROUP BY 1"
    bins = dict(journal.select(read))
    return [bins.get(i, 0) for i in range(10)]


def _rows_to_look_at(journal: Journal, page: int) -> Iterator[dict[str, Any]]:
    kind, limit, copies = journal.kind, _page_size(journal), journal.copies()
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
    (height, width), small = pixels.shape[:2], shrink(pixels, side)
    url = to_data_url(small, "png" if small.size < 2_000 else "jpeg", THUMBNAIL_QUALITY)
    return {"thumbnail": url, "width": width, "height": height}
