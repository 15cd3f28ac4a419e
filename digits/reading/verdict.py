"""From logits to what may be said: calibrated probabilities, a digit score, and a status with its reason.

The network is trained as if an eleventh class, "no digit", had the constant logit 0. Its ten logits then say two
things: their softmax, which digit; and their log-sum-exp, whether there is a digit at all (the energy score of
Liu et al. 2020, arXiv:2010.03759).

    probabilities, scores = softmax(logits, temperature), digit_score(logits)      # (n, 10), (n,)
    status, reason = judge(probabilities[0], scores[0], thresholds)                # "unsure", "could be 4 or 9"
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

NO_DIGIT = 10  # the eleventh label; the networks have no logit for it
Status = Literal["ok", "unsure", "blank", "not_a_digit", "error"]
OK, UNSURE, BLANK, NOT_A_DIGIT, ERROR = STATUSES = get_args(Status)

LEAST_CONFIDENCE = 0.9  # calibrated: nine answers in ten are right there, and a wrong ok is worse than a doubt
DEFAULT_THRESHOLDS = {"unsure_confidence": LEAST_CONFIDENCE, "unsure_score": -1e9, "not_a_digit_score": -1e9}

NO_ONE_DIGIT = 0.3  # the likeliest digit is not even this likely: specks of paper; no digit of the sets, sure or not
CROP_WEIGHT = 0.7  # chosen on development digits of old registers, see docs/labbook.md
SURE, UNCERTAIN = 0.95, 0.85  # confidences from which further looks count nothing, and count in full
SEEN_IN_BLANK = 2.0  # score from which a crop holds a digit though no stroke stood out from the paper
CLEAR_CROP = 4.0  # score from which a crop is read without the ink's consent; of 2,392 crops of no digit 5 more are ok
LEAST_ODDS = -2.7  # log odds, of being a digit and no lookalike, that ok needs; 8 of 5,000 validation digits have less
CROWDED = 0.15  # of the digit's ink in one other part; no single digit of the development sets comes near it

REASONS = {
    OK: "",
    BLANK: "nothing is written here",
    NOT_A_DIGIT: "this does not look like a digit",
}
AS_A_NUMBER = "; read it as a number"  # the end of a reason, which a reading as a number goes without
BOX_REASON = "this is an empty box, not a 0"
BLOB_REASON = "this is a blob, not strokes; draw it larger, or with a thinner pen"


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return probabilities, float32 (…, 10), of logits (…, 10) divided by `temperature`."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    raised = np.exp(scaled)
    return (raised / raised.sum(axis=-1, keepdims=True)).astype(np.float32)


def look_again(looks: np.ndarray) -> np.ndarray:
    """Return probabilities (n, 10) of several looks at the same ink, (k, n, 10): where the first is sure, it counts.

    Between `SURE` and `UNCERTAIN` it moves to the mean of all, without a jump.
    """
    first = looks[0]
    weight = np.clip((SURE - first.max(axis=1, keepdims=True)) / (SURE - UNCERTAIN), 0, 1)
    return first + weight * (looks.mean(axis=0) - first)


def digit_score(logits: np.ndarray) -> np.ndarray:
    """Return (n,) how sure the network is that there is a digit at all: log-sum-exp, 0 = undecided, higher = surer."""
    logits = logits.astype(np.float64)
    top = logits.max(axis=1)
    return top + np.log(np.exp(logits - top[:, None]).sum(axis=1))


def judge(
    probabilities: np.ndarray, score: float, thresholds: dict[str, float], left_out: float = 0.0
) -> tuple[str, str]:
    """Return (status, reason) of one picture that is not blank; `probabilities` is (10,).

    `left_out` is how much other writing there is beside the digit, 0–1, as preprocessing found it.
    """
    limits = DEFAULT_THRESHOLDS | thresholds
    best = int(probabilities.argmax())
    if not (score >= limits["not_a_digit_score"] and probabilities[best] >= NO_ONE_DIGIT):  # nor is nan a digit
        return NOT_A_DIGIT, REASONS[NOT_A_DIGIT]
    if left_out > CROWDED:
        return UNSURE, f"more is written here than this {best}{AS_A_NUMBER}"
    if probabilities[best] < limits["unsure_confidence"]:
        return UNSURE, f"could be {best} or {int(np.argsort(probabilities)[-2])}"
    if score < limits["unsure_score"]:
        return UNSURE, f"an unusual {best}, or no digit"
    return OK, REASONS[OK]


def weigh(probabilities: np.ndarray, crop_logits: np.ndarray) -> np.ndarray:
    """Return probabilities (10,) of a digit that two networks saw: its ink, and the crop with what stands beside it."""
    logs = (1 - CROP_WEIGHT) * np.log(np.maximum(probabilities, 1e-6)) + CROP_WEIGHT * np.log(
        softmax(crop_logits) + 1e-6
    )
    return softmax(logs)


def judge_both(
    probabilities: np.ndarray, score: float, crop_logits: np.ndarray, thresholds: dict[str, float], left_out: float
) -> tuple[np.ndarray, str, str]:
    """Return (probabilities, status, reason) of a digit among other things, which two networks saw.

    `probabilities` (10,) and `score` are of its ink alone; `crop_logits` (10,) of the crop. No digit is what neither
    takes for one; ok is only what both read alike, and surely, or the crop very surely and the ink not as another.
    """
    both, in_crop = weigh(probabilities, crop_logits), softmax(crop_logits)
    crop_score = float(digit_score(crop_logits[None])[0])
    is_clear = crop_score > CLEAR_CROP and in_crop.max() > SURE
    is_against = in_crop.argmax() != probabilities.argmax() and judge(probabilities, score, thresholds)[0] == OK
    if is_clear and not is_against and judge(in_crop, crop_score, thresholds, left_out)[0] == OK:
        return in_crop, OK, REASONS[OK]
    status, reason = judge(both, max(score, crop_score), thresholds, left_out)
    best = int(both.argmax())
    others = [int(seen.argmax()) for seen in (probabilities, crop_logits) if seen.argmax() != best]
    if status == OK and others:
        return both, UNSURE, f"could be {best} or {others[0]}"
    least = (DEFAULT_THRESHOLDS | thresholds)["unsure_score"]
    if status == OK and min(score, crop_score) < least:
        return both, UNSURE, f"an unusual {best}, or no digit"
    return both, status, reason
