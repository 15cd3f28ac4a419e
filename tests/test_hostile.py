"""Hostile and odd pictures through every door: a row each, in order, with a sentence; no crash, no hang, no leak.

python -m pytest tests/test_hostile.py                 # a share of the files
python -m pytest tests/test_hostile.py -m soak         # all of them, with other seeds, and on Ray
"""

from __future__ import annotations

import csv
import html.parser
import io
import json
import os
import random
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
import pandas
import pytest

from digits.batch.report_rows import printable
from digits.batch.sources import find_entries
from digits.files import ASSETS_DIR, ROOT
from digits.finding.limits import MAX_SCANS, PictureError
from digits.reading.verdict import STATUSES
from tests.hostile import (
    DANGER,
    EITHER,
    READ,
    REFUSED,
    Hostile,
    add_special,
    all_files,
    drawing,
    encode,
    make_hostile,
    wanted,
)  # fmt: skip

# Runs the batch as the command line does, and then tells how much memory it took at most, in KB.
BATCH = """
import sys, batch_processor
status = batch_processor.main(sys.argv[1:])
peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))  # getrusage's is the parent's
print(peak.split()[1])
sys.exit(status)
"""
MEMORY_MB = 700  # a picture of the limit takes 64 to 256; without the limit the giants here would take gigabytes
SHARE = 5  # of the files, one in so many is enough for the everyday tests


def batch(*arguments: str | Path, timeout: float = 180) -> subprocess.CompletedProcess:
    """Run batch_processor.py in a process of its own; standard input is empty."""
    return subprocess.run(
        [sys.executable, "-c", BATCH, *map(str, arguments)], cwd=ROOT, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, encoding="utf-8", errors="surrogateescape", timeout=timeout,
    )  # fmt: skip


def read_reports(output: Path) -> tuple[list[dict], list[dict], str]:
    """Return the rows of the CSV as pandas reads them, those of the JSON, and the HTML."""
    (table,), (record,), (page,) = ([*(output / "reports").glob(f"*.{kind}")] for kind in ("csv", "json", "html"))
    rows = pandas.read_csv(table, keep_default_na=False, dtype=str).to_dict("records")
    return rows, json.loads(record.read_text("utf-8"))["rows"], page.read_text("utf-8")


def armed(cell: str) -> str:
    """Return what a cell of the CSV stands for: without the apostrophe that keeps a spreadsheet from running it."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'")[:1] in tuple(DANGER) else cell


def check_rows(rows: Sequence[dict], names: Sequence[str]) -> None:
    """A row for every name, in order, with a status we know, and a sentence that gives nothing away."""
    assert [row["path"] for row in rows] == list(names)
    for row in rows:
        assert row["status"] in STATUSES
        assert (row["status"] == "error") == bool(row["error"])
        check_sentence(row["error"] or "")


def check_sentence(sentence: str) -> None:
    assert "\n" not in sentence and len(sentence) < 250 and sentence.isprintable()
    assert "unexpectedly" not in sentence and "Traceback" not in sentence
    assert str(ROOT) not in sentence and "/" not in sentence.replace("N/A", ""), sentence


def check_fates(rows: Sequence[dict], files: Sequence[Hostile]) -> None:
    for row, file in zip(rows, files, strict=True):
        if file.fate != EITHER:
            assert (row["status"] == "error") == (file.fate == REFUSED), (file.name, row["error"])


def check_csv(path: Path) -> None:
    """No cell that a spreadsheet would run."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert not row["path"].startswith(tuple(DANGER)) and not row["error"].startswith(tuple(DANGER))


class Elements(html.parser.HTMLParser):
    """Collects the elements of a page, with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _value in attributes]))


def check_html(page: str) -> None:
    """The page has the template's elements and no other, and its data is whole."""
    template = (ASSETS_DIR / "report.html").read_text("utf-8")
    assert Elements(page).found == Elements(template).found
    start = page.index('id="data">') + len('id="data">')
    assert json.loads(page[start : page.index("</script>", start)])["rows"]


