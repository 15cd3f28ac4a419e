"""Forms over HTTP: the batch's answers, and templates of strangers that open no file and keep nobody waiting."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from PIL import Image

from digits.command import UserError
from digits.files import ASSETS_DIR
from digits.reading.form import read_form
from digits.reading.formats import is_quick
from digits.reading.template import form_of, load_form
from tests.serving import HOSTILE, is_one_sentence

FOLDER = ASSETS_DIR / "form"
FILLED = (FOLDER / "filled.jpg").read_bytes()
EMPTY = (FOLDER / "empty.png").read_bytes()
BLANK = cv2.imencode(".png", np.full((500, 400), 255, np.uint8))[1].tobytes()
BOX = [0.1, 0.2, 0.5, 0.24]


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=120) as client:
        yield client


def in_itself(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def template(fields: list | None = None, **keys) -> bytes:
    """Return the example's template with its picture in it, or one with other fields or keys."""
    told = json.loads((FOLDER / "form.json").read_text()) | {"picture": in_itself(EMPTY)}
    if fields is not None:
        told = {"picture": told["picture"], "fields": fields}
    return json.dumps(told | keys).encode()


def ask(client: httpx.Client, told: bytes, *pages: bytes, path: str = "/api/read-form") -> httpx.Response:
    files = [("template", ("form.json", told)), *(("files", (f"{i}.png", page)) for i, page in enumerate(pages))]
    return client.post(path, files=files)


def is_refused(answer: httpx.Response, words: str = "") -> bool:
    return answer.status_code == 422 and is_one_sentence(answer) and words in answer.json()["error"]


def test_a_form_is_read_as_the_reader_reads_it(client: httpx.Client, predictor) -> None:
    answer = ask(client, template(), FILLED, b"hello", path="/api/read-form?pictures=true").json()
    form = load_form(FOLDER / "form.json")
    good, bad = answer["rows"]
    fields = {
        name: {key: value for key, value in told.items() if key != "picture"} for name, told in good["fields"].items()
    }
    pixels = cv2.cvtColor(cv2.imread(str(FOLDER / "filled.jpg")), cv2.COLOR_BGR2RGB)
    row = read_form(pixels, form, predictor).row("0.png")
    assert {**good, "fields": fields} == row | {"error": None, "file": 0}
    assert (bad["status"], bad["file"], bad["fields"]) == ("error", 1, {})
    assert answer["names"] == [field.name for field in form.fields]
    for told in good["fields"].values():
        picture = Image.open(io.BytesIO(base64.b64decode(told["picture"].split(",")[1])))
        assert max(picture.size) <= 320 and picture.size[0] >= picture.size[1]


def test_every_page_of_a_pdf_is_a_row_and_one_of_another_form_a_sentence(client: httpx.Client, examples) -> None:
    pages = [Image.open(io.BytesIO(FILLED)).convert("L"), Image.open(examples[3]).convert("L")]
    file = io.BytesIO()
    pages[0].save(file, "PDF", save_all=True, append_images=pages[1:], resolution=150)
    rows = ask(client, template(), file.getvalue()).json()["rows"]
    assert [(row["path"], row["status"] == "error") for row in rows] == [("0.png#1", False), ("0.png#2", True)]
    assert is_refused(ask(client, template(), examples[3].read_bytes()), "form")


def test_a_template_is_checked_without_a_form(client: httpx.Client) -> None:
    assert ask(client, template()).json()["rows"] == []


