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

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from digits.paper import measure_contrast, measure_shaded, quantile
from digits.picture import Picture, open_picture
from digits.strokes import (
    RULED_SIDE,
    bounding_box,
    doubt,
    edge_height,
    framed,
    is_solid,
    select_strokes,
    sheet,
    without_edges,
    without_thin_strokes,
    without_underline,
)

MEAN, STD = 0.1307, 0.3081  # of MNIST's training pixels / 255

INK_SIDE = 28
BOX_SIDE = 20  # the longer side of every MNIST digit
MIDDLE = 14.5  # where MNIST has the centre of mass, in both directions
WORK_SIDE = 160  # of the picture while the digit is being found; 256 read no better and took twice as long
CLOSE_SIDE = 32  # a digit smaller than this at working size is looked at again, closer
FINE_SIDE = 80  # strokes are evened out at four times the box
LEAST_EDGE = 0.45  # of strokes in a photo: of 224 photographed digits none was below 0.58, empty paper mostly is
SHARP_EDGE = 0.9
NO_INK = np.zeros((INK_SIDE, INK_SIDE), np.uint8)
INSIDE = "inside a frame"  # or on a sheet: the method of a view that leaves out what was found around it
ABOVE = "above a line"  # of a view that leaves out an underline


@dataclass(frozen=True)
class FoundDigit:
    """What was found in a picture and how.

    `ink` is uint8 (28, 28). `box` is (left, top, right, bottom) in pixels of the upright picture at `size` (width,
    height), its own or, of a large JPEG, that which it was decoded at; None if blank.
    `contrast` is float32 (h, w), 0 = paper, about 1 = ink, at working size; `mask`, boolean (h, w), the kept strokes.
    """

    ink: np.ndarray
    box: tuple[int, int, int, int] | None
    polarity: str  # "dark on light" or "light on dark"
    method: str  # "as it is", "flat paper", "fitted paper", "near paper", "shaded paper", INSIDE or ABOVE
    contrast: np.ndarray
    mask: np.ndarray
    others: tuple[FoundDigit, ...] = ()  # what other views of a doubtful picture show; the network chooses
    size: tuple[int, int] = (INK_SIDE, INK_SIDE)
    left_out: float = 0.0  # how much other writing there is, against the digit's: near 1 for a second digit

    @property
    def is_blank(self) -> bool:
        """Whether no stroke stands out from the paper."""
        return self.box is None


def to_ink(picture: Picture) -> np.ndarray:
    """Return the ink of `picture`, uint8 (28, 28); all zero if it is blank. Raises `PictureError`."""
    return find_digit(picture).ink


