"""The API's routes to learn the corrections: start, watch and stop a training, and go back to the earlier weights.

    add_training(app, trainer, corrections, desk)      # GET, POST, DELETE /api/training, POST /api/training/back

`trainer` is None where visitors may not train: see `app.is_private`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, HTTPException

from digits.command import UserError
from digits.corrections import Corrections
from digits.serving.schemas import Problem, TrainingProgress
from digits.serving.trainer import Trainer
from digits.serving.work_queue import Desk

LEAST = 5  # corrections: a fifth is kept aside
REFUSED: dict[int | str, dict[str, Any]] = {403: {"model": Problem}, 409: {"model": Problem}}


def add_training(app: FastAPI, trainer: Trainer | None, corrections: Corrections, desk: Desk) -> None:
    """Add the routes to `app`."""

    def allowed() -> Trainer:
        if trainer is None:
            raise HTTPException(403, "this server does not train for its visitors")
        return trainer

    async def progress() -> dict[str, Any]:
        count = await desk.store(corrections.count)
        so_far = await anyio.to_thread.run_sync(allowed().progress)
        sets = [one | {"name": set_name(one["name"])} for one in so_far["sets"]]
        return so_far | {"count": count, "least": LEAST, "sets": sets}

    @app.get("/api/training", tags=["corrections"], response_model=TrainingProgress, responses=REFUSED)
    async def watch() -> Any:
        """Say how far the training of the corrections is, or what came of the last one."""
        return await progress()

    @app.post("/api/training", tags=["corrections"], response_model=TrainingProgress, responses=REFUSED)
    async def start() -> Any:
        """Train the default network on the corrections; it is served if it is no worse. 409 while another one runs."""
        chosen = allowed()
        if (count := await desk.store(corrections.count)) < LEAST:
            raise UserError(f"{count} of {LEAST} corrections: too few to train on")
        await anyio.to_thread.run_sync(chosen.start)
        return await progress()

    @app.delete("/api/training", tags=["corrections"], response_model=TrainingProgress, responses=REFUSED)
    async def stop() -> Any:
        """Stop the training; the served weights stay as they are."""
        await anyio.to_thread.run_sync(allowed().stop)
        return await progress()

    @app.post("/api/training/back", tags=["corrections"], response_model=TrainingProgress, responses=REFUSED)
    async def back() -> Any:
        """Serve the weights of before the last training again, byte for byte."""
        await anyio.to_thread.run_sync(allowed().go_back)
        return await progress()


def set_name(name: str) -> str:
    """Return what a set of pictures is called here: the corrections' file may have any name."""
    return "corrections" if Path(name).suffix == ".sqlite" else name
