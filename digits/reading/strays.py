"""Ink where nothing was read: a digit that the finder of numbers did not see, or a small one squeezed in between them.

    strays(grey, zones, finder)          # the Zone of each

Pieces of rules and frames are none, being part of something longer, nor is what the finder knows as other writing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from digits.finding.strip import DIGIT_HEIGHT, PAPER
from digits.reading.finder import SIDE, NumberFinder, seen_at, to_page
from digits.reading.zones import STRIDE, Zone

FAINT, CLEAR = 40, 80  # levels above the paper: ink reaches as far as the first, and a quarter of it exceeds the second
LOWEST, TALLEST, WIDEST = 0.6, 1.6, 3.0  # in heights of the digits that were read
LOW = 0.3  # likewise, of a digit squeezed in
HANGING = 0.8  # likewise, how far its foot is above the middle of the others, at most
BESIDE = 0.5  # digit heights beyond either end of a line that are its own
OTHER_WRITING = 0.3  # probability of the finder


def strays(grey: np.ndarray, zones: Sequence[Zone], finder: NumberFinder) -> list[Zone]:
    """Return where in a grey picture, uint8 (h, w), digits may stand outside the zones that were read, or in one."""
    height = float(np.median([zone.height for zone in zones]))
    scale = min(DIGIT_HEIGHT / height, SIDE / max(grey.shape))
    small = seen_at(scale, grey)
    read = [_longer(zone.scaled(scale)) for zone in zones]
    apart = [ink for ink in _pieces(to_page(small), scale * height) if _is_apart(ink, read, scale * height)]
    if not apart:
        return []
    _numbers, others = finder.look(small)
    return [ink.scaled(1 / scale) for ink in apart if _most(others, ink) < OTHER_WRITING]


def _is_apart(ink: Zone, read: Sequence[Zone], height: float) -> bool:
    """Whether a piece of ink is as high as a digit and apart from what was read, or squeezed into it."""
    n_touched = sum(ink.touches(zone) for zone in read)
    if ink.height < LOWEST * height:
        return n_touched < 2 and any(_is_squeezed_in(ink, zone) for zone in read)
    return not n_touched


def _is_squeezed_in(ink: Zone, zone: Zone) -> bool:
    """Whether the foot of a low piece of ink hangs above the middle of a zone's digits, between or over them.

    A piece that is wider than high is rather the bar of a 5.
    """
    middle = ink.x + ink.length / 2
    foot = zone.y + zone.slope * (middle - zone.x) - ink.y - ink.height / 2
    is_between = zone.x < middle < zone.x + zone.length and 0 < foot < HANGING * zone.height
    return is_between and ink.length < ink.height


def _longer(zone: Zone) -> Zone:
    more = BESIDE * zone.height
    return replace(zone, x=zone.x - more, y=zone.y - more * zone.slope, length=zone.length + 2 * more)


def _pieces(page: np.ndarray, height: float) -> Iterator[Zone]:
    """Yield each piece of ink not much higher than a digit in an even page, uint8 (h, w), away from its borders."""
    _n, labels, stats, _centres = cv2.connectedComponentsWithStats((page > PAPER + FAINT).astype(np.uint8))
    left, top, width, tall = stats[:, :4].T
    is_inside = (left > 0) & (top > 0) & (left + width < page.shape[1]) & (top + tall < page.shape[0])
    is_as_high = (LOW * height <= tall) & (tall <= TALLEST * height) & (width <= WIDEST * height)
    for label in np.flatnonzero(is_inside & is_as_high):
        x, y, w, h, area = stats[label]
        place = np.s_[y : y + h, x : x + w]
        if np.count_nonzero(page[place][labels[place] == label] > PAPER + CLEAR) > area / 4:
            yield Zone(float(x), y + h / 2, float(w), float(h), 0.0, 1.0)


def _most(marked: np.ndarray, zone: Zone) -> float:
    """Return the highest value of a map of every fourth pixel, float (h / 4, w / 4), within a level zone."""
    top, bottom = (int((zone.y + half * zone.height) / STRIDE) for half in (-0.5, 0.5))
    left, right = int(zone.x / STRIDE), int((zone.x + zone.length) / STRIDE)
    return float(marked[top : bottom + 1, left : right + 1].max())
