"""Forms filled in, turned, shifted and photographed: are their fields read exactly, and is "ok" true?

    python -m benchmarks.forms                           # validation digits
    python -m benchmarks.forms --mnist-test --n 20       # the published figure

Forms of one template, six fields each, are filled with digits that nobody trained on, digits apart, with a ballpoint
and with pens that nobody trained on either; a fifth of the texts break their format. The same forms are read as they
are drawn and as a camera sees them, turned by up to 3 degrees: the difference is what finding the fields again costs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from stdnum import luhn

if not __package__:  # `python benchmarks/forms.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import keep_picture, make_parser, only_digits, save, unseen_digits
from digits.command import command
from digits.files import ASSETS_DIR
from digits.finding.alignment import align
from digits.finding.limits import PictureError
from digits.learning.camera import smooth_noise
from digits.learning.glyphs import choose
from digits.learning.pens import HELD_OUT, Pen, ballpoint
from digits.learning.writing import Hand, Writer
from digits.measuring.metrics import share_of
from digits.reading.form import FieldReading, cut_field, read_form
from digits.reading.template import Field, Form, load_form
from digits.reading.verdict import OK
from predict import MNISTPredictor

Rng = np.random.Generator
TEMPLATE = ASSETS_DIR / "form" / "form.json"
WRITTEN = 0.6  # of a field's height: the usual height of the digits
NEAR = 4.0  # pixels by which a field's corners may be missed; six are a millimetre
BROKEN = 0.2  # share of the fields whose text breaks their format


@dataclass(frozen=True)
class Page:
    """A picture of a filled form, uint8 (h, w), where the form's pixels are in it, and what stands in each field."""

    picture: np.ndarray
    matrix: np.ndarray
    texts: dict[str, str]


# ---------------------------------------------------------------- what is filled in


def any_text(name: str, broken: bool, rng: Rng) -> str:
    """Return what somebody writes into the field `name` of the example form, in its format or not."""
    if name == "customer":
        stem = _digits(7, rng)
        check = int(luhn.calc_check_digit(stem))
        return f"{stem}{(check + rng.integers(1, 10)) % 10 if broken else check}"
    if name == "read_on":
        day, month = (rng.integers(32, 40) if broken else rng.integers(1, 29)), rng.integers(1, 13)
        sign = rng.choice(list(".-/"))
        return f"{day:02d}{sign}{month:02d}{sign}{rng.integers(2020, 2040)}"
    if name == "meter":
        return _digits(int(rng.integers(1, 4) if broken else rng.integers(4, 7)), rng)
    if name == "paid":
        return f"{rng.integers(5001, 9999) if broken else rng.integers(1, 5000)}.{rng.integers(0, 100):02d}"
    if name == "persons":
        return _digits(1, rng)  # every digit keeps its format
    return _digits(4 if broken else 5, rng)


def neat_hand(rng: Rng, pens: dict[Pen, float]) -> Hand:
    """Return a hand as forms ask for it: digits apart, a pen between ballpoint and felt tip."""
    return Hand(
        pen=float(rng.uniform(5, 9)), mixed=False, ink=choose(pens, rng), lean=float(rng.normal(0.06, 0.12)),
        gap=float(rng.uniform(0.12, 0.25)), uneven=float(rng.uniform(0, 0.06)), touching=0.0,
    )  # fmt: skip


def _digits(n: int, rng: Rng) -> str:
    return "".join(map(str, rng.integers(0, 10, n)))


