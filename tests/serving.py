"""What the tests of page and API share: the whole application on a free port of this machine, in a thread."""

from __future__ import annotations

import binascii
import contextlib
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx

import app as program
from digits.files import ROOT


@contextlib.contextmanager
def serving(data_dir: Path, *flags: str) -> Iterator[str]:
    """Yield the address of a server started with `flags`, as `python app.py` would start it; stop it afterwards.

    Gradio looks its folder of uploads up in the environment at every request, so the folder of before comes back with
    the end: a server that was running already then finds its own uploads again.
    """
    import uvicorn

    before = os.environ.get("GRADIO_TEMP_DIR")
    arguments = program.parse_arguments(["--port", "0", "--data-dir", str(data_dir), *flags])
    listener = program.listen(arguments.host, arguments.port)
    users = program.read_users(arguments.auth_file)
    server = uvicorn.Server(uvicorn.Config(program.make_app(arguments, users), log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        if before is not None:
            os.environ["GRADIO_TEMP_DIR"] = before


def is_one_sentence(answer: httpx.Response) -> bool:
    """Whether a refusal is JSON with a short sentence."""
    error = answer.json()["error"]
    return list(answer.json()) == ["error"] and len(error) < 200 and "\n" not in error and "Traceback" not in error


def random_checkpoint(path: Path) -> Path:
    """Write the weights of a network that has learned nothing."""
    from model import Checkpoint, create_model, save_checkpoint
    from utils import seed_everything

    seed_everything(0)
    save_checkpoint(path, Checkpoint("mnistnet", create_model("mnistnet").state_dict()))
    return path


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that says it has so many pixels, and hardly any data: a bomb when decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


EXAMPLE = (ROOT / "assets" / "examples" / "6.png").read_bytes()
HOSTILE = {  # what a stranger may send as a picture, and gets a sentence for
    "empty": b"",
    "text": b"hello",
    "script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "bomb": png_header(50_000, 50_000),
    "no pixels": png_header(0, 0),
    "smaller bomb": png_header(13_000, 13_000),
    "cut": png_header(100, 100)[:40],
    "cut photo": EXAMPLE[: len(EXAMPLE) // 3],
    "archive": b"PK\x05\x06" + bytes(18),
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07builtin\x94.",
    "heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00",
}
