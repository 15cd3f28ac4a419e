"""Other views of a picture: what there is to look at besides the whole of it, when, and which view is believed.

The first view is the whole picture against its paper, and nearly always right. Others are worth their time

- `inside`: where a frame is drawn, or a sheet lies on a desk, what is within it alone;
- `above_a_line`: where a level stroke lies apart below the others, all but that;
- `against_other_paper`: where the first view is in doubt, the same picture with other ideas of paper and stroke;
- `look_closer`: where what was found has few pixels, its neighbourhood at the picture's own resolution.

A view inside or above that only leaves out what is drawn around the digit is believed in the first one's place, and any
view in the place of a blank one; the rest go along as `others`, for the network to choose. How a picture or a contrast
map is read, the main path in `digits/finding/digit.py`, is handed in.

    found = look_again(first, pixels, small, read, find)       # the view to believe; found.others: what else there is
    found = look_closer(pixels, found, find)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from digits.finding.paper import measure_contrast, measure_shaded
from digits.finding.pixels import RULED_SIDE, bounding_box
from digits.finding.sheet import coloured_sheet, framed
from digits.finding.strokes import doubt, edge_height, is_solid, without_edges, without_thin_strokes, without_underline

CLOSE_SIDE = 32  # a digit smaller than this at working size is looked at again, closer
SHARP_EDGE = 0.9
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
    size: tuple[int, int] = (28, 28)
    left_out: float = 0.0  # how much other writing there is, against the digit's: near 1 for a second digit

    @property
    def is_blank(self) -> bool:
        """Whether no stroke stands out from the paper."""
        return self.box is None


Find = Callable[[np.ndarray], FoundDigit]  # a picture, (h, w) or (h, w, 3) uint8, -> the digit in it
Contrast = tuple[np.ndarray, str, str]  # (h, w) float32 with its method and polarity
Read = Callable[..., FoundDigit]  # a contrast, its three parts -> the digit in it


def look_again(first: FoundDigit, pixels: np.ndarray, small: np.ndarray, read: Read, find: Find | None) -> FoundDigit:
    """Return the view of `pixels` to believe, with the others worth a thought; `first` is that of all of `small`.

    `small` is the picture at working size. Without `find` no frame or sheet is looked for.
    """
    within = inside(pixels, _region(small, first), find) if find else []
    within += [view for view in (read(*contrast) for contrast in above_a_line(first)) if view.box]
    others = [] if _is_sure(first) else [read(*contrast) for contrast in against_other_paper(small, first)]
    distinct = [view for view in others if view.box and _overlap(view.mask, first.mask) < 0.9]
    return _in_order(first, within, distinct)


# ---------------------------------------------------------------- what there is to look at


def inside(pixels: np.ndarray, region: np.ndarray | None, find: Find) -> list[FoundDigit]:
    """Return what is found if only `region`, boolean at working size, is looked at."""
    if region is None:
        return []
    scale = pixels.shape[0] / region.shape[0]
    left, top, right, bottom = (round(edge * scale) for edge in bounding_box(region))
    cut = pixels[top:bottom, left:right].copy()
    seen = cv2.resize(region.astype(np.uint8), pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    seen = seen[top:bottom, left:right] > 0
    cut[~seen] = np.median(cut[seen], axis=0)
    found = find(cut)
    return [_shifted(view, left, top) for view in (found, *found.others) if view.box]


def _region(small: np.ndarray, first: FoundDigit) -> np.ndarray | None:
    """Return where to look, boolean (h, w), if the digit may lie inside a drawn frame, or on a sheet on a desk."""
    if min(first.mask.shape) < RULED_SIDE:
        return None
    region = framed(first.contrast)
    is_drawn = first.method == "flat paper" and not doubt(first.mask) and not is_solid(first.mask)
    return coloured_sheet(small, first.contrast) if region is None and not is_drawn else region


def above_a_line(first: FoundDigit) -> Iterator[Contrast]:
    """Yield the contrast without an underline, if there seems to be one."""
    lighter = without_underline(first.contrast, first.mask)
    if lighter is not None:
        yield lighter, ABOVE, first.polarity


def against_other_paper(small: np.ndarray, first: FoundDigit) -> Iterator[Contrast]:
    """Yield other contrasts of the picture.

    Against the paper near by, for soft shadows and the edge of a desk; against closed strokes, for a shadow's sharp
    edge; without thin strokes, for lines drawn across the digit; without what fills a side or corner; by lightness
    alone, for a coloured band behind it.
    """
    yield measure_contrast(small, local=True)
    if doubt(first.mask):
        yield measure_shaded(small)
        if first.mask.any():
            yield without_thin_strokes(first.contrast, first.mask), first.method, first.polarity
            yield without_edges(first.contrast), first.method, first.polarity
        if small.ndim == 3:
            yield measure_contrast(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))


def _is_sure(found: FoundDigit) -> bool:
    """Whether no other paper is worth its time: of a drawing without doubt, of a photo with edges as sharp."""
    if found.method == "flat paper":
        return min(found.mask.shape) < RULED_SIDE or not doubt(found.mask)
    return not doubt(found.mask) and found.left_out < 0.1 and edge_height(found.contrast, found.mask) > SHARP_EDGE


# ---------------------------------------------------------------- which view is believed


def _in_order(first: FoundDigit, within: list[FoundDigit], distinct: list[FoundDigit]) -> FoundDigit:
    """Return the view to believe unless another looks clearly better, with those others."""
    same = within and first.box and _holds(within[0].box, first.box)  # digit, without what is drawn around it
    if same and doubt(within[0].mask) <= doubt(first.mask):
        first, *within = within
    else:
        within = [view if view.method == ABOVE else replace(view, method=INSIDE) for view in within]
    if first.is_blank and (within or distinct):
        first, *distinct = sorted([*within, *distinct], key=lambda view: doubt(view.mask))
        within = []
    return replace(first, others=(*within, *distinct))


def _holds(outer: tuple[int, int, int, int], box: tuple[int, int, int, int]) -> bool:
    """Whether `box` is no larger than `outer` by more than a tenth of its height on any side."""
    slack = 0.1 * (outer[3] - outer[1])
    return all(edge <= inner + slack for edge, inner in zip(outer[:2], box[:2], strict=True)) and all(
        edge >= inner - slack for edge, inner in zip(outer[2:], box[2:], strict=True)
    )


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


# ---------------------------------------------------------------- closer


def look_closer(pixels: np.ndarray, found: FoundDigit, find: Find) -> FoundDigit:
    """Look again, at the picture's own resolution, at every view that shows a digit of few pixels."""
    views = [
        near for view in (found, *found.others) for near in (_zoomed(pixels, view, find) if _is_small(view) else [view])
    ]
    return replace(views[0], others=tuple(views[1:]))


def _is_small(found: FoundDigit) -> bool:
    """Whether a digit was found, but of so few pixels that a closer look would show more of it."""
    left, top, right, bottom = bounding_box(found.mask)
    return 0 < max(right - left, bottom - top) < CLOSE_SIDE


def _zoomed(pixels: np.ndarray, found: FoundDigit, find: Find) -> list[FoundDigit]:
    """Return the views of the neighbourhood of what was found."""
    left, top, right, bottom = found.box
    margin = max(right - left, bottom - top)
    x, y = max(0, left - margin), max(0, top - margin)
    closer = find(pixels[y : bottom + margin, x : right + margin])
    if closer.box is None:
        return [replace(found, others=())]
    views = [_shifted(view, x, y) for view in (closer, *closer.others)]
    return [replace(view, left_out=max(found.left_out, view.left_out)) for view in views]


def _shifted(found: FoundDigit, x: int, y: int) -> FoundDigit:
    left, top, right, bottom = found.box
    return replace(found, box=(left + x, top + y, right + x, bottom + y), others=())
