"""What a batch passes over of what it finds, by kind: counted, and the first few named.

skipped = Skipped()
skipped.is_wanted("notes.docx", "scans/notes.docx")     # False
skipped["not a picture"], skipped.names                 # 1, {"not a picture": ["scans/notes.docx"]}
"""

from __future__ import annotations

import os
from collections import Counter

from digits.batch.entries import suffix_of
from digits.finding.decode import EXTENSIONS

N_NAMED = 10  # of the files passed over
HIDDEN, NOT_A_PICTURE, REPLACED = "hidden", "not a picture", "replaced by another of its name"
SORTED, TWICE = "made by --sort-into", "named twice"
SORTED_MARK = ".sorted_copies"  # a file in a folder of copies by which the next batch knows it


class Skipped(Counter[str]):
    """How many files were passed over, by kind; the first ten names of each kind, and what the other files were.

    `sorted_into` is a folder to pass over wherever it is found, as one that holds a `SORTED_MARK`.
    """

    def __init__(self, sorted_into: str | os.PathLike[str] | None = None) -> None:
        super().__init__()
        self._sorted_into = None if sorted_into is None else os.path.realpath(sorted_into)
        self.names: dict[str, list[str]] = {}
        self.suffixes: Counter[str] = Counter()
        self.empty: list[str] = []  # a sentence for every source in which there was nothing to read

    def note(self, kind: str, name: str) -> None:
        """Count a file, by its path or name."""
        self[kind] += 1
        self.suffixes[suffix_of(name) or "without extension" if kind == NOT_A_PICTURE else kind] += 1
        names = self.names.setdefault(kind, [])
        if len(names) < N_NAMED:
            names.append(name)

    def pass_over_copies(self, folder: str) -> bool:
        """Note a folder that holds a batch's sorted copies, or is to hold them; return whether it is one."""
        is_target = self._sorted_into is not None and self._sorted_into == os.path.realpath(folder)
        if is_target or os.path.lexists(os.path.join(folder, SORTED_MARK)):
            self.note(SORTED, folder)
            return True
        return False

    def is_wanted(self, path: str, shown: str) -> bool:
        """Whether a file found (not named) is a picture, by its name alone; noted as `shown` if it is not."""
        if is_hidden(path):
            self.note(HIDDEN, shown)
        elif suffix_of(path) not in EXTENSIONS:
            self.note(NOT_A_PICTURE, shown)
        else:
            return True
        return False


def in_words(suffixes: Counter[str]) -> str:
    """Return what is passed over, the most frequent first: "12 .docx, 3 hidden"."""
    shown = ", ".join(f"{n:,} {suffix}" for suffix, n in suffixes.most_common(5))
    return f"{shown}, …" if len(suffixes) > 5 else shown


def is_hidden(path: str) -> bool:
    """Whether a path leads through a hidden folder or to a hidden file, or is what macOS puts into archives."""
    parts = path.replace(os.sep, "/").split("/")
    return any(part.startswith(".") and part not in (".", "..") or part == "__MACOSX" for part in parts)
