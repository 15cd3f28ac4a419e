"""What looks like a digit to `mnistnet`, and is one or is none: what the network learns that tells them apart.

    ink, is_digit = draw_lookalike(writer, rng, PENS)     # uint8 (28, 28); 1 for a digit, 0 for what is none

Most letters and scribbles `mnistnet` refuses itself, so only what it does not is drawn (hard negatives; Sung and Poggio
1998): hearts, houses and faces, which are a 0 to it, characters, crossed out and hollow digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np

from digits.finding.digit import find_digit
from digits.finding.pixels import bounding_box
from digits.learning.doodles import draw_face, draw_outline, draw_zigzag
from digits.learning.glyphs import Glyph, Rng, choose, draw_glyph
from digits.learning.handwriting import write, write_old, write_oval
from digits.learning.non_digits import CHARACTERS, NonDigit
from digits.learning.pens import Pen
from digits.learning.pictures import imitate, imitated
from digits.learning.signs import struck_out
from digits.learning.writing import Writer
from digits.reading.engines import OnnxEngine
from digits.reading.verdict import digit_score, softmax
from digits.weights import weights_path

DIGITS = 0.5  # share of what is drawn
TAKEN_SCORE, TAKEN_CONFIDENCE = 0.5, 0.6  # with more of which `mnistnet` takes something for a digit, or nearly
OVALS, STYLES, OLD, CLEAN = 0.05, 0.06, 0.05, 0.2  # shares of the digits; clean ones are MNIST's as they are
STRUCK = (2, 3, 4, 5, 6, 8, 9)


def draw_lookalike(writer: Writer, rng: Rng, _pens: dict[Pen, float]) -> tuple[np.ndarray, int]:
    """Return ink, uint8 (28, 28), that looks like a digit to `mnistnet`, and whether it is one, 1 or 0."""
    is_digit = int(rng.random() < DIGITS)
    while True:
        picture, label = _digit(writer, rng) if is_digit else (_no_digit(writer, rng), None)
        found = find_digit(picture)
        ink = min((found, *found.others), key=lambda view: view.doubt).ink
        taken_for = _taken_for(ink)
        if taken_for is not None and label in (None, taken_for):
            return ink, is_digit


def _taken_for(ink: np.ndarray) -> int | None:
    """Return the digit for which `mnistnet` takes ink; None if it does not."""
    logits = _mnistnet().logits(ink[None])
    is_taken = softmax(logits).max() > TAKEN_CONFIDENCE and digit_score(logits)[0] > TAKEN_SCORE
    return int(logits.argmax()) if is_taken else None


@cache
def _mnistnet() -> OnnxEngine:
    return OnnxEngine(weights_path("mnistnet").with_suffix(".onnx"), threads=1)


def _digit(writer: Writer, rng: Rng) -> tuple[np.ndarray, int]:
    """Return a picture of a digit, and which; smooth ovals and the project's own hands are frequent among them."""
    way, digit = rng.random(), int(rng.integers(10))
    if way < OVALS:
        return imitate(write_oval(rng), rng), 0
    if way < OVALS + STYLES + OLD:
        return imitate((write if way < OVALS + STYLES else write_old)(digit, rng), rng), digit
    glyph = writer.glyph(digit, rng)
    if isinstance(glyph, np.ndarray) and way > 1 - CLEAN:
        return glyph, digit
    return imitate(glyph, rng), digit


def _no_digit(writer: Writer, rng: Rng) -> np.ndarray:
    """Return a picture of no digit; a 0 and a 7 that are struck out once may be slashed ones, and are not."""
    return imitated(choose(KINDS, rng)(rng, lambda: writer.glyph(int(rng.choice(STRUCK)), rng)), rng)


def _hollow(rng: Rng, glyph: Callable[[], Glyph]) -> np.ndarray:
    """The outline of a fat digit."""
    solid = (draw_glyph(glyph(), rng, rng.uniform(14, 24)) > 0.5).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(rng.integers(1, 4)) + 1,) * 2)
    return (cv2.dilate(solid, kernel) - cv2.erode(solid, kernel)).astype(np.float32)


def _struck_out(rng: Rng, glyph: Callable[[], Glyph]) -> np.ndarray:
    """A crossed out digit."""
    drawn = draw_glyph(glyph(), rng)
    left, top, right, bottom = bounding_box(drawn > 0.2)
    return struck_out(drawn[top:bottom, left:right], rng.uniform(4, 12), rng)


DOODLES: dict[NonDigit, float] = {
    draw_outline: 0.36, draw_face: 0.08, draw_zigzag: 0.05, _hollow: 0.02, _struck_out: 0.06,
}  # fmt: skip
KINDS = CHARACTERS | DOODLES
