"""Draw the example form: the empty one, its template, and one filled in, turned a little, as a scanner gives it.

    python assets/make_form.py             # writes assets/form/empty.png, form.json and filled.jpg

No data set is read: the digits are the strokes of assets/make_examples.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

if not __package__:  # `python assets/make_form.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assets.make_examples import STROKES, spline

FORM_DIR = Path(__file__).resolve().parent / "form"
PAGE_MM = (210, 297)
SCALE = 6  # pixels a millimetre

# Boxes in millimetres: left, top, right, bottom.
FIELDS: list[dict[str, Any]] = [
    {"name": "customer", "box": [20, 62, 108, 73], "cells": 8, "length": 8, "check": "luhn", "required": True},
    {"name": "read_on", "box": [20, 92, 108, 104], "kind": "date", "min": "2020-01-01", "required": True},
    {"name": "meter", "box": [120, 92, 190, 104], "length": [4, 6], "required": True},
    {"name": "paid", "box": [20, 123, 90, 135], "kind": "amount", "min": 0, "max": 5000},
    {"name": "persons", "box": [120, 123, 131, 134], "kind": "digit", "cells": 1},
    {"name": "postcode", "box": [20, 154, 75, 165], "cells": 5, "length": 5, "required": True},
]  # fmt: skip
LABELS = {
    "customer": "Customer number", "read_on": "Read on (day, month, year)", "meter": "Meter reading (kWh)",
    "paid": "Paid in advance (EUR)", "persons": "Persons in the household", "postcode": "Postcode",
}  # fmt: skip
FILLED = {
    "customer": "49927395", "read_on": "17.03.2026", "meter": "48213", "paid": "260.50", "persons": "3",
    "postcode": "60486",
}  # fmt: skip


def main() -> int:
    """Write the three files."""
    FORM_DIR.mkdir(exist_ok=True)
    empty = draw_empty()
    cv2.imwrite(str(FORM_DIR / "empty.png"), empty, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    lines = ",\n".join(f"  {json.dumps(field)}" for field in FIELDS)
    text = f'{{"picture": "empty.png", "page_mm": {list(PAGE_MM)}, "fields": [\n{lines}\n]}}\n'
    (FORM_DIR / "form.json").write_text(text, encoding="utf-8")
    filled = scanned(fill(empty), np.random.default_rng(0))
    cv2.imwrite(str(FORM_DIR / "filled.jpg"), filled, [cv2.IMWRITE_JPEG_QUALITY, 30])
    print(FORM_DIR)
    return 0


# ---------------------------------------------------------------- the empty form


def draw_empty() -> np.ndarray:
    """Return the empty form, uint8 (1782, 1260): 255 is paper."""
    sheet = Image.new("L", (PAGE_MM[0] * SCALE, PAGE_MM[1] * SCALE), 255)
    draw = ImageDraw.Draw(sheet)
    _print(draw, (20, 18), "Your meter reading", 9, bold=True)
    _print(
        draw,
        (20, 34),
        "Please write clearly, one digit in a cell, and send this page back by the end of the month.",
        3.6,
    )
    _print(draw, (20, 41), "Count whole kilowatt hours only; leave out what stands behind the comma on the meter.", 3.6)
    for field in FIELDS:
        left, top, right, bottom = field["box"]
        _print(draw, (left, top - 6), LABELS[field["name"]], 3.8)
        n = field.get("cells", 1)
        for x in np.linspace(left, right, n + 1):
            draw.line([(x * SCALE, top * SCALE), (x * SCALE, bottom * SCALE)], fill=90, width=2)
        for y in (top, bottom):
            draw.line([(left * SCALE, y * SCALE), (right * SCALE, y * SCALE)], fill=90, width=2)
    _print(draw, (20, 182), "Thank you. We will send you the bill within four weeks.", 3.6)
    _print(
        draw,
        (20, 190),
        "Questions? Ring us on weekdays between eight and six, or come to our office in Mill Lane.",
        3.6,
    )
    _print(draw, (20, 280), "Form M7, revised in spring", 3)
    _print(draw, (165, 280), "page 1 of 1", 3)
    return np.asarray(sheet)


def _print(
    draw: ImageDraw.ImageDraw, place_mm: tuple[float, float], text: str, size_mm: float, bold: bool = False
) -> None:
    from matplotlib import get_data_path

    face = Path(get_data_path()) / "fonts" / "ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"
    font = ImageFont.truetype(str(face), round(size_mm * SCALE))
    draw.text((place_mm[0] * SCALE, place_mm[1] * SCALE), text, fill=30, font=font)


# ---------------------------------------------------------------- filled in


def fill(empty: np.ndarray) -> np.ndarray:
    """Return the form with `FILLED` written into it."""
    rng, sheet = np.random.default_rng(1), empty.astype(np.float32)
    for field in FIELDS:
        left, top, right, bottom = (SCALE * edge for edge in field["box"])
        text, height = FILLED[field["name"]], 0.62 * (bottom - top)
        pitch = (right - left) / field["cells"] if "cells" in field else 0.85 * height
        x = left + (pitch / 2 if "cells" in field else 0.9 * height)
        for symbol in text:
            _write(sheet, symbol, x + rng.normal(0, 0.03) * height, (top + bottom) / 2, height, rng)
            x += pitch if "cells" in field or symbol != "." else 0.5 * height
    return sheet.clip(0, 255).astype(np.uint8)


def _write(sheet: np.ndarray, symbol: str, x: float, y: float, height: float, rng: np.random.Generator) -> None:
    """Write one digit or point, its middle at column `x`; of a digit at row `y`."""
    fine, cover = 4, np.zeros((sheet.shape[0], sheet.shape[1]), np.uint8)
    if symbol == ".":
        centre = round((x - 0.15 * height) * 16), round((y + height / 2) * 16)
        cv2.circle(cover, centre, round(0.07 * height * 16), 255, -1, cv2.LINE_AA, fine)
    for points in [] if symbol == "." else STROKES[int(symbol)]:
        every = np.concatenate([np.array(stroke) for stroke in STROKES[int(symbol)]])
        middle = (every.min(axis=0) + every.max(axis=0)) / 2
        path = (spline(np.array(points) + rng.normal(0, 0.012, (len(points), 2))) - middle) * height + (x, y)
        cv2.polylines(cover, [(path * 16).round().astype(np.int32)], False, 255, 5, cv2.LINE_AA, fine)
    sheet *= 1 - 0.8 * cover.astype(np.float32) / 255


def scanned(sheet: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the sheet as a scanner sees it that it lies askew on."""
    height, width = sheet.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 2.2, 0.98)
    turn[:, 2] += (12, -9)
    seen = cv2.warpAffine(sheet, turn, (width, height), flags=cv2.INTER_AREA, borderValue=(255,)).astype(np.float32)
    seen = cv2.GaussianBlur(0.94 * seen, (0, 0), 0.6) + rng.normal(0, 0.6, sheet.shape)
    return seen.clip(0, 255).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main())
