"""What a batch found, in figures: counts, confidences and, where truth was given, accuracy.

    summary = summarise(journal)
    print(summary_text(summary))

All of it is asked of the journal's SQLite, so that memory does not grow with the number of rows.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from digits.batch.journal import Journal
from digits.command import shown
from digits.measuring.metrics import wilson_interval
from digits.reading.verdict import OK, STATUSES, UNSURE
from digits.tables import NO_DIGIT_SIGN

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def summarise(journal: Journal) -> dict[str, Any]:
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


def about_run(
    sources: list[str], model: list[str], skipped: dict[str, int], started_s: float, seconds: float
) -> dict[str, Any]:
    """Return what a summary says of the run itself; `started_s` is the time of the clock on the wall."""
    started = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(started_s))
    return {"sources": sources, "model": model, "skipped": skipped, "started": started, "seconds": round(seconds, 3)}


def _quantiles(journal: Journal) -> dict[str, float]:
    found = journal.select(f"SELECT confidence FROM rows WHERE status IN ('{OK}', '{UNSURE}')")
    values = np.fromiter((value for (value,) in found), np.float32)
    return {str(q): round(float(np.quantile(values, q)), 6) for q in QUANTILES} if len(values) else {}


def _accuracy(journal: Journal) -> dict[str, Any]:
    """Return accuracy over what is a digit (or number), and how much of what is none was refused."""
    query = f"SELECT sum(correct), count(*) FROM rows WHERE label IS NOT NULL AND label {{}} '{NO_DIGIT_SIGN}'"
    right, n = journal.select(query.format("!=")).fetchone()
    refused, n_none = journal.select(query.format("=")).fetchone()
    result = _share(right or 0, n)
    if journal.kind == "digit":
        result |= _by_class(journal)
    return result | {"no_digit_refused": _share(refused or 0, n_none)}


def _by_class(journal: Journal) -> dict[str, Any]:
    """Return the accuracy of each digit and the confusions: row = label, column = answer, the last = no digit given."""
    confusion = np.zeros((10, 11), int)
    for label, digit, n in journal.select("SELECT label, digit, count(*) FROM rows GROUP BY label, digit"):
        if label not in (None, NO_DIGIT_SIGN):
            confusion[int(label), 10 if digit is None else digit] = n
    per_class = {str(digit): _share(int(row[digit]), int(row.sum())) for digit, row in enumerate(confusion)}
    return {"per_class": per_class, "confusion": confusion.tolist()}


def _share(n_right: int, n: int) -> dict[str, Any]:
    low, high = wilson_interval(n_right, n)
    share = round(n_right / n, 6) if n else None
    return {"n": n, "n_right": n_right, "share": share, "low": round(low, 6), "high": round(high, 6)}


def summary_text(summary: dict[str, Any]) -> str:
    """Return the summary in a few lines for people."""
    statuses = ", ".join(f"{n:,} {status}" for status, n in summary["statuses"].items() if n)
    n_rows = summary["n_rows"]
    lines = [f"{n_rows:,} {'picture' if n_rows == 1 else 'pictures'}: {statuses or 'none'}"]
    if "seconds" in summary:
        lines[0] += f"; {summary['seconds']:.1f} s"
    if any(summary["digits"].values()):
        lines.append("digits: " + "  ".join(f"{digit}: {n:,}" for digit, n in summary["digits"].items()))
    for kind, n in summary.get("skipped", {}).items():
        names = [shown(name) for name in summary.get("skipped_names", {}).get(kind, [])]
        lines.append(f"skipped: {n:,} {kind}" + (f" ({', '.join(names)}{', …' * (n > len(names))})" if names else ""))
    lines += map(shown, summary.get("empty_sources", []))
    if "labels" in summary:
        lines.append(shown(summary["labels"]))
    accuracy = summary.get("accuracy")
    if accuracy and accuracy["n"]:
        lines.append(f"accuracy: {_share_text(accuracy)}")
    if accuracy and accuracy["no_digit_refused"]["n"]:
        lines.append(f"no digit, and none given: {_share_text(accuracy['no_digit_refused'])}")
    return "\n".join(lines)


def _share_text(share: dict[str, Any]) -> str:
    interval = f"95 % interval {share['low']:.2%} to {share['high']:.2%}"
    return f"{share['share']:.2%} ({interval}, {share['n_right']:,} of {share['n']:,})"
