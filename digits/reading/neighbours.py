"""What lines of one page make each other doubtful: ditto marks, exponents and corrections, what was wiped out.

doubts = against_each_other(lines, grey)     # ["the 3 at columns 150–168 may belong to the 4071 beside it"]
"""

from __future__ import annotations

import numpy as np

from digits.finding.strip import measure
from digits.reading.line import ReadLine
from digits.reading.zones import Zone

DITTO = 0.5  # of the height of a page's tallest digits
RAISED, NEAR = 0.65, 0.5  # of another line's height: how high a digit above or below it is at most, and how near
FAINT = 0.4  # of the depth of a picture's darkest line
INKED = 3.0  # per cent of the pixels round a line, whose level counts as that of its ink


def against_each_other(lines: list[ReadLine], grey: np.ndarray) -> list[str]:
    """Return in words which of the lines read in a grey picture, uint8 (h, w), may be none by themselves."""
    return _ditto_marks(lines) + _raised(lines) + _faint(lines, grey)


def _ditto_marks(lines: list[ReadLine]) -> list[str]:
    """Return which lines are perhaps no 11 but ditto marks, in words: low ones of nothing but 1s."""
    tallest = max((line.zone.height for line in lines), default=0.0)
    low = (line for line in lines if line.zone.height < DITTO * tallest and set(line.text) <= set("1 "))
    return [f"the {line.text} at {line.zone.place} may be ditto marks" for line in low]


def _raised(lines: list[ReadLine]) -> list[str]:
    """Return which lines are perhaps no line but an exponent, an index or a correction, in words: low, and close by."""
    return [
        f"the {small.text} at {small.zone.place} may belong to the {large.text} beside it"
        for large in lines
        for small in lines
        if small.zone.height < RAISED * large.zone.height and _is_close(large.zone, small.zone)
    ]


def _is_close(zone: Zone, small: Zone) -> bool:
    """Whether hardly a row, and less than a digit's height along the line, is free between two zones."""
    x = min(max(small.x + small.length / 2, zone.x), zone.x + zone.length)
    apart = abs(small.y - zone.y - zone.slope * (x - zone.x)) - (zone.height + small.height) / 2
    gap = max(zone.x - small.x - small.length, small.x - zone.x - zone.length)
    return apart < NEAR * zone.height and gap < zone.height


def _faint(lines: list[ReadLine], grey: np.ndarray) -> list[str]:
    """Return which lines are so much fainter than another that they may be wiped out, or show through, in words."""
    depths = [_depth(line, grey) for line in lines]
    faint = (line for line, depth in zip(lines, depths, strict=True) if depth < FAINT * max(depths))
    return [f"the {line.text} at {line.zone.place} is much fainter than the rest" for line in faint]


def _depth(line: ReadLine, grey: np.ndarray) -> float:
    """Return how far the ink of a line departs from its paper, in grey levels."""
    left, top, right, bottom = np.array([digit.box for digit in line.digits]).T
    _paper, contrast = measure(grey[top.min() : bottom.max(), left.min() : right.max()], INKED)
    return abs(contrast)
