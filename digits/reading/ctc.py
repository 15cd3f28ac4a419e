"""From what a line says column by column to its text, under connectionist temporal classification (Graves et al. 2006).

    spelt = spell(log_probs)         # of (t, 19) log probabilities
    spelt.text                       # "64,444.60"
    spelt.probabilities              # (n, 18): what each symbol may be, if it is there
    spelt.presence, spelt.missed     # (n,) that it is there; (n + 1,) that one more is in the gap before it
    spelt.rather                     # (n + 1,) which symbol that is

Each of t columns says which of `SYMBOLS` is there, or that nothing new is. Read is the likeliest answer of every
column, a run of one answer being one symbol.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digits.reading.symbols import CTC_BLANK, SYMBOLS

SPACE = SYMBOLS.index(" ")


@dataclass(frozen=True)
class Spelt:
    """A line's text of n symbols, and how surely each is said."""

    text: str
    columns: np.ndarray  # (n,) float: the middle of each symbol's columns
    probabilities: np.ndarray  # (n, 18) of its being each symbol, given that there is one; rows sum to 1
    presence: np.ndarray  # (n,) that there is a symbol at all
    missed: np.ndarray  # (n + 1,) that one more, but no space, stands before each symbol, and behind the last
    rather: str  # n + 1 symbols: the likeliest of those

    @property
    def certainty(self) -> np.ndarray:
        """Return (n,) how probable each symbol is, seen by itself."""
        said = [SYMBOLS.index(symbol) for symbol in self.text]
        return self.presence * self.probabilities[np.arange(len(said)), said]

    @property
    def probability(self) -> float:
        """Return how probable the whole text is, but for its spaces: every symbol as it is said, and none missed."""
        symbols = np.array([symbol != " " for symbol in self.text], bool)
        return float(np.prod(self.certainty[symbols]) * np.prod(1 - self.missed))


def best_text(log_probs: np.ndarray) -> str:
    """Return the text of the likeliest answer of every column, (t, 19); repeats count once.

    >>> best_text(np.eye(19)[[18, 4, 4, 18, 10, 18, 7]])
    '4.7'
    """
    return "".join(SYMBOLS[answer] for answer, _first, _last in _runs(log_probs))


def log_probability(log_probs: np.ndarray, text: str) -> float:
    """Return the log probability of a whole text, summed over all its alignments with the columns, (t, 19).

    >>> round(float(np.exp(log_probability(np.log(np.full((2, 19), 1 / 19)), "4"))), 5) == round(3 / 19**2, 5)
    True
    """
    states = np.full(2 * len(text) + 1, CTC_BLANK)
    states[1::2] = [SYMBOLS.index(symbol) for symbol in text]
    may_skip = np.append([False, False], (states[2:] != CTC_BLANK) & (states[2:] != states[:-2]))[: len(states)]
    reached = np.full(len(states), -np.inf)
    reached[:2] = log_probs[0, states[:2]]
    for column in log_probs[1:]:
        one_on = np.append(-np.inf, reached[:-1])
        two_on = np.where(may_skip, np.append([-np.inf, -np.inf], reached[:-2])[: len(states)], -np.inf)
        reached = np.logaddexp(np.logaddexp(reached, one_on), two_on) + column[states]
    return float(np.logaddexp.reduce(reached[-2:]))


def spell(log_probs: np.ndarray) -> Spelt:
    """Read log probabilities (t, 19).

    >>> spelt = spell(np.log(0.9 * np.eye(19)[[18, 4, 18, 18, 0]] + 0.1 / 19))
    >>> spelt.text, spelt.columns.tolist(), spelt.presence.round(2).tolist(), spelt.missed.round(2).tolist()
    ('40', [1.0, 4.0], [0.99, 0.99], [0.08, 0.08, 0.0])
    """
    runs, said = _runs(log_probs), np.exp(log_probs)
    written = 1 - said[:, CTC_BLANK]  # that a column says anything new
    columns = [float(np.average(range(first, last), weights=written[first:last])) for _answer, first, last in runs]
    sums = np.array([said[first:last, :CTC_BLANK].sum(axis=0) for _answer, first, last in runs]).reshape(-1, CTC_BLANK)
    presence = np.array([written[first:last].max() for _answer, first, last in runs])
    gaps = [_missed(said, before, after) for before, after in zip([None, *runs], [*runs, None], strict=True)]
    text = "".join(SYMBOLS[answer] for answer, _first, _last in runs)
    return Spelt(
        text,
        np.array(columns),
        sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-9),
        presence,
        missed=np.array([missed for missed, _symbol in gaps]),
        rather="".join(SYMBOLS[symbol] for _missed, symbol in gaps),
    )


def edit_distance(read: str, true: str) -> int:
    """Return the fewest insertions, deletions and replacements that turn `read` into `true`.

    >>> edit_distance("1237", "124")
    2
    """
    row = list(range(len(true) + 1))
    for i, a in enumerate(read, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(true, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


def _missed(
    said: np.ndarray, before: tuple[int, int, int] | None, after: tuple[int, int, int] | None
) -> tuple[float, int]:
    """Return how probably some column between two runs says yet another symbol, but no space; and which.

    What the two runs say fades out there, and counts for nothing.
    """
    start, end = before[2] if before else 0, after[1] if after else len(said)
    known = {CTC_BLANK, SPACE, *(run[0] for run in (before, after) if run)}
    others = np.delete(np.arange(said.shape[1]), list(known))
    columns = said[start:end, others].sum(axis=1)
    if not len(columns):
        return 0.0, int(others[0])
    column = int(columns.argmax())
    return float(columns[column]), int(others[said[start + column, others].argmax()])


def _runs(log_probs: np.ndarray) -> list[tuple[int, int, int]]:
    """Return (answer, first column, column behind the last) of every run of one answer that is not blank."""
    answers = log_probs.argmax(axis=1)
    edges = np.flatnonzero(np.diff(answers, prepend=-1, append=-1)) if len(answers) else np.zeros(1, int)
    spans = zip(edges, edges[1:], strict=False)
    return [(int(answers[first]), int(first), int(last)) for first, last in spans if answers[first] != CTC_BLANK]
