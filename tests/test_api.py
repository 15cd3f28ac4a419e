"""The API: rows as the predictor's, errors as one sentence without a path, and a guard at the door."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pandas
import pytest
from fastapi import FastAPI, UploadFile
from PIL import Image

from benchmarks.doodles import DOODLES, draw
from digits.batch.journal import NUMBER_COLUMNS
from digits.corrections import Corrections
from digits.files import ROOT
from tests.hostile import drawing, encode
from tests.serving import HOSTILE, is_one_sentence, serving


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory, examples) -> Path:
    """A folder for classify_folder: two pictures, one bad, one in a subfolder, and a link that leads out of it."""
    folder = tmp_path_factory.mktemp("scans")
    (folder / "inner").mkdir()
    (folder / "a.png").write_bytes(examples[1].read_bytes())
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "inner" / "b.png").write_bytes(examples[2].read_bytes())
    (folder / "link.png").symlink_to(examples[3])
    return folder


@pytest.fixture(scope="module")
def address(data_dir: Path, scans: Path) -> Iterator[str]:
    with serving(data_dir, "--max-upload-mb", "1", "--folder", str(scans)) as url:
        yield url


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


def post(client: httpx.Client, *pictures: bytes, path: str = "/api/predict", **options) -> httpx.Response:
    files = [("files", (f"{i}.png", data)) for i, data in enumerate(pictures)]
    return client.post(path, files=files, **options)


# ---------------------------------------------------------------- answers


def test_a_row_is_what_the_predictor_says(client: httpx.Client, predictor, examples) -> None:
    answer = post(client, examples[4].read_bytes()).json()
    assert answer == {"model": ["mnistnet"], "rows": [predictor.predict(examples[4]).row("0.png")]}


def test_several_files_keep_their_order_and_a_bad_one_is_a_row(client: httpx.Client, examples) -> None:
    answer = post(client, examples[1].read_bytes(), b"no picture", b"", examples[2].read_bytes())
    assert answer.status_code == 200
    rows = answer.json()["rows"]
    assert [row["digit"] for row in rows] == [1, None, None, 2]
    assert [row["status"] for row in rows] == ["ok", "error", "error", "ok"]
    assert rows[2]["error"] == "the file is empty"


def test_details_show_ink_and_steps(client: httpx.Client, examples) -> None:
    (row,) = post(client, examples[5].read_bytes(), path="/api/predict?details=steps").json()["rows"]
    assert [step["name"] for step in row["steps"]] == ["picture", "contrast", "mask", "ink"]
    ink = Image.open(io.BytesIO(base64.b64decode(row["ink"].split(",")[1])))
    assert (ink.size, ink.mode) == ((28, 28), "L")
    assert 0 <= row["box"][0] < row["box"][2] <= 1


def test_numbers_come_with_boxes(client: httpx.Client, examples) -> None:
    file = {"file": ("8.png", examples[8].read_bytes())}
    told = client.post("/api/read-number", files=file).json()
    assert (told["text"], told["lines"], told["path"]) == ("8", ["8"], "8.png")
    left, top, right, bottom = told["digits"][0]["box"]
    assert 0 <= left < right <= told["width"] and 0 <= top < bottom <= told["height"]


def test_models_and_health(client: httpx.Client) -> None:
    models = client.get("/api/models").json()
    assert [model["name"] for model in models] == ["mnistnet", "gapcnn", "modern", "plaincnn", "tinyvgg"]
    assert models[0]["n_bytes"] > 1e6
    assert client.get("/api/health").json() == {"status": "ok"}


def test_reports_of_numbers_have_the_batch_columns(client: httpx.Client, examples) -> None:
    told = client.post("/api/read-number", files={"file": ("8.png", examples[8].read_bytes())}).json()
    rows = [told | {"label": " 8\n"}, {"path": "bad.png", "status": "error", "text": "", "error": "no picture"}]
    report = client.post("/api/report?kind=json&skipped=hidden:2", json=rows).json()
    assert list(report["rows"][0]) == NUMBER_COLUMNS
    assert report["summary"]["skipped"] == {"hidden": 2} and report["rows"][0]["correct"] == 1
    assert report["rows"][0]["digits"] == told["digits"]
    for kind in ("csv", "parquet"):
        assert client.post(f"/api/report?kind={kind}", json=rows).status_code == 200
    for bad in ([{**rows[0], "label": "=1"}], [7], ["text"]):
        assert client.post("/api/report", json=bad).status_code == 422, bad
    assert client.post("/api/report?skipped=7", json=rows).status_code == 422


def test_reports_have_the_batch_columns(client: httpx.Client, examples) -> None:
    rows = post(client, examples[1].read_bytes(), b"bad").json()["rows"]
    rows[0]["label"] = 1
    table = pandas.read_csv(io.BytesIO(client.post("/api/report?kind=csv", json=rows).content))
    assert list(table)[:3] == ["path", "status", "digit"] and list(table)[-3:] == ["label", "correct", "error"]
    parquet = pandas.read_parquet(io.BytesIO(client.post("/api/report?kind=parquet", json=rows).content))
    assert len(parquet) == 2 and parquet.correct[0] == 1
    assert b"<html" in client.post("/api/report?kind=html", json=rows).content
    assert client.post("/api/report?kind=exe", json=rows).status_code == 422
    broken = client.post("/api/report", content='[{"path":', headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()) == (422, {"error": "what was sent is not valid JSON"})


def test_the_way_inside(client: httpx.Client, examples) -> None:
    file = {"file": ("6.png", examples[6].read_bytes())}
    told = client.post("/api/explain?digit=3", files=file).json()
    assert (told["answer"], told["digit"]) == (6, 3)
    assert [layer["n_maps"] for layer in told["layers"]] == [32, 64, 128]
    curve = client.post("/api/stress?kind=rotation", files=file).json()
    assert len(curve["strengths"]) == len(curve["probabilities"]) == len(curve["statuses"]) and curve["answer"] == 6
    thoughts = client.post("/api/think", files=file).json()
    assert [len(layer["shown"]) for layer in thoughts["layers"]] == [6, 6, 6] and len(thoughts["shares"]) == 10
    assert all(0 < sum(map(abs, shares)) <= 1 for shares in thoughts["shares"])
    assert thoughts["probabilities"] == told["probabilities"] and thoughts["nearest"]["labels"] == [6] * 6
    layer = told["layers"][1]["name"]
    kernel = client.post("/api/kernel", params={"layer": layer, "index": 0}, files=file).json()
    assert kernel["inputs"]["shape"] == [32, 14, 14] and kernel["weights"]["shape"] == [32, 3, 3]
    assert client.post("/api/kernel", params={"layer": layer, "index": 64}, files=file).status_code == 404


def test_inside_judges_as_reading_does(client: httpx.Client) -> None:
    """What is refused as no digit is never said to be taken for one."""
    picture = np.full((200, 200), 255, np.uint8)
    cv2.putText(picture, "A", (40, 160), cv2.FONT_HERSHEY_SIMPLEX, 5, 0, 14)
    data = cv2.imencode(".png", picture)[1].tobytes()
    row = post(client, data).json()["rows"][0]
    told = client.post("/api/explain", files={"file": ("A.png", data)}).json()
    assert (told["status"], told["reason"]) == (row["status"], "this does not look like a digit")
    assert row["status"] == "not_a_digit" and told["probabilities"] == [row[f"p{digit}"] for digit in range(10)]
    curve = client.post("/api/stress?kind=gaussian", files={"file": ("A.png", data)}).json()
    assert curve["statuses"][0] == "not_a_digit"


def test_inside_doubts_what_looks_like_a_digit_and_is_none(client: httpx.Client) -> None:
    """Along the curves, too, a heart is no sure 0."""
    data = cv2.imencode(".png", draw(DOODLES["heart"], np.random.default_rng(0), is_flat=True))[1].tobytes()
    row = post(client, data).json()["rows"][0]
    assert (row["status"], row["digit"]) == ("unsure", 0)
    curve = client.post("/api/stress?kind=rotation", files={"file": ("heart.png", data)}).json()
    assert curve["statuses"][0] == "unsure"


def test_documentation_needs_no_other_host(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "http://" not in page and "https://" not in page
    script = page.split('src="')[1].split('"')[0]
    assert client.get(script).status_code == 200
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/api/predict", "/api/read-number", "/api/feedback", "/api/models", "/api/health"} <= set(paths)
    statuses = set(paths["/api/predict"]["post"]["responses"])
    assert {"200", "400", "401", "403", "404", "408", "413", "421", "422", "503"} == statuses, "each is answered"


# ---------------------------------------------------------------- corrections


def test_feedback_is_kept_counted_exported_and_taken_back(client: httpx.Client, data_dir: Path, examples) -> None:
    file = {"file": ("9.png", examples[9].read_bytes())}
    kept = client.post("/api/feedback", files=file, data={"label": "4"}).json()
    assert kept["count"] == 1 == client.get("/api/feedback").json()["count"]
    (row,) = Corrections(data_dir / "corrections.sqlite").rows()
    assert (row["label"], row["predicted"], row["picture"]) == (4, 9, examples[9].read_bytes())
    with zipfile.ZipFile(io.BytesIO(client.get("/api/feedback/export").content)) as archive:
        assert archive.namelist() == ["4/000001.png", "corrections.csv"]
    assert client.delete("/api/feedback/guessed").status_code == 404
    assert client.delete(f"/api/feedback/{kept['key']}").json() == {"key": None, "count": 0}


def test_feedback_and_explanations_are_of_the_page_asked_for(client: httpx.Client, data_dir: Path, examples) -> None:
    pages, tiff = [Image.open(examples[digit]).convert("L") for digit in (2, 7)], io.BytesIO()
    pages[0].save(tiff, "TIFF", save_all=True, append_images=pages[1:])
    file = {"file": ("two.tiff", tiff.getvalue())}
    kept = client.post("/api/feedback?page=2", files=file, data={"label": "1"}).json()
    (row,) = Corrections(data_dir / "corrections.sqlite").rows()
    assert (row["label"], row["predicted"], row["picture"]) == (1, 7, None), "the other page is not kept with it"
    client.delete(f"/api/feedback/{kept['key']}")
    for path in ("explain", "think", "stress", "kernel"):
        query = {"page": 2, "kind": "blur", "layer": "5", "index": 0}
        answer = client.post(f"/api/{path}", params=query, files=file)
        assert answer.status_code == 200, (path, answer.text)
    assert client.post("/api/explain?page=2", files=file).json()["answer"] == 7


def test_reading_keeps_nothing(client: httpx.Client, data_dir: Path, examples) -> None:
    before = sorted(path.name for path in data_dir.rglob("*"))
    post(client, examples[1].read_bytes(), path="/api/predict?details=steps")
    client.post("/api/explain", files={"file": ("1.png", examples[1].read_bytes())})
    assert sorted(path.name for path in data_dir.rglob("*")) == before


@pytest.mark.parametrize("label", ["10", "-1", "seven", ""])
def test_feedback_needs_a_digit(client: httpx.Client, examples, label: str) -> None:
    answer = client.post("/api/feedback", files={"file": ("9.png", examples[9].read_bytes())}, data={"label": label})
    assert answer.status_code == 422 and is_one_sentence(answer)


# ---------------------------------------------------------------- what strangers bring


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["/api/predict", "/api/read-number", "/api/explain", "/api/stress?kind=blur"])
def test_a_hostile_file_gets_a_sentence_and_costs_little(client: httpx.Client, name: str, path: str) -> None:
    field = "files" if path == "/api/predict" else "file"
    started = time.process_time()  # of this process, which serves too: what else the machine does is not counted
    answer = client.post(path, files={field: ("x.png", HOSTILE[name])})
    assert answer.status_code == 422 and is_one_sentence(answer)
    assert str(ROOT) not in answer.text and "/tmp" not in answer.text
    assert time.process_time() - started < 3
    assert client.get("/api/health").json() == {"status": "ok"}


def unusual(picture: Image.Image) -> dict[str, bytes]:
    """Return a picture of a digit in forms that a careless reader turns black, white, or sideways."""
    rgb, grey = picture.convert("RGB"), np.asarray(picture.convert("L"))
    clear = Image.fromarray(np.dstack([np.zeros((*grey.shape, 3), np.uint8), 255 - grey]))
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "animated": encode(rgb, "GIF", save_all=True, append_images=[Image.new("RGB", rgb.size)]),
        "sixteen bits": encode(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"),
        "transparent": encode(clear, "PNG"),
        "four inks": encode(rgb.convert("CMYK"), "JPEG"),
        "on its side": encode(rgb.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=turned),
    }


@pytest.mark.parametrize("name", ["animated", "sixteen bits", "transparent", "four inks", "on its side"])
def test_an_unusual_file_is_read_all_the_same(client: httpx.Client, examples, name: str) -> None:
    with Image.open(examples[2]) as picture:
        data = unusual(picture)[name]
    (row,) = post(client, data).json()["rows"]
    assert (row["status"], row["digit"]) == ("ok", 2)


def test_a_file_name_is_only_a_label(client: httpx.Client, examples) -> None:
    names = ["../../etc/passwd", "C:\\x\\y.png"]
    files = [("files", (name, examples[1].read_bytes())) for name in names]
    rows = client.post("/api/predict", files=files).json()["rows"]
    assert [row["path"] for row in rows] == ["passwd", "y.png"]


def test_limits(client: httpx.Client, examples) -> None:
    answer = post(client, bytes(2 * 2**20))
    assert answer.status_code == 422 and answer.json()["error"] == "the file is larger than 1 MB; save it smaller"
    answer = post(client, bytes(5 * 2**20))
    assert answer.status_code == 413 and is_one_sentence(answer)
    answer = post(client, *[examples[1].read_bytes()[:100]] * 65)
    assert answer.status_code == 413 and is_one_sentence(answer)


@pytest.mark.parametrize(
    ("path", "status"), [("/api/predict?model=nobody", 404), ("/api/predict?details=all", 422), ("/api/nothing", 404)]
)
def test_wrong_requests_get_json(client: httpx.Client, examples, path: str, status: int) -> None:
    answer = post(client, examples[1].read_bytes(), path=path)
    assert answer.status_code == status and is_one_sentence(answer)


def test_a_model_that_cannot_be_opened_is_as_good_as_unknown(tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    from digits.command import UserError
    from digits.serving.api import create_api
    from digits.serving.readers import Readers

    def open_predictor(_names: list[str]):
        raise UserError("there are no weights")

    client = TestClient(create_api(Readers(["lost"], open_predictor), Corrections(tmp_path / "c")))
    for path in ("/api/predict", "/api/read-number", "/api/think"):
        answer = client.post(path, files={"files" if path == "/api/predict" else "file": b"a picture"})
        assert answer.status_code == 404 and is_one_sentence(answer), path


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/api/predict", "POST"), ("PATCH", "/api/models", "GET"), ("PUT", "/api/feedback", "GET, POST")],
)
def test_another_method_is_told_the_right_one(client: httpx.Client, method: str, path: str, allowed: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed) and is_one_sentence(answer)
    assert answer.json()["error"].startswith(f"{path} takes {allowed.replace(', ', ' or ')}, not {method}")


def test_of_several_pages_one_is_asked_for_as_http_asks(client: httpx.Client) -> None:
    data = encode(drawing(digit=7), "TIFF", save_all=True, append_images=[drawing(digit=3)])
    for path in ("read-number", "feedback", "think"):
        answer = client.post(f"/api/{path}", files={"file": ("x.tif", data)}, data={"label": "7"})
        assert answer.status_code == 422
        assert answer.json()["error"] == "the file has 2 pages; name one of them, ?page=1 to ?page=2"


def test_of_two_files_none_is_silently_lost_where_one_is_read(client: httpx.Client, examples) -> None:
    two = [("file", (f"{digit}.png", examples[digit].read_bytes())) for digit in (3, 7)]
    for path in ("read-number", "feedback", "think", "empty-form"):
        answer = client.post(f"/api/{path}", files=two, data={"label": "7"})
        assert answer.status_code == 422 and answer.json()["error"].startswith("send one file here")


def test_a_request_without_files_is_told_so(client: httpx.Client) -> None:
    answer = client.post("/api/predict")
    assert answer.status_code == 422 and is_one_sentence(answer)


# ---------------------------------------------------------------- the door


def test_other_hosts_and_other_sites_are_refused(client: httpx.Client, examples) -> None:
    assert client.get("/api/health", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = post(client, examples[1].read_bytes(), headers=headers)
        assert answer.status_code == 403 and is_one_sentence(answer)
        assert client.delete("/api/feedback", headers=headers).status_code == 403, "and so is any method that changes"
    assert post(client, examples[1].read_bytes(), headers={"Origin": str(client.base_url)}).status_code == 200


def test_answers_forbid_the_page_to_reach_out(client: httpx.Client) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'self'") and "http:" not in policy


def test_a_body_that_lies_about_its_length_is_cut_off(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        connection.settimeout(20)
        answer = b""
        try:
            for _ in range(200):
                connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            answer = connection.recv(4096)
        except OSError:  # it hung up on us while we were sending
            return
    assert b" 413 " in answer or b" 400 " in answer


def test_a_form_that_grows_too_large_or_stops_is_told_so() -> None:
    """Also where it lies about its length: not that the form was malformed."""
    from digits.serving.guard import Guard

    app = FastAPI()

    @app.post("/form")
    async def form(files: list[UploadFile]) -> None: ...

    async def ask(*parts: bytes) -> tuple[int, dict]:
        left, sent = list(parts), []

        async def receive() -> dict:
            if not left:
                await asyncio.sleep(60)
            return {"type": "http.request", "body": left.pop(0), "more_body": True}

        async def send(message: dict) -> None:
            sent.append(message)

        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"multipart/form-data; boundary=b")]
        scope = {"type": "http", "method": "POST", "path": "/form", "headers": headers, "query_string": b""}
        await Guard(app, ["127.0.0.1"], {}, max_body_bytes=100, stall_s=0.1)(scope, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
    status, told = asyncio.run(ask(head, bytes(100)))
    assert status == 413 and "larger than" in told["error"]
    assert asyncio.run(ask(head)) == (408, {"error": "the request stopped arriving"})


def test_a_length_that_is_no_number_is_refused() -> None:
    async def ask() -> int:
        sent: list[dict] = []

        async def send(message: dict) -> None:
            sent.append(message)

        headers = [(b"host", b"127.0.0.1"), (b"content-length", "²".encode("latin-1"))]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}
        await Guard(lambda *_: None, ["127.0.0.1"], {}, max_body_bytes=100)(scope, lambda: None, send)
        return sent[0]["status"]

    from digits.serving.guard import Guard

    assert asyncio.run(ask()) == 413


def test_stalled_senders_do_not_keep_others_waiting(address: str, client: httpx.Client, examples) -> None:
    host, port = address.removeprefix("http://").split(":")
    head = (
        b"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    stalled = [socket.create_connection((host, int(port))) for _ in range(100)]
    for connection in stalled:
        connection.sendall(head + b"--b\r\n")
    started = time.perf_counter()
    assert post(client, examples[1].read_bytes()).status_code == 200
    assert time.perf_counter() - started < 15, "they are cut off after 20 s: it did not wait for that"
    for connection in stalled:
        connection.close()


def test_more_work_than_fits_is_refused_with_retry_after(examples, predictor, tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    from digits.serving.api import create_api
    from digits.serving.readers import Readers
    from digits.serving.work_queue import Limits

    gate = threading.Event()

    class Slow:
        def predict_found(self, found: list) -> list:
            gate.wait(10)
            return predictor.predict_found(found)

    limits = Limits(n_working=1, n_waiting=2)
    api = create_api(Readers(["slow"], lambda _names: Slow()), Corrections(tmp_path / "c"), limits)

    async def ask_six() -> list[httpx.Response]:
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            part = {"files": ("1.png", examples[1].read_bytes())}
            asked = [asyncio.create_task(client.post("/api/predict", files=part)) for _ in range(6)]
            while sum(task.done() for task in asked) < 3:
                await asyncio.sleep(0.01)
            gate.set()
            return await asyncio.gather(*asked)

    assert TestClient(api).get("/openapi.json").status_code == 200
    answers = asyncio.run(ask_six())
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 503, 503, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["retry-after"] == "1" and is_one_sentence(refused)


def test_what_a_person_waits_for_goes_before_other_work_but_locks_nobody_out() -> None:
    from digits.serving.work_queue import Limits, WorkQueue

    order: list[str] = []

    def work(name: str, seconds: float) -> None:
        time.sleep(seconds)
        order.append(name)

    async def main() -> None:
        queue = WorkQueue(Limits(n_working=1))
        others = [asyncio.create_task(queue.run(work, "other", 0.1)) for _ in range(3)]
        await asyncio.sleep(0.05)
        await queue.run(work, "urgent", 0.1, urgent=True)
        assert order == ["other", "urgent"], "one was running, and no other was begun"
        endless = asyncio.create_task(queue.run(work, "endless", 2 * WorkQueue.PATIENCE_S, urgent=True))
        await asyncio.gather(*others)
        assert "endless" not in order, "it may hold others back only for a moment"
        await endless

    asyncio.run(main())


# ---------------------------------------------------------------- gradio's own client


def test_gradios_client_reads_uploads_and_nothing_else(address: str, data_dir: Path, predictor, examples) -> None:
    from gradio_client import Client, handle_file

    client = Client(address, analytics_enabled=False, verbose=False)
    told = client.predict(handle_file(examples[2]), api_name="/predict")
    assert {"path": "", **told} == predictor.predict(examples[2]).row()
    assert client.predict(handle_file(examples[2]), api_name="/read_number")["text"] == "2"
    for path in ("/etc/passwd", str(examples[2]), "http://127.0.0.1/2.png"):
        data = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
        for name in ("predict", "read_number"):
            answer = httpx.post(f"{address}/gradio_api/run/{name}", json={"data": data})
            assert answer.status_code >= 400 and path not in answer.text
            bare = httpx.post(f"{address}/gradio_api/run/{name}", json={"data": [{"path": path}]}).json()["data"][0]
            assert bare["error"] == "the file is empty", "no path but an upload's is opened"
        assert httpx.get(f"{address}/gradio_api/file={path}").status_code in (403, 404)
    assert not list(data_dir.rglob("passwd")), "nothing was copied"


# ---------------------------------------------------------------- MCP


def call(address: str, tool: str, **arguments) -> tuple[bool, object]:
    """Return (is it an error, what the tool said), through MCP's own client."""
    from mcp import Client

    async def ask() -> tuple[bool, object]:
        async with Client(f"{address}/mcp") as session:
            result = await session.call_tool(tool, arguments)
            text = result.content[0].text
            return bool(result.is_error), text if result.is_error else json.loads(text)

    return asyncio.run(ask())


