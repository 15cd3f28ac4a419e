"""What a batch writes: the same rows in every format, safe to open, and the truth held against them."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import batch_processor
from batch_processor import BatchProcessor
from digits.batch.journal import SHOWN, Journal
from digits.batch.labels import Labels, add_truth
from digits.batch.review import REPORT_SCRIPTS
from digits.batch.sorting import sort_into
from digits.batch.summary import summarise, summary_text
from digits.batch.writers import WRITERS, write_report
from digits.command import UserError
from digits.files import ROOT
from digits.learning.datasets import data_dir
from digits.measuring.metrics import wilson_interval

EVIL = "=cmd|'/c calc'!A1</script><script>alert(1)</script>.png"
ROW = dict.fromkeys(SHOWN) | {"cut": None, "stamp": ""}


def journal_of(tmp_path: Path, rows: list[dict], **facts) -> Journal:
    facts = {"run": "test", "sources": ["x"], "model": ["mnistnet"], "weights": ""} | facts
    journal = Journal(tmp_path / "test.journal", facts)
    journal.add(ROW | {"position": position} | row for position, row in enumerate(rows))
    return journal


def ok(path: str, digit: int, confidence: float = 0.9, **more) -> dict:
    return {"path": path, "status": "ok", "digit": digit, "confidence": confidence, "runner_up": 1, **more}


@pytest.fixture
def truth(tmp_path: Path, examples: dict[int, Path]) -> Path:
    """The ten drawings in folders by digit; the 9 lies in the folder 4, so it counts as wrong."""
    for digit, path in examples.items():
        folder = tmp_path / "truth" / str(4 if digit == 9 else digit)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / f"drawing{digit}.png")
    (tmp_path / "truth" / "5" / "broken.png").write_text("no picture")
    return tmp_path / "truth"


def test_all_formats_hold_the_same_rows(truth, tmp_path):
    processor = BatchProcessor(output_dir=tmp_path)
    rows = processor.process([truth], labels=Labels())
    tables = [pd.read_csv(processor.save("csv")), pd.read_parquet(processor.save("parquet"))]
    tables.append(pd.DataFrame(json.loads(processor.save("json").read_text())["rows"]))
    for table in tables:
        assert list(table.columns) == list(rows[0])
        assert table["path"].tolist() == [row["path"] for row in rows]
        for name in ("digit", "p7", "correct"):
            expected = pd.Series([row[name] for row in rows], dtype="float64")
            pd.testing.assert_series_equal(table[name].astype("float64"), expected, check_names=False, atol=1e-6)


def test_accuracy_from_folders(truth, tmp_path, capsys):
    processor = BatchProcessor(output_dir=tmp_path)
    summary = processor.run([truth], labels=Labels())
    accuracy = summary["accuracy"]
    assert (accuracy["n"], accuracy["n_right"]) == (11, 9), "a picture that cannot be read is not right"
    low, high = wilson_interval(9, 11)
    assert (accuracy["low"], accuracy["high"]) == pytest.approx((low, high), abs=1e-6)
    assert accuracy["confusion"][4][9] == 1 and accuracy["confusion"][5][10] == 1
    assert accuracy["per_class"]["4"]["share"] == 0.5 and accuracy["per_class"]["9"]["share"] is None
    processor.print_summary()
    assert "81.82%" in capsys.readouterr().out


def test_labels_from_a_file(truth, tmp_path):
    table = tmp_path / "truth" / "labels.csv"
    table.write_text("file,label\n0/drawing0.png,0\ndrawing1.png,7\n9/drawing9.png,9\n2/drawing2.png,-\n")
    labels = Labels(table)
    rows = BatchProcessor(output_dir=tmp_path).process([truth], labels=labels)
    found = {Path(row["path"]).name: (row["label"], row["correct"]) for row in rows}
    assert found["drawing0.png"] == ("0", 1), "relative to the file's folder"
    assert found["drawing1.png"] == ("7", 0), "by its bare name"
    assert found["drawing2.png"] == ("-", 0), "no digit, but one was given"
    assert found["drawing3.png"] == (None, None)
    table.write_text("file,label\nx.png,3\ny/x.png,4\n")
    assert Labels(table).of("z/x.png") is None, "two of that name"
    for text in ("file,label\na.png,12\n", "name;truth\n", "who;truth\na.png;1\n", ""):
        table.write_text(text)
        with pytest.raises(UserError):
            Labels(table)
    assert Labels(number=True).of("2/a.png") == "2"


@pytest.mark.parametrize("data", [
    b"\xef\xbb\xbffile;label\r\nsub\\a.png;7\r\n", "Filename\tClass\nsub/a.png\t7\n".encode("utf-16"),
    b"sep=;\nimage;digit\na;7.0\n",
    b"a.png,7\nb.png,-\n", b"name,truth\nC:\\Users\\ann\\a.png,7\n",
    "path,value,who\na.png,7,J\u00fcrgen\n".encode("cp1252"),
    "file,label\na.png,7\n".encode("utf-16-le"), "xlsx",
])  # fmt: skip
def test_labels_as_people_save_them(data, tmp_path):
    table = tmp_path / ("labels.xlsx" if data == "xlsx" else "labels.csv")
    if data == "xlsx":
        import openpyxl

        book = openpyxl.Workbook()
        for row in (["File", "Label"], ["a", 7.0], [None, None]):
            book.active.append(row)
        book.save(table)
    else:
        table.write_bytes(data)
    assert Labels(table).of("scans/sub/a.png") == "7"
    assert Labels(table).of("scans/sub/other.png") is None


def test_labels_of_pages_and_of_names_with_umlauts(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("file,label\nx.pdf,7\nx.pdf#2,3\nPru\u0308fung.png,4\nf.tif,-348\n", "utf-8")
    labels = Labels(table, number=True)
    assert [labels.of(name) for name in ("s/x.pdf#1", "s/x.pdf#2", "Pr\u00fcfung.png", "f.tif")] == [
        "7",
        "3",
        "4",
        "-348",
    ]


def test_labels_that_match_nothing_are_an_error_and_some_are_told(truth, tmp_path, capsys):
    table = tmp_path / "labels.csv"
    table.write_text("file,label\nscan1,0\nscan2,1\n")
    processor = BatchProcessor(output_dir=tmp_path)
    with pytest.raises(UserError, match=r"no label for any of the files: it names scan1, scan2; the files are .*0.png"):
        processor.run([truth], labels=Labels(table))
    assert not list(tmp_path.glob("reports/*")), "before the work"
    table.write_text("file,label\ndrawing0,0\n")
    labels = Labels(table)
    for _again in range(2):
        processor.run([truth], labels=labels)
        processor.print_summary()
        assert f"labels: 1 of {processor.summary['n_rows']} files have one in" in capsys.readouterr().out


def test_a_table_that_says_two_things_or_nothing_says_so(truth, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("file,label\na.png,3\nb.png,4\n./a.png,5\n")
    with pytest.raises(UserError, match="gives './a.png' two labels, 3 and 5; keep the one that is true"):
        Labels(table)
    table.write_text("file,label\na.png,\nb.png, \n")
    with pytest.raises(UserError, match="has no label at all: its column is empty"):
        Labels(table)
    table.write_text("file,label\ndrawing0,0\ndrawing0,0\ndrawing1,\n")
    labels, processor = Labels(table), BatchProcessor(output_dir=tmp_path)
    assert ", which names 3, 1 of them without a label; none of" in processor.run([truth], labels=labels)["labels"]


@pytest.mark.parametrize("name", ["7_labels_semicolon.csv", "labels.xlsx"])
def test_the_cases_of_labels(name):
    case = data_dir() / "cases" / name
    if not case.exists():
        pytest.skip("the cases are not there")
    labels = Labels(case)
    first = labels.names[0]
    assert labels.of(first) in set("0123456789")


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path, monkeypatch):
    journal = journal_of(tmp_path, [ok("a.png", 3)])
    paths = [write_report(journal, {}, "csv", tmp_path / "report") for _ in range(3)]
    assert [path.name for path in paths] == ["report.csv", "report-2.csv", "report-3.csv"]
    monkeypatch.setattr(journal, "select", lambda _query: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(journal, {}, "csv", tmp_path / "other")
    left = {path.name for path in tmp_path.iterdir() if not path.name.startswith("test.journal")}
    assert left == {path.name for path in paths}


def test_a_spreadsheet_runs_nothing(tmp_path):
    journal = journal_of(tmp_path, [ok(EVIL, 3), ok("-1+1.png", 4), ok('say "hi", 2\n.png', 5)])
    with write_report(journal, {}, "csv", tmp_path / "report").open(newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    assert paths == ["'" + EVIL, "'-1+1.png", 'say "hi", 2\n.png']


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_spreadsheet_runs_no_name_of_a_field(kind, tmp_path):
    row = {"path": "a.png", "status": "ok", "fields": json.dumps({"=1+1": {"text": "7", "status": "ok"}})}
    report = write_report(journal_of(tmp_path, [row], fields=["=1+1"]), {}, kind, tmp_path / "report")
    if kind == "csv":
        assert report.read_text().splitlines() == ["path,status,'=1+1,'=1+1_status,reason,error", "a.png,ok,7,ok,,"]
        return
    import openpyxl

    titles, values = openpyxl.load_workbook(report).active.iter_rows()
    assert [(cell.value, cell.data_type) for cell in titles[2:4]] == [("=1+1", "s"), ("=1+1_status", "s")]
    assert values[2].value == "7"


def test_summary_counts(tmp_path):
    rows = [ok("a", 3, 0.5), ok("b", 3, 1.0), ok("c", 8, 0.75), {"path": "d", "status": "blank", "confidence": 0.1}]
    summary = summarise(journal_of(tmp_path, rows))
    assert summary["n_rows"] == 4 and summary["statuses"] == {
        "ok": 3, "unsure": 0, "blank": 1, "not_a_digit": 0, "error": 0
    }  # fmt: skip
    assert summary["digits"]["3"] == 2 and sum(summary["digits"].values()) == 3
    assert summary["confidence_quantiles"]["0.5"] == 0.75, "of the digits alone"
    assert summary_text(summary).startswith("4 pictures: 3 ok, 1 blank")
    assert summary_text(summary | {"n_rows": 1}).startswith("1 picture: ")


def test_sorting_copies_every_picture(truth, tmp_path):
    (truth / "0" / "drawing1.png").write_bytes((truth / "1" / "drawing1.png").read_bytes())
    processor = BatchProcessor(output_dir=tmp_path)
    processor.run([truth])
    assert sort_into(processor.journal, tmp_path / "sorted") == 12
    found = sorted(str(path.relative_to(tmp_path / "sorted")) for path in (tmp_path / "sorted").rglob("*.png"))
    assert found[:3] == ["0/drawing0.png", "1/drawing1-2.png", "1/drawing1.png"] and "error/broken.png" in found
    assert (tmp_path / "sorted/7/drawing7.png").read_bytes() == (truth / "7/drawing7.png").read_bytes()


def test_sorting_again_finds_the_copies_it_made(truth, tmp_path):
    (truth / "0" / "drawing1.png").write_bytes((truth / "1" / "drawing1.png").read_bytes())
    processor, folder = BatchProcessor(output_dir=tmp_path), tmp_path / "sorted"
    processor.run([truth])
    (folder / "7").mkdir(parents=True)
    (folder / "7" / "drawing7.png").write_bytes(b"somebody's own")
    counts = [sort_into(processor.journal, folder) for _ in range(2)]
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    assert counts == [12, 12] and len(names) == 13, "the second run added nothing"
    assert {"1/drawing1.png", "1/drawing1-2.png", "7/drawing7-2.png"} <= set(names)
    assert (folder / "7" / "drawing7.png").read_bytes() == b"somebody's own"
    (folder / "1" / "drawing1.png").unlink()  # as if killed before
    sort_into(processor.journal, folder)
    assert len(list(folder.rglob("*.png"))) == 13


def test_numbers(tmp_path, examples, capsys):
    status = batch_processor.main([str(examples[5]), "--number", "--output-dir", str(tmp_path)])
    report = Path(capsys.readouterr().out.splitlines()[-1])
    (row,) = csv.DictReader(report.open(newline=""))
    assert status == 0 and row["text"] == "5" and json.loads(row["digits"])[0]["digit"] == 5
    (row,) = json.loads(report.with_suffix(".json").read_text())["rows"]
    assert row["lines"] == ["5"] and row["digits"][0]["digit"] == 5


def test_threshold_makes_unsure(tmp_path, examples):
    (row,) = BatchProcessor(output_dir=tmp_path, threshold=1.0).process([examples[1]])
    assert row["status"] == "unsure" and row["digit"] == 1


def test_the_page_carries_rows_as_text_only(tmp_path):
    journal = journal_of(tmp_path, [ok(EVIL, 3), {"path": "bad.png", "status": "error", "error": "<b>bad</b>"}])
    page = write_report(journal, {}, "html", tmp_path / "report").read_text()
    assert "<script>alert" not in page and "<b>bad" not in page and page.count("</script>") == 2


@pytest.mark.browser
def test_the_page_reviews_and_corrects(truth, tmp_path, chromium):
    """Worst first, filters, keys 0-9, and a corrections file that training reads."""
    from digits.corrections import Corrections

    (truth / EVIL.replace("/", "_")).write_bytes((truth / "3" / "drawing3.png").read_bytes())
    processor = BatchProcessor(output_dir=tmp_path)
    processor.run([truth], labels=Labels())
    report = processor.save("html")
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append("an alert"))
    page.on("request", lambda request: problems.append(request.url) if request.url.startswith("http") else None)
    page.goto(report.as_uri())
    assert page.locator("tbody tr").count() == 12
    assert "broken.png" in page.locator("tbody tr").first.inner_text(), "what could not be read comes first"
    assert page.locator("tbody img").count() == 11
    shares = page.locator(".confusion td:last-child").all_inner_texts()
    assert shares[3:5] == ["100.0 %", "50.0 %"] and shares[9] == "", "no picture here is labelled 9"
    page.get_by_role("button", name="wrong 2").click()
    assert page.locator("tbody tr").count() == 2
    page.get_by_role("columnheader", name="confidence").get_by_role("button").click()
    page.get_by_placeholder("part of the path").fill("drawing9")
    assert page.locator("tbody tr").count() == 1
    page.locator("tbody tr").first.click()
    page.keyboard.press("4")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 1 correction").click()
    download.value.save_as(tmp_path / "corrections.csv")
    assert not problems
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close(run_before_unload=False)
    added, bad = Corrections(tmp_path / "corrections.sqlite").import_csv(tmp_path / "corrections.csv")
    assert (added, bad) == (1, [])


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 1000, 390])
def test_the_counts_above_the_bars_keep_apart(width, truth, tmp_path, chromium):
    processor = BatchProcessor(output_dir=tmp_path)
    processor.run([truth], labels=Labels())
    processor.summary["digits"] = {str(digit): 9000 + 111 * digit for digit in range(10)}
    page = chromium.new_page(viewport={"width": width, "height": 900})
    page.goto(processor.save("html").as_uri())
    card = page.locator("section.card", has_text="Digits").first.bounding_box()
    counts = [count.bounding_box() for count in page.locator(".chart").first.locator("small").all()]
    page.close()
    edges = [edge for box in counts for edge in (box["x"], box["x"] + box["width"])]
    assert len(counts) == 10 and edges == sorted(edges)
    assert card["x"] < edges[0] and edges[-1] < card["x"] + card["width"]


@pytest.mark.browser
@pytest.mark.parametrize("number", [False, True])
def test_no_serious_barrier_in_a_report(number, tmp_path, chromium):
    """Run axe-core as a phone shows it, with what is unsure chosen, and a table wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    answer = {"text": "703 58"} if number else {"digit": 7}
    row = {"path": "a.png", "status": "unsure", "confidence": 0.8, "label": "7", "correct": 0} | answer
    journal = journal_of(tmp_path, [row], number=number, labelled=True)
    run = {"sources": ["x"], "model": ["mnistnet"], "started": "2026-11-20T14:37", "seconds": 1.0, "skipped": {}}
    report = write_report(journal, summarise(journal) | run, "html", tmp_path / "report")
    for theme in ("light", "dark"):
        page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme=theme)
        page.goto(report.as_uri())
        page.locator("tbody tr").last.click()
        found = axe.run(page).response["violations"]
        page.close()
        assert not [problem["help"] for problem in found if problem["impact"] in ("serious", "critical")], theme


