"""Any picture of a digit -> ink: uint8 (28, 28), white on black, as MNIST has it. The only home of mean and std.

    from digits.preprocess import find_digit, to_ink
    ink = to_ink("photo.jpg")                  # (28, 28) uint8
    found = find_digit("photo.jpg")            # the same ink, the box it came from, polarity, and every step between

The steps: shrink to a working size; estimate the paper and measure how far each pixel departs from it, along the
colour in which the ink departs most (so red on grey counts as much as black on white, and polarity needs no switch);
threshold; keep the strokes that belong together; even out hairline strokes; fit into 20x20; centre of mass to the
middle of 28x28. A picture that already has MNIST's form passes untouched.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from digits.picture import Picture, open_picture

MEAN, STD = 0.1307, 0.3081  # of MNIST's training pixels / 255

INK_SIDE = 28
BOX_SIDE = 20  # the longer side of every MNIST digit
MIDDLE = 14.5  # where MNIST has the centre of mass, in both directions
WORK_SIDE = 160  # of the picture while the digit is being found; 256 read no better and took twice as long
CLOSE_SIDE = 32  # a digit smaller than this at working size is looked at again, closer
RULED_SIDE = 40  # below, a bar from side to side is part of a tightly cut digit
FINE_SIDE = 80  # strokes are evened out at four times the box


@dataclass(frozen=True)
class FoundDigit:
    """What was found in a picture and how.

    `ink` is uint8 (28, 28). `box` is (left, top, right, bottom) in pixels of the upright picture, None if blank.
    `contrast` is float32 (h, w), 0 = paper, about 1 = ink, at working size; `mask`, boolean (h, w), the kept strokes.
    """

    ink: np.ndarray
    box: tuple[int, int, int, int] | None
    polarity: str  # "dark on light" or "light on dark"
    method: str  # "as it is", "flat paper", "fitted paper" or "near paper"
    contrast: np.ndarray
    mask: np.ndarray
    others: tuple[FoundDigit, ...] = ()  # what other views of a doubtful picture show; the network chooses

    @property
    def is_blank(self) -> bool:
        """Whether no stroke stands out from the paper."""
        return self.box is None


def to_ink(picture: Picture) -> np.ndarray:
    """Return the ink of `picture`, uint8 (28, 28); all zero if it is blank. Raises `PictureError`."""
    return find_digit(picture).ink


def find_digit(picture: Picture) -> FoundDigit:
    """Find the one digit in `picture`. Raises `PictureError` if the picture cannot be read."""
    pixels = open_picture(picture, side=2 * WORK_SIDE)
    if is_mnist_form(pixels):
        return _untouched(pixels)
    found = _find_in(pixels)
    return _zoomed(pixels, found) if _is_small(found) and max(pixels.shape[:2]) > WORK_SIDE else found


def _find_in(pixels: np.ndarray) -> FoundDigit:
    small = shrink(pixels, WORK_SIDE)
    scale = pixels.shape[0] / small.shape[0]
    contrast, method, polarity = measure_contrast(small)
    first = _found(contrast, method, polarity, scale)
    if min(first.mask.shape) < RULED_SIDE or (method == "flat paper" and not doubt(first.mask)):
        return first
    others = [_found(*view, scale) for view in _views(small, first)]
    distinct = [item for item in others if item.box and _overlap(item.mask, first.mask) < 0.9]
    if first.is_blank and distinct:
        first, *distinct = sorted(distinct, key=lambda item: doubt(item.mask))
    return replace(first, others=tuple(distinct))


def _found(contrast: np.ndarray, method: str, polarity: str, scale: float) -> FoundDigit:
    mask = select_strokes(contrast)
    if not mask.any():
        return FoundDigit(np.zeros((INK_SIDE, INK_SIDE), np.uint8), None, polarity, method, contrast, mask)
    box = tuple(round(edge * scale) for edge in bounding_box(mask))
    return FoundDigit(normalise(contrast, mask), box, polarity, method, contrast, mask)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def _is_small(found: FoundDigit) -> bool:
    """Whether a digit was found, but of so few pixels that a closer look would show more of it."""
    left, top, right, bottom = bounding_box(found.mask)
    return 0 < max(right - left, bottom - top) < CLOSE_SIDE


def _zoomed(pixels: np.ndarray, found: FoundDigit) -> FoundDigit:
    """Look again at the neighbourhood of what was found, at the picture's own resolution."""
    left, top, right, bottom = found.box
    margin = max(right - left, bottom - top)
    x, y = max(0, left - margin), max(0, top - margin)
    closer = _find_in(pixels[y : bottom + margin, x : right + margin])
    if closer.box is None:
        return found
    shifted = (closer.box[0] + x, closer.box[1] + y, closer.box[2] + x, closer.box[3] + y)
    return replace(closer, box=shifted)


