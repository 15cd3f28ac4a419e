"""Texts and their costs under connectionist temporal classification (Graves et al. 2006); numpy only.

    texts = likely_texts(log_probs)        # of (t, 11) log probabilities: ["407", "4097", …]
    text_costs(log_probs, texts)           # negative log probabilities, (n,)

Each of t columns says which digit is there, or that nothing new is; a text's probability is the sum over all ways to
spread it over the columns.
"""

from __future__ import annotations

import math

import numpy as np

BLANK = 10  # the eleventh answer: nothing new here
UNLIKELY = -7.0  # log probability below which a column's digit is not followed up


def likeliest_text(log_probs: np.ndarray) -> str:
    """Return the text of the likeliest answer of every column, (t, 11); repeats count once.

    >>> likeliest_text(np.eye(11)[[10, 4, 4, 10, 0, 0, 7]])
    '407'
    """
    answers = log_probs.argmax(axis=1)
    new = np.append(True, answers[1:] != answers[:-1])
    return "".join(str(answer) for answer in answers[new] if answer != BLANK)


def likely_texts(log_probs: np.ndarray, n: int = 8) -> list[str]:
    """Return about the `n` likeliest texts of log probabilities (t, 11), likeliest first (prefix beam search).

    >>> likely_texts(np.log(np.full((2, 11), 0.01) + 0.9 * np.eye(11)[[4, 0]]), n=2)
    ['40', '4']
    """
    beam = {"": (0.0, -math.inf)}  # text: log probabilities that its last column is blank, and that it is not
    for column in log_probs.tolist():  # plain numbers: numpy's, one by one, are slow
        longer: dict[str, tuple[float, float]] = {}
        likely = [new for new in range(BLANK) if column[new] > UNLIKELY]
        for text, (blank, digit) in beam.items():
            either = _log_add(blank, digit)
            _add(longer, text, either + column[BLANK], digit + column[int(text[-1])] if text else -math.inf)
            for new in likely:
                again = text.endswith(str(new))  # a digit twice needs a blank between
                _add(longer, f"{text}{new}", -math.inf, (blank if again else either) + column[new])
        beam = dict(sorted(longer.items(), key=lambda item: -_log_add(*item[1]))[:n])
    return list(beam)


def _add(beam: dict[str, tuple[float, float]], text: str, blank: float, digit: float) -> None:
    before = beam.get(text, (-math.inf, -math.inf))
    beam[text] = (_log_add(before[0], blank), _log_add(before[1], digit))


def _log_add(a: float, b: float) -> float:
    low, high = min(a, b), max(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def text_costs(log_probs: np.ndarray, texts: list[str]) -> np.ndarray:
    """Return (n,) the negative log probability of each text, log probabilities (t, 11) given (the forward algorithm).

    >>> text_costs(np.log(np.full((1, 11), 0.05) + 0.45 * np.eye(11)[[4]]), ["4", "7"]).round(2).tolist()
    [0.69, 3.0]
    """
    lengths, rows = np.array([len(text) for text in texts]), np.arange(len(texts))
    last = _ways(log_probs, _with_blanks(texts))[-1]
    on_digit = np.where(lengths, last[rows, 2 * lengths - 1], -np.inf)
    return -np.logaddexp(last[rows, 2 * lengths], on_digit)


def weigh_digits(log_probs: np.ndarray, text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what the line says of each digit of `text`, the others being given.

    Log probabilities (n, 10) of its being each digit, and log odds (n,) that there is a digit at its place at all.
    """
    digits = np.array([int(digit) for digit in text])
    to = _ways(log_probs, _with_blanks([text]))[:, 0]  # (t, 2 n + 1): all ways from the left that are there at t
    fro = _ways(log_probs[::-1], _with_blanks([text[::-1]]))[::-1, 0, ::-1]  # and from the right
    enter, leave = _doors(to, digits), _doors(fro[::-1, ::-1], digits[::-1])[::-1, ::-1]
    inside = each = np.full((len(text), 10), -np.inf)
    for column, before, after in zip(log_probs, enter, leave, strict=True):
        inside = np.logaddexp(inside, before) + column[:BLANK]
        each = np.logaddexp(each, inside + after)
    any_digit = np.logaddexp.reduce(each, axis=1)
    rows = np.arange(len(text) - 1)
    skipped = np.logaddexp.reduce(enter[:, rows, digits[1:]] + fro[:, 3::2], axis=0)  # straight to the next digit
    ended = np.logaddexp.reduce(to[-1, max(0, 2 * len(text) - 3) : -2])  # the last one left out
    return each - any_digit[:, None], any_digit - np.append(skipped, ended)


def _with_blanks(texts: list[str]) -> np.ndarray:
    """Return (n, 2 longest + 1) the texts' digits with blanks before, between and after them."""
    answers = np.full((len(texts), 2 * max(map(len, texts)) + 1), BLANK)
    for answer, text in zip(answers, texts, strict=True):
        answer[1 : 2 * len(text) : 2] = [int(digit) for digit in text]
    return answers


def _ways(log_probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return (t, n, s) the log probability of all ways from the first column that are at each of `answers` (n, s)."""
    may_skip = np.zeros(answers.shape, bool)  # a blank, where the digits beside it differ
    may_skip[:, 3::2] = answers[:, 3::2] != answers[:, 1:-2:2]
    ways = np.full((len(log_probs), len(answers), answers.shape[1] + 2), -np.inf)  # two more, to come from
    ways[0, :, 2:4] = log_probs[0][answers[:, :2]]
    for t in range(1, len(log_probs)):
        before = ways[t - 1]
        stay_or_step = np.logaddexp(before[:, 2:], before[:, 1:-1])
        skip = np.where(may_skip, before[:, :-2], -np.inf)
        ways[t, :, 2:] = np.logaddexp(stay_or_step, skip) + log_probs[t][answers]
    return ways[:, :, 2:]


def _doors(ways: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Return (t, n, 10) the log probability of all that comes before digit n begins at t, whichever of ten it is.

    `ways` (t, 2 n + 1) are those to the digits (n,) of a text and to the blanks around them.
    """
    doors = np.full((len(ways), len(digits), 10), -np.inf)
    doors[0, 0] = 0.0
    doors[1:] = ways[:-1, :-1:2, None]  # from the blank before
    differs = digits[:-1, None] != np.arange(10)
    doors[1:, 1:] = np.logaddexp(doors[1:, 1:], np.where(differs, ways[:-1, 1:-2:2, None], -np.inf))
    return doors