def test_columns_are_the_same_with_and_without_truth(truth, tmp_path):
    processor = BatchProcessor(output_dir=tmp_path, number=True)
    without = processor.process([truth / "5"])
    with_truth = processor.process([truth / "5"], labels=Labels(number=True))
    stated = [
        "path",
        "status",
        "text",
        "confidence",
        "lines",
        "digits",
        "number",
        "reason",
        "label",
        "correct",
        "error",
    ]
    assert [list(row) for row in (*without, *with_truth)] == [stated] * 4
    assert without[0]["label"] is None and with_truth[1]["label"] == "5"


def test_types_of_parquet_are_nested_and_the_schema_has_a_version(truth, tmp_path):
    from pyarrow import parquet

    processor = BatchProcessor(output_dir=tmp_path, number=True)
    processor.process([truth / "5"])
    table = parquet.read_table(processor.save("parquet"))
    rows = json.loads(processor.save("json").read_text())
    assert table.schema.metadata[b"schema_version"] == b"1" and rows["schema_version"] == 1
    read = {Path(row["path"]).name: row for row in table.to_pylist()}
    assert read["broken.png"]["lines"] is None and read["broken.png"]["digits"] is None
    assert read["drawing5.png"]["lines"] == ["5"]
    (digit,) = read["drawing5.png"]["digits"]
    assert digit["digit"] == 5 and len(digit["box"]) == 4 and sum(digit["probs"]) == pytest.approx(1, abs=1e-4)
    digits = BatchProcessor(output_dir=tmp_path)
    digits.process([truth / "5"])
    types = pd.read_parquet(digits.save("parquet"), dtype_backend="numpy_nullable").dtypes
    assert str(types["digit"]) == "Int8"


