"""Zones, where the lines of a page's numbers stand: made of the maps that the finder's network draws, and cut out.

zones = zones_of(numbers, others)          # of two maps of probabilities, float (h, w)
strip, to_picture = zones[0].cut(grey)     # a zone's strip for the line reader, uint8 (32, w)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from digits.finding.pixels import median_level
from digits.finding.strip import DIGIT_HEIGHT, MARGIN, to_strip

STRIDE = 4  # pixels of the picture to one of the maps
CORE = 0.6  # of a digit's height is its zone
LIKELY, POSSIBLE = 0.5, 0.05  # that a place is in a number: where a zone begins, and how far it reaches
FILLS = 0.5  # of a picture's height: a line so high is cut out from border to border
REACH = 1.2  # digit heights cut out on either side of a zone
APART = 1.3  # digit heights between two zones that are read as one
LONG = 3.0  # heights of a zone that shows its slope by itself
NEXT, STEEPEST = 6.0, 0.25  # digit heights between the middles of two neighbours in a line, and its slope, at most


@dataclass(frozen=True)
class Zone:
    """A line of digits: from (x, y) on, the middle of its left end; `length` and `height` in pixels.

    `slope` is by how many pixels it falls with each pixel to the right. `certainty` is that of the network, 0-1.
    """

    x: float
    y: float
    length: float
    height: float
    slope: float
    certainty: float

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"columns {round(self.x)}–{round(self.x + self.length)}"

    def scaled(self, factor: float) -> Zone:
        """Return the same zone in a picture `factor` times as large."""
        x, y, length, height = (factor * value for value in (self.x, self.y, self.length, self.height))
        return Zone(x, y, length, height, self.slope, self.certainty)

    def touches(self, other: Zone) -> bool:
        """Whether two zones, each as high as its digits, share a place."""
        x, end = max(self.x, other.x), min(self.x + self.length, other.x + other.length)
        rows = [zone.y + zone.slope * ((x + end) / 2 - zone.x) for zone in (self, other)]
        return x < end and abs(rows[0] - rows[1]) < (self.height + other.height) / 2

    def cut(self, grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the strip round the line, uint8 (32, w), and the (2, 3) matrix from its pixels to the picture's."""
        reach = REACH * self.height if self.height < FILLS * grey.shape[0] else float(grey.shape[1])
        angle = float(np.arctan(self.slope))
        along, down = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        start = np.array([self.x, self.y]) - reach * along
        width = self.length / np.cos(angle) + 2 * reach
        room = max(0.0, -start[0] / along[0])  # what would lie to the left of the picture
        start, width = start + room * along, width - room
        width = max(2.0, min(width, (grey.shape[1] - start[0]) / along[0]))
        # The line level, at its own resolution, one and a half digits above and below its middle.
        size = max(2, round(width)), max(4, round(3 * self.height))
        corner = start - 1.5 * self.height * down
        back = np.array([[along[0], down[0], corner[0]], [along[1], down[1], corner[1]]], np.float64)
        flags, paper = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, float(median_level(grey[::4, ::4]))
        level = cv2.warpAffine(grey, back, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=paper)
        strip = to_strip(level, 1.5 * self.height, self.height)
        scale = self.height / DIGIT_HEIGHT
        to_level = np.array(
            [[scale, 0, -MARGIN * scale], [0, scale, 1.5 * self.height - 16 * scale], [0, 0, 1]], np.float64
        )
        return strip, back @ to_level


def zones_of(numbers: np.ndarray, others: np.ndarray) -> list[Zone]:
    """Return the zones in two maps of probabilities, float (h, w), of every fourth pixel; neighbours are joined.

    `numbers` are those of numbers, `others` those of other writing. A zone begins where a number is likely, and takes
    in the writing that is joined to it and may belong to it (hysteresis thresholding, Canny 1986): what is written
    there, the line reader decides.
    """
    writing = np.maximum(numbers, others)
    core = (numbers > LIKELY) & (numbers > others)
    reach = core | (numbers > POSSIBLE) & (writing > LIKELY)
    n, labels, stats, _ = cv2.connectedComponentsWithStats(reach.astype(np.uint8), connectivity=8)
    n_core = np.bincount(labels[core], minlength=n)
    zones = [_fit(numbers, writing, labels, stats, i) for i in range(1, n) if n_core[i] >= 2]
    wide = [zone for zone in zones if zone.length > LONG * zone.height]
    usual = _usual_slope(wide) if wide else _slope_between(zones)
    return join([zone if zone in wide else _levelled(zone, usual) for zone in zones])


