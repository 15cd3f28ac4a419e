"""Forms filled in, turned, shifted and photographed: are their fields read exactly, and is "ok" true?

    python -m benchmarks.forms                           # validation digits
    python -m benchmarks.forms --mnist-test --gallery outputs/runs/forms

Forms of one template, six fields each, are filled with digits and pens that nobody trained on, digits apart; a fifth of
the texts break their format. The same forms are read as they are drawn and as a camera sees them: the difference is
what finding the fields again costs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from stdnum import luhn

if not __package__:  # `python benchmarks/forms.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.documents import only_digits
from benchmarks.record import make_parser, save, unseen_digits
from digits.finding.alignment import align
from digits.finding.decode import PictureError
from digits.learning.camera import smooth_noise
from digits.learning.glyphs import choose
from digits.learning.writing import HELD_OUT, Hand, Writer
from digits.measuring.metrics import share_of
from digits.reading.form import Field, Form, cut_field, load_form, read_form
from digits.reading.verdict import OK
from predict import MNISTPredictor
from utils import ASSETS_DIR, command

Rng = np.random.Generator
TEMPLATE = ASSETS_DIR / "form" / "form.json"
WRITTEN = 0.6  # of a field's height: the usual height of the digits
BROKEN = 0.2  # share of the fields whose text breaks their format


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


def neat_hand(rng: Rng) -> Hand:
    """Return a hand as forms ask for it: digits apart, an unseen pen between ballpoint and felt tip."""
    return Hand(
        pen=float(rng.uniform(5, 11)), mixed=False, ink=choose(HELD_OUT, rng), lean=float(rng.normal(0.06, 0.12)),
        gap=float(rng.uniform(0.12, 0.25)), uneven=float(rng.uniform(0, 0.06)), touching=0.0,
    )  # fmt: skip


def _digits(n: int, rng: Rng) -> str:
    return "".join(map(str, rng.integers(0, 10, n)))


def fill(form: Form, writer: Writer, rng: Rng) -> tuple[np.ndarray, dict[str, str]]:
    """Return the form filled in by one hand, float32 (h, w) of light in 0-1, and what stands in each field."""
    light, texts = form.empty.astype(np.float32) / 255, {}
    hand = neat_hand(rng)
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
        x = (left + right - start - end) / 2 if field.cells else left + 0.4 * height - start
        y = (top + bottom + height) / 2 - written.base + rng.normal(0, 0.04) * height
        _put(light, 1 - ink * written.coverage, round(x), round(y))
    return light, texts


def _put(light: np.ndarray, layer: np.ndarray, x: int, y: int) -> None:
    top, left = max(0, -y), max(0, -x)
    place = light[max(0, y) : y + layer.shape[0], max(0, x) : x + layer.shape[1]]
    place *= layer[top : top + place.shape[0], left : left + place.shape[1]]


# ---------------------------------------------------------------- how it is seen


def photograph(light: np.ndarray, angle: float, rng: Rng) -> np.ndarray:
    """Return a photo, uint8, of a sheet on a desk: turned by `angle` degrees, shifted, aslant, unevenly lit."""
    # 1. Where the camera sees the sheet.
    tall, wide = light.shape
    size = round(1.15 * wide), round(1.12 * tall)
    if 45 < abs(angle) % 180 < 135 or 8 < abs(angle) % 180 < 172:
        size = (round(1.5 * wide), round(1.3 * tall))
    middle = np.array(size) / 2 + rng.uniform(-0.03, 0.03, 2) * size
    radians = np.deg2rad(angle)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    corners = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    seen = (corners - corners.mean(axis=0)) @ turn.T * rng.uniform(0.94, 1.02) + middle
    seen += rng.normal(0, 0.012 * wide, (4, 2))
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    # 2. The sheet and the desk.
    desk = rng.uniform(0.1, 0.5) * (1 + 0.3 * (smooth_noise(size[::-1], rng, rng.uniform(4, 60)) - 0.5))
    sheet = cv2.warpPerspective(light, matrix, size, flags=cv2.INTER_AREA)
    inside = cv2.warpPerspective(np.ones_like(light), matrix, size)
    picture = sheet * rng.uniform(0.75, 0.95) + (1 - inside) * desk
    # 3. Uneven light, blur, noise and JPEG.
    slope = 1 + rng.normal(0, 0.12, (3, 3)).astype(np.float32)
    picture *= np.clip(cv2.resize(slope, size, interpolation=cv2.INTER_CUBIC), 0.5, 1.1)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.3))
    picture = 255 * picture + rng.uniform(1, 5) * rng.standard_normal(picture.shape, np.float32)
    levels = picture.clip(0, 255).astype(np.uint8)
    _done, data = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


VIEWS: dict[str, Callable[[np.ndarray, Rng], np.ndarray]] = {
    "as_drawn": lambda light, rng: (255 * light).astype(np.uint8),
    "photographed": lambda light, rng: photograph(light, rng.uniform(-3, 3), rng),
    "turned_15": lambda light, rng: photograph(light, rng.choice([-1, 1]) * rng.uniform(12, 15), rng),
    "upside_down": lambda light, rng: photograph(light, 180 + rng.uniform(-3, 3), rng),
}


# ---------------------------------------------------------------- all of it


def measure(form: Form, predictor: MNISTPredictor, writer: Writer, view: str, n: int, gallery: Path | None) -> dict:
    """Return the figures of `n` forms seen in one way; fields misread are kept in `gallery`."""
    kinds: dict[str, list[tuple[bool, bool, bool, bool]]] = {field.name: [] for field in form.fields}
    fitted, seconds = [], []
    for seed in range(n):
        light, texts = fill(form, writer, np.random.default_rng(seed))
        page = VIEWS[view](light, np.random.default_rng(1000 + seed))
        started = time.perf_counter()
        try:
            fields = read_form(page, form, predictor).fields
        except PictureError:
            fields = {}
        seconds.append(time.perf_counter() - started)
        fitted.append(bool(fields))
        for field in form.fields:
            text, reading = texts[field.name], fields.get(field.name)
            read, ok = (reading.text, reading.status == OK) if reading else ("", False)
            kinds[field.name].append(
                (read == text, only_digits(read) == only_digits(text), ok, bool(field.format.fault(text)))
            )
            if gallery and reading and (read != text or (ok and field.format.fault(text))):
                _keep(gallery, page, form, field, f"{view}-{seed}-{field.name}-{text}-read-{read}-{reading.status}")
    exact, digits, ok, broken = np.array([hits for kind in kinds.values() for hits in kind]).T
    return {
        "forms": n, "fitted": share_of(fitted), "exact": share_of(exact), "digits": share_of(digits),
        "ok": share_of(ok[exact & ~broken]), "ok_but_wrong": share_of(~exact[ok]) if ok.any() else None,
        "broken_format_ok": share_of(ok[broken]), "seconds_each": round(float(np.median(seconds)), 3),
        "fields": {name: share_of([hit[0] for hit in hits]) for name, hits in kinds.items()},
    }  # fmt: skip


def _keep(gallery: Path, page: np.ndarray, form: Form, field: Field, name: str) -> None:
    gallery.mkdir(parents=True, exist_ok=True)
    cut = cut_field(align(page, form.landmarks), form, field)[0]
    cv2.imwrite(str(gallery / f"{''.join(c if c.isalnum() or c in '.,-+' else '_' for c in name)}.png"), cut)


def line(view: str, result: dict) -> str:
    """Return one way's figures as a line of text."""
    keys = ("fitted", "exact", "digits", "ok", "ok_but_wrong", "broken_format_ok")
    shares = (f"{key} {100 * result[key]['share']:.1f} % of {result[key]['n']}" for key in keys if result[key])
    return f"{view:13} {'  '.join(shares)}  {result['seconds_each']:.2f} s"


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
    result: dict = {"split": arguments.split}
    for view in VIEWS:
        result[view] = measure(form, predictor, writer, view, arguments.n, arguments.gallery)
        print(line(view, result[view]))
    save(result, "forms", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