def check_batch(folder: Path, output: Path, names: list[str], files: list[Hostile] | None = None, *more: str) -> list:
    """Read `folder`, whose pictures are `names`, from the command line; check the reports; return the JSON rows."""
    done = batch(folder, "--output-dir", output, "--format", "csv", "json", "html", *more, timeout=900)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr[-2000:]
    assert int(done.stdout.splitlines()[-1]) < MEMORY_MB * 1024
    table, rows, page = read_reports(output)
    paths = [printable(os.path.join(folder, name)) for name in names]
    check_rows(rows, paths)
    assert [(armed(row["path"]), row["status"]) for row in table] == [(row["path"], row["status"]) for row in rows]
    if files:
        check_fates(rows, files)
    check_csv(next((output / "reports").glob("*.csv")))
    check_html(page)
    return rows


# ---------------------------------------------------------------- every day


def test_there_are_enough_and_a_seed_makes_the_same(tmp_path: Path) -> None:
    files = make_hostile(tmp_path, seed=3)
    assert len(files) >= 500 and len({file.kind for file in files}) >= 9
    assert {file.name: file.data for file in files} == {file.name: file.data for file in all_files(3)}
    all_files.cache_clear()
    assert all_files(3) != all_files(4)
    assert {file.name: file.data for file in files} == {file.name: file.data for file in all_files(3)}


def look_at(predictor, files: Sequence[Hostile]) -> None:
    """Read each as a digit and as a number; nothing but a `PictureError` may come of it."""
    for file in files:
        started = time.process_time()
        try:
            prediction = predictor.predict(file.data)
            predictor.read_number(file.data)
        except PictureError as error:
            assert file.fate != READ, (file.name, str(error))
            check_sentence(str(error))
        else:
            assert file.fate != REFUSED, file.name
            assert prediction.status in STATUSES and abs(prediction.probs.sum() - 1) < 1e-3
        assert time.process_time() - started < 10, f"{file.name} holds a worker"


def test_the_predictor(predictor) -> None:
    look_at(predictor, all_files(0)[::SHARE])


def test_a_folder_on_the_command_line(tmp_path: Path) -> None:
    files = wanted(make_hostile(tmp_path / "in", every=SHARE))
    check_batch(tmp_path / "in", tmp_path / "out", [file.name for file in files], files)


def test_links_pipes_devices_and_folders_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    told = add_special(tmp_path / "in")
    rows = check_batch(tmp_path / "in", tmp_path / "out", sorted(told))
    for row, name in zip(rows, sorted(told), strict=True):
        assert told[name] in (row["error"] or ""), name


def test_names_are_read_back(tmp_path: Path, monkeypatch) -> None:
    """Relative paths, so that a name is the whole cell; sorting copies every one of them."""
    files = [file for file in make_hostile(tmp_path / "in") if file.kind == "name"]
    names = [file.name for file in files]
    listing = tmp_path / "in" / "list.csv"
    with listing.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        csv.writer(file).writerows([["path"], *([name] for name in names)])
    from batch_processor import BatchProcessor
    from digits.batch.sorting import sort_into

    monkeypatch.chdir(tmp_path / "in")
    processor = BatchProcessor(output_dir=tmp_path / "out")
    rows = processor.process(["list.csv"])
    assert [row["path"] for row in rows] == [printable(name) for name in names]
    assert {row["status"] for row in rows} == {"ok"}
    table = pandas.read_csv(processor.save_results_csv(), keep_default_na=False, dtype=str)
    assert [armed(cell) for cell in table["path"]] == [printable(name) for name in names]
    check_csv(processor.save_results_csv())
    assert sort_into(processor.journal, tmp_path / "sorted") == len(names)
    assert sort_into(processor.journal, tmp_path / "sorted") == len(names), "names that are taken get a number"


