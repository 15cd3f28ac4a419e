"""Ctrl-C ends a program without Python's own lines, from its first import on.

quiet_until_main()        # before the imports that take their time; digits/command.py's `command` goes on from there
"""

from __future__ import annotations

import os
import signal

STOPPED = 130  # the exit status of what Ctrl-C ended, as shells have it


def quiet_until_main() -> None:
    """Let Ctrl-C end the program without a word while it still loads its libraries."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's & has it ignored
        signal.signal(signal.SIGINT, _leave)


def listen() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` again after `quiet_until_main`."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(*_told: object) -> None:
    os._exit(STOPPED)
