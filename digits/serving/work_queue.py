"""Has the work of requests done in a few threads, and refuses more than fits into a short queue.

queue = WorkQueue(Limits(n_working=2))
predictions = await queue.run(predictor.predict_batch, pictures)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.to_thread
from fastapi import HTTPException

from digits.finding.limits import MAX_UPLOAD_BYTES


@dataclass(frozen=True)
class Limits:
    """How much one request, and all of them together, may ask for."""

    file_bytes: int = MAX_UPLOAD_BYTES
    n_files: int = 64  # in one request; a folder is sent in several, or read by batch_processor.py
    n_report_rows: int = 20_000
    n_working: int = 2  # pictures are read in this many threads at a time
    n_waiting: int = 64  # requests that may wait for a thread; the next one gets 503
    exports_corrections: bool = True


class WorkQueue:
    """A few threads and a bounded queue before them.

    Work that a person waits for, pen in hand, is `urgent`: it has threads of its own, and no other work begins while it
    lasts; for at most `PATIENCE_S`, so that a client that calls everything urgent cannot lock others out.
    """

    PATIENCE_S = 0.25

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._threads, self._urgent_threads = (anyio.CapacityLimiter(limits.n_working) for _ in range(2))
        self._storing_thread = anyio.CapacityLimiter(1)
        self._n_urgent = 0
        self._calm = asyncio.Event()
        self._calm.set()

    async def run(self, function: Callable[..., Any], *arguments: Any, urgent: bool = False) -> Any:
        """Run `function` in one of the threads; 503 if too many are waiting already."""
        threads = self._urgent_threads if urgent else self._threads
        self._refuse_if_busy(threads)
        with self._hurry() if urgent else nullcontext():
            async with threads:
                if not urgent:
                    with anyio.move_on_after(self.PATIENCE_S):
                        await self._calm.wait()
                return await anyio.to_thread.run_sync(function, *arguments)

    async def store(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run what may have to wait for another program's lock in a thread of its own, so that no reader waits too."""
        self._refuse_if_busy(self._storing_thread)
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._storing_thread)

    def _refuse_if_busy(self, threads: anyio.CapacityLimiter) -> None:
        queue = threads.statistics()
        if queue.borrowed_tokens + queue.tasks_waiting >= self.limits.n_working + self.limits.n_waiting:
            raise HTTPException(503, "the server is busy; try again in a second", {"Retry-After": "1"})

    @contextmanager
    def _hurry(self) -> Iterator[None]:
        """Hold other work back while the block runs."""
        self._n_urgent += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._n_urgent -= 1
            if not self._n_urgent:
                self._calm.set()