def find_digit(picture: Picture) -> FoundDigit:
    """Find the one digit in `picture`. Raises `PictureError` if the picture cannot be read."""
    pixels = open_picture(picture, side=WORK_SIDE * 3 // 2)
    if is_mnist_form(pixels):
        return _untouched(pixels, "light on dark")
    if pixels.size == INK_SIDE**2 and is_mnist_form(255 - pixels):
        return _untouched(255 - pixels, "dark on light")
    found = _find_in(pixels)
    found = _closer(pixels, found) if max(pixels.shape[:2]) > WORK_SIDE else found
    size = pixels.shape[1::-1]
    return replace(found, size=size, others=tuple(replace(view, size=size) for view in found.others))


def _find_in(pixels: np.ndarray, n_nested: int = 2) -> FoundDigit:
    small = shrink(pixels, WORK_SIDE)
    scale = pixels.shape[0] / small.shape[0]
    contrast, method, polarity = measure_contrast(small)
    first = _found(contrast, method, polarity, scale)
    inner = _find_inside(pixels, _region(small, first), scale, n_nested - 1) if n_nested else []
    inner += [view for view in _above_line(first, scale) if view.box]
    is_sure = _is_sure(first)
    if is_sure and not inner:
        return first
    others = [] if is_sure else [_found(*view, scale) for view in _views(small, first)]
    distinct = [item for item in others if item.box and _overlap(item.mask, first.mask) < 0.9]
    return _in_order(first, inner, distinct)


def _is_sure(found: FoundDigit) -> bool:
    """Whether no other view is worth its time: of a drawing without doubt, of a photo with edges as sharp."""
    if found.method == "flat paper":
        return min(found.mask.shape) < RULED_SIDE or not doubt(found.mask)
    return not doubt(found.mask) and found.left_out < 0.1 and edge_height(found.contrast, found.mask) > SHARP_EDGE


def _above_line(first: FoundDigit, scale: float) -> list[FoundDigit]:
    """Return the view without an underline, if there seems to be one."""
    lighter = without_underline(first.contrast, first.mask)
    return [] if lighter is None else [_found(lighter, ABOVE, first.polarity, scale)]


def _in_order(first: FoundDigit, inner: list[FoundDigit], distinct: list[FoundDigit]) -> FoundDigit:
    """Return the view to believe unless another looks clearly better, with those others."""
    same = inner and first.box and _holds(inner[0].box, first.box)  # digit, without what is drawn around it
    if same and doubt(inner[0].mask) <= doubt(first.mask):
        first, *inner = inner
    else:
        inner = [view if view.method == ABOVE else replace(view, method=INSIDE) for view in inner]
    if first.is_blank and (inner or distinct):
        first, *distinct = sorted([*inner, *distinct], key=lambda item: doubt(item.mask))
        inner = []
    return replace(first, others=(*inner, *distinct))


def _holds(outer: tuple[int, int, int, int], box: tuple[int, int, int, int]) -> bool:
    """Whether `box` is no larger than `outer` by more than a tenth of its height on any side."""
    slack = 0.1 * (outer[3] - outer[1])
    return all(edge <= inside + slack for edge, inside in zip(outer[:2], box[:2], strict=True)) and all(
        edge >= inside - slack for edge, inside in zip(outer[2:], box[2:], strict=True)
    )


def _region(small: np.ndarray, first: FoundDigit) -> np.ndarray | None:
    """Return where to look, boolean (h, w), if the digit may lie inside a drawn frame, or on a sheet on a desk."""
    if min(first.mask.shape) < RULED_SIDE:
        return None
    region = framed(first.contrast)
    is_drawn = first.method == "flat paper" and not doubt(first.mask) and not is_solid(first.mask)
    return sheet(small, first.contrast) if region is None and not is_drawn else region


def _find_inside(pixels: np.ndarray, region: np.ndarray | None, scale: float, n_nested: int) -> list[FoundDigit]:
    """Return what is found if only `region`, boolean at working size, is looked at."""
    if region is None:
        return []
    left, top, right, bottom = (round(edge * scale) for edge in bounding_box(region))
    cut = pixels[top:bottom, left:right].copy()
    inside = cv2.resize(region.astype(np.uint8), pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    inside = inside[top:bottom, left:right] > 0
    cut[~inside] = np.median(cut[inside], axis=0)
    found = _find_in(cut, n_nested)
    return [_shifted(view, left, top) for view in (found, *found.others) if view.box]


def _shifted(found: FoundDigit, x: int, y: int) -> FoundDigit:
    left, top, right, bottom = found.box
    return replace(found, box=(left + x, top + y, right + x, bottom + y), others=())


def _found(contrast: np.ndarray, method: str, polarity: str, scale: float) -> FoundDigit:
    mask, others = select_strokes(contrast)
    if not mask.any() or (method != "flat paper" and edge_height(contrast, mask) < LEAST_EDGE):
        return FoundDigit(NO_INK, None, polarity, method, contrast, np.zeros_like(mask))
    box = tuple(round(edge * scale) for edge in bounding_box(mask))
    return FoundDigit(normalise(contrast, mask), box, polarity, method, contrast, mask, left_out=others)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def _is_small(found: FoundDigit) -> bool:
    """Whether a digit was found, but of so few pixels that a closer look would show more of it."""
    left, top, right, bottom = bounding_box(found.mask)
    return 0 < max(right - left, bottom - top) < CLOSE_SIDE


def _closer(pixels: np.ndarray, found: FoundDigit) -> FoundDigit:
    """Look again, at the picture's own resolution, at every view that shows a digit of few pixels."""
    views = [near for view in (found, *found.others) for near in (_zoomed(pixels, view) if _is_small(view) else [view])]
    return replace(views[0], others=tuple(views[1:]))


def _zoomed(pixels: np.ndarray, found: FoundDigit) -> list[FoundDigit]:
    """Return the views of the neighbourhood of what was found."""
    left, top, right, bottom = found.box
    margin = max(right - left, bottom - top)
    x, y = max(0, left - margin), max(0, top - margin)
    closer = _find_in(pixels[y : bottom + margin, x : right + margin])
    if closer.box is None:
        return [replace(found, others=())]
    views = [_shifted(view, x, y) for view in (closer, *closer.others)]
    return [replace(view, left_out=max(found.left_out, view.left_out)) for view in views]


def _views(small: np.ndarray, first: FoundDigit) -> Iterator[tuple[np.ndarray, str, str]]:
    """Yield other contrast maps of the picture, each with its method and polarity.

    Against the paper near by, for soft shadows and the edge of a desk; against closed strokes, for a shadow's sharp
    edge; without thin strokes, for lines drawn across the digit; by lightness alone, for a coloured band behind it.
    """
    yield measure_contrast(small, local=True)
    if doubt(first.mask):
        yield measure_shaded(small)
        if first.mask.any():
            yield without_thin_strokes(first.contrast, first.mask), first.method, first.polarity
            yield without_edges(first.contrast), first.method, first.polarity
        if small.ndim == 3:
            yield measure_contrast(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))


def is_mnist_form(pixels: np.ndarray) -> bool:
    """Whether `pixels` is a grey 28x28 picture, white on black, boxed and centred as MNIST's are.

    Of MNIST's 60,000 training images all have a longer side of 19 or 20 and a centre of mass inside pixel 14.
    """
    if pixels.shape != (INK_SIDE, INK_SIDE) or pixels.max() < 200:
        return False
    left, top, right, bottom = bounding_box(pixels > 0)
    x, y = centre_of_mass(pixels)
    return 19 <= max(right - left, bottom - top) <= 20 and max(abs(x - MIDDLE), abs(y - MIDDLE)) <= 0.55


def _untouched(ink: np.ndarray, polarity: str) -> FoundDigit:
    mask = ink > 0
    return FoundDigit(ink, bounding_box(mask), polarity, "as it is", ink.astype(np.float32) / 255, mask)


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return `pixels` with its longer side at most `side`, averaged rather than sampled; never enlarged."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


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


def turn(ink: np.ndarray, degrees: float) -> np.ndarray:
    """Return ink, uint8 (n, 28, 28), turned to the left about its middle."""
    matrix = cv2.getRotationMatrix2D((MIDDLE - 0.5, MIDDLE - 0.5), degrees, 1.0)
    return np.stack([cv2.warpAffine(one, matrix, (INK_SIDE, INK_SIDE)) for one in ink])
