"""What a batch writes: the same rows in every format, safe to open, and the truth held against them."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

import batch_processor
from batch_processor import BatchProcessor
from digits.batch.journal import SHOWN, Journal
from digits.batch.rows import Labels
from digits.batch.sorting import sort_into
from digits.batch.summary import summarise
from digits.batch.writers import write_report
from digits.measuring.metrics import wilson_interval
from utils import UserError

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
    with pytest.raises(UserError, match=r"nothing of any file: it names scan1, scan2; the files are .*0.png"):
        processor.run([truth], labels=Labels(table))
    assert not list(tmp_path.glob("reports/*")), "before the work"
    table.write_text("file,label\ndrawing0,0\n")
    processor.run([truth], labels=Labels(table))
    processor.print_summary()
    assert f"labels: 1 of {processor.summary['n_rows']} files have one in" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["7_labels_semicolon.csv", "labels.xlsx"])
def test_the_cases_of_labels(name):
    case = Path(os.environ.get("MNIST_DATA_DIR", "data")) / "cases" / name
    if not case.exists():
        pytest.skip("the cases are not there")
    labels = Labels(case)
    first = labels._names[0]
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


def test_summary_counts(tmp_path):
    rows = [ok("a", 3, 0.5), ok("b", 3, 1.0), ok("c", 8, 0.75), {"path": "d", "status": "blank", "confidence": 0.1}]
    summary = summarise(journal_of(tmp_path, rows))
    assert summary["n_rows"] == 4 and summary["statuses"] == {
        "ok": 3, "unsure": 0, "blank": 1, "not_a_digit": 0, "error": 0
    }  # fmt: skip
    assert summary["digits"]["3"] == 2 and sum(summary["digits"].values()) == 3
    assert summary["confidence_quantiles"]["0.5"] == 0.75, "of the digits alone"


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
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert counts == [12, 12] and len(names) == 13, "the second run added nothing"
    assert {"1/drawing1.png", "1/drawing1-2.png", "7/drawing7-2.png"} <= set(names)
    assert (folder / "7" / "drawing7.png").read_bytes() == b"somebody's own"
    (folder / "1" / "drawing1.png").unlink()  # as if killed before
    sort_into(processor.journal, folder)
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 13


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
