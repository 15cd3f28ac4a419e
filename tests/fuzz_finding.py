"""Let a fuzzer that watches which code it reaches look for a picture that decoding or preprocessing trips over.

    pip install atheris                                   # Linux and macOS, Python 3.11 or later
    python -m tests.fuzz_finding 600                   # seconds
    python -m tests.fuzz_finding crash-…               # what broke it, once more

Every input is a file's bytes, to begin with those of tests/hostile.py. Allowed are an answer and a `PictureError` of
one sentence; anything else ends the run with a file crash-… in the working folder. Within atheris memory grows with
every input, without it by none; so it works in rounds, a process each, which hand on what they found worth keeping.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUND = 6_000  # runs, of which the first few hundred repeat what earlier rounds kept; some 1.5 GB


def main(seconds: float) -> int:
    """Fuzz in rounds until something breaks or the time is up; return the exit status."""
    from tests.hostile import all_files

    until, n_rounds = time.monotonic() + seconds, 0
    with tempfile.TemporaryDirectory() as corpus:
        for n, file in enumerate(all_files(0)):
            if len(file.data) < 20_000 and file.kind != "name":
                Path(corpus, str(n)).write_bytes(file.data)
        limits = ["-max_len=20000", "-timeout=20", "-rss_limit_mb=4000", f"-runs={ROUND}"]
        while time.monotonic() < until:
            done = subprocess.run([sys.executable, "-m", "tests.fuzz_finding", corpus, *limits])
            if done.returncode:
                return done.returncode
            n_rounds += 1
    print(f"{n_rounds * ROUND} runs in {n_rounds} rounds: nothing broke")
    return 0


def fuzz(argv: list[str]) -> None:
    """Run one round, with libFuzzer's options, or one file; ends the process."""
    import atheris

    with atheris.instrument_imports(include=["digits", "PIL"]):
        from digits.finding import limits
        from digits.finding.digit import find_digit

    limits.MAX_PIXELS = 250_000  # large pictures are not where the branches are, and cost the time

    def look_at(data: bytes) -> None:
        try:
            found = find_digit(data)
        except limits.PictureError as error:
            assert "\n" not in str(error) and len(str(error)) < 250
        else:
            assert found.ink.shape == (28, 28) and found.ink.dtype == "uint8"
            assert found.is_blank or found.ink.any()

    atheris.Setup(argv, look_at)
    atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1].isdecimal():
        sys.exit(main(float(sys.argv[1])))
    fuzz(sys.argv)
