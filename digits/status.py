"""From logits to what may be said: calibrated probabilities, a digit score, and a status with its reason.

The network is trained as if an eleventh class, "no digit", had the constant logit 0. Its ten logits then say two
things: their softmax, which digit; and their log-sum-exp, whether there is a digit at all (the energy score of
Liu et al. 2020, arXiv:2010.03759).
"""

from __future__ import annotations

import numpy as np

OK, UNSURE, BLANK, NOT_A_DIGIT, ERROR = STATUSES = ("ok", "unsure", "blank", "not_a_digit", "error")

DEFAULT_THRESHOLDS = {"unsure_confidence": 0.6, "unsure_score": -1e9, "not_a_digit_score": -1e9}

REASONS = {
    OK: "",
    BLANK: "nothing is written here",
    NOT_A_DIGIT: "this does not look like a digit",
}


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return probabilities, float32 (n, 10), of logits (n, 10) divided by `temperature`."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    raised = np.exp(scaled)
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


def digit_score(logits: np.ndarray) -> np.ndarray:
    """Return (n,) how sure the network is that there is a digit at all: log-sum-exp, 0 = undecided, higher = surer."""
    logits = logits.astype(np.float64)
    top = logits.max(axis=1)
    return top + np.log(np.exp(logits - top[:, None]).sum(axis=1))


def judge(probabilities: np.ndarray, score: float, thresholds: dict[str, float]) -> tuple[str, str]:
    """Return (status, reason) of one picture that is not blank; `probabilities` is (10,)."""
    limits = DEFAULT_THRESHOLDS | thresholds
    best, second = np.argsort(probabilities)[::-1][:2]
    if score < limits["not_a_digit_score"]:
        return NOT_A_DIGIT, REASONS[NOT_A_DIGIT]
    if probabilities[best] < limits["unsure_confidence"]:
        return UNSURE, f"could be {best} or {second}"
    if score < limits["unsure_score"]:
        return UNSURE, f"an unusual {best}, or no digit"
    return OK, REASONS[OK]
