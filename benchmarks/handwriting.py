"""Other people's digits: accuracy, calibration and refusal on sets that no training has seen, in one table.

    python -m benchmarks.handwriting --data-dir sets/
    python -m benchmarks.handwriting --sets photos canvas_uploads --limit 300 --gallery outputs/runs/gallery

Every picture takes the path of a user's file. Accuracy averages over the sources of a set, its interval is Wilson's at
the effective number, and a digit withheld counts as wrong. The table is for measuring: none of it may enter training.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

if not __package__:  # `python benchmarks/handwriting.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import make_parser, save
from digits.command import UserError, command
from digits.files import ROOT
from digits.learning.datasets import load_mnist
from digits.measuring import metrics
from digits.measuring.error_sheet import draw_gallery
from digits.measuring.labelled import (
    Answers,
    Sample,
    answer,
    digit_figures,
    read_labelled_folder,
    split_by_source,
    status_counts,
    to_samples,
)
from digits.reading.verdict import BLANK, NO_DIGIT, NOT_A_DIGIT, OK
from predict import MNISTPredictor

TARGETS = {  # accuracy in percent
    "photos": 99.0, "canvas_uploads": 99.3, "paint28_uploads": 98.5, "scan_anzemur": 98.0, "mouse_ysereda": 99.0,
    "mouse_swathikl4": 99.8, "jcprogjava": 99.8, "pendigits_strokes": 97.5, "usps_test": 97.5, "semeion": 97.0,
    "optdigits32": 98.5, "dida": 90.0,
}  # fmt: skip
AMONG_OTHERS = ("dida",)  # digits among neighbours and lines: no part of the mean over sets of lone digits
MEAN_TARGET, MNIST_TARGET = 98.7, 99.7
KEPT_SETS = ("photos", "canvas_uploads", "paint28_uploads")  # of their digits 98 % shall be "ok"
REFUSED = {"nondigit_notmnist": 90.0, "nondigit_omniglot": 97.0, "nondigit_fashion": 99.0}  # percent not "ok"
BLANKS = "blanks"
BLANK_KINDS = ("white", "black", "grey", "transparent", "gradient", "paper", "noise", "coloured")

# notMNIST's labels do not come with its pictures. These 50 of the 500 are an I by eye (a bar, upright or slanted, with
# or without serifs, or stretched to a filled block), which nobody tells from a 1.
LETTER_I = frozenset(
    [25, 28, 31, 33, 46, 59, 68, 73, 83, 89, 97, 120, 124, 135, 145, 149, 156, 157, 164, 169, 173, 186, 194, 204, 210,
     225, 237, 253, 268, 281, 283, 284, 290, 303, 309, 311, 341, 349, 356, 357, 383, 391, 396, 408, 414, 441, 456, 460,
     463, 472]
)  # fmt: skip


def read_set(folder: Path, limit: int | None) -> list[Sample]:
    """Return the samples of one set, at most `limit` spread over it; notMNIST without its I."""
    samples = read_labelled_folder(folder)
    if folder.name == "nondigit_notmnist":
        samples = [sample for sample in samples if int(Path(sample.name).stem) not in LETTER_I]
    if limit and len(samples) > limit:
        samples = [samples[i] for i in np.linspace(0, len(samples) - 1, limit).round().astype(int)]
    return samples


def make_blanks(n: int = 200) -> list[Sample]:
    """Return `n` empty pictures of every kind in turn: flat, transparent, gradients, paper, noise."""
    random = np.random.default_rng(0)
    kinds = [BLANK_KINDS[i % len(BLANK_KINDS)] for i in range(n)]
    return [Sample(make_blank(kind, random), NO_DIGIT, kind, f"{kind} {i}") for i, kind in enumerate(kinds)]


def make_blank(kind: str, random: np.random.Generator) -> np.ndarray:
    """Return one empty picture, uint8 (h, w) or (h, w, 3 or 4), 28 to 640 pixels a side."""
    height, width = (int(side) for side in random.integers(28, 641, 2))
    if kind in ("white", "black", "grey"):
        return np.full((height, width), {"white": 255, "black": 0, "grey": random.integers(20, 236)}[kind], np.uint8)
    if kind == "transparent":
        return np.full((height, width, 4), [random.integers(0, 256)] * 3 + [0], np.uint8)
    if kind == "coloured":
        return np.broadcast_to(random.integers(0, 256, 3).astype(np.uint8), (height, width, 3)).copy()
    shade = _gradient(height, width, random)
    if kind == "gradient":
        return shade.round().astype(np.uint8)
    if kind == "paper":
        return _paper(shade, random)
    return random.normal(random.uniform(60, 200), random.uniform(5, 50), (height, width)).clip(0, 255).astype(np.uint8)


def _gradient(height: int, width: int, random: np.random.Generator) -> np.ndarray:
    across, down = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    weight = random.uniform()
    return random.uniform(100, 180) + random.uniform(-60, 75) * (weight * across + (1 - weight) * down)


def _paper(shade: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Light falling on fibres (noise at three scales) in three nearly equal channels."""
    height, width = shade.shape
    for cell, strength in ((1, 3.0), (3, 3.0), (16, 2.0)):
        small = random.normal(0, strength, (height // cell + 1, width // cell + 1)).astype(np.float32)
        shade = shade + np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR))
    tint = random.uniform(0.94, 1.0, 3)
    return (shade[..., None] * tint).clip(0, 255).astype(np.uint8)


