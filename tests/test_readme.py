"""What the documents say is so: programs, flags and make targets exist, files are there, figures are the measured ones.

A document with figures is made from a template and the measurements; see benchmarks/fill_figures.py. The examples of
README and docs/api.md are run as they stand there, against a server started as README says.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.fill_figures import documents, fill, templates, unmeasured
from digits.files import ROOT
from tests.test_api_form import template as form_template

DOCUMENTS = documents()
SHELL = ("bash", "sh", "console", "shell")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]*)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PICTURES = ROOT / "docs" / "pictures"
ADDRESS = "http://127.0.0.1:7860"


def blocks(text: str, *languages: str) -> list[str]:
    """Return the contents of the fenced blocks in these languages."""
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, list[str]]]:
    """(document, words) of every command in a shell block, continued lines joined, comments and prompts dropped."""
    found = []
    for document in DOCUMENTS:
        for block in blocks(document.read_text(encoding="utf-8"), *SHELL):
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
    module, said = importlib.import_module(program[-1].removesuffix(".py")), io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit, match="^0$"):
        module.main(["--help"])
    return said.getvalue()


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


each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


@each_document
def test_every_local_link_leads_somewhere(document):
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), f"{document.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{document.name} links to {link}"


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives a document's headings."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = HEADING.findall(text)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("template", templates(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_figure_is_the_measured_one(template):
    document = templates()[template]
    filled, told = fill(template.read_text(encoding="utf-8")), document.read_text(encoding="utf-8")
    for line, measured in zip(told.splitlines(), filled.splitlines(), strict=False):
        assert line == measured, f"{document.name} is out of date: python -m benchmarks.fill_figures"
    assert told == filled, f"{document.name} is out of date: python -m benchmarks.fill_figures"


@each_document
def test_no_field_of_a_template_is_left_in_a_document(document):
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert "{{" not in text and "<!--" not in text


def test_a_figure_follows_its_measurement(tmp_path):
    (tmp_path / "speed.json").write_text('{"commit": "abc1234", "runs": [{"share": 0.99624, "n": 10000}], "ms": 1.256}')
    template = (
        "{{speed.runs.0.share .2%}} %, {{speed.runs.0.n}}, {{speed.runs.0.share %}} %, {{speed.ms .1}}, "
        "{{speed.missing .1%}} %, {{nowhere.at.all}}, {{speed.commit}}, 12 apples"
    )
    assert fill(template, tmp_path) == "99.62 %, 10,000, 100 %, 1.3, – %, –, abc1234, 12 apples"
    assert list(unmeasured(template, tmp_path)) == ["speed.missing", "nowhere.at.all"]


def test_there_is_a_reason_for_every_package():
    table = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    required = (ROOT / "requirements.txt").read_text().splitlines()
    packages = [re.split(r"[<>=!~;\s\[]", line)[0] for line in required if line and not line.startswith(("#", "-"))]
    assert len(packages) > 8
    assert not [package for package in packages if package not in table]


def test_the_site_has_every_document():
    pages = set(re.findall(r": ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert pages - {"docs/reference.md"} == {path.relative_to(ROOT).as_posix() for path in DOCUMENTS}


# ---------------------------------------------------------------- the examples, run as they stand

README = (ROOT / "README.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with the example drawings, where examples may write what they like."""
    for name in ("examples", "form"):
        shutil.copytree(ROOT / "assets" / name, tmp_path / "assets" / name)
    (tmp_path / "form.json").write_bytes(form_template())
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("code", blocks(README + API, "python"), ids=lambda code: code.split("\n")[0])
def test_the_python_examples_run(code, address, here, capsys):
    names: dict = {"__name__": "__main__"}
    exec(compile(code.replace(ADDRESS, address), "example", "exec"), names)
    said = capsys.readouterr().out
    digit = names.get("digit", names["row"]["digit"] if "row" in names else None)
    assert digit == 7 or [row["digit"] for row in names["rows"]] == list(range(10))
    assert said.strip()


