"""Damage that grows with its strength, stays ink, and repeats."""

from __future__ import annotations

import numpy as np
import pytest

from digits.finding.digit import to_ink
from digits.measuring.corruptions import KINDS, corrupt


@pytest.fixture(scope="module")
def ink(examples):
    return np.stack([to_ink(path) for path in examples.values()])


@pytest.mark.parametrize("kind", KINDS)
def test_no_strength_is_no_damage(kind, ink):
    assert np.array_equal(corrupt(ink, kind, 0), ink)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_grows_with_its_levels(kind, ink):
    assert len(KINDS[kind].levels) == 5
    damage = [np.abs(corrupt(ink, kind, level).astype(int) - ink).mean() for level in KINDS[kind].levels]
    assert damage == sorted(damage) and damage[0] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_it_repeats_and_leaves_its_input_alone(kind, ink):
    before, level = ink.copy(), KINDS[kind].levels[2]
    first = corrupt(ink, kind, level, seed=5)
    assert np.array_equal(first, corrupt(ink, kind, level, seed=5))
    assert np.array_equal(ink, before)
    assert first.dtype == np.uint8 and first.shape == ink.shape


def test_each_can_have_its_own_strength(ink):
    damaged = corrupt(ink, "contrast", np.linspace(0, 0.9, 10))
    assert np.array_equal(damaged[0], ink[0])
    assert damaged[9].max() == pytest.approx(0.1 * ink[9].max(), abs=1)


def test_one_pattern_grows(ink):
    many = np.repeat(ink[:1], 3, axis=0)
    damaged = corrupt(many, "salt_and_pepper", [0.1, 0.2, 0.4], same_pattern=True).astype(int)
    hit = damaged != ink[0]
    assert (hit[1] | ~hit[0]).all() and (hit[2] | ~hit[1]).all(), "a pixel once hit must stay hit"


def test_rotation_turns_counterclockwise(ink):
    bar = np.zeros((1, 28, 28), np.uint8)
    bar[:, 13:15, 14:26] = 255  # to the right of the middle
    turned = corrupt(bar, "rotation", 90)[0]
    assert turned[:13].sum() > 0.9 * turned.sum(), "it must now stand above the middle"
