"""A picture of writing -> the numbers in it: the story from the pixels to the answer.

    reading = read_number(pixels, readers, lambda: predictor.predict(pixels))
    reading.text, reading.status, reading.reason       # "64,444.60", "ok", ""

What is written is decided by networks that see the surroundings: one finds the numbers, one reads each line of them as
a whole, at two sizes unless the first is clear. Where these differ, where either doubts, or where something was left
unread, the reading is unsure and says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from digits.finding.digit import WORK_SIDE
from digits.finding.paper import measure_contrast
from digits.finding.pixels import Box, shifted, shrink, to_grey
from digits.finding.sheet import ringed
from digits.finding.views import cut_out
from digits.reading.answer import NumberReading, Prediction
from digits.reading.line import DigitReading, NumberReaders, ReadLine, read_zone
from digits.reading.looks import WELL_READ, once, surest
from digits.reading.neighbours import against_each_other
from digits.reading.spaces import spaced
from digits.reading.strays import LOWEST, strays
from digits.reading.verdict import AS_A_NUMBER, NOT_A_DIGIT, OK, UNSURE
from digits.reading.zones import Zone

SURELY_ONE = 0.8  # certainty of a zone in which surely something is written
WIDEST = 1.6  # of a digit, in its heights
LONGEST = 1.2  # of a zone that holds one digit, in its heights
SAME_ROW = 0.5  # digit heights between the middles of two zones of one row


def read_number(pixels: np.ndarray, readers: NumberReaders, as_one: Callable[[], Prediction]) -> NumberReading:
    """Read all numbers in a picture, uint8 (h, w) or RGB (h, w, 3).

    `as_one` reads the same picture as one digit; it is asked only where there may be no more than one. What is not sure
    with the ring that somebody drew round it is read without.
    """
    reading = _read(pixels, readers, as_one)
    return reading if reading.status == OK else _without_ring(pixels, readers, as_one) or reading


def _without_ring(pixels: np.ndarray, readers: NumberReaders, as_one: Callable[[], Prediction]) -> NumberReading | None:
    """Return what is read inside a ring, if it is a number of several digits."""
    region = ringed(measure_contrast(shrink(pixels, WORK_SIDE)).contrast)
    if region is None:
        return None
    inside, left, top = cut_out(pixels, region)
    reading = _read(inside, readers, as_one)
    if len(reading.digits) < 2:
        return None
    return replace(reading, digits=[replace(digit, box=shifted(digit.box, left, top)) for digit in reading.digits])


def _read(pixels: np.ndarray, readers: NumberReaders, as_one: Callable[[], Prediction]) -> NumberReading:
    """Read all numbers in a picture, whatever is drawn round them."""
    # 1. Where do numbers stand?
    grey = to_grey(pixels)
    looks, seen = readers.finder.looks(grey)

    # 2. What does each zone say?
    looked, other_looks = surest(looks, lambda zone: read_zone(grey, zone, readers))
    kept = once([line for line in looked if line.digits])

    # 3. What makes any answer doubtful: what surely is a number was left unread, here or by a look at another size;
    #    another look says anything else; marks may stand for the number above.
    doubts = [line.doubt for line in looked if line.doubt and not line.digits and line.zone.certainty > SURELY_ONE]
    unread = [zone for zone in seen if _is_passed_over(zone, looked)]
    unread += [line.zone for line in looked if line.is_blot and _is_amid(line.zone, kept)]
    doubts += [f"something at {zone.place} was not read" for zone in unread]
    doubts += other_looks + against_each_other(kept, grey)

    # 4. One digit is read as `predict` reads it, and so is what may be two digits but looks like one: unsure.
    if not kept:
        several = doubts if any(_has_room(line.zone) for line in looked) else []
        reading = _doubted(_one_digit(kept, as_one()), several)
        longer = None if reading.status == OK else _print_like(grey, readers)
        return longer or (reading if reading.lines else _nothing(doubts))
    if len(kept) == 1 and len(kept[0].text) == 1:
        missed = [kept[0].doubt] if kept[0].doubt and not kept[0].is_whole else []
        return _doubted(_one_digit(kept, as_one()), missed + doubts)
    if len(kept) == 1 and len(kept[0].text) == 2 and kept[0].doubt:
        single = as_one()
        if single.status == OK and (reading := _one_digit([], single)).lines:
            return _doubted(reading, [f"it could be {kept[0].text}"])

    # 5. Ink of a digit's size where the finder saw none is read, too, and remains a doubt.
    strayed = _read_strays(grey, kept, readers)
    doubts = [line.doubt for line in kept if line.doubt] + doubts + list(map(_hardly_seen, strayed))
    kept = _with_spaces(kept + [line for line in strayed if _is_apart(line, kept)])

    # 6. Zones side by side are one line of text.
    lines, digits = [], []
    for row in rows_of(kept):
        lines.append(" ".join(line.text for line in row))
        digits += [replace(digit, line=len(lines) - 1) for line in row for digit in line.digits]
    return _doubted(NumberReading(lines, digits, OK, ""), doubts)


def _read_strays(grey: np.ndarray, lines: list[ReadLine], readers: NumberReaders) -> list[ReadLine]:
    """Return what stands beside the lines, read as if it were as high as these; or in one, unread."""
    height = float(np.median([line.zone.height for line in lines]))
    found: list[ReadLine] = []
    for zone in strays(grey, [line.zone for line in lines], readers.finder):
        if zone.height < LOWEST * height:
            found.append(ReadLine(zone, "", [], [], 0.0, "squeezed in"))
        elif not any(line.zone.touches(zone) for line in found):
            found.append(read_zone(grey, replace(zone, height=height), readers))
    return [line for line in found if not line.is_blot or _is_amid(line.zone, lines)]


def _is_apart(line: ReadLine, lines: list[ReadLine]) -> bool:
    """Whether a line is read surely, and is none of the others, read on into from beside it."""
    is_read = bool(line.digits) and line.certainty > WELL_READ
    return is_read and not any(line.zone.touches(other.zone) for other in lines)


def _hardly_seen(line: ReadLine) -> str:
    return f"the {line.text or 'ink'} at {line.zone.place} was hardly seen"


def _nothing(doubts: list[str]) -> NumberReading:
    """Return the reading of a picture in which no number was found, or what was found could not be read."""
    return NumberReading([], [], NOT_A_DIGIT, doubts[0]) if doubts else NumberReading([], [])


def _print_like(grey: np.ndarray, readers: NumberReaders) -> NumberReading | None:
    """Return the reading of a picture whose only line is written so neatly that the finder takes it for print."""
    zone = readers.finder.only_line(grey)
    line = read_zone(grey, zone, readers) if zone else None
    if line is None or len(line.digits) < 2 or not line.is_whole or line.certainty < WELL_READ:
        return None
    return NumberReading([_with_spaces([line])[0].text], line.digits, UNSURE, line.doubt or "it may be print")


def _doubted(reading: NumberReading, doubts: list[str]) -> NumberReading:
    """Return a reading that is unsure for the first of the doubts, if there are any and it was ok."""
    return replace(reading, status=UNSURE, reason=doubts[0]) if doubts and reading.status == OK else reading


def _with_spaces(lines: list[ReadLine]) -> list[ReadLine]:
    """Return the lines with a space in every gap that is wide for this picture."""
    texts = spaced([line.text for line in lines], [line.spans for line in lines])
    return [replace(line, text=text) for line, text in zip(lines, texts, strict=True)]


def _is_passed_over(zone: Zone, lines: list[ReadLine]) -> bool:
    """Whether a zone surely is a number, and stands apart from all lines."""
    return zone.certainty > SURELY_ONE and not any(zone.touches(line.zone) for line in lines)


def _is_amid(zone: Zone, lines: list[ReadLine]) -> bool:
    """Whether a zone lies among lines, and not on the margin of all of them, where punched holes are."""
    lefts, rights = [line.zone.x for line in lines], [line.zone.x + line.zone.length for line in lines]
    rows = [line.zone.y for line in lines]
    is_between = min(lefts, default=0) < zone.x + zone.length / 2 < max(rights, default=0)
    return is_between and min(rows) - zone.height < zone.y < max(rows) + zone.height


def _has_room(zone: Zone) -> bool:
    """Whether a zone is longer than one digit."""
    return zone.length > LONGEST * zone.height


def rows_of(lines: list[ReadLine]) -> list[list[ReadLine]]:
    """Return the lines row by row, from top to bottom, each row from left to right."""
    rows: list[list[ReadLine]] = []
    for line in sorted(lines, key=lambda line: line.zone.x):
        row = next((row for row in rows if _is_beside(row[-1].zone, line.zone)), None)
        if row is None:
            rows.append([line])
        else:
            row.append(line)
    return sorted(rows, key=lambda row: row[0].zone.y)


def _is_beside(left: Zone, right: Zone) -> bool:
    """Whether `right` continues the row of `left`."""
    expected = left.y + left.slope * (right.x - left.x)
    return abs(right.y - expected) < SAME_ROW * max(left.height, right.height) and right.x > left.x + left.length / 2


def _is_wide(box: Box) -> bool:
    """Whether a box is wider than any digit."""
    left, top, right, bottom = box
    return right - left > WIDEST * (bottom - top)


def _one_digit(lines: list[ReadLine], single: Prediction) -> NumberReading:
    """Return the reading of a picture that holds one digit at most, as `predict` reads it."""
    if single.digit is None or single.box is None:
        return _not_as_one(lines)
    rather_none = single.status != OK and single.score <= 0
    if not lines and (rather_none or _is_wide(single.box)):  # wide: the outline of an empty field, not a nought
        return NumberReading([], [])
    status, reason = single.status, single.reason.removesuffix(AS_A_NUMBER)
    if lines and lines[0].digits[0].digit != single.digit:
        status, reason = UNSURE, f"could be {single.digit} or {lines[0].digits[0].digit}"
    digit = DigitReading(single.digit, single.confidence, single.probs, single.box, status, 0)
    return NumberReading([str(single.digit)], [digit], status, reason)


def _not_as_one(lines: list[ReadLine]) -> NumberReading:
    """Return the reading of at most one digit, which only the line reader sees."""
    if not lines:
        return NumberReading([], [])
    reason = lines[0].doubt or "read as one digit, it is none"
    return NumberReading([lines[0].text], [replace(lines[0].digits[0], status=UNSURE)], UNSURE, reason)
