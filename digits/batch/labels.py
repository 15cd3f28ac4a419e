"""The truth about a batch's pictures: from a table or from the names of their folders, and whether rows agree with it.

labels = Labels("labels.csv")
add_truth(row, labels.of(row["path"]))      # fills in label and correct
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path, PurePosixPath
from typing import Any

from digits.batch.entries import Entry
from digits.command import UserError, shown
from digits.finding.pages import PAGE_MARK
from digits.reading.symbols import SIGNS
from digits.reading.verdict import ERROR
from digits.tables import NO_DIGIT_SIGN, armed, read_labels, to_digit

N_EXAMPLES = 3


class Labels:
    """The truth about pictures: from a table (see `read_labels`), or from the names of their folders.

    In the table a picture may be named as in the report, relative to the table's folder, or by its bare name, with or
    without extension, where that says which one is meant; slashes may lean either way. What is said of a file goes for
    all pages that are not named themselves. A label is a digit, see `to_digit` (with `number`, any number), or "-" for
    what is no digit.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, number: bool = False) -> None:
        self._by_path: dict[str, str] = {}
        self._by_name: dict[str, str | None] = {}  # None: several pictures of that name, with different labels
        self._from_folders, self._number = path is None, number
        self.table = None if path is None else os.fspath(path)
        self.names: list[str] = []  # as in the table, the first few
        self.n_named = self.n_empty = 0
        if path is not None:
            self._load(Path(path))

    def _load(self, path: Path) -> None:
        rows = read_labels(path)
        self.n_named, self.names = len(rows), [row["file"] for row in rows[:N_EXAMPLES]]
        self.n_empty = sum(not row["label"].strip() for row in rows)
        if self.n_empty == len(rows):
            raise UserError(f"'{path}' has no label at all: its column is empty; fill it in, - for what is no digit")
        for row in rows:
            self._note(path, row["file"].strip(), armed("".join(row["label"].split())))

    def _note(self, path: Path, name: str, text: str) -> None:
        label = text if text in ("", NO_DIGIT_SIGN) else self._to_label(text)
        if label is None:
            raise UserError(f"'{path}' gives '{name}' the label '{text}'; use a digit 0-9, or - for what is no digit")
        key = _key(armed(name))
        before = self._by_path.get(os.path.normpath(key))
        if before and label and before != label:
            raise UserError(f"'{path}' gives '{name}' two labels, {before} and {label}; keep the one that is true")
        for spelling in {key, key.replace("\\", "/")}:
            for place in (spelling, f"{_key(path.parent)}/{spelling}"):
                self._by_path[os.path.normpath(place)] = label
            bare = PurePosixPath(spelling).name
            self._by_name[bare] = label if self._by_name.get(bare, label) == label else None

    def _to_label(self, text: str) -> str | None:
        if self._number:
            return text if set(text) <= set("0123456789" + SIGNS) and any(map(str.isdigit, text)) else None
        digit = to_digit(text)
        return None if digit is None else str(digit)

    def of(self, path: str) -> str | None:
        """Return the label of a row's path, or None if nothing is known of it."""
        posix = PurePosixPath(path.replace(os.sep, "/"))
        if self._from_folders:
            return self._to_label(posix.parent.name)
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


def _key(name: str | os.PathLike[str]) -> str:
    """Return a name as it is compared: macOS takes an ü apart, others do not."""
    return unicodedata.normalize("NFC", os.fspath(name))


class Coverage:
    """How many of the files that a run meets have a label in the table of its `labels`."""

    def __init__(self, labels: Labels) -> None:
        self._labels, self._n_files, self._n_labelled = labels, 0, 0
        self._without: list[str] = []  # files of which the table says nothing, the first few

    def meet(self, entry: Entry) -> None:
        """Take note of a file to be read."""
        self._n_files += 1
        if self._labels.of(entry.name) is not None:
            self._n_labelled += 1
        elif len(self._without) < N_EXAMPLES:
            self._without.append(entry.name)

    def check(self) -> None:
        """Raise `UserError` if the table has no label for any of the files met."""
        if self._n_files and not self._n_labelled:
            names, without = (", ".join(map(shown, some)) for some in (self._labels.names, self._without))
            raise UserError(
                f"'{self._labels.table}' has no label for any of the files: it names {names}; the files are {without}"
            )

    def sentence(self) -> str:
        """Return in one sentence how many of the files met have a label."""
        without = ", ".join(map(shown, self._without))
        rest = f"; none of {without}{', …' * (self._n_files - self._n_labelled > N_EXAMPLES)}" if without else ""
        empty = f", {self._labels.n_empty:,} of them without a label" if self._labels.n_empty else ""
        named = f"'{self._labels.table}', which names {self._labels.n_named:,}{empty}"
        return f"labels: {self._n_labelled:,} of {self._n_files:,} files have one in {named}{rest}"


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
