"""Draw the ten example pictures: pen strokes set down by hand for this project, on ten different grounds.

    python assets/make_examples.py             # writes assets/examples/0.png … 9.png
    python assets/make_examples.py --sheet s.png   # also all ten side by side, to look at

No data set is read: every stroke is a list of points below, joined by a spline and drawn with an uneven pen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

EXAMPLES_DIR = Path(__file__).resolve().parent / "examples"
SIDE = 280
FINE = 4  # strokes are drawn this much larger and averaged down, so that their edges are soft

# Each stroke passes through its points, x to the right and y down; one unit is the digit's height.
STROKES: dict[int, list[list[tuple[float, float]]]] = {
    0: [[(.43, .04), (.24, .10), (.08, .34), (.05, .62), (.17, .90), (.37, .97), (.58, .80), (.66, .48), (.58, .18),
         (.42, .05), (.30, .09)]],
    1: [[(.05, .30), (.19, .18), (.34, .01), (.32, .28), (.28, .62), (.26, 1.0)]],
    2: [[(.06, .24), (.14, .08), (.33, .01), (.53, .10), (.55, .30), (.40, .56), (.18, .80), (.03, .96), (.12, .93),
         (.30, .93), (.48, .98), (.68, .93)]],
    3: [[(.08, .12), (.26, .01), (.46, .06), (.51, .23), (.38, .40), (.22, .46), (.42, .49), (.58, .64), (.54, .87),
         (.33, 1.0), (.12, .96), (.02, .86)]],
    4: [[(.27, .02), (.18, .25), (.03, .56), (.06, .62), (.35, .60), (.70, .56)],
        [(.52, .22), (.49, .50), (.46, .78), (.45, 1.02)]],
    5: [[(.17, .07), (.13, .25), (.09, .44), (.27, .39), (.48, .46), (.57, .66), (.48, .89), (.27, 1.0), (.05, .93)],
        [(.19, .06), (.36, .07), (.58, .01)]],
    6: [[(.48, .00), (.30, .14), (.12, .42), (.04, .70), (.12, .93), (.31, .99), (.50, .88), (.53, .69), (.40, .56),
         (.22, .60), (.09, .76)]],
    7: [[(.03, .09), (.12, .06), (.34, .07), (.62, .03), (.52, .24), (.36, .55), (.26, .80), (.22, 1.0)],
        [(.18, .53), (.36, .49), (.56, .48)]],
    8: [[(.52, .13), (.38, .02), (.20, .06), (.13, .22), (.25, .39), (.43, .53), (.53, .72), (.45, .93), (.25, .98),
         (.09, .85), (.11, .66), (.28, .49), (.46, .33), (.54, .16), (.46, .05)]],
    9: [[(.52, .16), (.38, .03), (.18, .09), (.08, .29), (.17, .46), (.36, .44), (.51, .26), (.54, .13), (.52, .40),
         (.47, .70), (.38, 1.0)]],
}  # fmt: skip

Ground = Callable[[np.random.Generator], np.ndarray]  # -> float32 (SIDE, SIDE, 3) RGB, 0–255


@dataclass(frozen=True)
class Example:
    """How one digit is drawn: height and pen in pixels, the digit's middle as a share of the side, slant, colours."""

    height: int
    pen: float
    ink: tuple[int, int, int]
    ground: Ground | None  # None: transparent
    middle: tuple[float, float] = (0.5, 0.5)
    slant: float = 0.0
    grain: float = 0.0  # how much the paper's tooth eats into the stroke: pencil, chalk


def main(argv: list[str] | None = None) -> int:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sheet", metavar="FILE", help="also write all ten side by side")
    arguments = parser.parse_args(argv)
    EXAMPLES_DIR.mkdir(exist_ok=True)
    pictures = [draw(digit, example) for digit, example in EXAMPLES.items()]
    for digit, picture in zip(EXAMPLES, pictures, strict=True):
        write(EXAMPLES_DIR / f"{digit}.png", picture)
    if arguments.sheet:
        on_white = [flatten(picture) for picture in pictures]
        write(Path(arguments.sheet), np.vstack([np.hstack(on_white[:5]), np.hstack(on_white[5:])]))
    print(EXAMPLES_DIR)
    return 0


def draw(digit: int, example: Example) -> np.ndarray:
    """Return the picture of `digit`: uint8 (SIDE, SIDE, 3) RGB, or RGBA if its ground is transparent."""
    rng = np.random.default_rng(digit)
    cover = stroke_cover(STROKES[digit], example, rng)  # (SIDE, SIDE), 0–1
    cover *= 1 - example.grain * np.clip(texture(rng, 0.7), 0, 1)
    if example.ground is None:
        colour = np.broadcast_to(np.float32(example.ink), (SIDE, SIDE, 3))
        return np.dstack([colour, 255 * cover]).round().astype(np.uint8)
    paper = example.ground(rng)
    light = (1 + paper.mean(axis=2, keepdims=True)) / (1 + paper.mean())  # ink lies in the same light as its paper
    picture = paper * (1 - cover[..., None]) + np.float32(example.ink) * light * cover[..., None]
    return picture.clip(0, 255).round().astype(np.uint8)


