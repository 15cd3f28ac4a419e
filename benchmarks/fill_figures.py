"""Put the measured figures into the documents: every X.template.md becomes the X.md beside it.

    python -m benchmarks.fill_figures            # after a benchmark: write the documents anew
    python -m benchmarks.fill_figures --check    # change nothing; exit status 1 if a document is out of date

`{{mnist_files.from_files.share .2%}}` is the value at that place of benchmarks/results/mnist_files.json, in percent and
with two decimals; without `.2` there are none, without `%` it is the value as it stands. The sign % itself is part of
the text. What has not been measured is a dash.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

if not __package__:  # `python benchmarks/fill_figures.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import RESULTS
from digits.command import command, new_parser
from digits.files import ROOT, atomic_path

PATTERNS = ("*.md", "models/*.md", "docs/*.md", "benchmarks/*.md")
TEMPLATE = ".template.md"
FIGURE = re.compile(r"\{\{(?P<name>\w+)\.(?P<place>[\w.-]+)(?: (?:\.(?P<decimals>\d))?(?P<percent>%)?)?\}\}")
NOT_MEASURED = "–"


def documents() -> list[Path]:
    """Return the documents that people read."""
    every = [path for pattern in PATTERNS for path in sorted(ROOT.glob(pattern))]
    return [path for path in every if not path.name.endswith(TEMPLATE)]


def templates() -> dict[Path, Path]:
    """Return the templates, and the document that each of them becomes."""
    every = [path for pattern in PATTERNS for path in sorted(ROOT.glob(pattern)) if path.name.endswith(TEMPLATE)]
    return {path: path.with_name(path.name.removesuffix(TEMPLATE) + ".md") for path in every}


def fill(template: str, results: Path = RESULTS) -> str:
    """Return `template` with every figure as it was measured, or a dash.

    >>> fill("{{nothing.of.the.kind .1%}} % at {{nothing.commit}}")
    '– % at –'
    """

    def measured(match: re.Match) -> str:
        value = look_up(results / f"{match['name']}.json", match["place"])
        return show(value, int(match["decimals"] or 0), bool(match["percent"]))

    return FIGURE.sub(measured, template)


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

    >>> show(0.9962, 2, True), show(98.5, 1, True), show(10000, 0, False), show("abc1234", 0, False)
    ('99.62', '98.5', '10,000', 'abc1234')
    >>> show(None, 2, True)
    '–'
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, (int, float)):
        return NOT_MEASURED
    return f"{100 * value if as_percent and abs(value) <= 1 else value:,.{decimals}f}"


def unmeasured(template: str, results: Path = RESULTS) -> Iterator[str]:
    """Yield the places of a template's figures that are dashes."""
    for match in FIGURE.finditer(template):
        if fill(match.group(), results) == NOT_MEASURED:
            yield f"{match['name']}.{match['place']}"


@command
def main(argv: list[str] | None = None) -> int:
    """Write or check the documents; print which were out of date."""
    parser = new_parser(
        "Put the measured figures into the documents.",
        "python -m benchmarks.fill_figures",
        "python -m benchmarks.fill_figures --check",
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 if a figure is out of date")
    arguments = parser.parse_args(argv)
    n_old = 0
    for template, document in templates().items():
        text = template.read_text(encoding="utf-8")
        if missing := list(unmeasured(text)):
            print(f"{document.relative_to(ROOT)}: not measured yet: {', '.join(missing)}", file=sys.stderr)
        filled = fill(text)
        if not document.is_file() or document.read_text(encoding="utf-8") != filled:
            n_old += 1
            print(document.relative_to(ROOT))
            if not arguments.check:
                with atomic_path(document) as temporary:
                    temporary.write_text(filled, encoding="utf-8")
    return int(arguments.check and n_old > 0)


if __name__ == "__main__":
    sys.exit(main())
