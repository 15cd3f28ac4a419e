"""One digit among other things: cut out of a register with its neighbours, or ten pixels high in a noisy frame.

    crop, label = draw_crop(writer, rng, PENS)     # uint8 (48, 48); 0-9, or 10 where no digit is in the middle

The digit in the middle is meant; digits, letters, dots and lines at its sides are not.
"""

from __future__ import annotations

import cv2
import numpy as np

from digits.finding.crop import to_crop
from digits.finding.pixels import bounding_box
from digits.learning.camera import Layer, any_harm, any_ink, smooth_noise, take
from digits.learning.glyphs import NO_DIGIT, Rng, choose, draw_glyph
from digits.learning.handwriting import write_old
from digits.learning.non_digits import ALONE
from digits.learning.writing import Pen, Writer, draw_pen, swelling, write_word

FRAME = 80  # pixels of the longer side while it is drawn
NON_DIGITS, OLD = 0.18, 0.28  # shares of pictures with no digit in the middle, and with one in an old hand


def draw_crop(writer: Writer, rng: Rng, pens: dict[Pen, float]) -> tuple[np.ndarray, int]:
    """Return a crop, uint8 (48, 48), and the digit in its middle, or 10."""
    picture, label = draw_picture(writer, rng, pens)
    return to_crop(picture), label


def draw_picture(writer: Writer, rng: Rng, pens: dict[Pen, float]) -> tuple[np.ndarray, int]:
    """Return a picture, uint8 (h, w), of 18 to 90 pixels, and the digit in its middle, or 10."""
    # 1. The frame: how large, how wide, and where the digit goes.
    small = rng.random() < 0.3  # ten pixels of digit in a noisy frame, or a register's crop
    wide = int(FRAME * min(1.0, np.exp(rng.normal(-0.15, 0.25)))) if not small else FRAME
    tall = FRAME if wide < FRAME or rng.random() < 0.6 else int(FRAME * rng.uniform(0.55, 1.0))
    pixels = rng.uniform(20, 40) if small else float(np.exp(rng.uniform(np.log(20), np.log(90))))
    height = min(0.8, rng.uniform(7.5, 16) / pixels) * FRAME if small else rng.uniform(0.4, 0.97) * tall
    lean, pen = float(rng.choice([rng.normal(0.15, 0.25), rng.normal(0.45, 0.12)])), draw_pen(rng)
    ink = choose(pens, rng) if rng.random() < 0.7 else swelling
    base = (tall + height) / 2 + rng.uniform(-0.5, 0.5) * (tall - height) * 0.8

    # 2. The digit in the middle, others at the sides.
    writing = np.zeros((tall, wide), np.float32)
    label = int(rng.integers(10))
    piece, label = _middle(writer, label, pen, height, rng)
    piece = _leant(piece, lean)
    centre = wide / 2 + rng.normal(0, 0.06) * wide + (rng.uniform(-0.2, 0.2) * wide if small else 0)
    start, end = _put(writing, piece, centre - piece.shape[1] / 2, base)
    if rng.random() < (0.15 if small else 0.7):
        for side in (-1, 1):
            if rng.random() < 0.65:
                _neighbour(writing, writer, side, start, end, base, height, lean, pen, rng)
    writing = ink(writing, rng)

    # 3. Dots, lines, and what else the paper has.
    print_ = _furniture((tall, wide), base, height, start, end, rng)

    # 4. Photographed, at few pixels.
    darkness = any_ink(rng) if not small else rng.uniform(0.2, 0.7)
    layers = [(print_, any_ink(rng)), (writing, darkness)]
    return _coarse(layers, height, pixels, small, rng), label


def _middle(writer: Writer, digit: int, pen: float, height: float, rng: Rng) -> tuple[np.ndarray, int]:
    way = rng.random()
    if way < NON_DIGITS:
        coverage = choose(ALONE, rng)(rng, lambda: writer.glyph(int(rng.integers(10)), rng))
        if way < 0.03:
            coverage = np.zeros_like(coverage)
        label = NO_DIGIT
    elif way < NON_DIGITS + OLD:
        coverage, label = draw_glyph(write_old(digit, rng), rng, pen), digit
    else:
        coverage, label = draw_glyph(writer.glyph(digit, rng), rng, pen), digit
    if coverage.max() < 0.3:
        return np.zeros((8, 8), np.float32), NO_DIGIT
    left, top, right, bottom = bounding_box(coverage > 0.15)
    coverage = coverage[top:bottom, left:right]
    stretch = float(np.exp(rng.normal(-0.08, 0.18)))
    scale = height / max(coverage.shape[0], 0.7 * coverage.shape[1])
    size = max(2, round(coverage.shape[1] * scale * stretch)), max(2, round(coverage.shape[0] * scale))
    return cv2.resize(coverage, size, interpolation=cv2.INTER_AREA), label


