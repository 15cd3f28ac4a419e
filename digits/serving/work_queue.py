"""Takes a request's files in, keeps the queue short, and has the work done in a few threads.

desk = Desk(Limits(n_working=2))
pictures = await desk.read(files)
predictions = await desk.work(predictor.predict_batch, pictures)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
import anyio.to_thread
from fastapi import Depends, File, HTTPException, Request, UploadFile

from digits.files import without_folders
from digits.finding.limits import MAX_UPLOAD_BYTES, PictureError


@dataclass(frozen=True)
class Limits:
    """How much one request, and all of them together, may ask for."""

    file_bytes: int = MAX_UPLOAD_BYTES
    n_files: int = 64  # in one request; a folder is sent in several, or read by batch_processor.py
    n_report_rows: int = 20_000
    n_working: int = 2  # pictures are read in this many threads at a time
    n_waiting: int = 64  # requests that may wait for a thread; the next one gets 503
    exports_corrections: bool = True


async def _the_only(request: Request, file: Annotated[UploadFile, File(description="one picture")]) -> UploadFile:
    """Return a request's file. Raises `PictureError` if it has several of that name, of which the others were lost."""
    if len((await request.form()).getlist("file")) > 1:
        raise PictureError("send one file here; /api/predict takes several, as files=")
    return file


OnlyFile = Annotated[UploadFile, Depends(_the_only)]


def file_name(file: UploadFile) -> str:
    """Return the last part of the name a client sent, whichever slashes it used."""
    return without_folders(file.filename or "")[:255]


class Desk:
    """Where the work is done: a few threads, a bounded queue, files checked before they are read.

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

    async def work(self, function: Callable[..., Any], *arguments: Any, urgent: bool = False) -> Any:
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

    async def read(self, files: Sequence[UploadFile]) -> list[bytes | PictureError]:
        """Return the files' bytes, or for one above the limit the error that its row will carry."""
        if len(files) > self.limits.n_files:
            raise HTTPException(413, f"{len(files)} files are too many for one request; send {self.limits.n_files}")
        return [await self._read_or_error(file) for file in files]

    async def _read_or_error(self, file: UploadFile) -> bytes | PictureError:
        try:
            return await self.read_one(file)
        except PictureError as error:
            return error

    async def read_one(self, file: UploadFile) -> bytes:
        """Return the bytes of a request's only file. Raises `PictureError` if it is above the limit."""
        if (file.size or 0) > self.limits.file_bytes:
            raise PictureError(f"the file is larger than {self.limits.file_bytes // 2**20} MB; save it smaller")
        return await file.read()
