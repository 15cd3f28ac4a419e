"""Every package that the code imports is listed, and every listed one says why."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from digits.files import ROOT

CODE = [*ROOT.glob("*.py"), *(ROOT / "digits").rglob("*.py")]
TESTS = [path for folder in ("tests", "benchmarks", "assets") for path in (ROOT / folder).rglob("*.py")]
LISTED_AS = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "kornia_rs": "kornia-rs",
    "pillow_heif": "pillow-heif",
    "fastapi_offline": "fastapi-offline",
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
    "onnx_ir": "onnx-ir",
    "stdnum": "python-stdnum",
    "tomllib": "tomli",  # of Python's own from 3.11 on
}
COME_ALONG = {"starlette", "anyio", "pydantic", "traitlets"}  # parts of the interfaces of fastapi and of ipywidgets
BY_HAND = {
    "atheris",
    "kornia",
    "rapidocr",
}  # a fuzzer without a wheel for every Python, and what one benchmark compares with
OWN_ENVIRONMENT = ("requirements-ray.txt", "requirements-docs.txt")  # installed apart from the others
LISTS = sorted(ROOT.glob("requirements*.txt"))


def imported(paths: list[Path]) -> set[str]:
    """Return the installed packages that the files import anywhere, by the names they are installed under."""
    names = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    own = {path.stem for path in CODE + TESTS} | {"digits", "tests", "benchmarks", "assets"}
    return {LISTED_AS.get(name, name) for name in names - own - COME_ALONG - set(sys.stdlib_module_names)}


def listed(paths: list[Path]) -> set[str]:
    return {re.split(r"[<>=!~;\s\[]", line)[0].lower() for path in paths for line in entries(path)}


def entries(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-"))]


def test_what_the_programs_import_is_listed():
    for_use = [path for path in LISTS if path.name != "requirements-dev.txt"]
    assert {"torch", "numpy", "pillow"} <= imported(CODE)
    assert not imported(CODE) - listed(for_use)


def test_what_the_tests_import_is_listed():
    assert not imported(TESTS) - listed(LISTS) - BY_HAND


def test_the_lock_has_a_version_of_everything_and_no_address():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^([a-z0-9.-]+)==[^\s;]+(?: ; .+)?$", lock, re.MULTILINE)
    assert len(pinned) == len([line for line in lock.splitlines() if not line.startswith("#")])
    wanted = listed([path for path in LISTS if path.name not in OWN_ENVIRONMENT])
    assert not {name.replace("_", "-") for name in wanted} - set(pinned)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_every_requirement_says_why(path):
    assert entries(path)
    assert not [line for line in entries(path) if "#" not in line]
