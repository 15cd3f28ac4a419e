"""Several processes that train one network, as torchrun starts them: who this one is, and who goes first.

rank, n_ranks = join_workers("cpu")
with leader_first(rank, n_ranks): ...     # what this leaves in a cache is made once
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch


def join_workers(device: str) -> tuple[int, int]:
    """Return (rank, number of processes): (0, 1), or this process's place when torchrun started several."""
    n_ranks = int(os.environ.get("WORLD_SIZE", 1))
    if n_ranks > 1 and not torch.distributed.is_initialized():
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    return int(os.environ.get("RANK", 0)), n_ranks


@contextlib.contextmanager
def leader_first(rank: int, n_ranks: int) -> Iterator[None]:
    """Let rank 0 go through the block before the others do, so that what it leaves in a cache is made once."""
    if n_ranks > 1 and rank > 0:
        torch.distributed.barrier()
    yield
    if n_ranks > 1 and rank == 0:
        torch.distributed.barrier()
