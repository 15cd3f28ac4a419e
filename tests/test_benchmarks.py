"""The benchmarks' frame: they start either way, share their flags, and every result says where it comes from."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

from benchmarks import record
from benchmarks.seeds import train_seed
from digits.command import UserError
from digits.files import ROOT, write_json
from digits.finding.decode import open_picture
from train import Settings

SCRIPTS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if path.stem != "record")

# Each script starts as if it were the only one: what the one before imported of the project is forgotten again.
AS_FILES = """
import runpy, sys
sys.path.remove("")
clean, own = list(sys.path), ("benchmarks", "digits", "model", "predict", "train", "batch_processor")
for script in sys.argv[1:]:
    runpy.run_path(script)
    sys.path[:] = clean
    for name in [name for name in sys.modules if name.split(".")[0] in own]:
        del sys.modules[name]
"""


def test_every_benchmark_starts_as_a_file_from_anywhere(tmp_path):
    words = [sys.executable, "-c", AS_FILES, *map(str, SCRIPTS)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr


def test_a_result_says_where_it_comes_from(tmp_path, capsys):
    record.save({"split": "test", "share": 0.5}, "none", tmp_path / "share.json")
    stored = json.loads((tmp_path / "share.json").read_text())
    assert list(stored) == ["commit", "when", "machine", "python", "split", "share"]
    assert "cores" in stored["machine"] and stored["when"].endswith("+00:00")
    assert capsys.readouterr().out == f"{tmp_path / 'share.json'}\n"


def test_a_kept_picture_has_its_colours_and_a_name_that_may_be_one(tmp_path):
    record.keep_picture(tmp_path / "new", "7-1/2 read\n12", np.full((2, 2, 3), (200, 100, 0), np.uint8))
    (kept,) = (tmp_path / "new").iterdir()
    assert kept.name == "7-1_2_read_12.png" and open_picture(kept)[0, 0].tolist() == [200, 100, 0]


def test_the_test_images_are_asked_for_by_name():
    parser = record.make_parser("What it measures.\n\n    python -m benchmarks.x   # an example", "--mnist-test")
    assert parser.parse_args([]).split == "validation"
    assert parser.parse_args(["--mnist-test"]).split == "test"
    assert "  python -m benchmarks.x   # an example" in parser.format_help()


def test_a_seed_of_another_recipe_is_not_passed_off_as_this_one(tmp_path):
    write_json(tmp_path / "config.json", asdict(Settings(epochs=20)))
    write_json(tmp_path / "summary.json", {})
    assert train_seed(Settings(epochs=20), tmp_path) == tmp_path / "last.pth"
    with pytest.raises(UserError, match="other settings"):
        train_seed(Settings(epochs=50), tmp_path)


@pytest.mark.mnist
def test_unseen_digits_are_those_that_the_shipped_networks_held_out():
    ink, labels = record.unseen_digits("validation")
    assert ink.shape == (5000, 28, 28) and labels.shape == (5000,)
    assert record.unseen_digits("test", 7)[0].shape == (7, 28, 28)
