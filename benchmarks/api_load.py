"""Measure the API under load: requests a second of a 28x28 PNG from many connections, errors, and memory over time.

    python -m benchmarks.api_load                          # 60 s from 16 connections, memory after 1,000 and 50,000
    python -m benchmarks.api_load --seconds 5 --requests 2000

Starts the server as a user would. The clients run in one process of their own (asyncio, keep-alive), so that server and
load share the machine's cores as they would behind a proxy on the same machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

if not __package__:  # `python benchmarks/api_load.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import make_parser, resident_bytes, save
from digits.command import command
from digits.files import ASSETS_DIR, ROOT
from digits.finding.digit import to_ink

BOUNDARY = b"pictureboundary"
N_WARM = 1000  # requests before the clock starts


@contextlib.contextmanager
def serving(port: int) -> Iterator[subprocess.Popen]:
    """Run `python app.py` while the block runs, with a folder of its own; yield at once, before it listens."""
    with tempfile.TemporaryDirectory() as data_dir:
        words = [sys.executable, str(ROOT / "app.py"), "--port", str(port), "--data-dir", data_dir]
        server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        try:
            yield server
        finally:
            server.terminate()
            server.wait()


class Load:
    """Connections that send the same request again as soon as they have its answer."""

    def __init__(self, port: int, n_connections: int) -> None:
        self.port, self.n_connections = port, n_connections
        self.request = make_request()
        self.waits: list[float] = []
        self.n_errors = self.n_requests = 0

    async def run(self, seconds: float = 1e9, n_requests: int = 10**12) -> None:
        """Send until the time is over or as many requests have been sent."""
        self._left, self._end = n_requests, time.perf_counter() + seconds
        await asyncio.gather(*(self._connection() for _ in range(self.n_connections)))

    async def _connection(self) -> None:
        while self._goes_on():  # a refused or broken connection is an error, and the next one is opened
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                while self._goes_on():
                    await self._ask(reader, writer)
                writer.close()
            except (OSError, asyncio.IncompleteReadError):
                self.n_errors += 1

    def _goes_on(self) -> bool:
        return self._left > 0 and time.perf_counter() < self._end

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._left -= 1
        self.n_requests += 1
        started = time.perf_counter()
        writer.write(self.request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        self.waits.append(time.perf_counter() - started)
        self.n_errors += not head.startswith(b"HTTP/1.1 200")


def make_request() -> bytes:
    """Return the bytes of one POST /api/predict with a 28x28 PNG."""
    png = io.BytesIO()
    Image.fromarray(to_ink(ASSETS_DIR / "examples" / "5.png")).save(png, "PNG")
    part = b'Content-Disposition: form-data; name="files"; filename="5.png"\r\nContent-Type: image/png\r\n\r\n'
    body = b"--" + BOUNDARY + b"\r\n" + part + png.getvalue() + b"\r\n--" + BOUNDARY + b"--\r\n"
    head = (
        "POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def measure(port: int, n_connections: int, seconds: float, n_requests: int) -> dict:
    """Return the server's figures: `seconds` by the clock, and memory (MB) then and after `n_requests` in all."""
    load = Load(port, n_connections)
    with serving(port) as server:
        server.stdout.readline()  # the address, printed when it listens
        asyncio.run(load.run(n_requests=N_WARM))
        early = resident_bytes(server.pid)
        load.waits.clear()
        started = time.perf_counter()
        asyncio.run(load.run(seconds=seconds))
        took, timed = time.perf_counter() - started, list(load.waits)
        asyncio.run(load.run(n_requests=max(0, n_requests - len(timed) - N_WARM)))
        late = resident_bytes(server.pid)
    p50, p99 = np.percentile(timed, [50, 99]) * 1000
    return {
        "requests_per_s": round(len(timed) / took, 1), "p50_ms": round(p50, 1), "p99_ms": round(p99, 1),
        "errors": load.n_errors, "n_requests": load.n_requests,
        "resident_mb_after_1000": round(early / 2**20, 1), "resident_mb_at_end": round(late / 2**20, 1),
    }  # fmt: skip


@command
def main(argv: list[str] | None = None) -> int:
    """Measure; print and write the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="by the clock (default: 60)")
    parser.add_argument("--connections", type=int, default=16, help="at once (default: 16)")
    parser.add_argument(
        "--requests", type=int, default=50_000, help="after which memory is measured again (default: 50000)"
    )
    parser.add_argument("--port", type=int, default=7994, metavar="N", help="of the server (default: 7994)")
    arguments = parser.parse_args(argv)
    found = measure(arguments.port, arguments.connections, arguments.seconds, arguments.requests)
    result = {"connections": arguments.connections, **found}
    print(json.dumps(result))
    save(result, "api_load", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
