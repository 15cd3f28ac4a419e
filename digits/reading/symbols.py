"""What a line of writing can say: the ten digits, the signs of numbers, a space, and writing that is no number.

to_value("64,444.60")        # 64444.6
to_value("1,234")            # None: a thousand and more, or a little over one?
"""

from __future__ import annotations

import re

OTHER = "¤"  # a word, a scribble, half a digit: writing, but nothing that a number is made of
SIGNS = ".,-+/:"
SYMBOLS = f"0123456789{SIGNS} {OTHER}"
EXACT = 2**53  # up to here, a float holds every whole number
CTC_BLANK = len(SYMBOLS)  # the last answer: nothing new here

_PLAIN = re.compile(r"[+-]?\d+")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?P<group>[.,])\d{3}(?:(?P=group)\d{3})+")  # two groups or more: 1,234,567
_MIXED = re.compile(r"[+-]?\d{1,3}(?P<group>[.,])\d{3}(?:(?P=group)\d{3})*(?!(?P=group))[.,]\d+")  # 1,234.5 and 1.234,5
_POINT = re.compile(r"[+-]?\d+[.,](?:\d{1,2}|\d{4,})")  # 2.5 and 2,50; three places could be a group


def to_value(text: str) -> int | float | None:
    """Return the plain value of a number as people write it, or None where it is none or could mean two things.

    A sign, digits, groups of three between commas or points, decimals behind the other one. A lone comma or point with
    three digits behind it ("1,234") stays text, as do dates, times, telephone numbers and leading zeros ("007");
    so do numbers beyond 2**53, where a float, which readers of JSON make of them, no longer holds every whole one.

    >>> [to_value(text) for text in ("-348", "64,444.60", "1.234,5", "6.5", "1,234", "007", "1/17/24", "")]
    [-348, 64444.6, 1234.5, 6.5, None, None, None, None]
    """
    value = _plain_value(text)
    return None if value is None or abs(value) > EXACT else value


def _plain_value(text: str) -> int | float | None:
    """Return the value, however large."""
    if re.match(r"[+-]?0\d", text):
        return None
    if _PLAIN.fullmatch(text):
        return int(text)
    if _GROUPED.fullmatch(text):
        return int(re.sub("[.,]", "", text))
    if _MIXED.fullmatch(text) or _POINT.fullmatch(text):
        whole, decimals = re.split(r"[.,](?=\d*$)", text)
        return float(f"{re.sub('[.,]', '', whole)}.{decimals}")
    return None
