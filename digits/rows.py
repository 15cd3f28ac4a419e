"""Entries in, rows out: what one worker of a batch does, whichever engine runs it, and the truth that rows are held against.

    read = RowReader(predictor)
    rows = read([Entry("a.png"), Entry("b.png")])     # one dict each, in order, keys as the report's columns
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from digits.picture import PictureError
from digits.preprocess import FoundDigit, find_digit
from digits.sources import LIST_COLUMNS, Entry
from digits.status import ERROR
from utils import UserError

P_COLUMNS = [f"p{digit}" for digit in range(10)]
ANSWER_COLUMNS = ["path", "status", "digit", "confidence", "runner_up", "runner_up_confidence", *P_COLUMNS]
NUMBER_COLUMNS = ["text", "lines", "digits"]  # of --number; the last two are JSON
TRUTH_COLUMNS = ["label", "correct"]
COLUMNS = [*ANSWER_COLUMNS, *TRUTH_COLUMNS, "error"]

NO_DIGIT = "-"  # the label of what is no digit
NOTHING = np.zeros((0, 0), np.float32)


class RowReader:
    """Reads entries with one predictor; a file that cannot be read becomes a row with its reason."""

    def __init__(self, predictor: Any, number: bool = False) -> None:
        self._predictor, self._number = predictor, number

    def __call__(self, entries: Sequence[Entry]) -> list[dict]:
        """Return a row for each entry, with `stamp` and `cut` for the journal. Never raises for a file's sake."""
        stamps = [entry.stamp() for entry in entries]
        rows = [self._read_number(entry) for entry in entries] if self._number else self._read_digits(entries)
        keys = zip(rows, entries, stamps, strict=True)
        return [row | {"stamp": stamp, "cut": entry.cut} for row, entry, stamp in keys]

    def _read_digits(self, entries: Sequence[Entry]) -> list[dict]:
        predictions = self._predictor.predict_found([_find(entry) for entry in entries])
        return [prediction.row(entry.name) for prediction, entry in zip(predictions, entries, strict=True)]

    def _read_number(self, entry: Entry) -> dict:
        try:
            return self._predictor.read_number(entry.read()).row(entry.name)
        except PictureError as error:
            return {"path": entry.name, "status": ERROR, "error": str(error)}
        except Exception as error:
            return {"path": entry.name, "status": ERROR, "error": _unexpected(error)}


def _find(entry: Entry) -> FoundDigit | PictureError:
    try:
        # The steps in between are a hundred times the ink's size, and rows do not need them.
        return replace(find_digit(entry.read()), contrast=NOTHING, mask=NOTHING)
    except PictureError as error:
        return error
    except Exception as error:  # a fault of ours: one strange picture must not cost the other 99,999 their rows
        return PictureError(_unexpected(error))


def _unexpected(error: Exception) -> str:
    return f"reading failed unexpectedly ({type(error).__name__}: {str(error)[:100]})"


# ---------------------------------------------------------------- truth


class Labels:
    """The truth about pictures: from a CSV (columns as a list's, and `label`), or from the names of their folders.

    In the file a picture may be named as in the report, relative to the file's folder, or by its bare name where that says
    which one is meant. A label is 0–9, or "-" for what is no digit.
    """

    def __init__(self, path: str | os.PathLike | None = None) -> None:
        self._by_path: dict[str, str] = {}
        self._by_name: dict[str, str | None] = {}  # None: several pictures of that name, with different labels
        self._from_folders = path is None
        if path is not None:
            self._load(Path(path))

    def _load(self, path: Path) -> None:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file)
                titles = {title.strip().lower(): title for title in rows.fieldnames or []}
                name = next((titles[column] for column in LIST_COLUMNS if column in titles), None)
                if name is None or "label" not in titles:
                    raise UserError(f"'{path}' needs a header with the columns file and label")
                for row in rows:
                    self._note(path, row[name] or "", (row[titles["label"]] or "").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"the labels '{path}' cannot be read ({error})") from None

    def _note(self, path: Path, name: str, label: str) -> None:
        if label not in (*"0123456789", NO_DIGIT, ""):
            raise UserError(f"'{path}' gives '{name}' the label '{label}'; a label is a digit 0-9, or - for what is no digit")
        self._by_path[os.path.normpath(name)] = self._by_path[os.path.normpath(path.parent / name)] = label
        bare = PurePosixPath(name).name
        self._by_name[bare] = label if self._by_name.get(bare, label) == label else None

    def of(self, entry: Entry) -> str | None:
        """Return an entry's label, or None if nothing is known of it."""
        if self._from_folders:
            folder = PurePosixPath(entry.name.replace(os.sep, "/")).parent.name
            return folder if len(folder) == 1 and folder.isdecimal() and folder.isascii() else None
        return self._by_path.get(os.path.normpath(entry.name)) or self._by_name.get(entry.basename) or None


def add_truth(row: dict, label: str | None) -> None:
    """Fill in a row's `label` and `correct`; what is no digit is right if no digit was given."""
    row["label"] = label
    if label is None:
        row["correct"] = None
    elif label == NO_DIGIT:
        row["correct"] = int(row.get("digit") is None and row["status"] != ERROR)
    else:
        row["correct"] = int(row.get("digit") == int(label))


def to_json_text(value: Any) -> str | None:
    """Return lists and dicts as JSON, for a cell; None stays None."""
    return None if value is None else json.dumps(value)
