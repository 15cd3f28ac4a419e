"""One digit among other things: cut out of a register with its neighbours, or ten pixels high in a noisy frame.

    crop, label = draw_crop(writer, rng, PENS)     # uint8 (48, 48); 0-9, or 10 where no digit is in the middle

The digit in the middle is meant; digits, letters, dots and lines at its sides are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from digits.finding.crop import to_crop
from digits.finding.pixels import bounding_box
from digits.learning.camera import Layer, any_harm, any_ink, smooth_noise, take
from digits.learning.glyphs import Rng, choose, draw_glyph, lay
from digits.learning.handwriting import write_old
from digits.learning.non_digits import ALONE
from digits.learning.pens import Pen, draw_pen, swelling
from digits.learning.signs import write_word
from digits.learning.writing import Writer
from digits.reading.verdict import NO_DIGIT

FRAME = 80  # pixels of the longer side while it is drawn
TINY = 0.3  # share of pictures that are a camera's: ten pixels of digit in a noisy frame; the rest, of registers
NON_DIGITS, OLD = 0.18, 0.28  # shares of pictures with no digit in the middle, and with one in an old hand


@dataclass(frozen=True)
class Frame:
    """What the picture is of: its size while it is drawn and afterwards, and how the digits in it are written."""

    is_tiny: bool
    tall: int
    wide: int
    pixels: float  # of its longer side, at last
    height: float  # of a digit
    lean: float
    pen: float
    ink: Pen
    base: float  # row on which the digits stand


def draw_crop(writer: Writer, rng: Rng, pens: dict[Pen, float]) -> tuple[np.ndarray, int]:
    """Return a crop, uint8 (48, 48), and the digit in its middle, or 10."""
    picture, label = draw_picture(writer, rng, pens)
    return to_crop(picture), label


def draw_picture(writer: Writer, rng: Rng, pens: dict[Pen, float]) -> tuple[np.ndarray, int]:
    """Return a picture, uint8 (h, w), of 18 to 90 pixels, and the digit in its middle, or 10."""
    # 1. The frame: how large, how wide, and where the digit goes.
    frame = _any_frame(rng, pens)

    # 2. The digit in the middle, others at the sides.
    writing = np.zeros((frame.tall, frame.wide), np.float32)
    piece, label = _digit(writer, int(rng.integers(10)), frame.height, frame, rng)
    off = rng.normal(0, 0.06) + (rng.uniform(-0.2, 0.2) if frame.is_tiny else 0)
    start, end = _put(writing, piece, (0.5 + off) * frame.wide - piece.shape[1] / 2, frame.base)
    if rng.random() < (0.15 if frame.is_tiny else 0.7):
        for side in (-1, 1):
            if rng.random() < 0.65:
                _add_neighbour(writing, side, (start, end), writer, frame, rng)
    writing = frame.ink(writing, rng)

    # 3. Dots, lines, and what else the paper has.
    print_ = _furniture(frame, end, rng)

    # 4. Photographed, at few pixels.
    darkness = rng.uniform(0.2, 0.7) if frame.is_tiny else any_ink(rng)
    return _coarse([(print_, any_ink(rng)), (writing, darkness)], frame, rng), label


def _any_frame(rng: Rng, pens: dict[Pen, float]) -> Frame:
    is_tiny = rng.random() < TINY
    wide = FRAME if is_tiny else int(FRAME * min(1.0, np.exp(rng.normal(-0.15, 0.25))))
    tall = FRAME if wide < FRAME or rng.random() < 0.6 else int(FRAME * rng.uniform(0.55, 1.0))
    pixels = rng.uniform(20, 40) if is_tiny else float(np.exp(rng.uniform(np.log(20), np.log(90))))
    height = min(0.8, rng.uniform(7.5, 16) / pixels) * FRAME if is_tiny else rng.uniform(0.4, 0.97) * tall
    lean, pen = float(rng.choice([rng.normal(0.15, 0.25), rng.normal(0.45, 0.12)])), draw_pen(rng)
    ink = choose(pens, rng) if rng.random() < 0.7 else swelling
    base = (tall + height) / 2 + rng.uniform(-0.5, 0.5) * (tall - height) * 0.8
    return Frame(is_tiny, tall, wide, pixels, height, lean, pen, ink, base)


# ---------------------------------------------------------------- writing


def _digit(writer: Writer, digit: int, height: float, frame: Frame, rng: Rng) -> tuple[np.ndarray, int]:
    """Return the coverage of `digit`, or of what is none, and its label."""
    way, label = rng.random(), digit
    if way < NON_DIGITS:
        coverage, label = choose(ALONE, rng)(rng, lambda: writer.glyph(int(rng.integers(10)), rng)), NO_DIGIT
        if way < 0.03:
            coverage = np.zeros_like(coverage)
    elif way < NON_DIGITS + OLD:
        coverage = draw_glyph(write_old(digit, rng), rng, frame.pen)
    else:
        coverage = draw_glyph(writer.glyph(digit, rng), rng, frame.pen)
    if coverage.max() < 0.3:
        return _leant(np.zeros((8, 8), np.float32), frame.lean), NO_DIGIT
    left, top, right, bottom = bounding_box(coverage > 0.15)
    coverage = coverage[top:bottom, left:right]
    stretch = float(np.exp(rng.normal(-0.08, 0.18)))
    scale = height / max(coverage.shape[0], 0.7 * coverage.shape[1])
    size = max(2, round(coverage.shape[1] * scale * stretch)), max(2, round(coverage.shape[0] * scale))
    return _leant(cv2.resize(coverage, size, interpolation=cv2.INTER_AREA), frame.lean), label


def _leant(piece: np.ndarray, lean: float) -> np.ndarray:
    extra = int(np.ceil(abs(lean) * piece.shape[0]))
    shift = extra if lean > 0 else 0
    shear = np.array([[1, -lean, shift], [0, 1, 0]], np.float32)
    return cv2.warpAffine(piece, shear, (piece.shape[1] + extra, piece.shape[0]), flags=cv2.INTER_LINEAR)


def _put(page: np.ndarray, piece: np.ndarray, left: float, base: float) -> tuple[int, int]:
    """Write `piece` with its foot on row `base`; return the columns it covers."""
    x = round(left)
    lay(page, piece, x, round(base - piece.shape[0]))
    return x, x + piece.shape[1]


def _add_neighbour(
    page: np.ndarray, side: int, middle: tuple[int, int], writer: Writer, frame: Frame, rng: Rng
) -> None:
    """Write a digit, a letter or a sign on one side of the columns `middle`, near enough to touch or be cut off."""
    start, end = middle
    height = frame.height
    if rng.random() < 0.2:
        piece = _leant(write_word(height, frame.pen, rng), frame.lean)
    else:
        digit = int(rng.integers(10))
        piece, _label = _digit(writer, digit, height * float(np.exp(rng.normal(0, 0.15))), frame, rng)
    gap = rng.uniform(-0.15, 0.3) * height - 0.3 * abs(frame.lean) * height  # slanting digits interlock
    left = end + gap if side > 0 else start - gap - piece.shape[1]
    _put(page, piece, left, frame.base + rng.normal(0, 0.08) * height)


# ---------------------------------------------------------------- what else is on the paper


def _furniture(frame: Frame, end: int, rng: Rng) -> np.ndarray:
    """Lines of tables and forms, dots at the foot of the digit, which ends in column `end`, smudges."""
    tall, wide, height = frame.tall, frame.wide, frame.height
    image = np.zeros((tall, wide), np.float32)

    def thick() -> int:
        return max(1, round(rng.uniform(0.5, 0.09 * height)))

    if rng.random() < 0.25:  # the side of a cell
        x = float(rng.choice([rng.uniform(0, 0.2), rng.uniform(0.8, 1)])) * wide
        x_below = round(x + rng.normal(0, 0.05) * wide)
        cv2.line(image, (round(x), 0), (x_below, tall), rng.uniform(0.3, 1), thick(), cv2.LINE_AA)
    if rng.random() < 0.25:  # a line to write on, whole or dotted
        foot = round(frame.base + rng.uniform(-0.05, 0.3) * height)
        step = int(rng.choice([1, int(rng.integers(3, 8))]))
        for start in range(0, wide, step):
            cv2.line(
                image, (start, foot), (start + max(0, step - 2), foot), rng.uniform(0.3, 1), thick() if step == 1 else 1
            )
    if rng.random() < 0.3:  # a dot
        x, y = end + rng.uniform(0, 0.25) * height, frame.base + rng.normal(-0.05, 0.06) * height
        radius = max(1, round(rng.uniform(0.03, 0.08) * height))
        cv2.circle(image, (round(x), round(y)), radius, 1.0, -1, cv2.LINE_AA)
    if rng.random() < 0.08:  # a stain
        stain = smooth_noise((tall, wide), rng, rng.uniform(8, 50))
        np.maximum(image, np.clip((stain - 0.6) * 1.5, 0, 0.7), out=image)
    return image


def _coarse(layers: list[Layer], frame: Frame, rng: Rng) -> np.ndarray:
    """Photograph the layers at few pixels; cameras with a noise that rivals the ink."""
    scale = min(1.0, frame.pixels / max(frame.tall, frame.wide))
    size = max(6, round(frame.wide * scale)), max(6, round(frame.tall * scale))
    layers = [(cv2.resize(coverage, size, interpolation=cv2.INTER_AREA), ink) for coverage, ink in layers]
    harm = any_harm(rng)
    picture = take(layers, rng, frame.height * scale, harm)
    if frame.is_tiny and rng.random() < 0.6:
        noise = rng.uniform(0.02, 0.1 + 0.06 * harm) * float(np.ptp(picture))
        grain = rng.standard_normal(picture.shape, np.float32)
        if rng.random() < 0.4:
            grain = 1.6 * cv2.GaussianBlur(grain, (0, 0), 0.6)
        picture = np.clip(picture + noise * grain, 0, 255).round().astype(np.uint8)
    return picture
