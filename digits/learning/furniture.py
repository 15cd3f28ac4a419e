"""A sheet of paper, and what is printed or drawn round the writing on it: boxes, cells, combs, lines, tables, a ring.

choose(FREE, rng)(sheet, marks, hand, rng)      # draws one of them on the sheet
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from digits.learning.glyphs import Rng, lay
from digits.learning.writing import Hand, Mark


@dataclass
class Sheet:
    """A piece of paper while it is being filled in: coverage of writing and of print, float32 (h, w)."""

    writing: np.ndarray
    print: np.ndarray
    height: float  # of a digit, in pixels
    base: float  # row of the base line
    left: float  # of the writing
    right: float

    def line(self, start: tuple[float, float], end: tuple[float, float], thick: float, strength: float = 1.0) -> None:
        """Draw a straight line of print, `thick` pixels wide, from (x, y) to (x, y)."""
        mark = np.zeros(self.print.shape, np.uint8)
        first, last = (tuple(int(round(value * 16)) for value in point) for point in (start, end))
        cv2.line(mark, first, last, 255, max(1, round(thick)), cv2.LINE_AA, 4)
        np.maximum(self.print, mark.astype(np.float32) * (strength * min(1.0, thick) / 255), out=self.print)

    def box(self, left: float, top: float, right: float, bottom: float, thick: float, strength: float = 1.0) -> None:
        """Draw the outline of a box."""
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            self.line(start, end, thick, strength)

    def put(self, coverage: np.ndarray, left: float, top: float, on_print: bool = True) -> None:
        """Lay coverage on the paper with its corner at (left, top); what sticks out is cut off."""
        lay(self.print if on_print else self.writing, coverage, round(left), round(top))


Furniture = Callable[[Sheet, list[Mark], Hand, Rng], None]


def _thick(sheet: Sheet, rng: Rng) -> float:
    return float(rng.uniform(0.5, max(1.0, 0.11 * sheet.height)))


def nothing(_sheet: Sheet, _marks: list[Mark], _hand: Hand, _rng: Rng) -> None:
    """Bare paper."""


def in_box(sheet: Sheet, _marks: list[Mark], _hand: Hand, rng: Rng) -> None:
    """A box round all of it, single or double."""
    h, thick = sheet.height, _thick(sheet, rng)
    side, above, below = rng.uniform(0.1, 1.6, 2) * h, rng.uniform(-0.05, 0.7) * h, rng.uniform(0.02, 0.7) * h
    left, top, right, bottom = sheet.left - side[0], sheet.base - h - above, sheet.right + side[1], sheet.base + below
    sheet.box(left, top, right, bottom, thick)
    if rng.random() < 0.25:
        apart = rng.uniform(0.08, 0.3) * h
        sheet.box(left - apart, top - apart, right + apart, bottom + apart, thick)


def in_cells(sheet: Sheet, _marks: list[Mark], hand: Hand, rng: Rng) -> None:
    """A cell for each digit, side by side or apart; a few of them empty."""
    h, thick, pitch = sheet.height, _thick(sheet, rng), hand.pitch * sheet.height
    top, bottom = sheet.base - h - rng.uniform(-0.15, 0.6) * h, sheet.base + rng.uniform(-0.12, 0.6) * h
    gap = rng.uniform(0.04, 0.2) * h if rng.random() < 0.4 else 0.0
    faint = rng.uniform(0.15, 1.0) if rng.random() < 0.5 else 1.0
    extra = int(rng.integers(1, 4)) if rng.random() < 0.3 else 0
    for cell in range(-extra if rng.random() < 0.3 else 0, round((sheet.right - sheet.left) / pitch) + extra):
        left = sheet.left + cell * pitch
        sheet.box(left + gap / 2, top, left + pitch - gap / 2, bottom, thick, faint)


def in_comb(sheet: Sheet, _marks: list[Mark], hand: Hand, rng: Rng) -> None:
    """A line with a tooth between any two digits."""
    h, thick, pitch = sheet.height, _thick(sheet, rng), hand.pitch * sheet.height
    foot, tooth = sheet.base + rng.uniform(-0.02, 0.3) * h, rng.uniform(0.15, 0.6) * h
    cells = round((sheet.right - sheet.left) / pitch) + int(rng.integers(0, 3))
    sheet.line((sheet.left, foot), (sheet.left + cells * pitch, foot), thick)
    for cell in range(cells + 1):
        sheet.line((sheet.left + cell * pitch, foot), (sheet.left + cell * pitch, foot - tooth), thick)


def in_faint_cells(sheet: Sheet, marks: list[Mark], hand: Hand, rng: Rng) -> None:
    """Cells without level lines: an upright line between any two digits."""
    h, thick, pitch = sheet.height, _thick(sheet, rng), hand.pitch * sheet.height
    for cell in range(round((sheet.right - sheet.left) / pitch) + 1):
        x = sheet.left + cell * pitch
        sheet.line((x, sheet.base - 1.3 * h), (x, sheet.base + 0.3 * h), thick, rng.uniform(0.3, 1))


def on_line(sheet: Sheet, _marks: list[Mark], _hand: Hand, rng: Rng) -> None:
    """A line to write on: whole, dotted or dashed, below the digits or through their feet."""
    h, thick = sheet.height, _thick(sheet, rng)
    y = sheet.base + rng.uniform(-0.12, 0.35) * h
    left, right = sheet.left - rng.uniform(0, 3) * h, sheet.right + rng.uniform(0, 3) * h
    if rng.random() < 0.5:
        sheet.line((left, y), (right, y + rng.normal(0, 0.03) * h), thick)
        return
    step = rng.uniform(0.08, 0.5) * h
    dash = rng.uniform(0.0, 0.6) * step
    for x in np.arange(left, right, step):
        sheet.line((x, y), (x + dash, y), thick)


def on_ruled_paper(sheet: Sheet, _marks: list[Mark], _hand: Hand, rng: Rng) -> None:
    """Ruled or squared paper, or a pair of guide lines."""
    h, thick, strength = sheet.height, rng.uniform(0.4, max(0.8, 0.07 * sheet.height)), rng.uniform(0.15, 0.8)
    step, start = rng.uniform(0.4, 1.9) * h, rng.uniform(0, 2) * h
    for y in np.arange(start, sheet.print.shape[0], step):
        sheet.line((0, y), (sheet.print.shape[1], y), thick, strength)
    if rng.random() < 0.5:
        for x in np.arange(rng.uniform(0, step), sheet.print.shape[1], step):
            sheet.line((x, 0), (x, sheet.print.shape[0]), thick, strength)


def in_table(sheet: Sheet, marks: list[Mark], _hand: Hand, rng: Rng) -> None:
    """Lines of a table that run on: above, below, beside, and where the writing leaves a space."""
    h, thick = sheet.height, _thick(sheet, rng)
    tall, wide = sheet.print.shape
    double = rng.uniform(0.1, 0.35) * h if rng.random() < 0.25 else 0.0
    xs = [sheet.left - rng.uniform(0.05, 1.4) * h, sheet.right + rng.uniform(0.05, 1.4) * h]
    xs += [(mark.left + mark.right) / 2 for mark in marks if mark.symbol == " "]
    ys = [sheet.base - h - rng.uniform(-0.02, 0.6) * h, sheet.base + rng.uniform(0.0, 0.6) * h]
    for x in (x for x in xs if rng.random() < 0.85):
        for apart in {0.0, double}:
            sheet.line((x + apart, 0), (x + apart + rng.normal(0, 0.04) * h, tall), thick)
    for y in (y for y in ys if rng.random() < 0.85):
        for apart in {0.0, double}:
            sheet.line((0, y + apart), (wide, y + apart + rng.normal(0, 0.04) * h), thick)


def in_ring(sheet: Sheet, _marks: list[Mark], hand: Hand, rng: Rng) -> None:
    """A ring drawn round all of it by hand, its ends open or past each other."""
    h, n = sheet.height, 90
    middle = np.array([(sheet.left + sheet.right) / 2, sheet.base - h / 2]) + rng.normal(0, 0.1, 2) * h
    radii = np.array([(sheet.right - sheet.left) / 2, h / 2]) + rng.uniform(0.3, (1.2, 0.8)) * h
    turn = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi * rng.uniform(0.95, 1.12), n)
    drift = np.linspace(0, 0.15 * h, n)[:, None] * rng.normal(0, 1, 2)
    path = middle + radii * np.stack([np.cos(turn), np.sin(turn)], axis=1) + drift
    ring, thick = np.zeros(sheet.writing.shape, np.uint8), max(1, round(hand.pen * h / 80 * rng.uniform(0.6, 1.1)))
    cv2.polylines(ring, [(path * 16).round().astype(np.int32)], False, 255, thick, cv2.LINE_AA, 4)
    np.maximum(sheet.writing, ring.astype(np.float32) / 255, out=sheet.writing)


FREE: dict[Furniture, float] = {
    nothing: 0.32, in_box: 0.18, on_line: 0.19, on_ruled_paper: 0.13, in_table: 0.18, in_ring: 0.06,
}  # fmt: skip
CELLS: dict[Furniture, float] = {in_cells: 0.6, in_comb: 0.25, in_faint_cells: 0.1, nothing: 0.05}