def test_what_vanishes_and_grows_while_it_is_read(tmp_path: Path) -> None:
    from batch_processor import BatchProcessor

    data = encode(drawing(), "PNG")
    paths = [tmp_path / f"{n:04d}.png" for n in range(300)]
    for path in paths:
        path.write_bytes(data)
    (tmp_path / "list.txt").write_text("\n".join(map(str, paths)))
    stop = threading.Event()

    def disturb() -> None:
        for n, path in enumerate(reversed(paths)):
            if n % 3 == 0:
                path.unlink()
            elif n % 3 == 1:
                with path.open("ab") as file:
                    file.write(bytes(100_000))
            else:
                path.write_bytes(data[: len(data) // 2])
            if stop.wait(0.001):
                return

    processor = BatchProcessor(output_dir=tmp_path / "out", workers=2)
    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        rows = processor.process([tmp_path / "list.txt"])
    finally:
        stop.set()
        disturber.join()
    check_rows(rows, list(map(str, paths)))
    assert rows[0]["status"] == "ok" and {row["status"] for row in rows} == {"ok", "error"}


def test_folders_deeper_than_calls(tmp_path: Path, monkeypatch) -> None:
    data = encode(drawing(), "PNG")
    monkeypatch.chdir(tmp_path)
    for _ in range(1_200):
        os.mkdir("d")
        os.chdir("d")
    Path("deep.png").write_bytes(data)
    os.chdir(tmp_path)
    try:
        (entry,) = find_entries([tmp_path / "d"])
        assert entry.name.endswith("/d/deep.png") and entry.read() == data
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # pytest's own clearing up is a recursion


def test_links_in_a_circle_under_two_stars(tmp_path: Path) -> None:
    """Two links to the folder they lie in: glob alone would go through 2 to the power of 40 folders."""
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "sub" / "deep" / "x.png").write_bytes(b"x")
    for name in ("one", "two"):
        os.symlink(".", tmp_path / "sub" / name)
    for pattern in ("**/*.png", "**", "sub/**/x.png", "**/deep/*"):
        assert [entry.name for entry in find_entries([f"{tmp_path}/{pattern}"])] == [f"{tmp_path}/sub/deep/x.png"]


def test_damaged_archives(tmp_path: Path) -> None:
    """Five hundred archives with a few bits flipped: one sentence, or a row's sentence for each member."""
    chance, whole = random.Random(0), io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.png", "sub/\u00e9.png", "x" * 300 + ".png"):
            archive.writestr(name, encode(drawing(), "PNG"))
    n_opened = 0
    for n in range(500):
        path = tmp_path / f"{n}.zip"
        data = bytearray(whole.getvalue())
        start = chance.choice([0, data.index(b"PK\x01\x02")])  # everywhere, or in the list of members
        for _ in range(chance.choice([1, 3])):
            data[chance.randrange(start, len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data[: chance.randrange(1, len(data))] if n % 10 == 0 else data)
        entries = list(find_entries([path]))
        n_opened += entries[0].fault is None
        for entry in entries:
            try:
                entry.picture()
            except PictureError as error:
                check_sentence(str(error))
    assert 100 < n_opened < 500


def test_members_with_names_no_file_can_have(tmp_path: Path) -> None:
    from batch_processor import BatchProcessor
    from digits.batch.sorting import sort_into

    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        long = ["x" * 300 + ".png", "x" * 300 + "y.png", "\u00e9" * 200 + ".png"]
        for name in [*long, "../../up.png", "/root.png", "a\\b.png", "=1.png"]:
            archive.writestr(name, encode(drawing(), "PNG"))
    processor = BatchProcessor(output_dir=tmp_path / "out")
    rows = processor.process([tmp_path / "in.zip"])
    assert [row["status"] for row in rows] == ["ok"] * 7
    assert sort_into(processor.journal, tmp_path / "sorted") == 7
    assert len(list((tmp_path / "sorted" / "7").iterdir())) == 7 and not list(tmp_path.glob("*.png"))


def test_a_file_that_never_ends_is_left_at_the_limit(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("digits.finding.decode.MAX_BYTES", 2**20)
    path = tmp_path / "growing.png"
    path.write_bytes(encode(drawing(), "PNG"))
    stop = threading.Event()

    def grow() -> None:
        with path.open("ab") as file:
            while not stop.is_set():
                file.write(bytes(2**16))

    grower = threading.Thread(target=grow)
    grower.start()
    try:
        from digits.finding.decode import open_picture

        time.sleep(0.2)
        with pytest.raises(PictureError, match="larger than"):
            open_picture(path)
    finally:
        stop.set()
        grower.join()


def test_scans_are_counted_in_the_picture_alone(examples) -> None:
    """Bytes that look like scans in a note or after the end, as motion photos have, do no harm."""
    from digits.finding.decode import open_picture

    data = encode(drawing(), "JPEG", progressive=True)
    note = b"\xff\xfe" + (2 + 300).to_bytes(2, "big") + b"\xff\xda" * 150
    whole = data[:2] + note + data[2:] + b"\xff\xda" * 2 * MAX_SCANS
    assert open_picture(whole).shape == open_picture(data).shape


def test_dust_is_no_page_of_numbers(predictor) -> None:
    """A thousand specks once made four hundred lines, each of them searched for digits."""
    dust = np.where(np.random.default_rng(0).random((1024, 1024)) > 0.001, 255, 0).astype(np.uint8)
    started = time.process_time()
    assert predictor.read_number(dust).text == ""
    assert time.process_time() - started < 5


def ask(address: str, files: Sequence[Hostile], details: str = "steps") -> None:
    """Send files as the page's upload and batch tabs do, a few at a time; check the rows."""
    with httpx.Client(base_url=address, timeout=120) as client:
        for start in range(0, len(files), 16):
            some = files[start : start + 16]
            sent = [("files", (file.name.encode("utf-8", "replace").decode(), file.data)) for file in some]
            answer = client.post(f"/api/predict?details={details}", files=sent)
            assert answer.status_code == 200, answer.text
            rows = answer.json()["rows"]
            assert len(rows) == len(some)
            check_rows(rows, [row["path"] for row in rows])
            check_fates(rows, some)
        for file in files[::8]:
            answer = client.post("/api/read-number?details=steps", files={"file": ("x.png", file.data)})
            assert answer.status_code in (200, 422) and (answer.status_code == 200 or file.fate != READ), file.name
            if answer.status_code == 422:
                check_sentence(answer.json()["error"])


def ask_gradio(address: str, files: Sequence[Hostile], folder: Path) -> None:
    """Send files as gradio's own client does: upload, then read."""
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False)
    for n, file in enumerate(files):
        path = folder / f"{n}{os.path.splitext(file.name)[1]}"
        path.write_bytes(file.data)
        row = client.predict(handle_file(str(path)), api_name="/predict")
        assert row["status"] in STATUSES and str(folder) not in json.dumps(row)
        if file.fate != EITHER:
            assert (row["status"] == "error") == (file.fate == REFUSED), file.name


def test_the_server(address: str, tmp_path: Path) -> None:
    ask(address, all_files(0)[::SHARE])
    ask_gradio(address, all_files(0)[:: SHARE * 10], tmp_path)


@pytest.mark.parametrize("name", [
    b"\xff\xfe.png", b"a\tb.png", b"../../x.png", b"C:\\x\\y.png", b"n" * 5_000, b"\xe2\x80\xae.png",
])  # fmt: skip
def test_names_in_an_upload(address: str, examples, name: bytes) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="' + name + b'"\r\n\r\n'
    body = head + examples[7].read_bytes() + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = httpx.post(f"{address}/api/predict", content=body, headers=headers)
    assert answer.status_code in (200, 400, 422)
    if answer.status_code == 200:
        (row,) = answer.json()["rows"]
        assert row["digit"] == 7 and len(row["path"]) <= 255 and "/" not in row["path"] and "\\" not in row["path"]


def test_a_report_of_rows_opens_nothing(address: str, examples) -> None:
    """Names in a request are a visitor's: no picture of the server's is shown, no path of it told."""
    for path in (str(examples[7]), "x.png", "http://127.0.0.1:1/x.png", "<script>alert(1)</script>.png"):
        row = {"path": path, "status": "ok", "digit": 7, "confidence": 0.9}
        page = httpx.post(f"{address}/api/report?kind=html", json=[row]).text
        assert "data:image" not in page.partition('id="data">')[2] and '"file": null' in page
        assert str(ROOT) not in page.replace(str(examples[7]), "")
        check_html(page)


@pytest.mark.parametrize("rows", [
    '[{"path": "\\ud800", "status": "ok"}]', '[{"path": "a", "status": "ok", "digit": 99, "label": 3}]',
    '[{"path": "a", "status": "ok", "digit": 123456789012345678901}]',
    '[{"path": "a", "status": "ok", "confidence": NaN}]', '[{"path": "a", "status": "ok", "p0": 1e999}]',
    '[{"path": "a", "status": "weird"}]', "[[]]", "{", "",
])  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "json", "html"])
def test_rows_that_are_none(address: str, rows: str, kind: str) -> None:
    answer = httpx.post(f"{address}/api/report?kind={kind}", content=rows, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422 and answer.json()["error"]


def test_names_on_the_terminal(tmp_path: Path, examples) -> None:
    """One line a file, whatever its name does to terminals."""
    names = ["a\nb.png", "\x1b[31mred.png", "\u202egnp.exe.png", os.fsdecode(b"\xff.png"), "plain.png"]
    for name in names:
        (tmp_path / name).write_bytes(examples[7].read_bytes())
    for more in ([], ["--number"]):
        command = [sys.executable, ROOT / "predict.py", *names, *more]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and not done.stderr, done.stderr
        assert len(done.stdout.splitlines()) == len(names) and "\x1b" not in done.stdout


# ---------------------------------------------------------------- when there is time


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 4))
def test_all_by_the_predictor(seed: int, predictor) -> None:
    look_at(predictor, all_files(seed))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("more", [(), ("--number",)])
