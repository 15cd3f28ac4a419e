"""Lines of strokes -> candidate digits with their ink, and the choice among them once the network has scored all.

    page = find_candidates("number.jpg")
    places = page.choose(*predictor.predict_scores(page.ink))     # [[Place, …] a line], in reading order

Each line is over-segmented along the seams that cut least ink; whatever lies between two seams and is no wider than a
digit is a candidate; the cheapest way from the first seam to the last is the reading. So touching digits are cut and
broken ones joined by one rule. Nothing here knows a network: it is handed probabilities and digit scores. A line's
strokes are float32 (h, w), 0-1; a mask is boolean (h, w).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from digits.layout import Box, Layout, Line, find_lines
from digits.picture import Picture
from digits.preprocess import INK_SIDE, normalise, stroke_width
from digits.strokes import bounding_box
from digits.views import FoundDigit

LEANS = (0.0, 0.35)  # directions in which a line is cut: upright, and as most hands lean
SWAY = 0.12  # by how much a seam may leave its direction, in line heights
MAX_WIDTH = 1.7  # of a digit, in line heights
MAX_GAP = 0.3  # inside a digit
LEAST_SIDE = 0.3  # what is lower and narrower than this is no digit
DEAREST_CUT = 3.0  # pen widths of ink
CLEAN = 0.05  # a seam that cuts less cuts nothing
SPACE = 0.8  # the narrowest gap between groups, and how much wider it must be than the page's usual gap:
WIDER = 0.38

# The cost of a reading is a sum of negative log probabilities; these were chosen on validation digits.
CUT_COST = 1.0  # a pen width of ink cut through
JOIN_COST = 0.7  # two separate parts taken for one digit
PLAIN_COST = 0.4  # what costs less is a digit without doubt; three of them are no broken single digit
DROP_COST = 6.0  # a digit-sized part taken for no digit
DOUBTFUL_COST = 0.7  # a digit, over a whole line: nine lines of digits in ten cost less than 0.3, every word more
WORD_COST = 2.4  # this dear, the line is words, or the squares of empty paper


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


@dataclass(frozen=True)
class Step:
    """What may be done between two seams of a line: take it for a digit, or for none, at a cost."""

    first: int
    last: int
    cost: float
    candidate: int | None = None  # its number; None where the ink is taken for no digit


@dataclass(frozen=True)
class Place:
    """Where a digit was found: candidate number, box in pixels of the upright picture, whether a space goes before.

    `is_doubtful` if its line as a whole reads badly, as letters taken for digits do.
    """

    candidate: int
    box: Box
    space_before: bool
    is_doubtful: bool


@dataclass(frozen=True)
class Page:
    """Every candidate digit of a picture. `ink` is uint8 (n, 28, 28), one for each of `candidates`."""

    layout: Layout
    seams: list[list[Seam]]  # a list a line
    candidates: list[Candidate]
    ink: np.ndarray

    def choose(self, probabilities: np.ndarray, scores: np.ndarray) -> list[list[Place]]:
        """Return the best reading, line by line: `probabilities` (n, 10) and digit `scores` (n,) of `ink`."""
        costs = self._costs(probabilities, scores)
        ways = [cheapest_way(len(seams), self._steps(line, costs)) for line, seams in enumerate(self.seams)]
        lines = [([step.candidate for step in way if step.candidate is not None], mean_cost(way)) for way in ways]
        lines = [(numbers, cost) for numbers, cost in lines if numbers and cost < WORD_COST]
        usual = usual_gap([gap for numbers, _cost in lines for gap in self._gaps(numbers)])
        return [self._places(numbers, usual, cost > DOUBTFUL_COST) for numbers, cost in lines]

    def is_one_digit(
        self, places: list[list[Place]], probabilities: np.ndarray, scores: np.ndarray, found: FoundDigit, cost: float
    ) -> bool:
        """Whether the picture shows just the one digit `found` by itself, which the network read at `cost`.

        True if nothing but that digit was found, and if taking it to pieces is the dearer reading.
        """
        numbers = [place.candidate for line in places for place in line]
        if found.box is None or (self.layout.has_sheet and found.polarity == "light on dark"):  # the sheet itself
            return False
        if len(numbers) <= 1:
            return all(overlap(place.box, found.box) > 0.3 for line in places for place in line)
        costs = self._costs(probabilities, scores)
        if sum(self._is_plain(number) and costs[number] < PLAIN_COST for number in numbers) > 2:
            return False
        left, top, right, bottom = found.box
        whole = cost + shape_cost(right - left, bottom - top, without_crumbs(found.mask)[1], bottom - top)
        inside = all(is_inside(place.box, found.box) for line in places for place in line)
        return inside and whole <= costs[numbers].sum()

    def _is_plain(self, number: int) -> bool:
        """Whether a candidate stands free on both sides."""
        candidate = self.candidates[number]
        seams = self.seams[candidate.line]
        return max(seams[candidate.first].ink, seams[candidate.last].ink) < CLEAN

    def _costs(self, probabilities: np.ndarray, scores: np.ndarray) -> np.ndarray:
        return digit_cost(probabilities, scores) + np.array([candidate.cost for candidate in self.candidates])

    def _steps(self, number: int, costs: np.ndarray) -> list[Step]:
        """Return every step through a line: its candidates taken for digits, and its free parts taken for none."""
        seams = self.seams[number]
        digits = [
            Step(candidate.first, candidate.last, costs[i] + CUT_COST * seams[candidate.last].ink, i)
            for i, candidate in enumerate(self.candidates)
            if candidate.line == number
        ]
        return digits + [Step(*drop) for drop in drops(self.layout.lines[number], seams)]

    def _gaps(self, numbers: list[int]) -> list[float]:
        """Return the empty width before each digit but the first, in line heights."""
        boxes = [self.candidates[number].box for number in numbers]
        heights = [self.layout.lines[self.candidates[number].line].height for number in numbers[1:]]
        return [(b[0] - a[2]) / height for a, b, height in zip(boxes, boxes[1:], heights, strict=False)]

    def _places(self, numbers: list[int], usual: float, doubtful: bool) -> list[Place]:
        spaces = [False, *(gap > max(SPACE, usual + WIDER) for gap in self._gaps(numbers))]
        boxes = [self.layout.box_in_picture(self.candidates[number].box) for number in numbers]
        return [Place(*place, doubtful) for place in zip(numbers, boxes, spaces, strict=True)]


def find_candidates(picture: Picture) -> Page:
    """Find every piece of ink in `picture` that could be a digit. Raises `PictureError` if it cannot be read."""
    layout = find_lines(picture)
    seams = [cut_line(line) for line in layout.lines]
    found = [
        item
        for number, (line, cuts) in enumerate(zip(layout.lines, seams, strict=True))
        for item in propose(number, line, cuts)
    ]
    ink = np.stack([ink for _candidate, ink in found]) if found else np.zeros((0, INK_SIDE, INK_SIDE), np.uint8)
    return Page(layout, seams, [candidate for candidate, _ink in found], ink)


# ---------------------------------------------------------------- what a reading costs


def cheapest_way(n_seams: int, steps: list[Step]) -> list[Step]:
    """Return the steps that lead from the first seam of a line to the last at the least cost, in order.

    >>> halves = [Step(0, 1, 1.0, 0), Step(1, 2, 1.0, 1)]
    >>> [step.candidate for step in cheapest_way(3, [*halves, Step(0, 2, 1.5, 2)])]
    [2]
    """
    cost, arrival = [0.0] + [np.inf] * (n_seams - 1), [None] * n_seams
    for step in sorted(steps, key=lambda step: step.first):
        if cost[step.first] + step.cost < cost[step.last]:
            cost[step.last], arrival[step.last] = cost[step.first] + step.cost, step
    way, seam = [], n_seams - 1
    while seam > 0 and arrival[seam]:
        way.append(arrival[seam])
        seam = arrival[seam].first
    return way[::-1]


def mean_cost(way: list[Step]) -> float:
    """Return what a digit of a line's reading costs on average, its cuts included, what is no digit left out."""
    costs = [step.cost for step in way if step.candidate is not None]
    return float(np.mean(costs)) if costs else 0.0


