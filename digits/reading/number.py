"""Lines of strokes -> candidate digits with their ink, and the choice among them once the networks have seen all.

    page = find_candidates("number.jpg")
    log_probs = [reader.read(line.strokes, line.height) for line in page.layout.lines]
    places = page.choose(*predictor.predict_scores(page.ink), log_probs)     # [[Place, …] a line], in reading order

Two witnesses are heard. One network sees the pieces between the seams of a line, each by itself; a way from the first
seam to the last is a reading. The other sees the line as a whole (line_network.py), and knows of no pieces. Read is the
text that costs both the least, placed along its cheapest way; so touching digits are cut and broken ones joined by one
rule. Nothing here runs a network: it is handed what they say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from digits.finding.decode import Picture
from digits.finding.found import FoundDigit
from digits.finding.ink import INK_SIDE
from digits.finding.lines import Layout, Line, find_lines
from digits.finding.pixels import Box, bounding_box
from digits.reading.ctc import likely_texts, text_costs, weigh_digits
from digits.reading.pieces import CLEAN, Candidate, Seam, cut_line, piece_between, propose, shape_cost, without_crumbs
from digits.reading.verdict import any_digit_cost

SPACE = 0.8  # the narrowest gap between groups, and how much wider it must be than the page's usual gap:
WIDER = 0.38

# The cost of a reading is a sum of negative log probabilities; these were chosen on validation digits.
LINE_WEIGHT = 2.0  # of what the line says as a whole, against what its pieces say
CUT_COST = 1.0  # a pen width of ink cut through
LEAST = 1e-6  # probability that a network is believed
PLAIN_COST = 0.4  # what costs less is a digit without doubt; three of them are no broken single digit
DROP_COST = 6.0  # a digit-sized part taken for no digit
DOUBTFUL_COST = 2.0  # a line's, with what is dropped of it: of digits, touching too, 98 in 100 cost less than 0.4
WORD_COST = 4.0  # this dear, what is dropped left out, the line is words, or the squares of empty paper


@dataclass(frozen=True)
class Step:
    """What may be done between two seams of a line: take it for a digit, or for none, at a cost."""

    first: int
    last: int
    cost: float
    candidate: int | None = None  # its number; None where the ink is taken for no digit


@dataclass(frozen=True)
class LineReading:
    """The `candidates` a line is made of, and what both networks make of each: `probabilities` (n, 10), `scores` (n,).

    `cost` is that of a digit on average; `dropped`, likewise, of what was taken for none.
    """

    candidates: list[int]
    probabilities: np.ndarray
    scores: np.ndarray
    cost: float
    dropped: float


@dataclass(frozen=True)
class Place:
    """A digit found: its candidate number, `probabilities` (10,) and score, its box in pixels of the upright picture.

    `space_before` if a space goes before it; `is_doubtful` if its line as a whole reads badly, as letters taken for
    digits do.
    """

    candidate: int
    probabilities: np.ndarray
    score: float
    box: Box
    space_before: bool
    is_doubtful: bool

    @property
    def digit(self) -> int:
        """The likeliest digit."""
        return int(self.probabilities.argmax())


@dataclass(frozen=True)
class Page:
    """Every candidate digit of a picture. `ink` is uint8 (n, 28, 28), one for each of `candidates`."""

    layout: Layout
    seams: list[list[Seam]]  # a list a line
    candidates: list[Candidate]
    ink: np.ndarray

    def choose(self, probabilities: np.ndarray, scores: np.ndarray, log_probs: list[np.ndarray]) -> list[list[Place]]:
        """Return the best reading, line by line.

        `probabilities` (n, 10) and digit `scores` (n,) are of `ink`; `log_probs` (t, 11) of each line as a whole.
        """
        read = [self._read_line(number, probabilities, scores, line) for number, line in enumerate(log_probs)]
        lines = [line for line in read if line.candidates and line.cost < WORD_COST]
        usual = usual_gap([gap for line in lines for gap in self._gaps(line.candidates)])
        return [self._places(line, usual) for line in lines]

    def _read_line(
        self, number: int, probabilities: np.ndarray, scores: np.ndarray, log_probs: np.ndarray
    ) -> LineReading:
        """Return the reading of a line that costs both witnesses least, of those that either thinks likely."""
        n_seams, steps = len(self.seams[number]), self._steps(number, scores)
        digits = -np.log(np.clip(probabilities, LEAST, 1))
        texts = list(dict.fromkeys([text_of_pieces(n_seams, steps, digits), *likely_texts(log_probs)]))
        spellings = cheapest_spellings(n_seams, steps, digits, texts)
        costs = [cost for cost, _way in spellings] + LINE_WEIGHT * text_costs(log_probs, texts)
        best = int(np.argmin(costs))
        way = spellings[best][1] if np.isfinite(costs[best]) else []
        return weigh(texts[best], way, probabilities, scores, log_probs)

    def is_one_digit(self, places: list[list[Place]], found: FoundDigit, cost: float) -> bool:
        """Whether the picture shows just the one digit `found` by itself, which the network read at `cost`.

        True if nothing but that digit was found, and if taking it to pieces is the dearer reading.
        """
        flat = [place for line in places for place in line]
        if found.box is None or (self.layout.has_sheet and found.polarity == "light on dark"):  # the sheet itself
            return False
        if len(flat) <= 1:
            return all(overlap(place.box, found.box) > 0.3 for place in flat)
        costs = digit_cost(np.stack([place.probabilities for place in flat]), np.array([place.score for place in flat]))
        costs += [self.candidates[place.candidate].cost for place in flat]
        plain = [self._is_plain(place.candidate) and one < PLAIN_COST for place, one in zip(flat, costs, strict=True)]
        if sum(plain) > 2:
            return False
        left, top, right, bottom = found.box
        whole = cost + shape_cost(right - left, bottom - top, without_crumbs(found.mask)[1], bottom - top)
        return whole <= costs.sum() and all(is_inside(place.box, found.box) for place in flat)

    def _is_plain(self, number: int) -> bool:
        """Whether a candidate stands free on both sides."""
        candidate = self.candidates[number]
        seams = self.seams[candidate.line]
        return max(seams[candidate.first].ink, seams[candidate.last].ink) < CLEAN

    def _steps(self, number: int, scores: np.ndarray) -> list[Step]:
        """Return every step through a line: its candidates taken for digits, whichever, its free parts for none."""
        seams = self.seams[number]
        costs = any_digit_cost(scores) + np.array([candidate.cost for candidate in self.candidates])
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

    def _places(self, line: LineReading, usual: float) -> list[Place]:
        spaces = [False, *(gap > max(SPACE, usual + WIDER) for gap in self._gaps(line.candidates))]
        boxes = [self.layout.box_in_picture(self.candidates[number].box) for number in line.candidates]
        parts = zip(line.candidates, line.probabilities, line.scores, boxes, spaces, strict=True)
        return [Place(*part, line.cost + line.dropped > DOUBTFUL_COST) for part in parts]


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
    cost = [0.0] + [np.inf] * (n_seams - 1)
    arrival: list[Step | None] = [None] * n_seams
    for step in sorted(steps, key=lambda step: step.first):
        if cost[step.first] + step.cost < cost[step.last]:
            cost[step.last], arrival[step.last] = cost[step.first] + step.cost, step
    way: list[Step] = []
    last = arrival[-1]
    while last:
        way.append(last)
        last = arrival[last.first] if last.first > 0 else None
    return way[::-1]


def digit_steps(way: list[Step]) -> list[Step]:
    """Return the steps of a way that take something for a digit."""
    return [step for step in way if step.candidate is not None]


def text_of_pieces(n_seams: int, steps: list[Step], digits: np.ndarray) -> str:
    """Return what the pieces of a line say by themselves; `digits` (n, 10) is what each costs as each digit."""
    dearer = [replace(step, cost=step.cost + digits[step.candidate].min()) for step in digit_steps(steps)]
    way = cheapest_way(n_seams, dearer + [step for step in steps if step.candidate is None])
    return "".join(str(digits[step.candidate].argmin()) for step in digit_steps(way))


def weigh(
    text: str, way: list[Step], probabilities: np.ndarray, scores: np.ndarray, log_probs: np.ndarray
) -> LineReading:
    """Return what both networks make of `text`, spelt along `way`; nothing read if there is no digit.

    `probabilities` (n, 10) and `scores` (n,) are of the candidates, `log_probs` (t, 11) of the line. A digit gets the
    weighted geometric mean of both networks' probabilities (a logarithmic opinion pool) and mean of their log odds.
    """
    pieces = [step.candidate for step in way if step.candidate is not None]
    if not pieces:
        return LineReading([], np.zeros((0, 10), np.float32), np.zeros(0), 0.0, 0.0)
    line, odds = weigh_digits(log_probs, text)
    both = (LINE_WEIGHT * line + np.log(np.clip(probabilities[pieces], LEAST, 1))) / (1 + LINE_WEIGHT)
    both = np.exp(both - np.logaddexp.reduce(both, axis=1, keepdims=True)).astype(np.float32)
    score = (LINE_WEIGHT * odds + scores[pieces]) / (1 + LINE_WEIGHT)
    cost = digit_cost(both, score).sum() + text_costs(log_probs, [text])[0]
    dropped = sum(step.cost for step in way if step.candidate is None)
    return LineReading(pieces, both, score, float(cost / len(pieces)), dropped / len(pieces))


def cheapest_spellings(
    n_seams: int, steps: list[Step], digits: np.ndarray, texts: list[str]
) -> list[tuple[float, list[Step]]]:
    """Return for each text what its cheapest way through a line costs, and that way: inf and [] if there is none.

    `digits` (n, 10) is what each candidate costs as each digit, on top of its step.

    >>> halves, digits = [Step(0, 1, 1.0, 0), Step(1, 2, 1.0, 1)], np.zeros((3, 10))
    >>> spelt = cheapest_spellings(3, [*halves, Step(0, 2, 1.5, 2)], digits, ["7", "11", "123"])
    >>> [(cost, [step.candidate for step in way]) for cost, way in spelt]
    [(1.5, [2]), (2.0, [0, 1]), (inf, [])]
    """
    longest = max(map(len, texts))
    written = np.array([[int(digit) for digit in text.ljust(longest, "0")] for text in texts], int)
    written = written.reshape(len(texts), longest)
    cost = np.full((n_seams, len(texts), longest + 1), np.inf)  # of coming to a seam with so many digits written
    arrival = np.full(cost.shape, -1)
    cost[0, :, 0] = 0.0
    steps = sorted(steps, key=lambda step: step.first)
    for number, step in enumerate(steps):
        is_digit = step.candidate is not None
        price = step.cost + (digits[step.candidate][written] if is_digit else 0.0)
        new = (cost[step.first, :, :-1] if is_digit else cost[step.first]) + price
        target = (step.last, slice(None), slice(int(is_digit), None))
        better = new < cost[target]
        cost[target] = np.where(better, new, cost[target])
        arrival[target] = np.where(better, number, arrival[target])
    return [(float(cost[-1, i, len(text)]), _way_back(steps, arrival[:, i], len(text))) for i, text in enumerate(texts)]


def _way_back(steps: list[Step], arrival: np.ndarray, n_digits: int) -> list[Step]:
    way, seam = [], len(arrival) - 1
    while seam > 0 and arrival[seam, n_digits] >= 0:
        way.append(steps[arrival[seam, n_digits]])
        seam, n_digits = way[-1].first, n_digits - (way[-1].candidate is not None)
    return way[::-1]


def digit_cost(probabilities: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return (n,) the negative log probability that each is a digit, and the likeliest, of (n, 10) and (n,)."""
    likeliest = np.clip(probabilities.max(axis=1), LEAST, 1.0) if len(probabilities) else np.zeros(0)
    return any_digit_cost(scores) - np.log(likeliest)


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
