"""A picture of whole numbers -> lines of digit candidates with their ink, and the choice among them.

    page = lay_out("number.jpg")                       # every piece of ink that could be a digit
    lines = page.choose(*predictor.predict_scores(page.ink))   # [[(candidate index, box, space before), …] a line]

The steps: measure how far each pixel departs from the paper; drop the desk round the page, ruled lines and specks;
turn the page until its lines lie level; group what is left in lines; over-segment each line into pieces, at the seams
that cut least ink; offer every run of neighbouring pieces as a candidate digit; and, once the network has scored them
all, take the cheapest path from left to right. So touching digits are cut and broken ones joined by the same rule.
It does not read letters, columns or anything that stands on its head.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from digits.picture import Picture, open_picture
from digits.preprocess import INK_SIDE, bounding_box, measure_contrast, normalise, shrink

PAGE_SIDE = 1024  # of the working copy: a digit a fortieth of the page high still has 25 pixels
MAX_ANGLE = 14.0  # degrees of slant that are looked for
LEANS = (0.0, 0.35)  # directions in which a line is cut: upright, and as most hands lean
SWAY = 0.18  # by how much a seam may leave its direction, in line heights
MAX_WIDTH = 1.5  # of a digit, in line heights
MAX_GAP = 0.3  # inside a digit
LEAST_SIDE = 0.3  # what is lower and narrower than this is no digit
DEAREST_CUT = 3.0  # pen widths of ink

# The cost of a reading is a sum of negative log probabilities; these were chosen on validation digits.
CUT_COST = 1.0  # a pen width of ink cut through
JOIN_COST = 0.7  # two separate parts taken for one digit
DROP_COST = 6.0  # a digit-sized part taken for no digit


@dataclass(frozen=True)
class Seam:
    """A way from the top of a line to its bottom: `columns` has one for each row, `ink` is what it cuts, in pen widths."""

    columns: np.ndarray
    ink: float


@dataclass(frozen=True)
class Line:
    """A line of writing, cut out of the levelled page at (left, top): `strokes` is float32 (h, w), 0-1."""

    left: int
    top: int
    strokes: np.ndarray
    height: float  # of its digits, in pixels
    seams: list[Seam]  # from left to right, the first before and the last behind everything


@dataclass(frozen=True)
class Candidate:
    """What lies between two seams of a line and could be one digit; `cost` is of its shape, the network unasked."""

    line: int
    first: int  # number of the seam on its left
    last: int  # and on its right
    box: tuple[int, int, int, int]  # on the levelled page
    cost: float


@dataclass(frozen=True)
class Place:
    """Where a digit was found: candidate number, box in pixels of the upright picture, whether a space goes before."""

    candidate: int
    box: tuple[int, int, int, int]
    space_before: bool


@dataclass(frozen=True)
class Page:
    """Every candidate digit of a picture. `ink` is uint8 (n, 28, 28), one for each of `candidates`."""

    lines: list[Line]
    candidates: list[Candidate]
    ink: np.ndarray
    to_picture: np.ndarray  # (2, 3): levelled working pixels -> pixels of the upright picture
    size: tuple[int, int]  # width, height of the upright picture

    def choose(self, probabilities: np.ndarray, scores: np.ndarray) -> list[list[Place]]:
        """Return the best reading, line by line: `probabilities` (n, 10) and digit `scores` (n,) of `ink`."""
        costs = digit_cost(probabilities, scores) + np.array([candidate.cost for candidate in self.candidates])
        chosen = [self._cheapest_path(number, costs) for number in range(len(self.lines))]
        usual = self._usual_gap(chosen)
        return [self._places(line, usual) for line in chosen if line]

    def cost(self, chosen: list[list[Place]], probabilities: np.ndarray, scores: np.ndarray) -> float:
        """Return what the reading costs: the negative log probability of its digits and their shapes."""
        numbers = [place.candidate for line in chosen for place in line]
        return float(digit_cost(probabilities, scores)[numbers].sum() + sum(self.candidates[n].cost for n in numbers))

    def _cheapest_path(self, number: int, costs: np.ndarray) -> list[int]:
        """Return the candidates on the cheapest way from the first seam of a line to the last."""
        line = self.lines[number]
        steps = [(c.first, c.last, costs[i], i) for i, c in enumerate(self.candidates) if c.line == number]
        steps += [(first, last, cost, None) for first, last, cost in drops(line)]
        best, came = np.full(len(line.seams), np.inf), [(0, None)] * len(line.seams)
        best[0] = 0.0
        for first, last, cost, candidate in sorted(steps, key=lambda step: step[:2]):
            total = best[first] + cost + CUT_COST * line.seams[last].ink
            if total < best[last]:
                best[last], came[last] = total, (first, candidate)
        path, seam = [], len(line.seams) - 1
        while seam > 0:
            seam, candidate = came[seam]
            path += [candidate] if candidate is not None else []
        return path[::-1]

    def _usual_gap(self, chosen: list[list[int]]) -> float:
        gaps = [gap for line in chosen for gap in self._gaps(line)]
        return float(np.clip(np.median(gaps), 0.0, 0.6)) if gaps else 0.0

    def _gaps(self, chosen: list[int]) -> list[float]:
        """Return the empty width before each digit but the first, in line heights."""
        boxes = [self.candidates[number].box for number in chosen]
        if not boxes:
            return []
        height = self.lines[self.candidates[chosen[0]].line].height
        return [(after[0] - before[2]) / height for before, after in zip(boxes, boxes[1:], strict=False)]

    def _places(self, chosen: list[int], usual: float) -> list[Place]:
        spaces = [False, *(gap > max(0.72, usual + 0.5) for gap in self._gaps(chosen))]
        return [
            Place(number, self.box_in_picture(self.candidates[number].box), space)
            for number, space in zip(chosen, spaces, strict=True)
        ]

    def box_in_picture(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Return the upright box, in the picture's own pixels, round a box of the levelled page."""
        left, top, right, bottom = box
        corners = np.float64([[left, top, 1], [right, top, 1], [left, bottom, 1], [right, bottom, 1]])
        corners = corners @ self.to_picture.T
        low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        low, high = np.clip(low, 0, np.array(self.size) - 1), np.clip(high, 1, self.size)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def digit_cost(probabilities: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return (n,) the negative log probability that a candidate is one digit, and the one it is taken for."""
    likeliest = np.clip(probabilities.max(axis=1), 1e-6, 1.0) if len(probabilities) else np.zeros(0)
    return np.logaddexp(0.0, -np.asarray(scores, np.float64)) - np.log(likeliest)


def is_inside(box: tuple[int, int, int, int], around: tuple[int, int, int, int]) -> bool:
    """Whether four fifths of `box` lie inside `around`."""
    width = min(box[2], around[2]) - max(box[0], around[0])
    height = min(box[3], around[3]) - max(box[1], around[1])
    return max(0, width) * max(0, height) >= 0.8 * (box[2] - box[0]) * (box[3] - box[1])


def drops(line: Line) -> list[tuple[int, int, float]]:
    """Return (first seam, last seam, cost) of taking what stands free between two clean seams for no digit."""
    clean = [number for number, seam in enumerate(line.seams) if seam.ink < 0.05]
    steps = []
    for first, last in zip(clean, clean[1:], strict=False):
        mask = between(line, first, last)
        left, top, right, bottom = bounding_box(mask) if mask.any() else (0, 0, 0, 0)
        size = max(right - left, bottom - top) / line.height
        steps.append((first, last, DROP_COST * float(np.clip(size / 0.6, 0.1, 2.0))))
    return steps


# ---------------------------------------------------------------- picture -> page


def lay_out(picture: Picture) -> Page:
    """Find every piece of ink in `picture` that could be a digit. Raises `PictureError` if it cannot be read."""
    pixels = open_picture(picture, side=2 * PAGE_SIDE)
    small = shrink(pixels, PAGE_SIDE)
    contrast = find_writing(small)
    angle = find_slant(contrast)
    contrast, level_to_small = turn(contrast, angle)
    contrast = erase_rules(contrast)
    parts, labels = find_parts(contrast)
    lines = [cut_line(contrast, labels, line) for line in group_lines(parts)]
    found = [item for number, line in enumerate(lines) for item in propose(number, line)]
    ink = np.stack([ink for _candidate, ink in found]) if found else np.zeros((0, INK_SIDE, INK_SIDE), np.uint8)
    to_picture = level_to_small * (pixels.shape[0] / small.shape[0])
    return Page(lines, [candidate for candidate, _ink in found], ink, to_picture, pixels.shape[1::-1])


def find_writing(pixels: np.ndarray) -> np.ndarray:
    """Return the contrast map, float32 (h, w), zero outside the sheet of paper if its edges are in the picture."""
    sheet = find_sheet(pixels)
    if sheet is None:
        return measure_contrast(pixels)[0]
    contrast = measure_contrast(extend(pixels, sheet))[0]
    weak = (contrast > 0.6 * ink_level(contrast)).astype(np.uint8)
    _, labels = cv2.connectedComponents(weak, connectivity=8)
    at_edge = np.unique(labels[~sheet])  # what is left of the desk along the edges
    return np.where(sheet & ~np.isin(labels, at_edge[at_edge > 0]), contrast, 0).astype(np.float32)


def find_sheet(pixels: np.ndarray) -> np.ndarray | None:
    """Return the boolean mask of a light sheet of paper on a darker desk, None if the picture shows only paper.

    A shadow splits a picture in light and dark as well, but not with a sharp edge all round a convex area.
    """
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2).astype(np.uint8)
    coarse = shrink(grey, 160)
    light = close_dark(coarse, max(3, round(0.1 * min(coarse.shape))))  # no strokes of dark ink
    level, _ = cv2.threshold(light, 0, 255, cv2.THRESH_OTSU)
    hull = solid_hull((light > level).astype(np.uint8))
    if hull is None or edge_drop(light, hull) < 25:
        return None
    inside = cv2.resize(hull, grey.shape[::-1], interpolation=cv2.INTER_LINEAR) > 127
    margin = 2 * round(0.6 * max(grey.shape) / max(coarse.shape) + 1) + 1
    return cv2.erode(inside.astype(np.uint8), np.ones((margin, margin), np.uint8)) > 0


def edge_drop(light: np.ndarray, hull: np.ndarray) -> float:
    """Return by how many levels the picture darkens within three pixels of the hull's edge."""
    inside, outside = hull > 0, hull == 0
    near = np.ones((7, 7), np.uint8)
    inner = inside & (cv2.dilate(outside.astype(np.uint8), near) > 0) & (cv2.erode(hull, np.ones((3, 3), np.uint8)) > 0)
    outer = outside & (cv2.dilate(hull, near) > 0) & (cv2.dilate(hull, np.ones((3, 3), np.uint8)) == 0)
    if not inner.any() or not outer.any():
        return 0.0
    return float(np.quantile(light[inner], 0.3)) - float(np.quantile(light[outer], 0.7))


def close_dark(grey: np.ndarray, side: int) -> np.ndarray:
    """Return `grey` without dark marks narrower than `side`; what runs out of the picture counts as wide."""
    padded = cv2.copyMakeBorder(grey, side, side, side, side, cv2.BORDER_REPLICATE)
    return cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))[side:-side, side:-side]


