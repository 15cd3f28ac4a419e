"""How well whole numbers are read: pictures of 2-10 digits on 1-3 lines, made from MNIST digits nobody trained on.

    python -m benchmarks.read_numbers                                  # 200 pictures of validation digits, for tuning
    python -m benchmarks.read_numbers --mnist-test --n 300             # the published figure, test digits only

Spacing runs from strokes that overlap by a few pixels to wide, with wider gaps between groups; lines slant by up to 10
degrees; paper is flat, shaded, textured, ruled, or a page on a desk; light, ink colour, polarity, blur, noise and JPEG
vary. Every picture follows from the seed and its number. "Exact" means every digit, space and line break.
(The file is not called numbers.py because that would hide the standard library's module of that name.)
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

if not __package__:  # `python benchmarks/read_numbers.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import keep_picture, make_parser, save, unseen_digits, without_spaces
from digits.command import command
from digits.reading.answer import NumberReading
from digits.reading.ctc import edit_distance
from predict import MNISTPredictor

# gaps in digit heights
SPACINGS = {"touching": (-0.03, 0.05), "tight": (0.03, 0.12), "normal": (0.12, 0.35), "wide": (0.35, 0.7)}
PAPERS = ("flat", "shaded", "textured", "ruled", "desk")
# RGB: black, blue, red, green, pencil
DARK_INKS = ((20, 20, 25), (30, 50, 130), (150, 30, 40), (20, 90, 50), (90, 90, 95))
LIGHT_INKS = ((240, 240, 235), (245, 230, 150), (180, 220, 245))


@dataclass(frozen=True)
class NumberPicture:
    """One synthesised picture, uint8 (h, w, 3), its true text (spaces and line breaks kept) and how it was made."""

    pixels: np.ndarray
    text: str
    spacing: str
    paper: str


def synthesise(ink: np.ndarray, labels: np.ndarray, seed: int) -> NumberPicture:
    """Draw one picture from the digits `ink`, uint8 (n, 28, 28), `labels` (n,)."""
    rng = np.random.default_rng(seed)
    spacing, paper = str(rng.choice(list(SPACINGS))), str(rng.choice(PAPERS))
    n_digits = int(rng.integers(2, 11))
    n_lines = int(rng.integers(1, min(3, n_digits // 2) + 1))
    cuts = np.sort(rng.choice(np.arange(2, n_digits - 1), n_lines - 1, replace=False)) if n_digits > 3 else []
    counts = np.diff([0, *cuts, n_digits]) if _at_least_two(cuts, n_digits) else _evenly(n_digits, n_lines)
    height = float(rng.uniform(32, 80))
    lines, texts = [], []
    for count in counts:
        chosen = rng.integers(0, len(labels), count)
        strokes, text = _write_line(rng, ink[chosen], labels[chosen], height, spacing)
        lines.append(strokes)
        texts.append(text)
    strokes = _stack(rng, lines, height)
    return NumberPicture(_photograph(rng, strokes, height, paper), "\n".join(texts), spacing, paper)


def _at_least_two(cuts: np.ndarray, n_digits: int) -> bool:
    return bool(np.all(np.diff([0, *cuts, n_digits]) >= 2))


def _evenly(n_digits: int, n_lines: int) -> list[int]:
    return [len(part) for part in np.array_split(np.arange(n_digits), n_lines)]


def _write_line(
    rng: np.random.Generator, ink: np.ndarray, labels: np.ndarray, height: float, spacing: str
) -> tuple[np.ndarray, str]:
    """Set digits side by side on one strip, float32 (h, w) in 0-1; sometimes in groups."""
    tall = int(height * 1.6)
    strip, text, right = np.zeros((tall, 4), np.float32), "", 0
    in_groups = len(labels) > 2 and rng.random() < 0.4
    for i, (digit, label) in enumerate(zip(ink, labels, strict=True)):
        glyph = _glyph(rng, digit, height, tall)
        is_space = in_groups and i > 0 and rng.random() < 0.35
        gap = rng.uniform(*SPACINGS[spacing]) * height
        if is_space:
            gap += rng.uniform(0.8, 1.4) * height
        left = right + round(gap)
        if i and spacing == "touching" and not is_space and rng.random() < 0.6:
            left = _contact(strip, glyph) - int(rng.integers(1, 2 + max(1, round(height / 20))))
        strip, right = _paste(strip, glyph, max(0, left))
        text += " " * is_space + str(label)
    return strip[:, :right], text


def _glyph(rng: np.random.Generator, digit: np.ndarray, height: float, tall: int) -> np.ndarray:
    """Return one digit at a height of about `height` in a strip `tall` high, cut to its width."""
    rows, columns = np.flatnonzero(digit.max(axis=1) > 0), np.flatnonzero(digit.max(axis=0) > 0)
    cut = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / 255
    scale = height / 20 * rng.uniform(0.88, 1.12)
    size = (max(2, round(cut.shape[1] * scale)), max(2, round(cut.shape[0] * scale)))
    big = np.clip(cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC), 0, 1)
    top = round(tall * 0.8 - big.shape[0] + rng.uniform(-0.06, 0.06) * height)
    if big.shape[0] < 0.6 * height:  # a digit as wide as a lying 1 stands in the middle of the line
        top -= round((height - big.shape[0]) / 2)
    glyph = np.zeros((tall, big.shape[1]), np.float32)
    glyph[max(0, top) : max(0, top) + big.shape[0]] = big[: tall - max(0, top)]
    return glyph


def _contact(strip: np.ndarray, glyph: np.ndarray) -> int:
    """Return the column where `glyph` first touches what is written on `strip`."""
    written, new = strip > 0.4, glyph > 0.4
    rows = np.flatnonzero(written.any(axis=1) & new.any(axis=1))
    if not len(rows):
        return strip.shape[1]
    ends = strip.shape[1] - np.argmax(written[rows, ::-1], axis=1)
    starts = np.argmax(new[rows], axis=1)
    return int((ends - starts).max())


def _paste(strip: np.ndarray, glyph: np.ndarray, left: int) -> tuple[np.ndarray, int]:
    right = left + glyph.shape[1]
    wide = np.zeros((strip.shape[0], max(right, strip.shape[1])), np.float32)
    wide[:, : strip.shape[1]] = strip
    wide[:, left:right] = np.maximum(wide[:, left:right], glyph)
    return wide, wide.shape[1]


def _stack(rng: np.random.Generator, lines: list[np.ndarray], height: float) -> np.ndarray:
    """Put lines below each other, indented a little at random."""
    pitch = rng.uniform(1.45, 2.2) * height
    indents = [int(rng.uniform(0, 0.8) * height) for _ in lines]
    width = max(line.shape[1] + indent for line, indent in zip(lines, indents, strict=True))
    page = np.zeros((int(lines[0].shape[0] + pitch * (len(lines) - 1)) + 1, width), np.float32)
    for i, (line, indent) in enumerate(zip(lines, indents, strict=True)):
        top = int(i * pitch)
        place = page[top : top + line.shape[0], indent : indent + line.shape[1]]
        np.maximum(place, line, out=place)
    return page


# ---------------------------------------------------------------- paper, light, camera


def _photograph(rng: np.random.Generator, strokes: np.ndarray, height: float, paper: str) -> np.ndarray:
    """Lay strokes on paper, turn the page by up to 10 degrees and take its picture: uint8 (h, w, 3)."""
    rows, columns = np.flatnonzero(strokes.max(axis=1) > 0.3), np.flatnonzero(strokes.max(axis=0) > 0.3)
    strokes = strokes[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    margin = int(rng.uniform(0.3, 1.5) * height)
    spare = int(0.25 * max(strokes.shape)) + margin + int(height)  # for the corners of the turned page
    page = np.pad(strokes, spare)
    angle = float(rng.uniform(-10, 10))
    light_ink = paper != "desk" and rng.random() < 0.25
    base, ink = _colours(rng, light_ink)
    sheet = np.ones((*page.shape, 3), np.float32) * base
    if paper == "ruled":
        sheet = _rule(rng, sheet, height, light_ink)
    if paper == "desk":
        sheet = _lay_on_desk(rng, sheet, spare, margin + int(0.2 * height))
    depth = page[..., None] * rng.uniform(0.75, 1.0)
    sheet = sheet * (1 - depth) + ink * depth
    sheet, inside = _turn(sheet, page, angle)
    left, top, right, bottom = inside
    pad = margin if paper != "desk" else margin + int(rng.uniform(0.4, 1.0) * height)
    pixels = sheet[max(0, top - pad) : bottom + pad, max(0, left - pad) : right + pad]
    return _expose(rng, pixels, paper)


def _colours(rng: np.random.Generator, light_ink: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return (paper, ink), RGB in 0-255."""
    ink = np.float32((LIGHT_INKS if light_ink else DARK_INKS)[rng.integers(0, 3 if light_ink else 5)])
    level = rng.uniform(5, 70) if light_ink else rng.uniform(190, 255)
    return np.float32(np.clip(level + rng.uniform(-6, 6, 3), 0, 255)), ink


