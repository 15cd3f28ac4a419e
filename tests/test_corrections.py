"""Corrections: stored once asked, private, countable, removable, exported as an image folder and imported again."""

from __future__ import annotations

import csv
import io
import sqlite3
import stat
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from digits.command import UserError
from digits.corrections import MAX_PICTURE_BYTES, MIGRATIONS, Corrections
from digits.finding.digit import to_ink


@pytest.fixture
def corrections(tmp_path: Path) -> Corrections:
    return Corrections(tmp_path / "kept" / "corrections.sqlite")


def some_ink(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (28, 28), dtype=np.uint8)


def test_nothing_is_written_before_the_first_correction(corrections: Corrections) -> None:
    assert corrections.count() == 0
    assert list(corrections.rows()) == []
    assert not corrections.path.exists()


def test_a_correction_is_kept_with_all_that_retraining_needs(corrections: Corrections) -> None:
    corrections.add(some_ink(1), 7, predicted=1, confidence=0.61, model="mnistnet", picture=b"png")
    (row,) = corrections.rows()
    assert (row["label"], row["predicted"], row["confidence"], row["model"]) == (7, 1, 0.61, "mnistnet")
    assert row["picture"] == b"png"
    ink, labels = corrections.ink_and_labels()
    assert (ink.shape, ink.dtype, labels.tolist()) == ((1, 28, 28), np.uint8, [7])
    assert np.array_equal(ink[0], some_ink(1))


def test_only_the_owner_may_read_it(corrections: Corrections) -> None:
    corrections.add(some_ink(), 3)
    db = sqlite3.connect(corrections.path)
    db.execute("UPDATE corrections SET label = 4")
    modes = [stat.S_IMODE(file.stat().st_mode) for file in corrections.path.parent.iterdir()]
    db.close()
    assert modes == [0o600, 0o600], "the file, and the journal of what is being written"
    assert stat.S_IMODE(corrections.path.parent.stat().st_mode) == 0o700


def test_undo_removes_just_that_one(corrections: Corrections) -> None:
    keys = [corrections.add(some_ink(i), i) for i in range(3)]
    assert corrections.remove(keys[1])
    assert not corrections.remove(keys[1]), "it is gone"
    assert [row["label"] for row in corrections.rows()] == [0, 2]


@pytest.mark.parametrize("label", [-1, 10, 2.5, None, "7"])
def test_a_label_is_a_digit(corrections: Corrections, label: object) -> None:
    with pytest.raises(UserError, match="0-9"):
        corrections.add(some_ink(), label)


def test_ink_has_one_shape(corrections: Corrections) -> None:
    with pytest.raises(UserError, match="28, 28"):
        corrections.add(np.zeros((14, 14), np.uint8), 1)


def test_a_large_picture_is_kept_as_its_ink_alone(corrections: Corrections) -> None:
    corrections.add(some_ink(), 5, picture=bytes(MAX_PICTURE_BYTES + 1))
    (row,) = corrections.rows()
    assert row["picture"] is None


def test_many_threads_write_at_once_and_lose_nothing(corrections: Corrections) -> None:
    threads = [threading.Thread(target=lambda: [corrections.add(some_ink(), 1) for _ in range(5)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert corrections.count() == 40


def test_a_file_that_another_is_just_creating_is_waited_for(corrections: Corrections) -> None:
    corrections.path.parent.mkdir()
    other = sqlite3.connect(corrections.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.2, other.rollback)
    timer.start()
    corrections.add(some_ink(), 1)
    timer.join()
    other.close()
    assert corrections.count() == 1


def test_an_older_file_is_brought_up_to_date_and_keeps_its_rows(corrections: Corrections) -> None:
    corrections.path.parent.mkdir(parents=True)
    with sqlite3.connect(corrections.path) as db:
        MIGRATIONS[0](db)
        db.execute("INSERT INTO corrections VALUES ('k', 1.0, 4, 9, 0.5, 'mnistnet', ?, NULL)", [bytes(784)])
        db.execute("PRAGMA user_version = 1")
    assert corrections.count() == 1
    with sqlite3.connect(corrections.path) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)


def test_export_is_an_image_folder_and_comes_back(corrections: Corrections, examples, tmp_path: Path) -> None:
    inks = {digit: to_ink(path) for digit, path in examples.items()}
    for digit, ink in inks.items():
        corrections.add(ink, digit, predicted=0, confidence=0.5, model="mnistnet")
    with zipfile.ZipFile(io.BytesIO(corrections.export_zip())) as archive:
        assert len(archive.namelist()) == 10 + 1
        archive.extractall(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == [str(d) for d in range(10)]

    again = Corrections(tmp_path / "again.sqlite")
    added, problems = again.import_csv(tmp_path / "out" / "corrections.csv")
    assert (added, problems) == (10, [])
    assert np.array_equal(again.ink_and_labels()[0], np.stack(list(inks.values()))), "ink comes back unchanged"


def test_import_takes_the_good_lines_and_names_the_bad(corrections: Corrections, examples, tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    rows = [[examples[3], 3], [examples[4], "vier"], ["empty.png", 5], ["missing.png", 6], [examples[7], 7]]
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label"], *rows])
    added, problems = corrections.import_csv(tmp_path / "list.csv")
    assert added == 2
    assert [problem.split(":")[0] for problem in problems] == ["line 3", "line 4", "line 5"]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00"])
def test_import_refuses_what_is_no_such_csv(corrections: Corrections, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(UserError):
        corrections.import_csv(tmp_path / "list.csv")
