"""Batches end to end: every file gets its row, and nothing is lost."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import batch_processor
from batch_processor import BatchProcessor
from digits.batch import local, rows
from digits.batch.journal import DIGIT_COLUMNS, SHOWN, Journal
from digits.batch.labels import Labels
from digits.batch.local import read_in_pool, read_locally
from digits.batch.sources import find_entries
from digits.command import UserError
from digits.files import ROOT
from digits.reading.symbols import to_value
from predict import MNISTPredictor


@pytest.fixture
def folder(tmp_path: Path, examples: dict[int, Path]) -> Path:
    """Fourteen files: ten drawings, and four that cannot be read."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for digit, path in examples.items():
        (folder / f"{digit}.png").write_bytes(path.read_bytes())
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("not a picture\n")
    (folder / "random.png").write_bytes(np.random.default_rng(0).bytes(2000))
    buffer = io.BytesIO()
    Image.open(examples[3]).convert("RGB").save(buffer, "JPEG")
    (folder / "truncated.jpg").write_bytes(buffer.getvalue()[:-400])
    return folder


def read_csv(path: str | Path) -> list[dict]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(capsys, *arguments: str | Path) -> tuple[int, Path]:
    """Run the command; return its exit status and the path on stdout's last line."""
    status = batch_processor.main([str(argument) for argument in arguments])
    return status, Path(capsys.readouterr().out.splitlines()[-1])


def test_every_file_gets_a_row(folder, tmp_path, capsys):
    status, report = run(capsys, folder, "--output-dir", tmp_path / "out")
    assert status == 1
    rows = read_csv(report)
    assert [Path(row["path"]).name for row in rows] == sorted(path.name for path in folder.iterdir())
    assert list(rows[0]) == DIGIT_COLUMNS
    assert [int(row["digit"]) for row in rows[:10]] == list(range(10))
    bad = [row for row in rows if row["status"] == "error"]
    assert len(bad) == 4 and all(row["error"] and not row["digit"] for row in bad)
    stored = json.loads(report.with_suffix(".json").read_text())
    assert [row["path"] for row in stored["rows"]] == [row["path"] for row in rows]
    assert stored["summary"]["statuses"]["error"] == 4 and stored["summary"]["n_rows"] == 14
    (log,) = (tmp_path / "out" / "logs").iterdir()
    assert log.suffix == ".log" and log.read_text().count("WARNING") == 4


@pytest.mark.parametrize("source", ["digits/", "digits", "digits/1.png", "list.txt"])
def test_what_follows_the_networks_is_read(source, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("digits/1.png\n")
    _status, report = run(capsys, "--model", ROOT / "models" / "mnist_cnn_best.pth", "mnistnet", source)
    (row,) = [row for row in read_csv(report) if row["path"].endswith("1.png")]
    assert row["digit"] == "1"


def test_a_network_misspelt_is_no_folder(folder, capsys):
    assert batch_processor.main(["--model", "mnistnet", "modren", str(folder)]) == 2
    told = capsys.readouterr().err
    assert "there are no weights at" in told and "choose from mnistnet, gapcnn, modern" in told
    assert told.endswith("or name a file such as outputs/runs/RUN/best.pth\n")


def test_api_of_the_readme(folder, tmp_path, capsys):
    processor = BatchProcessor(output_dir=tmp_path / "out")
    table = pd.DataFrame(processor.process_folder(folder))
    assert len(table) == 14 and table["digit"].notna().sum() == 10
    assert len(read_csv(processor.save_results_csv())) == 14
    assert len(json.loads(processor.save_results_json().read_text())["rows"]) == 14
    processor.print_summary()
    assert "4 error" in capsys.readouterr().out
    first, second = processor.save_results_csv(), processor.save_results_csv()
    assert first != second and first.read_bytes() == second.read_bytes()


def test_a_damaged_archive_that_is_named_is_a_row(folder, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "cut.zip", "w") as archive:
        archive.write(folder / "7.png", "7.png")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "cut.zip").read_bytes()[:-30])
    status, report = run(capsys, tmp_path / "cut.zip", folder / "1.png", "--output-dir", tmp_path / "out")
    bad, good = read_csv(report)
    assert status == 1 and good["digit"] == "1" and bad["error"].startswith("the zip archive is damaged")


