"""Entries in, rows out: what one worker of a batch does, whichever engine runs it, and the truth rows are held against.

read = RowReader(predictor)
rows = read([(0, Entry("a.png")), (1, Entry("b.png"))])     # one dict each, in order, keys as the report's columns
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from digits.batch.entries import Entry
from digits.command import UserError, shown
from digits.finding.decode import Picture, open_picture
from digits.finding.digit import find_digit
from digits.finding.found import FoundDigit
from digits.finding.limits import PictureError
from digits.finding.pages import PAGE_MARK, Page
from digits.reading.answer import P_COLUMNS, Predictor
from digits.reading.form import read_form
from digits.reading.symbols import SIGNS
from digits.reading.template import Form
from digits.reading.verdict import ERROR
from digits.tables import armed, read_labels

DIGIT_COLUMNS = ["path", "status", "digit", "confidence", "runner_up", "runner_up_confidence", *P_COLUMNS]
# Of --number; lines and digits hold JSON.
NUMBER_COLUMNS = ["path", "status", "text", "confidence", "lines", "digits", "number", "reason"]
FORM_COLUMNS = ["path", "status", "fields", "confidence", "reason"]  # of --fields; fields hold JSON
TRUTH_COLUMNS = ["label", "correct"]
COLUMNS = [*DIGIT_COLUMNS, *TRUTH_COLUMNS, "error"]

NO_DIGIT_SIGN = "-"  # the label of what is no digit
NOTHING = np.zeros((0, 0), np.float32)
CHUNK = 256  # entries read at once; each chunk costs a commit and two trips between processes

Numbered = tuple[int, Entry]  # an entry and its place in the input, from 0
Opened = bytes | Page | PictureError  # what an entry holds, or why that cannot be told


class RowReader:
    """Reads entries with one predictor; a file that cannot be read becomes a row with its reason."""

    def __init__(self, predictor: Predictor, number: bool = False, form: Form | None = None) -> None:
        self.predictor, self._number, self._form = predictor, number, form
        if number or form:
            predictor.number_readers()  # a missing file is said now, not of every picture
        cv2.setNumThreads(1)  # the workers are the threads; more would only wait for each other

    def __call__(self, chunk: Sequence[Numbered]) -> list[dict[str, Any]]:
        """Return a row for each entry, with what the journal needs of it. Never raises for a file's sake."""
        entries = [entry for _position, entry in chunk]
        stamps = [entry.stamp() for entry in entries]
        contents: list[str | None] = []
        pictures = _opened(entries, contents)
        if self._form or self._number:
            rows = [self._row_or_error(entry.name, picture) for entry, picture in zip(entries, pictures, strict=True)]
        else:
            rows = self._read_digits(entries, pictures)
        for row, (position, entry), stamp, content in zip(rows, chunk, stamps, contents, strict=True):
            row.update(position=position, cut=entry.cut, stamp=stamp, content=content)
        return rows

    def _read_digits(self, entries: Sequence[Entry], pictures: Iterator[Opened]) -> list[dict[str, Any]]:
        predictions = self.predictor.predict_found([_find(picture) for picture in pictures])
        return [prediction.row(entry.name) for prediction, entry in zip(predictions, entries, strict=True)]

    def _row_or_error(self, name: str, picture: Opened) -> dict[str, Any]:
        if isinstance(picture, PictureError):
            return {"path": name, "status": ERROR, "error": str(picture)}
        try:
            return self._read_form(name, picture) if self._form else self._read_number(name, picture)
        except PictureError as error:
            return {"path": name, "status": ERROR, "error": str(error)}
        except Exception as error:
            return {"path": name, "status": ERROR, "error": _unexpected(error)}

    def _read_number(self, name: str, picture: Picture) -> dict[str, Any]:
        row = self.predictor.read_number(picture).row(name)
        return row | {"lines": json.dumps(row["lines"]), "digits": json.dumps(row["digits"])}

    def _read_form(self, name: str, picture: Picture) -> dict[str, Any]:
        assert self._form, "a form's pages are read with its template"
        row = read_form(open_picture(picture), self._form, self.predictor).row(name)
        return row | {"fields": json.dumps(row["fields"])}


def find_in(entry: Entry) -> FoundDigit | PictureError:
    """Return what is found in an entry, without the larger steps; or why nothing is. Never raises for a file's sake."""
    return _find(_picture_of(entry))


def _opened(entries: Iterable[Entry], contents: list[str | None]) -> Iterator[Opened]:
    """Yield each entry's picture, or why there is none, one in memory at a time; note its content's hash."""
    for entry in entries:
        picture = _picture_of(entry)
        contents.append(_content(picture))
        yield picture


def _picture_of(entry: Entry) -> Opened:
    try:
        return entry.picture()
    except PictureError as error:
        return error
    except Exception as error:
        return PictureError(_unexpected(error))


def _find(picture: Opened) -> FoundDigit | PictureError:
    if isinstance(picture, PictureError):
        return picture
    try:
        return _lighten(find_digit(picture))
    except PictureError as error:
        return error
    except Exception as error:  # a fault of ours: one strange picture must not cost the other 99,999 their rows
        return PictureError(_unexpected(error))


def _content(picture: Opened) -> str | None:
    """Return what two pictures have in common only if their files are the same, byte by byte."""
    if isinstance(picture, Page):
        return f"{_hash_again(picture.data)}#{picture.number}"
    return _hash(picture) if isinstance(picture, bytes) else None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]  # processors have instructions for it: a third of blake2b's time


_hash_again = functools.lru_cache(maxsize=2)(_hash)  # of a file whose next page is asked for, too


