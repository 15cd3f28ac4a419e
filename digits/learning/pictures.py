"""Pictures as other people bring them, made of clean digits: a network trains on what preprocessing makes of them.

A glyph (an MNIST image, or the strokes of a pen) is redrawn with some pen, bent, put on a canvas, scan, photo, webcam
frame or tight crop, and then goes through `find_digit` like any picture. Non-digits (letters, scribbles,
fragments, several digits, texture) are made the same way and carry the label `NO_DIGIT`.

    python -m digits.learning.gallery gallery.png       # look at a sheet of them: picture beside ink
    ink, labels = make_pool(glyphs, labels, n=100_000, seed=0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from digits.finding.digit import find_digit
from digits.finding.pixels import bounding_box
from digits.learning.glyphs import Glyph, Rng, choose, draw_glyph, resized
from digits.learning.in_processes import make_in_chunks
from digits.learning.non_digits import NON_DIGITS
from digits.reading.verdict import NO_DIGIT

NO_DIGIT_SHARE = 0.25  # of a pool's pictures
Style = Callable[[np.ndarray, Rng], np.ndarray]  # coverage, float32 (h, w) in 0–1 -> uint8 (h, w) or RGB (h, w, 3)


# ---------------------------------------------------------------- coverage -> picture


def on_canvas(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A drawing program: flat ground, any size, with or without soft edges, either polarity."""
    drawn = _placed(coverage, rng, _size(rng, 16, 150), rng.uniform(0.02, 0.6))
    if rng.random() < 0.4:
        drawn = (drawn > rng.uniform(0.3, 0.6)).astype(np.float32)
    ground, ink = (255, int(rng.integers(0, 90))) if rng.random() < 0.6 else (int(rng.integers(0, 25)), 255)
    return _inked(drawn, ground, ink)


