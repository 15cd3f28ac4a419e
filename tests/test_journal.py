"""What a batch remembers, and that a killed one goes on as if nothing had happened."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from batch_processor import BatchProcessor, main
from digits.batch.entries import Entry
from digits.batch.journal import SHOWN, Journal
from digits.batch.opening import open_named, open_run, open_unfinished, start_log
from digits.files import ASSETS_DIR, ROOT

ROW = dict.fromkeys(SHOWN) | {"status": "ok", "digit": 3, "cut": None, "stamp": "1"}


def test_rows_come_back_in_input_order(tmp_path):
    journal = Journal(tmp_path / "a.journal", {"run": "a"})
    journal.add([ROW | {"position": 2, "path": "c"}, ROW | {"position": 0, "path": "a"}])
    journal.add([ROW | {"position": 1, "path": "b", "confidence": 0.25}])
    rows = list(journal.rows())
    assert [row["path"] for row in rows] == ["a", "b", "c"] and rows[1]["confidence"] == 0.25
    assert len(journal) == 3 and journal.facts == {"run": "a"}
    journal.close(delete=True)
    assert not list(tmp_path.iterdir())


def test_names_that_are_no_unicode(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    journal = Journal(tmp_path / "a.journal", {})
    journal.add([ROW | {"position": 0, "path": name, "stamp": Entry(name).stamp()}])
    assert next(journal.rows())["path"] == name
    journal.begin_again()
    assert journal.recall(Entry(name))["path"] == name


def test_recall_only_what_is_unchanged_and_was_read(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"first")
    entry = Entry(str(path))
    journal = Journal(tmp_path / "a.journal", {})
    bad = {"position": 1, "path": "gone.png", "stamp": "", "status": "error"}
    journal.add([ROW | {"position": 0, "path": str(path), "stamp": entry.stamp()}, ROW | bad])
    assert journal.begin_again() == 2 and len(journal) == 0
    assert journal.recall(entry)["digit"] == 3
    assert journal.recall(Entry("gone.png")) is None
    path.write_bytes(b"second")
    assert journal.recall(entry) is None
    journal.add([ROW | {"position": 0, "path": str(path), "stamp": entry.stamp()}])
    journal.begin_again()
    assert journal.recall(entry) is not None, "a second interruption keeps what both runs have"


def test_of_a_file_that_is_gone_the_latest_row_stays(tmp_path):
    journal = Journal(tmp_path / "a.journal", {})
    for digit in (3, 5):
        journal.add([ROW | {"position": 0, "path": "gone.png", "digit": digit}])
        if digit == 3:
            journal.finish()  # the second run was interrupted
        journal.begin_again()
    journal.add([ROW | {"position": 0, "path": "new.png"}])
    journal.keep_others()
    assert [(row["path"], row["digit"]) for row in journal.rows()] == [("new.png", 3), ("gone.png", 5)]
    assert journal.facts["finished"] is False, "until this run has come to its end"


def test_a_new_run_takes_no_name_that_a_report_has(tmp_path, monkeypatch):
    monkeypatch.setattr("digits.batch.opening.time.strftime", lambda _format: "now")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "now.csv").write_text("")
    journal, _log, _resumed = open_run(tmp_path, {"fingerprint": "x"}, resume=False, update=False)
    assert journal.facts["run"] == "now-2"


def test_of_two_interrupted_runs_the_last_is_taken_up(tmp_path):
    for name, age_s in (("a", 20), ("b", 10), ("c", 30)):
        Journal(tmp_path / f"{name}.journal", {"fingerprint": "x"}).close()
        os.utime(tmp_path / f"{name}.journal", (time.time() - age_s,) * 2)
    assert open_unfinished(tmp_path, "x").path.stem == "b"


def test_only_an_interrupted_run_of_the_same_job_is_found(tmp_path):
    running = Journal(tmp_path / "a.journal", {"fingerprint": "x"})
    (tmp_path / "b.journal").write_text("not ours")
    assert open_unfinished(tmp_path, "x") is None, "it is still going"
    running.close()
    assert open_unfinished(tmp_path, "y") is None
    assert open_unfinished(tmp_path, "x").facts == {"fingerprint": "x"}


def test_a_run_killed_before_it_noted_anything_does_not_take_its_name(tmp_path):
    Journal(tmp_path / "inbox.journal").close()
    assert open_named(tmp_path / "inbox.journal", "x") is None and not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """A list of 8,000 names: small drawings, and every hundredth one is missing."""
    folder = tmp_path_factory.mktemp("many")
    for digit in range(10):
        pixels = np.full((40, 40), 255, np.uint8)
        cv2.putText(pixels, str(digit), (8, 34), cv2.FONT_HERSHEY_SIMPLEX, 1.1, 0, 3, cv2.LINE_AA)
        cv2.imwrite(str(folder / f"{digit}.png"), pixels)
    names = [f"{n % 10}.png" if n % 100 else f"missing{n}.png" for n in range(8_000)]
    (folder / "list.txt").write_text("\n".join(names))
    return folder / "list.txt"


def start(source: Path, output: Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, ROOT / "batch_processor.py", source, "--output-dir", output, "--workers", "1", *options]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what a shell starts with & does not hear Ctrl-C
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard)


def wait_for_rows(process: subprocess.Popen, output: Path, n_bytes: int) -> None:
    """Return when the journal of a starting run has grown by so much."""
    before = after = _journal_size(output)
    while process.poll() is None and after < before + n_bytes:
        time.sleep(0.005)
        after = max(after, _journal_size(output))


def _journal_size(output: Path) -> int:
    size = 0
    for path in output.rglob("*.journal*"):
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def without_times(path: Path) -> dict:
    report = json.loads(path.read_text())
    for name in ("seconds", "started", "versions"):
        del report["summary"][name]
    return report


@pytest.mark.slow
def test_killed_again_and_again_and_resumed(many, tmp_path):
    """The same report, byte for byte, as a run that nobody disturbed."""
    out, _err = start(many, tmp_path / "whole").communicate()
    whole = Path(out.splitlines()[-1])
    chance = random.Random(1)
    for _kill in range(2):
        process = start(many, tmp_path / "killed", "--resume")
        wait_for_rows(process, tmp_path / "killed", chance.randrange(30_000, 150_000))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it was to be killed before it could finish"
    out, _err = start(many, tmp_path / "killed", "--resume").communicate()
    resumed = Path(out.splitlines()[-1])
    assert resumed.read_bytes() == whole.read_bytes()
    assert without_times(resumed.with_suffix(".json")) == without_times(whole.with_suffix(".json"))
    (log,) = (tmp_path / "killed" / "logs").iterdir()
    assert "resumed" in log.read_text() and log.suffix == ".log", "the journal is gone"


def test_ctrl_c_leaves_a_partial_report(many, tmp_path):
    process = start(many, tmp_path)
    wait_for_rows(process, tmp_path, 60_000)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130 and "--resume" in err and "Traceback" not in err
    partial = Path(out.splitlines()[-1])
    n_rows = partial.read_text().count("\n") - 1
    assert partial.stem.endswith("_partial") and 0 < n_rows < 8_000
    out, _err = start(many, tmp_path, "--resume").communicate()
    full = Path(out.splitlines()[-1])
    assert full.read_text().count("\n") - 1 == 8_000
    assert full.read_text().startswith(partial.read_text()), "the partial report is the beginning of the full one"


def test_ctrl_c_while_a_named_report_is_written_says_what_goes_on(tmp_path, monkeypatch, capsys):
    save, n_saved = BatchProcessor.save, iter(range(100))

    def interrupted_once(self, kind, path=None):
        if not next(n_saved):
            raise KeyboardInterrupt
        return save(self, kind, path)

    monkeypatch.setattr(BatchProcessor, "save", interrupted_once)
    told = [str(ASSETS_DIR / "examples"), "--output-dir", str(tmp_path), "--name", "inbox"]
    assert main(told) == 130 and "--update goes on" in capsys.readouterr().err
    assert main([*told, "--update"]) == 0 and (tmp_path / "reports" / "inbox.csv").exists()


def test_a_log_lets_go_of_the_last_and_prints_nothing(tmp_path, capsys):
    start_log(tmp_path / "a.log").info("one")
    start_log(tmp_path / "b.log").info("two")
    assert "INFO one" in (tmp_path / "a.log").read_text()
    assert "two" not in (tmp_path / "a.log").read_text()
    assert (tmp_path / "b.log").read_text().rstrip().endswith("INFO two")
    assert capsys.readouterr() == ("", "")
