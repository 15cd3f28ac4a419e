"""What a line of writing can say: the ten digits, the signs of numbers, a space, and writing that is no number."""

from __future__ import annotations

import numpy as np

OTHER = "¤"  # a word, a scribble, half a digit: writing, but nothing that a number is made of
SIGNS = ".,-+/:"
SYMBOLS = f"0123456789{SIGNS} {OTHER}"
BLANK = len(SYMBOLS)  # the last answer: nothing new here


def best_text(log_probs: np.ndarray) -> str:
    """Return the text of the likeliest answer of every column, (t, 19); repeats count once.

    >>> best_text(np.eye(19)[[18, 4, 4, 18, 10, 18, 7]])
    '4.7'
    """
    answers = log_probs.argmax(axis=1)
    new = np.append(True, answers[1:] != answers[:-1])
    return "".join(SYMBOLS[answer] for answer in answers[new] if answer != BLANK)
