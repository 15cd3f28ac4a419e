"""Entries in, rows out: what one worker of a batch does, whichever engine runs it.

read = RowReader(predictor)
rows = read([(0, Entry("a.png")), (1, Entry("b.png"))])     # one dict each, in order, keys as the report's columns
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import cv2
import numpy as np

from digits.batch.entries import Entry
from digits.finding.decode import Picture, open_picture
from digits.finding.digit import find_digit
from digits.finding.found import FoundDigit
from digits.finding.limits import PictureError
from digits.finding.pages import Page
from digits.reading.answer import Predictor
from digits.reading.form import read_form
from digits.reading.template import Form
from digits.reading.verdict import ERROR

NOTHING = np.zeros((0, 0), np.float32)
LOG = "batch"  # the name of a run's log
CHUNK = 256  # entries read at once; each chunk costs a commit and two trips between processes

Numbered = tuple[int, Entry]  # an entry and its place in the input, from 0
T = TypeVar("T")


class Unexpected(PictureError):
    """A fault of ours, met in one picture: a sentence for its row, and the traceback for whoever mends it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"reading failed unexpectedly ({type(error).__name__}: {str(error)[:100]})")
        self.traceback = "".join(traceback.format_exception(error)).rstrip()


class RowReader:
    """Reads entries with one predictor; a file that cannot be read becomes a row with its reason."""

    def __init__(self, predictor: Predictor, number: bool = False, form: Form | None = None) -> None:
        self.predictor, self._form = predictor, form
        self._read: Callable[[Picture], Any] = _find_lightly
        if number or form:
            self._read = self._read_form if form else self._read_number
            predictor.number_readers()  # a missing file is said now, not of every picture
        cv2.setNumThreads(1)  # the workers are the threads; more would only wait for each other

    def __call__(self, chunk: Sequence[Numbered]) -> list[dict[str, Any]]:
        """Return a row for each entry, with what the journal needs of it. Never raises for a file's sake."""
        notes, outcomes = list[dict[str, Any]](), list[Any]()
        for position, entry in chunk:  # one picture in memory at a time
            stamp, picture = entry.stamp(), _or_why_not(Entry.picture, entry)
            outcome = _or_why_not(self._read, picture)
            note = {"path": entry.name, "position": position, "cut": entry.cut, "stamp": stamp}
            notes.append(note | {"content": _content(picture)} | _fault_of(outcome))
            outcomes.append(outcome)
        if self._read is _find_lightly:  # the network runs once for all of them
            rows = [prediction.row() for prediction in self.predictor.predict_found(outcomes)]
        else:
            rows = [{"status": ERROR, "error": str(one)} if isinstance(one, PictureError) else one for one in outcomes]
        return [row | note for row, note in zip(rows, notes, strict=True)]

    def _read_number(self, picture: Picture) -> dict[str, Any]:
        row = self.predictor.read_number(picture).row()
        return row | {"lines": json.dumps(row["lines"]), "digits": json.dumps(row["digits"])}

    def _read_form(self, picture: Picture) -> dict[str, Any]:
        assert self._form, "a form's pages are read with its template"
        row = read_form(open_picture(picture), self._form, self.predictor).row()
        return row | {"fields": json.dumps(row["fields"])}


OpenReader = Callable[[], RowReader]  # picklable where a worker process is to call it


def find_in(entry: Entry) -> FoundDigit | PictureError:
    """Return what is found in an entry, without the larger steps; or why nothing is. Never raises for a file's sake."""
    found = _or_why_not(_find_lightly, _or_why_not(Entry.picture, entry))
    log_faults([{"path": entry.name} | _fault_of(found)])
    return found


def log_faults(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows, with the tracebacks that some carry moved to the run's log.

    That log is open in one process, and not in the workers, whose rows travel.
    """
    for row in rows:
        if fault := row.pop("traceback", None):
            logging.getLogger(LOG).error("%s: a fault of this program\n%s", ascii(row["path"]), fault)
    return rows


def _or_why_not(read: Callable[..., T], given: object) -> T | PictureError:
    """Return what `read` makes of `given`, or why it fails: one strange picture must not cost 99,999 their rows."""
    if isinstance(given, PictureError):
        return given
    try:
        return read(given)
    except PictureError as error:
        return error
    except Exception as error:
        return Unexpected(error)


def _fault_of(outcome: object) -> dict[str, Any]:
    """Return what a row carries besides its columns, where a fault of ours is behind it."""
    return {"traceback": outcome.traceback} if isinstance(outcome, Unexpected) else {}


def _content(picture: bytes | Page | PictureError) -> str | None:
    """Return what two pictures have in common only if their files are the same, byte by byte."""
    if isinstance(picture, Page):
        return f"{_hash_again(picture.data)}#{picture.number}"
    return _hash(picture) if isinstance(picture, bytes) else None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]  # processors have instructions for it: a third of blake2b's time


_hash_again = functools.lru_cache(maxsize=2)(_hash)  # of a file whose next page is asked for, too


def _find_lightly(picture: Picture) -> FoundDigit:
    return _lighten(find_digit(picture))


def _lighten(found: FoundDigit) -> FoundDigit:
    """Drop the largest of the steps in between: a chunk of them would weigh more than the network."""
    if found.contrast.size <= found.ink.size:
        return found
    return replace(found, contrast=NOTHING, others=tuple(map(_lighten, found.others)))
