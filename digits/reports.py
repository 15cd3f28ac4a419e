"""What a batch writes: CSV, JSON, Parquet and a page to review, each streamed from the journal and then renamed into place.

    summary = summarise(journal)
    path = write_report(journal, summary, "csv", Path("predictions/reports/batch_1"))

Nothing is overwritten: a name that is taken gets a number. Cells that a spreadsheet would run as a formula are disarmed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from digits.journal import Journal
from digits.metrics import wilson_interval
from digits.rows import ANSWER_COLUMNS, NO_DIGIT, NUMBER_COLUMNS, TRUTH_COLUMNS
from digits.status import STATUSES
from utils import atomic_path, free_path

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def columns_of(journal: Journal) -> list[str]:
    """Return the report's columns: label and correct only where truth was given, text, lines, digits only for numbers."""
    facts = journal.facts
    truth = TRUTH_COLUMNS if facts.get("labelled") else []
    number = NUMBER_COLUMNS if facts.get("number") else []
    return [*ANSWER_COLUMNS, *truth, "error", *number]


def printable(value):
    """Return a file name's bytes that are no valid Unicode as \\xff escapes; anything else as it is."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value


def report_rows(journal: Journal) -> Iterator[dict]:
    """Yield every row with exactly the report's columns, in input order."""
    columns = columns_of(journal)
    for row in journal.rows():
        yield {name: printable(row[name]) for name in columns}


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
    found = journal.select("SELECT confidence FROM rows WHERE digit IS NOT NULL")
    values = np.fromiter((value for (value,) in found), np.float32)
    return {str(q): round(float(np.quantile(values, q)), 6) for q in QUANTILES} if len(values) else {}


def _accuracy(journal: Journal) -> dict:
    """Return accuracy over the labelled digits, per class, the confusions, and how many of the no-digits were refused."""
    counts = journal.select("SELECT label, digit, count(*) FROM rows WHERE label IS NOT NULL GROUP BY label, digit")
    confusion = np.zeros((10, 11), int)  # row = label, column = answer, the last = no digit given
    for label, digit, n in counts:
        if label != NO_DIGIT:
            confusion[int(label), 10 if digit is None else digit] += n
    per_class = [_share(int(confusion[digit, digit]), int(confusion[digit].sum())) for digit in range(10)]
    result = _share(int(np.trace(confusion)), int(confusion.sum()))
    result |= {"per_class": {str(digit): share for digit, share in enumerate(per_class)}, "confusion": confusion.tolist()}
    refused = journal.select(f"SELECT sum(correct), count(*) FROM rows WHERE label = '{NO_DIGIT}'")[0]
    return result | {"no_digit_refused": _share(refused[0] or 0, refused[1])}


def _share(n_right: int, n: int) -> dict:
    low, high = wilson_interval(n_right, n)
    share = round(n_right / n, 6) if n else None
    return {"n": n, "n_right": n_right, "share": share, "low": round(low, 6), "high": round(high, 6)}


def summary_text(summary: dict) -> str:
    """Return the summary in a few lines for people."""
    statuses = ", ".join(f"{n:,} {status}" for status, n in summary["statuses"].items() if n)
    lines = [f"{summary['n_rows']:,} pictures: {statuses or 'none'}"]
    seconds = summary.get("seconds")
    if seconds:
        lines[0] += f"; {seconds:.1f} s, {summary['n_read'] / seconds:,.0f} a second"
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


def write_report(journal: Journal, summary: dict, kind: str, stem: Path) -> Path:
    """Write one report beside its final name, then rename it; return the path. `kind` is a key of `WRITERS`."""
    path = free_path(stem.with_name(f"{stem.name}.{kind}"))
    with atomic_path(path) as temporary:
        WRITERS[kind](journal, summary, temporary)
    return path


def write_csv(journal: Journal, summary: dict, path: Path) -> None:
    """Write the rows as CSV (UTF-8)."""
    columns = columns_of(journal)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_disarm(value) for value in row.values()] for row in report_rows(journal))


def _disarm(value):
    """Put an apostrophe before text that a spreadsheet would take for a formula (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and len(value) > 1 and value[0] in "=+-@\t\r" else value


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


WRITERS: dict[str, Callable[[Journal, dict, Path], None]] = {"csv": write_csv, "json": write_json}