def _rule(rng: np.random.Generator, sheet: np.ndarray, height: float, light_ink: bool) -> np.ndarray:
    """Draw ruled or squared paper: thin lines clearly paler than ink."""
    colours = ((230, 230, 230),) if light_ink else ((120, 150, 200), (150, 150, 150), (220, 140, 140))
    colour = np.float32(colours[rng.integers(len(colours))])
    strength, pitch = rng.uniform(0.2, 0.6), rng.uniform(0.5, 1.6) * height
    lines = np.zeros(sheet.shape[:2], np.float32)
    thick = max(1, round(height / 40))
    for y in np.arange(rng.uniform(0, pitch), sheet.shape[0], pitch):
        lines[int(y) : int(y) + thick] = strength
    if rng.random() < 0.3:
        for x in np.arange(rng.uniform(0, pitch), sheet.shape[1], pitch):
            lines[:, int(x) : int(x) + thick] = strength
    return sheet * (1 - lines[..., None]) + colour * lines[..., None]


def _lay_on_desk(rng: np.random.Generator, sheet: np.ndarray, spare: int, margin: int) -> np.ndarray:
    """Turn what lies further than `margin` from the writing into a darker desk with a grain."""
    desk = np.float32(rng.uniform(40, 130)) + np.float32(rng.uniform(-25, 25, 3))
    grain = cv2.GaussianBlur(rng.normal(0, 30, sheet.shape[:2]).astype(np.float32), (0, 0), 8, sigmaY=1)[..., None]
    edge = max(0, spare - margin)
    laid = np.clip(desk + grain * 3, 0, 255) * np.ones_like(sheet)
    laid[edge : sheet.shape[0] - edge, edge : sheet.shape[1] - edge] = sheet[
        edge : sheet.shape[0] - edge, edge : sheet.shape[1] - edge
    ]
    return laid


