"""MNIST twice: straight from memory through the network, and as PNG files through the batch processor. Do they agree?

    python -m benchmarks.mnist_files                       # the 5,000 digits the shipped weights never saw, for tuning
    python -m benchmarks.mnist_files --mnist-test          # the published figure: 10,000 test digits

From memory only the network answers (the most probable digit). From files everything does: decoding, preprocessing,
status; a digit withheld counts as wrong. The two may differ by three digits at most.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

if not __package__:  # `python benchmarks/mnist_files.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from batch_processor import BatchProcessor
from benchmarks.record import make_parser, save, unseen_digits
from digits.command import command
from digits.measuring.metrics import accuracy
from digits.reading.verdict import NO_DIGIT
from predict import MNISTPredictor

MOST_APART = 3  # digits


def read_from_files(ink: np.ndarray, model: list[str], folder: Path) -> np.ndarray:
    """Write ink, uint8 (n, 28, 28), as PNGs below `folder`; return the batch's answers, int64 (n,)."""
    pictures = folder / "digits"
    pictures.mkdir()
    for i, digit in enumerate(ink):
        cv2.imwrite(str(pictures / f"{i:05d}.png"), digit)
    rows = BatchProcessor(model, output_dir=folder / "predictions").process_folder(pictures)
    assert [Path(row["path"]).stem for row in rows] == [f"{i:05d}" for i in range(len(ink))], "one row a file, in order"
    return np.array([NO_DIGIT if row["digit"] is None else int(row["digit"]) for row in rows])


def compare(model: list[str], ink: np.ndarray, labels: np.ndarray) -> dict:
    """Return the figures of both ways for ink, uint8 (n, 28, 28), and labels (n,), and where the two ways differ."""
    from_memory = MNISTPredictor(model).predict_proba(ink).argmax(axis=1)
    with tempfile.TemporaryDirectory() as folder:
        from_files = read_from_files(ink, model, Path(folder))
    return {
        "from_memory": accuracy(labels, from_memory),
        "from_files": accuracy(labels, from_files),
        "withheld_from_files": int((from_files == NO_DIGIT).sum()),
        "answered_differently": np.flatnonzero(from_memory != from_files).tolist(),
    }


def table(result: dict) -> str:
    """Return the figures as lines of text."""
    rows = {name: result[name] for name in ("from_memory", "from_files")}
    lines = [f"{name:<12}{row['share']:8.2%}  {row['low']:.2%}–{row['high']:.2%}  of {row['n']:,}"
             for name, row in rows.items()]  # fmt: skip
    n_differing, n_withheld = len(result["answered_differently"]), result["withheld_from_files"]
    return "\n".join([*lines, f"answered differently: {n_differing}, of which withheld: {n_withheld}"])


@command
def main(argv: list[str] | None = None) -> int:
    """Measure both ways; print and write the figures. Exit status 1 if they are further apart than allowed."""
    parser = make_parser(__doc__, "--mnist-test", "--model")
    parser.add_argument("--n", type=int, metavar="N", help="only the first N digits")
    arguments = parser.parse_args(argv)
    result = {"split": arguments.split, "model": arguments.model}
    result |= compare(arguments.model, *unseen_digits(arguments.split, arguments.n))
    print(table(result))
    save(result, "mnist_files", arguments.output)
    return int(len(result["answered_differently"]) > MOST_APART)


if __name__ == "__main__":
    sys.exit(main())
