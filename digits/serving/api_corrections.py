"""The API's routes for corrections: keep one, take it back, hand all of them out; and learn them, here.

    add_feedback(app, readers, corrections, queue)      # POST, GET, DELETE /api/feedback…
    add_training(app, trainer, corrections, queue)      # GET, POST, DELETE /api/training…

`trainer` is None where visitors may not train: see `app.is_private`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import anyio.to_thread
from fastapi import FastAPI, Form, HTTPException
from fastapi.responses import Response

from digits.command import UserError
from digits.corrections import Corrections
from digits.finding.ink import NO_INK
from digits.finding.limits import PictureError
from digits.finding.pages import Page, page_of
from digits.reading.answer import Prediction
from digits.serving.readers import Readers
from digits.serving.schemas import Kept, Model, PageNumber, Problem, TrainingProgress
from digits.serving.trainer import Trainer
from digits.serving.uploads import OnlyFile, read_file
from digits.serving.work_queue import WorkQueue

LEAST = 5  # corrections: a fifth is kept aside
REFUSED: dict[int | str, dict[str, Any]] = {403: {"model": Problem}, 409: {"model": Problem}}


def add_feedback(app: FastAPI, readers: Readers, corrections: Corrections, queue: WorkQueue) -> None:
    """Add the routes that keep corrections; the networks are those of `readers`, the work is done by `queue`."""

    @app.post("/api/feedback", tags=["corrections"])
    async def add(
        file: OnlyFile,
        label: Annotated[int, Form(ge=0, le=9, description="what it really shows")],
        replaces: Annotated[str, Form(max_length=64, description="key of a correction that this one replaces")] = "",
        model: Model = [],  # noqa: B006
        page: PageNumber = None,
    ) -> Kept:
        """Keep a picture, or one page of a file, with its true label for the next training.

        With `replaces` it takes the place of an earlier correction.
        """
        predictor = readers.predictor(model)
        data = await read_file(file, queue.limits)
        picture = await queue.run(page_of, data, page)
        prediction = await queue.run(predictor.predict, picture)
        names = "+".join(readers.check(model))
        return await queue.store(_keep, corrections, picture, label, prediction, names, replaces)

    @app.delete("/api/feedback/{key}", tags=["corrections"])
    async def remove(key: str) -> Kept:
        """Delete a correction and its picture."""
        if not await queue.store(corrections.remove, key):
            raise HTTPException(404, "there is no such correction any more")
        return await queue.store(_kept, corrections)

    @app.get("/api/feedback", tags=["corrections"])
    async def count() -> Kept:
        """Say how many corrections are kept."""
        return await queue.store(_kept, corrections)

    @app.get("/api/feedback/export", tags=["corrections"], response_class=Response)
    async def export() -> Response:
        """Return all corrections as a zip: an image folder 0/ ... 9/ and corrections.csv."""
        if not queue.limits.exports_corrections:
            raise HTTPException(403, "this server does not hand out its corrections")
        archive = await queue.store(corrections.export_zip)
        name = {"Content-Disposition": 'attachment; filename="corrections.zip"'}
        return Response(archive, media_type="application/zip", headers=name)


def add_training(app: FastAPI, trainer: Trainer | None, corrections: Corrections, queue: WorkQueue) -> None:
    """Add the routes that learn them."""

    def allowed() -> Trainer:
        if trainer is None:
            raise HTTPException(403, "this server does not train for its visitors")
        return trainer

    async def progress() -> dict[str, Any]:
        count = await queue.store(corrections.count)
        so_far = await anyio.to_thread.run_sync(allowed().progress)
        sets = [one | {"name": _set_name(one["name"])} for one in so_far["sets"]]
        return so_far | {"count": count, "least": LEAST, "sets": sets}

    @app.get("/api/training", tags=["corrections"], response_model=TrainingProgress, responses=REFUSED)
    async def watch() -> Any:
        """Say how far the training of the corrections is, or what came of the last one."""
        return await progress()

    @app.post("/api/training", tags=["corrections"], response_model=TrainingProgress, responses=REFUSED)
    async def start() -> Any:
        """Train the default network on the corrections; it is served if it is no worse. 409 while another one runs."""
        chosen = allowed()
        if (count := await queue.store(corrections.count)) < LEAST:
            raise UserError(f"{count} of {LEAST} corrections: too few to train on; correct a few more answers first")
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


def _keep(
    corrections: Corrections, picture: bytes | Page, label: int, prediction: Prediction, model: str, replaces: str
) -> Kept:
    """Store a correction of `prediction`, which `model` made of `picture`, in the place of the key `replaces`.

    Of a page only its ink is kept, not the file with all the others.
    """
    ink = prediction.found.ink if prediction.found else NO_INK
    if not ink.any():
        raise PictureError("nothing is written in this picture, so there is nothing to learn from it")
    file = None if isinstance(picture, Page) else picture
    key = corrections.add(ink, label, prediction.digit, prediction.confidence, model, file, replaces)
    return _kept(corrections, key)


def _kept(corrections: Corrections, key: str | None = None) -> Kept:
    return Kept(key=key, count=corrections.count())


def _set_name(name: str) -> str:
    """Return what a set of pictures is called here: the corrections' file may have any name."""
    return "corrections" if Path(name).suffix == ".sqlite" else name