def test_all_on_the_command_line(seed: int, more: tuple, tmp_path: Path) -> None:
    files = wanted(make_hostile(tmp_path / "in", seed))
    names = sorted([file.name for file in files] + list(add_special(tmp_path / "in")))
    check_batch(tmp_path / "in", tmp_path / "out", names, None, *more)


@pytest.mark.soak
@pytest.mark.ray
def test_all_on_ray(tmp_path: Path) -> None:
    files = wanted(make_hostile(tmp_path / "in", seed=1))
    names = sorted([file.name for file in files] + list(add_special(tmp_path / "in")))
    local = check_batch(tmp_path / "in", tmp_path / "local", names)
    far = check_batch(tmp_path / "in", tmp_path / "ray", names, None, "--engine", "ray", "--workers", "2")
    assert [(row["path"], row["status"], row["digit"], row["error"]) for row in far] == [
        (row["path"], row["status"], row["digit"], row["error"]) for row in local
    ]


@pytest.mark.soak
def test_all_by_the_server(address: str, tmp_path: Path) -> None:
    for seed in (1, 2):
        ask(address, all_files(seed))
    ask_gradio(address, all_files(1)[::3], tmp_path)


@pytest.mark.soak
def test_a_picture_of_the_limit_stays_within_memory(tmp_path: Path) -> None:
    """8,000 x 8,000 pixels are allowed, in whatever samples; one at a time they take a bounded multiple of that."""
    from PIL import Image

    options = {"PNG": {}, "TIFF": {"compression": "tiff_lzw"}}
    for name, mode, kind in [("l.png", "L", "PNG"), ("rgba.png", "RGBA", "PNG"), ("f.tif", "F", "TIFF")]:
        (tmp_path / name).write_bytes(encode(Image.new(mode, (8_000, 8_000)), kind, **options[kind]))
        done = batch(tmp_path / name, "--output-dir", tmp_path / "out", "--workers", "1", timeout=300)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout.splitlines()[-1]) < 2_000 * 1024, name


@pytest.mark.soak
@pytest.mark.browser
def test_no_name_comes_alive_in_the_report(tmp_path: Path, chromium) -> None:
    files = [file for file in wanted(make_hostile(tmp_path / "in")) if file.kind == "name"]
    done = batch(tmp_path / "in", "--output-dir", tmp_path / "out", "--format", "html")
    assert done.returncode in (0, 1)
    page, said = chromium.new_page(), []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(next((tmp_path / "out" / "reports").glob("*.html")).as_uri())
    page.wait_for_selector("#table tbody tr")
    while page.locator(".more").is_visible():
        page.click(".more")
    shown = page.eval_on_selector_all("#table td.name", "cells => cells.map(cell => cell.firstChild.textContent)")
    names = (printable(str(tmp_path / "in" / file.name)) for file in files)
    assert {name.replace("\r\n", "\n").replace("\r", "\n") for name in names} <= set(shown), "HTML has one line break"
    assert page.locator("#table :is(script, [onerror], [onmouseover])").count() == 0 and said == []
    page.close()