def _views(small: np.ndarray, first: FoundDigit) -> Iterator[tuple[np.ndarray, str, str]]:
    """Yield other contrast maps of the picture, each with its method and polarity.

    Against the paper near by, for shadows and the edge of a desk; without thin strokes, for lines drawn across the
    digit; by lightness alone, for a coloured band behind it.
    """
    yield measure_contrast(small, local=True)
    if doubt(first.mask):
        if first.mask.any():
            yield without_thin_strokes(first.contrast, first.mask), first.method, first.polarity
            yield without_edges(first.contrast), first.method, first.polarity
        if small.ndim == 3:
            yield measure_contrast(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))


def doubt(mask: np.ndarray) -> int:
    """Count what speaks against the mask being one digit's strokes: borders touched, a blob, nothing at all.

    One border touched is common in tight crops and counts nothing.
    """
    if not mask.any():
        return 4
    borders = int(mask[0].any()) + int(mask[-1].any()) + int(mask[:, 0].any()) + int(mask[:, -1].any())
    left, top, right, bottom = bounding_box(mask)
    longer = max(right - left, bottom - top)
    depth = float(cv2.distanceTransform(mask[top:bottom, left:right].astype(np.uint8), cv2.DIST_L2, 3).max())
    is_fat = 2 * depth > 0.5 * longer
    is_bar = borders >= 2 and mask.sum() > 0.6 * (right - left) * (bottom - top)
    return max(0, borders - 1) + 3 * (is_fat or is_bar)


def without_edges(contrast: np.ndarray) -> np.ndarray:
    """Return the contrast without what fills a side or a corner of the picture, the rest at full strength again."""
    dark = (contrast > 0.3).astype(np.uint8)
    n, labels, stats, _centres = cv2.connectedComponentsWithStats(dark, connectivity=8)
    solid = stats[:, 4] > 0.6 * stats[:, 2] * stats[:, 3]
    edges = [i for i in range(1, n) if solid[i] and sum(_borders(stats[i], dark.shape)) >= 2]
    away = cv2.dilate(np.isin(labels, edges).astype(np.uint8), np.ones((7, 7), np.uint8))
    rest = np.where(away > 0, 0, contrast)
    inked = rest[rest > 0.05]
    return np.clip(rest / max(0.08, quantile(inked, 0.98)), 0, 1.5) if inked.size > 6 else rest


