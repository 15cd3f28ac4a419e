"""Runs a batch on a Ray cluster: names go out, rows come back; pictures are read where they are worked on.

    for rows in read_on_ray(open_reader, enumerate(entries), workers=8, address="auto"): ...

Ray Data keeps one process per worker with the network loaded once, feeds the free ones, and reads again elsewhere what
a dead one had; the rows are those of the local engine. Every node must be able to open the names: an object store, or
a folder that all share. It costs several seconds to start, so it pays from some hundred thousand pictures, or when
they lie nearer to the cluster than to you. Install it with: pip install -r requirements-ray.txt
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from digits.batch.entries import Entry
from digits.batch.local import n_cores, to_chunks
from digits.batch.rows import CHUNK, Numbered, OpenReader, log_faults
from digits.command import UserError
from digits.files import ROOT

BLOCK = 16 * CHUNK  # names in one block: what a worker is handed at once
NOT_SENT = (".venv", ".git", "data", "outputs", "predictions", "tests", "feedback", "benchmarks", "*.ipynb")
STORE_BYTES = 256 * 2**20  # of memory that a cluster of our own sets aside: only names and rows pass through it


def read_on_ray(
    open_reader: OpenReader,
    numbered: Iterable[Numbered],
    workers: int | None,
    address: str | None,
) -> Iterator[list[dict[str, Any]]]:
    """Yield lists of rows, with their positions, in any order. Raises `UserError` without Ray, or without the cluster.

    `address`: of a running cluster ("auto": the one this machine belongs to); None starts one on this machine, with
    `workers` cores. This program is sent to a running cluster, with its weights.
    """
    ray, is_ours = _connect(address, workers)
    try:
        blocks = [ray.put(_to_table(chunk)) for chunk in to_chunks(numbered, BLOCK)]
        if blocks:
            yield from _map(ray, blocks, open_reader, workers)
    finally:
        if is_ours:
            ray.shutdown()


def _map(ray: Any, blocks: list[Any], open_reader: OpenReader, workers: int | None) -> Iterator[list[dict[str, Any]]]:
    from ray.data import ActorPoolStrategy, DataContext

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = DataContext.get_current()
    context.enable_progress_bars = context.enable_operator_progress_bars = False
    n_most = workers or max(1, int(ray.cluster_resources()["CPU"]))
    rows = ray.data.from_arrow_refs(blocks).map_batches(
        RayReader,
        fn_constructor_args=[open_reader],
        batch_size=CHUNK,
        batch_format="numpy",
        compute=ActorPoolStrategy(min_size=1, max_size=min(n_most, len(blocks))),
        num_cpus=1,
    )
    for batch in rows.iter_batches(batch_size=None, batch_format="numpy"):
        yield log_faults([json.loads(row) for row in batch["row"]])


class RayReader:
    """Lives in a worker: opens the network once, then reads one batch of names after another."""

    def __init__(self, open_reader: OpenReader) -> None:
        self._read = open_reader()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        numbered = [(position, Entry(*entry)) for position, *entry in map(json.loads, batch["entry"])]
        return {"row": np.array([json.dumps(row) for row in self._read(numbered)], object)}


def _to_table(chunk: list[Numbered]) -> Any:
    """Pack entries as JSON, whose escapes carry even a name that is no valid Unicode."""
    import pyarrow as pa

    packed = [json.dumps([position, *entry.parts]) for position, entry in chunk]
    return pa.table({"entry": packed})


def _connect(address: str | None, workers: int | None) -> tuple[Any, bool]:
    """Return Ray, and whether it was we who connected it to a cluster (or started one)."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use to its makers
    try:
        import ray
    except ImportError:
        raise UserError("the Ray engine is not installed: pip install -r requirements-ray.txt") from None
    if ray.is_initialized():
        return ray, False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address:
        options |= {"address": address, "runtime_env": {"working_dir": str(ROOT), "excludes": list(NOT_SENT)}}
    else:
        environment = {"env_vars": {"PYTHONPATH": str(ROOT)}}
        options |= {"num_cpus": workers or n_cores(), "include_dashboard": False, "runtime_env": environment}
        options["object_store_memory"] = STORE_BYTES
    try:
        _knock(address)
        ray.init(**options)
    except Exception as error:  # a machine too busy to start one in time raises just that
        reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
        if address:
            raise UserError(f"there is no Ray cluster at '{address}' ({reason})") from None
        raise UserError(f"Ray could not be started here ({reason}); try again, or leave --engine ray out") from None
    return ray, True


def _knock(address: str | None) -> None:
    """Raise `OSError` if nobody listens at host:port: Ray itself would try for minutes."""
    host, _colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()
