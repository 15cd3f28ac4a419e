"""Safe writing, one-line user errors, free names, logs and seeds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import utils


def test_atomic_path_replaces_the_file_only_when_the_block_succeeds(tmp_path):
    target = tmp_path / "new" / "report.csv"
    with utils.atomic_path(target) as path:
        path.write_text("first")
        assert not target.exists()
    with pytest.raises(RuntimeError), utils.atomic_path(target) as path:
        path.write_text("half of the sec")
        raise RuntimeError("killed")
    assert target.read_text() == "first"
    assert [file.name for file in target.parent.iterdir()] == ["report.csv"], "a temporary file was left behind"


def test_atomic_path_keeps_the_usual_permissions(tmp_path):
    plain, target = tmp_path / "plain.txt", tmp_path / "target.txt"
    plain.write_text("")
    with utils.atomic_path(target) as path:
        path.write_text("")
    assert target.stat().st_mode == plain.stat().st_mode


def test_atomic_path_takes_the_longest_name_a_disk_allows(tmp_path):
    target = tmp_path / ("n" * 251 + ".csv")
    with utils.atomic_path(target) as path:
        path.write_text("x")
    assert target.read_text() == "x"


def test_free_path_counts_up(tmp_path):
    path = tmp_path / "report.csv"
    assert utils.free_path(path) == path
    path.touch()
    (tmp_path / "report-2.csv").touch()
    assert utils.free_path(path).name == "report-3.csv"


def test_free_path_takes_no_name_of_a_link_that_leads_nowhere(tmp_path):
    path = tmp_path / "report.csv"
    path.symlink_to(tmp_path / "gone.csv")
    assert utils.free_path(path).name == "report-2.csv"


def test_command_turns_a_user_error_into_one_line_and_status_2(capsys):
    @utils.command
    def main(argv=None):
        raise utils.UserError("there is no such thing; make one with: make thing")

    assert main([]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: there is no such thing; make one with: make thing\n")


def test_command_does_not_hide_our_own_mistakes():
    @utils.command
    def main(argv=None):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main([])


def test_command_passes_status_and_arguments_through():
    assert utils.command(lambda argv: len(argv))(["a", "b", "c"]) == 3


@pytest.fixture
def hears_ctrl_c():
    """Let SIGINT do here what it does at a terminal: what a shell starts with & ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_one_line(capsys, hears_ctrl_c):
    @utils.command
    def main(argv=None):
        signal.raise_signal(signal.SIGINT)

    assert main([]) == 130
    assert capsys.readouterr() == ("", "stopped\n")


INTERRUPTED = """import os, runpy, signal, sys
class Finder:
    def find_spec(self, name, *_more):
        if name == "numpy":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
runpy.run_path(sys.argv[1], run_name="__main__")"""


@pytest.mark.parametrize("name", [path.name for path in utils.ROOT.glob("*.py") if path.name != "utils.py"])
def test_ctrl_c_while_a_program_still_loads_is_quiet(name):
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what a shell starts with & does not hear Ctrl-C
    command = [sys.executable, "-c", INTERRUPTED, name]
    done = subprocess.run(command, cwd=utils.ROOT, capture_output=True, text=True, timeout=60, preexec_fn=heard)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_start_log_writes_one_file_and_lets_go_of_the_last(tmp_path, capsys):
    utils.start_log(tmp_path / "a.log", "test-log").info("one")
    logger = utils.start_log(tmp_path / "logs" / "b.log", "test-log")
    logger.info("two")
    assert "INFO one" in (tmp_path / "a.log").read_text()
    assert "two" not in (tmp_path / "a.log").read_text()
    assert (tmp_path / "logs" / "b.log").read_text().rstrip().endswith("INFO two")
    assert capsys.readouterr() == ("", "")


def test_seed_everything_repeats_all_three_generators():
    import torch

    def draw():
        utils.seed_everything(3)
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert draw() == draw()


def test_choose_device_takes_the_user_at_their_word():
    assert utils.choose_device("cpu") == "cpu"
    assert utils.choose_device() in ("cpu", "cuda", "mps")


def test_git_commit_is_a_hash_or_nothing(monkeypatch, tmp_path):
    commit = utils.git_commit()
    assert commit is None or int(commit, 16) >= 0
    monkeypatch.setattr("digits.files.ROOT", tmp_path)
    monkeypatch.setitem(os.environ, "GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert utils.git_commit() is None


def test_json_is_written_whole_and_for_people(tmp_path):
    utils.write_json(tmp_path / "new" / "a.json", {"share": 0.5})
    assert (tmp_path / "new" / "a.json").read_text() == '{\n "share": 0.5\n}\n'
    with pytest.raises(TypeError):
        utils.write_json(tmp_path / "new" / "a.json", object())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.json"], "the old one stays, nothing beside it"


def test_a_csv_is_read_by_its_columns_or_refused(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("\ufefffile,label\na.png,7\n", encoding="utf-8")
    assert utils.read_csv(path, "file", "label") == [{"file": "a.png", "label": "7"}]
    with pytest.raises(utils.UserError, match="needs the columns path and label"):
        utils.read_csv(path, "path", "label")
    path.write_bytes(b"file;label\n\xfc.png;7\n")
    assert utils.read_csv(path, "file", "label") == [{"file": "ü.png", "label": "7"}], "as a German Excel saves it"
    path.write_bytes(b"file,label\n\x81.png,7\n")
    with pytest.raises(utils.UserError, match="UTF-8"):
        utils.read_csv(path, "file", "label")
    with pytest.raises(utils.UserError, match="cannot be read"):
        utils.read_csv(tmp_path / "none.csv", "file")
