"""A line of digits read as a whole: what its strip says from left to right, and what it costs to read a text into it.

    log_probs = LineReader().read(line.strokes, line.height)    # (t, 11)
    texts = likely_texts(log_probs)                             # ["407", "4097", …]
    text_costs(log_probs, texts)                                # negative log probabilities, (n,)

The network knows no cuts: it says of every second column which digit is there, or that nothing new is; a text's
probability is the sum over all ways to spread it over the columns (connectionist temporal classification, Graves et al.
2006). `train_lines.py` trains it on what learning/strips.py writes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np

from digits.command import UserError
from digits.files import MODELS_DIR
from digits.reading.engines import open_session

LINES = MODELS_DIR / "lines.onnx"

STRIP_HEIGHT = 32  # rows of the strip the network takes
DIGIT_HEIGHT = 20  # of a digit as high as its line
MARGIN = 4  # empty columns on either side


class LineReader:
    """Runs the line reader's network with ONNX Runtime. Raises `UserError` if its file is missing or not ours."""

    def __init__(self, path: str | Path = LINES, threads: int | None = None) -> None:
        path = Path(path)
        if not path.exists():
            raise UserError(f"there is no {path.name}; make it with: python train_lines.py")
        self._session, settings = open_session(path, threads, "settings", "train_lines.py")
        self.facts = {"settings": settings, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}

    def read(self, strokes: np.ndarray, height: float) -> np.ndarray:
        """Return log probabilities (t, 11) of a line's strokes, float32 (h, w) in 0-1 with digits `height` high."""
        return self._session.run(None, {"strips": to_strip(strokes, height)[None]})[0][0].astype(np.float64)


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