def test_mcp_lists_described_tools(address: str) -> None:
    from mcp import Client

    async def ask() -> list:
        async with Client(f"{address}/mcp") as session:
            return (await session.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(ask())}
    assert set(tools) == {"predict_digit", "read_number", "classify_folder"}
    assert all(len(tool.description) > 60 for tool in tools.values())


def test_mcp_reads_a_digit_and_a_number(address: str, predictor, examples) -> None:
    image = base64.b64encode(examples[7].read_bytes()).decode()
    row = predictor.predict(examples[7]).row()
    assert call(address, "predict_digit", image=image) == (False, row | {"reason": ""})
    blank = base64.b64encode(cv2.imencode(".png", np.full((60, 60), 255, np.uint8))[1]).decode()
    assert call(address, "predict_digit", image=blank)[1]["reason"] == "nothing is written here"
    failed, told = call(address, "read_number", image="data:image/png;base64," + image)
    assert not failed and told["text"] == "7"


@pytest.mark.parametrize("image", ["/etc/passwd", "http://127.0.0.1/x.png", "file:///etc/passwd", "", "aGVsbG8="])
def test_mcp_follows_no_path_and_no_link(address: str, image: str) -> None:
    failed, told = call(address, "predict_digit", image=image)
    assert failed and len(told) < 200 and "Traceback" not in told


def test_mcp_reads_folders_only_below_the_one_named(address: str) -> None:
    failed, told = call(address, "classify_folder")
    assert not failed and told["n_files"] == 3
    digits = {row["path"]: row["digit"] for row in told["rows"]}
    assert digits == {"a.png": 1, "bad.png": None, "inner/b.png": 2}
    assert call(address, "classify_folder", limit=1)[1]["statuses"] == {"ok": 1}
    for path in ("..", "/etc", "inner/../../", "link.png"):
        failed, told = call(address, "classify_folder", folder_path=path)
        assert failed and "below" in told


def test_sheets_lay_pictures_side_by_side() -> None:
    from digits.serving.images import to_sheet

    sheet = to_sheet(np.arange(3, dtype=np.uint8).reshape(3, 1, 1).repeat(2, 1).repeat(2, 2), columns=2)
    assert sheet.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 0, 0], [2, 2, 0, 0]]
