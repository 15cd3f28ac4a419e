"""Numbers in fields, cells, sheets, lists and forms that nobody trained on: exact readings, and whether "ok" is true.

    python -m benchmarks.documents --data-dir documents/
    python -m benchmarks.documents --data-dir documents/ --rapidocr --gallery outputs/runs/documents

The folder holds `fields` (file, kind, label), `cells_tight` and `cells_loose` (file, label), `score` (file, row, col,
truth), `lists` (file, truth: lines joined by |) and `forms` (file, truth). All is for measuring, none for training.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

if not __package__:  # `python benchmarks/documents.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import keep_picture, make_parser, only_digits, save, without_spaces
from digits.command import UserError, command
from digits.finding.decode import open_picture
from digits.learning.datasets import data_dir
from digits.measuring.metrics import share_of
from digits.reading.answer import NumberReading
from digits.reading.table import table_of
from digits.reading.verdict import OK
from predict import MNISTPredictor

Read = Callable[[Path], NumberReading]


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a folder's labels.csv; raises `UserError` if it is not there."""
    path = folder / "labels.csv"
    if not path.exists():
        raise UserError(f"there is no {path}; name the folder of documents with --data-dir")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ---------------------------------------------------------------- fields and cells


def measure_fields(folder: Path, read: Read) -> dict:
    """Return figures of single fields: digits exact, signs too, by kind; what is ok; empty fields refused."""
    by_kind, sure, refused, seconds = defaultdict(list), [], [], []
    for row in rows_of(folder):
        started = time.perf_counter()
        reading = read(folder / row["file"])
        seconds.append(time.perf_counter() - started)
        if not row["label"]:
            refused.append(not only_digits(reading.text))
            continue
        right = only_digits(reading.text) == only_digits(row["label"])
        signs = without_spaces(reading.text) == without_spaces(row["label"])
        by_kind[row.get("kind", "cell")].append((right, signs))
        sure.append((right, reading.status == OK))
    every = np.array([hits for kind in by_kind.values() for hits in kind])
    right, ok = np.array(sure).T
    return {
        "digits": share_of(every[:, 0]), "signs": share_of(every[:, 1]),
        "ok_but_wrong": share_of(~right[ok]), "right_and_ok": share_of(ok[right]),
        "empty_refused": share_of(refused) if refused else None,
        "kinds": {kind: [share_of(column) for column in np.array(hits).T] for kind, hits in by_kind.items()},
        "seconds_each": round(float(np.median(seconds)), 4),
    }  # fmt: skip


# ---------------------------------------------------------------- pages


def measure_score_sheets(folder: Path, read: Read) -> dict:
    """Return the shares of rows read exactly, cell by cell, as a line and in --table's table; and of cells in place."""
    sheets: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows_of(folder):
        sheets[row["file"]][int(row["row"])].append(row["truth"])
    exact, in_table, cells, n_cells = [], [], 0, 0
    for name, rows in sheets.items():
        row = (reading := read(folder / name)).row()
        lines, by_table = [line.split() for line in reading.lines], table_of(row["lines"], row["digits"])
        for truth in rows.values():
            exact.append(truth in lines)
            in_table.append(truth in by_table)
            agree = (sum(a == b for a, b in zip(truth, line, strict=False)) for line in lines)
            cells, n_cells = cells + max(agree, default=0), n_cells + len(truth)
    return {"rows": share_of(exact), "rows_by_table": share_of(in_table), "cells": share_of(np.arange(n_cells) < cells)}


def measure_lists(folder: Path, read: Read) -> dict:
    """Return the shares of lines found among what is read, and of pages read exactly."""
    lines, pages = [], []
    for row in rows_of(folder):
        truth = row["truth"].split("|")
        found = [without_spaces(line) for line in read(folder / row["file"]).lines]
        lines += [line in found for line in truth]
        pages.append(found == truth)
    return {"lines": share_of(lines), "pages": share_of(pages)}


