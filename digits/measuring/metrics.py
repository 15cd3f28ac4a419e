"""Accuracy with its interval, confusion, calibration, rejection and comparison: numpy only, no figures, no networks.

    from digits.measuring.metrics import accuracy, mcnemar_exact
    accuracy(labels, answers)                  # {"n": 10000, "share": 0.9962, "low": 0.9948, "high": 0.9972}

Labels and answers are integers; an answer of 10 means that no digit was given, and counts as wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

N_DIGITS = 10
N_BINS = 15


def wilson_interval(n_right: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """Return the score interval (Wilson 1927) of a share `n_right / n`, 95 % by default; (0, 1) if n is 0.

    >>> [round(edge, 4) for edge in wilson_interval(9950, 10000)]
    [0.9934, 0.9962]
    """
    if n <= 0:
        return 0.0, 1.0
    share = n_right / n
    centre = share + z * z / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def share_of(hits: Sequence[bool] | np.ndarray) -> dict[str, Any]:
    """Return {n, share, low, high} of booleans (n,), the interval at 95 %; the share of none is None."""
    hits = np.asarray(hits, bool)
    if not hits.size:
        return {"n": 0, "share": None, "low": 0.0, "high": 1.0}
    return _with_interval(float(hits.mean()), hits.size, hits.size)


def _with_interval(share: float, n: int, effective_n: float) -> dict[str, Any]:
    low, high = wilson_interval(share * effective_n, effective_n)
    return {"n": n, "share": share, "low": low, "high": high}


def accuracy(labels: np.ndarray, answers: np.ndarray) -> dict[str, Any]:
    """Return {n, share, low, high} of right answers; `labels` and `answers` are (n,)."""
    return share_of(np.asarray(labels) == np.asarray(answers))


def averaged_share(hits: np.ndarray, groups: Sequence[str]) -> dict[str, Any]:
    """Return {n, share, low, high} of hits (n,), with every group (source) counting the same, however many it holds.

    The interval is Wilson's at the effective number, that of equally weighted answers with the same variance (Kish
    1965): many from one source and few from four make a wide one.
    """
    hits, sources = np.asarray(hits, float), np.asarray(groups)
    names = np.unique(sources)
    if not len(names):
        return share_of([])
    share = float(np.mean([hits[sources == name].mean() for name in names]))
    effective_n = len(names) ** 2 / sum(1 / (sources == name).sum() for name in names)
    return _with_interval(share, len(hits), effective_n)


def per_class(labels: np.ndarray, answers: np.ndarray) -> list[dict[str, Any]]:
    """Return the accuracy of each digit, 0 to 9, of labels and answers (n,): ten of `accuracy`."""
    labels, answers = np.asarray(labels), np.asarray(answers)
    return [accuracy(labels[labels == digit], answers[labels == digit]) for digit in range(N_DIGITS)]


def confusion_matrix(labels: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return counts, int64 (10, 11), of labels and answers (n,): row = label, column = answer, the last = none."""
    labels, answers = np.asarray(labels, np.int64), np.asarray(answers, np.int64)
    counts = np.bincount(labels * (N_DIGITS + 1) + answers, minlength=N_DIGITS * (N_DIGITS + 1))
    return counts.reshape(N_DIGITS, N_DIGITS + 1)


def reliability_bins(confidences: np.ndarray, right: np.ndarray, n_bins: int = N_BINS) -> dict[str, np.ndarray]:
    """Return what lies in equally wide bins of confidence, of `confidences` and `right` (n,).

    `edges` is (n_bins + 1,); `n`, mean `confidence` and `accuracy` are (n_bins,), these two nan where a bin is empty.
    """
    confidences, right = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    edges = np.linspace(0, 1, n_bins + 1)
    index = np.clip(np.searchsorted(edges, confidences, side="left") - 1, 0, n_bins - 1)
    n = np.bincount(index, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(index, weights=confidences, minlength=n_bins) / n
        accuracy = np.bincount(index, weights=right, minlength=n_bins) / n
    return {"edges": edges, "n": n, "confidence": confidence, "accuracy": accuracy}


def expected_calibration_error(confidences: np.ndarray, right: np.ndarray, n_bins: int = N_BINS) -> float:
    """Return the mean distance between confidence and accuracy over the bins, weighted by their numbers: 0 to 1.

    `confidences` and `right` are (n,); nan of none. In 15 bins, as Guo et al. 2017 (arXiv:1706.04599) measure it.
    """
    bins = reliability_bins(confidences, right, n_bins)
    filled = bins["n"] > 0
    if not filled.any():
        return math.nan
    gaps = np.abs(bins["confidence"] - bins["accuracy"])[filled]
    return float(np.average(gaps, weights=bins["n"][filled]))


def rejection_curve(scores: np.ndarray, right: np.ndarray) -> dict[str, np.ndarray]:
    """Return `coverage` (share of answers kept, surest first) and `error` (share of them that is wrong), both (n,).

    `scores` (n,) say how sure each answer is, `right` (n,) whether it is. Risk against coverage, as El-Yaniv and Wiener
    2010 plot it.
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    wrong = ~np.asarray(right, bool)[order]
    kept = np.arange(1, len(order) + 1)
    return {"coverage": kept / max(1, len(order)), "error": np.cumsum(wrong) / kept}


def mcnemar_exact(right_a: np.ndarray, right_b: np.ndarray) -> dict[str, Any]:
    """Compare two models on the same pictures, right or not (n,): {only_a, only_b, p}, p two-sided, exact (binomial).

    McNemar 1947: only the pictures that one of them alone reads right tell anything.

    >>> mcnemar_exact([1, 1, 1, 0], [0, 0, 0, 0])["p"]
    0.25
    """
    right_a, right_b = np.asarray(right_a, bool), np.asarray(right_b, bool)
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    n, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return {"only_a": only_a, "only_b": only_b, "p": min(1.0, 2 * tail / 2**n)}


def holm(p: Sequence[float]) -> np.ndarray:
    """Return the p-values (m,) of m tests as they count together, 0 to 1 (Holm 1979, step-down), in their order.

    To reject where one is below 5 % is wrong anywhere with a chance of 5 % at most, however the tests depend.

    >>> holm([0.03, 0.01, 0.04]).tolist()
    [0.06, 0.03, 0.06]
    """
    ordered, given = np.argsort(p, kind="stable"), np.asarray(p, np.float64)
    corrected = np.empty(len(given))
    corrected[ordered] = np.maximum.accumulate(given[ordered] * np.arange(len(given), 0, -1))
    return np.minimum(1.0, corrected)


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Return how often a random positive scores above a random negative (ties count half); nan if either is empty.

    The scores are (n,) and (m,). That is the area under the ROC curve (Hanley and McNeil 1982).
    """
    positive, negative = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    if not positive.size or not negative.size:
        return math.nan
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).mean() / 2 / negative.size)