# ---------------------------------------------------------------- figures


def measure_digits(answers: Answers) -> dict:
    """Return the figures of one set of digits, by source too."""
    return digit_figures(answers) | {"by_source": split_by_source(answers)}


def measure_refusal(answers: Answers) -> dict:
    """Return how many pictures without a digit were not called "ok", and how many were called empty or no digit."""
    named = np.isin(answers.statuses, [BLANK, NOT_A_DIGIT])
    return {
        "not_ok": metrics.share_of(answers.statuses != OK),
        "blank_or_not_a_digit": metrics.share_of(named),
        "statuses": status_counts(answers),
    }


def gather(sets: dict[str, dict], refused: dict[str, dict], kept: list[Answers]) -> dict:
    """Return what is averaged or pooled over the sets."""
    ok = np.concatenate([answers.statuses == OK for answers in kept]) if kept else []
    alone = [figures for name, figures in sets.items() if name not in AMONG_OTHERS]
    return {
        "mean_of_sets": _mean(figures["sources_averaged"]["share"] for figures in alone),
        "mean_calibration_error": _mean(figures["expected_calibration_error"] for figures in alone),
        "ok_in_photos_canvas_paint28": metrics.share_of(ok),
        "digits": sets,
        "no_digits": refused,
    }


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return sum(values) / len(values) if values else None


def table(result: dict) -> str:
    """Return the figures as lines of text, a star where a target is met."""
    lines = [f"{'set':<20}{'n':>6}{'accuracy':>10}{'95 %':>15}{'target':>8}{'argmax':>8}{'ECE':>7}"
             f"{'ok':>7}{'unsure':>8}{'blank':>7}{'no digit':>9}{'error':>7}{'ok, wrong':>11}"]  # fmt: skip
    lines += [_digit_line(name, figures) for name, figures in result["digits"].items()]
    if result["mean_of_sets"] is not None:
        lines.append(f"{'mean of the sets':<20}{'':>6}{_mark(result['mean_of_sets'], MEAN_TARGET)}{'':>15}"
                     f"{MEAN_TARGET:>8}{'':>8}{100 * result['mean_calibration_error']:>7.2f}")  # fmt: skip
    if result.get("mnist_test"):
        lines.append(_digit_line("mnist_test", result["mnist_test"], MNIST_TARGET))
    kept = result["ok_in_photos_canvas_paint28"]
    if kept["n"]:
        lines.append(f"ok in photos, canvas and paint28: {100 * kept['share']:.1f} % of {kept['n']} (target 98)")
    lines += [_refusal_line(name, figures) for name, figures in result["no_digits"].items()]
    return "\n".join(lines)