def test_one_source_needs_no_list(folder, tmp_path):
    processor = BatchProcessor(output_dir=tmp_path / "out")
    assert [row["digit"] for row in processor.process(str(folder / "1.png"))] == [1]
    assert processor.run(folder / "2.png")["n_rows"] == 1
    with pytest.raises(UserError, match="no report of the kind docx; choose from csv"):
        processor.save("docx")


def test_a_run_that_fails_leaves_no_rows_of_the_one_before(folder, tmp_path):
    processor = BatchProcessor(output_dir=tmp_path / "out")
    processor.process_folder(folder)
    with pytest.raises(UserError, match="there is nothing to read"):
        processor.process([])
    with pytest.raises(UserError, match="there is no"):
        processor.process_folder(tmp_path / "nope")
    for tell in (processor.save_results_csv, processor.print_summary):
        with pytest.raises(UserError, match="nothing has been read yet"):
            tell()


def test_a_bad_file_never_takes_its_neighbours_row(folder, tmp_path, predictor):
    rows = BatchProcessor(output_dir=tmp_path / "out", workers=3).process([folder])
    assert len(rows) == 14
    for row in rows:
        (alone,) = predictor.predict_batch([row["path"]])
        assert (row["status"], row["digit"]) == (alone.status, alone.digit)
        if row["status"] != "error":
            assert [row[f"p{i}"] for i in range(10)] == pytest.approx(alone.probs.tolist(), abs=1e-5)