def _lighten(found: FoundDigit) -> FoundDigit:
    """Drop the largest of the steps in between: a chunk of them would weigh more than the network."""
    if found.contrast.size <= found.ink.size:
        return found
    return replace(found, contrast=NOTHING, others=tuple(map(_lighten, found.others)))


def _unexpected(error: Exception) -> str:
    return f"reading failed unexpectedly ({type(error).__name__}: {str(error)[:100]})"


# ---------------------------------------------------------------- truth


class Labels:
    """The truth about pictures: from a table (see `read_labels`), or from the names of their folders.

    In the table a picture may be named as in the report, relative to the table's folder, or by its bare name, with or
    without extension, where that says which one is meant; slashes may lean either way. What is said of a file goes for
    all pages that are not named themselves. A label is 0–9 (with `number`, any number), or "-" for what is no digit.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, number: bool = False) -> None:
        self._by_path: dict[str, str] = {}
        self._by_name: dict[str, str | None] = {}  # None: several pictures of that name, with different labels
        self._from_folders, self._number = path is None, number
        self.table = None if path is None else os.fspath(path)
        self._names: list[str] = []  # as in the table, the first few
        self._without: list[str] = []  # files of which the table says nothing, the first few
        self.n_files = self.n_labelled = self.n_named = self._n_empty = 0
        if path is not None:
            self._load(Path(path))

    def _load(self, path: Path) -> None:
        rows = read_labels(path)
        self.n_named, self._names = len(rows), [row["file"] for row in rows[:N_EXAMPLES]]
        self._n_empty = sum(not row["label"].strip() for row in rows)
        if self._n_empty == len(rows):
            raise UserError(f"'{path}' has no label at all: its column is empty; fill it in, - for what is no digit")
        for row in rows:
            label = armed("".join(row["label"].split()))
            self._note(path, row["file"].strip(), label if self._number else WHOLE.sub(r"\1", label))

    def _note(self, path: Path, name: str, label: str) -> None:
        if label and label != NO_DIGIT_SIGN and not self._is_label(label):
            raise UserError(f"'{path}' gives '{name}' the label '{label}'; use a digit 0-9, or - for what is no digit")
        before = self._by_path.get(os.path.normpath(_key(armed(name))))
        if before and label and before != label:
            raise UserError(f"'{path}' gives '{name}' two labels, {before} and {label}; keep the one that is true")
        name = _key(armed(name))
        for key in {name, *([] if "\\" not in name else [name.replace("\\", "/")])}:
            self._by_path[os.path.normpath(key)] = self._by_path[os.path.normpath(_key(path.parent) + "/" + key)] = (
                label
            )
            bare = PurePosixPath(key).name
            self._by_name[bare] = label if self._by_name.get(bare, label) == label else None

    def _is_label(self, text: str) -> bool:
        if self._number:
            return set(text) <= set("0123456789" + SIGNS) and any(map(str.isdigit, text))
        return text.isascii() and text.isdecimal() and len(text) == 1

    def of(self, path: str) -> str | None:
        """Return the label of a row's path, or None if nothing is known of it."""
        posix = PurePosixPath(path.replace(os.sep, "/"))
        if self._from_folders:
            folder = posix.parent.name
            return folder if self._is_label(folder) else None
        path = _key(path)
        page = PAGE_MARK.fullmatch(path)
        return self._said_of(path) or (self._said_of(page["file"]) if page else None)

    def _said_of(self, path: str) -> str | None:
        bare = PurePosixPath(path.replace(os.sep, "/"))
        return (
            self._by_path.get(os.path.normpath(path))
            or self._by_path.get(os.path.abspath(path))
            or self._by_name.get(bare.name)
            or self._by_name.get(bare.stem)
        )

    def meet(self, entry: Entry) -> None:
        """Take note of a file to be read, for `told`."""
        self.n_files += 1
        if self.of(entry.name) is not None:
            self.n_labelled += 1
        elif len(self._without) < N_EXAMPLES:
            self._without.append(entry.name)

    def told(self) -> str:
        """Return how many of the files met have a label; raises `UserError` if none has."""
        without, names = (", ".join(map(shown, some)) for some in (self._without, self._names))
        where = "the folders" if self.table is None else f"'{self.table}'"
        if self.n_files and not self.n_labelled and self.table is not None:
            raise UserError(f"{where} has no label for any of the files: it names {names}; the files are {without}")
        rest = f"; none of {without}{', …' * (self.n_files - self.n_labelled > N_EXAMPLES)}" if without else ""
        empty = f", {self._n_empty:,} of them without a label" if self._n_empty else ""
        named = f", which names {self.n_named:,}{empty}" if self.table is not None else ""
        return f"labels: {self.n_labelled:,} of {self.n_files:,} files have one in {where}{named}{rest}"


N_EXAMPLES = 3
WHOLE = re.compile(r"^(\d+)[.,]0+$")  # a 5 that a spreadsheet saved as 5.0


def _key(name: str | os.PathLike[str]) -> str:
    """Return a name as it is compared: macOS takes an ü apart, others do not."""
    return unicodedata.normalize("NFC", os.fspath(name))


def add_truth(row: dict[str, Any], label: str | None) -> None:
    """Fill in a row's `label` and `correct`; what is no digit is right if no digit was given."""
    given = row.get("text")
    if given is None and row.get("digit") is not None:
        given = str(row["digit"])
    given = "".join((given or "").split())
    row["label"], row["correct"] = label, None
    if label is not None:
        wanted = "" if label == NO_DIGIT_SIGN else "".join(label.split())
        if wanted.isdecimal():  # a label without signs says nothing of them
            given = "".join(filter(str.isdecimal, given))
        row["correct"] = int(row["status"] != ERROR and given == wanted)
