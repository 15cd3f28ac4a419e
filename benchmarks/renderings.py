"""MNIST digits as a drawing program would save them: is one preprocessing right for all, with no switch set?

    python -m benchmarks.renderings                        # 500 validation digits in each form, for tuning
    python -m benchmarks.renderings --mnist-test           # the published figure

Each digit is drawn anew as a PNG and read as a user's file: white on black four times as large with a margin, the same
black on white, black on transparent, in a random place of a 280x280 pad, and faint (ink 165 on 255). A digit withheld
counts as wrong. `wrong_and_sure` are wrong ones with a confidence above 0.9 and status ok.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

if not __package__:  # `python benchmarks/renderings.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import make_parser, save, unseen_digits
from digits.command import command
from digits.measuring.metrics import accuracy
from digits.reading.verdict import NO_DIGIT, OK
from predict import MNISTPredictor

TARGET = 0.99  # in every form
SURE = 0.9  # a confidence
SCALE, MARGIN, PAD = 4, 24, 280
FAINT_INK = 165

Draw = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # ink, uint8 (28, 28) -> picture, uint8


def as_it_is(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """MNIST's own form: (28, 28)."""
    return ink


def white_on_black(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Four times as large by cubic interpolation, with a margin: (160, 160)."""
    return np.pad(_enlarged(ink, SCALE * 28), MARGIN)


def black_on_white(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same, dark on light: (160, 160)."""
    return 255 - white_on_black(ink, rng)


def black_on_transparent(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same as alpha channel of black: (160, 160, 4)."""
    cover = white_on_black(ink, rng)
    return np.dstack([np.zeros((*cover.shape, 3), np.uint8), cover])


def off_centre(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White on a black pad, 40 % of its side, anywhere: (280, 280)."""
    digit = _enlarged(ink, round(0.4 * PAD))
    left, top = rng.integers(0, PAD - len(digit) + 1, 2)
    pad = np.zeros((PAD, PAD), np.uint8)
    pad[top : top + len(digit), left : left + len(digit)] = digit
    return pad


def faint(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pale grey on white: (160, 160)."""
    cover = white_on_black(ink, rng).astype(np.float32) / 255
    return (255 - (255 - FAINT_INK) * cover).round().astype(np.uint8)


RENDERINGS: list[Draw] = [as_it_is, white_on_black, black_on_white, black_on_transparent, off_centre, faint]


def _enlarged(ink: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(ink, (side, side), interpolation=cv2.INTER_CUBIC)


def sample(which: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ink, uint8 (n, 28, 28), and labels (n,) of `n` random digits of the split "validation" or "test"."""
    ink, labels = unseen_digits(which)
    chosen = np.random.default_rng(seed).choice(len(labels), n, replace=False)
    return ink[chosen], labels[chosen]


def measure(predictor: MNISTPredictor, draw: Draw, ink: np.ndarray, labels: np.ndarray, seed: int) -> dict:
    """Return the figures of one rendering of ink, uint8 (n, 28, 28): accuracy, statuses, which digits were wrong."""
    predictions = predictor.predict_batch(to_pngs(draw, ink, seed))
    answers = np.array([NO_DIGIT if prediction.digit is None else prediction.digit for prediction in predictions])
    wrong = np.flatnonzero(answers != labels)
    sure = [i for i in wrong if predictions[i].status == OK and predictions[i].confidence > SURE]
    return accuracy(labels, answers) | {
        "withheld": int((answers == NO_DIGIT).sum()),
        "not_ok": sum(prediction.status != OK for prediction in predictions),
        "wrong_and_sure": len(sure),
        "wrong": [{"number": int(i), "label": int(labels[i]), "answer": predictions[i].digit} for i in wrong],
    }


def to_pngs(draw: Draw, ink: np.ndarray, seed: int) -> Iterator[bytes]:
    """Yield each digit of ink, uint8 (n, 28, 28), as the bytes of a PNG file."""
    rng = np.random.default_rng(seed)
    for digit in ink:
        yield cv2.imencode(".png", draw(digit, rng))[1].tobytes()


@command
def main(argv: list[str] | None = None) -> int:
    """Draw, read, count; print the table and write it as JSON. Exit status 1 if a form misses the target."""
    parser = make_parser(__doc__, "--mnist-test", "--model")
    parser.add_argument("--n", type=int, default=500, help="digits in each form (default: 500)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of which digits, and where on the pad (default: 0)"
    )
    arguments = parser.parse_args(argv)
    predictor = MNISTPredictor(arguments.model)
    ink, labels = sample(arguments.split, arguments.n, arguments.seed)
    forms = {}
    for draw in RENDERINGS:
        row = forms[draw.__name__] = measure(predictor, draw, ink, labels, arguments.seed)
        print(f"{draw.__name__:<22}{row['share']:8.2%}  {row['low']:.2%}–{row['high']:.2%}"
              f"  withheld {row['withheld']}, wrong and sure {row['wrong_and_sure']}")  # fmt: skip
    settings = {"split": arguments.split, "n": arguments.n, "seed": arguments.seed, "model": arguments.model}
    save(settings | {"forms": forms}, "renderings", arguments.output)
    return int(any(row["share"] < TARGET for row in forms.values()))


if __name__ == "__main__":
    sys.exit(main())