def fill(form: Form, writer: Writer, rng: Rng, pens: dict[Pen, float]) -> tuple[np.ndarray, dict[str, str]]:
    """Return the form filled in by one hand, float32 (h, w) of light in 0-1, and what stands in each field."""
    light, texts = form.empty.astype(np.float32) / 255, {}
    hand = neat_hand(rng, pens)
    ink = rng.uniform(0.6, 0.95)
    for field in form.fields:
        broken = field.name != "persons" and rng.random() < BROKEN
        text = texts[field.name] = any_text(field.name, broken, rng)
        left, top, right, bottom = np.array(field.box) * (form.empty.shape[::-1] * 2)
        height = WRITTEN * (bottom - top) * rng.uniform(0.9, 1.1)
        pitch = (right - left) / field.cells / height if field.cells else 0.0
        written = writer.write(text, height, rng, replace(hand, pitch=pitch))
        start, end = min(m.left for m in written.marks), max(m.right for m in written.marks)
        assert end - start < right - left, "the boxes are wide enough"
        x = left + 0.4 * height - start
        if field.cells:
            middles = left + (np.arange(len(text)) + 0.5) * height * pitch
            x = float(np.mean(middles - [(mark.left + mark.right) / 2 for mark in written.marks]))
        y = (top + bottom + height) / 2 - written.base + rng.normal(0, 0.04) * height
        _put(light, 1 - ink * written.coverage, round(x), round(y))
    return light, texts


def _put(light: np.ndarray, layer: np.ndarray, x: int, y: int) -> None:
    top, left = max(0, -y), max(0, -x)
    place = light[max(0, y) : y + layer.shape[0], max(0, x) : x + layer.shape[1]]
    place *= layer[top : top + place.shape[0], left : left + place.shape[1]]


# ---------------------------------------------------------------- how it is seen


