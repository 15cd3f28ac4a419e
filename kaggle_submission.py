"""Kaggle's Digit Recognizer: test.csv in, submission.csv (ImageId,Label) out.

    python train.py --dataset train.csv --name kaggle                            # on its file alone
    python kaggle_submission.py test.csv --model outputs/runs/kaggle/best.pth    # with its weights
    python kaggle_submission.py test.csv --model mnistnet modern --output vote.csv

The rows of the competition are MNIST's own 28x28 and go to the network as they are; a file without header, or with
pixels divided by 255, is read too. An existing file is never overwritten: the name gets a number. Given a train.csv, it
also says how many labels it would have got right.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take their time
    from digits.interrupt import quiet_until_main

    quiet_until_main()

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from digits.command import UserError, command, new_parser
from digits.files import atomic_path, free_path
from digits.learning.datasets import KAGGLE_IS_MNIST, load_kaggle
from digits.learning.trained_on import learnt, note_of
from digits.weights import add_model_flag, split_names
from predict import MNISTPredictor


def write_submission(digits: np.ndarray, path: str | Path) -> Path:
    """Write digits (n,) in Kaggle's format, ImageId counting from 1, and read them back; return the path."""
    path = free_path(path)
    with atomic_path(path) as temporary:
        with temporary.open("w", newline="", encoding="ascii") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["ImageId", "Label"])
            writer.writerows(enumerate(digits.tolist(), start=1))
        check_submission(temporary, len(digits))
    return path


def check_submission(path: str | Path, n_rows: int) -> None:
    """Raise `UserError` unless the file has Kaggle's header, `n_rows` rows numbered from 1, and digits in each."""
    with Path(path).open(newline="", encoding="ascii") as file:
        header, *rows = csv.reader(file)
    if header != ["ImageId", "Label"]:
        raise UserError(f"the header of a submission is ImageId,Label, not {','.join(header)}")
    if len(rows) != n_rows:
        raise UserError(f"the submission has {len(rows)} rows for {n_rows} pictures; write it again")
    for number, row in enumerate(rows, start=1):
        if len(row) != 2 or row[0] != str(number) or row[1] not in set("0123456789"):
            raise UserError(f"row {number} of the submission is '{','.join(row)}'; it must be '{number},DIGIT'")


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags, with the one file as `csv`."""
    parser = new_parser(
        "Write a submission for Kaggle's Digit Recognizer.",
        "python kaggle_submission.py test.csv --model outputs/runs/kaggle/best.pth",
        "python kaggle_submission.py test.csv --model mnistnet modern",
    )
    parser.add_argument(
        "csv", nargs="*", metavar="TEST_CSV", help="Kaggle's test.csv: pixel0 … pixel783, a row per picture"
    )
    add_model_flag(parser)
    parser.add_argument("--output", default="submission.csv", metavar="FILE", help="default: submission.csv")
    arguments = parser.parse_args(argv)
    arguments.model, more = split_names(arguments.model)
    if len(files := arguments.csv + more) != 1:
        parser.error("name one file, Kaggle's test.csv")
    arguments.csv = files[0]
    return arguments


@command
def main(argv: list[str] | None = None) -> int:
    """Read test.csv, write the submission, print its path."""
    arguments = parse_arguments(argv)
    ink, labels = load_kaggle(arguments.csv)
    if not len(ink):
        raise UserError(f"{arguments.csv} has no rows; download test.csv from the competition's data page")
    predictor = MNISTPredictor(arguments.model)
    digits = predictor.predict_proba(ink).argmax(axis=1)
    path = write_submission(digits, arguments.output)
    print(*_notes(predictor, ink, labels, digits), sep="\n", file=sys.stderr)
    print(path)
    return 0


def _notes(predictor: MNISTPredictor, ink: np.ndarray, labels: np.ndarray, digits: np.ndarray) -> Iterator[str]:
    """Yield what there is to know of a submission, a line each; `labels`, (n,), are -1 where none are given."""
    yield f"{len(digits):,} rows written and read back: header, numbering and digits are as Kaggle wants them"
    yield f"note: {KAGGLE_IS_MNIST}"
    if (labels >= 0).all():
        yield f"{(digits == labels).mean():.2%} of the digits agree with the file's own labels"
    for name, engine in zip(predictor.names, predictor.engines, strict=True):
        if n := int(learnt(note_of(engine.facts), ink).sum()):
            yield f"warning: {name} was trained on {n:,} of these {len(ink):,} pictures; that is no test"


if __name__ == "__main__":
    sys.exit(main())