@pytest.mark.parametrize("sources", [["no/such/folder"], ["*.nothing"]])
def test_wrong_usage_is_two(sources, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert batch_processor.main([*sources, "--output-dir", "out"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not list(tmp_path.rglob("*.csv"))


@pytest.mark.parametrize("option", [["--threshold", "2"], ["--workers", "0"], ["--model", "nonsense"]])
def test_wrong_options_are_two(option, examples, tmp_path, capsys):
    assert batch_processor.main([str(examples[1]), *option, "--output-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_output_that_is_a_file_is_two(examples, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert batch_processor.main([str(examples[1]), "--output-dir", str(tmp_path / "taken")]) == 2
    assert "--output-dir" in capsys.readouterr().err


def test_processes_read_what_threads_read(folder):
    numbered = list(enumerate(find_entries([folder])))
    open_one = partial(batch_processor.open_reader, "mnistnet", None, False)
    threads = list(read_in_pool(open_one, numbered, 2, chunk_size=3))
    processes = list(read_in_pool(open_one, numbered, 2, processes=True, chunk_size=3))
    assert threads == processes and [len(rows) for rows in threads] == [3, 3, 3, 3, 2]


@pytest.mark.parametrize("number", [False, True])
@pytest.mark.parametrize("pays_from_s", [0, 60])
def test_a_fault_of_ours_is_one_row_and_its_traceback_is_in_the_log(
    folder, tmp_path, monkeypatch, examples, number, pays_from_s
):
    """Wherever it is read: here, in a thread, in another process, whose row travels."""
    strange = {examples[0].read_bytes(), examples[7].read_bytes()}  # the first of all is read here
    owner, name = (MNISTPredictor, "read_number") if number else (rows, "find_digit")
    read = getattr(owner, name)

    def stumbling(*given):
        if given[-1] in strange:
            raise IndexError("off by one")
        return read(*given)

    monkeypatch.setattr(owner, name, stumbling)
    monkeypatch.setattr(local, "start_method", lambda: "fork" if sys.platform == "linux" else "spawn")
    monkeypatch.setattr(local, "PROCESSES_PAY_S", dict.fromkeys(("fork", "spawn"), pays_from_s))
    told = BatchProcessor(output_dir=tmp_path / "out", workers=2, number=number).process(folder)
    odd = {Path(row["path"]).name: row["error"] for row in told if "off by one" in (row["error"] or "")}
    assert odd == dict.fromkeys(("0.png", "7.png"), "reading failed unexpectedly (IndexError: off by one)")
    (log,) = (tmp_path / "out" / "logs").glob("*.log")
    text = log.read_text()
    assert text.count("Traceback") == text.count("in stumbling") == 2, "and none of a file that is no picture"
    assert not any("traceback" in row for row in told)


def test_forked_workers_share_no_open_archive(folder, tmp_path, monkeypatch):
    """Listing opens the archive here; two processes that read from one open file would move each other's place."""
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for n in range(200):
            archive.write(folder / f"{n % 10}.png", f"{n:03d}_{n % 10}.png")
    numbered = list(enumerate(find_entries([tmp_path / "many.zip"])))
    open_one = partial(batch_processor.open_reader, "mnistnet", None, False)
    monkeypatch.setattr(local, "start_method", lambda: "fork")
    forked = [row for rows in read_in_pool(open_one, numbered, 2, processes=True, chunk_size=2) for row in rows]
    here = open_one()(numbered)
    assert forked == here and len(forked) == 200


def test_a_thread_keeps_workers_from_being_forked():
    until = threading.Event()
    other = threading.Thread(target=until.wait)
    other.start()
    try:
        assert local.start_method() == "spawn"
    finally:
        until.set()
        other.join()


def test_the_command_forks():
    """Nothing that a batch imports starts a thread of Python's, or brings torch along."""
    code = """
from batch_processor import BatchProcessor
from digits.batch.local import start_method
processor = BatchProcessor()
print(start_method())
"""
    told = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert told.strip() == ("fork" if sys.platform == "linux" else "spawn")


@pytest.mark.parametrize(("pays_from_s", "processes"), [(0, True), (60, False)])
def test_long_work_goes_to_processes(folder, monkeypatch, pays_from_s, processes):
    chosen = []
    monkeypatch.setattr(local, "PROCESSES_PAY_S", dict.fromkeys(("fork", "spawn"), pays_from_s))
    threads = local._threads
    monkeypatch.setattr(local, "_processes", lambda *given: chosen.append(given) or threads(*given))
    numbered = list(enumerate(find_entries([folder])))
    open_one = partial(batch_processor.open_reader, "mnistnet", None, False)
    rows = [row for chunk in read_locally(open_one, open_one(), numbered, 2, len(numbered)) for row in chunk]
    assert [row["position"] for row in rows] == list(range(len(numbered)))
    assert bool(chosen) == processes


def test_starts_without_heavy_packages(examples, tmp_path):
    """Neither torch nor anything that draws or serves is imported to read a picture."""
    code = "import sys, batch_processor as b; b.main(sys.argv[1:]); print(*sys.modules)"
    arguments = [sys.executable, "-c", code, str(examples[1]), "--output-dir", str(tmp_path)]
    modules = subprocess.check_output(arguments, cwd=ROOT, text=True).splitlines()[-1].split()
    assert not {"torch", "torchvision", "gradio", "matplotlib", "ray", "pandas"} & set(modules)


class Doomed:
    """A reader whose process is killed at its first chunk, as by a system out of memory."""

    def __call__(self, numbered: list) -> list[dict]:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_one_sentence(folder):
    with pytest.raises(UserError, match="--resume"):
        list(read_in_pool(Doomed, enumerate(find_entries([folder])), 2, processes=True))


KILLED = """
import os, signal, time
from digits.batch import local, rows

def tell(numbered):
    time.sleep(1)  # so that each worker gets a chunk
    os.write(1, b"%d\\n" % os.getpid())  # at once: two processes write there
    return []

if __name__ == "__main__":
    local.start_method = lambda: "fork"
    chunks = local.read_in_pool(lambda: tell, enumerate("abcdefghijkl"), 2, processes=True, chunk_size=1)
    next(chunks), next(chunks)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_workers_end_with_a_killed_parent():
    """They hold its standard output open, so that reading it to the end is waiting for them."""
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL and len(set(done.stdout.split())) == 2


class Unlucky(Labels):
    """Truth that fails in the middle of a run."""

    def of(self, path: str) -> str | None:
        if path.endswith("9.png"):
            raise UserError("the labels are gone")
        return super().of(path)


def test_an_interrupted_run_keeps_its_rows(folder, tmp_path, capsys):
    processor = BatchProcessor(output_dir=tmp_path / "out", workers=1)
    with pytest.raises(UserError, match="gone"):
        processor.run([folder], labels=Unlucky())
    del processor
    (journal,) = (tmp_path / "out" / "logs").glob("*.journal")
    again = BatchProcessor(output_dir=tmp_path / "out", workers=1)
    again.run([folder], labels=Labels())
    assert "--resume" in capsys.readouterr().err, "a new run says that there is one to go on with"
    assert len(again.process([folder], labels=Labels(), resume=True)) == 14
    assert again.journal.select("SELECT count(*) FROM earlier").fetchone()[0] > 0, "it went on from there"
    again.close()
    assert not journal.exists(), "a finished run needs it no more"


def test_an_interrupted_run_goes_on_under_another_spelling(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    processor = BatchProcessor(workers=1)
    with pytest.raises(UserError, match="gone"):
        processor.run(["digits"], labels=Unlucky())
    processor.close()
    rows = processor.process("./digits/", labels=Labels(), resume=True)
    assert len(rows) == 14 and all(row["path"].startswith("./digits/") for row in rows)
    assert processor.journal.select("SELECT count(*) FROM earlier").fetchone()[0] > 0 and not capsys.readouterr().err
    processor.process("digits/1.png", resume=True)
    assert "no interrupted run of this job was found; starting anew" in capsys.readouterr().err


class Hopeless(Labels):
    """Truth that fails before the first row."""

    def of(self, path: str) -> str | None:
        raise UserError("the labels are gone")


def test_a_run_interrupted_twice_keeps_the_rows_of_the_first_time(folder, tmp_path):
    processor = BatchProcessor(output_dir=tmp_path / "out", workers=1)
    for labels in (Unlucky(), Hopeless()):
        with pytest.raises(UserError, match="gone"):
            processor.run([folder], labels=labels, resume=True)
        processor.close()
    assert len(processor.process([folder], labels=Labels(), resume=True)) == 14
    assert processor.journal.select("SELECT count(*) FROM earlier").fetchone()[0] > 0, "it went on from the first"


def test_a_number_too_long_to_be_a_value_stops_nothing(tmp_path):
    """SQLite holds integers of 64 bits, Parquet's floats of 53; a tracking number has more."""
    journal = Journal(tmp_path / "a.journal", {})
    for text in ("9" * 16, "9" * 19, "9" * 400, "9" * 400 + ".5", "4111111111111111"):
        row = dict.fromkeys(SHOWN) | {"position": 0, "path": "a.png", "status": "ok", "text": text}
        journal.add([row | {"number": to_value(text)}])
    assert to_value("9" * 16) is None and to_value("4111111111111111") == 4111111111111111


def test_a_name_that_is_a_reports_file_is_refused(tmp_path, capsys):
    assert batch_processor.main(["--output-dir", str(tmp_path), "--name", "inbox.csv"]) == 2
    assert "without an ending" in capsys.readouterr().err


def test_numbers_read_with_another_line_reader_are_another_job(tmp_path):
    processor = BatchProcessor(output_dir=tmp_path, number=True)
    before = processor._job(["folder"], True, False)["fingerprint"]
    processor._reader.predictor.number_readers().lines.facts["sha256"] = "of others"
    assert processor._job(["folder"], True, False)["fingerprint"] != before


def test_reports_never_go_to_a_local_folder_named_like_a_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="this machine"):
        BatchProcessor(output_dir="s3://bucket/out")
    assert not list(tmp_path.iterdir())


def test_without_a_source_the_examples_are_read(tmp_path, capsys):
    assert batch_processor.main(["--output-dir", str(tmp_path), "--format", "csv"]) == 0
    told = capsys.readouterr()
    assert "10 pictures" in told.out and "--help" in told.err


def test_sorting_below_the_source_leaves_the_next_run_as_it_was(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    for n in range(2):
        assert batch_processor.main([".", "--sort-into", "sorted", "--format", "csv"]) == 1
        out = capsys.readouterr().out
        assert out.startswith("14 pictures") and ("1 made by --sort-into (./sorted)" in out) is (n > 0)
    assert batch_processor.main([".", "--sort-into", str(folder)]) == 2
    assert "cannot be sorted into itself" in capsys.readouterr().err
