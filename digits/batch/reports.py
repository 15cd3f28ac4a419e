"""What a batch writes: CSV, JSON, Parquet and a page to review, each streamed from the journal, then renamed in place.

    summary = summarise(journal)
    path = write_report(journal, summary, "csv", Path("predictions/reports/batch_1"))

Nothing is overwritten: a name that is taken gets a number. Text that a spreadsheet would run as a formula is disarmed.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import filecmp
import io
import itertools
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from digits.batch.journal import Journal
from digits.batch.rows import DIGIT_COLUMNS, NO_DIGIT, NUMBER_COLUMNS, TRUTH_COLUMNS
from digits.batch.sources import URL, Entry
from digits.files import ASSETS_DIR, free_path
from digits.finding.decode import PictureError, open_picture
from digits.finding.pixels import shrink
from digits.measuring.metrics import wilson_interval
from digits.reading.verdict import ERROR, OK, STATUSES, UNSURE

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MAX_SHOWN = 2_000  # rows of the page; a browser's table gets slow beyond
MAX_THUMBNAILS = 600
THUMBNAIL_SIDE = 96
MAX_NAME = 240  # bytes of a copy's name
BLOCK = 10_000  # rows written to Parquet at once
WORST_FIRST = """CASE WHEN status = 'error' THEN 0 WHEN correct = 0 THEN 1 WHEN status = 'unsure' THEN 2
    WHEN status = 'not_a_digit' THEN 3 WHEN status = 'blank' THEN 4 ELSE 5 END, confidence, position"""


def columns_of(journal: Journal) -> list[str]:
    """Return the report's columns; label and correct are there only where truth was given."""
    answers = NUMBER_COLUMNS if journal.facts.get("number") else DIGIT_COLUMNS
    return [*answers, *(TRUTH_COLUMNS if journal.facts.get("labelled") else []), "error"]


def printable(value):
    """Return a file name that is no valid Unicode with its odd bytes as \\xff escapes; anything else as it is."""
    if isinstance(value, str) and not value.isascii():
        value = os.fsencode(value)
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def report_rows(journal: Journal) -> Iterator[dict]:
    """Yield every row with exactly the report's columns, in input order."""
    columns = columns_of(journal)
    for row in journal.rows():
        row |= {"path": printable(row["path"]), "error": printable(row["error"])}
        yield {name: row[name] for name in columns}


# ---------------------------------------------------------------- summary


def summarise(journal: Journal) -> dict:
    """Return counts per status and digit, quantiles of confidence and, where truth was given, accuracy."""
    by_status = dict(journal.select("SELECT status, count(*) FROM rows GROUP BY status"))
    by_digit = dict(journal.select("SELECT digit, count(*) FROM rows WHERE digit IS NOT NULL GROUP BY digit"))
    summary = {
        "n_rows": len(journal),
        "statuses": {status: by_status.get(status, 0) for status in STATUSES},
        "digits": {str(digit): by_digit.get(digit, 0) for digit in range(10)},
        "confidence_quantiles": _quantiles(journal),
    }
    if journal.facts.get("labelled"):
        summary["accuracy"] = _accuracy(journal)
    return summary


def _quantiles(journal: Journal) -> dict[str, float]:
    found = journal.select(f"SELECT confidence FROM rows WHERE status IN ('{OK}', '{UNSURE}')")
    values = np.fromiter((value for (value,) in found), np.float32)
    return {str(q): round(float(np.quantile(values, q)), 6) for q in QUANTILES} if len(values) else {}


def _accuracy(journal: Journal) -> dict:
    """Return accuracy over what is a digit (or number), and how much of what is none was refused."""
    query = f"SELECT sum(correct), count(*) FROM rows WHERE label IS NOT NULL AND label {{}} '{NO_DIGIT}'"
    right, n = journal.select(query.format("!=")).fetchone()
    refused, n_none = journal.select(query.format("=")).fetchone()
    result = _share(right or 0, n)
    if not journal.facts.get("number"):
        result |= _by_class(journal)
    return result | {"no_digit_refused": _share(refused or 0, n_none)}


def _by_class(journal: Journal) -> dict:
    """Return the accuracy of each digit and the confusions: row = label, column = answer, the last = no digit given."""
    confusion = np.zeros((10, 11), int)
    for label, digit, n in journal.select("SELECT label, digit, count(*) FROM rows GROUP BY label, digit"):
        if label not in (None, NO_DIGIT):
            confusion[int(label), 10 if digit is None else digit] = n
    per_class = {str(digit): _share(int(row[digit]), int(row.sum())) for digit, row in enumerate(confusion)}
    return {"per_class": per_class, "confusion": confusion.tolist()}


