"""Corrections: what people said a picture really shows, kept in one SQLite file for retraining.

Nothing is stored unless `add` is called, which the page does only on the click that asks for it. The picture itself
(as sent, at most 2 MB), its ink, the prediction and the truth are kept; no name, no address, no path.

    corrections = Corrections("feedback/corrections.sqlite")
    key = corrections.add(picture=png_bytes, ink=ink, label=7, predicted=1, confidence=0.61, model="mnistnet")
    corrections.count(); corrections.remove(key)
    corrections.import_csv("batch_1_corrections.csv")  # what a batch's HTML report lets you download
    ink, labels = corrections.ink_and_labels()         # uint8 (n, 28, 28), int64 (n,)
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import secrets
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from digits.command import UserError
from digits.finding.digit import to_ink
from digits.finding.limits import PictureError
from digits.finding.pages import split_page
from digits.tables import read_csv, to_digit

MAX_PICTURE_BYTES = 2 * 2**20  # a larger picture is kept as its ink alone
BUSY_S = 10.0  # how long a writer waits for another process's write


class Unavailable(UserError):
    """The corrections cannot be used: another program holds them, or their file or disk is damaged, full or closed."""


def _create(db: sqlite3.Connection) -> None:
    db.execute(
        """CREATE TABLE corrections (
            key TEXT PRIMARY KEY, created_s REAL NOT NULL, label INTEGER NOT NULL CHECK (label BETWEEN 0 AND 9),
            predicted INTEGER, confidence REAL, model TEXT NOT NULL, ink BLOB NOT NULL CHECK (length(ink) = 784),
            picture BLOB)"""
    )


def _index_age(db: sqlite3.Connection) -> None:
    db.execute("CREATE INDEX corrections_by_age ON corrections (created_s)")


MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = [_create, _index_age]  # append only; each runs once


class Corrections:
    """The corrections in one SQLite file, created on the first write; safe for several threads and processes.

    Every method raises `Unavailable` if the file cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def add(
        self,
        ink: np.ndarray,
        label: int,
        predicted: int | None = None,
        confidence: float | None = None,
        model: str = "",
        picture: bytes | None = None,
        replaces: str = "",
    ) -> str:
        """Store one correction and return its key, an unguessable text that `remove` takes back.

        `ink` is uint8 (28, 28), `label` the true digit; `predicted` and `confidence` (0 to 1) are what was answered, by
        `model`; `picture` is the file as it was sent. The correction with the key `replaces` goes: one picture has one
        label. Raises `UserError` for any other label or shape.
        """
        if label not in range(10):
            raise UserError(f"a correction's label is a digit 0-9, not {label!r}")
        ink = np.ascontiguousarray(ink, np.uint8)
        if ink.shape != (28, 28):
            raise UserError(f"a correction's ink has shape (28, 28), not {ink.shape}")
        if picture and len(picture) > MAX_PICTURE_BYTES:
            picture = None
        key = secrets.token_urlsafe(12)
        row = (key, time.time(), int(label), predicted, confidence, model, ink.tobytes(), picture)
        with self._open() as db:
            db.execute("DELETE FROM corrections WHERE key = ?", (replaces,))
            db.execute("INSERT INTO corrections VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return key

    def remove(self, key: str) -> bool:
        """Delete the correction with this key; False if there is none."""
        with self._open() as db:
            return db.execute("DELETE FROM corrections WHERE key = ?", (key,)).rowcount == 1

    def count(self) -> int:
        """Return how many corrections are stored."""
        if not self.path.exists():
            return 0
        with self._open() as db:
            return db.execute("SELECT count(*) FROM corrections").fetchone()[0]

    def rows(self) -> Iterator[sqlite3.Row]:
        """Yield every correction, oldest first, with its columns by name."""
        if not self.path.exists():
            return
        with self._open() as db:
            yield from db.execute("SELECT * FROM corrections ORDER BY created_s, key").fetchall()

    def ink_and_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all ink, uint8 (n, 28, 28), and labels, int64 (n,), oldest first; n is 0 if there is no file yet."""
        rows = list(self.rows())
        ink = np.frombuffer(b"".join(row["ink"] for row in rows), np.uint8).reshape(-1, 28, 28)
        return ink, np.array([row["label"] for row in rows], np.int64)

    def export_zip(self) -> bytes:
        """Return the bytes of a zip archive: 0/ … 9/ of ink as PNG, and corrections.csv, which `import_csv` reads."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, data in self._export():
                archive.writestr(name, data)
        return buffer.getvalue()

    def _export(self) -> Iterator[tuple[str, bytes]]:
        """Yield (name, bytes) of every ink picture, and last of corrections.csv."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["path", "label", "predicted", "confidence", "model"])
        for n, row in enumerate(self.rows(), start=1):
            name = f"{row['label']}/{n:06d}.png"
            writer.writerow([name, row["label"], row["predicted"], row["confidence"], row["model"]])
            yield name, _to_png(np.frombuffer(row["ink"], np.uint8).reshape(28, 28))
        yield "corrections.csv", table.getvalue().encode()

    def import_csv(self, path: str | os.PathLike[str]) -> tuple[int, list[str]]:
        """Add the pictures of a CSV with the columns path and label; return how many, and a sentence per bad line.

        Relative paths count from the CSV's folder. Raises `UserError` if the file is not such a CSV.
        """
        path = Path(path)
        added, problems = 0, []
        for line, row in enumerate(read_csv(path, "path", "label"), start=2):
            try:
                ink, label = _to_example(path.parent / row["path"], row["label"])
            except (PictureError, UserError) as error:
                problems.append(f"line {line}: {error}")
                continue
            self.add(ink, label, model="import", picture=_whole_picture(path.parent / row["path"]))
            added += 1
        return added, problems

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside one transaction, the schema being up to date; raises `Unavailable`."""
        try:
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))  # its journal inherits it
            with _transaction(self.path) as db:
                yield db
        except (sqlite3.DatabaseError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            sentence = f"{self.path.name} cannot be used ({why}); try again, or put a good copy in its place"
            raise Unavailable(sentence) from None


@contextlib.contextmanager
def _transaction(path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA secure_delete = ON")  # undone means gone
        migrate(db)
        db.execute("BEGIN IMMEDIATE")
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    finally:
        db.close()


def migrate(db: sqlite3.Connection) -> None:
    """Bring the schema up to date: run the migrations this file has not seen yet, in one transaction."""
    if db.execute("PRAGMA user_version").fetchone()[0] >= len(MIGRATIONS):
        return  # up to date, or of a later version of this program
    db.execute("BEGIN IMMEDIATE")
    done = db.execute("PRAGMA user_version").fetchone()[0]  # another process may have been quicker
    for migration in MIGRATIONS[done:]:
        migration(db)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    db.execute("COMMIT")


def _to_example(picture: Path, label: str) -> tuple[np.ndarray, int]:
    """Return ink and digit. Raises `UserError` if there is none of either, and `PictureError`."""
    digit = to_digit(label)
    if digit is None:
        raise UserError(f"'{label}' is not a digit 0-9")
    ink = to_ink(picture)
    if not ink.any():
        raise UserError("nothing is written in this picture")
    return ink, digit


def _whole_picture(path: Path) -> bytes | None:
    """Return a file that is one picture and no larger than is kept; None of a page of several, or a larger file."""
    file, page = split_page(path)
    is_kept = page is None and os.path.getsize(file) <= MAX_PICTURE_BYTES
    return path.read_bytes() if is_kept else None


def _to_png(ink: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(ink).save(buffer, "PNG")
    return buffer.getvalue()
