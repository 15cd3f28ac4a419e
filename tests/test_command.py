"""What every program does: one-line user errors, Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial

import pytest

import app
import train_readers
from digits.command import UserError, command
from digits.files import ROOT


def test_command_turns_a_user_error_into_one_line_and_status_2(capsys):
    @command
    def main(argv=None):
        raise UserError("there is no such thing; make one with: make thing")

    assert main([]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: there is no such thing; make one with: make thing\n")


def test_command_does_not_hide_our_own_mistakes():
    @command
    def main(argv=None):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main([])


def test_command_passes_status_and_arguments_through():
    assert command(lambda argv: len(argv))(["a", "b", "c"]) == 3


@pytest.mark.parametrize("program", [app, train_readers])
@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_a_number_below_one_is_refused_where_it_would_undo_everything(program, number, capsys):
    flags = ["--max-upload-mb"] if program is app else ["lines", "--epochs"]
    with pytest.raises(SystemExit):
        program.parse_arguments([*flags, number])
    assert f"'{number}' must be a whole number from 1 on" in capsys.readouterr().err


@pytest.fixture
def hears_ctrl_c():
    """Let SIGINT do here what it does at a terminal: what a shell starts with & ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_one_line(capsys, hears_ctrl_c):
    @command
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


@pytest.mark.parametrize("name", [path.name for path in ROOT.glob("*.py") if path.name != "utils.py"])
def test_ctrl_c_while_a_program_still_loads_is_quiet(name):
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what a shell starts with & does not hear Ctrl-C
    started = [sys.executable, "-c", INTERRUPTED, name]
    done = subprocess.run(started, cwd=ROOT, capture_output=True, text=True, timeout=60, preexec_fn=heard)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
