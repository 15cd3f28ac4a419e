"""What a batch writes: a report of a kind, beside its final name, then renamed.

    path = write_report(journal, summarise(journal), "csv", Path("predictions/reports/batch_1"))
    data = report_bytes(rows, "csv", ["mnistnet"], 12.3, {})  # of rows that the API answered, without a file

Nothing is overwritten: a name that is taken gets a number.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from digits.batch.journal import IN_MEMORY, Journal
from digits.batch.labels import add_truth
from digits.batch.review import n_pages, write_html
from digits.batch.summary import about_run, summarise
from digits.batch.tabular import write_csv, write_json, write_jsonl, write_parquet, write_xlsx
from digits.command import UserError
from digits.files import free_path

WRITERS: dict[str, Callable[[Journal, dict[str, Any], BinaryIO], None]] = {
    "csv": write_csv,
    "json": write_json,
    "jsonl": write_jsonl,
    "html": write_html,
    "parquet": write_parquet,
    "xlsx": write_xlsx,
}


def write_report(
    journal: Journal, summary: dict[str, Any], kind: str, path: str | os.PathLike[str], replace: bool = False
) -> Path:
    """Write one report beside its final name, then rename it; return that name. `kind` is a key of `WRITERS`.

    The name is `path` with the kind's suffix, or the first of `name-2`, `name-3`, … that is free; with `replace`,
    `path` itself. A page to review of many rows goes on in further files of such names, which `replace` knows again.
    """
    path = Path(path)
    path = path if path.suffix == f".{kind}" else path.with_name(f"{path.name}.{kind}")
    n_files = n_pages(journal) if kind == "html" else 1
    ours = [path, *map(path.with_name, journal.facts.get("pages", []))][:n_files] if replace else []
    paths = list(ours)
    while len(paths) < n_files:
        paths.append(free_path(path, paths))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
        for i, one in enumerate(paths):
            with (Path(folder) / one.name).open("wb") as file:
                if kind == "html":
                    write_html(journal, summary, file, i, [page.name for page in paths])
                else:
                    WRITERS[kind](journal, summary, file)
        placed = [one if one in ours else _reserve(one) for one in paths]
        for one, place in zip(paths, placed, strict=True):
            os.replace(Path(folder) / one.name, place)
    if replace and n_files > 1:
        journal.note(pages=[one.name for one in placed[1:]])
    return placed[0]


def _reserve(path: Path) -> Path:
    """Create `path`, or the first of `name-2`, … that is free, empty: two runs at once cannot take the same name."""
    while True:
        candidate = free_path(path)
        with contextlib.suppress(FileExistsError):
            candidate.touch(exist_ok=False)
            return candidate


def check_kind(kind: str) -> None:
    """Raise `UserError` for a kind that is none of `WRITERS`."""
    if kind not in WRITERS:
        raise UserError(f"there is no report of the kind {kind}; choose from {', '.join(WRITERS)}")


def report_bytes(
    rows: list[dict[str, Any]], kind: str, model: list[str], seconds: float, skipped: dict[str, int]
) -> bytes:
    """Return a report of rows that `model` read before, within `seconds`, as the API answered them; all digits or all
    numbers. `skipped` tells how many files were passed over, by kind.

    Each has besides its `label` (None if nobody gave one), and perhaps `ink`, a small picture as data URL.
    """
    labelled = any(row["label"] is not None for row in rows)
    is_number = any("text" in row for row in rows)
    facts = {"run": "digits", "labelled": labelled, "number": is_number, "pictures": [row.get("ink") for row in rows]}
    with contextlib.closing(Journal(IN_MEMORY, facts)) as journal, io.BytesIO() as file:
        journal.add([_journalled(row, position) for position, row in enumerate(rows)])
        summary = summarise(journal) | about_run(["page"], model, skipped, time.time() - seconds, seconds)
        WRITERS[kind](journal, summary, file)
        return file.getvalue()


def _journalled(row: dict[str, Any], position: int) -> dict[str, Any]:
    packed = {name: json.dumps(row[name]) for name in ("lines", "digits") if row.get(name) is not None}
    row = row | packed | {"position": position, "cut": None, "stamp": ""}
    add_truth(row, None if row["label"] is None else str(row["label"]))
    return row