def _share(n_right: int, n: int) -> dict:
    low, high = wilson_interval(n_right, n)
    share = round(n_right / n, 6) if n else None
    return {"n": n, "n_right": n_right, "share": share, "low": round(low, 6), "high": round(high, 6)}


def summary_text(summary: dict) -> str:
    """Return the summary in a few lines for people."""
    statuses = ", ".join(f"{n:,} {status}" for status, n in summary["statuses"].items() if n)
    lines = [f"{summary['n_rows']:,} pictures: {statuses or 'none'}"]
    if "seconds" in summary:
        lines[0] += f"; {summary['seconds']:.1f} s"
    if any(summary["digits"].values()):
        lines.append("digits: " + "  ".join(f"{digit}: {n:,}" for digit, n in summary["digits"].items()))
    if summary.get("skipped"):
        lines.append("passed over: " + ", ".join(f"{n:,} {kind}" for kind, n in summary["skipped"].items()))
    accuracy = summary.get("accuracy")
    if accuracy and accuracy["n"]:
        lines.append(f"accuracy: {_share_text(accuracy)}")
    if accuracy and accuracy["no_digit_refused"]["n"]:
        lines.append(f"no digit, and none given: {_share_text(accuracy['no_digit_refused'])}")
    return "\n".join(lines)


def _share_text(share: dict) -> str:
    interval = f"95 % interval {share['low']:.2%} to {share['high']:.2%}"
    return f"{share['share']:.2%} ({interval}, {share['n_right']:,} of {share['n']:,})"


# ---------------------------------------------------------------- files