def measure_forms(folder: Path, read: Read) -> dict:
    """Return the share of fields that stand as a line of their own, how many other lines are read, and the time."""
    truths, fields, others, seconds = defaultdict(list), [], 0, []
    for row in rows_of(folder):
        truths[row["file"]].append(only_digits(row["truth"]))
    for name, truth in truths.items():
        started = time.perf_counter()
        found = [only_digits(line) for line in read(folder / name).lines]
        seconds.append(time.perf_counter() - started)
        fields += [field in found for field in truth]
        others += sum(line not in truth for line in found if line)
    return {"fields": share_of(fields), "other_lines": others, "seconds_each": round(float(np.median(seconds)), 3)}


# ---------------------------------------------------------------- a general OCR beside it


def rapidocr_reader() -> Read:
    """Return RapidOCR's recognition (no detection) as a reader; raises `UserError` if it is not installed."""
    try:
        from rapidocr import RapidOCR
    except ImportError:
        raise UserError("rapidocr is not installed; get it with: pip install rapidocr") from None
    engine = RapidOCR(params={"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1})

    def read(path: Path) -> NumberReading:
        answer = engine(cv2.imread(str(path)), use_det=False, use_cls=False, use_rec=True)
        text = " ".join(getattr(answer, "txts", None) or ())
        return NumberReading([text], [], OK, "")

    return read


# ---------------------------------------------------------------- all of it

FIELDS = ("fields", "cells_tight", "cells_loose")
PAGES = {"score": measure_score_sheets, "lists": measure_lists, "forms": measure_forms}


def keeping_failures(read: Read, directory: Path, truths: dict[str, str]) -> Read:
    """Return `read`, which then keeps a copy of each picture whose digits it misread, named by truth and reading."""

    def keep(path: Path) -> NumberReading:
        reading = read(path)
        truth = truths.get(f"{path.parent.name}/{path.name}")
        if truth is not None and only_digits(reading.text) != only_digits(truth):
            name = f"{path.stem}-{truth}-read-{reading.text}-{reading.status}"
            keep_picture(directory, name, open_picture(path))
        return reading

    return keep


def table(result: dict) -> str:
    """Return the figures as lines of text."""

    def share(figure: dict | None) -> str:
        return "–" if not figure else f"{100 * figure['share']:5.1f} % of {figure['n']}"

    lines = [f"  {kind:18} digits {share(a)}  signs {share(b)}" for kind, (a, b) in result["fields"]["kinds"].items()]
    for name in [name for name in FIELDS if name in result]:
        one = result[name]
        lines.append(
            f"{name:12} digits {share(one['digits'])}  signs {share(one['signs'])}"
            f"  ok but wrong {share(one['ok_but_wrong'])}  right and ok {share(one['right_and_ok'])}"
            f"  empty refused {share(one['empty_refused'])}  {1000 * one['seconds_each']:.0f} ms"
        )
    for name in [name for name in PAGES if name in result]:
        shown = (f"{key} {share(v) if isinstance(v, dict) else v}" for key, v in result[name].items())
        lines.append(f"{name:12} " + "  ".join(shown))
    return "\n".join(lines)


def measure(folder: Path, read: Read) -> dict:
    """Return the figures of every set of documents in `folder`."""
    result = {name: measure_fields(folder / name, read) for name in FIELDS}
    return result | {name: measure_pages(folder / name, read) for name, measure_pages in PAGES.items()}


@command
def main(argv: list[str] | None = None) -> int:
    """Read everything, print the table, write the JSON."""
    parser = make_parser(__doc__, "--model")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="the documents (default: $MNIST_DATA_DIR/documents)"
    )
    parser.add_argument("--rapidocr", action="store_true", help="read the fields with RapidOCR too")
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="keep copies of the misread fields here")
    arguments = parser.parse_args(argv)
    folder = arguments.data_dir or data_dir() / "documents"
    predictor = MNISTPredictor(arguments.model, threads=1)

    def read(path: Path) -> NumberReading:
        return predictor.read_number(open_picture(path))

    if arguments.gallery:
        truths = {f"{name}/{row['file']}": row["label"] for name in FIELDS for row in rows_of(folder / name)}
        result = measure(folder, keeping_failures(read, arguments.gallery, truths))
    else:
        result = measure(folder, read)
    if arguments.rapidocr:
        result["rapidocr"] = {name: measure_fields(folder / name, rapidocr_reader()) for name in FIELDS}
        print(table(result["rapidocr"]), "\n")
    print(table(result))
    save(result, "documents", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
