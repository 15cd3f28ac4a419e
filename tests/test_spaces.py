"""Spaces in numbers: wide gaps among narrow ones, in whichever line these are."""

from __future__ import annotations

import pytest

from digits.reading.spaces import spaced


def set_apart(gaps: list[float], width: float = 0.6) -> list[tuple[float, float]]:
    """Return where symbols of one width stand, with these gaps between them."""
    spans = [(0.0, width)]
    for gap in gaps:
        spans.append((spans[-1][1] + gap, spans[-1][1] + gap + width))
    return spans


@pytest.mark.parametrize(
    "text, gaps, with_spaces",
    [
        ("12345", [0.2, 1.2, 0.3, 0.1], "12 345"),
        ("1966", [1.2, 0.3, 0.2], "1 966"),
        ("803", [1.15, 0.2], "8 03"),
        ("4816", [0.1, 1.2, 1.2], "48 1 6"),
        ("98480", [1.1, 1.25, 0.85, 1.3], "98480"),  # all far apart: one number
        ("1234", [0.3, 0.7, 0.3], "1234"),  # no gap is wide
        ("1234", [0.5, 0.9, 0.55], "1234"),  # hardly wider than the others
        ("17", [1.2], "17"),
        ("17", [1.6], "1 7"),
        ("7", [], "7"),
        ("12 345", [0.2, 1.2, 0.3, 0.1], "12 345"),  # the reader has seen it itself
        ("12.5", [0.1, 0.1, 0.1], "12.5"),
    ],
)
def test_a_wide_gap_among_narrow_ones_is_a_space(text, gaps, with_spaces):
    assert spaced([text], [set_apart(gaps)]) == [with_spaces]


def test_other_lines_show_how_wide_a_gap_usually_is():
    assert spaced(["518"], [set_apart([1.1, 1.1])]) == ["518"]
    lines = [set_apart([1.1, 1.1]), set_apart([0.2, 0.3]), set_apart([1.3])]
    assert spaced(["518", "263", "47"], lines) == ["5 1 8", "263", "4 7"]


def test_beside_a_narrow_1_in_cells_there_is_no_space():
    """Cells 1.4 digit heights apart: the 1s are 0.15 wide, the others 0.8."""
    spans = [(cell * 1.4, cell * 1.4 + width) for cell, width in enumerate([0.8, 0.15, 0.8, 0.15, 0.8])]
    assert spaced(["81818"], [spans]) == ["81818"]
