"""Load the server as a crowd would, and hold every answer to the digit that was asked: page and REST together.

    python -m tests.soak_load --seconds 300            # 64 clients; the last line is the result as JSON
    python -m tests.soak_load --seconds 20 --clients 16

Each client asks for its own digits; beside them some hold connections without sending, and some hang up half-way
through an upload. Exit status 1: an answer was wrong or missing, an error was neither 429 nor 503 with Retry-After, or
memory or open files grew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = {digit: (ROOT / "assets/examples" / f"{digit}.png").read_bytes() for digit in range(10)}
BUSY = (429, 503)
GROWTH_MB = 40  # allocators keep some of what a peak needed
GROWTH_FILES = 8


def main(argv: list[str] | None = None) -> int:
    """Start a server, load it, print what came of it."""
    parser = argparse.ArgumentParser(description="Load page and REST with clients that check their own digits.")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--clients", type=int, default=64)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as data_dir:
        command = [sys.executable, ROOT / "app.py", "--port", "0", "--data-dir", data_dir]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            crowd = Crowd(server.stdout.readline().strip(), server.pid)
            asyncio.run(crowd.come(arguments.clients, arguments.seconds))
        finally:
            server.terminate()
            server.wait()
    result = crowd.result() | {"clients": arguments.clients, "seconds": arguments.seconds}
    print(json.dumps(result))
    return int(bool(result["problems"]))


class Crowd:
    """Clients of several kinds, and what they were told."""

    def __init__(self, address: str, pid: int) -> None:
        self.address, self.pid = address, pid
        self.tls = ssl.create_default_context()  # never used; but to make one for every client takes seconds
        self.statuses: Counter = Counter()
        self.problems: Counter = Counter()
        self.usage: list[tuple[float, int]] = []  # (resident MB, open files) once a second

    async def come(self, n_clients: int, seconds: float) -> None:
        """Let everybody ask until the time is over; look at the server's memory all the while."""
        kinds = [self.read, self.read_several, self.read_number, self.visit]
        async with httpx.AsyncClient(
            base_url=self.address, timeout=120
        ) as client:  # each way is open once before memory counts
            for ask in kinds:
                await ask(client, 1)
        self._end = time.monotonic() + seconds
        clients = [self._client(n, kinds[n % len(kinds)]) for n in range(n_clients)]
        nuisances = [self._hold() for _ in range(n_clients // 4)] + [self._hang_up() for _ in range(n_clients // 8)]
        await asyncio.gather(*clients, *nuisances, self._watch())
        await asyncio.sleep(2)
        self._note_usage()

    async def _client(self, n: int, ask) -> None:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(base_url=self.address, timeout=120, limits=limits, verify=self.tls) as client:
            digits = random.Random(n)
            while time.monotonic() < self._end:
                try:
                    await ask(client, digits.randrange(10))
                except httpx.HTTPError as error:
                    self.problems[type(error).__name__] += 1

    def _judge(self, answer: httpx.Response, expected: object, told) -> None:
        self.statuses[answer.status_code] += 1
        if answer.status_code in BUSY:
            self.problems["no Retry-After"] += "retry-after" not in answer.headers
        elif answer.status_code != 200:
            self.problems[f"status {answer.status_code}"] += 1
        elif told(answer) != expected:
            self.problems["another's answer"] += 1

    # ------------------------------------------------------------ what clients ask

    async def read(self, client: httpx.AsyncClient, digit: int) -> None:
        """Ask for one digit, half of the time as the drawing page does."""
        query = {"params": {"details": "ink"}, "headers": {"Priority": "u=0"}} if digit % 2 else {}
        answer = await client.post("/api/predict", files={"files": (f"{digit}.png", EXAMPLES[digit])}, **query)
        self._judge(answer, [(f"{digit}.png", digit)], self._rows)

    async def read_several(self, client: httpx.AsyncClient, digit: int) -> None:
        """Ask for three digits in one request."""
        digits = [digit, (digit + 3) % 10, (digit + 7) % 10]
        files = [("files", (f"{one}.png", EXAMPLES[one])) for one in digits]
        answer = await client.post("/api/predict", files=files)
        self._judge(answer, [(f"{one}.png", one) for one in digits], self._rows)

    @staticmethod
    def _rows(answer: httpx.Response) -> list[tuple[str, int]]:
        return [(row["path"], row["digit"]) for row in answer.json()["rows"]]

    async def read_number(self, client: httpx.AsyncClient, digit: int) -> None:
        """Ask for a number."""
        answer = await client.post("/api/read-number", files={"file": (f"{digit}.png", EXAMPLES[digit])})
        self._judge(answer, str(digit), lambda answer: answer.json()["text"])

    async def visit(self, client: httpx.AsyncClient, digit: int) -> None:
        """Load the page and correct an answer on it, then take that back."""
        self._judge(await client.get("/"), True, lambda answer: "DIGITS" in answer.text)
        file = {"file": (f"{digit}.png", EXAMPLES[digit])}
        answer = await client.post("/api/feedback", files=file, data={"label": digit})
        self._judge(answer, True, lambda answer: bool(answer.json()["key"]))
        while answer.status_code == 200:
            gone = await client.delete("/api/feedback/" + answer.json()["key"])
            self._judge(gone, None, lambda answer: answer.json()["key"])
            if gone.status_code not in BUSY:
                break

    # ------------------------------------------------------------ nuisances

    async def _hold(self) -> None:
        """Open connections, send half a head, and keep them."""
        await self._half_a_request(b"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n", 10)

    async def _hang_up(self) -> None:
        """Hang up half-way through an upload, again and again."""
        head = b"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n"
        kind = b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        part = b'Content-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        await self._half_a_request(head + kind + part + bytes(200_000), 0.5)

    async def _half_a_request(self, data: bytes, wait_s: float) -> None:
        port = int(self.address.rsplit(":", 1)[1])
        while time.monotonic() < self._end:
            try:
                _reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(min(wait_s, max(0, self._end - time.monotonic())))
                writer.transport.abort()
            except OSError:  # the server may hang up on such a client
                await asyncio.sleep(wait_s)

    # ------------------------------------------------------------ what it costs

    async def _watch(self) -> None:
        while time.monotonic() < self._end:
            self._note_usage()
            await asyncio.sleep(1)

    def _note_usage(self) -> None:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        n_files = len(os.listdir(f"/proc/{self.pid}/fd"))
        self.usage.append((round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1), n_files))

    def result(self) -> dict:
        """Return counts, memory and open files after a tenth of the time and at the end, and what was wrong."""
        (early_mb, _), (late_mb, n_files) = self.usage[len(self.usage) // 10], self.usage[-1]
        problems = {name: n for name, n in self.problems.items() if n}
        if late_mb - max(early_mb, 0) > GROWTH_MB and len(self.usage) > 60:  # a short run is still filling its caches
            problems["memory grew, MB"] = round(late_mb - early_mb, 1)
        if n_files - self.usage[0][1] > GROWTH_FILES:
            problems["files left open"] = n_files - self.usage[0][1]
        return {
            "answers": self.statuses.total(), "statuses": dict(self.statuses), "problems": problems,
            "resident_mb": [early_mb, late_mb], "most_open_files": max(n for _mb, n in self.usage),
            "open_files": [self.usage[0][1], n_files],
        }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
