"""Let a fuzzer that watches which code it reaches look for a picture that decoding or preprocessing trips over.

    pip install atheris                                   # Linux and macOS, Python 3.11 or later
    python -m tests.fuzz_preprocess -max_total_time=600

Every input is a file's bytes, to begin with those of tests/hostile.py. Allowed are an answer and a `PictureError` of
one sentence; anything else ends the run with a file crash-… in the working folder, which
`python -m tests.fuzz_preprocess crash-…` repeats. The options are libFuzzer's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main(argv: list[str]) -> None:
    """Fuzz until something breaks or the time is up."""
    import atheris

    with atheris.instrument_imports(include=["digits", "PIL"]):
        from digits import picture, preprocess
    from tests.hostile import all_files

    picture.MAX_PIXELS = 250_000  # large pictures are not where the branches are, and cost the time

    def look_at(data: bytes) -> None:
        try:
            found = preprocess.find_digit(data)
        except picture.PictureError as error:
            assert "\n" not in str(error) and len(str(error)) < 250
        else:
            assert found.ink.shape == (28, 28) and found.ink.dtype == "uint8"
            assert found.is_blank or found.ink.any()

    with tempfile.TemporaryDirectory() as corpus:
        if not any(Path(argument).is_file() for argument in argv[1:]):
            for n, file in enumerate(all_files(0)):
                if len(file.data) < 20_000 and file.kind != "name":
                    Path(corpus, str(n)).write_bytes(file.data)
            argv = [*argv, corpus, "-max_len=20000", "-timeout=20", "-rss_limit_mb=2000"]
        atheris.Setup(argv, look_at)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
