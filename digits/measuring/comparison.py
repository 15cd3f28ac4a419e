"""Is a new network worse than the one that is served? One rule for every training, McNemar's test on held-out pictures.

    found = compare(new, served, {"mnist": (ink, labels)})     # predictors; neither may have learnt these pictures
    is_worse(found)                                            # in one set or in all of them together

A digit is read right if it is given; what is no digit (label 10), if it is not called ok.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from digits.measuring.metrics import mcnemar_exact
from digits.reading.verdict import NOT_A_DIGIT, OK, judge

LEVEL = 0.05  # of the test, two-sided
TOGETHER = "together"


class Reader(Protocol):
    """What is asked of a network here; `MNISTPredictor` gives it."""

    thresholds: dict[str, float]

    def predict_scores(self, ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (probabilities (n, 10), digit scores (n,)) of ink, uint8 (n, 28, 28)."""
        ...


@dataclass(frozen=True)
class Comparison:
    """Two networks on one held-out set: how many of its `n` pictures each reads right, and each alone."""

    name: str
    n: int
    new: int
    served: int
    newly_right: int
    newly_wrong: int
    p: float

    @property
    def is_worse(self) -> bool:
        """Whether the new network is worse, and chance alone would hardly make it seem so."""
        return self.newly_wrong > self.newly_right and self.p < LEVEL

    def __str__(self) -> str:
        shares = f"{self.new / self.n:8.2%} right, {self.served / self.n:8.2%} before"
        changed = f"{self.newly_right:,} newly right, {self.newly_wrong:,} newly wrong"
        return f"  {self.name:<16}{self.n:>7,} pictures: {shares} ({changed}, p = {self.p:.2g})"


def compare(new: Reader, served: Reader, held_out: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> list[Comparison]:
    """Return the comparison on each set {name: (ink (n, 28, 28), labels (n,))}, and, of several, on all together."""
    rights = {name: (read_right(new, *part), read_right(served, *part)) for name, part in held_out.items()}
    if len(rights) > 1:
        ours, theirs = zip(*rights.values(), strict=True)
        rights[TOGETHER] = np.concatenate(ours), np.concatenate(theirs)
    return [_compare(name, *right) for name, right in rights.items()]


def _compare(name: str, new: np.ndarray, served: np.ndarray) -> Comparison:
    test = mcnemar_exact(new, served)
    return Comparison(name, len(new), int(new.sum()), int(served.sum()), test["only_a"], test["only_b"], test["p"])


def is_worse(comparisons: Sequence[Comparison]) -> bool:
    """Whether the new network is worse in any set, or in all together."""
    return any(one.is_worse for one in comparisons)


def read_right(reader: Reader, ink: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (n,) whether each picture of ink (n, 28, 28) is read right; labels (n,) are 0–9, or 10 for no digit."""
    probabilities, scores = reader.predict_scores(ink)
    judged = zip(probabilities, scores, strict=True)
    statuses = np.array([judge(*one, reader.thresholds)[0] for one in judged], dtype=object)
    given = (statuses != NOT_A_DIGIT) & (probabilities.argmax(axis=1) == labels)
    return np.where(labels < 10, given, statuses != OK).astype(bool)