def write_report(journal: Journal, summary: dict, kind: str, path: str | os.PathLike) -> Path:
    """Write one report beside its final name, then rename it; return that name. `kind` is a key of `WRITERS`.

    The name is `path` with the kind's suffix, or the first of `name-2`, `name-3`, … that is free.
    """
    path = Path(path)
    path = path if path.suffix == f".{kind}" else path.with_name(f"{path.name}.{kind}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        WRITERS[kind](journal, summary, draft)
        path = _reserve(path)
        os.replace(draft, path)
    return path


def _reserve(path: Path) -> Path:
    """Create `path`, or the first of `name-2`, … that is free, empty: two runs at once cannot take the same name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        candidate = free_path(path)
        with contextlib.suppress(FileExistsError):
            candidate.touch(exist_ok=False)
            return candidate


def write_csv(journal: Journal, summary: dict, path: Path) -> None:
    """Write the rows as CSV (UTF-8)."""
    columns = columns_of(journal)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        rows = journal.select(f"SELECT {', '.join(columns)} FROM rows ORDER BY position")
        writer.writerows((_disarmed(path), *answers, _disarmed(error)) for path, *answers, error in rows)


# What a spreadsheet would run (OWASP, CSV injection), also behind apostrophes: so the one we add can be told from them.
FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def _disarmed(text: str | bytes | None) -> str | None:
    """Put an apostrophe before a path or an error that a spreadsheet would run as a formula."""
    text = printable(text)
    return f"'{text}" if text and FORMULA.match(text) else text


def write_json(journal: Journal, summary: dict, path: Path) -> None:
    """Write {"summary": …, "rows": […]}, a row a line."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"summary": {json.dumps(summary, indent=1)},\n"rows": [')
        for i, row in enumerate(report_rows(journal)):
            file.write(f"{',' if i else ''}\n{json.dumps(_unpacked(row), ensure_ascii=False)}")
        file.write("\n]}\n")


def _unpacked(row: dict) -> dict:
    """Return the row with the JSON of --number's cells as what it stands for."""
    return row | {name: json.loads(row[name]) for name in ("lines", "digits") if row.get(name)}


def write_parquet(journal: Journal, summary: dict, path: Path) -> None:
    """Write the rows as Parquet, with the summary as JSON in the file's metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    fields = [pa.field(name, PARQUET_TYPES.get(name, "float32")) for name in columns_of(journal)]
    schema = pa.schema(fields, {"summary": json.dumps(summary)})
    rows = report_rows(journal)
    with path.open("wb") as file, parquet.ParquetWriter(file, schema) as writer:
        while block := list(itertools.islice(rows, BLOCK)):
            writer.write_table(pa.Table.from_pylist(block, schema))


TEXT_COLUMNS = ("path", "status", "label", "error", "text", "lines", "digits")
PARQUET_TYPES = dict.fromkeys(TEXT_COLUMNS, "string") | dict.fromkeys(("digit", "runner_up", "correct"), "int8")


def write_html(journal: Journal, summary: dict, path: Path) -> None:
    """Write one page that needs nothing else: the summary, and the rows that want a look first, with thumbnails."""
    page = (ASSETS_DIR / "report.html").read_text(encoding="utf-8")
    data = {
        "title": journal.facts["run"], "columns": columns_of(journal), "summary": summary,
        "histogram": _histogram(journal), "rows": list(_rows_to_look_at(journal)),
    }  # fmt: skip
    # As \u003c no text of a user's can close the script element that carries it.
    text = json.dumps(data, default=float).replace("<", "\\u003c")
    path.write_text(page.replace("{{DATA}}", text), encoding="utf-8")


def _histogram(journal: Journal) -> list[int]:
    """Return how many digits have a confidence of 0–10 %, … 90–100 %."""
    bins = dict(journal.select("SELECT min(9, cast(confidence * 10 AS int)), count(*) FROM rows GROUP BY 1"))
    return [bins.get(i, 0) for i in range(10)]


def _rows_to_look_at(journal: Journal) -> Iterator[dict]:
    columns = columns_of(journal)
    ours = journal.facts.get("names_are_files", True)  # a visitor's are only names: nothing may be opened by them
    for n, row in enumerate(journal.rows(order=WORST_FIRST, limit=MAX_SHOWN)):
        shown = {name: printable(row[name]) for name in columns}
        is_file = ours and row["cut"] is None and not URL.match(row["path"])
        shown["file"] = printable(os.path.abspath(row["path"])) if is_file else None
        shown["position"] = row["position"]
        if ours and n < MAX_THUMBNAILS and row["status"] != ERROR:
            shown["thumbnail"] = _thumbnail(Entry(row["path"], row["cut"]))
        yield shown


def _thumbnail(entry: Entry) -> str | None:
    """Return a small picture as a data URL, or None if it cannot be read any more."""
    try:
        pixels = shrink(open_picture(entry.read(), side=2 * THUMBNAIL_SIDE), THUMBNAIL_SIDE)
    except PictureError:
        return None
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[..., ::-1])
    kind, options = ("png", []) if pixels.size < 2_000 else ("jpeg", [cv2.IMWRITE_JPEG_QUALITY, 80])
    _done, data = cv2.imencode(f".{kind}", pixels, options)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


WRITERS: dict[str, Callable[[Journal, dict, Path], None]] = {
    "csv": write_csv,
    "json": write_json,
    "html": write_html,
    "parquet": write_parquet,
}


# ---------------------------------------------------------------- sorting


def sort_into(journal: Journal, directory: Path) -> int:
    """Copy every picture into `directory`/0 … 9, or a folder named by its status; return how many are there.

    Copies keep their names; one that is taken gets a number. What an earlier run copied, perhaps before it was killed,
    is not copied again. A file that cannot be read any more is left out.
    """
    n_there, placed = 0, Counter()
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=directory) as drafts:
        for row in journal.rows():
            folder = str(row["digit"]) if row["status"] == OK and row["digit"] is not None else row["status"]
            entry, draft = Entry(row["path"], row["cut"]), Path(drafts) / "copy"
            if _copy(entry, draft):
                _place(draft, directory / folder / _shortened(entry.basename), placed)
                n_there += 1
    return n_there


def _copy(entry: Entry, draft: Path) -> bool:
    try:
        source = _open(entry)
    except (PictureError, OSError):
        return False
    with source, draft.open("wb") as target:
        shutil.copyfileobj(source, target)
    return True


def _place(draft: Path, path: Path, placed: Counter[Path]) -> None:
    """Rename `draft` to `path`, or to the first of `name-2`, … that is free, or find an earlier run's copy there.

    `placed` counts what this run has put under each name: the second picture of a name looks from `name-2` on.
    """
    path.parent.mkdir(exist_ok=True)
    while True:
        placed[path] += 1
        n = placed[path]
        candidate = path if n == 1 else path.with_name(f"{path.stem}-{n}{path.suffix}")
        if candidate.is_file() and filecmp.cmp(draft, candidate, shallow=False):
            return
        with contextlib.suppress(FileExistsError):
            candidate.touch(exist_ok=False)
            os.replace(draft, candidate)
            return


def _open(entry: Entry) -> BinaryIO:
    is_file = entry.cut is None and os.path.isfile(entry.name)  # copied as it is, even if it is too large to be read
    return open(entry.name, "rb") if is_file else io.BytesIO(entry.read())


def _shortened(name: str) -> str:
    """Return a file name that leaves room for a number: file systems take 255 bytes, archives longer names."""
    stem, suffix = os.path.splitext(name)
    return os.fsdecode(os.fsencode(stem)[: MAX_NAME - len(os.fsencode(suffix))]) + suffix
