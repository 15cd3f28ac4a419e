"""MNIST twice: straight from memory through the network, and as PNG files through the batch processor. Do they agree?

    python -m benchmarks.mnist_files                       # the 5,000 digits the shipped weights never saw, for tuning
    python -m benchmarks.mnist_files --split test          # the published figure: 10,000 test digits

From memory only the network answers (the most probable digit). From files everything does: decoding, preprocessing,
status; a digit withheld counts as wrong. The two may differ by three digits at most.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from batch_processor import BatchProcessor
from digits.data import N_HELD_OUT, load_mnist, split
from digits.metrics import accuracy
from predict import MNISTPredictor
from utils import ROOT, atomic_path, command, git_commit

RESULTS = ROOT / "benchmarks" / "results" / "mnist_files.json"
MOST_APART = 3


def load(which: str, n: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return ink, uint8 (n, 28, 28), and labels of the split "validation" or "test", the first `n` of it."""
    ink, labels = load_mnist(train=which != "test")
    chosen = np.arange(len(labels)) if which == "test" else split(labels, N_HELD_OUT)[1]
    return ink[chosen[:n]], labels[chosen[:n]]


def read_from_files(ink: np.ndarray, model: list[str], folder: Path) -> np.ndarray:
    """Write every digit as a PNG below `folder` and return the batch's answers, int64 (n,), -1 where it gave none."""
    pictures = folder / "digits"
    pictures.mkdir()
    for i, digit in enumerate(ink):
        cv2.imwrite(str(pictures / f"{i:05d}.png"), digit)
    rows = BatchProcessor(model, output_dir=folder / "predictions").process_folder(pictures)
    assert [Path(row["path"]).stem for row in rows] == [f"{i:05d}" for i in range(len(ink))], "one row a file, in order"
    return np.array([-1 if row["digit"] is None else int(row["digit"]) for row in rows])


@command
def main(argv: list[str] | None = None) -> int:
    """Measure both ways; print and write the figures. Exit status 1 if they are further apart than allowed."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="examples:\n  python -m benchmarks.mnist_files --n 500\n  python -m benchmarks.mnist_files --split test",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--split", choices=["validation", "test"], default="validation", help="test: published figures")
    parser.add_argument("--n", type=int, metavar="N", help="only the first N digits")
    parser.add_argument("--model", nargs="+", default=["mnistnet"], metavar="NAME", help="one, or several to vote")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE")
    arguments = parser.parse_args(argv)

    ink, labels = load(arguments.split, arguments.n)
    from_memory = MNISTPredictor(arguments.model).predict_proba(ink).argmax(axis=1)
    with tempfile.TemporaryDirectory() as folder:
        from_files = read_from_files(ink, arguments.model, Path(folder))
    result = {
        "split": arguments.split,
        "model": arguments.model,
        "git_commit": git_commit(),
        "from_memory": accuracy(labels, from_memory),
        "from_files": accuracy(labels, from_files),
        "withheld_from_files": int((from_files < 0).sum()),
        "answered_differently": [int(i) for i in np.flatnonzero(from_memory != from_files)],
    }
    for name in ("from_memory", "from_files"):
        row = result[name]
        print(f"{name:<12}{row['share']:8.2%}  {row['low']:.2%}–{row['high']:.2%}  of {row['n']:,}")
    differing = len(result["answered_differently"])
    print(f"answered differently: {differing}, of which withheld: {result['withheld_from_files']}")
    with atomic_path(arguments.output) as path:
        path.write_text(json.dumps(result, indent=1) + "\n")
    print(arguments.output)
    return int(differing > MOST_APART)


if __name__ == "__main__":
    sys.exit(main())
