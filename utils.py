"""What most programs and tests take from the package below, again: user errors, paths, safe writing, seeds, devices.

from utils import UserError, atomic_path, seed_everything
with atomic_path("report.csv") as path: path.write_text("...")
raise UserError("there is no file 'x.png'; name one that is there")    # one line on stderr, exit status 2
"""

from __future__ import annotations

from digits.command import UserError, command, disk_sentence, start_log
from digits.files import (
    ASSETS_DIR,
    MODELS_DIR,
    OUTPUTS_DIR,
    ROOT,
    RUNS_DIR,
    atomic_path,
    free_path,
    git_commit,
    write_json,
)
from digits.learning.seeds import seed_everything
from digits.reading.engines import choose_device
from digits.tables import read_csv

__all__ = [
    "ASSETS_DIR",
    "MODELS_DIR",
    "OUTPUTS_DIR",
    "ROOT",
    "RUNS_DIR",
    "UserError",
    "atomic_path",
    "choose_device",
    "command",
    "disk_sentence",
    "free_path",
    "git_commit",
    "read_csv",
    "seed_everything",
    "start_log",
    "write_json",
]
