"""What people write: of two readings that look alike, the one that means something is likelier.

    weigh_usage(spelt).text              # "9/14/17" stays a date; "315/743" is rather 315743

A 1 and a slash can be one and the same stroke, a point and a comma one and the same dot. The strokes say how probable
each is; the forms of numbers, dates and times, how often people write the one or the other (Bayes' rule).
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import numpy as np

from digits.reading.ctc import Spelt
from digits.reading.symbols import OTHER, SYMBOLS

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
    | \+?\d{2,}(-\d{2,})+ | 0\d{2,}/\d{3,}       # telephone numbers
    """,
    re.VERBOSE,
)


def weigh_usage(spelt: Spelt) -> Spelt:
    """Return what a line says, and how probably, once it is considered what people write."""
    doubtful = [i for i, symbol in enumerate(spelt.text) if _probability(spelt, i, ALIKE.get(symbol)) > LEAST][:MOST]
    if not doubtful:
        return spelt
    # 1. How probable is each text that the doubtful symbols can make?
    weights = {}
    for symbols in product(*((spelt.text[i], ALIKE[spelt.text[i]]) for i in doubtful)):
        text = list(spelt.text)
        for i, symbol in zip(doubtful, symbols, strict=True):
            text[i] = symbol
        by_strokes = np.prod([_probability(spelt, i, text[i]) for i in doubtful])
        weights["".join(text)] = float(by_strokes) * usage("".join(text))
    # 2. And each symbol, in all of them together?
    probabilities, total = spelt.probabilities.copy(), sum(weights.values())
    for i in doubtful:
        pair = [SYMBOLS.index(symbol) for symbol in (spelt.text[i], ALIKE[spelt.text[i]])]
        shares = [sum(w for text, w in weights.items() if text[i] == SYMBOLS[symbol]) / total for symbol in pair]
        probabilities[i, pair] = probabilities[i, pair].sum() * np.array(shares)
    return replace(spelt, text=max(weights, key=lambda text: weights[text]), probabilities=probabilities)


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


def _probability(spelt: Spelt, i: int, symbol: str | None) -> float:
    """Return how probable a symbol is at place `i` by its strokes; of none, 0."""
    return 0.0 if symbol is None else float(spelt.probabilities[i, SYMBOLS.index(symbol)])
