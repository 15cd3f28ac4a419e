"""Copies of a batch's pictures in folders by what was read in them.

n_copied = sort_into(journal, Path("sorted"))        # sorted/0 … sorted/9, unsure, blank, not_a_digit, error
"""

from __future__ import annotations

import contextlib
import filecmp
import io
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import BinaryIO

import cv2

from digits.batch.entries import Entry
from digits.batch.journal import Journal
from digits.batch.skipped import SORTED_MARK
from digits.files import nth_path, shortened
from digits.finding.decode import open_picture
from digits.finding.limits import PictureError
from digits.reading.verdict import OK

ABOUT_MARK = (
    "batch_processor.py --sort-into copied pictures to this folder. Batches of a folder around it pass it over,\n"
    "unless you name it, or delete this file.\n"
)


def sort_into(journal: Journal, directory: Path) -> int:
    """Copy every picture into `directory`/0 … 9, or a folder named by its status; return how many are there.

    Copies keep their names, and a page becomes a PNG, `form.pdf#3.png`; a name that is taken gets a number. What an
    earlier run copied, perhaps before it was killed, is not copied again. A file that cannot be read any more is left
    out. A small hidden file tells later batches not to read the copies as pictures of their own.
    """
    n_there, placed = 0, Counter[Path]()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / SORTED_MARK).write_text(ABOUT_MARK, encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix=".", dir=directory) as drafts:
        for row in journal.rows():
            folder = str(row["digit"]) if row["status"] == OK and row["digit"] is not None else row["status"]
            entry, draft = Entry(row["path"], row["cut"]), Path(drafts) / "copy"
            if _copy(entry, draft):
                name = entry.basename if entry.page is None else f"{entry.basename}.png"
                _place(draft, directory / folder / shortened(name), placed)
                n_there += 1
    return n_there


def _copy(entry: Entry, draft: Path) -> bool:
    try:
        source = _open(entry)
    except (PictureError, OSError):
        return False
    with source, draft.open("wb") as target:
        shutil.copyfileobj(source, target)
    return True


def _place(draft: Path, path: Path, placed: Counter[Path]) -> None:
    """Rename `draft` to `path`, or to the first of `name-2`, … that is free, or find an earlier run's copy there.

    `placed` counts what this run has put under each name: the second picture of a name looks from `name-2` on.
    """
    path.parent.mkdir(exist_ok=True)
    while True:
        placed[path] += 1
        candidate = nth_path(path, placed[path])
        if candidate.is_file() and filecmp.cmp(draft, candidate, shallow=False):
            return
        with contextlib.suppress(FileExistsError):
            candidate.touch(exist_ok=False)
            os.replace(draft, candidate)
            return


def _open(entry: Entry) -> BinaryIO:
    is_file = entry.cut is None and os.path.isfile(entry.name)  # copied as it is, even if it is too large to be read
    if is_file:
        return open(entry.name, "rb")
    return io.BytesIO(entry.read() if entry.page is None else _page_as_png(entry))


def _page_as_png(entry: Entry) -> bytes:
    pixels = open_picture(entry.picture())
    _done, data = cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[..., ::-1])
    return data.tobytes()
