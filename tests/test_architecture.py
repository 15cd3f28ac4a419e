"""The floors hold: who imports whom, what each package is listed for, and that importing a file does no work."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from utils import ROOT

PROGRAMS = sorted(ROOT.glob("*.py"))
ROOMS = sorted((ROOT / "digits").rglob("*.py"))
OTHERS = [path for folder in ("tests", "benchmarks", "assets") for path in sorted((ROOT / folder).rglob("*.py"))]
LISTED_AS = {"cv2": "opencv-python-headless", "PIL": "pillow", "fastapi_offline": "fastapi-offline", "yaml": "pyyaml"}
COME_ALONG = {"starlette", "anyio", "pydantic"}  # parts of fastapi's own interface
PAGE = {"digits.page", "app"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


OURS = {module_name(path) for path in PROGRAMS + ROOMS}
ROOT_PROGRAMS = {module_name(path) for path in PROGRAMS}


@functools.cache
def imports(path: Path, at_start_only: bool = False) -> frozenset[str]:
    """The modules a file imports, by full name; with `at_start_only` those of its top level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in tree.body if at_start_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} & OURS or {node.module}
    return frozenset(names)


def packages(paths: list[Path]) -> set[str]:
    """The installed packages that files import anywhere, by import name."""
    tops = {name.split(".")[0] for path in paths for name in imports(path)}
    own = {name.split(".")[0] for name in OURS} | {path.stem for path in OTHERS} | {"tests", "benchmarks", "assets"}
    return tops - own - set(sys.stdlib_module_names)


def listed(*names: str) -> set[str]:
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    return {re.split(r"[<>=!~;\s\[]", line)[0].lower() for line in lines if line and not line.startswith(("#", "-"))}


@pytest.mark.parametrize("path", ROOMS, ids=module_name)
def test_rooms_import_no_program_but_utils(path):
    assert not (imports(path) & ROOT_PROGRAMS) - {"utils"}


def test_utils_is_at_the_bottom():
    assert not imports(ROOT / "utils.py") & OURS


def test_there_are_no_circles():
    graph = {module_name(path): imports(path, at_start_only=True) & OURS for path in PROGRAMS + ROOMS}
    list(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize("path", PROGRAMS + ROOMS, ids=module_name)
def test_only_the_page_imports_gradio(path):
    if not any(module_name(path).startswith(name) for name in PAGE):
        assert not any(name.split(".")[0] == "gradio" for name in imports(path))


def test_only_picture_decodes_files():
    """Pillow opens and cv2 reads files in one place, behind its limits."""
    decoders = re.compile(r"\bImage\.open\(|\bcv2\.(imread|imdecode)\(")
    found = {module_name(path) for path in PROGRAMS + ROOMS if decoders.search(path.read_text(encoding="utf-8"))}
    assert found - {"digits.imitate"} == {"digits.picture"}, "(imitate decodes what it has just encoded itself)"


def test_every_package_that_is_imported_is_listed():
    extras = [path.name for path in ROOT.glob("requirements-*.txt")]
    needed = {LISTED_AS.get(name, name) for name in packages(PROGRAMS + ROOMS) - COME_ALONG}
    assert not needed - listed("requirements.txt", *(name for name in extras if name != "requirements-dev.txt"))
    for_tests = {LISTED_AS.get(name, name) for name in packages(OTHERS) - COME_ALONG}
    assert not for_tests - listed("requirements.txt", *extras)


def test_no_program_hides_an_installed_package():
    """A file here named like a package that something imports would be imported in its stead."""
    top_level = {name.lower() for name in listed("requirements.txt", "requirements-dev.txt")}
    assert not ROOT_PROGRAMS & (top_level | set(sys.stdlib_module_names))


@pytest.mark.parametrize("name", sorted(ROOT_PROGRAMS))
def test_importing_a_program_does_no_work(name, tmp_path):
    """No output, no file written, no weights read; run from elsewhere so that a stray file would be seen."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {name}"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir())