def stroke_cover(strokes: list[list[tuple[float, float]]], example: Example, rng: np.random.Generator) -> np.ndarray:
    """Return how much of each pixel the pen covers, float32 (SIDE, SIDE) in 0–1."""
    canvas = np.zeros((SIDE * FINE, SIDE * FINE), np.uint8)
    every = np.concatenate([np.array(points) for points in strokes])
    middle = (every.min(axis=0) + every.max(axis=0)) / 2
    for points in strokes:
        path = spline(np.array(points) + rng.normal(0, 0.006, (len(points), 2))) - middle
        path[:, 0] -= example.slant * path[:, 1]
        path = (path * example.height + np.array(example.middle) * SIDE) * FINE
        for (x, y), width in zip(path, pen_widths(len(path), example.pen, rng), strict=True):
            cv2.circle(canvas, (round(x), round(y)), round(width * FINE / 2), 255, -1, cv2.LINE_AA)
    return cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def spline(points: np.ndarray, steps: int = 60) -> np.ndarray:
    """Return a dense Catmull–Rom curve through `points`, (n, 2) -> (m, 2)."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack([*parts, points[-1:]])


def pen_widths(n: int, pen: float, rng: np.random.Generator) -> np.ndarray:
    """Return the pen's width at `n` points: pressure wanders, and lifts a little at the end."""
    wander = np.interp(np.linspace(0, 1, n), np.linspace(0, 1, 8), rng.normal(1, 0.12, 8))
    lift = np.minimum(1, 0.65 + np.linspace(0, 3, n)[::-1])
    return np.clip(pen * wander * lift, 1, None)


# ---------------------------------------------------------------- grounds


def flat(*colour: int) -> Ground:
    """A drawing program's canvas."""
    return lambda rng: np.broadcast_to(np.float32(colour), (SIDE, SIDE, 3)).copy()


def paper(*colour: int, shade: float = 0.2, tooth: float = 2.0, lines: Callable | None = None) -> Ground:
    """A photographed sheet: light falls off by `shade` across it, fibres show by `tooth` levels, `lines` print."""

    def lay(rng: np.random.Generator) -> np.ndarray:
        y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
        direction = rng.uniform(0, 2 * np.pi)
        light = 1 - shade * ((x - 0.5) * np.cos(direction) + (y - 0.5) * np.sin(direction) + 0.5)
        sheet = np.float32(colour) * light[..., None] + tooth * texture(rng, 1.2)[..., None]
        return lines(sheet) if lines else sheet

    return lay


def ruled(sheet: np.ndarray) -> np.ndarray:
    """Print pale blue lines, as in an exercise book."""
    for y in range(38, SIDE, 66):
        sheet[y : y + 2] *= np.float32([0.86, 0.91, 0.97])
    return sheet


def squared(sheet: np.ndarray) -> np.ndarray:
    """Print pale grey squares, as on maths paper."""
    for at in range(20, SIDE, 40):
        sheet[at : at + 1] *= np.float32([0.92, 0.93, 0.95])
        sheet[:, at : at + 1] *= np.float32([0.92, 0.93, 0.95])
    return sheet


def texture(rng: np.random.Generator, blur: float) -> np.ndarray:
    """Return soft noise, float32 (SIDE, SIDE), of mean 0 and standard deviation 1."""
    noise = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)).astype(np.float32), (0, 0), blur)
    return noise / noise.std()


EXAMPLES = {
    0: Example(170, 9, (28, 52, 160), flat(255, 255, 255), slant=0.12),
    1: Example(150, 7, (70, 70, 74), paper(226, 224, 218), middle=(0.56, 0.47), slant=0.05, grain=0.35),
    2: Example(205, 17, (16, 16, 18), flat(255, 255, 255)),
    3: Example(140, 12, (255, 255, 255), flat(0, 0, 0), middle=(0.42, 0.55)),
    4: Example(160, 7, (190, 32, 40), paper(238, 238, 232, lines=squared), slant=0.1),
    5: Example(185, 14, (20, 20, 20), None, slant=0.08),
    6: Example(150, 8, (20, 96, 60), paper(247, 226, 120, shade=0.3), middle=(0.55, 0.48), slant=0.1),
    7: Example(120, 6, (30, 40, 110), paper(244, 240, 226, shade=0.15, lines=ruled), middle=(0.4, 0.5), slant=0.06),
    8: Example(190, 13, (236, 238, 232), paper(46, 74, 60, shade=0.35, tooth=3.0), slant=0.15, grain=0.45),
    9: Example(160, 8, (34, 30, 36), paper(206, 200, 192, shade=0.55), middle=(0.52, 0.52), slant=0.14),
}


def flatten(picture: np.ndarray) -> np.ndarray:
    """Return RGB, transparency shown as white."""
    if picture.shape[2] == 3:
        return picture
    alpha = picture[..., 3:].astype(np.float32) / 255
    return (picture[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)


def write(path: Path, picture: np.ndarray) -> None:
    """Write an RGB or RGBA picture as PNG."""
    code = cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    cv2.imwrite(str(path), cv2.cvtColor(picture, code), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    sys.exit(main())
