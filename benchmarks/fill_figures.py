"""Put the measured figures into the documents: every number that has a comment naming its measurement behind it.

    python -m benchmarks.fill_figures            # after a benchmark: rewrite the documents
    python -m benchmarks.fill_figures --check    # change nothing; exit status 1 if a document is out of date

`99.62 %<!-- mnist_files.from_files.share -->` is the value at that place of benchmarks/results/mnist_files.json. A
share is shown in percent where a % follows it or, in tables, ends the comment. The number of decimals is kept. Text,
such as a commit, stands in backquotes before its comment; in YAML a # leads the comment. What has not been measured is
dashes: `–.–– %`.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

if not __package__:  # `python benchmarks/fill_figures.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import RESULTS
from utils import ROOT, atomic_path, command

PATTERNS = ("*.md", "models/*.md", "docs/*.md", "benchmarks/*.md")
TIE = r"(?: # )?<!-- (?P<name>\w+)\.(?P<place>[\w.-]+)(?P<hidden> %)? -->"
FIGURE = re.compile(rf"(?P<shown>–(?:\.–+)?|-?\d[\d,]*(?:\.\d+)?)(?P<percent>\s?%)?{TIE}")
TEXT = re.compile(rf"`(?P<shown>[^`\n]*)`{TIE}")


def documents() -> list[Path]:
    """Return the documents that hold figures."""
    return [path for pattern in PATTERNS for path in sorted(ROOT.glob(pattern))]


def fill(text: str, results: Path = RESULTS) -> str:
    """Return `text` with every tied figure as it was measured, or as dashes.

    >>> fill("1.0 %<!-- nothing.of.the.kind --> at `abc`<!-- nothing.commit -->")
    '–.– %<!-- nothing.of.the.kind --> at `–`<!-- nothing.commit -->'
    """

    def with_measured(match: re.Match) -> str:
        value = look_up(results / f"{match['name']}.json", match["place"])
        start, end = match.span("shown")
        whole, offset = match.group(), match.start()
        return whole[: start - offset] + _show(value, match) + whole[end - offset :]

    return TEXT.sub(with_measured, FIGURE.sub(with_measured, text))


def _show(value: object, match: re.Match) -> str:
    if match.re is TEXT:
        return value if isinstance(value, str) else "–"
    decimals = len(match["shown"].partition(".")[2])
    return show(value, decimals, bool(match["percent"] or match["hidden"]))


@functools.lru_cache(maxsize=32)
def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def look_up(path: Path, place: str) -> object:
    """Return what stands at `place` ("a.b.0") of a JSON file; None if there is no such file or place."""
    value = _read(path)
    for key in place.split("."):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def show(value: object, decimals: int, as_percent: bool) -> str:
    """Return a figure as it is written; some results hold percents already, and a share is at most 1.

    >>> show(0.9962, 2, True), show(98.5, 1, True), show(10000, 0, False), show(None, 2, True)
    ('99.62', '98.5', '10,000', '–.––')
    """
    if not isinstance(value, (int, float)):
        return "–." + "–" * decimals if decimals else "–"
    return f"{100 * value if as_percent and abs(value) <= 1 else value:,.{decimals}f}"


def unmeasured(text: str) -> Iterator[str]:
    """Yield the places of the figures that are dashes."""
    for match in [*FIGURE.finditer(text), *TEXT.finditer(text)]:
        if match["shown"].startswith("–"):
            yield f"{match['name']}.{match['place']}"


@command
def main(argv: list[str] | None = None) -> int:
    """Rewrite or check the documents; print which were out of date."""
    parser = argparse.ArgumentParser(
        description="Put the measured figures into the documents.",
        epilog="examples:\n  python -m benchmarks.fill_figures\n  python -m benchmarks.fill_figures --check",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 if a figure is out of date")
    arguments = parser.parse_args(argv)
    n_old = 0
    for path in documents():
        text = path.read_text(encoding="utf-8")
        filled = fill(text)
        if missing := list(unmeasured(filled)):
            print(f"{path.relative_to(ROOT)}: not measured yet: {', '.join(missing)}", file=sys.stderr)
        if filled != text:
            n_old += 1
            print(path.relative_to(ROOT))
            if not arguments.check:
                with atomic_path(path) as temporary:
                    temporary.write_text(filled, encoding="utf-8")
    return int(arguments.check and n_old > 0)


if __name__ == "__main__":
    sys.exit(main())
