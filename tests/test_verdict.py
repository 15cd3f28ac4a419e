"""From logits to probabilities, digit score and status, against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from digits.reading.verdict import (
    BLANK,
    NOT_A_DIGIT,
    OK,
    REASONS,
    STATUSES,
    UNSURE,
    digit_score,
    judge,
    judge_both,
    look_again,
    softmax,
)

LOGITS = arrays(np.float32, (3, 10), elements=st.floats(-60, 60, width=32))
LIMITS = {"unsure_confidence": 0.6, "unsure_score": 1.0, "not_a_digit_score": -1.0}


def spread(best: float, digit: int = 3, second: int = 8) -> np.ndarray:
    """Probabilities with `best` on `digit` and most of the rest on `second`."""
    probabilities = np.full(10, 0.1 * (1 - best) / 8, np.float32)
    probabilities[[digit, second]] = best, 0.9 * (1 - best)
    return probabilities


def test_softmax_of_a_case_worked_out_by_hand():
    logits = np.log(np.float32([[1, 2, 3, 4, 10, 20, 10, 20, 20, 10]]))
    assert softmax(logits)[0] == pytest.approx(np.array([1, 2, 3, 4, 10, 20, 10, 20, 20, 10]) / 100, rel=1e-5)


def test_a_higher_temperature_is_less_sure_and_names_the_same_digit():
    logits = np.float32([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9.5]])
    cool, hot = softmax(logits, 1.0)[0], softmax(logits, 3.0)[0]
    assert hot.max() < cool.max()
    assert hot.argmax() == cool.argmax() == 9


@given(LOGITS)
def test_probabilities_are_positive_sum_to_one_and_keep_the_order(logits):
    probabilities = softmax(logits)
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (probabilities >= 0).all()
    best = np.take_along_axis(probabilities, logits.argmax(axis=1)[:, None], axis=1)
    assert (best[:, 0] >= probabilities.max(axis=1) - 1e-7).all()


@given(LOGITS, st.floats(-30, 30))
def test_the_score_moves_with_the_logits_and_the_probabilities_do_not(logits, shift):
    assert softmax(logits + shift) == pytest.approx(softmax(logits), abs=1e-5)
    assert digit_score(logits + shift) == pytest.approx(digit_score(logits) + shift, abs=1e-3)


def test_digit_score_is_the_log_of_the_summed_exponentials_even_for_huge_logits():
    assert digit_score(np.zeros((1, 10))) == pytest.approx(np.log(10))
    assert digit_score(np.full((1, 10), 1000.0)) == pytest.approx(1000 + np.log(10))


def test_no_rows_give_no_rows():
    assert softmax(np.zeros((0, 10))).shape == (0, 10)


@pytest.mark.parametrize(
    ("confidence", "score", "status"),
    [
        (0.99, 5.0, OK),
        (0.50, 5.0, UNSURE),  # two digits compete
        (0.99, 0.0, UNSURE),  # one digit, hardly a digit
        (0.99, -2.0, NOT_A_DIGIT),
        (0.50, -2.0, NOT_A_DIGIT),
    ],
)
def test_judge(confidence, score, status):
    assert judge(spread(confidence), score, LIMITS)[0] == status


def test_every_reason_is_for_people():
    assert judge(spread(0.99), 5.0, LIMITS)[1] == ""
    assert "3" in judge(spread(0.5), 5.0, LIMITS)[1] and "8" in judge(spread(0.5), 5.0, LIMITS)[1]
    assert "3" in judge(spread(0.99), 0.0, LIMITS)[1]


def test_what_is_no_number_at_all_is_no_digit():
    """Broken weights say nan, and nan is not less than any threshold."""
    assert judge(np.full(10, np.nan, np.float32), float("nan"), LIMITS)[0] == NOT_A_DIGIT
    assert judge(spread(0.99), -2.0, LIMITS)[1] == REASONS[NOT_A_DIGIT] != ""
    assert REASONS[BLANK]


def test_missing_thresholds_have_defaults():
    assert judge(spread(0.99), 0.0, {})[0] == OK


def test_the_statuses_are_the_five_of_the_reports():
    assert STATUSES == ("ok", "unsure", "blank", "not_a_digit", "error")


def test_further_looks_count_only_where_the_first_is_not_sure():
    first = np.stack([spread(0.97), spread(0.9), spread(0.7)])
    turned = np.roll(first, 1, axis=1)
    both = look_again(np.stack([first, turned]))
    assert np.allclose(both[0], first[0]) and np.allclose(both[2], (first[2] + turned[2]) / 2)
    half_way = first[1] + (turned[1] - first[1]) / 4
    assert np.allclose(both[1], half_way)


def test_other_writing_beside_the_digit_makes_it_unsure():
    status, reason = judge(spread(0.99), 5.0, LIMITS, left_out=0.8)
    assert status == UNSURE
    assert "number" in reason
    assert judge(spread(0.99), 5.0, LIMITS, left_out=0.05)[0] == OK


def test_a_network_without_thresholds_is_judged_alike_with_and_without_a_crop():
    surely_a_3 = np.eye(10)[3] * 20 - 10
    score = -0.5  # of a network that never learnt what no digit is
    assert judge(softmax(surely_a_3), score, {})[0] == OK
    assert judge_both(softmax(surely_a_3), score, surely_a_3, {}, 0.0)[1] == OK
    rather_a_3 = surely_a_3 * 0.35  # its score is 3.5
    assert judge_both(softmax(surely_a_3), score, rather_a_3, {"unsure_score": 0.0}, 0.0)[1] == UNSURE


def test_a_clear_crop_is_ok_unless_the_ink_is_surely_another_digit_or_more_is_written():
    clear, ink = np.eye(10)[3] * 10 - 3, softmax(np.eye(10)[8] * 10 - 3)
    vague = np.full(10, 0.1, np.float32)
    probabilities, status, _reason = judge_both(vague, -3.0, clear, LIMITS, 0.0)
    assert status == OK and probabilities.argmax() == 3 and probabilities.max() > 0.95
    assert judge_both(ink, 5.0, clear, LIMITS, 0.0)[1] == UNSURE
    assert judge_both(vague, -3.0, clear, LIMITS, 0.5)[1] == UNSURE
    assert judge_both(vague, -3.0, clear, LIMITS | {"unsure_confidence": 0.9999}, 0.0)[1] == UNSURE
