"""Labelled pictures -> a predictor's answers -> figures: what `evaluate.py` and the benchmarks share.

A labelled folder is pictures beside a labels.csv (columns file, label and, if there are several, source; label "-" for
what is no digit), or one folder per class, named by the digit. The predictor is handed in; no network is known here.

    answers = answer(predictor, read_labelled_folder("my_digits"))
    digit_figures(answers)["accuracy"]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from digits.command import UserError
from digits.finding.decode import EXTENSIONS, Picture
from digits.learning.datasets import find_class_folders
from digits.measuring import metrics
from digits.reading.answer import Predictor
from digits.reading.verdict import BLANK, ERROR, NO_DIGIT, OK, STATUSES
from digits.tables import NO_DIGIT_SIGN, read_labels, to_digit

AT_ONCE = 256  # what is found in so many pictures is held in memory at once


@dataclass(frozen=True)
class Sample:
    """One labelled picture. `label` is a digit, or `NO_DIGIT`; `source` says who it comes from."""

    picture: Picture
    label: int
    source: str = ""
    name: str = ""


@dataclass(frozen=True)
class Answers:
    """What a predictor said to n samples, in their order."""

    samples: list[Sample]
    labels: np.ndarray  # (n,) int64, 0–9 or `NO_DIGIT`
    digits: np.ndarray  # (n,) int64, `NO_DIGIT` where none was given
    probabilities: np.ndarray  # (n, 10)
    statuses: np.ndarray  # (n,) str
    scores: np.ndarray  # (n,) how sure that there is a digit
    ink: np.ndarray  # (n, 28, 28) uint8

    @property
    def right(self) -> np.ndarray:
        """(n,) whether the digit given is the label."""
        return (self.digits == self.labels) & (self.labels < NO_DIGIT)

    @property
    def confidences(self) -> np.ndarray:
        """(n,) the highest probability of each."""
        return self.probabilities.max(axis=1)

    @property
    def most_probable(self) -> np.ndarray:
        """(n,) the digit of highest probability, whatever the status."""
        return self.probabilities.argmax(axis=1)

    @property
    def most_probable_right(self) -> np.ndarray:
        """(n,) whether that digit is the label; what is blank or could not be read has none."""
        return (self.most_probable == self.labels) & ~np.isin(self.statuses, [BLANK, ERROR])

    @property
    def sources(self) -> list[str]:
        """The source of each sample."""
        return [sample.source for sample in self.samples]


def read_labelled_folder(folder: str | Path) -> list[Sample]:
    """Return the samples of a folder with labels.csv or with a folder per class. Raises `UserError`."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}; name one with labels.csv or a folder per digit")
    try:
        samples = _from_csv(folder) if (folder / "labels.csv").exists() else _from_class_folders(folder)
    except UserError as error:
        raise UserError(f"{error}; either labels.csv (file,label) or folders 0 to 9 are needed") from None
    if not samples:
        raise UserError(f"{folder} holds no labelled pictures; it needs labels.csv (file,label) or folders 0 to 9")
    return samples


def _from_csv(folder: Path) -> list[Sample]:
    return [
        Sample(folder / row["file"], _to_label(row["label"], folder), row.get("source") or folder.name, row["file"])
        for row in read_labels(folder / "labels.csv")
    ]


def _to_label(text: str, folder: Path) -> int:
    digit = NO_DIGIT if text.strip() == NO_DIGIT_SIGN else to_digit(text)
    if digit is not None:
        return digit
    raise UserError(f"labels.csv in {folder} has the label '{text}'; use 0 to 9, or - for what is no digit")


def _from_class_folders(folder: Path) -> list[Sample]:
    return [
        Sample(path, digit, folder.name, str(path.relative_to(folder)))
        for classes, digit in find_class_folders(folder)
        for path in sorted(classes.rglob("*"))
        if path.suffix.lower() in EXTENSIONS
    ]


def to_samples(ink: np.ndarray, labels: np.ndarray, source: str) -> list[Sample]:
    """Return samples of ink in memory, uint8 (n, 28, 28), as PNG files: they take a user's whole path."""
    import cv2

    return [
        Sample(cv2.imencode(".png", image)[1].tobytes(), int(label), source, f"{source} {index}")
        for index, (image, label) in enumerate(zip(ink, labels, strict=True))
    ]


def answer(predictor: Predictor, samples: Iterable[Sample]) -> Answers:
    """Let `predictor` read every sample: anything with `predict_batch(pictures)`."""
    samples = list(samples)
    rows, inks = [], []
    for start in range(0, len(samples), AT_ONCE):
        for prediction in predictor.predict_batch([sample.picture for sample in samples[start : start + AT_ONCE]]):
            digit = NO_DIGIT if prediction.digit is None else prediction.digit
            rows.append((digit, prediction.probs, prediction.status, prediction.score))
            inks.append(prediction.found.ink if prediction.found else np.zeros((28, 28), np.uint8))
    digits, probabilities, statuses, scores = zip(*rows, strict=True) if rows else ((), (), (), ())
    labels = np.array([sample.label for sample in samples], np.int64)
    return Answers(
        samples, labels, np.array(digits, np.int64), np.array(probabilities, np.float32).reshape(-1, 10),
        np.array(statuses, dtype=str), np.array(scores, np.float64), np.array(inks, np.uint8).reshape(-1, 28, 28),
    )  # fmt: skip


def only(answers: Answers, chosen: np.ndarray) -> Answers:
    """Return those of the answers that `chosen` (n,) is true for."""
    arrays = {name: part[chosen] for name, part in vars(answers).items() if name != "samples"}
    return Answers(list(compress(answers.samples, chosen)), **arrays)


def status_counts(answers: Answers) -> dict[str, int]:
    """Return how many answers have each status, in the order ok, unsure, blank, not_a_digit, error."""
    counts = Counter(answers.statuses.tolist())
    return {status: counts[status] for status in STATUSES}


def digit_figures(answers: Answers) -> dict[str, Any]:
    """Return the figures of labelled digits: accuracy (pooled, by source averaged, per class), calibration, statuses.

    `accuracy` counts a digit withheld as wrong; `most_probable` takes the highest probability, whatever the status.
    `expected_calibration_error` is that of the highest probability.
    """
    calibration_error = metrics.expected_calibration_error(answers.confidences, answers.most_probable_right)
    ok = answers.statuses == OK
    return {
        "accuracy": metrics.share_of(answers.right),
        "sources_averaged": metrics.averaged_share(answers.right, answers.sources),
        "most_probable": metrics.averaged_share(answers.most_probable_right, answers.sources),
        "per_class": metrics.per_class(answers.labels, answers.digits),
        "expected_calibration_error": calibration_error,
        "statuses": status_counts(answers),
        "ok": metrics.share_of(ok),
        "ok_but_wrong": metrics.share_of(~answers.right[ok]),
    }


def split_by_source(answers: Answers) -> dict[str, dict[str, Any]]:
    """Return the accuracy of each source."""
    sources = np.array(answers.sources)
    return {str(name): metrics.share_of(answers.right[sources == name]) for name in np.unique(sources)}


def most_confident_errors(answers: Answers, n: int) -> np.ndarray:
    """Return the indices, (up to n,), of at most `n` wrong answers, the most confident first."""
    wrong = np.flatnonzero(~answers.right)
    return wrong[np.argsort(-answers.confidences[wrong], kind="stable")][:n]