def photograph(light: np.ndarray, angle: float, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Return a photo, uint8, of a sheet on a desk, turned by `angle` degrees, shifted, aslant, unevenly lit.

    Also the (3, 3) matrix from the sheet's pixels to the photo's.
    """
    # 1. Where the camera sees the sheet.
    tall, wide = light.shape
    size = (round(1.15 * wide), round(1.12 * tall)) if abs(angle) % 180 < 8 else (round(1.5 * wide), round(1.3 * tall))
    middle = np.array(size) / 2 + rng.uniform(-0.03, 0.03, 2) * size
    radians = np.deg2rad(angle)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    corners = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    seen = (corners - corners.mean(axis=0)) @ turn.T * rng.uniform(0.94, 1.02) + middle
    seen += rng.normal(0, 0.012 * wide, (4, 2))
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    # 2. The sheet and the desk.
    desk = rng.uniform(0.1, 0.5) * (1 + 0.3 * (smooth_noise(size[::-1], rng, rng.uniform(4, 60)) - 0.5))
    sheet = cv2.warpPerspective(light, matrix, size)
    inside = cv2.warpPerspective(np.ones_like(light), matrix, size)
    picture = sheet * rng.uniform(0.75, 0.95) + (1 - inside) * desk
    # 3. Uneven light, blur, noise and JPEG.
    slope = 1 + rng.normal(0, 0.12, (3, 3)).astype(np.float32)
    picture *= np.clip(cv2.resize(slope, size, interpolation=cv2.INTER_CUBIC), 0.5, 1.1)
    picture = 255 * cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.3))
    picture += rng.uniform(1, 5) * rng.standard_normal(picture.shape, np.float32)
    levels = picture.clip(0, 255).astype(np.uint8)
    _done, data = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)), matrix


ANGLES: dict[str, Callable[[Rng], float]] = {
    "up_to_3": lambda rng: rng.uniform(-3, 3),
    "about_15": lambda rng: rng.choice([-1, 1]) * rng.uniform(12, 15),
    "upside_down": lambda rng: 180 + rng.uniform(-3, 3),
}
PENS: dict[str, dict[Pen, float]] = {"ballpoint": {ballpoint: 1.0}, "unseen_pens": HELD_OUT}


def pages(form: Form, writer: Writer, pens: dict[Pen, float], n: int, angle: str | None) -> Iterator[Page]:
    """Yield `n` filled forms: as a camera sees them, turned by an `angle` of `ANGLES`, or as they are drawn."""
    for seed in range(n):
        light, texts = fill(form, writer, np.random.default_rng(seed), pens)
        rng = np.random.default_rng(1000 + seed)
        picture, matrix = ((255 * light).astype(np.uint8), np.eye(3))
        if angle:
            picture, matrix = photograph(light, float(ANGLES[angle](rng)), rng)
        yield Page(picture, matrix, texts)


# ---------------------------------------------------------------- all of it


def measure_fit(form: Form, seen: Iterator[Page]) -> dict:
    """Return on how many pages the form's fields are found, none of their corners farther off than `NEAR` pixels."""
    height, width = form.empty.shape
    corners = [(x * width, y * height) for f in form.fields for x in f.box[::2] for y in f.box[1::2]]
    places, off = np.array([corners]), []
    for page in seen:
        try:
            matrix = align(page.picture, form.landmarks).matrix
        except PictureError:
            off.append(np.inf)
            continue
        apart = cv2.perspectiveTransform(places, matrix) - cv2.perspectiveTransform(places, page.matrix)
        off.append(float(np.linalg.norm(apart, axis=2).max()))
    return {"found": share_of(np.array(off) < NEAR), "pixels_off": round(float(np.median(off)), 2)}


def measure_reading(form: Form, predictor: MNISTPredictor, seen: Iterator[Page], gallery: Path | None) -> dict:
    """Return the figures of the fields of filled forms; pictures of those misread are kept in `gallery`."""
    hits: dict[str, list[tuple[bool, bool, bool, bool]]] = {field.name: [] for field in form.fields}
    seconds = []
    for page in seen:
        started = time.perf_counter()
        fields = read_or_nothing(page.picture, form, predictor)
        seconds.append(time.perf_counter() - started)
        for field in form.fields:
            text, reading = page.texts[field.name], fields.get(field.name)
            read, ok = (reading.text, reading.status == OK) if reading else ("", False)
            is_broken = bool(field.format.fault(text))
            hits[field.name].append((read == text, only_digits(read) == only_digits(text), ok, is_broken))
            if gallery and reading and (read != text or (ok and is_broken)):
                keep(gallery, page, form, field, f"{field.name}-{text}-read-{read}-{reading.status}")
    exact, digits, ok, broken = np.array([hit for field in hits.values() for hit in field]).T
    return {
        "exact": share_of(exact), "digits": share_of(digits), "right_and_ok": share_of(ok[exact & ~broken]),
        "ok_but_wrong": share_of(~exact[ok]) if ok.any() else None, "broken_format_ok": share_of(ok[broken]),
        "fields": {name: share_of([hit[0] for hit in field]) for name, field in hits.items()},
        "seconds_each": round(float(np.median(seconds)), 3),
    }  # fmt: skip


def read_or_nothing(picture: np.ndarray, form: Form, predictor: MNISTPredictor) -> dict[str, FieldReading]:
    """Return the readings by name; none of a page that is refused."""
    try:
        return read_form(picture, form, predictor).fields
    except PictureError:
        return {}


def keep(gallery: Path, page: Page, form: Form, field: Field, name: str) -> None:
    """Write the picture of a field."""
    keep_picture(gallery, name, cut_field(align(page.picture, form.landmarks), form, field)[0])


def line(name: str, result: dict) -> str:
    """Return figures as a line of text."""
    shares = (
        f"{key} {100 * figure['share']:.1f} % of {figure['n']}"
        for key, figure in result.items()
        if isinstance(figure, dict) and "share" in figure
    )
    return f"{name:25} {'  '.join(shares)}"


@command
def main(argv: list[str] | None = None) -> int:
    """Draw, read, print, write the JSON."""
    parser = make_parser(__doc__, "--mnist-test", "--model")
    parser.add_argument("--n", type=int, default=40, help="forms seen in each way (default: 40)")
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="keep the misread fields here")
    arguments = parser.parse_args(argv)
    ink, labels = unseen_digits(arguments.split)
    form, writer = load_form(TEMPLATE), Writer(list(ink), labels)
    predictor = MNISTPredictor(arguments.model, threads=1)
    n, gallery = arguments.n, arguments.gallery
    result: dict = {"split": arguments.split, "forms": n}
    for angle in ANGLES:
        result[angle] = measure_fit(form, pages(form, writer, PENS["ballpoint"], n, angle))
        print(line(angle, result[angle]), flush=True)
    for name, pens in PENS.items():
        for view, angle in (("as_drawn", None), ("photographed", "up_to_3")):
            folder = gallery / f"{name}_{view}" if gallery else None
            key = f"{name}_{view}"
            result[key] = measure_reading(form, predictor, pages(form, writer, pens, n, angle), folder)
            print(line(key, result[key]), flush=True)
    save(result, "forms", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
