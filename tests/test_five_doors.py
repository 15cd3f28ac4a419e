"""One picture, five doors: Python, command line, batch report, HTTP API and the page's request give one answer."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from batch_processor import BatchProcessor
from digits.files import ROOT
from digits.finding.digit import to_ink

PROBABILITIES = [f"p{digit}" for digit in range(10)]


@pytest.fixture(scope="module")
def files(tmp_path_factory, examples) -> list[Path]:
    """Twenty-three files of mixed kinds, two of them unreadable, one that may be a 0 or a 6."""
    folder = tmp_path_factory.mktemp("mixed")
    drawings = {digit: on_white(path) for digit, path in examples.items()}
    for digit in (0, 4, 5, 7, 9):
        (folder / f"example{digit}.png").write_bytes(examples[digit].read_bytes())
    grey = [np.asarray(drawing.convert("L")) for drawing in drawings.values()]
    cv2.imwrite(str(folder / "mnist_form.png"), to_ink(examples[2]))
    cv2.imwrite(str(folder / "sixteen_bit.png"), grey[3].astype(np.uint16) * 257)
    Image.fromarray(grey[0]).convert("1").save(folder / "one_bit.png")
    Image.fromarray(np.dstack([np.zeros_like(grey[2]), 255 - grey[2]]), "LA").save(folder / "grey_alpha.png")
    drawings[6].quantize(32).save(folder / "palette.gif")
    drawings[8].save(folder / "bitmap.bmp")
    drawings[1].save(folder / "scan.tif", compression="tiff_lzw")
    drawings[4].save(folder / "web.webp", quality=80)
    Image.fromarray(grey[9]).save(folder / "plain.pgm")
    drawings[5].convert("CMYK").save(folder / "print.jpg")
    drawings[9].rotate(90, expand=True).save(folder / "turned.jpg", exif=orientation(6))
    drawings[7].resize((1600, 1200), Image.Resampling.BICUBIC).save(folder / "photo.jpg", quality=85)
    doubtful = Image.fromarray(np.minimum(grey[4], grey[9])).resize((1600, 1200), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(0).normal(0, 10, (1200, 1600))  # shows a decoder that goes its own way
    Image.fromarray((doubtful + grain).clip(0, 255).astype(np.uint8)).save(folder / "doubtful.jpg", quality=85)
    Image.fromarray(np.pad(grey[2], 600, constant_values=255)).save(folder / "small_in_large.png")
    Image.new("RGB", (90, 60), (250, 250, 240)).save(folder / "blank.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save(folder / "noise.png")
    (folder / "text.png").write_text("not a picture\n")
    (folder / "cut.jpg").write_bytes((folder / "photo.jpg").read_bytes()[:3000])
    return sorted(folder.iterdir())


def on_white(path: Path) -> Image.Image:
    with Image.open(path) as image:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.fixture(scope="module")
def python_answers(files, predictor) -> dict[str, dict]:
    """The row of each file, by its name, from Python."""
    predictions = predictor.predict_batch(files)
    return {file.name: prediction.row(file.name) for file, prediction in zip(files, predictions, strict=True)}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    from fastapi.testclient import TestClient

    import app

    arguments = app.parse_arguments(["--data-dir", str(tmp_path_factory.mktemp("feedback"))])
    return TestClient(app.make_app(arguments, {}), base_url="http://127.0.0.1:7860")


def through_command_line(files, **_doors) -> list[dict]:
    command = [sys.executable, "predict.py", *map(str, files), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, f"two files are bad, so the status is 1\n{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def through_batch_in_python(files, tmp_path, **_doors) -> list[dict]:
    return BatchProcessor(output_dir=tmp_path).process_folder(files[0].parent)


def through_batch_report(files, tmp_path, **_doors) -> list[dict]:
    command = [sys.executable, "batch_processor.py", str(files[0].parent), "--output-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    with open(done.stdout.splitlines()[-1], newline="", encoding="utf-8") as report:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(report)]


def through_http(files, client, **_doors) -> list[dict]:
    parts = [("files", (file.name, file.read_bytes())) for file in files]
    answer = client.post("/api/predict", files=parts)
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def through_the_pages_request(files, client, **_doors) -> list[dict]:
    """As the page's script asks: one picture a request, with the ink that the network saw."""
    rows = []
    for file in files:
        headers = {"Origin": "http://127.0.0.1:7860", "Sec-Fetch-Site": "same-origin"}
        part = {"files": (file.name, file.read_bytes())}
        answer = client.post("/api/predict?details=ink", files=part, headers=headers).json()
        rows += answer.get("rows") or [{"path": file.name, "status": "error", "digit": None, **answer}]
    return rows


DOORS: list[Callable] = [
    through_command_line,
    through_batch_in_python,
    through_batch_report,
    through_http,
    through_the_pages_request,
]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_every_door_gives_the_same_answer(door, files, python_answers, client, tmp_path):
    rows = door(files, client=client, tmp_path=tmp_path)
    assert [Path(row["path"]).name for row in rows] == [file.name for file in files], "one row a file, in order"
    for row in rows:
        name = Path(row["path"]).name
        wanted = python_answers[name]
        assert row["status"] == wanted["status"], name
        assert row["error"] == wanted["error"], name
        if wanted["status"] == "error":
            assert row["digit"] is None
            continue
        assert (None if row["digit"] is None else int(row["digit"])) == wanted["digit"], name
        apart = max(abs(float(row[column]) - wanted[column]) for column in PROBABILITIES)
        assert apart <= 1e-5, f"{name}: {apart}"


def test_the_mixed_files_are_what_they_claim(python_answers):
    statuses = [row["status"] for row in python_answers.values()]
    assert len(statuses) == 23 and statuses.count("error") == 2
    assert python_answers["blank.png"]["status"] == "blank"
    assert python_answers["doubtful.jpg"]["confidence"] < 0.99, "too easy: every decoder would give the same answer"
    expected = {
        "mnist_form.png": 2, "sixteen_bit.png": 3, "one_bit.png": 0, "grey_alpha.png": 2, "palette.gif": 6,
        "bitmap.bmp": 8, "scan.tif": 1, "web.webp": 4, "plain.pgm": 9, "print.jpg": 5, "turned.jpg": 9,
        "photo.jpg": 7, "small_in_large.png": 2,
    }  # fmt: skip
    assert {name: python_answers[name]["digit"] for name in expected} == expected