def _usual_slope(wide: list[Zone]) -> float:
    return float(np.average([zone.slope for zone in wide], weights=[zone.length for zone in wide]))


def _slope_between(zones: list[Zone]) -> float:
    """Return the usual slope from the middle of a short zone to that of the next on its right; 0 if none has one."""
    middles = np.array([(zone.x + zone.length / 2, zone.y + zone.slope * zone.length / 2) for zone in zones])
    slopes = []
    for zone, middle in zip(zones, middles, strict=True):
        run, fall = (middles - middle).T
        beside = (run > zone.height) & (run < NEXT * zone.height) & (np.abs(fall) < STEEPEST * run)
        if beside.any():
            nearest = np.flatnonzero(beside)[run[beside].argmin()]
            slopes.append(fall[nearest] / run[nearest])
    return float(np.median(slopes)) if slopes else 0.0


def _fit(numbers: np.ndarray, writing: np.ndarray, labels: np.ndarray, stats: np.ndarray, label: int) -> Zone:
    """Return the zone of one connected part: a straight line through the middle of its columns."""
    left, top, width, height, _area = stats[label]
    above, below = min(top, 1), min(len(labels) - top - height, 1)  # the rows that it covers in part
    around = np.s_[top - above : top + height + below, left : left + width]
    part = labels[around] == label
    grown = cv2.dilate(part.astype(np.uint8), np.ones((3, 1), np.uint8)) > 0
    share = np.where(grown, writing[around], 0.0)
    columns, thick = np.arange(width) + 0.5, share.sum(axis=0)
    rows = (share * (np.arange(len(share)) - above + 0.5)[:, None]).sum(axis=0) / thick
    slope, start = np.polyfit(columns, rows, 1, w=thick) if width > 2 else (0.0, float(np.average(rows, weights=thick)))
    certainty = float(np.quantile(numbers[around][part], 0.8))
    tall = STRIDE * float(np.quantile(thick, 0.6)) / CORE
    return Zone(STRIDE * float(left), STRIDE * float(top + start), STRIDE * float(width), tall, float(slope), certainty)


def _levelled(zone: Zone, slope: float) -> Zone:
    """Return a short zone with the slope of the page, about its middle."""
    middle = zone.y + zone.slope * zone.length / 2
    return replace(zone, y=middle - slope * zone.length / 2, slope=slope)


def join(zones: list[Zone]) -> list[Zone]:
    """Return the zones from top to bottom, those that follow each other closely in one line joined."""
    joined: list[Zone] = []
    for zone in sorted(zones, key=lambda zone: zone.x):
        before = next((other for other in joined if _goes_on(other, zone)), None)
        if before:
            joined.remove(before)
            zone = together(before, zone)
        joined.append(zone)
    return sorted(joined, key=lambda zone: zone.y)


def _goes_on(first: Zone, second: Zone) -> bool:
    height = max(first.height, second.height)
    apart = second.x - first.x - first.length
    lower = second.y - first.y - first.slope * (second.x - first.x)
    alike = 0.55 < first.height / max(second.height, 1e-6) < 1.8
    return alike and -height < apart < APART * height and abs(lower) < 0.45 * height


def together(first: Zone, second: Zone) -> Zone:
    end = max(first.x + first.length, second.x + second.length)
    share = first.length / (first.length + second.length)
    height = share * first.height + (1 - share) * second.height
    run = second.x + second.length / 2 - first.x - first.length / 2
    middles = [zone.y + zone.slope * zone.length / 2 for zone in (first, second)]
    slope = (middles[1] - middles[0]) / run if run > 2 * height else share * first.slope + (1 - share) * second.slope
    y = middles[0] - slope * first.length / 2
    return Zone(first.x, y, end - first.x, height, slope, max(first.certainty, second.certainty))
