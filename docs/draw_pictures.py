"""Draw the pictures of README.md and preprocessing.md: the example drawings on their way to 28x28 ink.

    python docs/draw_pictures.py

Nothing but the project's own drawings and code goes in, so the pictures show what the code does today.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

if not __package__:  # `python docs/draw_pictures.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assets.make_examples import STROKES
from benchmarks.situations import draw as situation
from digits.files import ASSETS_DIR
from digits.finding.decode import open_picture
from digits.finding.digit import WORK_SIDE, find_digit
from digits.finding.ink import BOX_SIDE, INK_SIDE, MIDDLE, centre_of_mass
from digits.finding.paper import fit_paper, measure_contrast
from digits.finding.pixels import bounding_box, shrink
from digits.finding.rules import without_rules
from digits.measuring import plots
from predict import MNISTPredictor

ROOT = Path(__file__).resolve().parents[1]
PICTURES_DIR = ROOT / "docs" / "pictures"
TILE, GAP = 144, 8
ORANGE, BLUE = (240, 120, 20), (40, 110, 230)


def example(digit: int) -> np.ndarray:
    """Return an example drawing, uint8 (h, w) or (h, w, 3)."""
    return open_picture(ASSETS_DIR / "examples" / f"{digit}.png")


def tile(image: np.ndarray, frame: bool = False) -> np.ndarray:
    """Return a picture, a map in 0-1 or a mask as one RGB tile; a frame where white would melt into the page."""
    if image.dtype != np.uint8:
        image = (np.clip(image.astype(np.float32), 0, 1) * 255).round().astype(np.uint8)
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    way = cv2.INTER_AREA if min(image.shape[:2]) > TILE else cv2.INTER_NEAREST
    image = cv2.resize(image, (TILE, TILE), interpolation=way)
    return cv2.rectangle(image, (0, 0), (TILE - 1, TILE - 1), (200, 200, 200), 1) if frame else image


def save(name: str, rows: list[list[np.ndarray]]) -> None:
    """Write rows of tiles, with white between them, as a small PNG."""
    white = [np.full((TILE, GAP, 3), 255, np.uint8)]
    lines = [np.concatenate([part for image in row for part in (image, *white)][:-1], axis=1) for row in rows]
    between = np.full((GAP, lines[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for line in lines for part in (line, between)][:-1])
    Image.fromarray(sheet).quantize(256, kmeans=4).save(PICTURES_DIR / f"{name}.png", optimize=True)


def four_steps(digit: int) -> list[np.ndarray]:
    """Return picture, contrast, strokes and ink of one example."""
    found = find_digit(example(digit))
    return [tile(example(digit), frame=True), tile(found.contrast), tile(found.mask), tile(found.ink)]


def paper() -> list[np.ndarray]:
    """Return a shadowed picture, what one threshold makes of it, the paper fitted to it, and the ink that departs."""
    pixels = shrink(example(9), WORK_SIDE)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    one_threshold = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]
    fitted = fit_paper(pixels.astype(np.float32)).clip(0, 255).astype(np.uint8)
    return [tile(pixels), tile(one_threshold), tile(fitted), tile(measure_contrast(pixels)[0])]


def rules() -> list[np.ndarray]:
    """Return a digit crossed by a ruled line, its contrast, what is dark in it, and that without the line."""
    pixels = example(7).copy()
    for y in range(64, 280, 66):
        cv2.line(pixels, (0, y), (279, y + 4), (105, 120, 160), 2)
    pixels = shrink(pixels, WORK_SIDE)
    contrast = measure_contrast(pixels)[0]
    dark = (contrast > 0.3).astype(np.uint8)
    return [tile(pixels), tile(contrast), tile(dark * 255), tile(without_rules(dark) * 255)]


def views() -> list[np.ndarray]:
    """Return a picture with the edge of a desk and a shadow in it, and the ink of every view of it."""
    pixels = example(1).copy()
    edge = np.arange(280)[None, :] < 95 + 0.12 * np.arange(280)[:, None]
    pixels[edge] = (58, 44, 36)
    found = find_digit(pixels)
    return [tile(pixels), *[tile(view.ink) for view in (found, *found.others)][:3]]


def inside() -> list[list[np.ndarray]]:
    """Return digits in a form's field, on a note, above a line and under a shadow's edge, each with its ink."""
    names = ("form_field", "yellow_note", "underlined", "shadow")
    pictures = [situation(name, to_ink_of(5), seed=2) for name in names]
    return [[part for picture in pictures for part in (tile(picture), tile(read(picture)))]]


def read(picture: np.ndarray) -> np.ndarray:
    """Return the ink that the network chooses among the views of a picture."""
    return MNISTPredictor().predict(picture).found.ink


def to_ink_of(digit: int) -> np.ndarray:
    """Return an example's ink, to be written elsewhere."""
    return find_digit(example(digit)).ink