def test_a_spreadsheet_keeps_zeros_umlauts_and_what_looks_like_a_formula(tmp_path):
    import openpyxl

    texts = ["00420", "=1+1", "-348", "#N/A", "1\n2"]
    rows = [{"path": f"Pr\u00fcfung {i}\x07.png", "status": "ok", "text": text} for i, text in enumerate(texts)]
    path = write_report(journal_of(tmp_path, rows, number=True), {}, "xlsx", tmp_path / "report")
    titles, *lines = openpyxl.load_workbook(path).active.iter_rows()
    at = [cell.value for cell in titles].index("text")
    assert [line[at].value for line in lines] == texts and {line[at].data_type for line in lines} == {"s"}
    assert lines[0][0].value == "Pr\u00fcfung 0\ufffd.png"
    assert "digits" not in [cell.value for cell in titles]


def test_a_spreadsheet_is_wide_enough_for_paths_and_sentences(tmp_path):
    import openpyxl

    path = write_report(journal_of(tmp_path, [ok("scans/2026/7.png", 7)]), {}, "xlsx", tmp_path / "report")
    sheet = openpyxl.load_workbook(path).active
    widths = {sheet[f"{letter}1"].value: size.width for letter, size in sheet.column_dimensions.items()}
    assert widths["path"] >= 40 and widths["error"] >= 40


