"""Seeds, devices, logging, paths and safe writing: nothing here knows what a digit is.

from utils import UserError, atomic_path, seed_everything
with atomic_path("report.csv") as path: path.write_text("...")
raise UserError("there is no file 'x.png'; name one that is there")    # one line on stderr, exit status 2
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import errno
import functools
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
MODELS_DIR = ROOT / "models"
OUTPUTS_DIR = ROOT / "outputs"
RUNS_DIR = OUTPUTS_DIR / "runs"
ASSETS_DIR = ROOT / "assets"


class UserError(Exception):
    """Something the user can mend; the message is one sentence that names the next step."""


IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
IS_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)


def command(main: Callable[..., int]) -> Callable[..., int]:
    """Turn what a user or a disk did wrong in a program's `main` into one line on stderr and exit status 2."""

    @functools.wraps(main)
    def wrapped(argv: list[str] | None = None) -> int:
        _escape_what_cannot_be_printed()
        try:
            status = main(argv)
            sys.stdout.flush()  # here, where its failure can be told, rather than as Python leaves
            return status
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
        except BrokenPipeError:  # the reader of our stdout (`| head`) has seen enough
            _drop_stdout()
            return 0
        except OSError as error:
            if error.errno not in IS_FULL + IS_CLOSED:
                raise
            print(f"error: {disk_sentence(error)}", file=sys.stderr)
            if error.filename is None:
                _drop_stdout()
        return 2

    return wrapped


def disk_sentence(error: OSError) -> str:
    """Return what a disk that takes no more said, with the next step."""
    what = f"'{error.filename}'" if error.filename else "the output"
    step = "make room" if error.errno in IS_FULL else "name another place, or change who may use it"
    return f"{what} cannot be used ({error.strerror or 'no room'}); {step}"


def _escape_what_cannot_be_printed() -> None:
    """Print \\xe9 where the terminal's encoding has no é, as with LANG=C; a path's own bytes go out as they are."""
    codecs.register_error("escape", _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="escape")


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


def _drop_stdout() -> None:
    """Let what is still to be written to stdout go nowhere, so that Python does not fail as it leaves."""
    with contextlib.suppress(OSError):  # there is none, or it is none of the system's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def choose_device(name: str = "auto") -> str:
    """Return `name`, or for "auto" the fastest device torch can see: cuda, mps or cpu."""
    if name != "auto":
        return name
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds, delete it if not.

    A reader, or a run killed half-way, never sees half a file. A full disk is an `OSError`, whoever writes.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:40]}-", suffix=path.suffix + ".tmp")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp's 0600 is meant for secrets
        os.replace(temporary, path)
    except RuntimeError as error:  # how torch says that it could not write
        if shutil.disk_usage(path.parent).free > 2**16:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
    except OSError as error:
        raise OSError(error.errno, error.strerror, error.filename or str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write `value` as indented JSON with a line break at the end, never half a file. Raises as `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def read_csv(path: str | os.PathLike, *columns: str) -> list[dict[str, str]]:
    """Return the rows of a CSV in UTF-8 by the names in its first line, a missing cell None.

    Raises `UserError` if it cannot be read or lacks one of `columns`.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not set(columns) <= set(reader.fieldnames or []):
                raise UserError(f"{path} needs the columns {' and '.join(columns)}; name them in its first line")
            return list(reader)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a CSV file that is there") from None
    except (UnicodeDecodeError, csv.Error):
        raise UserError(f"{path} is not a CSV text file; save it as CSV in UTF-8") from None


def free_path(path: str | os.PathLike) -> Path:
    """Return `path`, or the first of `name-2`, `name-3`, … that does not exist yet."""
    path = Path(path)
    candidate, n = path, 2
    while os.path.lexists(candidate):  # a link that leads nowhere takes its name, too
        candidate, n = path.with_name(f"{path.stem}-{n}{path.suffix}"), n + 1
    return candidate


def git_commit() -> str | None:
    """Return the short hash of the checked-out commit, or None outside a git checkout."""
    try:
        shown = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return shown.stdout.strip()


def start_log(path: str | os.PathLike, name: str) -> logging.Logger:
    """Return the logger `name`, writing lines with time and level to the file `path` only."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger(name)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.handleError = lambda _record: None  # a full disk costs the log a line, and nobody else anything
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger
