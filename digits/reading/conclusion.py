"""From all views of a picture, as the networks see them, to one answer: which view is believed, and what is said of it.

prediction = conclude(found, seen, in_crop, thresholds)
prediction.status, prediction.reason       # "unsure", "could be 4 or 9"
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from digits.finding.found import FoundDigit
from digits.finding.paper import Method
from digits.finding.strokes import FAT, is_cut_off, rectangularity
from digits.reading.answer import UNIFORM, Prediction
from digits.reading.verdict import (
    BLANK,
    BLOB_REASON,
    BOX_REASON,
    DEFAULT_THRESHOLDS,
    NOT_A_DIGIT,
    OK,
    REASONS,
    SEEN_IN_BLANK,
    UNSURE,
    digit_score,
    judge,
    judge_both,
    softmax,
)

Thresholds = dict[str, float]

FIRST_VIEW = 1.0  # by how much, in digit score, another view must look more like a digit: a nought's bar is a 1, inside
BLOB = 0.75  # as fat, see `FAT`, is no stroke at all
BOX = 0.935  # rectangularity of an empty box; noughts of the development sets reach 0.914, drawn boxes start at 0.958


class Seen(NamedTuple):
    """A view of a picture, its probabilities (10,), and its digit score."""

    found: FoundDigit
    probs: np.ndarray
    score: float


def conclude(item: FoundDigit, seen: list[Seen], in_crop: np.ndarray | None, thresholds: Thresholds) -> Prediction:
    """Return the answer for one picture.

    `item` is what was found in it, `seen` all its views, that one first, and `in_crop` the crop reader's logits, (10,).
    """
    # 1. Of several views the one that looks most like a digit, the first unless another does so clearly.
    found, probs, score = _believed(seen)
    # 2. Nothing is written here, unless the crop shows a digit all the same.
    if item.is_blank:
        return _blank_or_faint(item, in_crop)
    # 3. A filled blob is none, nor is an empty box, whatever the network makes of them.
    if why_none := _no_strokes(found, int(probs.argmax())):
        low = min(float(score), (DEFAULT_THRESHOLDS | thresholds)["not_a_digit_score"])
        return Prediction(None, 0.1, UNIFORM, NOT_A_DIGIT, why_none, low, found)
    # 4. What is ink already, or drawn on flat ground, one network judges; two see a digit among other things.
    if in_crop is None:
        status, reason = judge(probs, score, thresholds, found.left_out)
    else:
        probs, status, reason = judge_both(probs, score, in_crop, thresholds, found.left_out)
        score = max(score, digit_score(in_crop[None])[0])
    # 5. It is not ok if what was found, or another view, gives cause for doubt.
    digit = None if status == NOT_A_DIGIT else int(probs.argmax())
    if status == OK and digit is not None and (doubt := _doubt(found, seen, digit, thresholds)):
        status, reason = UNSURE, doubt
    return Prediction(digit, float(probs.max()), probs, status, reason, float(score), found)


def is_by_ink_alone(found: FoundDigit) -> bool:
    """Whether one network judges what was found, which another then looks at again: no crop was asked.

    What is ink already, as MNIST's pictures are, is not looked at twice: that would take a seventh of its time.
    """
    return found.crop is None and found.method is not Method.AS_IT_IS


def sure_ink(prediction: Prediction) -> np.ndarray | None:
    """Return the ink, uint8 (28, 28), of a prediction that is ok by that alone; None of any other."""
    found = prediction.found
    return found.ink if prediction.status == OK and found is not None and is_by_ink_alone(found) else None


def unusual(prediction: Prediction) -> Prediction:
    """Return an ok prediction as unsure, because its ink looks more like something else than like a digit."""
    return replace(prediction, status=UNSURE, reason=f"an unusual {prediction.digit}, or no digit")


def _believed(seen: list[Seen]) -> Seen:
    """Return the view that looks most like a digit; what may be a mark in a nought only if that is none."""
    first = seen[0]
    if first.score + FIRST_VIEW > 0:
        seen = [view for view in seen if view.found.method is not Method.MARK]
    return max(seen, key=lambda view: view.score + FIRST_VIEW * (view is first))


def _blank_or_faint(item: FoundDigit, in_crop: np.ndarray | None) -> Prediction:
    if in_crop is None or digit_score(in_crop[None])[0] < SEEN_IN_BLANK:
        return Prediction(None, 0.1, UNIFORM, BLANK, REASONS[BLANK], float("-inf"), item)
    probs, faint = softmax(in_crop), int(in_crop.argmax())
    return Prediction(faint, float(probs.max()), probs, UNSURE, f"a faint {faint}, or nothing", 0.0, item)


def _no_strokes(found: FoundDigit, digit: int) -> str:
    """Return why what was found is no writing at all, or nothing."""
    if found.fatness > BLOB:
        return BLOB_REASON
    is_drawn = found.method is not Method.AS_IT_IS
    return BOX_REASON if digit == 0 and is_drawn and rectangularity(found.mask) > BOX else ""


def _doubt(found: FoundDigit, seen: list[Seen], digit: int, thresholds: Thresholds) -> str:
    """Return what speaks against an ok, or nothing.

    Loops may have closed, strokes may go on beyond the border, and another view may show another digit: with the ring
    round it, or without.
    """
    if found.fatness > FAT:
        return f"strokes too thick to be sure of a {digit}"
    if is_cut_off(found.mask):
        return f"this {digit} may be cut off at the border"
    rival = _rival(seen, digit, thresholds) if len(seen) > 1 else None
    return "" if rival is None else f"could be {digit} or {rival}"


def _rival(seen: list[Seen], digit: int, thresholds: Thresholds) -> int | None:
    """Return another digit as which one of the views would be ok by itself; None if there is none.

    A nought with a bar in it and a 1 in a ring look alike.
    """
    whole, *others = seen
    is_inside = any(view.found.method is Method.INSIDE and view.score > 0 for view in others)
    if digit == 1 and is_inside and whole.score > 0 and whole.probs.argmax() == 0:
        return 0
    for found, probs, score in seen:
        other = int(probs.argmax())
        if other != digit and judge(probs, score, thresholds, found.left_out)[0] == OK:
            return other
    return None
