"""What a batch remembers: every row as it is computed, in one SQLite file; a kill loses at most the last moment.

    journal = Journal(path, {"run": "batch_1"}); journal.add(rows); list(journal.rows())

Write-ahead logging makes each commit safe against the death of the process, and keeps the file whole through a power
cut. Reports are written from here, row by row: a million rows need no more memory than ten. It is no archive: a
finished run deletes it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, AnyStr, Literal

from digits.batch.entries import Entry
from digits.reading.answer import P_COLUMNS

ENDING = ["label", "correct", "error"]  # label and correct are empty where no truth was given
DIGIT_COLUMNS = ["path", "status", "digit", "confidence", "runner_up", "runner_up_confidence", *P_COLUMNS, *ENDING]
# Of --number; lines and digits hold JSON.
NUMBER_COLUMNS = ["path", "status", "text", "confidence", "lines", "digits", "number", "reason", *ENDING]
FORM_COLUMNS = ["path", "status", "fields", "confidence", "reason", "error"]  # of --fields; fields hold JSON
SHOWN = list(dict.fromkeys([*DIGIT_COLUMNS, *NUMBER_COLUMNS, *FORM_COLUMNS]))
STORED = ["position", "cut", "stamp", "content", *SHOWN]

IN_MEMORY = ":memory:"  # a journal's path, to leave no file


class Journal:
    """The rows of one run and the facts about it. `rows` are dicts; `position` is the place in the input, from 0."""

    def __init__(self, path: str | os.PathLike[str], facts: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.path, timeout=0, check_same_thread=False)
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")  # so that nobody resumes a run that is still going
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.create_function("plain", 1, plain, deterministic=True)
        columns = ", ".join(["position INTEGER PRIMARY KEY", *STORED[1:]])
        with self._db:
            self._db.execute("CREATE TABLE IF NOT EXISTS facts (facts TEXT)")
            for table in ("rows", "earlier"):
                self._db.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
            if facts is not None:
                self._db.execute("INSERT INTO facts VALUES (?)", [json.dumps(facts)])
        self._insert = f"INSERT OR REPLACE INTO rows VALUES ({', '.join('?' * len(STORED))})"
        stored = self._db.execute("SELECT facts FROM facts").fetchone()
        self.facts: dict[str, Any] = json.loads(stored[0]) if stored else {}  # {} of a run that was killed at once
        if not isinstance(self.facts, dict):
            raise ValueError(f"{path} is no journal of ours")

    @property
    def kind(self) -> Literal["digit", "number", "form"]:
        """What its rows are of."""
        return "form" if self.facts.get("fields") else "number" if self.facts.get("number") else "digit"

    @functools.cached_property
    def columns(self) -> list[str]:
        """The columns of its report; a form's fields have one each, and one for their status beside it."""
        if self.kind == "form":
            cells = [column for name in self.facts["fields"] for column in (name, f"{name}_status")]
            return ["path", "status", *cells, "reason", "error"]
        return NUMBER_COLUMNS if self.kind == "number" else DIGIT_COLUMNS

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Store rows with their `position`, `cut` and `stamp`; they are safe when this returns."""
        with self._db:
            self._db.executemany(self._insert, map(_values, rows))

    def is_whole(self) -> bool:
        """Whether the disk has kept it, and this version of the program wrote it."""
        columns = [column[1] for column in self._db.execute("PRAGMA table_info(rows)")]
        return columns == STORED and self._db.execute("PRAGMA quick_check").fetchone() == ("ok",)

    def begin_again(self) -> int:
        """Set the rows of an earlier run aside, where `recall` finds them; return how many there are."""
        with self._db:
            self._db.execute("DROP INDEX IF EXISTS by_name")
            offset = self._db.execute("SELECT coalesce(max(position), -1) + 1 FROM earlier").fetchone()[0]
            moved = ", ".join(["position + ?", *STORED[1:]])
            self._db.execute(f"INSERT INTO earlier SELECT {moved} FROM rows", [offset])
            self._db.execute("DELETE FROM rows")
            self._db.execute("CREATE INDEX by_name ON earlier (plain(path), stamp)")
        self.note(finished=False)
        return self._db.execute("SELECT count(*) FROM earlier").fetchone()[0]

    def keep_others(self) -> None:
        """Take over the latest rows set aside of files that this run has no row of: they are gone."""
        start = self._db.execute("SELECT coalesce(max(position), -1) + 1 FROM rows").fetchone()[0]
        others = f"""SELECT ? - 1 + row_number() OVER (ORDER BY position), {", ".join(STORED[1:])} FROM earlier
            WHERE position IN (SELECT max(position) FROM earlier GROUP BY plain(path))
            AND plain(path) NOT IN (SELECT plain(path) FROM rows)"""
        with self._db:
            self._db.execute(f"INSERT INTO rows {others}", [start])

    def finish(self) -> None:
        """Note that the run is over, and let go of what was set aside."""
        with self._db:
            self._db.execute("DELETE FROM earlier")
        self.note(finished=True)

    def note(self, **facts: Any) -> None:
        """Change facts about the run, or add some."""
        self.facts |= facts
        with self._db:
            self._db.execute("UPDATE facts SET facts = ?", [json.dumps(self.facts)])

    def recall(self, entry: Entry) -> dict[str, Any] | None:
        """Return the row that an earlier run has of this very file, unless it has changed or could not be read.

        Its path is spelled as the entry's: `in/1.png` may have been `./in/1.png`.
        """
        query = "SELECT * FROM earlier WHERE plain(path) = ? AND stamp = ? AND status != 'error' LIMIT 1"
        row = self._db.execute(query, [plain(_to_sql(entry.name)), entry.stamp()]).fetchone()
        here = {"path": entry.name, "cut": entry.cut}
        return dict(zip(STORED, map(_from_sql, row), strict=True)) | here if row else None

    def rows(self, order: str = "position", limit: int = -1, offset: int = 0) -> Iterator[dict[str, Any]]:
        """Yield at most `limit` rows from `offset` on, in input order or an SQL fragment's (ours, never a user's)."""
        names = ["position", "cut", *SHOWN]
        query = f"SELECT {', '.join(names)} FROM rows ORDER BY {order} LIMIT {limit} OFFSET {offset}"
        for row in self._db.execute(query):
            yield dict(zip(names, map(_from_sql, row), strict=True))

    def copies(self) -> dict[int, str]:
        """Return the positions of rows whose file has the very content of an earlier one, and that one's path."""
        query = """SELECT again.position, first.path FROM rows AS again
            JOIN (SELECT content, min(position) AS position FROM rows WHERE content IS NOT NULL
                  GROUP BY content HAVING count(*) > 1) AS original ON again.content = original.content
            JOIN rows AS first ON first.position = original.position WHERE again.position != first.position"""
        return {position: _from_sql(path) for position, path in self._db.execute(query)}

    def select(self, query: str) -> sqlite3.Cursor:
        """Return the answer to a query over the table `rows`."""
        return self._db.execute(query)

    def is_empty(self) -> bool:
        """Whether it holds no row, of this run or of an earlier one."""
        return not len(self) and not self._db.execute("SELECT count(*) FROM earlier").fetchone()[0]

    def __len__(self) -> int:
        return self._db.execute("SELECT count(*) FROM rows").fetchone()[0]

    def close(self, delete: bool = False) -> None:
        """Close the file; with `delete` remove it."""
        self._db.close()
        if delete:
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    os.unlink(f"{self.path}{suffix}")


def plain(path: AnyStr) -> AnyStr:
    """Return a path as it is compared: ./in, in/ and in are one, and so is what lies in them."""
    return os.path.normpath(path)


def _values(row: dict[str, Any]) -> list[Any]:
    values = [row.get(name) for name in STORED]
    return values if row["path"].isascii() else [_to_sql(value) for value in values]


def _to_sql(value: Any) -> Any:
    """A file name that is no valid Unicode goes in as bytes."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return os.fsencode(value)
    return value


def _from_sql(value: Any) -> Any:
    return os.fsdecode(value) if isinstance(value, bytes) else value