def _leant(piece: np.ndarray, lean: float) -> np.ndarray:
    extra = int(np.ceil(abs(lean) * piece.shape[0]))
    shift = extra if lean > 0 else 0
    shear = np.array([[1, -lean, shift], [0, 1, 0]], np.float32)
    return cv2.warpAffine(piece, shear, (piece.shape[1] + extra, piece.shape[0]), flags=cv2.INTER_LINEAR)


def _put(page: np.ndarray, piece: np.ndarray, left: float, base: float) -> tuple[int, int]:
    """Write `piece` with its foot on row `base`; return the columns it covers."""
    x, y = round(left), round(base - piece.shape[0])
    inner = piece[max(0, -y) : max(0, page.shape[0] - y), max(0, -x) : max(0, page.shape[1] - x)]
    if inner.size:
        place = page[max(0, y) : max(0, y) + inner.shape[0], max(0, x) : max(0, x) + inner.shape[1]]
        np.maximum(place, inner, out=place)
    return x, x + piece.shape[1]


def _neighbour(
    page: np.ndarray,
    writer: Writer,
    side: int,
    start: int,
    end: int,
    base: float,
    height: float,
    lean: float,
    pen: float,
    rng: Rng,
) -> None:
    """Write another digit, a letter or a sign at one side, so near that it is cut off by the border or touches."""
    if rng.random() < 0.2:
        piece = write_word(height, pen, rng)
    else:
        piece, _label = _middle(writer, int(rng.integers(10)), pen, height * float(np.exp(rng.normal(0, 0.15))), rng)
    piece = _leant(piece, lean)
    gap = rng.uniform(-0.15, 0.3) * height - 0.3 * abs(lean) * height  # slanting digits interlock
    left = end + gap if side > 0 else start - gap - piece.shape[1]
    _put(page, piece, left, base + rng.normal(0, 0.08) * height)


def _furniture(shape: tuple[int, int], base: float, height: float, start: int, end: int, rng: Rng) -> np.ndarray:
    """Lines of tables and forms, dots at the foot, dotted lines, smudges."""
    tall, wide = shape
    image = np.zeros(shape, np.float32)

    def thick() -> int:
        return max(1, round(rng.uniform(0.5, 0.09 * height)))

    if rng.random() < 0.25:
        x = float(rng.choice([rng.uniform(0, 0.2), rng.uniform(0.8, 1)])) * wide
        cv2.line(
            image,
            (round(x), 0),
            (round(x + rng.normal(0, 0.05) * wide), tall),
            rng.uniform(0.3, 1),
            thick(),
            cv2.LINE_AA,
        )
    if rng.random() < 0.25:
        y = base + rng.uniform(-0.05, 0.3) * height
        step = int(rng.choice([1, int(rng.integers(3, 8))]))
        for x in range(0, wide, step):
            cv2.line(
                image, (x, round(y)), (x + max(0, step - 2), round(y)), rng.uniform(0.3, 1), thick() if step == 1 else 1
            )
    if rng.random() < 0.3:
        x, y = (end + rng.uniform(0, 0.25) * height, base + rng.normal(-0.05, 0.06) * height)
        cv2.circle(image, (round(x), round(y)), max(1, round(rng.uniform(0.03, 0.08) * height)), 1.0, -1, cv2.LINE_AA)
    if rng.random() < 0.08:
        stain = smooth_noise(shape, rng, rng.uniform(8, 50))
        np.maximum(image, np.clip((stain - 0.6) * 1.5, 0, 0.7), out=image)
    return image


def _coarse(layers: list[Layer], height: float, pixels: float, small: bool, rng: Rng) -> np.ndarray:
    """Photograph the layers at few pixels; webcams with a noise that rivals the ink."""
    tall, wide = layers[0][0].shape
    scale = min(1.0, pixels / max(tall, wide))
    size = max(6, round(wide * scale)), max(6, round(tall * scale))
    layers = [(cv2.resize(coverage, size, interpolation=cv2.INTER_AREA), ink) for coverage, ink in layers]
    harm = any_harm(rng)
    picture = take(layers, rng, height * scale, harm)
    if small and rng.random() < 0.6:
        noise = rng.uniform(0.02, 0.1 + 0.06 * harm) * float(np.ptp(picture))
        grain = rng.standard_normal(picture.shape, np.float32)
        if rng.random() < 0.4:
            grain = 1.6 * cv2.GaussianBlur(grain, (0, 0), 0.6)
        picture = np.clip(picture + noise * grain, 0, 255).round().astype(np.uint8)
    return picture
