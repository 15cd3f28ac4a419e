"""Of two readings that look alike, the one that people write is likelier; clear strokes decide by themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digits.reading.ctc import Spelt
from digits.reading.symbols import SYMBOLS
from digits.reading.usage import ODD, usage, weigh_usage


def spelt_as(text: str, rivals: dict[int, tuple[str, float]]) -> Spelt:
    """Return a text whose symbols are sure but for the `rivals` at some places, with their probabilities."""
    probabilities = np.zeros((len(text), len(SYMBOLS)))
    probabilities[np.arange(len(text)), [SYMBOLS.index(symbol) for symbol in text]] = 1
    for place, (symbol, share) in rivals.items():
        probabilities[place] *= 1 - share
        probabilities[place, SYMBOLS.index(symbol)] = share
    return Spelt(
        text,
        np.arange(len(text)) * 8.0,
        probabilities,
        np.ones(len(text)),
        np.zeros(len(text) + 1),
        " " * (len(text) + 1),
    )


@pytest.mark.parametrize(
    "text", "7 348 -12 007 6.5 2,50 64,444.60 1.234,5 1,234,567 24.11.1970 9/14/17 2026-11-28 9:05 3:2 3/4 85/100 "
    "17/2024 740-430-6002 0431/880123".split() + ["+49 060 770809", "12 345", "¤ 12", ""],
)  # fmt: skip
def test_what_people_write_is_usual(text):
    assert usage(text) == 1


@pytest.mark.parametrize("text", ["315/743", "9/14117", "24,11.1970", "99/99/99", "1,2.3", "4:7:1", "7-", "1 /2"])
def test_what_has_no_known_form_is_odd(text):
    assert usage(text) == ODD


@pytest.mark.parametrize(
    "text, rivals, read",
    [
        ("9/14/17", {1: ("1", 0.2), 4: ("1", 0.1)}, "9/14/17"),  # a date, and now surely
        ("9114/17", {1: ("/", 0.3)}, "9/14/17"),
        ("315/743", {3: ("1", 0.2)}, "3151743"),
        ("315/743", {3: ("1", 0.01)}, "315/743"),  # a clear slash stays one
        ("24,11.1970", {2: (".", 0.3)}, "24.11.1970"),
        ("17/20", {2: ("1", 0.3)}, "17/20"),
    ],
)
def test_the_likelier_of_two_readings_is_one_that_people_write(text, rivals, read):
    assert weigh_usage(spelt_as(text, rivals)).text == read


def test_a_date_makes_its_slashes_surer_and_an_odd_text_less_sure():
    date, odd = spelt_as("9/14/17", {1: ("1", 0.15)}), spelt_as("63/5011", {2: ("1", 0.02)})
    assert weigh_usage(date).certainty[1] > 0.98 > date.certainty[1]
    assert weigh_usage(odd).certainty[2] < 0.9 < odd.certainty[2]


@pytest.mark.parametrize(
    "text, presence, read", [("90.1690", 0.8, "901690"), ("90.16", 0.8, "90.16"), ("2,072.63", 0.7, "2,072.63")]
)
def test_a_speck_among_digits_is_no_point_where_none_belongs(text, presence, read):
    """What may be a point after all is not forgotten: it was missed."""
    spelt = spelt_as(text, {})
    place = text.index(".")
    spelt.presence[place] = presence
    weighed = weigh_usage(spelt)
    assert weighed.text == read
    if read != text:
        assert weighed.missed[place] == pytest.approx(presence * ODD / (presence * ODD + 1 - presence))


def test_a_point_was_rather_not_missed_where_none_belongs():
    spelt = spelt_as("7250663", {})
    spelt.missed[[2, 5]] = 0.2
    weighed = weigh_usage(replace(spelt, rather="  .  .  "))
    assert weighed.text == "7250663"
    assert weighed.missed[2] < 0.1 and weighed.missed[5] > 0.2  # 72.50663, but 72506.63


def test_probabilities_still_sum_to_one():
    weighed = weigh_usage(spelt_as("24,11.1970", {2: (".", 0.3), 3: ("/", 0.1), 5: (",", 0.4)}))
    np.testing.assert_allclose(weighed.probabilities.sum(axis=1), 1)


def test_clear_symbols_are_left_as_they_are():
    clear = spelt_as("315/743", {})
    assert weigh_usage(clear) is clear


def test_more_doubtful_points_than_are_weighed_stay_what_was_read():
    """Of each it is likelier that it is none than that it is either sign."""
    text = "1" + ".1" * 9
    spelt = spelt_as(text, {place: (",", 0.5) for place in range(1, len(text), 2)})
    spelt.presence[1::2] = 0.6
    weighed = weigh_usage(spelt)
    assert weighed.text.replace(".", "").replace(",", "") == "1" * 10
    assert weighed.text.count(".") >= 3


def test_a_very_long_line_of_doubtful_digits_is_weighed_too():
    rivals = {i: ("9", 0.6) for i in range(4001)} | {2000: ("/", 0.4)}
    spelt = spelt_as("4" * 2000 + "1" + "4" * 2000, rivals)
    assert weigh_usage(spelt).text == spelt.text
