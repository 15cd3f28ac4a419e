"""What a field of a form may say, and why a text is none of it.

    Format("amount", low=0, high=500).fault("64,444.60")       # "64,444.60 is more than 500"
    Format("number", check="luhn").fault("79927398714")        # "79927398714 breaks its check digit (luhn)"

A format never changes what was read: a text that breaks it is doubted, not repaired.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from digits.reading.symbols import to_value

KINDS = ("digit", "number", "date", "amount")
ORDERS = {"dmy": "%d {m} {y}", "mdy": "{m} %d {y}", "ymd": "{y} {m} %d"}  # of a date's parts
CHECKS = {
    "luhn": "stdnum.luhn", "ean": "stdnum.ean", "iban": "stdnum.iban",
    "mod_97_10": "stdnum.iso7064.mod_97_10", "mod_11_10": "stdnum.iso7064.mod_11_10",
}  # fmt: skip
LOOKS_LIKE = {
    "digit": (r"\d", "one digit"),
    "number": (r"[+-]?\d+", "a whole number"),
    "amount": (r"[+-]?[\d.,]*\d", "an amount"),
    "date": (r"\d+([-./ ]\d+)*", "a date"),
}


MOST_WAYS = 1e6  # that a stranger's pattern may try a text in: a second's work
MANY = 60  # digits a field may hold, about: so many ways for each + or *


@dataclass(frozen=True)
class Format:
    """What a field's text must be. Everything left at its default asks for nothing.

    `pattern` is a regular expression for the whole text, `lengths` the least and most digits; `low` and `high` are
    limits of the value, dates as ISO text. `check` is one of `CHECKS`, reckoned with `prefix` (printed on the form,
    such as an IBAN's "DE") before the text. `order` is that of a date's day, month and year.
    """

    kind: str = "number"
    pattern: str | None = None
    lengths: tuple[int, int] | None = None
    low: float | str | None = None
    high: float | str | None = None
    check: str | None = None
    prefix: str = ""
    order: str = "dmy"

    def fault(self, text: str) -> str:
        """Return in one sentence why `text`, as it was read, breaks the format; nothing if it keeps it."""
        return next(filter(None, (fault(text) for fault in self._rules())), "")

    def _rules(self) -> tuple[Callable[[str], str], ...]:
        return self._kind_fault, self._length_fault, self._pattern_fault, self._range_fault, self._check_fault

    def _kind_fault(self, text: str) -> str:
        pattern, name = LOOKS_LIKE[self.kind]
        if "\n" in text.strip():
            return f"{_shown(text)} is more than one line"
        if not re.fullmatch(pattern, self.plain(text)):
            return f"{_shown(text)} is not {name}"
        if self.kind == "date" and self._date(text) is None:
            return f"{_shown(text)} is no day of the calendar, read as {self.order}"
        return f"{text} could mean two amounts" if self.kind == "amount" and self._number(text) is None else ""

    def _length_fault(self, text: str) -> str:
        if self.lengths is None:
            return ""
        n, (least, most) = sum(map(str.isdecimal, text)), self.lengths
        wanted = str(least) if least == most else f"{least} to {most}"
        return "" if least <= n <= most else f"{_shown(text)} has {n} digits, not {wanted}"

    def _pattern_fault(self, text: str) -> str:
        if self.pattern is None or re.fullmatch(self.pattern, self.plain(text)):
            return ""
        return f"{_shown(text)} does not match the pattern {self.pattern}"

    def _range_fault(self, text: str) -> str:
        value: date | float | None = self._date(text) if self.kind == "date" else self._number(text)
        low, high = (limit_of(limit) for limit in (self.low, self.high))
        if value is None:
            return ""
        if low is not None and value < low:  # type: ignore[operator]  # both are dates, or neither is
            return f"{_shown(text)} is less than {self.low}" if self.kind != "date" else f"{text} is before {self.low}"
        if high is not None and value > high:  # type: ignore[operator]
            return f"{_shown(text)} is more than {self.high}" if self.kind != "date" else f"{text} is after {self.high}"
        return ""

    def _check_fault(self, text: str) -> str:
        if self.check is None or _is_valid(self.check, self.prefix + self.plain(text)):
            return ""
        return f"{_shown(text)} breaks its check digit ({self.check})"

    def plain(self, text: str) -> str:
        """Return a text without its spaces; a date keeps them, between its parts."""
        return text if self.kind == "date" else "".join(text.split())

    def _number(self, text: str) -> float | None:
        plain = self.plain(text)
        if self.kind == "amount":
            return to_value(plain) if not re.fullmatch(r"[+-]?0\d.*", plain) else None
        return int(plain) if re.fullmatch(r"[+-]?\d+", plain) else None

    def _date(self, text: str) -> date | None:
        """Return the day that a text names in the field's order, with or without signs between its parts."""
        parts = re.split(r"[-./ ]", text)
        if len(parts) == 1 and len(text) in (6, 8):  # 17012024, as in a row of cells
            widths = [len(text) - 4 if part == "y" else 2 for part in self.order]
            parts = [text[sum(widths[:i]) : sum(widths[: i + 1])] for i in range(3)]
        if len(parts) != 3:
            return None
        year = "%Y" if len(parts[self.order.index("y")]) == 4 else "%y"
        try:
            return datetime.strptime(" ".join(parts), ORDERS[self.order].format(m="%m", y=year)).date()
        except ValueError:
            return None


def is_quick(pattern: str) -> bool:
    """Whether a valid regular expression surely is: (\\d+)+x would try a long number for years, and keep Python busy.

    Judged with caution: no group is repeated or is more than a group, and few parts may be of several lengths.

    >>> is_quick(r"[A-Z]{2}\\d{4,6}(-\\d+)?"), is_quick(r"(\\d+)+x")
    (True, False)
    """
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)
    if re.search(r"\)[*+{]|\(\?[^:]", bare):
        return False
    ways = 2 ** len(re.findall(r"[?|]", bare)) * MANY ** len(re.findall(r"[*+]|\{\d*,\d*\}", bare))
    return ways <= MOST_WAYS


def limit_of(limit: float | str | None) -> date | float | None:
    """Return a `low` or `high` as what a value is compared with."""
    return date.fromisoformat(limit) if isinstance(limit, str) else limit


def _is_valid(check: str, text: str) -> bool:
    """Ask python-stdnum; imported here, as few forms have check digits."""
    return bool(importlib.import_module(CHECKS[check]).is_valid(text))


def _shown(text: str) -> str:
    return " / ".join(text.splitlines())
