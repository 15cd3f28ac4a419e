"""What the benchmarks share: flags, digits that no network was trained on, a clock, texts, names, a result's form.

    parser = make_parser(__doc__, "--mnist-test", "--model")  # and --output; the examples are those of the docstring
    ink, labels = unseen_digits("validation")                 # uint8 (5000, 28, 28), int64 (5000,)
    save({"split": "validation", "share": 0.99}, "renderings", arguments.output)

A result is one JSON file in benchmarks/results that says first at which commit, when and on what machine it was
measured. The documents take their figures from there (benchmarks/fill_figures.py).
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from PIL import Image

from digits.command import new_parser
from digits.files import ROOT, git_commit, write_json
from digits.learning.datasets import N_HELD_OUT, load_mnist, split

RESULTS = ROOT / "benchmarks" / "results"
FLAGS = {
    "--model": {
        "nargs": "+", "default": ["mnistnet"], "metavar": "NAME",
        "help": "name or .pth; several vote (default: mnistnet)",
    },
    "--mnist-test": {
        "dest": "split", "action": "store_const", "const": "test", "default": "validation",
        "help": "MNIST's test images, for a published figure",
    },
    "--output": {"type": Path, "metavar": "FILE", "help": "default: a file in benchmarks/results"},
}  # fmt: skip


def make_parser(doc: str, *flags: str) -> argparse.ArgumentParser:
    """Return a parser with --output and those of the shared `flags` that are named (see `FLAGS`).

    Its --help shows the first line and the commands of `doc`, a module's docstring. --mnist-test ends up in `split`,
    "validation" or "test".
    """
    lines = [line.strip() for line in doc.splitlines()]
    parser = new_parser(lines[0], *(line for line in lines if line.startswith("python ")))
    for flag in (*flags, "--output"):
        parser.add_argument(flag, **FLAGS[flag])
    return parser


def unseen_digits(which: str, n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return ink, uint8 (n, 28, 28), and labels, int64 (n,): the first `n`, or all, of what no network was trained on.

    `which` is "validation", the 5,000 images that every shipped network held out, or "test", MNIST's 10,000.
    Raises `UserError` if MNIST is not there and cannot be downloaded.
    """
    ink, labels = load_mnist(train=which != "test")
    chosen = np.arange(len(labels)) if which == "test" else split(labels, N_HELD_OUT)[1]
    return ink[chosen[:n]], labels[chosen[:n]]


def median_seconds(call: Callable[[], object], n: int) -> float:
    """Return the median wall time of `n` calls, after one outside the clock."""
    call()
    times = []
    for _ in range(n):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def only_digits(text: str) -> str:
    """Return the digits of a text.

    >>> only_digits("+49 137-7")
    '491377'
    """
    return "".join(filter(str.isdecimal, text))


def without_spaces(text: str) -> str:
    """Return a text without white space."""
    return "".join(text.split())


def file_stem(text: str) -> str:
    """Return a text as it may stand in a file's name.

    >>> file_stem("12/7 read 12 7")
    '12_7_read_12_7'
    """
    return "".join(c if c.isalnum() or c in ".,-+" else "_" for c in text)


def keep_picture(gallery: Path, name: str, pixels: np.ndarray) -> None:
    """Write grey or RGB pixels, uint8, as a PNG in the folder `gallery`, called what `file_stem` makes of `name`."""
    gallery.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(gallery / f"{file_stem(name)}.png")


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process (Linux's /proc); 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0


def facts() -> dict[str, str | None]:
    """Return commit, time (UTC), machine and Python version: where a result comes from."""
    return {
        "commit": git_commit(),
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
    }


def save(result: dict, name: str, output: Path | None = None) -> None:
    """Write `facts` and `result` to `output`, or to <name>.json among the results, and print the path."""
    path = output or RESULTS / f"{name}.json"
    write_json(path, facts() | result)
    print(path)
