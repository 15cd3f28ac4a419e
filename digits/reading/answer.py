"""What is answered: of a picture with one digit, of one with numbers; and what every predictor can be asked.

    prediction.digit, prediction.confidence, prediction.status
    reading.text, reading.digits[0].box

`predict.py` has the predictor itself; what stands below it is handed one, and knows it as `Predictor`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from digits.finding.decode import Picture
from digits.finding.found import FoundDigit
from digits.finding.limits import PictureError
from digits.finding.pixels import Box
from digits.reading.engines import Engine, SurroundingsNetwork
from digits.reading.line import DigitReading, NumberReaders
from digits.reading.symbols import to_value
from digits.reading.verdict import ERROR, NOT_A_DIGIT

P_COLUMNS = [f"p{digit}" for digit in range(10)]  # of a report: the ten probabilities
UNIFORM = np.full(10, 0.1, np.float32)


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture. Unpacks as `digit, confidence, probs`."""

    digit: int | None  # None where `status` says there is none to be had
    confidence: float  # the highest of `probs`
    probs: np.ndarray  # (10,) float32, calibrated, sums to 1
    status: str  # ok, unsure, blank, not_a_digit (and error, in reports)
    reason: str  # one sentence for people; empty if ok
    score: float  # log-sum-exp of the logits: how sure that there is a digit at all
    found: FoundDigit | None = field(default=None, repr=False)  # ink, box, polarity, steps, where a picture was given

    def __iter__(self) -> Iterator[Any]:
        return iter((self.digit, self.confidence, self.probs))

    @property
    def box(self) -> Box | None:
        """Where the digit stands, (left, top, right, bottom) in pixels; None if that is not known."""
        return self.found.box if self.found else None

    @property
    def runner_up(self) -> int:
        """The second most probable digit."""
        return int(np.argsort(self.probs)[-2])

    def row(self, path: str = "") -> dict[str, Any]:
        """Return the report's columns, from path, status and digit to p0 … p9 and error, as a dict."""
        if self.status == ERROR:
            empty = dict.fromkeys(["digit", "confidence", "runner_up", "runner_up_confidence", *P_COLUMNS])
            return {"path": path, "status": ERROR, **empty, "error": self.reason}
        runner_up, probabilities = self.runner_up, self.probs.astype(float).round(6).tolist()
        return {
            "path": path,
            "status": self.status,
            "digit": self.digit,
            "confidence": round(self.confidence, 6),
            "runner_up": runner_up,
            "runner_up_confidence": probabilities[runner_up],
            **dict(zip(P_COLUMNS, probabilities, strict=True)),
            "error": None,
        }


@dataclass(frozen=True)
class NumberReading:
    """What is written in a picture: `lines` with their signs and spaces, and every digit in reading order.

    `status` is ok, unsure or not_a_digit; `reason` one sentence for people, empty if ok.
    """

    lines: list[str]
    digits: list[DigitReading]
    status: str = NOT_A_DIGIT
    reason: str = "no number was found"

    @property
    def text(self) -> str:
        """The lines in one text; empty if there is no number."""
        return "\n".join(self.lines)

    @property
    def number(self) -> int | float | None:
        """The plain value, where the picture holds one number and it can mean only one thing."""
        return to_value(self.lines[0]) if len(self.lines) == 1 else None

    @property
    def confidence(self) -> float | None:
        """The lowest confidence of its digits; None if there are none."""
        return min((digit.confidence for digit in self.digits), default=None)

    def row(self, path: str = "") -> dict[str, Any]:
        """Return the reading as plain JSON values."""
        return {
            "path": path, "status": self.status, "text": self.text, "number": self.number,
            "confidence": None if self.confidence is None else round(self.confidence, 6), "reason": self.reason,
            "lines": self.lines, "digits": [digit.row() for digit in self.digits], "error": None,
        }  # fmt: skip


def number_error_row(path: str, error: str) -> dict[str, Any]:
    """Return the row of a picture whose numbers could not be read, with the keys of `NumberReading.row`."""
    return dict.fromkeys(NumberReading([], []).row()) | {"path": path, "status": ERROR, "error": error}


def error_prediction(error: PictureError) -> Prediction:
    """Return the prediction that stands for a picture that could not be read."""
    return Prediction(None, 0.0, UNIFORM, ERROR, str(error), float("-inf"))


class Predictor(Protocol):
    """Whatever reads pictures: `MNISTPredictor` of predict.py, or what a test puts in its place."""

    names: list[str]
    engines: list[Engine]
    thresholds: dict[str, float]

    def predict(self, picture: Picture) -> Prediction:
        """Read the one digit in `picture`. Raises `PictureError`."""
        ...

    def predict_batch(self, pictures: Iterable[Picture]) -> list[Prediction]:
        """Read many pictures; one that cannot be read gets status "error" and a reason."""
        ...

    def predict_found(self, found: Sequence[FoundDigit | PictureError]) -> list[Prediction]:
        """Read what `find_digit` found (or failed to find), in order."""
        ...

    def predict_scores(self, ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (probabilities (n, 10), digit scores (n,)) of ink, uint8 (n, 28, 28)."""
        ...

    def are_digits(self, ink: np.ndarray) -> np.ndarray:
        """Return (n,) whether each ink, uint8 (n, 28, 28), that looks like a digit is likely to be one."""
        ...

    def read_number(self, picture: Picture) -> NumberReading:
        """Read all digits in `picture`, line by line. Raises `PictureError`."""
        ...

    def number_readers(self) -> NumberReaders:
        """Return the networks that read numbers. Raises `UserError` if a file is missing."""
        ...

    def crop_reader(self) -> SurroundingsNetwork:
        """Return the network that sees a digit among other things. Raises `UserError` if its file is missing."""
        ...

    def lookalikes(self) -> SurroundingsNetwork:
        """Return the network that tells digits from what looks like one. Raises `UserError` if its file is missing."""
        ...
