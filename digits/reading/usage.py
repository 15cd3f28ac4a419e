"""What people write: of two readings that look alike, the one that means something is likelier.

    weigh_usage(spelt).text              # "9/14/17" stays a date; "315/743" is rather 315743

A 1 and a slash can be one and the same stroke, a point and a comma one and the same dot. The strokes say how probable
each is; the forms of numbers, dates and times, how often people write the one or the other (Bayes' rule). So they do
of points that may be specks, or may have been missed.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import product

import numpy as np

from digits.reading.ctc import Spelt
from digits.reading.symbols import OTHER, SYMBOLS

POINTS = ".,"  # small enough to be missed, or to be a speck
ALIKE = {"1": "/", "/": "1", ".": ",", ",": "."}
ODD = 0.1  # how much rarer than a usual text one is that has no known form
LEAST = 0.003  # probability from which what looks alike is considered
MOST = 6  # symbols of a line that are

USUAL = re.compile(
    r"""
      [+-]?\d+                                    # 348
    | [+-]?\d{1,3}([.,]\d{3})*([.,]\d{1,2})?      # 64,444.60
    | [+-]?\d+[.,]\d{1,2}                         # 64444,6
    | \d{1,2}(:\d\d){1,2}                         # 9:05
    | \d{1,3}[-:]\d{1,3}                          # 3:2
    | \d{1,2}/\d{1,2} | \d{1,3}/\d{1,2}0          # 3/4, 85/100
    | \d{1,4}/(19|20)\d\d                         # 17/2024
    | \+?\d{2,}(-\d{2,})+ | 0\d{2,}/\d{3,}        # telephone numbers
    """,
    re.VERBOSE,
)


Options = dict[str, float]  # what may stand at a place, "" for nothing, and how probable that is


def weigh_usage(spelt: Spelt) -> Spelt:
    """Return what a line says, and how probably, once it is considered what people write."""
    # 1. What may stand at each symbol and in each gap?
    symbols = [_at_symbol(spelt, i) for i in range(len(spelt.text))]
    gaps = [_in_gap(spelt, gap) for gap in range(len(spelt.missed))]
    places = [options for pair in zip(gaps, [*symbols, {"": 1.0}], strict=True) for options in pair]
    doubtful = sorted((options for options in places if len(options) > 1), key=lambda options: max(options.values()))
    if not doubtful:
        return spelt
    for options in doubtful[MOST:]:
        _settle(options)
    # 2. How probable is each text that all of these can make? And each symbol, in all the texts together?
    weights = {said: _weight(said, places) for said in product(*places)}
    best, total = max(weights, key=lambda said: weights[said]), sum(weights.values())
    for place, options in enumerate(places):
        if len(options) == 1:
            continue
        options.update(dict.fromkeys(options, 0.0))
        for said, weight in weights.items():
            options[said[place]] += weight / total
    # 3. The line anew; a sign that is rather not there is left out.
    return _without(_anew(spelt, symbols, gaps), [symbol == "" for symbol in best[1:-1:2]])


def _at_symbol(spelt: Spelt, i: int) -> Options:
    """Return what may stand at a symbol: it, what looks alike, or nothing if it is a small sign."""
    symbol, presence = spelt.text[i], float(spelt.presence[i])
    options = {said: presence * _probability(spelt, i, said) for said in (symbol, ALIKE.get(symbol)) if said}
    options |= {"": 1 - presence} if symbol in POINTS else {}
    return {said: share for said, share in options.items() if said == symbol or share > LEAST}


def _in_gap(spelt: Spelt, gap: int) -> Options:
    """Return what may stand in a gap: nothing, or a small sign that was missed."""
    sign, missed = spelt.rather[gap], float(spelt.missed[gap])
    return {"": 1 - missed, sign: missed} if sign in POINTS and missed > LEAST else {"": 1.0}


def _settle(options: Options) -> None:
    """Leave what the reader says, which comes first, alone."""
    for said in list(options)[1:]:
        del options[said]


def _weight(said: tuple[str, ...], places: list[Options]) -> float:
    """Return how probable a text is, against others: a place without a choice would only make long ones 0."""
    chosen = zip(said, places, strict=True)
    by_strokes = math.prod(options[symbol] for symbol, options in chosen if len(options) > 1)
    return by_strokes * usage("".join(said))


def _anew(spelt: Spelt, symbols: list[Options], gaps: list[Options]) -> Spelt:
    """Return the same symbols and gaps with the probabilities that they turned out to have."""
    probabilities, presence, missed = spelt.probabilities.copy(), spelt.presence.copy(), spelt.missed.copy()
    text = ""
    for i, options in enumerate(symbols):
        presence[i] = 1 - options[""] if "" in options else presence[i]
        there = {said: share for said, share in options.items() if said}
        columns = [SYMBOLS.index(said) for said in there]
        shares = np.array(list(there.values())) / max(sum(there.values()), 1e-9)
        probabilities[i, columns] = probabilities[i, columns].sum() * shares
        text += max(there, key=lambda said: there[said])
    for gap, options in enumerate(gaps):
        missed[gap] = 1 - options[""] if len(options) > 1 else missed[gap]
    return replace(spelt, text=text, probabilities=probabilities, presence=presence, missed=missed)


def _without(spelt: Spelt, left_out: list[bool]) -> Spelt:
    """Return the line without some of its symbols; what may be there after all was missed."""
    missed = spelt.missed.copy()
    for i in np.flatnonzero(left_out):
        missed[i + 1] = max(missed[i], missed[i + 1], spelt.presence[i])
    kept = np.flatnonzero(~np.array(left_out, bool))
    gaps = [*kept, len(left_out)]
    return Spelt(
        "".join(spelt.text[i] for i in kept),
        spelt.columns[kept],
        spelt.probabilities[kept],
        spelt.presence[kept],
        missed[gaps],
        "".join(spelt.rather[gap] for gap in gaps),
    )


def usage(text: str) -> float:
    """Return how often people write texts of this form, against the usual ones.

    >>> usage("64,444.60"), usage("9/14/17"), usage("9/14117")
    (1.0, 1.0, 0.1)
    """
    parts = text.replace(OTHER, " ").split()
    return 1.0 if all(USUAL.fullmatch(part) or is_date(part) for part in parts) else ODD


def is_date(text: str) -> bool:
    """Whether a text names a day, in one of three orders, with one and the same sign between its parts.

    >>> is_date("24.11.1970"), is_date("11/24/70"), is_date("2026-11-28"), is_date("24.24.1970")
    (True, True, True, False)
    """
    parts = re.fullmatch(r"(\d{1,4})([-./])(\d{1,2})\2(\d{1,4})", text)
    if parts is None:
        return False
    first, _sign, second, third = parts.groups()
    return any(_is_day(*order) for order in [(first, second, third), (second, first, third), (third, second, first)])


def _is_day(day: str, month: str, year: str) -> bool:
    return len(day) <= 2 and len(year) in (2, 4) and 1 <= int(day) <= 31 and 1 <= int(month) <= 12


def _probability(spelt: Spelt, i: int, symbol: str) -> float:
    """Return how probable a symbol is at place `i` by its strokes."""
    return float(spelt.probabilities[i, SYMBOLS.index(symbol)])
