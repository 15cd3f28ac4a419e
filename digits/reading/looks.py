"""Which of several looks at a picture is believed: the one that is read most surely; the others may raise doubts.

    lines, doubts = surest(finder.looks(grey)[0], lambda zone: read_zone(grey, zone, readers))

A look is a list of zones, of the picture at one size: digits that fill it are in pieces at its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from digits.reading.line import ReadLine
from digits.reading.zones import Zone

WELL_READ = 0.85  # certainty of a look that needs no coarser one
HARDLY = 0.7  # certainty of a zone in which the finder hardly sees a number
FURTHER = 0.5  # digit heights, for each zone, by which a look must be longer to be worth reading


def surest(looks: list[list[Zone]], read: Callable[[Zone], ReadLine]) -> tuple[list[ReadLine], list[str]]:
    """Return the lines of the look that is read most surely, and what makes other looks doubt it."""
    # 1. Once a look is read surely and without a doubt, only those that reach further are read as well.
    looked: list[list[ReadLine]] = []
    for zones in looks:
        if not any(map(_is_clean, looked)) or _reaches_further(zones, looks[0]):
            looked.append(once([read(zone) for zone in zones]))
    # 2. The best of these says most without a doubt; or, if there is none, is the surest on average.
    clean = sorted(filter(_is_clean, looked), key=lambda lines: -len(_digits(lines)))
    best = clean[0] if clean else max(looked, key=_sureness, default=[])
    # 3. Another one that is as clean, or says more, casts a doubt on it, and so does what was left unread further on.
    further = [lines for lines in looked if _reaches_further(_zones(lines), _zones(best))]
    longer = [lines for lines in looked if len(_digits(lines)) > len(_digits(best))]
    more = [lines for lines in longer if _sureness(lines) > WELL_READ or any(lines is one for one in further)]
    # 4. If it says all of that and more, and where the best one read it hardly a number was seen, it is the answer.
    fuller = [lines for lines in more if _is_part(_digits(best), _digits(lines))]
    if fuller and _placed(best) < HARDLY:
        clean, best = [*clean, best], max(fuller, key=_sureness)
    others = [lines for lines in more + clean if _said(lines) != _said(best)]
    doubts = [f"it could be {' '.join(line.text for line in lines if line.digits)}" for lines in others[:1]]
    missed = [line for lines in further for line in lines if line.digits and not line.is_whole]
    return best, doubts + [line.doubt for line in missed if line.doubt]


def _is_part(digits: list[int], longer: list[int]) -> bool:
    """Whether `digits` are among the `longer` ones in the same order, with others between them."""
    rest = iter(longer)
    return all(digit in rest for digit in digits)


def _placed(lines: list[ReadLine]) -> float:
    """Return how surely numbers stand where a look saw them, the least sure of them."""
    return min((line.zone.certainty for line in lines if line.digits), default=0.0)


def _sureness(lines: list[ReadLine]) -> float:
    """Return how surely a look is read, zones without digits not at all: pieces of large digits say little."""
    written = [line for line in lines if not line.is_blot]
    areas = [line.zone.length * line.zone.height for line in written]
    sure = [line.certainty * bool(line.digits) for line in written]
    return float(np.average(sure, weights=areas)) if written else 0.0


def _is_clean(lines: list[ReadLine]) -> bool:
    """Whether a look is read surely and without a doubt."""
    return _sureness(lines) > WELL_READ and not any(line.doubt for line in lines if line.digits)


def _reaches_further(zones: list[Zone], others: list[Zone]) -> bool:
    """Whether zones are longer than others by more than a digit that was not read."""
    more = sum(zone.length for zone in zones) - sum(zone.length for zone in others)
    return more > FURTHER * sum(zone.height for zone in zones)


def once(lines: list[ReadLine]) -> list[ReadLine]:
    """Return the lines without those whose digits another one, read on beyond its zone, has as well."""
    return [
        line
        for line in lines
        if not line.digits
        or not any(
            other is not line
            and other.zone.touches(line.zone)
            and len(other.digits) > len(line.digits)
            and _said([line]) in _said([other])
            for other in lines
        )
    ]


def _zones(lines: list[ReadLine]) -> list[Zone]:
    return [line.zone for line in lines]


def _digits(lines: list[ReadLine]) -> list[int]:
    return [digit.digit for line in lines for digit in line.digits]


def _said(lines: list[ReadLine]) -> str:
    return "".join("".join(line.text.split()) for line in lines)
