"""Other views of a picture: what there is to look at besides the whole of it, when, and which view is believed.

The first view is the whole picture against its paper, and nearly always right. Others are worth their time where a
frame is drawn, or a sheet lies on a desk: what is within it alone (`region_of`); where a level stroke lies apart below
the others: all but that (`above_a_line`); where the first view is in doubt: the same picture with other ideas of paper
and stroke (`against_other_paper`); where what was found has few pixels: its neighbourhood (`is_small`).

A view inside or above that only leaves out what is drawn around the digit is believed in the first one's place, and any
view in the place of a blank one; the rest go along as `others`, for the network to choose. The order in which all that
happens is told in digit.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from digits.finding.found import FoundDigit
from digits.finding.paper import Measured, Method, measure_contrast, measure_shaded
from digits.finding.pixels import RULED_SIDE, Box, bounding_box, quantile
from digits.finding.sheet import coloured_sheet, framed
from digits.finding.strokes import FAT, edge_height, is_solid, without_thin_strokes, without_underline

CLOSE_SIDE = 32  # a digit smaller than this at working size is looked at again, closer
SHARP_EDGE = 0.9
MARK = 0.38  # of the height of its frame or ring: what is lower may be the mark in a nought
FULL_INK = 0.95  # contrast of the inside of a stroke; loops that close in few pixels stay below


# ---------------------------------------------------------------- what there is to look at


def region_of(small: np.ndarray, first: FoundDigit) -> np.ndarray | None:
    """Return where to look, boolean (h, w), if the digit may lie inside a drawn frame, or on a sheet on a desk."""
    if min(first.mask.shape) < RULED_SIDE:
        return None
    region = framed(first.contrast)
    is_drawn = first.method is Method.FLAT_PAPER and not first.doubt and not is_solid(first.mask)
    return coloured_sheet(small, first.contrast) if region is None and not is_drawn else region


def cut_out(pixels: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return the part of `pixels` that `region`, boolean at working size, shows, filled up around it; its left, top."""
    scale = pixels.shape[0] / region.shape[0]
    left, top, right, bottom = (round(edge * scale) for edge in bounding_box(region))
    cut = pixels[top:bottom, left:right].copy()
    shown = cv2.resize(region.astype(np.uint8), pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    seen = shown[top:bottom, left:right] > 0
    cut[~seen] = np.median(cut[seen], axis=0)
    return cut, left, top


def above_a_line(first: FoundDigit) -> Iterator[Measured]:
    """Yield the contrast without an underline, if there seems to be one."""
    lighter = without_underline(first.contrast, first.mask)
    if lighter is not None:
        yield Measured(lighter, Method.ABOVE, first.polarity)


def against_other_paper(small: np.ndarray, first: FoundDigit) -> Iterator[Measured]:
    """Yield other contrasts of the picture.

    Against the paper near by, for soft shadows and the edge of a desk; against closed strokes, for a shadow's sharp
    edge; without thin strokes, if the first view hardly shows a digit, for lines drawn across it.
    """
    yield measure_contrast(small, Method.NEAR_PAPER)
    yield measure_shaded(small)
    if first.doubt and first.mask.any():
        yield Measured(without_thin_strokes(first.contrast, first.mask), first.method, first.polarity)


def is_sure(found: FoundDigit) -> bool:
    """Whether no other paper is worth its time: of a drawing without doubt, of a photo with edges as sharp."""
    if found.method is Method.FLAT_PAPER:
        return min(found.mask.shape) < RULED_SIDE or not found.doubt
    return not found.doubt and found.left_out < 0.1 and edge_height(found.contrast, found.mask) > SHARP_EDGE


# ---------------------------------------------------------------- which view is believed


def in_order(first: FoundDigit, within: list[FoundDigit], distinct: list[FoundDigit]) -> FoundDigit:
    """Return the view to believe unless another looks clearly better, with those others."""
    if within and _holds(within[0].box, first.box):  # digit, without what is drawn around it
        first, *within = within
    else:
        within = [replace(view, method=_place(view, first)) for view in within]
    if first.is_blank and (within or distinct):
        first, *distinct = sorted([*within, *distinct], key=lambda view: view.doubt)
        within = []
    return replace(first, others=(*within, *distinct))


def _place(view: FoundDigit, first: FoundDigit) -> Method:
    """Return how a view that leaves out what is drawn around it is to be taken, see `Method`."""
    if view.method is Method.ABOVE or view.box is None or first.box is None:
        return view.method
    return Method.MARK if _height(view.box) < MARK * _height(first.box) else Method.INSIDE


def _height(box: Box) -> int:
    return box[3] - box[1]


def _holds(outer: Box | None, box: Box | None) -> bool:
    """Whether a `box` is no larger than an `outer` one by more than a tenth of its height on any side."""
    if outer is None or box is None:
        return False
    beyond = np.subtract(box, outer) * (-1, -1, 1, 1)
    return bool(beyond.max() <= 0.1 * _height(outer))


def differs(view: FoundDigit, first: FoundDigit) -> bool:
    """Whether a view shows strokes that the first one does not."""
    shared = (view.mask & first.mask).sum() / max(1, (view.mask | first.mask).sum())
    return view.box is not None and bool(shared < 0.9) and not _hollows(view, first)


def _hollows(view: FoundDigit, first: FoundDigit) -> bool:
    """Whether a view makes a ring of a filled blob, as paper estimated near by does."""
    if first.fatness <= FAT:
        return False
    left_out = first.contrast[first.mask & ~view.mask]
    return left_out.size > 0.2 * first.mask.sum() and quantile(left_out, 0.3) > FULL_INK


# ---------------------------------------------------------------- closer


def is_small(found: FoundDigit) -> bool:
    """Whether a digit was found, but of so few pixels that a closer look would show more of it."""
    left, top, right, bottom = bounding_box(found.mask)
    return 0 < max(right - left, bottom - top) < CLOSE_SIDE


def neighbourhood(pixels: np.ndarray, box: Box) -> tuple[np.ndarray, int, int]:
    """Return the pixels of a box and as much again on every side, and where they begin: left, top."""
    left, top, right, bottom = box
    margin = max(right - left, bottom - top)
    x, y = max(0, left - margin), max(0, top - margin)
    return pixels[y : bottom + margin, x : right + margin], x, y
