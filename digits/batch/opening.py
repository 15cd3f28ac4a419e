"""A run's own files: its journal and its log, new or those of an earlier run that is taken up again.

    journal, log, resumed = open_run(Path("predictions"), job, resume=False, update=False)

`job` is what decides the rows, with a `fingerprint` of all that, and the run's `name` if it has one.
"""

from __future__ import annotations

import contextlib
import glob
import logging
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from digits.batch.journal import Journal
from digits.batch.rows import LOG
from digits.command import UserError
from digits.files import nth_path

Opened = tuple[Journal, logging.Logger, bool]  # and whether rows of an earlier run are there


def open_run(output_dir: Path, job: dict[str, Any], resume: bool, update: bool) -> Opened:
    """Open the journal and the log of a run below `output_dir`. Raises `UserError` if its name or folder is no good."""
    logs, reports = output_dir / "logs", output_dir / "reports"
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"reports cannot go to '{output_dir}' ({error.strerror}); name --output-dir") from None
    if job.get("name"):
        return _open_named_run(job, logs / job["name"], reports, resume, update)
    found = open_unfinished(logs, job["fingerprint"])
    if found is not None and resume:
        return _take_up(found)
    if found is not None:
        print("note: an interrupted run of this job is there; --resume goes on with it", file=sys.stderr)
        found.close()
    return _begin(_reserve(logs, reports), job, resume)


def _open_named_run(job: dict[str, Any], stem: Path, reports: Path, resume: bool, update: bool) -> Opened:
    """As `open_run`, for a run whose name, the last part of `stem`, may be that of an earlier one."""
    name, path = stem.name, _journal_path(stem)
    if path.exists() and (journal := open_named(path, job["fingerprint"])) is not None:
        if update or resume and not journal.facts.get("finished"):
            return _take_up(journal)
        journal.close()
        raise UserError(f"there is a report '{name}'; --update reads what is new, or take another --name")
    if list(reports.glob(f"{glob.escape(name)}.*")):
        raise UserError(f"there are reports called '{name}' that cannot be brought up to date; take another --name")
    return _begin(stem, job, resume)


def _begin(stem: Path, job: dict[str, Any], resume: bool) -> Opened:
    """Open new files, called `stem`; say so if a run was to be resumed."""
    journal = Journal(_journal_path(stem), job | {"run": stem.name})
    log = start_log(journal.path.with_suffix(".log"))
    if resume:
        sentence = "no interrupted run of this job was found; starting anew"
        print(f"note: {sentence}", file=sys.stderr)
        log.info(sentence)
    return journal, log, False


def _journal_path(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.journal")  # the name may have a dot of its own


def _take_up(journal: Journal) -> Opened:
    log = start_log(journal.path.with_suffix(".log"))
    log.info("resumed: %d rows are there already", journal.begin_again())
    return journal, log, True


def _reserve(logs: Path, reports: Path) -> Path:
    """Return logs/batch_<time>, a name that no other run and no report has."""
    base, n = logs / time.strftime("batch_%Y%m%d_%H%M%S"), 0
    while True:
        n += 1
        stem = nth_path(base, n)
        with contextlib.suppress(FileExistsError):
            if not list(reports.glob(f"{stem.name}.*")):
                stem.with_suffix(".log").touch(exist_ok=False)
                return stem


def open_unfinished(directory: Path, fingerprint: str) -> Journal | None:
    """Return the newest whole journal in `directory` of an interrupted run with this fingerprint, or None."""
    for path in sorted(directory.glob("*.journal"), key=_age):
        with contextlib.suppress(sqlite3.DatabaseError, ValueError):  # still running, or no journal of ours
            journal = Journal(path)
            if journal.facts.get("fingerprint") == fingerprint and journal.is_whole():
                return journal
            journal.close()
    return None


def _age(path: Path) -> float:
    """Return how long ago a file was changed, in seconds; for ever, if a parallel run has deleted it."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")


def open_named(path: Path, fingerprint: str) -> Journal | None:
    """Return the journal of the last run of a name; None if that was killed before it had noted anything.

    Raises `UserError` if it was of another job, or is in use.
    """
    try:
        journal = Journal(path)
        if not journal.facts and journal.is_empty():
            journal.close(delete=True)
            return None
        if journal.facts.get("fingerprint") == fingerprint and journal.is_whole():
            return journal
    except (sqlite3.DatabaseError, ValueError) as error:
        raise UserError(f"'{path}' cannot be used ({error}); is the same --name running elsewhere?") from None
    journal.close()
    raise UserError(f"the report '{path.stem}' belongs to other sources, options or weights; choose another --name")


class _QuietHandler(logging.FileHandler):
    """A full disk costs the log a line, and nobody else anything."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def start_log(path: Path) -> logging.Logger:
    """Return the logger `LOG`, which from now on writes lines with time and level to the file `path` only."""
    logger = logging.getLogger(LOG)
    for earlier in list(logger.handlers):
        logger.removeHandler(earlier)
        earlier.close()
    handler = _QuietHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger
