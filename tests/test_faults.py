"""What goes wrong around the programs: full and closed disks, kills, damage, locks, clocks, locales. Nothing is lost.

pytest tests/test_faults.py                # once each
pytest tests/test_faults.py -m soak        # the kills again and again
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from batch_processor import BatchProcessor
from digits.batch.journal import SHOWN, Journal
from digits.batch.opening import open_unfinished
from digits.corrections import MIGRATIONS, Corrections, Unavailable
from digits.files import ROOT

INK = np.full((28, 28), 7, np.uint8)
ROW = dict.fromkeys(SHOWN) | {"status": "ok", "digit": 3, "cut": None, "stamp": "1"}


def run(*arguments: str | Path, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=120, **options
    )


def is_one_sentence(done: subprocess.CompletedProcess) -> bool:
    *progress, last = done.stderr.splitlines()
    return done.returncode == 2 and last.startswith("error: ") and "Traceback" not in done.stderr


@functools.cache
def can_mount() -> bool:
    return sys.platform == "linux" and subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True).returncode == 0


IN_A_NAMESPACE = ["unshare", "--map-root-user", "--mount"]
needs_mount = pytest.mark.skipif("not can_mount()", reason="no small disk can be mounted here")


def on_a_disk(folder: Path, program: str, options: str) -> subprocess.CompletedProcess:
    """Run a Python program where `folder` is a disk of its own, mounted with `options`."""
    folder.mkdir(exist_ok=True)
    script = 'mount -t tmpfs -o "$1" none "$2" && exec "$3" -c "$4" "$2"'
    command = [*IN_A_NAMESPACE, "sh", "-c", script, "sh", options, str(folder), sys.executable, program]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


# ---------------------------------------------------------------- disks


@pytest.fixture
def drawings(tmp_path: Path, examples: dict[int, Path]) -> Path:
    """Sixty pictures, the ten drawings six times."""
    folder = tmp_path / "drawings"
    folder.mkdir()
    for n in range(60):
        shutil.copy(examples[n % 10], folder / f"{n:02}.png")
    return folder


def small_files_only() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_report_that_does_not_fit_costs_no_rows(drawings: Path, tmp_path: Path) -> None:
    command = ["batch_processor.py", drawings, "--output-dir", tmp_path / "out", "--workers", 1, "--format", "html"]
    failed = run(*command, preexec_fn=small_files_only)
    assert is_one_sentence(failed) and "--resume" in failed.stderr
    assert not list((tmp_path / "out" / "reports").iterdir()), "half a report is none"
    done = run(*command, "--resume")
    assert done.returncode == 0 and Path(done.stdout.splitlines()[-1]).stat().st_size > 100_000
    assert "resumed: 60 rows" in next((tmp_path / "out" / "logs").glob("*.log")).read_text()


def test_a_journal_that_does_not_fit_is_one_sentence(drawings: Path, tmp_path: Path) -> None:
    def hardly_any() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))

    failed = run("batch_processor.py", drawings, "--output-dir", tmp_path / "out", preexec_fn=hardly_any)
    assert is_one_sentence(failed) and "--resume" in failed.stderr


FILL = """
import sys, warnings; from pathlib import Path
import numpy as np
from digits.corrections import Corrections, Unavailable
from model import Checkpoint, create_model, load_checkpoint, save_checkpoint
disk = Path(sys.argv[1])
checkpoint = Checkpoint("tinyvgg", create_model("tinyvgg").state_dict())
save_checkpoint(disk / "w.pth", checkpoint)
corrections = Corrections(disk / "feedback" / "c.sqlite")
corrections.add(np.zeros((28, 28), np.uint8), 3)
with open(disk / "filler", "wb", buffering=0) as file:
    try:
        while True: file.write(bytes(512))
    except OSError: pass
try: save_checkpoint(disk / "w.pth", checkpoint)
except OSError as error: print(error)
try:
    while True: corrections.add(np.zeros((28, 28), np.uint8), 4)
