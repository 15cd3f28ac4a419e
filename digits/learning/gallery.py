"""Sheets of imitated pictures, each beside the ink that is found in it.

python -m digits.learning.gallery gallery.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from digits.command import command
from digits.finding.digit import find_digit
from digits.learning.datasets import load_mnist
from digits.learning.gather import training_glyphs
from digits.learning.glyphs import Glyph
from digits.learning.pictures import imitate, imitate_no_digit


def contact_sheet(glyphs: Sequence[Glyph], no_digits: bool = False) -> np.ndarray:
    """Return a sheet (h, w, 3) of 96 imitated pictures, of digits or of what is none, each beside its ink."""
    rng, tiles = np.random.default_rng(0), []
    for _ in range(96):
        picture = imitate_no_digit(glyphs, rng) if no_digits else imitate(glyphs[int(rng.integers(len(glyphs)))], rng)
        colour = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
        ink = cv2.cvtColor(find_digit(picture).ink, cv2.COLOR_GRAY2RGB)
        tiles.append(np.concatenate([cv2.resize(side, (84, 84), interpolation=0) for side in (colour, ink)], axis=1))
    rows = [np.concatenate(tiles[i : i + 8], axis=1) for i in range(0, len(tiles), 8)]
    return np.concatenate(rows)


@command
def main(argv: list[str] | None = None) -> int:
    """Draw a sheet of imitated pictures to the path given, and one of what is no digit beside it."""
    parser = argparse.ArgumentParser(description="Draw imitated pictures beside their ink.")
    parser.add_argument("path", type=Path, metavar="FILE", help="the PNG to write; FILE-no-digits.png goes beside it")
    path = parser.parse_args(argv).path
    glyphs, _labels = training_glyphs(*load_mnist(True))
    cv2.imwrite(str(path), contact_sheet(glyphs)[..., ::-1])
    beside = path.with_name(f"{path.stem}-no-digits{path.suffix}")
    cv2.imwrite(str(beside), contact_sheet(glyphs, no_digits=True)[..., ::-1])
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
