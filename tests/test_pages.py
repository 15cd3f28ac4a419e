"""A page is a row, through every door alike, and a batch that was killed between pages goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

import predict
from batch_processor import BatchProcessor
from digits.batch.on_ray import RayReader
from digits.batch.rows import RowReader
from digits.batch.sources import find_entries
from digits.corrections import Corrections
from digits.finding.decode import open_picture
from digits.finding.limits import PictureError
from digits.finding.pages import to_pages
from digits.reading.answer import P_COLUMNS
from digits.serving.api import create_api
from digits.serving.readers import Readers
from predict import MNISTPredictor
from tests.hostile import drawing, encode

DIGITS = (7, 3, 5, 2, 4)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("paged")
    for kind in ("PDF", "TIFF"):
        first, *others = (drawing(size=(180, 140), digit=digit) for digit in DIGITS)
        path = folder / f"form.{kind.lower()}"
        path.write_bytes(encode(first, kind, save_all=True, append_images=others, resolution=200))
    return folder


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> TestClient:
    readers = Readers(["mnistnet"], MNISTPredictor)
    return TestClient(create_api(readers, Corrections(tmp_path_factory.mktemp("kept") / "kept.sqlite")))


@pytest.mark.parametrize("name", ["form.pdf", "form.tiff"])
def test_five_rows_through_every_door(files, client, name, tmp_path, capsys):
    path = files / name
    predict.main([str(path), "--json"])
    by_hand = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    sent = [("files", (one, data)) for one, data in [(name, path.read_bytes()), ("7.png", encode(drawing()))]]
    *by_http, other = client.post("/api/predict", files=sent).json()["rows"]
    by_batch = BatchProcessor(output_dir=tmp_path).process([path])
    entries = [json.dumps([n, *e.parts]) for n, e in enumerate(find_entries([path]))]
    reader = RowReader(MNISTPredictor())
    by_ray = [json.loads(row) for row in RayReader(lambda: reader)({"entry": np.array(entries)})["row"]]
    whole = MNISTPredictor().predict_batch(page for _mark, page in to_pages(path.read_bytes()))
    for rows in (by_hand, by_http, by_batch, by_ray):
        assert [Path(row["path"]).name for row in rows] == [f"{name}#{n}" for n in range(1, 6)]
        for row, answer in zip(rows, whole, strict=True):
            assert [row[column] for column in P_COLUMNS] == pytest.approx(answer.probs.tolist(), abs=1e-5)
    assert [answer.digit for answer in whole] == list(DIGITS)
    assert [row["page"] for row in by_http] == [1, 2, 3, 4, 5] and (other["file"], other["page"]) == (1, None)


def test_details_and_numbers_of_a_page(files, client):
    data = (files / "form.pdf").read_bytes()
    rows = client.post("/api/predict?details=steps", files={"files": ("form.pdf", data)}).json()["rows"]
    assert len({row["steps"][0]["image"] for row in rows}) == len(DIGITS), "each its own picture"
    refused = client.post("/api/read-number", files={"file": ("form.pdf", data)})
    assert refused.status_code == 422 and "5 pages" in refused.json()["error"]
    told = client.post("/api/read-number?page=2", files={"file": ("form.pdf", data)}).json()
    assert told["text"] == "3" and told["path"] == "form.pdf#2" and told["width"] == 180


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "tif", "webp", "pdf"])
def test_a_page_beyond_the_last_is_refused(kind, examples, client, tmp_path):
    """Of a picture of any kind; a PNG was read all the same, whatever the page."""
    path = tmp_path / f"seven.{kind}"
    with Image.open(examples[7]) as picture:
        picture.convert("RGB").save(path)
    answer = client.post("/api/predict?page=2", files={"files": path.read_bytes()})
    assert answer.status_code == 422 and answer.json() == {"error": "the file has no page 2; it has 1"}
    with pytest.raises(PictureError, match="no page 2"):
        MNISTPredictor().predict(f"{path}#2")


def test_a_request_of_too_many_pages(client):
    first, *others = [drawing("1")] * 70
    data = encode(first, "TIFF", save_all=True, append_images=others)
    told = client.post("/api/predict", files={"files": ("a.tif", data)})
    assert told.status_code == 413 and "batch_processor.py" in told.json()["error"]


def test_a_killed_batch_goes_on_between_pages(files, tmp_path):
    whole = BatchProcessor(output_dir=tmp_path / "whole").process([files])
    processor = BatchProcessor(output_dir=tmp_path / "killed", workers=1)
    told = []

    def stop_at_the_second(row):
        told.append(row)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        processor.run([files], tell=stop_at_the_second)
    assert 2 <= len(processor.journal) < 10
    processor.close(keep_journal=True)
    again = BatchProcessor(output_dir=tmp_path / "killed")
    assert again.process([files], resume=True) == whole and len(whole) == 10
    assert len(list((tmp_path / "killed" / "logs").glob("*.log"))) == 1, "gone on with"


def test_pages_are_sorted_as_pictures_and_shown_in_the_page(files, tmp_path):
    processor = BatchProcessor(output_dir=tmp_path)
    rows = processor.process([files / "form.pdf"])
    assert processor.sort_into(tmp_path / "sorted") == 5
    (seven,) = (tmp_path / "sorted" / rows[0]["status"].replace("ok", "7")).iterdir()
    assert seven.name == "form.pdf#1.png"
    assert np.array_equal(open_picture(seven), open_picture(files / "form.pdf#1"))
    page = processor.save("html").read_text("utf-8")
    assert page.count("data:image/") >= 5


def test_a_page_put_right_is_learnt(files, tmp_path):
    table = tmp_path / "corrections.csv"
    table.write_text(f"path,label\n{files}/form.pdf#2,3\n{files}/form.pdf,3\n")
    corrections = Corrections(tmp_path / "kept.sqlite")
    n, (problem,) = corrections.import_csv(table)
    assert n == 1 and "5 pages" in problem and corrections.count() == 1