except Unavailable as error: print(error)
(disk / "filler").unlink()
print(load_checkpoint(disk / "w.pth").architecture, corrections.count() >= 1)
print(sorted(path.name for path in disk.iterdir()))
"""


@needs_mount
def test_a_full_disk_keeps_the_weights_and_the_corrections(tmp_path: Path) -> None:
    done = on_a_disk(tmp_path / "disk", FILL, "size=400k")
    assert done.returncode == 0, done.stderr
    weights, correction, kept, left = done.stdout.splitlines()
    assert "No space left" in weights and "w.pth" in weights
    assert correction.startswith("c.sqlite cannot be used")  # "full", or an I/O error: SQLite says either
    assert kept == "tinyvgg True" and left == "['feedback', 'w.pth']", "nothing half-written is left"


PROGRAMS = """
import csv, sys; from pathlib import Path
import batch_processor, evaluate, kaggle_submission
disk, here = sys.argv[1], Path(sys.argv[1]).parent
with open(here / "test.csv", "w") as file:
    csv.writer(file).writerows([[f"pixel{n}" for n in range(784)], [0] * 784])
for main, words in (
    (batch_processor.main, [str(here / "drawings"), "--output-dir", disk]),
    (batch_processor.main, [str(here / "drawings"), "--output-dir", str(here / "out"), "--sort-into", disk]),
    (kaggle_submission.main, [str(here / "test.csv"), "--output", f"{disk}/submission.csv"]),
    (evaluate.main, ["--data", str(here / "truth"), "--output-dir", disk]),
): print(main(words), flush=True)
"""


@needs_mount
def test_a_folder_that_cannot_be_written_is_one_sentence(drawings: Path, tmp_path: Path, examples) -> None:
    (tmp_path / "truth" / "1").mkdir(parents=True)
    shutil.copy(examples[1], tmp_path / "truth" / "1")
    done = on_a_disk(tmp_path / "disk", PROGRAMS, "size=1m,ro")
    assert done.stdout.splitlines() == ["2"] * 4, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 4 and all("Read-only" in line and str(tmp_path) in line for line in errors)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif("not os.path.exists('/dev/full')", reason="no /dev/full")
def test_an_answer_that_nobody_can_take_is_one_sentence(examples: dict[int, Path]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "predict.py", examples[1]], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "No space left" in done.stderr


# ---------------------------------------------------------------- kills

WRITE = """
import sys; import numpy as np; from digits.corrections import Corrections
corrections = Corrections(sys.argv[1])
while True: print(corrections.add(np.zeros((28, 28), np.uint8), 3, picture=bytes(100_000)), flush=True)
"""


def kill_while_correcting(path: Path, chance: random.Random) -> set[str]:
    """Write corrections in a process that is killed at a random moment; return the keys it was given."""
    process = subprocess.Popen([sys.executable, "-c", WRITE, path], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    keys = {process.stdout.readline().strip()}
    time.sleep(chance.uniform(0, 0.2))
    process.kill()
    return keys | {line.strip() for line in process.communicate()[0].splitlines() if line.endswith("\n")}


@pytest.mark.parametrize("n_kills", [2, pytest.param(100, marks=pytest.mark.soak)])
def test_a_correction_that_was_confirmed_survives_a_kill(tmp_path: Path, n_kills: int) -> None:
    corrections, chance, confirmed = Corrections(tmp_path / "c.sqlite"), random.Random(0), set()
    for _ in range(n_kills):
        confirmed |= kill_while_correcting(corrections.path, chance)
        assert confirmed <= {row["key"] for row in corrections.rows()}
    with sqlite3.connect(corrections.path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("n_kills", [1, pytest.param(20, marks=pytest.mark.soak)])
def test_killed_while_the_report_is_written(drawings: Path, tmp_path: Path, n_kills: int) -> None:
    command = ["batch_processor.py", drawings, "--output-dir", tmp_path / "out", "--format", "html", "csv", "--resume"]
    reports, chance = tmp_path / "out" / "reports", random.Random(0)
    for _ in range(n_kills):
        process = subprocess.Popen([sys.executable, *map(str, command)], cwd=ROOT, stdout=subprocess.DEVNULL)
        while process.poll() is None and not list(reports.glob(".*")):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.02))
        process.kill()
        process.wait()
        assert all(path.stat().st_size for path in reports.glob("*.*") if path.is_file()), "whole, or not there"
        for draft in reports.glob(".*"):
            shutil.rmtree(draft)
    done = run(*command)
    assert done.returncode == 0
    page = Path(done.stdout.splitlines()[-1])
    assert page.suffix == ".html" and page.with_suffix(".csv").read_text().count("\n") == 61


TRAIN = """
import sys, train; from pathlib import Path
train.RUNS_DIR = Path(sys.argv[1]); train.serve = lambda *_: None
sys.exit(train.main(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def two_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures each of a bar (1) and a ring (0)."""
    import cv2

    folder, rng = tmp_path_factory.mktemp("two"), np.random.default_rng(0)
    for n in range(40):
        picture, x = np.full((60, 60), 255, np.uint8), int(rng.integers(25, 35))
        if n % 2:
            cv2.line(picture, (x, 10), (x + int(rng.integers(-4, 5)), 50), 0, 5)
        else:
            cv2.ellipse(picture, (x, 30), (int(rng.integers(9, 14)), 20), 0, 0, 360, 0, 4)
        (folder / str(n % 2)).mkdir(exist_ok=True)
        cv2.imwrite(str(folder / str(n % 2) / f"{n}.png"), picture)
    return folder


def training(runs: Path, data: Path, *words: str) -> subprocess.Popen:
    """Start a training of six short epochs, on one thread of the CPU."""
    flags = ["--dataset", data, "--epochs", 6, "--batch-size", 8, "--no-cuda"]
    command = [sys.executable, "-c", TRAIN, runs, *flags, *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [str(word) for word in command], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def weights_hash(path: Path) -> str:
    """Return the SHA-256 of a checkpoint's weights, whatever else the file says."""
    from model import load_checkpoint

    state = load_checkpoint(path).state
    return hashlib.sha256(b"".join(name.encode() + state[name].numpy().tobytes() for name in sorted(state))).hexdigest()


@pytest.mark.soak
@pytest.mark.parametrize("n_kills", [1, 10])
def test_a_training_killed_and_resumed_ends_in_the_same_weights(two_digits: Path, tmp_path: Path, n_kills: int) -> None:
    """And so does one with the same seed that nobody disturbed: the weights have the same hash."""
    whole = training(tmp_path, two_digits, "--name", "whole")
    chance, words = random.Random(n_kills), ("--name", "killed")
    for _ in range(n_kills):
        process = training(tmp_path, two_digits, *words)
        state = tmp_path / "killed" / "state.pt"
        before = state.stat().st_mtime_ns if state.exists() else 0
        while process.poll() is None and not (state.exists() and state.stat().st_mtime_ns > before):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        words = ("--resume", "killed")
    assert training(tmp_path, two_digits, *words).wait() == 0
    assert whole.wait() == 0
    for name in ("best.pth", "last.pth"):
        assert weights_hash(tmp_path / "whole" / name) == weights_hash(tmp_path / "killed" / name)


# ---------------------------------------------------------------- damage


def damaged_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 * 2 : 4096 * 4] = np.random.default_rng(0).bytes(4096 * 2)
    path.write_bytes(data)


def sql(*statements: str):
    def change(path: Path) -> None:
        with sqlite3.connect(path) as db:
            for statement in statements:
                db.execute(statement)
        db.close()

    return change


DAMAGE = {
    "overwritten in the middle": damaged_middle,
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "text": lambda path: path.write_text("not a journal\n" * 1000),
    "empty": lambda path: path.write_bytes(b""),
    "of another version": sql("ALTER TABLE rows ADD COLUMN more"),
    "facts that are no JSON": sql("UPDATE facts SET facts = '{'"),
    "facts of something else": sql("UPDATE facts SET facts = '[1]'"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_journal_is_passed_over(tmp_path: Path, damage: str) -> None:
    journal = Journal(tmp_path / "a.journal", {"fingerprint": "x"})
    journal.add(ROW | {"position": n, "path": f"{n}.png"} for n in range(400))
    journal.close()
    found = open_unfinished(tmp_path, "x")
    assert found is not None
    found.close()
    DAMAGE[damage](tmp_path / "a.journal")
    assert open_unfinished(tmp_path, "x") is None


@pytest.fixture
def kept(tmp_path: Path) -> Corrections:
    corrections = Corrections(tmp_path / "feedback" / "corrections.sqlite")
    corrections.add(INK, 7, picture=bytes(50_000))
    return corrections


@pytest.mark.parametrize("damage", ["overwritten in the middle", "half", "text"])
def test_damaged_corrections_are_one_sentence_and_left_as_they_are(kept: Corrections, damage: str) -> None:
    DAMAGE[damage](kept.path)
    before = kept.path.read_bytes()
    with pytest.raises(Unavailable, match="corrections.sqlite cannot be used"):
        kept.add(INK, 3, picture=bytes(50_000))
        kept.ink_and_labels()
    if damage != "overwritten in the middle":
        assert kept.path.read_bytes() == before


def test_corrections_of_a_later_version_are_left_alone(kept: Corrections) -> None:
    later = len(MIGRATIONS) + 1
    sql("ALTER TABLE corrections ADD COLUMN writer TEXT", f"PRAGMA user_version = {later}")(kept.path)
    assert kept.count() == 1
    with pytest.raises(Unavailable):
        kept.add(INK, 3)
    with sqlite3.connect(kept.path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (later,)


def test_locked_corrections_say_when_to_come_again_and_keep_no_reader_waiting(
    kept: Corrections, predictor, examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastapi.testclient import TestClient

    from digits.serving.api import create_api
    from digits.serving.readers import Readers

    monkeypatch.setattr("digits.corrections.BUSY_S", 1.5)
    picture = examples[1].read_bytes()
    with TestClient(create_api(Readers(["mnistnet"], lambda _names: predictor), kept)) as client:
        client.post("/api/predict", files={"files": picture})
        holder = sqlite3.connect(kept.path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        answers: list = []

        def correct() -> None:
            answers.append(client.post("/api/feedback", files={"file": picture}, data={"label": 3}))

        waiting = [threading.Thread(target=correct) for _ in range(3)]
        for thread in waiting:
            thread.start()
        time.sleep(0.2)
        assert client.post("/api/predict", files={"files": picture}).status_code == 200
        assert not answers, "the readers did not wait for the corrections"
        waiting[0].join()
        holder.execute("COMMIT")
        for thread in waiting:
            thread.join()
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused and all(answer.headers["retry-after"] and answer.json()["error"] for answer in refused)
    holder.close()
    assert kept.count() == 1 + sum(answer.status_code == 200 for answer in answers)


# ---------------------------------------------------------------- surroundings


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in a folder with blanks and umlauts."""
    target = tmp_path_factory.mktemp("ort") / "Ein Ort für Übung"
    for name in ("digits", "assets", "models"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.glob("*.py"):
        shutil.copy(path, target)
    return target


BARE = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_no_home_no_language_and_a_path_with_umlauts(elsewhere: Path, examples: dict[int, Path]) -> None:
    folder = elsewhere / "größe 7"
    (folder / "7").mkdir(parents=True)
    shutil.copy(examples[7], folder / "7" / "sieben ä.png")
    words = ["batch_processor.py", "größe 7", "--format", "csv", "json", "html", "parquet", "--labels-from-folders"]
    done = subprocess.run([sys.executable, *words], cwd=elsewhere, env=BARE, capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    report = elsewhere / os.fsdecode(done.stdout.splitlines()[-1])
    (row,) = json.loads(report.with_suffix(".json").read_text())["rows"]
    assert (row["digit"], row["correct"], report.suffix) == (7, 1, ".csv")
    code = (
        "from digits.command import command; import sys; sys.exit(command(lambda argv: print('95\\u2013100') or 0)())"
    )
    assert run("-c", code, env=BARE).stdout == "95\\u2013100\n"


@pytest.mark.soak
def test_the_page_without_home_language_and_fonts_in_a_path_with_umlauts(elsewhere: Path) -> None:
    import httpx

    bare = BARE | {"FONTCONFIG_FILE": os.devnull}
    command = [sys.executable, "app.py", "--port", "0", "--data-dir", "kört"]
    server = subprocess.Popen(command, cwd=elsewhere, env=bare, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        assert httpx.get(address, timeout=60).status_code == 200
        picture = (ROOT / "assets/examples/2.png").read_bytes()
        answer = httpx.post(f"{address}/api/predict", files={"files": ("ä.png", picture)}, timeout=60).json()
        assert answer["rows"][0]["digit"] == 2 and answer["rows"][0]["path"] == "ä.png"
    finally:
        server.terminate()
        server.wait()


def test_a_missing_font_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import matplotlib

    from digits.measuring import plots

    with matplotlib.rc_context({"font.family": ["No Such Font"], "font.sans-serif": ["Neither This"]}):
        plots.save(plots.confusion_figure(np.eye(10, dtype=int)), tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5_000


def test_a_clock_that_is_set_back_loses_nothing(
    drawings: Path, tmp_path: Path, kept: Corrections, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour, now = 3600.0, time.time()
    ticks = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: now - hour * next(ticks))
    keys = [kept.add(INK, digit) for digit in range(5)]
    assert kept.count() == 6 and len(set(keys)) == 5 and all(map(kept.remove, keys))
    processor = BatchProcessor(output_dir=tmp_path / "out")
    summary = processor.run([drawings])
    assert summary["n_rows"] == 60 and 0 <= summary["seconds"] < 60
    first, second = processor.save_results_csv(), processor.save_results_csv()
    assert first != second and first.read_text() == second.read_text()
