"""Where the project's files lie, and how one is written so that nobody ever reads half of it.

with atomic_path("report.csv") as path: path.write_text("...")
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODELS_DIR = ROOT / "models"
OUTPUTS_DIR = ROOT / "outputs"
RUNS_DIR = OUTPUTS_DIR / "runs"
ASSETS_DIR = ROOT / "assets"

MAX_NAME = 240  # bytes of a file's name


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
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


def write_json(path: str | os.PathLike[str], value: object) -> None:
    """Write `value` as indented JSON with a line break at the end, never half a file. Raises as `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def nth_path(path: Path, n: int) -> Path:
    """Return where the `n`-th file called so goes, counted from 1: `path` itself, `name-2`, `name-3`, …"""
    return path if n == 1 else path.with_name(f"{path.stem}-{n}{path.suffix}")


def free_path(path: str | os.PathLike[str], taken: Container[Path] = ()) -> Path:
    """Return the first `nth_path` that does not exist yet, and is not among those `taken`."""
    named = (nth_path(Path(path), n) for n in itertools.count(1))
    return next(one for one in named if one not in taken and not os.path.lexists(one))  # a dangling link counts, too


def shortened(name: str) -> str:
    """Return a file name that leaves room for a number: file systems take 255 bytes, archives longer names."""
    stem, suffix = os.path.splitext(name)
    return os.fsdecode(os.fsencode(stem)[: MAX_NAME - len(os.fsencode(suffix))]) + suffix


def read_asset(name: str) -> str:
    """Return the text of a file in assets/."""
    return (ASSETS_DIR / name).read_text(encoding="utf-8")


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def without_folders(value: Any) -> Any:
    """Return a setting as others may see it: of a path, or of each in a list, only the last part.

    >>> without_folders(["mnist", "/home/ann/digits", "runs\\\\best.pth"]), without_folders(0.5)
    (['mnist', 'digits', 'best.pth'], 0.5)
    """
    if isinstance(value, list):
        return [without_folders(one) for one in value]
    return value.replace("\\", "/").rsplit("/", 1)[-1] if isinstance(value, str) else value


def git_commit() -> str | None:
    """Return the short hash of the checked-out commit, or None outside a git checkout."""
    try:
        shown = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return shown.stdout.strip()
