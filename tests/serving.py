"""What the tests of page and API share: the whole application on a free port of this machine, in a thread."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import app as program


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