def centring() -> list[np.ndarray]:
    """Return strokes centred by their box and by their mass, with the cross of MNIST's middle, and a hairline's ink."""
    found = find_digit(example(6))
    left, top, right, bottom = bounding_box(found.ink > 0)
    boxed = np.zeros_like(found.ink)
    y, x = (INK_SIDE - (bottom - top)) // 2, (INK_SIDE - (right - left)) // 2
    boxed[y : y + bottom - top, x : x + right - left] = found.ink[top:bottom, left:right]
    return [with_cross(boxed), with_cross(found.ink), *hairline()]


def with_cross(ink: np.ndarray) -> np.ndarray:
    """Return a tile of the ink with the 20x20 box's size, MNIST's middle (blue) and the centre of mass (orange)."""
    image, scale = tile(ink), TILE / INK_SIDE
    margin = round((INK_SIDE - BOX_SIDE) / 2 * scale)
    cv2.rectangle(image, (margin, margin), (TILE - margin, TILE - margin), (90, 90, 90), 1)
    cv2.drawMarker(image, (round(MIDDLE * scale),) * 2, BLUE, cv2.MARKER_CROSS, 22, 2)
    x, y = centre_of_mass(ink)
    cv2.circle(image, (round(x * scale), round(y * scale)), 5, ORANGE, 2)
    return image


def hairline() -> list[np.ndarray]:
    """Return the ink of a digit drawn one pixel wide: shrunk as it is, and evened out first."""
    canvas = np.zeros((300, 300), np.uint8)
    for stroke in STROKES[2]:
        cv2.polylines(canvas, [(np.array(stroke) * 240 + 30).astype(np.int32)], False, 255, 1, cv2.LINE_AA)
    thin = canvas.astype(np.float32) / 255
    left, top, right, bottom = bounding_box(thin > 0)
    shrunk = cv2.resize(thin[top:bottom, left:right], None, fx=20 / 240, fy=20 / 240, interpolation=cv2.INTER_AREA)
    return [tile(np.pad(shrunk, ((4, 4), (7, 7)))), tile(find_digit(255 - canvas).ink)]


def shrunk(path: Path) -> np.ndarray:
    """Return a picture as most tutorials hand it to the network: grey, 28x28, and no more."""
    return np.asarray(Image.open(path).convert("L").resize((INK_SIDE, INK_SIDE)))


def before_after() -> Figure:
    """Draw the ten examples, what the usual way and this project make of them, and what one network then answers."""
    paths = [ASSETS_DIR / "examples" / f"{digit}.png" for digit in range(10)]
    predictor = MNISTPredictor()
    usual = np.stack([shrunk(path) for path in paths])
    here = predictor.predict_batch(paths)
    rows = {
        "the picture": ([open_picture(path) for path in paths], None),
        "the usual way:\ngrey, 28 × 28": (usual, predictor.predict_proba(usual).argmax(axis=1)),
        "here": ([prediction.found.ink for prediction in here], [prediction.digit for prediction in here]),
    }
    figure = Figure(figsize=(9.6, 3.5), layout="constrained", facecolor="white")
    for axes, (name, (pictures, answers)) in zip(figure.subplots(3, 10), rows.items(), strict=True):
        draw_row(axes, name, pictures, answers)
    return figure


def draw_row(axes, name: str, pictures, answers) -> None:
    """Draw ten pictures beside a name, each with the answer below it, marked as right or wrong."""
    axes[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11)
    for digit, (axis, picture) in enumerate(zip(axes, pictures, strict=True)):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axis.set(xticks=[], yticks=[])
        if answers is not None:
            sign, colour = ("✓", plots.RIGHT) if answers[digit] == digit else ("✗", plots.WRONG)
            axis.set_xlabel(f"{sign} {answers[digit]}", fontsize=12, color=colour, fontweight="bold")


def main() -> int:
    """Write every picture."""
    PICTURES_DIR.mkdir(exist_ok=True)
    save("steps", [four_steps(digit) for digit in (1, 4, 7, 8)])
    save("same", [four_steps(3), four_steps(5)])
    save("paper", [paper()])
    save("rules", [rules()])
    save("views", [views()])
    save("inside", inside())
    save("form", [centring()])
    pixels = Image.fromarray(plots.to_pixels(before_after()))
    pixels.quantize(128, kmeans=4, dither=Image.Dither.NONE).save(PICTURES_DIR / "before_after.png", optimize=True)
    print(PICTURES_DIR)
    return 0


if __name__ == "__main__":
    sys.exit(main())
