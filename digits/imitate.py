"""Pictures as other people bring them, made of clean digits: a network trains on what preprocessing makes of them.

A glyph (an MNIST image, or the strokes of a pen) is redrawn with some pen, bent, put on a canvas, scan, photo, webcam
frame or tight crop, and then goes through `preprocess.find_digit` like any picture. Non-digits (letters, scribbles,
fragments, several digits, texture) are made the same way and carry the label `NO_DIGIT`.

    python -m digits.imitate gallery.png        # look at a sheet of them: picture beside ink
    ink, labels = make_pool(glyphs, labels, n=100_000, seed=0)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from digits.pools import make_in_chunks
from digits.preprocess import find_digit
from digits.strokes import bounding_box, doubt
from utils import command

NO_DIGIT = 10  # the eleventh label; the networks have no logit for it (see status.py)
NO_DIGIT_SHARE = 0.25  # of a pool's pictures
LONG = 80  # the longer side of a glyph while it is being drawn, in pixels
PAD = 24  # room around it for the pen and the bending
GLYPH_SIDE = LONG + 2 * PAD

Rng = np.random.Generator
Strokes = Sequence[np.ndarray]  # each (n, 2) float, x to the right, y down
Glyph = np.ndarray | Strokes  # uint8 (28, 28), or pen strokes
Style = Callable[[np.ndarray, Rng], np.ndarray]  # coverage, float32 (h, w) in 0–1 -> uint8 (h, w) or RGB (h, w, 3)
NonDigit = Callable[[Rng, Callable[[], Glyph]], np.ndarray]  # a way to get glyphs -> coverage, float32 (128, 128)


# ---------------------------------------------------------------- glyph -> coverage in 0..1, (128, 128)


def draw_glyph(glyph: Glyph, rng: Rng) -> np.ndarray:
    """Return the glyph as float32 coverage (128, 128), redrawn with a random pen and bent a little."""
    coverage = _from_ink(glyph, rng) if isinstance(glyph, np.ndarray) else _from_strokes(glyph, rng)
    return _bend(coverage, rng)


def _pen(rng: Rng) -> float:
    """A pen's width for a digit 80 high: 3 is a hairline, 10 is MNIST's, 24 a marker."""
    return float(np.exp(rng.normal(np.log(8.5), 0.5)).clip(2.5, 22))


def _from_ink(ink: np.ndarray, rng: Rng) -> np.ndarray:
    left, top, right, bottom = bounding_box(ink > 30)
    cut = cv2.copyMakeBorder(ink[top:bottom, left:right], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    scale = LONG / max(right - left, bottom - top)
    large = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    way = rng.random()
    if way < 0.3:
        return _in_frame(np.clip(large, 0, 1))
    solid = (large > 0.5).astype(np.uint8)
    if way < 0.65:
        return _in_frame(_redraw(solid, _pen(rng)))
    change = rng.normal(0, 3.0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(min(5, abs(change))) + 1,) * 2)
    solid = cv2.copyMakeBorder(solid, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=0)
    changed = cv2.dilate(solid, kernel) if change > 0 else cv2.erode(solid, kernel)
    return _in_frame((changed if changed.sum() > 0.35 * solid.sum() else solid).astype(np.float32))


def _redraw(solid: np.ndarray, pen: float) -> np.ndarray:
    """Replace strokes of any width by ones of width `pen` along their middle line."""
    solid = cv2.copyMakeBorder(solid, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    ridge = (depth > 0.8 * cv2.dilate(depth, np.ones((5, 5), np.uint8))) & (depth > 1.2)
    apart = cv2.distanceTransform(1 - ridge.astype(np.uint8), cv2.DIST_L2, 3)
    return np.clip(pen / 2 - apart + 0.5, 0, 1).astype(np.float32)


def _from_strokes(strokes: Strokes, rng: Rng) -> np.ndarray:
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = LONG / max(float((high - low).max()), 1e-6)
    image = np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.uint8)
    offset = PAD + (LONG - (high - low) * scale) / 2
    thickness = max(1, round(_pen(rng)))
    for stroke in strokes:
        path = ((stroke - low) * scale + offset) * 16  # four fractional bits
        cv2.polylines(image, [path.round().astype(np.int32)], False, 255, thickness, cv2.LINE_AA, shift=4)
    return image.astype(np.float32) / 255


def _in_frame(coverage: np.ndarray) -> np.ndarray:
    frame = np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.float32)
    height, width = (min(side, GLYPH_SIDE) for side in coverage.shape)
    top, left = (GLYPH_SIDE - height) // 2, (GLYPH_SIDE - width) // 2
    frame[top : top + height, left : left + width] = coverage[:height, :width]
    return frame


def _bend(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """Rotate, shear, stretch and distort elastically, in one resampling."""
    angle, shear = rng.normal(0, 0.12), rng.normal(0, 0.15)
    stretch = np.exp(rng.normal(0, 0.12))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear], [0, 1]]) @ np.diag([stretch, 1 / stretch])
    centred = np.stack(np.meshgrid(*[np.arange(GLYPH_SIDE) - GLYPH_SIDE / 2] * 2), axis=-1)
    source = centred @ matrix.T + GLYPH_SIDE / 2
    coarse = rng.normal(0, rng.uniform(0, 2.2), (5, 5, 2)).astype(np.float32)
    source = source + cv2.resize(coarse, (GLYPH_SIDE, GLYPH_SIDE), interpolation=cv2.INTER_CUBIC)
    source = source.astype(np.float32)
    return cv2.remap(coverage, source[..., 0], source[..., 1], cv2.INTER_LINEAR)


# ---------------------------------------------------------------- coverage -> picture


def on_canvas(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """A drawing program: flat ground, any size, with or without soft edges, either polarity."""
    drawn = _placed(coverage, rng, _size(rng, 16, 150), rng.uniform(0.02, 0.6))
    if rng.random() < 0.4:
        drawn = (drawn > rng.uniform(0.3, 0.6)).astype(np.float32)
    ground, ink = (255, rng.integers(0, 90)) if rng.random() < 0.6 else (rng.integers(0, 25), 255)
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
    return _noisy(_inked(drawn, rng.integers(235, 256), rng.integers(40, 170)), rng, rng.uniform(0, 4))


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
    desk = np.rot90(desk, rng.integers(4)) if height == width else desk
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
    cut = coverage[top:bottom, left:right]
    new = max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale))
    small = cv2.resize(cut, new, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
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
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


# ---------------------------------------------------------------- what is no digit

LETTERS = "ACDEFGHJKLMNPQRTUVWXYadefhkmnprtuvwxyÄÖßéñ&@#%?!+=*<>$€§ΓΔΘΛΞΠΣΦΨΩαβγδεηθκλμνξπφχψω"
HERSHEY = "ACDEFGHJKLMNPQRTUVWXYadefhkmnprtuvwxy&@#%?+=*<>$"


def _letter(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """A letter or sign that no digit looks like, in a typeface or in Hershey's pen strokes."""
    if rng.random() < 0.5:
        return _bend(_typeset(str(rng.choice(list(LETTERS))), rng), rng)
    image = np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.uint8)
    faces = [0, 2, 3, 4, 6, 7]
    face = int(rng.choice(faces)) | (cv2.FONT_ITALIC if rng.random() < 0.3 else 0)
    letter, thickness = str(rng.choice(list(HERSHEY))), max(1, round(_pen(rng) * 0.9))
    cv2.putText(image, letter, (PAD, GLYPH_SIDE - PAD - 10), face, 2.8, 255, thickness, cv2.LINE_AA)
    return _bend(image.astype(np.float32) / 255, rng)


