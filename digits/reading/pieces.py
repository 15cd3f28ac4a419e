"""A line of strokes -> the seams along which it may be divided, and the pieces between them that could be a digit.

    seams = cut_line(line)
    for candidate, ink in propose(0, line, seams): ...

A line is over-segmented along the seams that cut least ink; whatever lies between two seams and is no wider than a
digit is a candidate. A line's strokes are float32 (h, w), 0-1; a mask is boolean (h, w).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from digits.finding.ink import normalise, stroke_width
from digits.finding.lines import Line
from digits.finding.pixels import Box, bounding_box

LEANS = (0.0, 0.35)  # directions in which a line is cut: upright, and as most hands lean
SWAY = 0.12  # by how much a seam may leave its direction, in line heights
MAX_WIDTH = 1.7  # of a digit, in line heights
MAX_GAP = 0.3  # inside a digit
LEAST_SIDE = 0.3  # what is lower and narrower than this is no digit
DEAREST_CUT = 3.0  # pen widths of ink
CLEAN = 0.05  # a seam that cuts less cuts nothing
JOIN_COST = 0.7  # two separate parts taken for one digit


@dataclass(frozen=True)
class Seam:
    """A way from the top of a line to its bottom: `columns`, int (h,), and the `ink` it cuts, in pen widths."""

    columns: np.ndarray
    ink: float


@dataclass(frozen=True)
class Candidate:
    """What lies between two seams of a line and could be one digit; `cost` is of its shape, the network unasked."""

    line: int
    first: int  # number of the seam on its left
    last: int  # and on its right
    box: Box  # on the levelled page
    cost: float


def cut_line(line: Line) -> list[Seam]:
    """Return the seams along which a line may be divided into digits, from left to right, the ends included."""
    seams = [seam for lean in LEANS for seam in find_seams(line.strokes, line.height, lean)]
    first, last = (Seam(np.full(len(line.strokes), edge), 0.0) for edge in (0, line.strokes.shape[1]))
    return [first, *drop_twins(line.strokes, seams), last]


def find_seams(strokes: np.ndarray, height: float, lean: float) -> list[Seam]:
    """Return the seams that cut less ink than their neighbours, each kept near a straight line of the given lean."""
    n_rows, width = strokes.shape
    starts = np.arange(0, width, max(1, round(0.04 * height)))
    sway = max(2, round(SWAY * height))
    straight = np.round(lean * (n_rows / 2 - np.arange(n_rows))).astype(int)
    window = starts[:, None, None] + straight[None, :, None] + np.arange(-sway, sway + 1)  # (n, rows, 2 sway + 1)
    margin = sway + int(np.abs(straight).max()) + 1
    padded = np.pad(strokes, ((0, 0), (margin, margin + starts[1 if len(starts) > 1 else 0])))
    columns = cheapest_ways(padded[np.arange(n_rows)[None, :, None], window + margin])  # (n, rows), within the window
    columns = np.take_along_axis(window, columns[..., None], axis=2)[..., 0]
    ink = padded[np.arange(n_rows), columns + margin].sum(axis=1) / pen_width(strokes)
    return [Seam(columns[i], float(ink[i])) for i in valleys(ink) if ink[i] <= DEAREST_CUT]


def cheapest_ways(price: np.ndarray) -> np.ndarray:
    """Return (n, rows) the column of the cheapest way down each window; `price` is (n, rows, columns)."""
    n, n_rows, n_columns = price.shape
    aside = np.array([0.03, 0.0, 0.03], np.float32)[:, None, None]
    total, came = price[:, 0], np.zeros((n, n_rows, n_columns), np.int8)
    wide = np.full((n, n_columns + 2), np.inf, price.dtype)
    for row in range(1, n_rows):
        wide[:, 1:-1] = total
        options = np.stack([wide[:, :-2], wide[:, 1:-1], wide[:, 2:]]) + aside
        came[:, row] = options.argmin(axis=0) - 1
        total = price[:, row] + options.min(axis=0)
    ways = np.empty((n, n_rows), np.int64)
    ways[:, -1] = total.argmin(axis=1)
    for row in range(n_rows - 1, 0, -1):
        ways[:, row - 1] = ways[:, row] + came[np.arange(n), row, ways[:, row]]
    return ways


def valleys(values: np.ndarray) -> np.ndarray:
    """Return the indices of the values that are no greater than both neighbours.

    >>> valleys(np.array([3.0, 1.0, 2.0, 2.0, 5.0])).tolist()
    [1, 3]
    """
    beside = np.pad(values, 1, constant_values=np.inf)
    return np.flatnonzero(values <= np.minimum(beside[:-2], beside[2:]) + 1e-4)


def drop_twins(strokes: np.ndarray, seams: list[Seam]) -> list[Seam]:
    """Return the seams from left to right without those that divide the ink as a cheaper one, or cut off nothing."""
    ink = np.concatenate([np.zeros((len(strokes), 1)), np.cumsum(strokes > 0.3, axis=1)], axis=1)
    rows = np.arange(len(strokes))
    least = max(4.0, 0.5 * pen_width(strokes) ** 2)
    shares = [np.zeros(len(strokes)), ink[:, -1]]  # ink left of each seam, row by row
    kept: list[Seam] = []
    for seam in sorted(seams, key=lambda seam: seam.ink):
        share = ink[rows, np.clip(seam.columns, 0, strokes.shape[1])]
        if min(np.abs(share - other).sum() for other in shares) > least:
            kept.append(seam)
            shares.append(share)
    return sorted(kept, key=lambda seam: seam.columns.mean())


def pen_width(strokes: np.ndarray) -> float:
    """Return the width of the strokes in pixels, pale ones too; at least 1."""
    return max(1.0, stroke_width(strokes, level=0.3))


def between(line: Line, left: Seam, right: Seam) -> np.ndarray:
    """Return the boolean (h, w) mask of the ink between two seams."""
    piece, start = piece_between(line, left, right)
    mask = np.zeros(line.strokes.shape, bool)
    mask[:, start : start + piece.shape[1]] = piece
    return mask


def piece_between(line: Line, left: Seam, right: Seam) -> tuple[np.ndarray, int]:
    """Return that mask cut down to the columns the seams pass through, and the first of them: a line can be long."""
    start, end = max(0, left.columns.min()), max(0, right.columns.max())
    strokes = line.strokes[:, start:end]
    columns = np.arange(start, start + strokes.shape[1])
    return (strokes > 0) & (columns >= left.columns[:, None]) & (columns < right.columns[:, None]), int(start)


def propose(number: int, line: Line, seams: list[Seam]) -> list[tuple[Candidate, np.ndarray]]:
    """Return every candidate of a line with its ink."""
    found = []
    for first in range(len(seams) - 1):
        for last in range(first + 1, len(seams)):
            mask, start = piece_between(line, seams[first], seams[last])
            if not mask.any():
                continue
            mask, n_parts = without_crumbs(mask)
            left, top, right, bottom = bounding_box(mask)
            width, height = right - left, bottom - top
            if width > MAX_WIDTH * line.height:
                break
            if max(width, height) < LEAST_SIDE * line.height or widest_gap(mask) > MAX_GAP * line.height:
                continue
            box = (line.left + start + left, line.top + top, line.left + start + right, line.top + bottom)
            cost = shape_cost(width, height, n_parts, line.height)
            strokes = line.strokes[:, start : start + mask.shape[1]]
            found.append((Candidate(number, first, last, box, cost), normalise(strokes, mask)))
    return found


def without_crumbs(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the mask without parts too small to matter, such as a neighbour's tip, and the number of parts left."""
    left, top, right, bottom = bounding_box(mask)
    n, labels, stats, _centres = cv2.connectedComponentsWithStats(mask[top:bottom, left:right].astype(np.uint8))
    large = np.flatnonzero(stats[1:, 4] >= 0.05 * stats[1:, 4].sum()) + 1
    if len(large) == n - 1:
        return mask, n - 1
    kept = np.zeros_like(mask)
    kept[top:bottom, left:right] = np.isin(labels, large)
    return kept, len(large)


def widest_gap(mask: np.ndarray) -> int:
    """Return the greatest number of empty columns between two that hold ink."""
    filled = np.flatnonzero(mask.any(axis=0))
    return int(np.diff(filled).max()) - 1 if len(filled) > 1 else 0


def shape_cost(width: int, height: int, n_parts: int, line_height: float) -> float:
    """Return the cost of a shape: parts joined, too low for its line, too wide."""
    tall, wide = height / line_height, width / line_height
    return JOIN_COST * (n_parts - 1) + 80.0 * max(0.0, 0.7 - tall) ** 2 + 6.0 * max(0.0, wide - 1.0)
