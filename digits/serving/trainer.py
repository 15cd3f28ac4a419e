"""The training that the page starts: one at a time, in a process of its own that ends with the server.

    trainer = Trainer(["train.py", "--feedback"], ["model.py", "--publish", "previous"], weights, readers.reopen)
    trainer.start()
    trainer.progress()         # the losses so far, seconds left, and in the end what was measured
    trainer.stop(); trainer.go_back()

The program itself decides whether its weights are served and publishes them; here it is only started, watched and
ended. So whatever happens to this server, the served weights are those of before or of a finished, compared training.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Literal

from digits.command import UserError
from digits.files import ROOT, RUNS_DIR, free_path, sha256

State = Literal["ready", "training", "stopped", "failed", "used", "not_used", "back"]
N_POINTS = 150  # of the curve: one every few pixels of the page
CALM = {"OMP_WAIT_POLICY": "passive"}  # threads that wait for each other leave the processor to whoever reads meanwhile
ROUNDS_TO_CLOSE = 2  # figures, comparison and export take about as long as so many rounds through the pictures


class Busy(UserError):
    """Somebody else's training runs; the next one has to wait."""


class Trainer:
    """Starts `train`, a program with its flags, and `back`, which serves the `weights` of before again.

    `published` is called whenever the weights have changed; `can_go_back` says whether `back` has anything to serve
    already. Safe to use from several threads. `start` and `go_back` raise `Busy` while a training runs.
    """

    def __init__(
        self,
        train: Sequence[str],
        back: Sequence[str],
        weights: Path,
        published: Callable[[], None],
        can_go_back: bool = False,
    ) -> None:
        self._train, self._back, self._weights, self._published = list(train), list(back), weights, published
        self.state: State = "ready"
        self.why = ""
        self.can_go_back = can_go_back
        self._run_dir = RUNS_DIR
        self._is_stopped = False
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start a training; raises `Busy` if one runs."""
        with self._lock:
            self._refuse_if_busy()
            self._run_dir = free_path(RUNS_DIR / f"page-{time.strftime('%Y%m%d-%H%M%S')}")
            self.state, self.why, self._is_stopped = "training", "", False
            said = tempfile.TemporaryFile()  # noqa: SIM115  _watch closes it
            self._process = subprocess.Popen(
                [sys.executable, "-m", "digits.serving.leash", *self._train, "--name", self._run_dir.name],
                cwd=ROOT, env=os.environ | CALM, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
                start_new_session=True,
            )  # fmt: skip
            before = sha256(self._weights)
            self._watcher = threading.Thread(target=self._watch, args=(self._process, said, before), daemon=True)
            self._watcher.start()

    def stop(self) -> None:
        """End the training that runs, if any, and wait for its end."""
        with self._lock:
            process, watcher = self._process, self._watcher
            if process is None or process.stdin is None:
                return
            self._is_stopped = True
        process.stdin.close()
        if watcher:
            watcher.join()

    def go_back(self) -> None:
        """Serve the weights of before the last training again, byte for byte; once, however often it is asked for.

        Raises `UserError` if that fails.
        """
        with self._lock:
            self._refuse_if_busy()
            if self.state == "back":  # the program exchanges the two, so it would serve the training's again
                return
            done = subprocess.run([sys.executable, *self._back], cwd=ROOT, capture_output=True, check=False)
            if done.returncode:
                raise UserError(_last_sentence(done.stderr))
            self.state, self.can_go_back = "back", False
        self._published()

    def progress(self) -> dict[str, Any]:
        """Return what `TrainingProgress` in schemas.py describes."""
        rounds, n_rounds = self._rounds()
        return {
            "state": self.state,
            "why": self.why,
            "can_go_back": self.can_go_back,
            "losses": thin(_column(self._run_dir / "steps.csv", "train_loss"), N_POINTS),
            "round": len(rounds),
            "rounds": n_rounds,
            "seconds_left": seconds_left(rounds, n_rounds) if self.state == "training" else None,
            "sets": _read_json(self._run_dir / "comparison.json").get("sets", []),
        }

    def _refuse_if_busy(self) -> None:
        if self._process is not None:
            raise Busy("a training runs already; wait until it has ended, or stop it")

    def _rounds(self) -> tuple[list[float], int]:
        """Return the seconds of each round through the pictures so far, and how many there will be."""
        n_rounds = int(_read_json(self._run_dir / "config.json").get("epochs", 0))
        return _column(self._run_dir / "metrics.csv", "seconds"), n_rounds

    def _watch(self, process: subprocess.Popen[bytes], said: IO[bytes], before: str) -> None:
        """Wait for the end of the training and note what came of it."""
        status = process.wait()
        _kill_group(process.pid)
        said.seek(0)
        errors = said.read()
        said.close()
        has_changed = sha256(self._weights) != before  # also if it was stopped a moment too late
        state, why = self._outcome(status, has_changed, errors)
        try:
            if has_changed:
                self._published()
        finally:
            with self._lock:
                self._process, self.state, self.why = None, state, why
                self.can_go_back |= has_changed
        if state in ("stopped", "failed"):
            shutil.rmtree(self._run_dir, ignore_errors=True)

    def _outcome(self, status: int, has_changed: bool, errors: bytes) -> tuple[State, str]:
        """Return the state after a training that ended with `status`, and why; `errors` is what it wrote to stderr."""
        compared = _read_json(self._run_dir / "comparison.json")
        if has_changed:
            return "used", str(compared.get("why", ""))
        if self._is_stopped:
            return "stopped", ""
        if status or not compared:
            sys.stderr.write(errors.decode(errors="replace"))
            return "failed", _last_sentence(errors)
        return "not_used", str(compared["why"])


def seconds_left(rounds: list[float], n_rounds: int) -> int | None:
    """Return how long a training will still take, by its mean round; None before the first is over."""
    return round(sum(rounds) / len(rounds) * (n_rounds - len(rounds) + ROUNDS_TO_CLOSE)) if rounds else None


def thin(values: list[float], n: int) -> list[float]:
    """Return `values`, or the means of `n` or fewer equal runs of them.

    >>> thin([4.0, 2.0, 1.0, 1.0, 0.0], 3)
    [3.0, 1.0, 0.0]
    """
    size = -(-len(values) // n) or 1
    return [sum(part) / len(part) for part in (values[i : i + size] for i in range(0, len(values), size))]


def _kill_group(pid: int) -> None:
    """End what a killed training has left behind: the processes that drew its pictures."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _last_sentence(errors: bytes) -> str:
    """Return the last `UserError` that a program wrote to stderr, or that it ended too early."""
    lines = errors.decode(errors="replace").strip().splitlines()
    mistake = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return mistake[-1] if mistake else "the training ended before its time; the server's log says more"


def _column(path: Path, name: str) -> list[float]:
    """Return a column of a CSV that somebody may be writing: its whole lines; empty if there is none."""
    try:
        text = path.read_text()
    except OSError:
        return []
    return [float(row[name]) for row in csv.DictReader(text[: text.rfind("\n") + 1].splitlines())]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_text())
        return value
    except (OSError, ValueError):
        return {}
