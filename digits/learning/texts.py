"""What people write on forms: numbers with their signs, in the proportions of real life; words beside them, or nothing.

any_text(np.random.default_rng(0))         # "64,444.60"; `OTHER` stands for a word or a scribble, `SQUEEZED` for a
                                           # small digit that was forgotten, above the gap where it belongs
"""

from __future__ import annotations

from collections.abc import Callable

from digits.learning.glyphs import Rng, choose
from digits.reading.symbols import OTHER

SQUEEZED = "^"
WORDS = (
    "Name Date Datum Total Summe EUR No. Nr. Tel. Postcode PLZ Amount Betrag Score Punkte Phone Street Apples kg cm "
    "Student Class Zip Form page Balance Customer Konto Room Year Age Menge Price Art Birth Page Seite Max Anna Li Bob "
    "Sum Tax Rate Time from to and Mr. Mrs. Dr. Form-B §3 (a) A4 B2 DIN Rev. 2024-03 1/1 27-B No.7 Q1 x2 3rd g m h km/h"
).split()


def _digits(rng: Rng, low: int, high: int) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, int(rng.integers(low, high + 1))))


def _amount(rng: Rng) -> str:
    point, comma = (".", ",") if rng.random() < 0.6 else (",", ".")
    whole = _digits(rng, 1, 3) + "".join(comma + _digits(rng, 3, 3) for _ in range(rng.integers(0, 3)))
    return whole + (point + _digits(rng, 1, 2) if rng.random() < 0.85 else "")


def _date(rng: Rng) -> str:
    day, month, year = rng.integers(1, 32), rng.integers(1, 13), rng.integers(1900, 2100)
    sign = str(rng.choice(list(".-/"), p=[0.3, 0.15, 0.55]))
    two = (lambda n: f"{n:02d}") if rng.random() < 0.5 else str
    parts = [two(day), two(month), str(year) if rng.random() < 0.5 else f"{year % 100:02d}"]
    return sign.join(parts if rng.random() < 0.7 else [parts[2], parts[1], parts[0]])


def _phone(rng: Rng) -> str:
    sign = str(rng.choice(list(" -/"), p=[0.6, 0.25, 0.15]))
    groups = [_digits(rng, 2, 5) for _ in range(rng.integers(2, 5))]
    return ("+" if rng.random() < 0.4 else "") + sign.join(groups)


def _time(rng: Rng) -> str:
    return f"{rng.integers(0, 25)}:{rng.integers(0, 60):02d}"


def _with_words(rng: Rng) -> str:
    text = any_text(rng, NUMBERS)
    return str(
        rng.choice([f"{OTHER} {text}", f"{text} {OTHER}", f"{OTHER}{text}", f"{text}{OTHER}"], p=[0.4, 0.35, 0.1, 0.15])
    )


def _with_other_signs(rng: Rng) -> str:
    """Sums, currencies, brackets, corrections: signs among the digits that are no part of a number."""
    text, more = any_text(rng, NUMBERS), _digits(rng, 1, 3)
    sum_ = f"{_digits(rng, 1, 2)}{rng.choice(list('+-'))}{_digits(rng, 1, 2)}{OTHER}{more}"
    among = f"{_digits(rng, 1, 3)}{OTHER}{more}"
    squeezed = f"{_digits(rng, 1, 3)}{SQUEEZED}{more}"
    ways = [
        f"{OTHER}{text}",
        f"{text}{OTHER}",
        f"{OTHER}{text}{OTHER}",
        f"{text} {OTHER}",
        among,
        squeezed,
        sum_,
        OTHER,
    ]
    return str(rng.choice(ways, p=[0.17, 0.23, 0.07, 0.09, 0.23, 0.07, 0.09, 0.05]))


def _jumble(rng: Rng) -> str:
    """Digits with signs between them in no order that means anything: no sign stands at an end or beside another."""
    groups = [_digits(rng, 1, 4) for _ in range(rng.integers(2, 5))]
    return groups[0] + "".join(str(rng.choice(list(".,-+/: "))) + group for group in groups[1:])


def _with_spaces(rng: Rng) -> str:
    """A point with a space behind it: a list's numbers, dates."""
    if rng.random() < 0.6:
        return f"{rng.integers(1, 13)}. {_digits(rng, 1, 5)}"
    return f"{rng.integers(1, 32)}. {rng.integers(1, 13)}. {rng.integers(1900, 2100)}"


NUMBERS: dict[Callable[[Rng], str], float] = {
    lambda rng: _digits(rng, 1, 2): 0.16,
    lambda rng: _digits(rng, 2, 6): 0.3,
    lambda rng: _digits(rng, 5, 10): 0.14,
    lambda rng: "".join(rng.choice(list("1111447"), rng.integers(2, 6))): 0.12,  # straight strokes side by side
    lambda rng: "1" + _digits(rng, 1, 2): 0.06,  # a first 1 is easily taken for a printed line
    _amount: 0.1,
    _date: 0.17,
    _phone: 0.07,
    lambda rng: "-" + _digits(rng, 1, 5): 0.04,
    lambda rng: f"{rng.integers(0, 100)}.{rng.integers(0, 100)}": 0.04,
    lambda rng: f"{rng.integers(0, 100)}/{rng.integers(1, 100)}": 0.03,  # points, fractions, months
    _time: 0.03,
}
TEXTS: dict[Callable[[Rng], str], float] = {
    **NUMBERS,
    _jumble: 0.04,
    _with_spaces: 0.03,
    _with_words: 0.08,
    _with_other_signs: 0.18,
    lambda rng: " ".join(OTHER * int(rng.integers(1, 4))): 0.05,
    lambda _rng: "": 0.04,
}


def any_text(rng: Rng, texts: dict[Callable[[Rng], str], float] = TEXTS) -> str:
    """Return something people write: mostly numbers, with their signs; now and then words, or nothing."""
    return choose(texts, rng)(rng)
