"""Numbers that stand in rows and columns -> a table, from what was read and where its digits stand.

table_of(["16 8", "3"], digits)        # [["16", "8"], ["", "3"]]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

LEAST_OVERLAP = 0.3  # of the narrower of two cells, to stand in one column
NEAR = 0.6  # of the way to the next number of a row: columns nearer to each other are one, if they share no row


@dataclass
class Cell:
    """A number in line `row`, from column `left` to `right` in pixels; `down` is how far down its middle is."""

    text: str
    row: int
    left: float
    right: float
    down: float

    @property
    def middle(self) -> float:
        """The column halfway between its edges."""
        return (self.left + self.right) / 2


def table_of(lines: list[str], digits: list[dict[str, Any]]) -> list[list[str]]:
    """Return rows of as many cells each; a cell in which nothing was read is empty.

    `lines` and `digits` are a reading's, as `NumberReading.row` has them. What a space parts are cells of their own.
    """
    cells = _straight(_cells_of(lines, digits))
    columns = _columns_of(cells)
    table = [[""] * len(columns) for _ in range(len(lines))]
    for i, column in enumerate(columns):
        for cell in sorted(column, key=lambda cell: cell.left):
            table[cell.row][i] = " ".join(filter(None, (table[cell.row][i], cell.text)))
    return [row for row in table if any(row)]


def _cells_of(lines: list[str], digits: list[dict[str, Any]]) -> list[Cell]:
    """Return the groups of every line with their places; signs have none of their own, and go with their digits."""
    cells = []
    for row, line in enumerate(lines):
        boxes = iter([digit["box"] for digit in digits if digit["line"] == row])
        for text in line.split():
            own = np.array([next(boxes) for symbol in text if symbol.isdecimal()])
            if len(own):
                cells.append(Cell(text, row, own[:, 0].min(), own[:, 2].max(), own[:, [1, 3]].mean()))
    return cells


def _straight(cells: list[Cell]) -> list[Cell]:
    """Return the cells as they stand on a sheet that is level: rows that fall lean the columns."""
    falls = []
    for row in {cell.row for cell in cells}:
        places = np.array([(cell.middle, cell.down) for cell in cells if cell.row == row])
        if len(places) > 1:
            falls.append(np.polyfit(places[:, 0], places[:, 1], 1)[0])
    slope = float(np.median(falls)) if falls else 0.0
    return [replace(cell, left=cell.left + slope * cell.down, right=cell.right + slope * cell.down) for cell in cells]


def _columns_of(cells: list[Cell]) -> list[list[Cell]]:
    """Return the cells column by column, from left to right: what stands below each other overlaps."""
    columns: list[list[Cell]] = []
    for cell in sorted(cells, key=lambda cell: cell.middle):
        fitting = [column for column in columns if _overlap(column, cell) > LEAST_OVERLAP]
        if fitting and all(other.row != cell.row for other in fitting[-1]):
            fitting[-1].append(cell)
        else:
            columns.append([cell])
    return _joined(columns)


def _joined(columns: list[list[Cell]]) -> list[list[Cell]]:
    """Return columns from left to right, those joined that are one: people write now left, now right in a cell."""
    columns = sorted(columns, key=_middle)
    near = NEAR * _pitch(columns)
    while True:
        ways = [(_middle(right) - _middle(left), i) for i, (left, right) in enumerate(pairwise(columns))]
        ways = [(way, i) for way, i in ways if way < near and not _rows(columns[i]) & _rows(columns[i + 1])]
        if not ways:
            return columns
        _way, i = min(ways)
        columns[i : i + 2] = [columns[i] + columns[i + 1]]


def _pitch(columns: list[list[Cell]]) -> float:
    """Return the usual way from a number to the next in its row, in pixels; 0 if no row has two."""
    rows: dict[int, list[float]] = {}
    for cell in (cell for column in columns for cell in column):
        rows.setdefault(cell.row, []).append(cell.middle)
    ways = [way for places in rows.values() for way in np.diff(sorted(places))]
    return float(np.quantile(ways, 0.25)) if ways else 0.0


def _middle(column: list[Cell]) -> float:
    return median(cell.middle for cell in column)


def _rows(column: list[Cell]) -> set[int]:
    return {cell.row for cell in column}


def _overlap(column: list[Cell], cell: Cell) -> float:
    """Return how much of the narrower a cell and the usual cell of a column have in common, as a share."""
    left, right = median(other.left for other in column), median(other.right for other in column)
    return (min(right, cell.right) - max(left, cell.left)) / max(1.0, min(right - left, cell.right - cell.left))
