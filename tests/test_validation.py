"""Temperature and thresholds, fitted on scores whose right ones are known."""

from __future__ import annotations

import numpy as np
import pytest

from digits.measuring.validation import fit_temperature, fit_thresholds
from digits.reading.verdict import softmax


def test_the_temperature_of_logits_three_times_too_large_is_three():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (4000, 10))
    labels = (softmax(logits).cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    assert fit_temperature(3 * logits[None], labels) == pytest.approx(3, rel=0.12)


def test_the_temperature_is_that_of_what_is_answered_after_all_looks():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (4000, 10))
    labels = (softmax(logits).cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    three = np.stack([logits + rng.normal(0, 1.5, logits.shape) for _look in range(3)])
    alone, together = fit_temperature(three[:1], labels), fit_temperature(three, labels)
    assert together < 0.9 * alone  # looks that err each for itself are worth more together


def test_thresholds_let_few_non_digits_pass_and_refuse_few_digits():
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(6, 1.5, 5000), rng.normal(-2, 2, 2000)])
    labels = np.concatenate([rng.integers(0, 10, 5000), np.full(2000, 10)])
    limits = fit_thresholds(scores, labels)
    assert limits["not_a_digit_score"] <= 0 <= limits["unsure_score"]
    assert (scores[labels == 10] >= limits["unsure_score"]).mean() == pytest.approx(0.04, abs=0.002)
    assert (scores[labels < 10] < limits["not_a_digit_score"]).mean() <= 0.0006


def test_thresholds_without_non_digits_doubt_few_digits():
    scores = np.random.default_rng(0).normal(6, 1.5, 5000)
    limits = fit_thresholds(scores, np.zeros(5000, np.int64))
    assert (scores < limits["unsure_score"]).mean() < 0.01