def test_csv_is_read_by_what_reads_csv(tmp_path):
    journal = journal_of(tmp_path, [ok("Pr\u00fcfung.png", 3), {"path": "b.png", "status": "blank"}])
    path = write_report(journal, {}, "csv", tmp_path / "report")
    with path.open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["path"] == "Pr\u00fcfung.png", "no mark before the first title"
    rows = pd.read_csv(path, dtype={"digit": "Int64"})
    assert rows["digit"].tolist() == [3, pd.NA]
    numbers = journal_of(tmp_path / "n", [{"path": "a", "status": "ok", "text": "00420"}], number=True)
    path = write_report(numbers, {}, "csv", tmp_path / "numbers")
    assert pd.read_csv(path, dtype={"text": str})["text"].tolist() == ["00420"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_report_with_truth_is_a_table_of_labels_again(encoding, tmp_path):
    rows = [ok("=scans/\u00e4.png", 3, label="3", correct=1), {"path": "b.png", "status": "blank", "label": "-"}]
    path = write_report(journal_of(tmp_path, rows, labelled=True), {}, "csv", tmp_path / "report")
    path.write_text(path.read_text("utf-8"), encoding)
    labels = Labels(path)
    assert labels.of("=scans/\u00e4.png") == "3" and labels.of("x/b.png") == "-"


def test_rows_come_to_standard_output_one_by_one(truth, tmp_path, capsys):
    (truth / "x\u00fc.png").write_bytes((truth / "3" / "drawing3.png").read_bytes())
    status = batch_processor.main([str(truth), "--output", "-", "--output-dir", str(tmp_path / "out")])
    told = capsys.readouterr()
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert status == 1 and len(rows) == 12 and told.out.isascii()
    assert {row["digit"] for row in rows} == {*range(10), None} and "12 pictures" in told.err
    assert not (tmp_path / "out" / "reports").exists(), "no other report unless asked for"
    batch_processor.main([str(truth), "--format", "jsonl", "--output-dir", str(tmp_path / "out")])
    report = Path(capsys.readouterr().out.splitlines()[-1])
    assert [json.loads(line) for line in report.read_text("utf-8").splitlines()] == rows


def test_a_closed_pipe_ends_it_quietly(truth, tmp_path):
    command = [sys.executable, "batch_processor.py", str(truth), "--output", "-", "--output-dir", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        run.stdout.close()
        told = run.stderr.read()
    assert "Traceback" not in told and "rror" not in told.replace("error", "", 1) and run.returncode == 0


def test_a_named_report_is_brought_up_to_date(truth, tmp_path, capsys):
    folder, out = tmp_path / "inbox", tmp_path / "out"
    folder.mkdir()
    for digit in (1, 2, 3):
        shutil.copy(truth / str(digit) / f"drawing{digit}.png", folder / f"{digit}.png")

    def run(*more: str) -> tuple[int, str]:
        told = ["--name", "inbox", "--format", "csv", "html", "--output-dir", str(out)]
        status = batch_processor.main([str(folder), *told, *more])
        return status, capsys.readouterr().err

    def digits() -> dict[str, int]:
        with (out / "reports" / "inbox.csv").open(newline="") as file:
            return {Path(row["path"]).name: int(row["digit"]) for row in csv.DictReader(file)}

    assert run()[0] == 0 and digits() == {"1.png": 1, "2.png": 2, "3.png": 3}
    status, told = run()
    assert status == 2 and "--update" in told, "nothing is overwritten unasked"
    shutil.copy(truth / "7" / "drawing7.png", folder / "2.png")  # changed
    shutil.copy(truth / "5" / "drawing5.png", folder / "5.png")  # new
    (folder / "3.png").unlink()  # gone
    read = []
    reader = batch_processor.RowReader.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            batch_processor.RowReader, "__call__", lambda self, chunk: read.extend(chunk) or reader(self, chunk)
        )
        assert run("--update")[0] == 0
    assert sorted(Path(entry.name).name for _position, entry in read) == ["2.png", "5.png"]
    assert digits() == {"1.png": 1, "2.png": 7, "5.png": 5, "3.png": 3}
    assert run("--update")[0] == 0 and len(digits()) == 4
    assert sorted(path.name for path in (out / "reports").iterdir()) == ["inbox.csv", "inbox.html"]
    status, told = run("--update", "--threshold", "0.9")
    assert status == 2 and "other sources, options" in told
    for odd in (["--update"], ["--name", "a/b"], ["--name", ".."]):
        assert batch_processor.main([str(folder), "--output-dir", str(out), *odd]) == 2


def test_another_spelling_of_a_source_is_the_same_report(truth, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(truth)
    for source in ("7", "./7", "7/"):
        more = ["--update"] if source != "7" else []
        assert batch_processor.main([source, "--name", "r", "--format", "csv", *more]) == 0, capsys.readouterr().err
        with Path("predictions/reports/r.csv").open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert (row["path"], row["digit"]) == (os.path.join(source, "drawing7.png"), "7")
    assert "resumed: 1 rows" in Path("predictions/logs/r.log").read_text()


def test_the_reports_scripts_fit_into_one():
    declared, before = [], set()
    for name in REPORT_SCRIPTS:
        text = (ROOT / "assets" / "scripts" / name).read_text()
        assert set(re.findall(r"^(?:import|\}) .*from \"\./(.+)\";", text, re.MULTILINE)) <= before, name
        declared += re.findall(r"^(?:export )?(?:const|let|function|class) (\w+)", text, re.MULTILINE)
        before.add(name)
    assert len(declared) == len(set(declared)) > 40


def test_rows_beyond_a_page_go_on_in_linked_files(tmp_path, monkeypatch):
    monkeypatch.setattr("digits.batch.review.DIGITS_A_PAGE", 2)
    rows = [ok(f"{i}.png", 3, 0.5 + i / 10, content="same" if i in (1, 4) else None) for i in range(5)]
    journal = journal_of(tmp_path, rows)
    first = write_report(journal, {}, "html", tmp_path / "report")
    names = ["report.html", "report-2.html", "report-3.html"]
    shown = []
    for n, name in enumerate(names):
        data = json.loads(re.search(r'id="data">(.*?)</script>', (tmp_path / name).read_text(), re.DOTALL)[1])
        assert data["files"] == names and data["page"] == n and data["first"] == 2 * n
        shown += data["rows"]
    assert first.name == names[0] and [row["path"] for row in shown] == [f"{i}.png" for i in range(5)]
    assert [row["copy_of"] for row in shown] == [None, None, None, None, "1.png"]


def test_a_report_of_another_run_that_comes_meanwhile_stays(tmp_path, monkeypatch):
    monkeypatch.setitem(WRITERS, "csv", lambda *_given: (tmp_path / "report.csv").write_text("another's"))
    ours = write_report(journal_of(tmp_path, [ok("a.png", 3)]), {}, "csv", tmp_path / "report")
    assert ours.name == "report-2.csv" and (tmp_path / "report.csv").read_text() == "another's"


def test_a_file_that_cannot_be_read_was_not_refused():
    for status, correct in (("error", 0), ("not_a_digit", 1), ("blank", 1)):
        row = {"path": "letter.png", "status": status, "digit": None}
        add_truth(row, "-")
        assert (row["label"], row["correct"]) == ("-", correct)


def test_what_wants_a_look_comes_first(tmp_path):
    rows = [
        ok("sure.png", 3, 0.9), ok("less.png", 3, 0.8), ROW | {"path": "blank.png", "status": "blank"},
        ROW | {"path": "letter.png", "status": "not_a_digit"}, ok("unsure.png", 3, 0.5) | {"status": "unsure"},
        ok("memory://x/wrong.png", 3, 0.99, label="4", correct=0), ROW | {"path": "bad.png", "status": "error"},
    ]  # fmt: skip
    report = write_report(journal_of(tmp_path, rows), {}, "html", tmp_path / "report").read_text()
    shown = json.loads(re.search(r'id="data">(.*?)</script>', report, re.DOTALL)[1])["rows"]
    names = ["bad.png", "memory://x/wrong.png", "unsure.png", "letter.png", "blank.png", "less.png", "sure.png"]
    assert [row["path"] for row in shown] == names
    assert [row["file"] for row in shown[:2]] == [os.path.abspath("bad.png"), None], "of a store there is no file"


def test_files_of_the_same_content_are_known(truth, tmp_path):
    shutil.copy(truth / "5" / "drawing5.png", truth / "5" / "again.png")
    processor = BatchProcessor(output_dir=tmp_path)
    processor.run([truth / "5"])
    assert list(processor.journal.copies().values()) == [str(truth / "5" / "again.png")]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_number_is_put_right_in_the_report(width, truth, tmp_path, chromium):
    folder = tmp_path / "scans"
    shutil.copytree(truth / "5", folder)
    shutil.copy(folder / "drawing5.png", folder / "again.png")
    processor = BatchProcessor(output_dir=tmp_path, number=True)
    processor.run([folder])
    report = processor.save("html")
    page = chromium.new_page(viewport={"width": width, "height": 844})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(report.as_uri())
    assert page.locator("#review .path").inner_text().endswith("again.png"), "the first that can be read"
    assert page.locator("#review img").bounding_box()["width"] >= 300
    assert page.locator("#review rect").count() == 1 and page.locator("kbd", has_text="Enter").count() == 2
    page.locator("#review textarea").fill("seven")
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="Download corrections").is_disabled(), "words are no numbers"
    page.locator("#review textarea").fill("00420")
    page.keyboard.press("Enter")
    assert page.locator("#review .path").inner_text().endswith("drawing5.png"), "on to the next"
    assert "again.png" in page.locator("#review .state").inner_text(), "it is the same file"
    page.keyboard.press("PageUp")
    assert page.locator("#review textarea").input_value() == "00420"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 1 correction").click()
    table = tmp_path / "corrections.csv"
    download.value.save_as(table)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.reload()
    page.set_input_files("#load", table)
    page.get_by_text("1 taken in.").wait_for()
    assert page.get_by_role("button", name="Checked 1").is_visible() and not problems
    page.close(run_before_unload=False)
    rows = {Path(row["path"]).name: row for row in processor.process([folder], labels=Labels(table, number=True))}
    assert rows["again.png"]["label"] == "00420" and rows["again.png"]["correct"] == 0


@pytest.mark.browser
def test_a_field_is_put_right_in_the_report(tmp_path, chromium):
    form = ROOT / "assets" / "form"
    processor = BatchProcessor(output_dir=tmp_path, fields=form / "form.json")
    processor.run([form / "filled.jpg"])
    page = chromium.new_page(viewport={"width": 1280, "height": 844})
    page.goto(processor.save("html").as_uri())
    assert page.locator("#review polygon").count() == page.locator("#review textarea").count() == 6
    page.get_by_label("persons").fill("4")
    page.keyboard.press("Enter")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 1 correction").click()
    download.value.save_as(tmp_path / "corrections.csv")
    with (tmp_path / "corrections.csv").open(newline="") as file:
        told = {row["field"]: row for row in csv.DictReader(file)}
    assert told["persons"]["label"] == "4" and told["persons"]["predicted"] == "3" and len(told) == 6
    page.reload()
    page.set_input_files("#load", tmp_path / "corrections.csv")
    page.get_by_text("6 taken in.").wait_for()
    assert page.get_by_label("persons").input_value() == "4"
    page.close(run_before_unload=False)
