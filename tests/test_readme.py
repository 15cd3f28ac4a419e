"""What the documents say is so: programs, flags and make targets exist, files are there, figures are the measured ones.

A figure is tied to its measurement by a comment behind it, which readers do not see:
`99.62 %<!-- mnist_files.from_files.share -->` is the value at that place of benchmarks/results/mnist_files.json.
"""

from __future__ import annotations

import functools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from utils import ROOT

DOCUMENTS = [
    path
    for pattern in ("README.md", "CONTRIBUTING.md", "models/README.md", "docs/*.md")
    for path in sorted(ROOT.glob(pattern))
]
FENCE = re.compile(r"^```(?:bash|sh|console|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FIGURE = re.compile(r"([\d.,]*\d)\s*(%?)\s*<!--\s*(\w+)\.([\w.-]+)\s*-->")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def commands() -> list[tuple[str, list[str]]]:
    """(document, words) of every command in a shell block, continued lines joined, comments and prompts dropped."""
    found = []
    for document in DOCUMENTS:
        for block in FENCE.findall(document.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                if words:
                    found.append((document.relative_to(ROOT).as_posix(), words))
    return found


COMMANDS = commands()
PROGRAMS = [(document, words) for document, words in COMMANDS if Path(words[0]).name in ("python", "python3")]
MAKES = [(document, words) for document, words in COMMANDS if words[0] == "make"]


@functools.cache
def help_of(program: tuple[str, ...]) -> str:
    done = subprocess.run([sys.executable, *program, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(program)} --help: {done.stderr}"
    return done.stdout


@pytest.mark.parametrize(("document", "words"), PROGRAMS, ids=lambda part: part if isinstance(part, str) else part[-1])
def test_every_program_and_flag_exists(document, words):
    if words[1:2] == ["-m"]:
        if not words[2].startswith("benchmarks."):
            return  # pip, venv, pytest, pydoc: not ours
        program = ("-m", words[2])
    elif words[1].endswith(".py"):
        program = (words[1],)
        assert (ROOT / words[1]).is_file(), f"{document} names {words[1]}"
    else:
        return
    flags = {word.split("=")[0] for word in words[len(program) + 1 :] if word.startswith("--")}
    unknown = {flag for flag in flags if not re.search(rf"{flag}\b", help_of(program))}
    assert not unknown, f"{document}: {' '.join(words)}"


@pytest.mark.parametrize(("document", "words"), MAKES, ids=lambda part: part if isinstance(part, str) else part[-1])
def test_every_make_target_exists(document, words):
    targets = re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    asked = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
    assert set(asked) <= set(targets), f"{document}: {' '.join(words)}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_local_link_leads_somewhere(document):
    links = LINK.findall(document.read_text(encoding="utf-8"))
    assert not [link for link in links if not (document.parent / link).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_figure_is_the_measured_one(document):
    for shown, percent, name, place in FIGURE.findall(document.read_text(encoding="utf-8")):
        value = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
        for key in place.split("."):
            value = value[int(key)] if isinstance(value, list) else value[key]
        decimals = len(shown.partition(".")[2])
        measured = f"{100 * value if percent and value <= 1 else value:,.{decimals}f}"
        assert shown.replace(",", "") == measured.replace(",", ""), f"{document.name}: {name}.{place} is {measured}"


@pytest.mark.skipif(not (ROOT / "README.md").is_file(), reason="there is no README.md yet")
def test_the_readme_gives_a_reason_for_every_package():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    required = (ROOT / "requirements.txt").read_text().splitlines()
    packages = [re.split(r"[<>=!~\s\[]", line)[0] for line in required if line and not line.startswith(("#", "-"))]
    assert len(packages) > 8
    assert not [package for package in packages if package not in readme]
