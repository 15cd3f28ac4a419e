"""Figures against cases computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits.measuring import metrics


@pytest.mark.parametrize(
    ("n_right", "n", "expected"),
    [(9950, 10000, (0.9934, 0.9962)), (0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (0, 0, (0.0, 1.0))],
)
def test_wilson_interval(n_right, n, expected):
    assert metrics.wilson_interval(n_right, n) == pytest.approx(expected, abs=5e-5)


def test_an_answer_withheld_is_wrong():
    found = metrics.accuracy(np.array([3, 3, 5, 7]), np.array([3, 10, 5, 1]))
    assert (found["n"], found["share"]) == (4, 0.5)


def test_every_source_counts_the_same():
    found = metrics.averaged_share([1, 1, 1, 0, 1], ["a", "a", "a", "a", "b"])
    assert found["share"] == (0.75 + 1) / 2
    effective_n = 2**2 / (1 / 4 + 1 / 1)  # 3.2: the one picture of b carries half the weight
    assert (found["low"], found["high"]) == metrics.wilson_interval(0.875 * effective_n, effective_n)


def test_one_source_is_the_plain_share():
    assert metrics.averaged_share([1, 0, 1, 1], ["a"] * 4) == metrics.share_of([1, 0, 1, 1])


def test_the_share_of_nothing_is_none():
    expected = {"n": 0, "share": None, "low": 0.0, "high": 1.0}
    assert metrics.share_of([]) == metrics.averaged_share([], []) == expected


def test_per_class():
    found = metrics.per_class(np.array([0, 0, 9]), np.array([0, 1, 9]))
    assert [found[digit]["share"] for digit in (0, 9)] == [0.5, 1.0]
    assert found[4]["n"] == 0


def test_confusion_matrix_keeps_the_digits_not_given():
    counts = metrics.confusion_matrix(np.array([2, 2, 2, 9]), np.array([2, 7, 10, 9]))
    assert counts.shape == (10, 11) and counts.sum() == 4
    assert (counts[2, 2], counts[2, 7], counts[2, 10], counts[9, 9]) == (1, 1, 1, 1)


def test_expected_calibration_error_by_hand():
    # Two of confidence 0.9, one right: off by 0.4. Two of 0.61, both right: off by 0.39.
    error = metrics.expected_calibration_error([0.9, 0.9, 0.61, 0.61], [1, 0, 1, 1])
    assert error == pytest.approx((0.4 + 0.39) / 2)


def test_a_calibrated_model_has_no_error():
    assert metrics.expected_calibration_error([0.75] * 4, [1, 1, 1, 0]) == pytest.approx(0)


def test_reliability_bins_hold_every_answer_from_zero_to_one():
    bins = metrics.reliability_bins([0.0, 1e-9, 0.5, 1.0], [0, 0, 1, 1])
    assert bins["n"].sum() == 4 and len(bins["n"]) == 15
    assert (bins["n"][0], bins["n"][14]) == (2, 1)
    assert np.isnan(bins["accuracy"][3])


def test_rejection_curve_keeps_the_surest_first():
    curve = metrics.rejection_curve([0.2, 0.9, 0.8, 0.1], [False, True, True, True])
    assert curve["coverage"].tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve["error"].tolist() == pytest.approx([0, 0, 1 / 3, 1 / 4])


def test_mcnemar_by_hand():
    right_a, right_b = [1] * 9 + [0] + [1] * 5, [0] * 9 + [1] + [1] * 5
    found = metrics.mcnemar_exact(right_a, right_b)
    assert (found["only_a"], found["only_b"]) == (9, 1)
    assert found["p"] == pytest.approx(2 * (1 + 10) / 2**10)


def test_mcnemar_of_a_model_with_itself_says_nothing():
    assert metrics.mcnemar_exact([1, 0, 1], [1, 0, 1]) == {"only_a": 0, "only_b": 0, "p": 1.0}


def test_mcnemar_holds_for_many_disagreements():
    assert 0 < metrics.mcnemar_exact([1] * 3000 + [0] * 2500, [0] * 3000 + [1] * 2500)["p"] < 1e-9


small = st.lists(st.integers(0, 5), min_size=1, max_size=12)


@given(small, small)
def test_auroc_counts_the_pairs(positive, negative):
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert metrics.auroc(positive, negative) == pytest.approx(np.mean(pairs))


def test_auroc_of_nothing_is_not_a_number():
    assert math.isnan(metrics.auroc([], [1]))
