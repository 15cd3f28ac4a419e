"""Runs a batch on this machine: a few chunks under way at once, in threads or in processes.

    for rows in read_locally(open_reader, open_reader(), enumerate(entries), workers=2, total=60_000): ...

Decoders and the network release Python's lock while they work, but between the calls only one thread runs. Processes
have no such lock. Forked, they are there at once, with the network that is open here; spawned, they take half a second
of each core. They are for what takes longer than that.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import Any

from digits.batch.rows import CHUNK, Numbered, OpenReader, RowReader, log_faults
from digits.command import UserError

AHEAD = 3  # chunks under way per worker: enough that none waits, few enough that memory stays flat
CHUNK_S = 0.25  # what a chunk may take: the bar moves, and little is lost with a kill
PROCESSES_PAY_S = {"fork": 0.1, "spawn": 1.0}  # of one thread's work
FEW = 16  # read at once where nobody knows how long they take, or how many there are: rows appear soon


def read_locally(
    open_reader: OpenReader, reader: RowReader, numbered: Iterable[Numbered], workers: int, total: int | None
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of one chunk after another, in input order: time a few, then choose threads or processes.

    `reader` is the one of this process, `total` about how many entries there are, if anybody knows.
    """
    if total is None:
        yield from read_in_pool(lambda: reader, numbered, workers, chunk_size=FEW)
        return
    numbered, started = iter(numbered), time.perf_counter()
    first = reader(list(islice(numbered, max(1, min(FEW, total // (4 * workers))))))
    if not first:
        return
    each_s = (time.perf_counter() - started) / len(first)
    yield log_faults(first)
    size = max(1, min(CHUNK, total // (2 * workers), int(CHUNK_S / each_s)))
    method = start_method()
    processes = workers > 1 and each_s * (total - len(first)) > PROCESSES_PAY_S[method]
    is_here = not processes or method == "fork"
    yield from read_in_pool((lambda: reader) if is_here else open_reader, numbered, workers, processes, size)


def read_in_pool(
    open_reader: OpenReader,
    numbered: Iterable[Numbered],
    workers: int,
    processes: bool = False,
    chunk_size: int = CHUNK,
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of one chunk after another, in input order. `open_reader` is called once in every process."""
    pool, read = _processes(open_reader, workers) if processes else _threads(open_reader, workers)
    under_way: deque[Any] = deque()
    try:
        for chunk in to_chunks(numbered, chunk_size):
            under_way.append(pool.submit(read, chunk))
            if len(under_way) >= AHEAD * workers:
                yield log_faults(under_way.popleft().result())
        while under_way:
            yield log_faults(under_way.popleft().result())
    except BrokenProcessPool:
        raise UserError(
            "a worker process died, perhaps for lack of memory: continue with --resume and fewer --workers; "
            'a script of your own must call the batch below `if __name__ == "__main__":`'
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def start_method() -> str:
    """Return how processes start: "fork" where nothing here could hold a lock that would stay shut there, or "spawn".

    That is another thread of Python's, or torch, whose threads do not survive a fork. OpenBLAS ends its own before it;
    OpenCV has one thread (`RowReader`), and so has each network (`OnnxEngine`).
    """
    may_fork = sys.platform == "linux" and threading.active_count() == 1 and "torch" not in sys.modules
    return "fork" if may_fork else "spawn"


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def to_chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield lists of `size` items; the last may be shorter."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk


def _threads(open_reader: OpenReader, workers: int) -> tuple[Executor, Callable[..., Any]]:
    return ThreadPoolExecutor(workers), open_reader()


def _processes(open_reader: OpenReader, workers: int) -> tuple[Executor, Callable[..., Any]]:
    context = get_context(start_method())
    return ProcessPoolExecutor(workers, context, _start_worker, (open_reader,)), _read_in_worker


_reader: RowReader | None = None  # of a worker process


def _start_worker(open_reader: OpenReader) -> None:
    global _reader
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _reader = open_reader()


def _end_with_parent() -> None:
    """End this worker once its parent was killed; it would wait for work for ever."""
    parent = parent_process()
    assert parent is not None, "a worker has a parent"
    parent.join()
    os._exit(1)


def _read_in_worker(chunk: list[Numbered]) -> list[dict[str, Any]]:
    assert _reader is not None, "_start_worker is every worker's initializer"
    return _reader(chunk)
