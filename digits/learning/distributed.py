"""Distributed training, several processes that torchrun starts: which rank this one is, and what rank 0 does first.

rank, n_ranks = join_process_group("cpu")
with rank_zero_first(rank, n_ranks): ...     # what this leaves in a cache is made once
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch


def join_process_group(device: str) -> tuple[int, int]:
    """Return (rank, world size): (0, 1), or this process's rank among those that torchrun started."""
    n_ranks = int(os.environ.get("WORLD_SIZE", 1))
    if n_ranks > 1 and not torch.distributed.is_initialized():
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    return int(os.environ.get("RANK", 0)), n_ranks


@contextlib.contextmanager
def rank_zero_first(rank: int, n_ranks: int) -> Iterator[None]:
    """Let rank 0 run the block before the others do, so that what it leaves in a cache is made once."""
    if n_ranks > 1 and rank > 0:
        torch.distributed.barrier()
    yield
    if n_ranks > 1 and rank == 0:
        torch.distributed.barrier()
