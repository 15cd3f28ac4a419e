"""What is no digit, to train on: letters, scribbles, fragments, several digits, shapes, texture.

coverage = choose(NON_DIGITS, rng)(rng, lambda: glyph)      # float32 (128, 128) in 0–1
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from digits.finding.pixels import bounding_box
from digits.learning.glyphs import (
    GLYPH_SIDE,
    LONG,
    PAD,
    Glyph,
    Rng,
    bend,
    draw_glyph,
    from_strokes,
    in_frame,
    pen_width,
)

NonDigit = Callable[[Rng, Callable[[], Glyph]], np.ndarray]  # a way to get glyphs -> coverage, float32 (128, 128)

LETTERS = "ACDEFGHJKLMNPQRTUVWXYadefhkmnprtuvwxyÄÖßéñ&@#%?!+=*<>$€§ΓΔΘΛΞΠΣΦΨΩαβγδεηθκλμνξπφχψω"
HERSHEY = "ACDEFGHJKLMNPQRTUVWXYadefhkmnprtuvwxy&@#%?+=*<>$"


def _letter(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """A letter or sign that no digit looks like, in a typeface or in Hershey's pen strokes."""
    if rng.random() < 0.5:
        return bend(_typeset(str(rng.choice(list(LETTERS))), rng), rng)
    image = np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.uint8)
    faces = [0, 2, 3, 4, 6, 7]
    face = int(rng.choice(faces)) | (cv2.FONT_ITALIC if rng.random() < 0.3 else 0)
    letter, thickness = str(rng.choice(list(HERSHEY))), max(1, round(pen_width(rng) * 0.9))
    cv2.putText(image, letter, (PAD, GLYPH_SIDE - PAD - 10), face, 2.8, 255, thickness, cv2.LINE_AA)
    return bend(image.astype(np.float32) / 255, rng)


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
    return bend(from_strokes(strokes, rng), rng)


def _character(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """Three to five lines, arcs, rings and dots that meet on a grid of nine points: a letter of no known alphabet."""
    grid = np.stack(np.meshgrid([0, 0.5, 1], [0, 0.5, 1]), axis=-1).reshape(9, 2) * LONG
    return bend(from_strokes([_primitive(grid, rng) for _ in range(rng.integers(3, 6))], rng), rng)


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
    return in_frame(cv2.resize(row, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


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
    return bend(image, rng)


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


def _frame(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """The outline of an empty box, or of a few cells, or some of its sides."""
    image = np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.uint8)
    wide, tall = rng.uniform(0.3, 1.0, 2) * LONG / 2
    centre, thick = GLYPH_SIDE / 2, int(rng.integers(1, 7))
    left, top, right, bottom = (round(centre + way) for way in (-wide, -tall, wide, tall))
    sides = [((left, top), (right, top)), ((right, top), (right, bottom)), ((right, bottom), (left, bottom))]
    sides += [((left, bottom), (left, top))] if rng.random() < 0.8 else []
    for cell in range(int(rng.integers(0, 4))):
        x = left + round((right - left) * (cell + 1) / 4)
        sides.append(((x, top), (x, bottom)))
    for start, end in sides:
        cv2.line(image, start, end, 255, thick, cv2.LINE_AA)
    return image.astype(np.float32) / 255


NON_DIGITS: dict[NonDigit, float] = {
    _letter: 0.38,
    _scribble: 0.16,
    _character: 0.12,
    _several: 0.12,
    _fragment: 0.08,
    _blob: 0.1,
    _texture: 0.04,
}
ALONE = {make: share for make, share in NON_DIGITS.items() if make is not _several} | {_frame: 0.2}  # no whole digit
CHARACTERS: dict[NonDigit, float] = {_letter: 0.24, _scribble: 0.1, _character: 0.16}
