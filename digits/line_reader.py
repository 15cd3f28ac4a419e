"""A line of digits read as a whole: what its strip says from left to right, and what it costs to read a text into it.

    reader = LineReader()                                  # models/lines.onnx
    says = reader.log_probabilities(line.strokes, line.height)
    text_costs(says, ["407", "4o7"])                       # negative log probabilities

The network knows no cuts: it says of every second column of the strip which digit is there, or that none begins
(connectionist temporal classification, Graves et al. 2006). `train_lines.py` trains it.
"""

from __future__ import annotations

import cv2
import numpy as np

from utils import MODELS_DIR

LINES = MODELS_DIR / "lines.onnx"
STRIP_HEIGHT = 32
DIGIT_HEIGHT = 20  # of a digit as high as its line
MARGIN = 4  # empty columns on either side
BLANK = 10  # the eleventh answer: nothing new here


def to_strip(strokes: np.ndarray, height: float) -> np.ndarray:
    """Return a line's strokes, float32 (h, w) in 0-1 with digits `height` high, as uint8 (32, w'), digits 20 high.

    The strip is centred on the middle of the ink; what reaches above or below it is cut off.
    """
    scale = DIGIT_HEIGHT / height
    size = max(1, round(strokes.shape[1] * scale)), max(1, round(strokes.shape[0] * scale))
    small = cv2.resize(strokes, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    weight = small.sum(axis=1)
    middle = round(float(weight @ np.arange(size[1]) / max(weight.sum(), 1e-6)))
    strip = np.zeros((STRIP_HEIGHT, size[0] + 2 * MARGIN), np.float32)
    top = middle - STRIP_HEIGHT // 2
    first, last = max(0, top), min(size[1], top + STRIP_HEIGHT)
    strip[first - top : last - top, MARGIN:-MARGIN] = small[first:last]
    return (strip.clip(0, 1) * 255).round().astype(np.uint8)


def likeliest_text(says: np.ndarray) -> str:
    """Return the text of the likeliest digit of every column: `says` is (t, 11), repeats count once.

    >>> likeliest_text(np.eye(11)[[10, 4, 4, 10, 0, 0, 7]])
    '407'
    """
    answers = says.argmax(axis=1)
    new = np.append(True, answers[1:] != answers[:-1])
    return "".join(str(answer) for answer in answers[new] if answer != BLANK)
