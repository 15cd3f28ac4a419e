"""Where numbers stand in a picture: a network marks their zones, see zones.py, in as many sizes as it takes.

    looks, seen = NumberFinder().looks(grey)            # of uint8 (h, w): [[Zone, …], …] and [Zone, …]

The network (learning/networks.PageNet) was trained on digits 11 to 60 pixels high, so a picture is looked at again at
another size where its digits turn out smaller or larger.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

from digits.finding.pixels import scaled
from digits.finding.strip import PAPER, measure, to_levels
from digits.reading.engines import SurroundingsNetwork
from digits.reading.zones import FILLS, STRIDE, Zone, together, zones_of

SIDE = 1280  # of the picture at the first look, at most: an A4 page's digits are some twenty pixels high then
LEAST_SIDE = 8  # pixels of the picture's shorter side as it is looked at
TILE = 32  # the network's sides are multiples of it
STRONGEST = 0.3  # per cent of a page's pixels whose level counts as that of its ink
FEWEST = 100  # pixels that are enough for that: one number on a large sheet has no more
COARSER = 3.0  # times at each further look
SMALL_PICTURE = 200  # pixels of the longer side
LEAST, SMALL, COMFORTABLE = 9.0, 16.0, 26.0  # heights of digits in pixels: found at all, looked at again, and then


class NumberFinder:
    """Finds numbers with the network of `pages.onnx`. Raises `UserError` if its file is missing or not ours."""

    def __init__(self, threads: int | None = None) -> None:
        self._network = SurroundingsNetwork("pages", threads)
        self.facts = self._network.facts

    def look(self, grey: np.ndarray) -> np.ndarray:
        """Return the probabilities of numbers and other writing in a grey picture, uint8 (h, w): (2, h / 4, w / 4)."""
        page = to_page(grey)
        below, beside = (TILE + -side % TILE for side in page.shape)
        padded = cv2.copyMakeBorder(page, TILE, below, TILE, beside, cv2.BORDER_CONSTANT, value=PAPER)
        logits = self._network.run(padded[None])[0]
        start, rows, columns = TILE // STRIDE, -(-page.shape[0] // STRIDE), -(-page.shape[1] // STRIDE)
        return 1 / (1 + np.exp(-logits[:, start : start + rows, start : start + columns].clip(-30, 30)))

    def looks(self, grey: np.ndarray) -> tuple[list[list[Zone]], list[Zone]]:
        """Return what may be the numbers' zones in a grey picture, uint8 (h, w): a list for each size it is seen at.

        The first is the picture as it is, or larger where its digits are small; the others are ever coarser, for
        digits that fill it, and only where they show more. Looks without a zone are left out.

        Returned second are the zones of every look, also of those left out: a picture may hold digits of two sizes.
        """
        scale = min(1.0, SIDE / max(grey.shape))
        first = self._look_at(grey, scale)
        seen = list(first.zones)
        height = first.height * scale
        if 0 < height < SMALL or (not first.zones and max(grey.shape) < SMALL_PICTURE):
            larger = min(scale * (COMFORTABLE / height if height else 2.0), SIDE / max(grey.shape))
            again = self._look_at(grey, larger)
            seen += again.zones
            first = again if again.area > 0.7 * first.area else first
        looks = [first]
        while max(grey.shape) * scale > 2 * TILE:
            scale /= COARSER
            look = self._look_at(grey, scale)
            seen += look.zones
            if look.area > first.area:
                looks.append(look)
        return [look.zones for look in looks if look.zones], seen

    def only_line(self, grey: np.ndarray) -> Zone | None:
        """Return the zone of all writing in a picture, numbers or not, if it is one line; None if it is not."""
        scale = min(1.0, SIDE / max(grey.shape))
        numbers, others = self.look(seen_at(scale, grey))
        zones = zones_of(np.maximum(numbers, others), np.zeros_like(others))
        return zones[0].scaled(1 / scale) if len(zones) == 1 and zones[0].height >= LEAST else None

    def _look_at(self, grey: np.ndarray, scale: float) -> Look:
        small = seen_at(scale, grey)
        zones = [zone for zone in zones_of(*self.look(small)) if zone.height >= LEAST]
        tall = [zone for zone in zones if zone.height > FILLS * small.shape[0]]
        if tall:
            zones = [reduce(together, sorted(tall, key=lambda zone: zone.x))]  # there is room for one line only
        return Look([zone.scaled(1 / scale) for zone in zones])


@dataclass(frozen=True)
class Look:
    """What was found in a picture seen at one size; the zones are in the picture's own pixels."""

    zones: list[Zone]

    @property
    def height(self) -> float:
        """The usual height of the digits; 0 if there are none."""
        return float(np.median([zone.height for zone in self.zones])) if self.zones else 0.0

    @property
    def area(self) -> float:
        """How much of the picture is surely numbers, in pixels: pieces of large digits cover less than the digits."""
        return sum(zone.certainty * zone.length * zone.height for zone in self.zones)


def seen_at(scale: float, grey: np.ndarray) -> np.ndarray:
    """Return a grey picture, uint8 (h, w), `scale` times as large."""
    return scaled(grey, scale, LEAST_SIDE, cv2.INTER_CUBIC)


def to_page(grey: np.ndarray) -> np.ndarray:
    """Return a grey picture, uint8 (h, w), in even contrast, for the network: paper is `PAPER`, ink brighter."""
    seen = grey[::2, ::2]
    paper, contrast = measure(seen, min(STRONGEST, 100 * FEWEST / seen.size))
    return to_levels((grey.astype(np.float32) - paper) / contrast)
