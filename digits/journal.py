"""What a batch remembers: every row as it is computed, in one SQLite file, so that a kill loses at most the last moment.

    journal = Journal(path, {"run": "batch_1"}); journal.add(rows); list(journal.rows())

Write-ahead logging makes each commit safe against the death of the process, and keeps the file whole through a power cut.
Reports are written from here, row by row: a million rows need no more memory than ten. It is no archive: a finished run
deletes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from digits.rows import COLUMNS, NUMBER_COLUMNS
from digits.sources import Entry

SHOWN = [*COLUMNS, *NUMBER_COLUMNS]
STORED = ["position", "cut", "stamp", *SHOWN]


class Journal:
    """The rows of one run and the facts about it. `rows` are dicts; `position` is the place in the input, from 0."""

    def __init__(self, path: str | os.PathLike, facts: dict | None = None) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.path, timeout=0, check_same_thread=False)
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")  # so that nobody resumes a run that is still going
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        columns = ", ".join(STORED)
        with self._db:
            self._db.execute("CREATE TABLE IF NOT EXISTS facts (facts TEXT)")
            for table in ("rows", "earlier"):
                self._db.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY (position))")
            if facts is not None:
                self._db.execute("DELETE FROM facts")
                self._db.execute("INSERT INTO facts VALUES (?)", [json.dumps(facts)])
        self._insert = f"INSERT OR REPLACE INTO rows VALUES ({', '.join('?' * len(STORED))})"

    @property
    def facts(self) -> dict:
        """What was said about the run when it started; {} of a journal that was killed before that."""
        stored = self._db.execute("SELECT facts FROM facts").fetchone()
        return json.loads(stored[0]) if stored else {}

    def add(self, rows: Iterable[dict]) -> None:
        """Store rows with their `position`, `cut` and `stamp`; they are safe when this returns."""
        with self._db:
            self._db.executemany(self._insert, ([_to_sql(row.get(name)) for name in STORED] for row in rows))

    def begin_again(self) -> None:
        """Set the rows of an interrupted run aside, where `recall` finds them."""
        with self._db:
            self._db.execute("DROP INDEX IF EXISTS by_name")
            self._db.execute("INSERT OR REPLACE INTO earlier SELECT * FROM rows")
            self._db.execute("DELETE FROM rows")
            self._db.execute("CREATE INDEX by_name ON earlier (path)")

    def recall(self, entry: Entry) -> dict | None:
        """Return the row that an interrupted run has of this very file, unless the file has changed since."""
        found = self._db.execute("SELECT * FROM earlier WHERE path = ? AND stamp = ?", [_to_sql(entry.name), entry.stamp()])
        row = found.fetchone()
        return dict(zip(STORED, map(_from_sql, row), strict=True)) if row else None

    def rows(self, where: str = "1", order: str = "position", limit: int = -1) -> Iterator[dict]:
        """Yield rows in input order, or as the SQL fragments say."""
        names = ", ".join(["cut", *SHOWN])
        for row in self._db.execute(f"SELECT {names} FROM rows WHERE {where} ORDER BY {order} LIMIT {limit}"):
            yield dict(zip(["cut", *SHOWN], map(_from_sql, row), strict=True))

    def select(self, query: str, values: Sequence = ()) -> list[tuple]:
        """Return what a query over the table `rows` finds."""
        return self._db.execute(query, values).fetchall()

    def __len__(self) -> int:
        return self._db.execute("SELECT count(*) FROM rows").fetchone()[0]

    def close(self, delete: bool = False) -> None:
        """Close the file; with `delete` remove it."""
        self._db.close()
        if delete:
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    os.unlink(f"{self.path}{suffix}")


def _to_sql(value):
    """A file name that is no valid Unicode goes in as bytes."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return os.fsencode(value)
    return value


def _from_sql(value):
    return os.fsdecode(value) if isinstance(value, bytes) else value


def find_unfinished(directory: Path, fingerprint: str) -> Path | None:
    """Return the newest journal in `directory` of a run with this fingerprint, or None."""
    for path in sorted(directory.glob("*.journal"), key=lambda path: path.stat().st_mtime, reverse=True):
        with contextlib.suppress(sqlite3.DatabaseError):
            journal = Journal(path)
            facts = journal.facts
            journal.close()
            if facts.get("fingerprint") == fingerprint:
                return path
    return None
