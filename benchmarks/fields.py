"""Fields drawn with digits that nobody trained on: with pens that are known, with pens that are not, and straight ones.

    python -m benchmarks.fields                          # validation digits, to choose thresholds by
    python -m benchmarks.fields --mnist-test --n 300     # the published figure

The drawing machine is the training's own, so these figures flatter; what they are for is to compare pens, and to see
what "ok" is worth. benchmarks/documents.py measures fields that somebody else made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

if not __package__:  # `python benchmarks/fields.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import keep_picture, make_parser, only_digits, save, unseen_digits, without_spaces
from digits.command import command
from digits.learning.camera import take
from digits.learning.fields import draw_field
from digits.learning.pens import HELD_OUT, PENS
from digits.learning.writing import Writer, any_hand
from digits.measuring.metrics import share_of
from digits.reading.symbols import OTHER
from digits.reading.verdict import OK
from predict import MNISTPredictor

Rng = np.random.Generator
Draw = Callable[[Writer, Rng], tuple[np.ndarray, str]]

HEIGHTS = (16, 60)  # of the digits, in pixels: scans and photos of fields


def with_known_pens(writer: Writer, rng: Rng) -> tuple[np.ndarray, str]:
    """A field as the training draws it, with no other lines in sight."""
    field = draw_field(writer, rng, PENS, HEIGHTS, crowded=False)
    return field.picture, field.text


def with_unknown_pens(writer: Writer, rng: Rng) -> tuple[np.ndarray, str]:
    """A field written with pens that no training draws with."""
    field = draw_field(writer, rng, HELD_OUT, HEIGHTS, crowded=False)
    return field.picture, field.text


def with_ones(writer: Writer, rng: Rng) -> tuple[np.ndarray, str]:
    """Two to six digits on bare paper, a 1 first or last or nothing but 1s; margins of 0 to 20 % of their height."""
    text = "".join(str(digit) for digit in rng.integers(0, 10, rng.integers(2, 7)))
    text = str(rng.choice(["11", "1" * len(text), "1" + text[1:], text[:-1] + "1"]))
    written = writer.write(text, 40, rng, any_hand(rng))
    inked = np.argwhere(written.coverage > 0.2)
    (top, left), (bottom, right) = inked.min(axis=0), inked.max(axis=0) + 1
    margins = rng.uniform(0, 0.2 * (bottom - top), 4).astype(int)
    cut = written.coverage[top:bottom, left:right]
    cut = cv2.copyMakeBorder(cut, *margins, cv2.BORDER_CONSTANT, value=0)
    return take([(cut, float(rng.uniform(0.5, 0.95)))], rng, 40), text


SETS: dict[str, Draw] = {"known_pens": with_known_pens, "unknown_pens": with_unknown_pens, "ones": with_ones}


def measure(predictor: MNISTPredictor, writer: Writer, draw: Draw, n: int, gallery: Path | None) -> dict:
    """Return the figures of `n` fields; what was read wrong and called ok is kept in `gallery`."""
    right, signs, ok, nothing = [], [], [], []
    for seed in range(n):
        picture, text = draw(writer, np.random.default_rng(seed))
        truth = " ".join(text.replace(OTHER, " ").split())
        reading = predictor.read_number(picture)
        if not only_digits(truth):
            nothing.append(reading.status != OK)
            continue
        right.append(only_digits(reading.text) == only_digits(truth))
        signs.append(without_spaces(reading.text) == without_spaces(truth))
        ok.append(reading.status == OK)
        if gallery and ok[-1] and not right[-1]:
            keep_picture(gallery, f"{seed}-{truth}-read-{reading.text}", picture)
    right_, ok_ = np.array(right), np.array(ok)
    return {
        "digits": share_of(right_), "signs": share_of(signs), "ok_but_wrong": share_of(~right_[ok_]),
        "right_and_ok": share_of(ok_[right_]), "without_digits_not_ok": share_of(nothing) if nothing else None,
    }  # fmt: skip


@command
def main(argv: list[str] | None = None) -> int:
    """Draw, read, print, write the JSON."""
    parser = make_parser(__doc__, "--mnist-test", "--model")
    parser.add_argument("--n", type=int, default=300, help="fields of each set (default: 300)")
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="keep what is ok but wrong here")
    arguments = parser.parse_args(argv)
    ink, labels = unseen_digits(arguments.split)
    writer, predictor = Writer(list(ink), labels), MNISTPredictor(arguments.model, threads=1)
    result: dict = {"split": arguments.split}
    for name, draw in SETS.items():
        gallery = arguments.gallery / name if arguments.gallery else None
        result[name] = measure(predictor, writer, draw, arguments.n, gallery)
        figures = (
            f"{key} {100 * figure['share']:.1f} % of {figure['n']}" for key, figure in result[name].items() if figure
        )
        print(f"{name:13}", "  ".join(figures))
    save(result, "fields", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
