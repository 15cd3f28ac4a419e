"""Digits in the situations of everyday life — form fields, sheets on desks, shadows, chalk — each a hundred times.

    python -m benchmarks.situations                    # validation digits, for tuning
    python -m benchmarks.situations --mnist-test --gallery outputs/runs/situations

The pictures are drawn by the project: a MNIST digit is enlarged and written on something. They say nothing about other
people's handwriting, only which surroundings stand in the way of reading it. A digit withheld counts as wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

if not __package__:  # `python benchmarks/situations.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import make_parser, save, unseen_digits
from digits.command import command
from digits.measuring.error_sheet import draw_gallery
from digits.measuring.labelled import Sample, answer
from digits.measuring.metrics import share_of
from digits.reading.verdict import OK
from predict import MNISTPredictor

INK = (40, 40, 60)  # RGB
BLUE = (30, 45, 130)
Rng = np.random.Generator
Situation = Callable[[np.ndarray, Rng], np.ndarray]  # ink, uint8 (28, 28) -> picture, RGB float32 (h, w, 3), 0–255


def enlarge(ink: np.ndarray, side: int) -> np.ndarray:
    """Return ink (28, 28) as coverage, float32 (side, side) in 0–1, with a steep edge."""
    large = cv2.resize(ink.astype(np.float32) / 255, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip((large - 0.35) * 3, 0, 1)


def paper(height: int, width: int, rng: Rng, level: float = 215.0) -> np.ndarray:
    """Return paper under a lamp with sensor noise, float32 (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 18 * np.sin(3 * x / width + 6 * rng.random()) + 14 * np.cos(3 * y / height + 6 * rng.random())
    grey = level + light + rng.normal(0, 3, (height, width)).astype(np.float32)
    return grey[..., None] * np.float32([1.0, 0.98, 0.95])


def write(picture: np.ndarray, ink: np.ndarray, left: int, top: int, side: int, colour=INK, strength=0.9) -> np.ndarray:
    """Write ink (28, 28), `side` pixels large, on a picture (h, w, 3), which is changed; return that picture."""
    coverage = strength * enlarge(ink, side)[..., None]
    there = picture[top : top + side, left : left + side]
    picture[top : top + side, left : left + side] = there + (np.float32(colour) - there) * coverage
    return picture


def plain(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A digit in the middle of a sheet; most situations start from it."""
    return write(paper(480, 480, rng), ink, 130, 120, 220)


def form_field(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A printed box around the digit."""
    picture = write(paper(300, 240, rng), ink, 40, 70, 160)
    return cv2.rectangle(picture, (20, 20), (220, 280), (40, 40, 40), 3)


def form_cell(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A cell of a table, its lines running on."""
    picture = write(paper(260, 260, rng), ink, 60, 60, 140)
    for at in (40, 220):
        cv2.line(picture, (at, 0), (at, 260), (70, 70, 70), 2)
        cv2.line(picture, (0, at), (260, at), (70, 70, 70), 2)
    return picture


def circled(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A circle drawn around the digit."""
    return cv2.ellipse(plain(ink, rng), (240, 230), (150, 140), 0, 0, 360, INK, 5, cv2.LINE_AA)


def underlined(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A line drawn below the digit."""
    return cv2.line(plain(ink, rng), (140, 350), (340, 345), INK, 6, cv2.LINE_AA)


def squared_paper(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A schoolbook's squares."""
    picture = paper(400, 400, rng)
    picture[::25] -= np.float32([20, 40, 70])
    picture[:, ::25] -= np.float32([20, 40, 70])
    return write(picture, ink, 110, 100, 190, BLUE)


def ruled_paper(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """Ruled lines and a red margin."""
    picture = paper(500, 400, rng)
    for top in range(30, 500, 60):
        picture[top : top + 2] -= np.float32([10, 40, 50])
    picture[:, 60:63] -= np.float32([10, 90, 90])
    return write(picture, ink, 130, 150, 200)


def sheet_on_desk(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A sheet on a brown desk, all its edges in the picture."""
    picture = on_ground(rng, (640, 480), (120, 80, 50), [[90, 60], [560, 30], [600, 430], [60, 450]])
    return write(picture, ink, 220, 130, 220)


def slip_on_dark_desk(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A small slip on a dark desk."""
    corners = [[350, 250], [650, 220], [680, 520], [380, 540]]
    return write(on_ground(rng, (960, 720), (30, 30, 35), corners), ink, 440, 300, 160)


def yellow_note(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A yellow note on grey, hardly lighter or darker than its ground."""
    corners = [[250, 150], [560, 130], [580, 440], [270, 460]]
    picture = on_ground(rng, (800, 600), (205, 200, 200), corners, (250, 230, 90))
    return write(picture, ink, 320, 190, 200)


def on_ground(rng: Rng, size: tuple[int, int], ground, corners: list[list[int]], sheet=None) -> np.ndarray:
    """Return a sheet with these corners (x, y) on a ground of one colour and some grain, (h, w, 3); no digit yet."""
    width, height = size
    picture = np.float32(ground) + rng.normal(0, 6, (height, width, 1)).astype(np.float32)
    shape = cv2.fillPoly(np.zeros((height, width, 1), np.float32), [np.int32(corners)], 1.0)
    top = paper(height, width, rng) if sheet is None else np.float32(sheet)
    return picture * (1 - shape) + top * shape


def finger(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A finger reaching into the picture."""
    return cv2.ellipse(plain(ink, rng), (440, 470), (90, 160), 30, 0, 360, (205, 150, 120), -1)


def shadow(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """The edge of a shadow across the digit."""
    shade = cv2.fillPoly(np.zeros((480, 480), np.float32), [np.int32([[0, 0], [288, 0], [192, 480], [0, 480]])], 0.5)
    return plain(ink, rng) * (1 - cv2.GaussianBlur(shade, (0, 0), 4))[..., None]


def dim(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """Hardly any light, much noise."""
    return 0.18 * plain(ink, rng) + rng.normal(0, 3, (480, 480, 3))


def chalk(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """Chalk on a blackboard."""
    board = paper(400, 500, rng, 60)
    chalky = write(board.copy(), ink, 150, 80, 240, (220, 225, 220))
    return board + (chalky - board) * (0.5 + 0.5 * rng.random((400, 500, 1)))


def pencil(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A pale pencil, a small digit on a large sheet."""
    return write(paper(700, 600, rng, 205), ink, 200, 250, 180, (110, 110, 110), 0.5)


def red_on_yellow(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """Red ink on yellow paper."""
    yellow = paper(300, 300, rng) * np.float32([1.0, 0.93, 0.45])
    return write(yellow, ink, 60, 60, 180, (210, 40, 40))


def highlighter(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A yellow highlighter on white."""
    return write(paper(300, 300, rng, 235), ink, 60, 60, 180, (250, 240, 90), 0.8)


def far_away(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A digit of a hundred pixels in a photo of three megapixels."""
    return write(paper(1500, 2000, rng, 205), ink, 900, 650, 110)


def moved(ink: np.ndarray, rng: Rng) -> np.ndarray:
    """A camera that moved."""
    return cv2.filter2D(plain(ink, rng), -1, np.full((1, 15), 1 / 15, np.float32))


SITUATIONS: dict[str, Situation] = {
    situation.__name__: situation
    for situation in (
        plain, form_field, form_cell, circled, underlined, squared_paper, ruled_paper, sheet_on_desk, slip_on_dark_desk,
        yellow_note, finger, shadow, dim, chalk, pencil, red_on_yellow, highlighter, far_away, moved,
    )
}  # fmt: skip


def draw(name: str, ink: np.ndarray, seed: int) -> np.ndarray:
    """Return ink, uint8 (28, 28), in the situation `name`: RGB uint8 (h, w, 3), slightly blurred as by a lens."""
    picture = SITUATIONS[name](ink, np.random.default_rng(seed))
    return np.clip(cv2.GaussianBlur(np.float32(picture), (0, 0), 0.8), 0, 255).astype(np.uint8)


def measure(predictor: MNISTPredictor, name: str, ink: np.ndarray, labels: np.ndarray, gallery: Path | None) -> dict:
    """Return the accuracy on ink, uint8 (n, 28, 28), in one situation, and how many answers were `ok` and wrong.

    What went wrong is drawn into the folder `gallery`, if one is named.
    """
    drawn = [draw(name, digit, seed) for seed, digit in enumerate(ink)]
    samples = [Sample(picture, int(label), name) for picture, label in zip(drawn, labels, strict=True)]
    answers = answer(predictor, samples)
    if gallery:
        draw_gallery(answers, gallery / f"{name}.png")
    return share_of(answers.right) | {"ok_but_wrong": int((~answers.right & (answers.statuses == OK)).sum())}


@command
def main(argv: list[str] | None = None) -> int:
    """Measure every situation; print and write the figures."""
    parser = make_parser(__doc__, "--mnist-test")
    parser.add_argument("--n", type=int, default=100, metavar="N", help="pictures of each (default: 100)")
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="draw the wrong ones there")
    arguments = parser.parse_args(argv)
    predictor, (ink, labels) = MNISTPredictor(), unseen_digits(arguments.split, arguments.n)
    rows = {name: measure(predictor, name, ink, labels, arguments.gallery) for name in SITUATIONS}
    for name, row in rows.items():
        print(f"{name:<20}{row['share']:8.1%}  {row['low']:.1%}–{row['high']:.1%}  ok but wrong: {row['ok_but_wrong']}")
    mean = float(np.mean([row["share"] for row in rows.values()]))
    print(f"{'mean':<20}{mean:8.1%}")
    result = {"split": arguments.split, "n_each": len(ink), "mean": mean, "each": rows}
    save(result, "situations", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