def _digit_line(name: str, figures: dict, target: float | None = None) -> str:
    target = target or TARGETS.get(name)
    averaged, n = figures["sources_averaged"], figures["accuracy"]["n"]
    interval = f"{100 * averaged['low']:.2f}–{100 * averaged['high']:.2f}"
    shares = [100 * count / n for count in figures["statuses"].values()]
    widths = (7, 8, 7, 9, 7)
    return (
        f"{name:<20}{n:>6}{_mark(averaged['share'], target)}{interval:>15}{target or '':>8}"
        f"{100 * figures['most_probable']['share']:>8.2f}{100 * figures['expected_calibration_error']:>7.2f}"
        + "".join(f"{share:>{width}.1f}" for share, width in zip(shares, widths, strict=True))
        + f"{100 * (figures['ok_but_wrong']['share'] or 0):>11.2f}"
    )


def _mark(share: float, target: float | None) -> str:
    return f"{100 * share:>9.2f}{'*' if target and 100 * share >= target else ' '}"


def _refusal_line(name: str, figures: dict) -> str:
    measured = "blank_or_not_a_digit" if name == BLANKS else "not_ok"
    found, target = figures[measured], 100.0 if name == BLANKS else REFUSED[name]
    counts = ", ".join(f"{count} {status}" for status, count in figures["statuses"].items() if count)
    interval = f"{100 * found['low']:.1f}–{100 * found['high']:.1f}"
    marked = _mark(found["share"], target)
    return f"{name:<20}{found['n']:>6}{marked}{interval:>15}{target:>8}  {measured.replace('_', ' ')}: {counts}"


# ---------------------------------------------------------------- the run


def run(predictor: MNISTPredictor, folder: Path, names: Iterable[str], limit: int | None, gallery: Path | None) -> dict:
    """Read every set and return all figures; galleries are written on the way."""
    sets, refused, kept = {}, {}, []
    for name in names:
        started = time.perf_counter()
        answers = answer(predictor, make_blanks() if name == BLANKS else read_set(folder / name, limit))
        seconds = time.perf_counter() - started
        if name in REFUSED or name == BLANKS:
            refused[name] = measure_refusal(answers)
        else:
            sets[name] = measure_digits(answers)
            kept += [answers] if name in KEPT_SETS else []
        if gallery:
            draw_gallery(answers, gallery / f"{name}.png")
        print(f"{name}: {len(answers.labels)} pictures in {seconds:.1f} s", file=sys.stderr)
    return gather(sets, refused, kept)


def read_mnist_test(predictor: MNISTPredictor, gallery: Path | None) -> dict:
    """Return the figures of MNIST's 10,000 test images, read as PNG files."""
    answers = answer(predictor, to_samples(*load_mnist(train=False), "mnist_test"))
    if gallery:
        draw_gallery(answers, gallery / "mnist_test.png")
    return measure_digits(answers)


def sets_dir(named: Path | None = None) -> Path:
    """Return the folder of the sets: `named`, else $HANDWRITING_DIR, else one beside the checkout; it may not exist."""
    return Path(named or os.environ.get("HANDWRITING_DIR") or ROOT.parent / "shared" / "data" / "handwriting")


@command
def main(argv: list[str] | None = None) -> int:
    """Print the table and write it as JSON, under another name if it is of some sets or pictures only."""
    parser = make_parser(__doc__, "--model")
    every = [*TARGETS, *REFUSED, BLANKS]
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="the sets' folder (default: $HANDWRITING_DIR)")
    parser.add_argument("--sets", nargs="+", default=every, choices=every, metavar="SET", help=", ".join(every))
    parser.add_argument("--limit", type=int, metavar="N", help="at most N pictures a set")
    parser.add_argument("--mnist-test", action="store_true", help="MNIST's test images too, for a published figure")
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="write a contact sheet of the errors of each set")
    arguments = parser.parse_args(argv)
    folder = sets_dir(arguments.data_dir)
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}; name the sets' folder with --data-dir or HANDWRITING_DIR")
    predictor = MNISTPredictor(arguments.model)
    result = run(predictor, folder, arguments.sets, arguments.limit, arguments.gallery)
    if arguments.mnist_test:
        result["mnist_test"] = read_mnist_test(predictor, arguments.gallery)
    print(table(result))
    settings = {"model": arguments.model, "limit": arguments.limit, "notmnist_left_out": sorted(LETTER_I)}
    is_whole = arguments.sets == every and not arguments.limit
    save(settings | result, "handwriting" if is_whole else "handwriting-part", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
