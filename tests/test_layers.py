"""The floors of the building, read from the imports: who may use whom, and that importing does no work."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache

import pytest

from digits.files import ROOT

PROGRAMS = sorted(path.stem for path in ROOT.glob("*.py"))
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [*ROOT.glob("*.py"), *(ROOT / "digits").rglob("*.py")]
}
# From the ground up.
FLOORS = "interrupt command files weights tables finding corrections reading learning measuring batch serving".split()
HEAVY = {"torch", "torchvision", "gradio", "ray", "matplotlib"}
GRADIO_ROOMS = ("app", "digits.serving.page")


@cache
def imports(name: str) -> frozenset[str]:
    """Return the full names that a module imports, within functions and for type checkers alone as well."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(name, node)
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names if f"{base}.{alias.name}" in MODULES}
    return frozenset(found)


def _absolute(name: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = name.split(".") if MODULES[name].name == "__init__.py" else name.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])


def local(names: frozenset[str]) -> set[str]:
    return {name for name in names if name.split(".")[0] in {*PROGRAMS, "digits"}}


def floor_of(name: str) -> int:
    """Return how high the room of a module of `digits` lies."""
    return FLOORS.index(name.split(".")[1])


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("digits.")])
def test_rooms_import_only_what_lies_below(name):
    programs = {found for found in local(imports(name)) if not found.startswith("digits")}
    assert not programs, f"hand in what {name} needs of {programs}"
    above = {found for found in local(imports(name)) - {"digits"} if floor_of(found) > floor_of(name)}
    assert not above, f"{name} lies below {above}"


def test_the_floors_below_the_programs():
    assert {found for found in local(imports("utils")) if not found.startswith("digits")} == set()
    assert {found for found in local(imports("model")) if not found.startswith("digits")} <= {"utils"}
    assert {found for found in local(imports("predict")) if not found.startswith("digits")} <= {"utils", "model"}


def test_nobody_imports_a_program():
    programs = set(PROGRAMS) - {"utils", "model", "predict"}
    assert not {name: imports(name) & programs for name in MODULES if imports(name) & programs}


def test_only_the_page_imports_gradio():
    users = {name for name in MODULES for found in imports(name) if found.split(".")[0] == "gradio"}
    assert all(name.startswith(GRADIO_ROOMS) for name in users), users


def test_there_are_no_circles():
    waiting = {name: (local(imports(name)) & MODULES.keys()) - {name, "digits"} for name in MODULES}
    while free := {name for name, needs in waiting.items() if not needs}:
        waiting = {name: needs - free for name, needs in waiting.items() if name not in free}
    assert not waiting, f"these import each other: {sorted(waiting)}"


def test_metrics_needs_numpy_alone():
    beyond = {name.split(".")[0] for name in imports("digits.measuring.metrics")} - set(sys.stdlib_module_names)
    assert beyond == {"numpy"}


# ---------------------------------------------------------------- in a fresh process


def fresh(code: str, *options: str) -> str:
    done = subprocess.run([sys.executable, *options, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["predict", "batch_processor"])
def test_reading_starts_without_what_it_does_not_need(name):
    loaded = set(json.loads(fresh(f"import json, sys, {name}; print(json.dumps(sorted(sys.modules)))")))
    assert not loaded & (HEAVY | {"pandas"})


def test_reading_with_onnx_runtime_never_imports_torch():
    code = (
        "import sys; from predict import MNISTPredictor\n"
        "MNISTPredictor(engine='onnx').predict('assets/examples/4.png')\n"
        f"print(sorted({HEAVY} & set(sys.modules)))"
    )
    assert fresh(code).strip() == "[]"


def test_the_api_starts_without_the_page():
    code = "import json, sys, digits.serving.api; print(json.dumps(sorted(sys.modules)))"
    assert "gradio" not in json.loads(fresh(code))


def test_no_name_at_the_root_hides_an_installed_package():
    names = [*PROGRAMS, "digits"]
    code = f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"
    assert fresh(code, "-I").strip() == "[]"


WATCH = """
import importlib, json, os, sys
root, done = os.getcwd(), []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)) and set(str(arguments[1] or "r")) & set("wax+"):
        note(event, arguments[0])
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir") and arguments[-1] == -1:  # no folder's descriptor
        note(event, arguments[0])
    elif event in ("socket.connect", "socket.getaddrinfo"):
        done.append([event, repr(arguments)])
def note(event, path):
    path = os.path.abspath(os.fsdecode(path))
    if path.startswith(root + os.sep) and f"{os.sep}.venv{os.sep}" not in path:
        done.append([event, path])
sys.addaudithook(watch)
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(done))
"""


def test_importing_writes_nothing_and_calls_nobody():
    benchmarks = [f"benchmarks.{path.stem}" for path in sorted((ROOT / "benchmarks").glob("*.py"))]
    names = [name for name in [*MODULES, *benchmarks] if not name.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-B", "-c", WATCH, json.dumps(names)], cwd=ROOT, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n", "importing does no work, and prints nothing"


def test_the_modules_are_all_found():
    assert {"model", "predict", "digits.measuring.metrics", "digits"} <= MODULES.keys()
