"""PDF, HEIC and AVIF -> pixels, by a process beside this one that may hang or die without harm (render.py).

    if kind := kind_of(data): pixels = render(data, kind, page=1, max_pixels=64_000_000)

The process is started when the first such file is met, and asked by one thread at a time; a file that takes it longer
than `LIMIT_S` is refused, with all its further pages.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

LIMIT_S = 60.0  # of one page; an A4 scan takes a tenth of a second, and a machine may be busy
PDF_START = b"%PDF-"
PDF_START_WITHIN = 1024  # bytes: what readers allow before it
PICTURES = (b"\xff\xd8\xff", b"GIF8", b"II", b"MM", b"RIFF", b"BM")  # what begins so is none, whatever its comment says
BRANDS = frozenset(b"heic heix heim heis hevc hevx mif1 msf1 avif avis".split())


class ForeignError(ValueError):
    """Such a file cannot be read; the message is one sentence."""


def kind_of(data: bytes) -> str | None:
    """Return "pdf", "still" for HEIC and AVIF, or None for anything else, by a file's first bytes."""
    if data[4:8] == b"ftyp" and (data[8:12] in BRANDS or data[16:20] in BRANDS):
        return "still"
    return "pdf" if PDF_START in data[:PDF_START_WITHIN] and not data.startswith(PICTURES) else None


def count_pages(data: bytes, kind: str) -> int:
    """Return how many pages a file has. Raises `ForeignError`."""
    return _process.ask(data, kind, 0, 0)[0]


def render(data: bytes, kind: str, page: int, max_pixels: int) -> np.ndarray:
    """Return a page, counted from 1, as uint8 (h, w, 3) or (h, w, 4). Raises `ForeignError`."""
    return _process.ask(data, kind, page, max_pixels)[1]


class _Process:
    """The process that renders; one thread at a time asks it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._last = b""  # the file it has open
        self._too_slow: tuple[int, int] | None = None

    def ask(self, data: bytes, kind: str, page: int, max_pixels: int) -> tuple[int, np.ndarray]:
        """Return how many pages there are, and the pixels of `page` (none of page 0)."""
        with self._lock:
            if self._too_slow == _mark(data):
                raise ForeignError(f"it takes longer than {LIMIT_S:g} s to read")
            try:
                answer, pixels = self._exchange(data, kind, page, max_pixels)
            except (OSError, ValueError) as error:
                self._stop()
                if self._too_slow == _mark(data):
                    raise ForeignError(f"it takes longer than {LIMIT_S:g} s to read") from None
                raise ForeignError("the file is damaged, or needs more memory than there is") from error
        if "error" in answer:
            raise ForeignError(answer["error"])
        return answer["n_pages"], pixels

    def _exchange(self, data: bytes, kind: str, page: int, max_pixels: int) -> tuple[dict[str, Any], np.ndarray]:
        process = self._started()
        assert process.stdin and process.stdout
        is_open = data is self._last
        self._last = data
        wish = {"kind": kind, "page": page, "max_pixels": max_pixels, "n_bytes": 0 if is_open else len(data)}
        guard = threading.Timer(LIMIT_S, self._give_up, [process, data])
        guard.start()
        try:
            process.stdin.write(json.dumps(wish).encode() + b"\n" + (b"" if is_open else data))
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            pixels = process.stdout.read(int(np.prod(answer["shape"])))
        finally:
            guard.cancel()
        return answer, np.frombuffer(pixels, np.uint8).reshape(answer["shape"])

    def _give_up(self, process: subprocess.Popen[bytes], data: bytes) -> None:
        self._too_slow = _mark(data)
        process.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._running is None or self._running.poll() is not None:
            self._stop()
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            program = str(Path(__file__).with_name("render.py"))
            options: dict[str, Any] = {"start_new_session": True} if sys.platform != "win32" else {}  # Ctrl-C is ours
            self._running = subprocess.Popen([sys.executable, "-I", program], **pipes, **options)
        return self._running

    def _stop(self) -> None:
        process, self._running, self._last = self._running, None, b""
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        process.wait()

    def stop(self) -> None:
        """End the process, as the program ends."""
        with self._lock:
            self._stop()

    def forget(self) -> None:
        """Leave the process to the program that this one was forked from."""
        self._running, self._last = None, b""


def _mark(data: bytes) -> tuple[int, int]:
    return len(data), hash(data)


_process = _Process()
atexit.register(_process.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.forget)
