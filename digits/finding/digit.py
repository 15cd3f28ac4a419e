"""Any picture of a digit -> ink: uint8 (28, 28), white on black, as MNIST has it.

    from digits.finding.digit import find_digit, to_ink
    ink = to_ink("photo.jpg")                  # (28, 28) uint8
    found = find_digit("photo.jpg")            # the same ink, the box it came from, polarity, and every step between

The steps: shrink to a working size; estimate the paper and measure how far each pixel departs from it, along the
colour in which the ink departs most (so red on grey counts as much as black on white, and polarity needs no switch);
threshold; keep the strokes that belong together; even out hairline strokes; fit into 20x20; centre of mass to the
middle of 28x28. A picture that already has MNIST's form passes untouched. Where all that leaves a doubt, there are
other views of the picture (views.py); those that differ go along as `others`, for the network to choose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from digits.finding import views
from digits.finding.crop import to_crop
from digits.finding.decode import Picture, open_picture
from digits.finding.found import FoundDigit, read_strokes, untouched
from digits.finding.ink import INK_SIDE, is_mnist_form
from digits.finding.limits import PictureError
from digits.finding.paper import Method, measure_contrast
from digits.finding.pixels import shrink

WORK_SIDE = 160  # of the picture while the digit is being found; 256 read no better and took twice as long
N_NESTED = 2  # frames and sheets within each other that are looked into
CROPPED = 200  # pixels of the longer side: a smaller picture was cut out round its digit by somebody


def to_ink(picture: Picture) -> np.ndarray:
    """Return the ink of `picture`, uint8 (28, 28); all zero if it is blank. Raises `PictureError`."""
    return find_digit(picture).ink


def find_or_error(picture: Picture) -> FoundDigit | PictureError:
    """Return what `find_digit` does, or the error it raises: one bad file of many stops nobody."""
    try:
        return find_digit(picture)
    except PictureError as error:
        return error


def find_digit(picture: Picture) -> FoundDigit:
    """Find the one digit in `picture`. Raises `PictureError` if the picture cannot be read."""
    pixels = open_picture(picture, side=WORK_SIDE * 3 // 2)
    # 1. What is ink already passes.
    if is_mnist_form(pixels):
        return untouched(pixels, "light on dark")
    if pixels.size == INK_SIDE**2 and is_mnist_form(255 - pixels):
        return untouched(255 - pixels, "dark on light")
    # 2. Everything else is looked at, and the digits that have few pixels a second time, closer.
    found = _find_in(pixels)
    if max(pixels.shape[:2]) > WORK_SIDE:
        first, *rest = (near for view in (found, *found.others) for near in _closer(pixels, view))
        found = replace(first, others=tuple(rest))
    size = pixels.shape[1], pixels.shape[0]
    others = tuple(replace(view, size=size) for view in found.others)
    # 3. The digit in its surroundings goes along, for a network that sees those.
    return replace(found, size=size, others=others, crop=_surroundings(pixels, found))


def _surroundings(pixels: np.ndarray, found: FoundDigit) -> np.ndarray | None:
    """Return the crop, uint8 (48, 48), of a small picture; None for a drawing on flat ground, and for a large picture.

    Somebody cut a small one out round its digit, neighbours and all; in a large one the views have found the digit.
    """
    if found.method is Method.FLAT_PAPER or max(pixels.shape[:2]) > CROPPED:
        return None
    return to_crop(pixels)


def _find_in(pixels: np.ndarray, n_nested: int = N_NESTED, method: Method | None = None) -> FoundDigit:
    """Return the view of `pixels` to believe, with the others worth a thought.

    It looks within frames and sheets at most `n_nested` deep. For `method` see `paper_of`.
    """
    small = shrink(pixels, WORK_SIDE)
    scale = pixels.shape[0] / small.shape[0]
    # 1. The whole picture against its paper: nearly always right.
    first = read_strokes(measure_contrast(small, method), scale)
    # 2. Only what is within a frame, or on a sheet.
    within = list(_within(pixels, views.region_of(small, first), n_nested, first.method)) if n_nested else []
    # 3. All but an underline.
    lighter = (read_strokes(contrast, scale) for contrast in views.above_a_line(first))
    within += [view for view in lighter if view.box]
    # 4. Where the first view is in doubt, other ideas of paper and stroke.
    doubtful = () if views.is_sure(first) else views.against_other_paper(small, first)
    others = [read_strokes(contrast, scale) for contrast in doubtful]
    # 5. One of them is believed.
    return views.in_order(first, within, [view for view in others if views.differs(view, first)])


def _within(pixels: np.ndarray, region: np.ndarray | None, n_nested: int, method: Method) -> Iterator[FoundDigit]:
    """Yield what is found if only `region`, boolean at working size, is looked at.

    A part of a picture that is not flat, by `method`, looks so where it is filled up around the region.
    """
    if region is None:
        return
    cut, left, top = views.cut_out(pixels, region)
    found = _find_in(cut, n_nested - 1, None if method is Method.FLAT_PAPER else Method.FITTED_PAPER)
    yield from (view.shifted(left, top) for view in (found, *found.others) if view.box)


def _closer(pixels: np.ndarray, found: FoundDigit) -> list[FoundDigit]:
    """Return a view of few pixels anew, at the picture's own resolution; any other as it is."""
    if found.box is None or not views.is_small(found):
        return [found]
    cut, left, top = views.neighbourhood(pixels, found.box)
    closer = _find_in(cut)
    if closer.box is None:
        return [replace(found, others=())]
    return [view.shifted(left, top) for view in (closer, *closer.others)]
