"""Pictures that invite a wrong ok: numbers beside signs nobody asked for, struck out, with holes; digits cut off.

    python -m benchmarks.traps                         # validation digits, for tuning
    python -m benchmarks.traps --mnist-test --gallery outputs/runs/traps

Each is read as a number, and is drawn by the project: in turn on flat white and on photographed paper. The signs are
those of OpenCV's typefaces; the line reader's training draws its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

if not __package__:  # `python benchmarks/traps.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import keep_picture, make_parser, save, unseen_digits
from benchmarks.situations import enlarge, paper
from digits.command import command
from digits.finding.pixels import bounding_box
from digits.measuring.metrics import share_of
from digits.reading.verdict import OK
from predict import MNISTPredictor

HEIGHT = 56  # of a digit, in pixels
Rng = np.random.Generator


class Pen:
    """Writes with unseen digits: ink, uint8 (n, 28, 28), and labels (n,). All it draws is coverage, float32, 0–1."""

    def __init__(self, ink: np.ndarray, labels: np.ndarray, rng: Rng) -> None:
        self._ink, self._labels, self.rng = ink, labels, rng

    def digit(self, height: int = HEIGHT) -> tuple[np.ndarray, str]:
        """Return a digit, `height` high and cut to its ink, and what it is."""
        i = int(self.rng.integers(len(self._labels)))
        large = enlarge(self._ink[i], 112)
        left, top, right, bottom = bounding_box(large > 0.3)
        width = max(5, round((right - left) * height / (bottom - top)))
        return cv2.resize(large[top:bottom, left:right], (width, height), interpolation=cv2.INTER_AREA), str(
            self._labels[i]
        )

    def number(self, low: int = 2, high: int = 4) -> tuple[list[np.ndarray], str]:
        """Return some digits, and what they say."""
        digits = [self.digit() for _ in range(self.rng.integers(low, high + 1))]
        return [coverage for coverage, _label in digits], "".join(label for _coverage, label in digits)

    def letters(self, text: str) -> np.ndarray:
        """Return letters or signs in OpenCV's typefaces, standing as they do beside digits."""
        face, thick = int(self.rng.choice([0, 3, 4])), int(self.rng.integers(3, 8))
        scale = 1.25 * HEIGHT / cv2.getTextSize("0", face, 1.0, 1)[0][1]
        (width, tall), _foot = cv2.getTextSize(text, face, scale, thick)
        drawn = np.zeros((2 * HEIGHT, width + 2 * thick), np.uint8)
        cv2.putText(drawn, text, (thick, HEIGHT + HEIGHT // 2), face, scale, 255, thick, cv2.LINE_AA)
        columns = np.flatnonzero(drawn.any(axis=0))
        return drawn[HEIGHT // 2 :, columns[0] : columns[-1] + 1].astype(np.float32) / 255

    def row(self, pieces: list[np.ndarray], gap: int = 12) -> np.ndarray:
        """Return pieces side by side on a base line, with paper round them."""
        tall = max(piece.shape[0] for piece in pieces)
        padded = [np.pad(piece, ((0, tall - piece.shape[0]), (0, gap))) for piece in pieces]
        return np.pad(np.hstack(padded), 60)

    def line(self, coverage: np.ndarray, *points: tuple[float, float], thick: int = 5) -> None:
        """Draw a stroke through points (x, y) on the coverage."""
        cv2.polylines(coverage, [np.int32(16 * np.array(points))], False, 1, thick, cv2.LINE_AA, 4)


Trap = Callable[[Pen], tuple[np.ndarray, str | None]]  # coverage, and the only text that may be ok; None for none


def plain(pen: Pen) -> tuple[np.ndarray, str | None]:
    """A number and nothing else."""
    digits, text = pen.number()
    return pen.row(digits), text


def equation(pen: Pen) -> tuple[np.ndarray, str | None]:
    """A sum with its result: = is no sign of a number."""
    left, right, result = (pen.number(1, 2)[0] for _ in range(3))
    return pen.row([*left, pen.letters("+"), *right, pen.letters("="), *result], gap=16), None


def with_currency(pen: Pen) -> tuple[np.ndarray, str | None]:
    """A sign before the number."""
    digits, text = pen.number()
    return pen.row([pen.letters(str(pen.rng.choice(list("$#=~(")))), *digits]), text


def with_unit(pen: Pen) -> tuple[np.ndarray, str | None]:
    """A sign behind the number."""
    digits, text = pen.number()
    return pen.row([*digits, pen.letters(str(pen.rng.choice(list("%?!)*="))))]), text


def digit_with_unit(pen: Pen) -> tuple[np.ndarray, str | None]:
    """One digit and a unit."""
    digit, text = pen.digit()
    return pen.row([digit, pen.letters(str(pen.rng.choice(["kg", "cm", "h", "m", "EUR"])))], gap=24), text


def punched(pen: Pen) -> tuple[np.ndarray, str | None]:
    """A hole, or a blot, between the digits."""
    digits, text = pen.number(3, 4)
    radius = int(pen.rng.integers(14, 28))
    hole = np.zeros((HEIGHT, 2 * radius + 2), np.float32)
    cv2.circle(hole, (radius, HEIGHT // 2), radius, 1, -1, cv2.LINE_AA)
    return pen.row([*digits[:2], hole, *digits[2:]]), text


def struck(pen: Pen) -> tuple[np.ndarray, str | None]:
    """One of the digits crossed out."""
    digits, text = pen.number(3, 4)
    i = int(pen.rng.integers(len(digits)))
    digit = np.pad(digits[i], ((0, 0), (14, 14)))
    width, rise = digit.shape[1], float(pen.rng.choice([0.0, 0.35, -0.35])) * HEIGHT
    pen.line(digit, (2, HEIGHT / 2 + rise), (width - 3, HEIGHT / 2 - rise))
    return pen.row([*digits[:i], digit, *digits[i + 1 :]]), text[:i] + text[i + 1 :]


def ringed(pen: Pen) -> tuple[np.ndarray, str | None]:
    """A ring round the number."""
    digits, text = pen.number()
    drawn = np.pad(pen.row(digits), ((20, 20), (30, 30)))
    height, width = drawn.shape
    ends, start = pen.rng.uniform(345, 385), pen.rng.uniform(0, 360)
    cv2.ellipse(drawn, (width // 2, height // 2), (width // 2 - 40, 66), 0, start, start + ends, 1, 4, cv2.LINE_AA)
    return drawn, text


def with_ditto_marks(pen: Pen) -> tuple[np.ndarray, str | None]:
    """Ditto marks in the line below."""
    digits, text = pen.number(3, 4)
    drawn = np.pad(pen.row(digits), ((0, 40), (0, 0)))
    for x in (80, 94):
        pen.line(drawn, (x, 145), (x - 3, 163), thick=4)
    return drawn, text


def cut_off(pen: Pen) -> tuple[np.ndarray, str | None]:
    """One digit, of which a third or more lies beyond a border."""
    turn = int(pen.rng.integers(4))
    digit = np.rot90(pen.digit(140)[0], turn)
    lost = round(float(pen.rng.uniform(0.3, 0.5)) * len(digit))
    return np.rot90(np.pad(digit[lost:], ((0, 70), (70, 70))), -turn), None


TRAPS: dict[str, Trap] = {
    trap.__name__: trap
    for trap in (
        plain, equation, with_currency, with_unit, digit_with_unit, punched, struck, ringed, with_ditto_marks, cut_off,
    )
}  # fmt: skip


def on_ground(coverage: np.ndarray, rng: Rng, is_flat: bool) -> np.ndarray:
    """Return coverage (h, w) as dark ink, uint8 (h, w) on flat white or RGB (h, w, 3) on paper."""
    if is_flat:
        return (255 - 235 * coverage).astype(np.uint8)
    lit = paper(*coverage.shape, rng) * (1 - 0.75 * cv2.GaussianBlur(coverage, (0, 0), 0.8)[..., None])
    return lit.clip(0, 255).astype(np.uint8)


def measure(
    predictor: MNISTPredictor, trap: Trap, ink: np.ndarray, labels: np.ndarray, n: int, gallery: Path | None
) -> dict:
    """Return the shares of `n` pictures that are right and ok, and wrong and ok; these are kept in `gallery`."""
    right_and_ok, wrong_ok, read = [], [], []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        coverage, text = trap(Pen(ink, labels, rng))
        picture = on_ground(np.ascontiguousarray(coverage), rng, bool(seed % 2))
        reading = predictor.read_number(picture)
        is_right = reading.text.replace(" ", "") == text
        read.append(is_right)
        right_and_ok.append(is_right and reading.status == OK)
        wrong_ok.append(not is_right and reading.status == OK)
        if gallery and wrong_ok[-1]:
            keep_picture(gallery, f"{seed}-{reading.text}", picture)
    return {"right": share_of(read), "right_and_ok": share_of(right_and_ok), "wrong_ok": share_of(wrong_ok)}


@command
def main(argv: list[str] | None = None) -> int:
    """Draw, read, print and write how many are right, and how many ok and wrong."""
    parser = make_parser(__doc__, "--mnist-test", "--model")
    parser.add_argument("--n", type=int, default=100, metavar="N", help="pictures of each (default: 100)")
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="keep what is ok but wrong here")
    arguments = parser.parse_args(argv)
    predictor, (ink, labels) = MNISTPredictor(arguments.model, threads=1), unseen_digits(arguments.split)
    each = {}
    for name, trap in TRAPS.items():
        gallery = arguments.gallery / name if arguments.gallery else None
        each[name] = measure(predictor, trap, ink, labels, arguments.n, gallery)
        figures = "  ".join(f"{key} {figure['share']:.0%}" for key, figure in each[name].items())
        print(f"{name:17}{figures}", flush=True)
    save({"split": arguments.split, "n_each": arguments.n, "each": each}, "traps", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
