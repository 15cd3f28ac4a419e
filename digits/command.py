"""What every command-line program shares: one sentence for a user's mistake, and flags declared by a dataclass.

raise UserError("there is no file 'x.png'; name one that is there")    # one line on stderr, exit status 2
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import errno
import functools
import io
import os
import sys
from collections.abc import Callable
from dataclasses import field, fields
from typing import Any

from digits.interrupt import STOPPED, listen


class UserError(Exception):
    """Something the user can mend; the message is one sentence that names the next step."""


IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
IS_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)


def command(main: Callable[..., int]) -> Callable[..., int]:
    """Turn what a user or a disk did wrong in a program's `main` into one line on stderr and exit status 2.

    Ctrl-C is one line and status 130.
    """

    @functools.wraps(main)
    def wrapped(argv: list[str] | None = None) -> int:
        _escape_what_cannot_be_printed()
        listen()
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
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            return STOPPED
        return 2

    return wrapped


def new_parser(description: str, *examples: str) -> argparse.ArgumentParser:
    """Return a parser whose --help ends with the examples, a line each."""
    epilog = "\n  ".join(["examples:", *examples])
    return argparse.ArgumentParser(
        description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def at_least_one(text: str) -> int:
    """Return a flag's whole number from 1 on, for argparse's `type`; raises its error for anything else.

    >>> at_least_one("8")
    8
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' must be a whole number from 1 on")
    return int(text)


Range = tuple[Callable[[float], bool], str]  # whether a number fits, and which do


def flag(default: Any, what: str, fits: Range | None = None, **options: Any) -> Any:
    """Declare a field of a dataclass of settings that is a flag of the command line too; see `add_flags`.

    `what` is its help, `options` go to argparse; a default of None must be said by `what`. `fits` is for `check_flags`.
    """
    if isinstance(default, list):
        kind: dict[str, Any] = {"nargs": "+"}
        value: dict[str, Any] = {"default_factory": lambda: list(default)}
    else:
        kind = {} if default is None else {"type": type(default)}
        value = {"default": default}
    usual = " ".join(default) if isinstance(default, list) else default
    help = f"{what} (default: {usual})" if default else what
    return field(**value, metadata={"argparse": {"help": help, **kind, **options}, "fits": fits})


def add_flags(parser: argparse.ArgumentParser, settings: Any) -> None:
    """Add a flag for every field of a dataclass that was declared by `flag`; one that is not given leaves no trace.

    So the arguments say what somebody asked for, and the dataclass has the defaults.
    """
    for one in fields(settings):
        if one.metadata:
            name = f"--{one.name.replace('_', '-')}"
            parser.add_argument(name, default=argparse.SUPPRESS, **one.metadata["argparse"])


def check_flags(settings: Any) -> None:
    """Raise `UserError` for a number outside the range that its flag was declared with."""
    for one in fields(settings):
        value, fits = getattr(settings, one.name), one.metadata.get("fits")
        if fits and value is not None and not fits[0](value):
            raise UserError(f"--{one.name.replace('_', '-')} must be {fits[1]}, not {value:g}")


def disk_sentence(error: OSError) -> str:
    """Return what a disk that takes no more said, with the next step."""
    what = f"'{error.filename}'" if error.filename else "the output"
    step = "free some space" if error.errno in IS_FULL else "name another place, or change who may use it"
    return f"{what} cannot be used ({error.strerror or 'no room'}); {step}"


def shown(name: str) -> str:
    """Return a file's name on one line, with escapes for what a terminal would obey or could not print."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name)


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