def _typeset(letter: str, rng: Rng) -> np.ndarray:
    from matplotlib import get_data_path  # the typefaces every machine with this project has
    from PIL import Image, ImageDraw, ImageFont

    faces = ["DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono"]
    font = ImageFont.truetype(f"{get_data_path()}/fonts/ttf/{rng.choice(faces)}.ttf", 80)
    image = Image.new("L", (GLYPH_SIDE, GLYPH_SIDE))
    ImageDraw.Draw(image).text((GLYPH_SIDE // 2, GLYPH_SIDE // 2), letter, fill=255, font=font, anchor="mm")
    return np.asarray(image, np.float32) / 255


def _scribble(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """Two to five smooth random strokes: the characters of no alphabet."""
    strokes = []
    for _ in range(rng.integers(2, 6)):
        knots = rng.uniform(0, LONG, (rng.integers(2, 5), 2)).astype(np.float32)
        strokes.append(cv2.resize(knots, (2, 24), interpolation=cv2.INTER_CUBIC))
    return _bend(_from_strokes(strokes, rng), rng)


def _character(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """Three to five lines, arcs, rings and dots that meet on a grid of nine points: a letter of no known alphabet."""
    grid = np.stack(np.meshgrid([0, 0.5, 1], [0, 0.5, 1]), axis=-1).reshape(9, 2) * LONG
    return _bend(_from_strokes([_primitive(grid, rng) for _ in range(rng.integers(3, 6))], rng), rng)


def _primitive(grid: np.ndarray, rng: Rng) -> np.ndarray:
    """Return one path (n, 2) between points of the grid, a little off them."""
    start, end = grid[rng.choice(9, 2, replace=False)] + rng.normal(0, 4, (2, 2))
    along = np.linspace(0, 1, 24)[:, None]
    kind = rng.random()
    if kind < 0.12:  # a ring or a dot
        angle, radius = along * 2 * np.pi, rng.choice([3, 12, 20])
        return start + radius * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    bulge = 0 if kind < 0.6 else rng.uniform(-0.7, 0.7)  # straight, or an arc
    across = (end - start)[::-1] * (1, -1)
    return start + (end - start) * along + across * bulge * np.sin(np.pi * along)


def _several(rng: Rng, glyph: Callable[[], Glyph]) -> np.ndarray:
    """Two or three digits side by side."""
    parts = [draw_glyph(glyph(), rng) for _ in range(rng.integers(2, 4))]
    cuts = [part[:, bounding_box(part > 0.2)[0] : bounding_box(part > 0.2)[2]] for part in parts]
    gap = np.zeros((GLYPH_SIDE, rng.integers(3, 16)), np.float32)
    row = np.concatenate([piece for cut in cuts for piece in (cut, gap)][:-1], axis=1)
    scale = LONG / max(row.shape)
    return _in_frame(cv2.resize(row, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _fragment(rng: Rng, glyph: Callable[[], Glyph]) -> np.ndarray:
    """Two digits written over each other, or two halves of different digits."""
    first, second = draw_glyph(glyph(), rng), draw_glyph(glyph(), rng)
    if rng.random() < 0.5:
        return np.maximum(first, np.roll(second, rng.integers(-25, 26, 2), axis=(0, 1)))
    return np.maximum(np.roll(first, -LONG // 3, axis=1), np.rot90(second))


def _blob(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """A filled shape, as likely as not symmetric like garments, jars and trees are, with texture or without."""
    points = _mirrored(rng) if rng.random() < 0.5 else _polygon(rng)
    image = np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.float32)
    cv2.fillPoly(image, [(points + GLYPH_SIDE / 2).astype(np.int32)], 1.0)
    if rng.random() < 0.6:
        image *= 0.4 + 0.6 * cv2.resize(rng.random((9, 9)).astype(np.float32), image.shape)
    return _bend(image, rng)


def _polygon(rng: Rng) -> np.ndarray:
    """Return three to eight corners (n, 2) around the origin."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
    radii = rng.uniform(0.35, 1.0, len(angles)) * LONG / 2
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def _mirrored(rng: Rng) -> np.ndarray:
    """Return an outline (n, 2) around the origin, the same to the left and to the right."""
    heights = np.sort(rng.uniform(-LONG / 2, LONG / 2, rng.integers(3, 8)))
    heights[[0, -1]] = -LONG / 2, LONG / 2
    half = rng.uniform(0.1, 0.5, len(heights)) * LONG
    right = np.stack([half, heights], axis=1)
    return np.concatenate([right, right[::-1] * (-1, 1)])


def _texture(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """Noise of some grain: cloth, paper fibres, foliage."""
    grain = int(rng.integers(4, 40))
    coarse = rng.random((grain, grain), np.float32)
    noise = cv2.resize(coarse, (GLYPH_SIDE, GLYPH_SIDE), interpolation=cv2.INTER_CUBIC)
    return np.clip((noise - rng.uniform(0.3, 0.6)) * 4, 0, 1)


NON_DIGITS: dict[NonDigit, float] = {
    _letter: 0.38,
    _scribble: 0.16,
    _character: 0.12,
    _several: 0.12,
    _fragment: 0.08,
    _blob: 0.1,
    _texture: 0.04,
}


SIGNS: dict[NonDigit, float] = {_letter: 0.7, _scribble: 0.15, _character: 0.15}


def draw_sign(rng: Rng) -> np.ndarray:
    """Return what may be written among digits and is none, as float32 coverage (128, 128), with a random pen."""
    return _choose(SIGNS, rng)(rng, list)


# ---------------------------------------------------------------- pools


def imitate(glyph: Glyph, rng: Rng) -> np.ndarray:
    """Return one picture, uint8 (h, w) or (h, w, 3), of the glyph as somebody might bring it."""
    return _picture(draw_glyph(glyph, rng), rng)


def imitate_no_digit(glyphs: Sequence[Glyph], rng: Rng) -> np.ndarray:
    """Return one picture of something that is not a single digit; fragments are made of `glyphs`."""
    make = _choose(NON_DIGITS, rng)
    return _picture(make(rng, lambda: glyphs[rng.integers(len(glyphs))]), rng)


def _picture(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    if coverage.max() < 0.5:  # bent or thinned away
        coverage = np.zeros_like(coverage)
        cv2.line(coverage, (40, 40), (60, 44), 1.0, 3)
    return _choose(STYLES, rng)(coverage, rng)


def _choose(options: dict, rng: Rng):
    weights = np.array(list(options.values()))
    return list(options)[rng.choice(len(options), p=weights / weights.sum())]


def make_pool(
    glyphs: Sequence[Glyph], labels: np.ndarray, n: int, seed: int, workers: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Return ink, uint8 (m, 28, 28), and labels, int64 (m,) in 0–10, of about `n` imitated pictures, preprocessed.

    Pictures in which preprocessing finds no strokes are left out. The same arguments give the same pool.
    """
    return make_in_chunks(_make_some, glyphs, labels, n, 1000, seed, workers)


def _make_some(glyphs: Sequence[Glyph], labels: np.ndarray, n: int, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    inks, answers = [], []
    for _ in range(n):
        is_digit = rng.random() >= NO_DIGIT_SHARE
        index = int(rng.integers(len(labels)))
        found = find_digit(imitate(glyphs[index], rng) if is_digit else imitate_no_digit(glyphs, rng))
        clearest = min((found, *found.others), key=lambda view: doubt(view.mask))
        if not clearest.is_blank and doubt(clearest.mask) < 4:
            inks.append(clearest.ink)
            answers.append(labels[index] if is_digit else NO_DIGIT)
    return np.stack(inks), np.array(answers, np.int64)


def contact_sheet(glyphs: Sequence[Glyph], n: int = 96, seed: int = 0, no_digits: bool = False) -> np.ndarray:
    """Return a sheet (h, w, 3) of imitated pictures, each beside its ink."""
    rng, tiles = np.random.default_rng(seed), []
    for _ in range(n):
        picture = imitate_no_digit(glyphs, rng) if no_digits else imitate(glyphs[rng.integers(len(glyphs))], rng)
        colour = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
        ink = cv2.cvtColor(find_digit(picture).ink, cv2.COLOR_GRAY2RGB)
        tiles.append(np.concatenate([cv2.resize(side, (84, 84), interpolation=0) for side in (colour, ink)], axis=1))
    rows = [np.concatenate(tiles[i : i + 8], axis=1) for i in range(0, n, 8)]
    return np.concatenate(rows)


@command
def main(argv: list[str] | None = None) -> int:
    """Draw a sheet of imitated pictures to the path given, and one of what is no digit beside it."""
    parser = argparse.ArgumentParser(description="Draw imitated pictures beside their ink.")
    parser.add_argument("path", type=Path, metavar="FILE", help="the PNG to write; FILE-no-digits.png goes beside it")
    path = parser.parse_args(argv).path
    from digits.data import load_mnist, training_glyphs

    glyphs, _labels = training_glyphs(*load_mnist(True))
    cv2.imwrite(str(path), contact_sheet(glyphs)[..., ::-1])
    beside = path.with_name(f"{path.stem}-no-digits{path.suffix}")
    cv2.imwrite(str(beside), contact_sheet(glyphs, no_digits=True)[..., ::-1])
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
