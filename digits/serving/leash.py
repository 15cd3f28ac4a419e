"""Run a program that ends with whoever started it, together with every process it has started.

    python -m digits.serving.leash train.py --feedback --quick

Standard input is the leash. When it is closed, by its holder or because its holder was killed, the whole process group
is killed, so it must be a group of its own.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def end_with_stdin() -> None:
    """Wait until standard input is closed, then kill this process and, where the system has them, its group."""
    while os.read(0, 1024):  # not sys.stdin's, whose lock a program that ends in the meantime would wait for
        pass
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_stdin, daemon=True).start()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