def digit_cost(probabilities: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return (n,) the negative log probability that each is one digit, and the one it is taken for.

    `probabilities` are (n, 10). `scores`, (n,), are log-sum-exps of logits; the network was trained with "no digit" as
    an eleventh logit, always 0.
    """
    likeliest = np.clip(probabilities.max(axis=1), 1e-6, 1.0) if len(probabilities) else np.zeros(0)
    return np.logaddexp(0.0, -np.asarray(scores, np.float64)) - np.log(likeliest)


def shape_cost(width: int, height: int, n_parts: int, line_height: float) -> float:
    """Return the cost of a shape: parts joined, too low for its line, too wide."""
    tall, wide = height / line_height, width / line_height
    return JOIN_COST * (n_parts - 1) + 80.0 * max(0.0, 0.7 - tall) ** 2 + 6.0 * max(0.0, wide - 1.0)


def drops(line: Line, seams: list[Seam]) -> list[tuple[int, int, float]]:
    """Return (first seam, last seam, cost) of taking what stands free between two clean seams for no digit."""
    clean = [number for number, seam in enumerate(seams) if seam.ink < CLEAN]
    steps = []
    for first, last in zip(clean, clean[1:], strict=False):
        mask, _start = piece_between(line, seams[first], seams[last])
        left, top, right, bottom = bounding_box(mask) if mask.any() else (0, 0, 0, 0)
        size = max(right - left, bottom - top) / line.height
        steps.append((first, last, DROP_COST * float(np.clip(size / 0.6, 0.1, 5.0))))
    return steps


def usual_gap(gaps: list[float]) -> float:
    """Return the page's usual gap between digits; a page of nothing but wide gaps counts as groups of one."""
    return float(np.clip(np.median(gaps), 0.0, 0.6)) if gaps else 0.0


def is_inside(box: Box, around: Box) -> bool:
    """Whether four fifths of `box` lie inside `around`.

    >>> is_inside((2, 2, 4, 4), (0, 0, 9, 9)), is_inside((8, 2, 12, 4), (0, 0, 9, 9))
    (True, False)
    """
    width = min(box[2], around[2]) - max(box[0], around[0])
    height = min(box[3], around[3]) - max(box[1], around[1])
    return max(0, width) * max(0, height) >= 0.8 * (box[2] - box[0]) * (box[3] - box[1])


def overlap(a: Box, b: Box) -> float:
    """Return the area two boxes share over the area they cover together.

    >>> overlap((0, 0, 2, 2), (0, 0, 2, 1)), overlap((0, 0, 2, 2), (5, 0, 7, 2))
    (0.5, 0.0)
    """
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / max(1, sum(areas) - shared)


# ---------------------------------------------------------------- seams and candidates


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
    aside = np.float32([0.03, 0.0, 0.03])[:, None, None]
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
