"""Printed text as coverage, in the typefaces that every machine with this project has: matplotlib brings them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digits.finding.pixels import bounding_box
from digits.learning.glyphs import resized

PREFIXES = ("DejaVu", "STIXGeneral", "cmr10", "cmss10", "cmtt10")
DRAWN = 40  # pixels of the type while it is being drawn


@cache
def _faces() -> list[str]:
    from matplotlib import get_data_path

    files = sorted((Path(get_data_path()) / "fonts" / "ttf").glob("*.ttf"))
    return [str(file) for file in files if file.name.startswith(PREFIXES) and "Display" not in file.name]


@cache
def _font(path: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, DRAWN)


def typeset(text: str, height: float, rng: np.random.Generator) -> np.ndarray:
    """Return the coverage of printed `text`, float32 (h, w), its capitals `height` pixels high."""
    font = _font(str(rng.choice(_faces())))
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    image = Image.new("L", (max(1, right - left) + 4, max(1, bottom - top) + 4))
    ImageDraw.Draw(image).text((2 - left, 2 - top), text, fill=255, font=font)
    drawn = np.asarray(image, np.float32) / 255
    if drawn.max() > 0.2:
        box = bounding_box(drawn > 0.1)
        drawn = drawn[box[1] : box[3], box[0] : box[2]]
    return resized(drawn, height / (0.72 * DRAWN))