def solid_hull(light: np.ndarray) -> np.ndarray | None:
    """Return the filled hull (0 or 255) of the largest light area, None unless it is large and nearly convex."""
    outlines, _ = cv2.findContours(light, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea)
    hull = cv2.convexHull(outline)
    if cv2.contourArea(hull) < 0.2 * light.size or cv2.contourArea(outline) < 0.9 * cv2.contourArea(hull):
        return None
    return cv2.fillConvexPoly(np.zeros_like(light), hull, 255)


def extend(pixels: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """Return `pixels` with every pixel outside the sheet replaced by the nearest one inside."""
    outside = (~sheet).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    flat = pixels.reshape(-1, *pixels.shape[2:])
    source = np.zeros(nearest.max() + 1, np.int64)
    source[nearest[sheet]] = np.flatnonzero(sheet)
    return flat[source[nearest]].reshape(pixels.shape)


def ink_level(contrast: np.ndarray) -> float:
    """Return Otsu's threshold between faint marks and ink, over what is not plain paper."""
    levels = (np.clip(contrast[contrast > 0.08], 0, 1) * 255).astype(np.uint8)
    if levels.size < 2:
        return 0.5
    threshold, _ = cv2.threshold(levels.reshape(1, -1), 0, 255, cv2.THRESH_OTSU)
    return float(np.clip(threshold / 255, 0.2, 0.6))


# ---------------------------------------------------------------- slant and ruled lines


def find_slant(contrast: np.ndarray) -> float:
    """Return by how many degrees the lines fall to the right: the angle at which the rows' profile is sharpest."""
    small = shrink(contrast, 400)
    y, x = np.nonzero(small > ink_level(small))
    if len(y) < 20:
        return 0.0
    weights = small[y, x]

    def sharpness(angle: float) -> float:
        rows = (y - x * np.tan(np.radians(angle))).round().astype(int)
        return float((np.bincount(rows - rows.min(), weights) ** 2).sum()) * float(np.exp(-((angle / 40) ** 2)))

    coarse = max(np.arange(-MAX_ANGLE, MAX_ANGLE + 0.1), key=sharpness)
    return float(max(coarse + np.arange(-0.75, 0.8, 0.25), key=sharpness))


def turn(contrast: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Level lines that fall by `angle` degrees: the turned map, and the (2, 3) matrix from it back to the map given."""
    height, width = contrast.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (int(height * sine + width * cosine) + 1, int(height * cosine + width * sine) + 1)
    matrix[:, 2] += (size[0] / 2 - width / 2, size[1] / 2 - height / 2)
    turned = cv2.warpAffine(contrast, matrix, size, flags=cv2.INTER_LINEAR) if abs(angle) > 0.2 else contrast
    if turned is contrast:
        return contrast, np.float64([[1, 0, 0], [0, 1, 0]])
    return turned, cv2.invertAffineTransform(matrix)


def erase_rules(contrast: np.ndarray) -> np.ndarray:
    """Take ruled lines and squares off: thin level or upright marks that run on; what a stroke crosses stays."""
    for flipped in (False, True):
        map_ = contrast.T if flipped else contrast
        erased = erase_level_rules(np.ascontiguousarray(map_))
        contrast = np.ascontiguousarray(erased.T if flipped else erased)
    return contrast


def erase_level_rules(contrast: np.ndarray) -> np.ndarray:
    height, width = contrast.shape
    faint = (contrast > 0.12).astype(np.uint8)
    closed = cv2.morphologyEx(faint, cv2.MORPH_CLOSE, np.ones((1, 9), np.uint8))
    length = max(40, round(0.3 * width))
    runs = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    if not runs.any():
        return contrast
    rows = np.flatnonzero(runs.sum(axis=1) > 0.3 * width)
    thick = max(3, round(0.012 * max(height, width)))
    band = cv2.dilate(runs, np.ones((3, 1), np.uint8))
    upright = cv2.morphologyEx(faint, cv2.MORPH_OPEN, np.ones((thick + 3, 1), np.uint8))  # strokes that cross a rule
    if not len(rows):
        return contrast
    return np.where((band > 0) & (cv2.dilate(upright, np.ones((1, 3), np.uint8)) == 0), 0, contrast).astype(np.float32)


# ---------------------------------------------------------------- parts and lines


@dataclass(frozen=True)
class Part:
    """A connected part of the writing: its label, box on the levelled page, and area."""

    label: int
    left: int
    top: int
    right: int
    bottom: int
    area: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


def find_parts(contrast: np.ndarray) -> tuple[list[Part], np.ndarray]:
    """Return the connected parts that may be writing, and the label map they are numbered by."""
    level = ink_level(contrast)
    weak = (contrast > 0.6 * level).astype(np.uint8)
    n, labels, stats, _centres = cv2.connectedComponentsWithStats(weak, connectivity=8)
    strong = np.bincount(labels[contrast > level], minlength=n)
    parts = [
        Part(i, int(left), int(top), int(left + width), int(top + height), int(area))
        for i, (left, top, width, height, area) in enumerate(stats)
        if i > 0 and strong[i] > max(2, 0.1 * area)
    ]
    return drop_clutter(parts, contrast.shape), labels


def drop_clutter(parts: list[Part], shape: tuple[int, int]) -> list[Part]:
    """Leave out specks, rules that were not erased and things that come in from the border."""
    if not parts:
        return []
    usual = usual_height(parts)
    kept = []
    for part in parts:
        is_speck = max(part.height, part.width) < 0.12 * usual or part.area < 0.004 * usual**2
        is_rule = part.width > 3 * usual and part.height < 0.3 * usual
        is_post = part.height > 2.5 * usual and part.width < 0.3 * usual
        at_border = part.left <= 1 or part.top <= 1 or part.right >= shape[1] - 1 or part.bottom >= shape[0] - 1
        is_edge = at_border and (max(part.width, part.height) > 2.5 * usual or min(part.width, part.height) < 0.25 * usual)
        if not (is_speck or is_rule or is_post or is_edge):
            kept.append(part)
    return kept


def usual_height(parts: list[Part]) -> float:
    """Return the height of the parts, the median weighted by area: specks hardly count."""
    heights = np.array([part.height for part in parts])
    weights = np.cumsum(np.array([part.area for part in parts])[np.argsort(heights)])
    return float(np.sort(heights)[np.searchsorted(weights, weights[-1] / 2)])


def group_lines(parts: list[Part]) -> list[list[Part]]:
    """Return the parts in lines, top to bottom, each from left to right; small ones join the nearest line."""
    if not parts:
        return []
    usual = usual_height(parts)
    large = sorted((part for part in parts if part.height >= 0.45 * usual), key=lambda part: part.middle)
    small = [part for part in parts if part.height < 0.45 * usual]
    lines: list[list[Part]] = []
    for part in large:
        if lines and part.middle - np.mean([other.middle for other in lines[-1]]) < 0.6 * usual:
            lines[-1].append(part)
        else:
            lines.append([part])
    for part in small:
        nearest = min(lines, key=lambda line: abs(part.middle - np.mean([other.middle for other in line])))
        if abs(part.middle - np.mean([other.middle for other in nearest])) < 0.75 * usual:
            nearest.append(part)
    return [sorted(line, key=lambda part: part.left + part.right) for line in lines]


def digit_height(line: list[Part]) -> float:
    """Return the height of a line's digits, in pixels."""
    return float(np.quantile([part.height for part in line if part.height >= 0.4 * usual_height(line)], 0.6))


# ---------------------------------------------------------------- seams and candidates


def cut_line(contrast: np.ndarray, labels: np.ndarray, parts: list[Part]) -> Line:
    """Cut a line out of the page and find the seams along which it may be divided into digits."""
    left, right = min(part.left for part in parts), max(part.right for part in parts)
    top, bottom = min(part.top for part in parts), max(part.bottom for part in parts)
    mask = np.isin(labels[top:bottom, left:right], [part.label for part in parts])
    strokes = (np.clip(contrast[top:bottom, left:right], 0, 1) * mask).astype(np.float32)
    height = digit_height(parts)
    seams = [seam for lean in LEANS for seam in find_seams(strokes, height, lean)]
    ends = [Seam(np.full(len(strokes), edge), 0.0) for edge in (0, strokes.shape[1])]
    return Line(left, top, strokes, height, [ends[0], *drop_twins(strokes, seams), ends[1]])


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
    return [Seam(columns[i], float(ink[i])) for i in valleys(ink, 2) if ink[i] <= DEAREST_CUT]


def cheapest_ways(price: np.ndarray) -> np.ndarray:
    """Return (n, rows) the column of the cheapest way down each window; `price` is (n, rows, columns)."""
    n, n_rows, n_columns = price.shape
    aside = np.float32([0.03, 0.0, 0.03])[:, None, None]
    total, came = price[:, 0], np.zeros((n, n_rows, n_columns), np.int8)
    for row in range(1, n_rows):
        wide = np.pad(total, ((0, 0), (1, 1)), constant_values=np.inf)
        options = np.stack([wide[:, :-2], wide[:, 1:-1], wide[:, 2:]]) + aside
        came[:, row] = options.argmin(axis=0) - 1
        total = price[:, row] + options.min(axis=0)
    ways = np.empty((n, n_rows), np.int64)
    ways[:, -1] = total.argmin(axis=1)
    for row in range(n_rows - 1, 0, -1):
        ways[:, row - 1] = ways[:, row] + came[np.arange(n), row, ways[:, row]]
    return ways


def valleys(values: np.ndarray, apart: int) -> np.ndarray:
    """Return the indices of the values that are the least within `apart` on either side; of equal ones, all."""
    least = cv2.erode(values.astype(np.float32).reshape(1, -1), np.ones((1, 2 * apart + 1), np.uint8)).ravel()
    return np.flatnonzero(values <= least + 1e-4)


def drop_twins(strokes: np.ndarray, seams: list[Seam]) -> list[Seam]:
    """Return the seams from left to right without those that divide the ink as a cheaper one does, or cut off nothing."""
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
    """Return the width of the strokes in pixels: twice the area over the outline's length."""
    solid = (strokes > 0.3).astype(np.uint8)
    area = int(solid.sum())
    inner = int(cv2.erode(solid, np.ones((3, 3), np.uint8), borderValue=0).sum())
    return max(1.0, 2.0 * area / max(1, area - inner))


def between(line: Line, first: int, last: int) -> np.ndarray:
    """Return the boolean (h, w) mask of the ink between two seams."""
    columns = np.arange(line.strokes.shape[1])
    left, right = line.seams[first].columns[:, None], line.seams[last].columns[:, None]
    return (line.strokes > 0) & (columns >= left) & (columns < right)


def propose(number: int, line: Line) -> list[tuple[Candidate, np.ndarray]]:
    """Return every candidate of a line with its ink."""
    found = []
    for first in range(len(line.seams) - 1):
        for last in range(first + 1, len(line.seams)):
            mask = between(line, first, last)
            if not mask.any():
                continue
            mask, n_parts = without_crumbs(mask)
            left, top, right, bottom = bounding_box(mask)
            if right - left > MAX_WIDTH * line.height:
                break
            if max(right - left, bottom - top) < LEAST_SIDE * line.height or widest_gap(mask) > MAX_GAP * line.height:
                continue
            box = (line.left + left, line.top + top, line.left + right, line.top + bottom)
            cost = shape_cost(right - left, bottom - top, n_parts, line.height)
            found.append((Candidate(number, first, last, box, cost), normalise(line.strokes, mask)))
    return found


def without_crumbs(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the mask without parts too small to matter, such as a neighbour's tip, and the number of parts left."""
    n, labels, stats, _centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = np.flatnonzero(stats[1:, 4] >= 0.05 * stats[1:, 4].sum()) + 1
    return (mask, n - 1) if len(large) == n - 1 else (np.isin(labels, large), len(large))


def widest_gap(mask: np.ndarray) -> int:
    """Return the greatest number of empty columns between two that hold ink."""
    filled = np.flatnonzero(mask.any(axis=0))
    return int(np.diff(filled).max()) - 1 if len(filled) > 1 else 0


def shape_cost(width: int, height: int, n_parts: int, line_height: float) -> float:
    """Return the cost of a candidate's shape: joined parts, too low, too wide."""
    tall, wide = height / line_height, width / line_height
    return JOIN_COST * (n_parts - 1) + 80.0 * max(0.0, 0.7 - tall) ** 2 + 6.0 * max(0.0, wide - 1.0)