def on_tiny_canvas(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A 28-pixel drawing: strokes of one to three pixels, off the centre, often without grey."""
    drawn = _placed(coverage, rng, _size(rng, 12, 26), rng.uniform(0.05, 0.5))
    if rng.random() < 0.6:
        drawn = (drawn > rng.uniform(0.15, 0.5)).astype(np.float32)
    return _inked(drawn, 255, 0) if rng.random() < 0.5 else _inked(drawn, 0, 255)


def as_tight_crop(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A form reader's crop: no margin, few pixels, often stretched to the frame and without grey."""
    left, top, right, bottom = bounding_box(coverage > 0.3)
    cut = coverage[top:bottom, left:right]
    side = int(rng.choice([16, 16, 16, 20, 24, 32]))
    width, height = side, side
    if rng.random() < 0.5:  # not stretched: the narrow side keeps its proportion
        width = max(3, round(side * min(1, cut.shape[1] / cut.shape[0])))
        height = max(3, round(side * min(1, cut.shape[0] / cut.shape[1])))
    small = cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.6:
        small = (small > rng.uniform(0.3, 0.55)).astype(np.float32)
    return _inked(small, 0, 255)


def as_scan(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """Pencil or pen on scanned paper: pale, grainy strokes on nearly white, at low resolution."""
    drawn = _placed(coverage, rng, _size(rng, 14, 60), rng.uniform(0.1, 0.6))
    drawn = drawn * _grain(drawn.shape, rng, 0.7)
    return _noisy(_inked(drawn, int(rng.integers(235, 256)), int(rng.integers(40, 170))), rng, rng.uniform(0, 4))


def as_photo(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """Coloured ink on paper under uneven light, with sensor noise, blur and sometimes a ruled line or an edge."""
    drawn = _placed(coverage, rng, _size(rng, 16, 100), rng.uniform(0.05, 0.9))
    drawn = drawn * _grain(drawn.shape, rng, 0.25)
    paper, ink = rng.uniform(110, 250) + rng.normal(0, 12, 3), rng.uniform(0, 110, 3)
    if rng.random() < 0.15:
        ink = paper - rng.uniform(25, 60) * rng.uniform(0.3, 1, 3)  # pencil, pale pen
    drawn = np.maximum(drawn, _ruling(drawn.shape, rng)) if rng.random() < 0.2 else drawn
    colours = paper + (ink - paper) * drawn[..., None]
    picture = (colours * _light(drawn.shape, rng)[..., None]).astype(np.float32)
    blurred = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.5))
    picture = _noisy(blurred, rng, rng.uniform(0.5, 6))
    return _jpeg(picture, rng) if rng.random() < 0.6 else picture


def as_webcam(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A small, dim frame: a digit of 8 to 20 pixels on grey paper, blurred and noisy, sometimes with a dark desk."""
    drawn = _placed(coverage, rng, _size(rng, 8, 20), rng.uniform(1, 5))
    paper = rng.uniform(60, 180) + rng.normal(0, 6, 3)
    colours = paper - rng.uniform(25, 90) * drawn[..., None]
    if rng.random() < 0.3:
        colours = _beside_desk(colours, rng)
    picture = (colours * _light(drawn.shape, rng)[..., None]).astype(np.float32)
    picture = _noisy(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 0.9)), rng, rng.uniform(0.5, 4))
    return _jpeg(picture, rng) if rng.random() < 0.5 else picture


def _beside_desk(picture: np.ndarray, rng: Rng) -> np.ndarray:
    """Lay the paper on a dark desk that shows along one side."""
    height, width = picture.shape[:2]
    edge = rng.uniform(0.02, 0.15) * width + rng.normal(0, 0.1) * np.arange(height)[:, None]
    desk = np.arange(width)[None, :] < edge
    desk = np.rot90(desk, int(rng.integers(4))) if height == width else desk
    return np.where(desk[..., None], rng.uniform(20, 80), picture)


STYLES: dict[Style, float] = {
    on_canvas: 0.22,
    on_tiny_canvas: 0.15,
    as_tight_crop: 0.25,
    as_scan: 0.14,
    as_photo: 0.16,
    as_webcam: 0.08,
}


def _size(rng: Rng, low: int, high: int) -> int:
    return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))


def _placed(coverage: np.ndarray, rng: Rng, size: int, margin: float) -> np.ndarray:
    """Shrink the glyph to about `size` pixels and put it in a frame with a total margin of `margin` x size."""
    left, top, right, bottom = bounding_box(coverage > 0.1)
    scale = size / max(right - left, bottom - top)
    small = resized(coverage[top:bottom, left:right], scale)
    room = max(2, round(margin * size))
    frame = np.zeros((size + room, size + room), np.float32)
    top = rng.integers(0, frame.shape[0] - small.shape[0] + 1)
    left = rng.integers(0, frame.shape[1] - small.shape[1] + 1)
    frame[top : top + small.shape[0], left : left + small.shape[1]] = small
    return frame


def _inked(drawn: np.ndarray, ground: float, ink: float) -> np.ndarray:
    return (float(ground) + (float(ink) - float(ground)) * drawn).round().astype(np.uint8)


def _grain(shape: tuple[int, int], rng: Rng, strength: float) -> np.ndarray:
    """Return (h, w) factors in 0–1: how well the pen covers the paper, from place to place."""
    coarse = rng.random((max(2, shape[0] // 3), max(2, shape[1] // 3)), np.float32)
    return 1 - rng.uniform(0, strength) * cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR)


def _light(shape: tuple[int, int], rng: Rng) -> np.ndarray:
    coarse = 1 + rng.normal(0, rng.uniform(0, 0.1), (3, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), 0.4, 1.3)


def _ruling(shape: tuple[int, int], rng: Rng) -> np.ndarray:
    lines = np.zeros(shape, np.float32)
    left, right = rng.integers(0, shape[0]) + rng.normal(0, 0.04 * shape[0], 2)
    cv2.line(lines, (0, round(left)), (shape[1], round(right)), rng.uniform(0.15, 0.6), max(1, shape[0] // 60))
    return lines


def _noisy(picture: np.ndarray, rng: Rng, sigma: float) -> np.ndarray:
    noise = rng.standard_normal(picture.shape, np.float32) * np.float32(sigma)
    return np.clip(picture + noise, 0, 255).round().astype(np.uint8)


def _jpeg(picture: np.ndarray, rng: Rng) -> np.ndarray:
    _ok, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None, "it was encoded just now"
    return decoded


# ---------------------------------------------------------------- pools


def imitate(glyph: Glyph, rng: Rng) -> np.ndarray:
    """Return one picture, uint8 (h, w) or (h, w, 3), of the glyph as somebody might bring it."""
    return imitated(draw_glyph(glyph, rng), rng)


def imitate_no_digit(glyphs: Sequence[Glyph], rng: Rng) -> np.ndarray:
    """Return one picture of something that is not a single digit; fragments are made of `glyphs`."""
    make = choose(NON_DIGITS, rng)
    return imitated(make(rng, lambda: glyphs[int(rng.integers(len(glyphs)))]), rng)


def imitated(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """Return one picture, uint8 (h, w) or (h, w, 3), of coverage, float32 (h, w), in any style."""
    if coverage.max() < 0.5:  # bent or thinned away
        coverage = np.zeros_like(coverage)
        cv2.line(coverage, (40, 40), (60, 44), 1.0, 3)
    return choose(STYLES, rng)(coverage, rng)


def make_pool(
    glyphs: Sequence[Glyph], labels: np.ndarray, n: int, seed: int, workers: int = 2, chunk: int = 1000
) -> tuple[np.ndarray, np.ndarray]:
    """Return ink, uint8 (m, 28, 28), and labels, int64 (m,) in 0–10, of about `n` imitated pictures, preprocessed.

    Pictures in which preprocessing finds no strokes are left out. The same arguments give the same pool, but for
    `workers`: `chunk` pictures are drawn with a generator of their own.
    """
    return make_in_chunks(_make_some, glyphs, labels, n, chunk, seed, workers)


def _make_some(glyphs: Sequence[Glyph], labels: np.ndarray, n: int, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    inks, answers = [], []
    for _ in range(n):
        is_digit = rng.random() >= NO_DIGIT_SHARE
        index = int(rng.integers(len(labels)))
        found = find_digit(imitate(glyphs[index], rng) if is_digit else imitate_no_digit(glyphs, rng))
        clearest = min((found, *found.others), key=lambda view: view.doubt)
        if not clearest.is_blank and clearest.doubt < 4:
            inks.append(clearest.ink)
            answers.append(labels[index] if is_digit else NO_DIGIT)
    return np.stack(inks), np.array(answers, np.int64)
