"""What people draw to try a digit reader: hearts, houses, faces. None of them is a digit, and none may be `ok`.

    python -m benchmarks.doodles
    python -m benchmarks.doodles --n 100 --output outputs/runs/doodles.json

Each is given by points and drawn with many pens, on flat ground and on photographed paper in turn. No training draws
from these points; but LookalikeNet's draws outlines at random, and faces and zigzags in a way of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

if not __package__:  # `python benchmarks/doodles.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import make_parser, save
from benchmarks.situations import paper
from digits.command import command
from digits.measuring.metrics import share_of
from digits.reading.verdict import OK
from predict import MNISTPredictor

Points = list[tuple[float, float]]  # x to the right, y down, in 0–1


def ring(x: float, y: float, wide: float, tall: float, start: float = 0.0, end: float = 6.35) -> Points:
    """Return an arc round (x, y) from one angle to another, a whole ellipse if not told otherwise."""
    return [(x + wide * np.cos(turn), y + tall * np.sin(turn)) for turn in np.linspace(start, end, 24)]


DOODLES: dict[str, list[Points]] = {
    "apple": [ring(0.5, 0.6, 0.42, 0.36, -1.5, 4.8), [(0.5, 0.24), (0.55, 0.05)]],
    "arrow": [[(0.05, 0.5), (0.95, 0.5)], [(0.65, 0.2), (0.95, 0.5), (0.65, 0.8)]],
    "balloon": [ring(0.5, 0.35, 0.33, 0.33), [(0.5, 0.68), (0.45, 0.8), (0.55, 0.9), (0.5, 0.98)]],
    "boat": [
        [(0.1, 0.6), (0.25, 0.9), (0.75, 0.9), (0.9, 0.6), (0.1, 0.6)],
        [(0.5, 0.6), (0.5, 0.05), (0.8, 0.5), (0.5, 0.5)],
    ],
    "bolt": [[(0.65, 0.02), (0.2, 0.5), (0.6, 0.5), (0.3, 0.98)]],
    "cherries": [
        ring(0.25, 0.8, 0.18, 0.16), ring(0.7, 0.8, 0.18, 0.16), [(0.25, 0.64), (0.5, 0.05), (0.7, 0.64)],
    ],
    "cloud": [
        ring(0.25, 0.6, 0.2, 0.2, 1.6, 4.6) + ring(0.5, 0.4, 0.25, 0.25, 3.4, 6.2)
        + ring(0.78, 0.6, 0.18, 0.22, 4.7, 8.0) + [(0.25, 0.82)],
    ],
    "cross": [[(0.1, 0.1), (0.9, 0.9)], [(0.9, 0.1), (0.1, 0.9)]],
    "crown": [[(0.1, 0.9), (0.05, 0.2), (0.3, 0.55), (0.5, 0.1), (0.7, 0.55), (0.95, 0.2), (0.9, 0.9), (0.1, 0.9)]],
    "envelope": [
        [(0.05, 0.2), (0.95, 0.2), (0.95, 0.85), (0.05, 0.85), (0.05, 0.2)], [(0.05, 0.2), (0.5, 0.55), (0.95, 0.2)],
    ],
    "face": [
        ring(0.5, 0.5, 0.45, 0.45), [(0.33, 0.35), (0.33, 0.4)], [(0.66, 0.35), (0.66, 0.4)],
        [(0.3, 0.65), (0.5, 0.78), (0.7, 0.65)],
    ],
    "fish": [ring(0.4, 0.5, 0.38, 0.25), [(0.75, 0.45), (0.98, 0.2), (0.98, 0.8), (0.75, 0.55)]],
    "glasses": [ring(0.22, 0.5, 0.2, 0.2), ring(0.78, 0.5, 0.2, 0.2), [(0.42, 0.48), (0.58, 0.48)]],
    "heart": [
        [(0.5, 0.9), (0.1, 0.45), (0.1, 0.2), (0.3, 0.1), (0.5, 0.3), (0.7, 0.1), (0.9, 0.2), (0.9, 0.45), (0.5, 0.9)],
    ],
    "house": [[(0.1, 0.95), (0.1, 0.45), (0.5, 0.05), (0.9, 0.45), (0.9, 0.95), (0.1, 0.95)]],
    "key": [ring(0.5, 0.2, 0.2, 0.17), [(0.5, 0.37), (0.5, 0.97), (0.72, 0.95)], [(0.5, 0.8), (0.7, 0.8)]],
    "kite": [[(0.5, 0.02), (0.1, 0.5), (0.5, 0.98), (0.9, 0.5), (0.5, 0.02)]],
    "leaf": [
        [(0.5, 0.98), (0.15, 0.6), (0.2, 0.25), (0.5, 0.02), (0.8, 0.25), (0.85, 0.6), (0.5, 0.98)],
        [(0.5, 0.98), (0.5, 0.2)],
    ],
    "man": [
        ring(0.5, 0.15, 0.13, 0.13), [(0.5, 0.28), (0.5, 0.65)], [(0.2, 0.45), (0.8, 0.45)],
        [(0.25, 0.97), (0.5, 0.65), (0.75, 0.97)],
    ],
    "moon": [
        [(0.6, 0.03), (0.25, 0.2), (0.15, 0.5), (0.25, 0.8), (0.6, 0.97), (0.45, 0.7), (0.42, 0.5), (0.45, 0.25),
         (0.6, 0.03)],
    ],
    "note": [ring(0.3, 0.85, 0.2, 0.1), [(0.5, 0.85), (0.5, 0.05), (0.8, 0.3)]],
    "star": [[(0.5, 0.05), (0.2, 0.95), (0.95, 0.35), (0.05, 0.35), (0.8, 0.95), (0.5, 0.05)]],
    "sun": [ring(0.5, 0.5, 0.22, 0.22)] + [
        [(0.5 + r * np.cos(turn), 0.5 + r * np.sin(turn)) for r in (0.3, 0.47)] for turn in np.linspace(0, 5.5, 8)
    ],
    "tick": [[(0.1, 0.55), (0.35, 0.9), (0.9, 0.1)]],
    "tree": [[(0.5, 0.98), (0.5, 0.5)], ring(0.5, 0.3, 0.35, 0.28)],
    "triangle": [[(0.5, 0.05), (0.05, 0.9), (0.95, 0.9), (0.5, 0.05)]],
    "umbrella": [
        [(0.05, 0.5), (0.2, 0.15), (0.5, 0.03), (0.8, 0.15), (0.95, 0.5), (0.05, 0.5)],
        [(0.5, 0.5), (0.5, 0.9), (0.62, 0.97), (0.7, 0.88)],
    ],
}  # fmt: skip


def draw(strokes: list[Points], rng: np.random.Generator, is_flat: bool) -> np.ndarray:
    """Return a doodle in a picture of 120 to 300 pixels, uint8 (h, w) on flat white or RGB (h, w, 3) on paper."""
    side = int(rng.integers(120, 300))
    height = side * rng.uniform(0.4, 0.8)
    width, pen = height * rng.uniform(0.6, 1.0), max(2, int(height * rng.uniform(0.05, 0.13)))
    lean = rng.uniform(-0.2, 0.2)
    coverage = np.zeros((side, side), np.uint8)
    for stroke in strokes:
        x, y = _by_hand(np.array(stroke), rng).T
        places = np.stack(
            [(side - width) / 2 + x * width + lean * (0.5 - y) * height, (side - height) / 2 + y * height], 1
        )
        cv2.polylines(coverage, [np.int32(8 * places)], False, 255, pen, cv2.LINE_AA, 3)
    if is_flat:
        return 255 - coverage
    return (paper(side, side, rng) * (1 - 0.7 / 255 * coverage[..., None])).clip(0, 255).astype(np.uint8)


def _by_hand(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a path (64, 2) through points (n, 2), missed a little, its corners a little round."""
    missed = points + rng.normal(0, 0.025, points.shape)
    along = np.linspace(0, len(points) - 1, 64)
    path = np.stack([np.interp(along, range(len(points)), side) for side in missed.T], axis=1)
    return cv2.blur(path, (1, 5), borderType=cv2.BORDER_REPLICATE)


@command
def main(argv: list[str] | None = None) -> int:
    """Draw, read, print and write how many of each are ok."""
    parser = make_parser(__doc__, "--model")
    parser.add_argument("--n", type=int, default=40, metavar="N", help="drawings of each (default: 40)")
    arguments = parser.parse_args(argv)
    predictor = MNISTPredictor(arguments.model)
    ok = {}
    for name, strokes in DOODLES.items():
        rng = np.random.default_rng(3)
        answers = predictor.predict_batch(draw(strokes, rng, bool(i % 2)) for i in range(arguments.n))
        ok[name] = [answer.status == OK for answer in answers]
        taken_for = sorted({answer.digit for answer in answers if answer.status == OK and answer.digit is not None})
        print(f"{name:10}{sum(ok[name]):4} of {arguments.n} ok  {' '.join(map(str, taken_for))}")
    not_ok = share_of([not one for each in ok.values() for one in each])
    print(f"not ok: {not_ok['share']:.1%} of {not_ok['n']}")
    save(
        {"n_each": arguments.n, "not_ok": not_ok, "ok": {name: sum(each) for name, each in ok.items()}},
        "doodles",
        arguments.output,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
