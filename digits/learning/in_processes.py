"""Makes pictures to train on with several processes; the pool is the same however many there are.

ink, labels = make_in_chunks(make_some, glyphs, labels, n=100_000, size=1000, seed=0, workers=2)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

# Given glyphs, their labels, how many to make and a generator: ink, uint8 (m, h, w), and labels, int64 (m, …).
Maker = Callable[[Sequence[Any], np.ndarray, int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def make_in_chunks(
    make: Maker, glyphs: Sequence[Any], labels: np.ndarray, n: int, size: int, seed: int, workers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `make` makes of `n`, in chunks of `size` with a generator each: ink and labels, chunk after chunk."""
    n_chunks = max(1, n // size)
    jobs = [(n // n_chunks, (seed, chunk)) for chunk in range(n_chunks)]
    if workers <= 1:
        parts = [make(glyphs, labels, count, np.random.default_rng(own)) for count, own in jobs]
    else:
        spawn = get_context("spawn")  # a fork would inherit OpenCV's threads as locks nobody opens
        with ProcessPoolExecutor(workers, spawn, initializer=_share, initargs=(make, glyphs, labels)) as pool:
            made = pool.map(_make_chunk, jobs)
            parts = list(tqdm(made, f"drawing {n:,} pictures", len(jobs), leave=False, disable=None))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


_shared: tuple[Maker, Sequence[Any], np.ndarray] | None = None  # of a worker process: too large to send with every job


def _share(make: Maker, glyphs: Sequence[Any], labels: np.ndarray) -> None:
    global _shared
    _shared = make, glyphs, labels
    cv2.setNumThreads(1)


def _make_chunk(job: tuple[int, tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    assert _shared is not None, "_share is every worker's initializer"
    make, glyphs, labels = _shared
    return make(glyphs, labels, job[0], np.random.default_rng(job[1]))
