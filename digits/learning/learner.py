"""What every training shares: a step of learning, its schedule and precision, and how a stopped run is taken up.

    learner = Learner(model, lr=1e-3, weight_decay=0.01, ema=0.998, n_steps=10_000)
    history = learner.take_up(state)           # state: what read_run found, None for a new run
    learner.step(loss)                         # one batch
    learner.save(run_dir, history)             # metrics.csv and state.pt, each at once

The loop over epochs and batches stands in the programs, in plain sight.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from digits.command import UserError
from digits.files import atomic_path

Settings = TypeVar("Settings")
Tensors = tuple[Tensor, ...] | list[Tensor]


class Learner:
    """A network in training: its weights, their moving average, AdamW, a one-cycle schedule over `n_steps` batches.

    `clip` is the norm to which a longer gradient is cut. `pace`, in the cycle's place, gives the share of `lr`
    after a share of the steps.
    """

    PARTS = ("model", "averaged", "optimizer", "schedule")  # that a state holds

    def __init__(
        self,
        model: nn.Module,
        lr: float,
        weight_decay: float,
        ema: float,
        n_steps: int,
        clip: float = 1.0,
        pace: Callable[[float], float] | None = None,
    ) -> None:
        self.model, self._clip, self._lr = model, clip, lr
        self.averaged = AveragedModel(model, multi_avg_fn=moving_average(ema), use_buffers=True)
        self._changing = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(self._changing, lr, weight_decay=weight_decay)
        self.schedule: LRScheduler = (
            LambdaLR(self.optimizer, lambda step: pace(step / n_steps))
            if pace
            else make_schedule(self.optimizer, lr, n_steps)
        )

    def step(self, loss: Tensor) -> Tensor:
        """Learn from the loss of one batch; return it without its graph."""
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self._changing, self._clip)
        self.optimizer.step()
        self.schedule.step()
        self.averaged.update_parameters(self.model)
        return loss.detach()

    def _parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.PARTS}

    def save(self, run_dir: Path, history: list[dict[str, Any]]) -> None:
        """Write the metrics, a row an epoch, and all that resuming needs; `take_up` is the way back."""
        with atomic_path(run_dir / "metrics.csv") as path, path.open("w", newline="") as file:
            writer = csv.DictWriter(file, history[0].keys())
            writer.writeheader()
            writer.writerows(history)
        with atomic_path(run_dir / "state.pt") as path:
            torch.save({name: part.state_dict() for name, part in self._parts().items()} | {"history": history}, path)

    def take_up(self, state: dict[str, Any] | None) -> list[dict[str, Any]]:
        """Go on where a stopped run left off; return its history, empty for a new run."""
        if state is None:
            return []
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        history: list[dict[str, Any]] = state["history"]
        return history

    def is_done(self) -> bool:
        """Whether the one cycle of the learning rate has come to its end."""
        return isinstance(self.schedule, OneCycleLR) and self.schedule.last_epoch + 1 >= self.schedule.total_steps

    def begin_again(self, n_steps: int) -> None:
        """Start another cycle, of `n_steps` batches: a finished run is to go on."""
        self.schedule = make_schedule(self.optimizer, self._lr, n_steps)


def moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Return the update of an exponential moving average that follows quickly at first, for short runs' sake."""

    def update(averaged: Tensors, current: Tensors, n: Tensor | int) -> None:
        follow = get_ema_multi_avg_fn(min(decay, (1 + int(n)) / (10 + int(n))))  # type: ignore[no-untyped-call]
        follow(averaged, current, n)

    return update


def make_schedule(optimizer: torch.optim.Optimizer, lr: float, n_steps: int) -> OneCycleLR:
    """Return the learning rate's one cycle, up to `lr` and down to nothing, stepped after every batch."""
    total = n_steps + 1
    rising = max(0.2, 2 / total)  # torch divides by zero if the rise has no step
    return OneCycleLR(optimizer, lr, total_steps=total, pct_start=rising)


def with_no_digit(logits: Tensor) -> Tensor:
    """Append the logit of "no digit", the constant 0: (n, 10) -> (n, 11). See digits/reading/verdict.py."""
    return F.pad(logits, (0, 1))


def autocast(precision: str, device: str) -> contextlib.AbstractContextManager[Any]:
    """Return the mixed-precision context: bfloat16 where the machine multiplies it natively, unless told otherwise.

    `precision` is "auto", "bf16" or "fp32".
    """
    native = device == "cuda" or (device == "cpu" and torch.cpu._is_avx512_bf16_supported())
    if precision == "fp32" or (precision == "auto" and not native):
        return contextlib.nullcontext()
    return torch.autocast(device, torch.bfloat16)


def read_run(run_dir: Path, kind: Callable[..., Settings]) -> tuple[Settings, dict[str, Any]]:
    """Return the settings, of their `kind`, and state of a run that was stopped; raises `UserError`."""
    if not run_dir.is_dir():
        raise UserError(f"there is no run '{run_dir.name}' to resume; runs lie in {os.path.relpath(run_dir.parent)}")
    try:
        config = json.loads((run_dir / "config.json").read_text())
        state = torch.load(run_dir / "state.pt", map_location="cpu", weights_only=True)
        if missing := {"history", *Learner.PARTS} - state.keys():
            raise KeyError(missing)
        return kind(**config), state
    except FileNotFoundError as error:
        why = f"it has no {Path(error.filename).name}"
    except TypeError:
        why = "its settings are another version's, or another program's"
    except Exception as error:  # torch raises pickle, zip, EOF and runtime errors alike
        why = f"its state is damaged ({type(error).__name__})"
    best = run_dir / "best.pth"
    step = "start a new one" + (f", from its weights: --start {os.path.relpath(best)}" if best.exists() else "")
    raise UserError(f"{run_dir.name} cannot be resumed: {why}; {step}")