def _turn(sheet: np.ndarray, page: np.ndarray, angle: float) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Rotate about the middle; return the turned sheet and the box of the writing on it."""
    height, width = page.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    turned = cv2.warpAffine(sheet, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    strokes = cv2.warpAffine(page, turn, (width, height), flags=cv2.INTER_LINEAR)
    rows, columns = np.flatnonzero(strokes.max(axis=1) > 0.3), np.flatnonzero(strokes.max(axis=0) > 0.3)
    return turned, (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _expose(rng: np.random.Generator, pixels: np.ndarray, paper: str) -> np.ndarray:
    """Light, texture, blur, noise and JPEG; a flat picture is left as a drawing program saves it."""
    if paper == "flat":
        return pixels.clip(0, 255).round().astype(np.uint8)
    height, width = pixels.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    direction, fall = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.35)
    pixels = pixels * (1 - fall * (0.5 + 0.5 * (x * np.cos(direction) + y * np.sin(direction))))[..., None]
    if paper == "textured":
        grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), rng.uniform(1, 4))
        pixels = pixels + (grain / grain.std() * rng.uniform(2, 7))[..., None]
    pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 1.2)) + rng.normal(0, rng.uniform(1, 6), pixels.shape)
    pixels = pixels.clip(0, 255).round().astype(np.uint8)
    _ok, coded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 96))])
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1].copy()


# ---------------------------------------------------------------- measuring


def figures(truths: list[str], readings: list[str]) -> dict:
    """Return digit accuracy and exact pictures in percent with 95 % intervals (bootstrap over pictures)."""
    pairs = [(without_spaces(r), without_spaces(t)) for r, t in zip(readings, truths, strict=True)]
    errors = np.array([edit_distance(read, true) for read, true in pairs])
    lengths = np.array([len(true) for _read, true in pairs])
    exact = np.array([r == t for r, t in zip(readings, truths, strict=True)])
    again = np.random.default_rng(0).integers(0, len(errors), (2000, len(errors)))
    accuracies = 100 * (1 - errors[again].sum(axis=1) / lengths[again].sum(axis=1))
    return {
        "n": len(errors),
        "digits": int(lengths.sum()),
        "digit_accuracy": round(100 * (1 - errors.sum() / lengths.sum()), 2),
        "digit_accuracy_interval": [round(float(v), 2) for v in np.quantile(accuracies, [0.025, 0.975])],
        "exact": round(100 * float(exact.mean()), 2),
        "exact_interval": [round(float(v), 2) for v in np.quantile(100 * exact[again].mean(axis=1), [0.025, 0.975])],
        "exact_digits": round(100 * float((errors == 0).mean()), 2),
    }


def by_kind(samples: list[NumberPicture], readings: list[str]) -> dict[str, dict]:
    """Return the figures of each spacing and of each paper."""
    parts: dict[str, list[int]] = defaultdict(list)
    for i, sample in enumerate(samples):
        parts[sample.spacing].append(i)
        parts[sample.paper].append(i)
    return {
        kind: figures([samples[i].text for i in parts[kind]], [readings[i] for i in parts[kind]])
        for kind in (*SPACINGS, *PAPERS)
        if kind in parts
    }


def save_failures(directory: Path, samples: list[NumberPicture], readings: list[NumberReading]) -> None:
    """Write every picture that was misread, boxes drawn, named by number, truth and reading."""
    for i, (sample, reading) in enumerate(zip(samples, readings, strict=True)):
        if reading.text == sample.text:
            continue
        shown = sample.pixels.copy()
        for digit in reading.digits:
            left, top, right, bottom = digit.box
            cv2.rectangle(shown, (left, top), (right, bottom), (0, 160, 0), 1)
        truth, text = (text or "empty" for text in (sample.text, reading.text))
        keep_picture(directory, f"{i:03d}-{sample.paper}-{sample.spacing}-{truth}-read-{text}", shown)


def read(predictor: MNISTPredictor, samples: list[NumberPicture]) -> list[NumberReading]:
    """Return what is read in each picture."""
    readings = []
    for i, sample in enumerate(samples, 1):
        readings.append(predictor.read_number(sample.pixels))
        if i % 50 == 0:
            print(f"{i} of {len(samples)}", file=sys.stderr)
    return readings


def table(result: dict) -> str:
    """Return the figures as lines of text, a kind each and all of them last."""
    return "\n".join(
        f"{name:<10} n {row['n']:>4}   digits {row['digit_accuracy']:6.2f} %  {row['digit_accuracy_interval']}"
        f"   exact {row['exact']:6.2f} %  {row['exact_interval']}   digits alone {row['exact_digits']:6.2f} %"
        for name, row in [*result["kinds"].items(), ("all", result["all"])]
    )


@command
def main(argv: list[str] | None = None) -> int:
    """Synthesise, read, compare; print the table and write the JSON."""
    parser = make_parser(__doc__, "--mnist-test", "--model")
    parser.add_argument("--n", type=int, default=200, help="pictures (default: 200)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the pictures (default: 0)")
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="write the misread pictures here")
    arguments = parser.parse_args(argv)
    ink, labels = unseen_digits(arguments.split)
    seeds = [arguments.seed * 1_000_000 + i for i in range(arguments.n)]
    samples = [synthesise(ink, labels, seed) for seed in seeds]
    readings = read(MNISTPredictor(arguments.model), samples)
    if arguments.gallery:
        save_failures(arguments.gallery, samples, readings)
    texts = [reading.text for reading in readings]
    result = {
        "split": arguments.split, "seed": arguments.seed, "model": arguments.model,
        "all": figures([sample.text for sample in samples], texts), "kinds": by_kind(samples, texts),
    }  # fmt: skip
    print(table(result))
    save(result, "numbers", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
