"""Contact sheets of answers: each picture beside the ink that was made of it, with label, answer and status.

    draw_gallery(answers, "errors.png")        # of `labelled.answer`: what went wrong, the most confident first

Errors are red, answers that were merely not "ok" amber; both say so in words too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from digits.files import atomic_path
from digits.finding.decode import Picture, open_picture
from digits.finding.limits import PictureError
from digits.measuring.labelled import Answers
from digits.reading.verdict import NO_DIGIT, OK, UNSURE

SIDE = 92  # pixels of each picture
COLUMNS = 8
WRONG, UNSURE_COLOUR, GREY = "#b00020", "#8a5a00", "#666666"


def draw_gallery(answers: Answers, path: str | Path, limit: int = 240) -> None:
    """Write a sheet of at most `limit` pictures that went wrong, then of those merely unsure; none if all is well."""
    order = choose(answers)[:limit]
    if order:
        draw_sheet(answers, order, path)
    else:
        Path(path).unlink(missing_ok=True)  # of a run before


def choose(answers: Answers) -> list[int]:
    """Return the indices of errors (a digit misread, no digit called "ok"), then of unsure ones, surest first."""
    by_confidence = np.argsort(-answers.confidences, kind="stable")
    failed, unsure = failures(answers), _unsure(answers)
    return [int(i) for part in (failed, unsure) for i in by_confidence[part[by_confidence]]]


def failures(answers: Answers) -> np.ndarray:
    """Return (n,) whether a digit was not read as its label, or what is no digit was called "ok"."""
    return np.where(answers.labels < NO_DIGIT, ~answers.right, answers.statuses == OK)


def _unsure(answers: Answers) -> np.ndarray:
    doubted = np.where(answers.labels < NO_DIGIT, answers.statuses != OK, answers.statuses == UNSURE)
    return doubted & ~failures(answers)


def draw_sheet(answers: Answers, order: Sequence[int] | np.ndarray, path: str | Path) -> None:
    """Write the pictures `order` names, in rows of eight."""
    failed = failures(answers)
    tiles = [_tile(answers, index, WRONG if failed[index] else UNSURE_COLOUR) for index in order]
    width, height = tiles[0].size
    columns = min(COLUMNS, len(tiles))
    sheet = Image.new("RGB", (columns * width, -(-len(tiles) // columns) * height), "white")
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % columns * width, i // columns * height))
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")


def _tile(answers: Answers, index: int, colour: str) -> Image.Image:
    """One picture, its ink, "label > answer, confidence, status", its name and digit score."""
    sample = answers.samples[index]
    tile = Image.new("RGB", (2 * SIDE + 12, SIDE + 36), "white")
    tile.paste(_thumbnail(sample.picture), (4, 4))
    tile.paste(Image.fromarray(answers.ink[index]).resize((SIDE, SIDE), Image.Resampling.NEAREST), (SIDE + 8, 4))
    label, given = ("-" if digit == NO_DIGIT else digit for digit in (sample.label, answers.digits[index]))
    draw = ImageDraw.Draw(tile)
    said = f"{label} > {given}  {answers.confidences[index]:.0%}  {answers.statuses[index]}"
    draw.text((4, SIDE + 6), said, fill=colour, font_size=12)
    draw.text((4, SIDE + 21), f"{sample.name[-24:]}  s={answers.scores[index]:.1f}", fill=GREY, font_size=10)
    return tile


def _thumbnail(picture: Picture) -> Image.Image:
    square = Image.new("RGB", (SIDE, SIDE), "#d0d8e0")
    try:
        image = Image.fromarray(open_picture(picture)).convert("RGB")
    except PictureError:
        return square
    scale = SIDE / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image = image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)
    square.paste(image, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return square