def without_thin_strokes(contrast: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the contrast without strokes thinner than half of the thickest."""
    depth = float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3).max())
    side = 2 * max(1, round(0.5 * depth)) + 1
    return cv2.morphologyEx(contrast, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def is_mnist_form(pixels: np.ndarray) -> bool:
    """Whether `pixels` is a grey 28x28 picture, white on black, boxed and centred as MNIST's are.

    Of MNIST's 60,000 training images all have a longer side of 19 or 20 and a centre of mass inside pixel 14.
    """
    if pixels.shape != (INK_SIDE, INK_SIDE) or pixels.max() < 200:
        return False
    left, top, right, bottom = bounding_box(pixels > 0)
    x, y = centre_of_mass(pixels)
    return 19 <= max(right - left, bottom - top) <= 20 and max(abs(x - MIDDLE), abs(y - MIDDLE)) <= 0.55


def _untouched(pixels: np.ndarray) -> FoundDigit:
    mask = pixels > 0
    return FoundDigit(pixels, bounding_box(mask), "light on dark", "as it is", pixels.astype(np.float32) / 255, mask)


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return `pixels` with its longer side at most `side`, averaged rather than sampled; never enlarged."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


# ---------------------------------------------------------------- paper and ink


def measure_contrast(pixels: np.ndarray, local: bool = False) -> tuple[np.ndarray, str, str]:
    """Return how much each pixel departs from the paper towards the ink: float32 (h, w), 1 = full ink.

    Also the method ("flat paper", "fitted paper" or, with `local`, "near paper") and the polarity.
    """
    values = pixels.reshape(*pixels.shape[:2], -1).astype(np.float32)  # (h, w, 1 or 3)
    flat = None if local else flat_paper(pixels)
    if flat is not None:
        paper, method = flat, "flat paper"
    else:
        paper, method = (near_paper(pixels), "near paper") if local else (fit_paper(values), "fitted paper")
    signed, darker = _along_ink_colour(values - paper)
    strength = _ink_strength(signed, 0.0 if flat is not None else _noise(signed))
    contrast = np.clip(signed / strength, 0, 1.5) if strength else np.zeros_like(signed)
    return contrast, method, "dark on light" if darker else "light on dark"


def near_paper(pixels: np.ndarray) -> np.ndarray:
    """Return the median colour around every pixel, (h, w, c): follows shadows and edges, and skips strokes."""
    side = int(0.3 * min(pixels.shape[:2])) | 1
    return cv2.medianBlur(pixels, side).reshape(*pixels.shape[:2], -1).astype(np.float32)


def flat_paper(pixels: np.ndarray) -> np.ndarray | None:
    """Return the paper's one colour if the picture is drawn on a flat ground, as on a canvas, else None.

    Sensor noise never repeats one value over a quarter of a picture; a drawing program does.
    """
    grey = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., 1])
    shares = np.bincount(grey.ravel(), minlength=256) / grey.size
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    on_border = np.bincount(border, minlength=256) / border.size
    level = int(np.argmax(shares + on_border))
    near = shares[max(0, level - 24) : level + 25].sum()
    if shares[level] < 0.2 or near < 0.25:
        return None
    if pixels.ndim == 2:
        return np.float32([level])
    return np.median(pixels[grey == level], axis=0).astype(np.float32)


def fit_paper(values: np.ndarray, rounds: int = 4) -> np.ndarray:
    """Return the paper's colour at every pixel, (h, w, c): a quadratic surface a channel, fitted to what is no ink.

    Each round drops the pixels that depart most from the surface (the ink, an edge, a finger) and fits again.
    """
    height, width, n_channels = values.shape
    coarse = cv2.resize(values, (min(width, 32), min(height, 32)), interpolation=cv2.INTER_AREA)
    border = np.concatenate([coarse[0], coarse[-1], coarse[1:-1, 0], coarse[1:-1, -1]])
    coarse = coarse.reshape(-1, n_channels)
    basis = _quadratic_basis(min(height, 32), min(width, 32))
    distance = np.abs(coarse - np.median(border, axis=0)).max(axis=1)
    keep = distance <= quantile(distance, 0.5)  # to begin with, the half that resembles the border
    for _ in range(rounds):
        kept = basis[keep]
        coefficients = np.linalg.lstsq(kept.T @ kept, kept.T @ coarse[keep], rcond=None)[0]
        distance = np.abs(coarse - basis @ coefficients).max(axis=1)
        keep = distance <= max(2.0, 2.5 * quantile(distance[keep], 0.5))
    return _quadratic_surface(coefficients.astype(np.float32), height, width)


@functools.lru_cache(maxsize=64)
def _quadratic_basis(height: int, width: int) -> np.ndarray:
    y, x = np.meshgrid(_axis(height), _axis(width), indexing="ij")
    columns = [np.ones_like(x), x, y, x * y, x * x, y * y]
    return np.stack([column.ravel() for column in columns], axis=1)


def _axis(n: int) -> np.ndarray:
    """Return the middles of n equal parts of -1 … 1, so that coarse and fine grids lie on each other."""
    return ((np.arange(n, dtype=np.float32) + 0.5) * 2 / n - 1).astype(np.float32)


def _quadratic_surface(coefficients: np.ndarray, height: int, width: int) -> np.ndarray:
    x, y = _axis(width)[:, None], _axis(height)[:, None]
    one, along_x, along_y, across, x_squared, y_squared = coefficients
    across_row = one + x * along_x + x * x * x_squared  # (w, c)
    down = y * along_y + y * y * y_squared  # (h, c)
    return across_row[None] + down[:, None] + (y[:, None] * x[None]) * across


def _along_ink_colour(departure: np.ndarray) -> tuple[np.ndarray, bool]:
    """Project (h, w, c) departures on the direction of the strongest ones: (h, w), ink positive; and is ink darker?"""
    if departure.shape[2] == 1:
        size = np.abs(sample(departure))
        strongest, direction = sample(departure)[size >= quantile(size, 0.97)][:, None], np.float32([1.0])
    else:
        flat = departure.reshape(-1, departure.shape[2])
        flat = flat[:: max(1, len(flat) // 8192)]
        size = np.einsum("nc,nc->n", flat, flat)
        strongest = flat[size >= quantile(size, 0.97)]
        direction = np.linalg.eigh(strongest.T @ strongest)[1][:, -1].astype(np.float32)
    if (strongest @ direction).sum() < 0:
        direction = -direction
    return (departure @ direction if len(direction) > 1 else departure[..., 0] * direction), bool(direction.sum() < 0)


def sample(values: np.ndarray, at_least: int = 8192) -> np.ndarray:
    """Return every k-th of the values, flat, so that at least `at_least` remain: enough for a quantile."""
    return values.ravel()[:: max(1, values.size // at_least)]


def quantile(values: np.ndarray, share: float) -> float:
    """Return the value below which `share` of the values lie: np.quantile without interpolation, ten times as fast."""
    at = int(share * (values.size - 1))
    return float(np.partition(values, at)[at])


def _noise(signed: np.ndarray) -> float:
    """Return the spread of the paper, from the side where no ink is: ink may cover more than half of the picture."""
    signed = sample(signed)
    lighter = -signed[signed < 0]
    return 1.4826 * quantile(lighter, 0.5) if lighter.size else 0.0


def _ink_strength(signed: np.ndarray, noise: float) -> float:
    """Return the departure of solid ink, or 0 if nothing stands out of the noise."""
    above = signed[signed > max(8.0, 4.0 * noise)]
    if above.size < 6:
        return 0.0
    return quantile(above, 0.9)


# ---------------------------------------------------------------- strokes


def select_strokes(contrast: np.ndarray) -> np.ndarray:
    """Return the boolean (h, w) mask of the digit's strokes: no specks, ruled lines or things at the border."""
    values = np.clip(contrast, 0, 1)
    if not values.any():
        return np.zeros(contrast.shape, bool)
    level = _otsu(values)
    weak = (values > 0.55 * level).astype(np.uint8)
    if min(weak.shape) >= RULED_SIDE:
        weak = without_rules(weak)
    n, labels, stats, _centres = cv2.connectedComponentsWithStats(weak, connectivity=8)
    strong = np.bincount(labels[(values > level) & (weak > 0)], minlength=n)
    mass = np.bincount(labels.ravel(), weights=values.ravel(), minlength=n) * (strong > 0)
    mass[0] = 0
    weight = mass * np.array([1.0] + [_plausibility(stats[i], contrast.shape) for i in range(1, n)])
    if n > 2 and min(weak.shape) >= RULED_SIDE:
        weight[_fat(weak, labels, stats)] *= 0.1
    if weight.max() <= 0:
        return np.zeros(contrast.shape, bool)
    main = int(np.argmax(weight))
    keep = [i for i in range(1, n) if i == main or _belongs(stats[i], weight[i], stats[main], weight[main], weak.shape)]
    kept = np.zeros(n, bool)
    kept[keep] = True
    return kept[labels]


def _otsu(values: np.ndarray) -> float:
    """Otsu's threshold of values in 0–1, over what is not plain paper."""
    levels = (values[values > 0.08] * 255).astype(np.uint8)
    if levels.size < 2:
        return 0.5
    threshold, _ = cv2.threshold(levels.reshape(1, -1), 0, 255, cv2.THRESH_OTSU)
    return float(np.clip(threshold / 255, 0.2, 0.6))


def without_rules(mask: np.ndarray) -> np.ndarray:
    """Return the uint8 mask without ruled lines: thin, straight, nearly level, running out of the picture at both ends.

    Where a stroke crosses or stands on the line, the stroke stays.
    """
    height, width = mask.shape
    margin = max(2, width // 25)
    sides = [(0.0, y) for y in _runs(mask[:, :margin])] + [(width - 1.0, y) for y in _runs(mask[:, -margin:])]
    edges = [(x, 0.0) for x in _runs(mask[:margin].T)] + [(x, height - 1.0) for x in _runs(mask[-margin:].T)]
    for i, start in enumerate(sides):
        for end in sides[i + 1 :] + edges:
            if abs(end[0] - start[0]) > 0.5 * width and abs(end[1] - start[1]) < 0.35 * abs(end[0] - start[0]):
                mask = _without_line(mask, start, end)
    return mask


def _runs(band: np.ndarray) -> list[float]:
    """Return the middles of the runs of rows of `band` that hold ink."""
    flags = band.any(axis=1).astype(np.int8)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags, [0]])))
    return [(start + stop - 1) / 2 for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _without_line(mask: np.ndarray, start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    height, width = mask.shape
    columns = np.arange(width)
    line = start[1] + (columns - start[0]) * (end[1] - start[1]) / (end[0] - start[0])
    along = (columns >= min(start[0], end[0])) & (columns <= max(start[0], end[0]))
    apart = np.abs(np.arange(height)[:, None] - line)  # (h, w) rows from the line
    inked = mask > 0
    covered = ((apart <= 1.5) & inked).any(axis=0)[along].mean()
    thickness = np.median(((apart <= 0.12 * height) & inked).sum(axis=0)[along])
    if covered < 0.85 or thickness > max(3.0, 0.09 * height):
        return mask
    reach = thickness / 2 + 2
    stroke = ((apart > reach) & (apart <= reach + 2) & inked).any(axis=0)
    erased = np.where((apart <= reach) & ~stroke & along, 0, mask).astype(np.uint8)
    return erased if erased.sum() > 0.25 * mask.sum() else mask


def _plausibility(stat: np.ndarray, shape: tuple[int, ...]) -> float:
    """How much a component looks like writing: edges of the desk and rests of rules, along a border, hardly do."""
    at_sides, at_ends = _borders(stat, shape)
    lies_flat = at_sides and stat[3] < 0.15 * shape[0] and stat[2] > 0.5 * shape[1]
    if (lies_flat or at_sides + at_ends >= 3) and min(shape) >= RULED_SIDE:
        return 0.02
    return (1.0, 0.7, 0.5, 0.4, 0.4)[at_sides + at_ends]


def _fat(weak: np.ndarray, labels: np.ndarray, stats: np.ndarray) -> np.ndarray:
    """Return which components, (n,) bool, are patches of shadow or light rather than strokes."""
    depth = np.zeros(len(stats), np.float32)
    inside = weak > 0
    np.maximum.at(depth, labels[inside], cv2.distanceTransform(weak, cv2.DIST_L2, 3)[inside])
    return 2 * depth > 0.5 * stats[:, 2:4].max(axis=1)


def _borders(stat: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many of the left and right, and of the top and bottom borders a component touches."""
    left, top, width, height = stat[:4]
    return int(left == 0) + int(left + width == shape[1]), int(top == 0) + int(top + height == shape[0])


def _belongs(stat: np.ndarray, weight: float, main: np.ndarray, main_weight: float, shape: tuple[int, ...]) -> bool:
    """Whether a component is part of the digit whose largest part is `main`: heavy enough, near enough, no corner."""
    gap_x = max(main[0] - (stat[0] + stat[2]), stat[0] - (main[0] + main[2]), 0)
    gap_y = max(main[1] - (stat[1] + stat[3]), stat[1] - (main[1] + main[3]), 0)
    reach = 0.35 * max(main[2], main[3])
    in_corner = all(_borders(stat, shape)) and min(shape) >= RULED_SIDE
    return weight > 0.04 * main_weight and max(gap_x, gap_y) <= reach and not in_corner


def bounding_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of the true pixels, right and bottom exclusive."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return left, top, left + width, top + height


# ---------------------------------------------------------------- MNIST's form


def normalise(contrast: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Cut the masked strokes out of `contrast` and bring them into MNIST's form: uint8 (28, 28)."""
    left, top, right, bottom = bounding_box(mask)
    near = cv2.dilate(mask[top:bottom, left:right].astype(np.uint8), np.ones((3, 3), np.uint8))
    strokes = np.clip(contrast[top:bottom, left:right], 0, 1) * near
    longer = max(strokes.shape)
    if longer > FINE_SIDE:
        strokes = _resize(strokes, FINE_SIDE)
    strokes = thicken_hairlines(strokes)
    return centre_by_mass(_resize(strokes, BOX_SIDE))


def _resize(strokes: np.ndarray, longer_side: int) -> np.ndarray:
    scale = longer_side / max(strokes.shape)
    size = tuple(max(1, round(side * scale)) for side in strokes.shape[::-1])
    return cv2.resize(strokes, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def stroke_width(strokes: np.ndarray) -> float:
    """Estimate the pen's width in pixels: twice the area over the outline's length."""
    solid = (strokes > 0.4).astype(np.uint8)
    area = int(solid.sum())
    inner = int(cv2.erode(solid, np.ones((3, 3), np.uint8), borderValue=0).sum())
    return 2.0 * area / max(1, area - inner)


def thicken_hairlines(strokes: np.ndarray, least: float = 2.0) -> np.ndarray:
    """Widen strokes that would be thinner than `least` pixels in the 20x20 box, where they would fade to grey."""
    wanted = least * max(strokes.shape) / BOX_SIDE
    missing = wanted - stroke_width(strokes)
    if missing < 0.5:
        return strokes
    side = 2 * int(np.ceil(missing / 2)) + 1
    margin = side // 2
    padded = cv2.copyMakeBorder(strokes, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    return cv2.dilate(padded, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    """Return (x, y) of the centre of mass, the middle of pixel (0, 0) being (0.5, 0.5)."""
    moments = cv2.moments(image)
    return moments["m10"] / moments["m00"] + 0.5, moments["m01"] / moments["m00"] + 0.5


def centre_by_mass(strokes: np.ndarray) -> np.ndarray:
    """Place strokes (at most 20 on a side, 0–1) so that their centre of mass is the middle of 28x28; stretch to 255."""
    inked = strokes[strokes > 0.1]
    top_level = quantile(inked, 0.95) if inked.size else 1.0
    levels = (np.clip(strokes / max(0.2, top_level), 0, 1) * 255).round().astype(np.uint8)
    x, y = centre_of_mass(levels) if levels.any() else (levels.shape[1] / 2, levels.shape[0] / 2)
    height, width = levels.shape
    left = int(np.clip(round(MIDDLE - x), 0, INK_SIDE - width))
    top = int(np.clip(round(MIDDLE - y), 0, INK_SIDE - height))
    ink = np.zeros((INK_SIDE, INK_SIDE), np.uint8)
    ink[top : top + height, left : left + width] = levels
    return ink