def test_the_python_example_is_a_script_whose_batch_may_use_processes(here):
    (code,) = blocks(README, "python")
    (here / "script.py").write_text(
        "from digits.batch import local\n\nlocal.PROCESSES_PAY_S = dict.fromkeys(local.PROCESSES_PAY_S, 0)\n" + code
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=here, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.stdout.split()[::2] == ["7", "10"], done.stderr


CURLS = [words for document, words in COMMANDS if document in ("README.md", "docs/api.md") and words[0] == "curl"]


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
@pytest.mark.parametrize("words", CURLS, ids=lambda words: words[-1].rsplit("/", 1)[-1])
def test_the_curl_examples_run(words, address, here):
    done = subprocess.run(
        [word.replace(ADDRESS, address) for word in words], cwd=here, capture_output=True, text=True, timeout=60
    )
    told = json.loads(done.stdout)
    row = told.get("rows", [{}])[0]
    assert told.get("text", str(row.get("digit"))) == "7" or row["fields"]["customer"]["text"] == "49927395", told


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_the_javascript_example_runs(address, here):
    (code,) = blocks(API, "js")
    (here / "ask.mjs").write_text(code.replace(ADDRESS, address))
    done = subprocess.run(["node", "ask.mjs"], cwd=here, capture_output=True, text=True, timeout=60)
    if "openAsBlob" in done.stderr:
        pytest.skip("this node is older than 20")
    assert done.stdout.split()[:2] == ["ok", "7"], done.stderr


@pytest.mark.parametrize("code", blocks((ROOT / "models" / "README.md").read_text(encoding="utf-8"), "python"))
def test_the_examples_of_the_model_card_run(code, here, capsys):
    names: dict = {}
    exec(compile(code, "models/README.md", "exec"), names)
    said = capsys.readouterr().out
    assert said or not names["network"].training


# ---------------------------------------------------------------- CONTRIBUTING's recipes, followed

RECIPES = blocks((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), "python")


def recipe(marker: str, module) -> dict:
    """Run the recipe that holds `marker` as if it were written into `module`; return the names it then has."""
    (code,) = [code for code in RECIPES if marker in code]
    names = dict(vars(module))
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    return names


def test_an_architecture_is_six_lines_and_one_epoch_later_on_the_page(tmp_path, monkeypatch, examples):
    import app
    import model
    import train
    from digits.serving.page.build import known

    for served in (ROOT / "models").glob("mnist_cnn_best.*"):
        shutil.copy(served, tmp_path)
    monkeypatch.setattr("digits.weights.MODELS_DIR", tmp_path)
    monkeypatch.setattr("digits.weights.OUTPUTS_DIR", tmp_path / "outputs")
    monkeypatch.setitem(model.REGISTRY, "small", None)  # so that it is taken away again
    (code,) = [code for code in RECIPES if "@architecture" in code]
    assert len(code.strip().splitlines()) == 6
    recipe("@architecture", model)
    assert "(1, 10)" in model.describe("small")
    train.train(train.Settings(model="small", dataset=["bundled"], epochs=1, device="cpu"), tmp_path / "run")
    model.publish(tmp_path / "run")
    readers = app.make_readers(app.shipped_models())
    assert readers.names == ["mnistnet", "small"]
    assert readers.predictor(["small"]).predict(examples[1]).probs.shape == (10,)
    assert "small" in known(readers, exports=True, trains=False)["models"], "the page's scripts offer it"


def test_an_augmentation_is_a_function():
    import torch

    from digits.learning import augment

    fade = recipe("def _fade", augment)["_fade"]
    ink = torch.ones(64, 1, 28, 28)
    faded = fade(ink, 0.4, torch.Generator().manual_seed(0))
    assert faded.shape == ink.shape and 0.6 <= faded.min() < 1 and faded.max() == 1


def test_a_migration_changes_a_file_that_is_there(tmp_path, monkeypatch):
    import sqlite3

    import numpy as np

    from digits import corrections

    path = tmp_path / "corrections.sqlite"
    corrections.Corrections(path).add(np.ones((28, 28), np.uint8), 7)
    migration = recipe("ALTER TABLE", corrections)["_add_writer"]
    monkeypatch.setattr(corrections, "MIGRATIONS", [*corrections.MIGRATIONS, migration])
    assert [row["writer"] for row in corrections.Corrections(path).rows()] == [None]
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == len(corrections.MIGRATIONS)


# ---------------------------------------------------------------- other promises


def test_the_front_matter_is_what_a_hugging_face_space_needs():
    facts = dict(re.findall(r"^(\w+): +(.+)$", README.split("---")[1], re.MULTILINE))
    assert facts["sdk"] == "gradio" and (ROOT / facts["app_file"]).is_file() and facts["license"] == "mit"
    assert len(facts["short_description"]) <= 60, "Hugging Face refuses a longer one"


def test_the_statuses_are_all_explained():
    from digits.reading.verdict import STATUSES

    assert not [status for status in STATUSES if f"| `{status}` |" not in README]


def test_the_readme_is_short():
    assert len(README.splitlines()) < 150, "move it into docs/"


def test_the_pictures_of_the_page_are_small():
    assert (ROOT / "docs" / "page.png").stat().st_size < 100_000
    assert (ROOT / "docs" / "page.webp").stat().st_size < 2_000_000


def test_the_recording_moves():
    assert Image.open(ROOT / "docs" / "page.webp").n_frames > 10


def test_the_pictures_of_preprocessing_can_be_drawn_again(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("draw_pictures", ROOT / "docs" / "draw_pictures.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    monkeypatch.setattr(program, "PICTURES_DIR", tmp_path)
    assert program.main() == 0
    sizes = [{path.name: Image.open(path).size for path in folder.glob("*.png")} for folder in (tmp_path, PICTURES)]
    assert sizes[0] == sizes[1]