BAD = {
    "no JSON": (b"{", "not written as JSON"),
    "not text": (b"\xff\xfe\x00", "not written as JSON"),
    "deep": (b"[" * 100_000, "not written as JSON"),
    "a list": (b"[]", "needs a picture"),
    "no fields": (template([]), "at least one field"),
    "one name twice": (template([{"name": "a", "box": BOX}] * 2), "a different name for each"),
    "off the page": (template([{"name": "a", "box": [0.5, 0, 1.5, 1]}]), "does not lie on the page"),
    "no number": (template([{"name": "a", "box": [0, 0, float("nan"), 1]}]), "box is"),
    "huge number": (template([{"name": "a", "box": [0, 0, 10**400, 1]}]), "box is"),
    "tiny box": (template([{"name": "a", "box": [0, 0, 1e-9, 1e-9]}]), "too small"),
    "thin cells": (template([{"name": "a", "box": [0, 0, 0.01, 0.1], "cells": 100}]), "too small"),
    "many cells": (template([{"name": "a", "box": BOX, "cells": 10**9}]), "cells is"),
    "many fields": (template([{"name": f"f{i}", "box": BOX} for i in range(101)]), "101 fields"),
    "large fields": (template([{"name": f"f{i}", "box": [0, 0, 1, 1]} for i in range(9)]), "too large"),
    "slow pattern": (template([{"name": "a", "box": BOX, "pattern": r"(\d+)+x"}]), "could take very long"),
    "odd pattern": (template([{"name": "a", "box": BOX, "pattern": "a{99999999999}"}]), "not a regular expression"),
    "deep pattern": (template([{"name": "a", "box": BOX, "pattern": "(" * 5000}]), "not a regular expression"),
    "a file's name": (template(picture="empty.png"), "must stand in the template"),
    "a file's path": (template(picture="/etc/passwd"), "must stand in the template"),
    "a link": (template(picture="http://127.0.0.1/empty.png"), "must stand in the template"),
    "no base64": (template(picture="data:image/png;base64,%%%"), "no base64"),
    "no picture": (template(picture=in_itself(b"text")), "not a picture"),
    "a bomb": (template(picture=in_itself(HOSTILE["bomb"])), "megapixels"),
    "blank paper": (template(picture=in_itself(BLANK)), "too little"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_template_gets_a_sentence(client: httpx.Client, name: str) -> None:
    told, words = BAD[name]
    assert is_refused(ask(client, told, FILLED), words)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_or_empty_form_gets_a_sentence(client: httpx.Client, name: str) -> None:
    assert is_refused(ask(client, template(), HOSTILE[name]))
    assert is_refused(client.post("/api/empty-form", files={"file": ("x.png", HOSTILE[name])}))


def test_too_many_files_and_too_many_pages_are_refused(client: httpx.Client) -> None:
    answer = ask(client, template(), *[b"x"] * 65)
    assert answer.status_code == 413 and is_one_sentence(answer)
    assert client.post("/api/read-form?model=nobody", files={"template": ("f.json", template())}).status_code == 404
    assert is_refused(client.post("/api/read-form", files={"files": ("1.png", FILLED)}), "template")


def test_an_empty_form_is_made_ready_for_a_template(client: httpx.Client, tmp_path: Path) -> None:
    large = cv2.resize(cv2.imdecode(np.frombuffer(EMPTY, np.uint8), cv2.IMREAD_COLOR), None, fx=2, fy=2)
    data = cv2.imencode(".png", large)[1].tobytes()
    told = client.post("/api/empty-form", files={"file": ("empty.png", data)}).json()
    assert max(told["width"], told["height"]) == 2000 and "pages" not in told
    path = tmp_path / "form.json"
    path.write_text(json.dumps({"picture": told["picture"], "fields": [{"name": "a", "box": BOX}]}))
    assert load_form(path).empty.shape == (told["height"], told["width"])


def test_patterns_of_strangers_are_quick() -> None:
    """What passes is matched in little time, in the worst of texts; what people need passes."""
    for pattern in (r"\d{8}", r"[A-Z]{2}\d{4,6}(-\d+)?", r"[+-]?\d{1,3},\d{2}", r"(?:19|20)\d\d", r"\d+[.,]\d\d"):
        assert is_quick(pattern), pattern
    for pattern in (r"(\d*)*x", r"(\d|\d\d)+x", r"(?x)(\d+) +x", r"(?:\d?){40}x", r"\d?" * 40 + "x", r"(1|1)" * 30):
        assert not is_quick(pattern), pattern
    worst = template([{"name": "a", "box": BOX, "pattern": r"\d*\d*\d*x"}])
    (field,) = form_of(worst, "form.json").fields
    started = time.process_time()
    assert field.format.fault("1" * 100)
    assert time.process_time() - started < 3


def test_a_template_by_path_may_name_its_picture_and_a_strangers_may_not() -> None:
    with pytest.raises(UserError, match="must stand in the template"):
        form_of((FOLDER / "form.json").read_bytes(), "form.json")
    assert load_form(FOLDER / "form.json").fields


def test_a_template_sent_as_text_is_told_to_be_a_file(client: httpx.Client) -> None:
    answer = client.post("/api/read-form", data={"template": template().decode()}, files={"files": ("1.jpg", FILLED)})
    assert is_refused(answer, "template: send it as a file part")
