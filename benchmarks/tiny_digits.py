"""Digits of ten pixels in the noisy frames of webcams: pens and a noise of the sensor's rows that no training draws.

    python -m benchmarks.tiny_digits                     # validation digits, for tuning
    python -m benchmarks.tiny_digits --mnist-test --gallery outputs/runs/tiny.png

Frames are 24 to 44 pixels square, digits 8 to 14 high, in colour; the light is uneven, the sensor's rows and channels
are noisy, and the file is a JPEG. A digit withheld counts as wrong.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

if not __package__:  # `python benchmarks/tiny_digits.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import make_parser, save, unseen_digits
from digits.command import command
from digits.learning.camera import any_ink
from digits.learning.glyphs import choose
from digits.learning.pens import HELD_OUT
from digits.learning.writing import Writer
from digits.measuring.error_sheet import draw_gallery
from digits.measuring.labelled import Sample, answer
from digits.measuring.metrics import share_of
from digits.reading.verdict import OK
from predict import MNISTPredictor

FINE = 8  # times the frame's resolution at which it is drawn
PENS = (5.0, 14.0)  # widths for a digit 80 pixels high
Rng = np.random.Generator


def draw_frame(writer: Writer, digit: int, rng: Rng) -> np.ndarray:
    """Return a webcam's frame, RGB uint8 (24 to 44 pixels square), with a digit somewhere about its middle."""
    # 1. The digit on its paper, at a high resolution.
    side = int(rng.integers(24, 45))
    coverage = choose(HELD_OUT, rng)(writer.digit(digit, float(rng.uniform(*PENS)), rng), rng)
    scale = rng.uniform(8, 14) * FINE / max(coverage.shape)
    drawn = cv2.resize(coverage, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    sheet = np.zeros((side * FINE, side * FINE), np.float32)
    top, left = ((side * FINE - length) // 2 + int(rng.normal(0, 2.5 * FINE)) for length in drawn.shape)
    top, left = np.clip((top, left), 0, np.subtract(sheet.shape, drawn.shape))
    sheet[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn

    # 2. The lens: few pixels, a colour cast, a slope of light.
    seen = cv2.resize(sheet, (side, side), interpolation=cv2.INTER_AREA)
    light = rng.uniform(110, 220) * rng.uniform(0.85, 1.0, 3)
    x, y = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    slope = 1 + x * rng.normal(0, 0.08) + y * rng.normal(0, 0.08)
    frame = (1 - max(0.35, any_ink(rng)) * seen)[..., None] * slope[..., None] * light

    # 3. The sensor: noise of its rows and of each channel; then the file.
    contrast = 0.5 * float(np.ptp(frame))
    frame += rng.normal(0, rng.uniform(0, 0.08) * contrast, (side, 1, 1))
    frame += rng.normal(0, rng.uniform(0.02, 0.25) * contrast, frame.shape)
    levels = np.clip(frame, 0, 255).astype(np.uint8)
    _ok, data = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))])
    seen_again = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert seen_again is not None, "OpenCV reads what it wrote"
    return seen_again


@command
def main(argv: list[str] | None = None) -> int:
    """Draw, read, print, write the JSON."""
    parser = make_parser(__doc__, "--mnist-test", "--model")
    parser.add_argument("--n", type=int, default=500, help="frames (default: 500)")
    parser.add_argument("--gallery", type=Path, metavar="PNG", help="draw what is read wrong here")
    arguments = parser.parse_args(argv)
    ink, labels = unseen_digits(arguments.split)
    writer = Writer(list(ink), labels)
    samples = [
        Sample(draw_frame(writer, seed % 10, np.random.default_rng(seed)), seed % 10, "tiny", f"tiny {seed}")
        for seed in range(arguments.n)
    ]
    answers = answer(MNISTPredictor(arguments.model), samples)
    ok = answers.statuses == OK
    result = {
        "split": arguments.split, "read": share_of(answers.right), "likeliest": share_of(answers.most_probable_right),
        "ok_but_wrong": share_of(~answers.right[ok]), "right_and_ok": share_of(ok[answers.right]),
    }  # fmt: skip
    for name in ("read", "likeliest", "ok_but_wrong", "right_and_ok"):
        print(f"{name:13} {100 * result[name]['share']:5.1f} % of {result[name]['n']}")
    if arguments.gallery:
        draw_gallery(answers, arguments.gallery)
    save(result, "tiny_digits", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
