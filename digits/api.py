"""HTTP routes: pictures in, rows out; the same answers as the page, the command line and the batch.

Refuses, each with one JSON sentence and the right status code: too many files (413), files too large (413), requests
in which nothing can be read (422), unknown models (404), more work than fits (503 with Retry-After). Nothing sent to
`/api/predict` or `/api/read-number` is kept. It opens no network itself: the readers are handed in.

    app = create_api(readers, Corrections("feedback/corrections.sqlite"), Limits())
    uvicorn.run(app)          # then: curl -F files=@digit.png http://127.0.0.1:7860/api/predict
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import anyio
import anyio.to_thread
from fastapi import FastAPI, File, Form, HTTPException, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from digits.feedback import Corrections
from digits.page.show import box_of, picture_url, steps_of, to_data_url
from digits.picture import PictureError, open_picture
from digits.readers import Readers
from utils import UserError


@dataclass(frozen=True)
class Limits:
    """How much one request, and all of them together, may ask for."""

    file_bytes: int = 16 * 2**20
    n_files: int = 64  # in one request; a folder is sent in several, or read by batch_processor.py
    n_working: int = 2  # pictures are read in this many threads at a time
    n_waiting: int = 64  # requests that may wait for a thread; the next one gets 503
    keeps_corrections: bool = True
    exports_corrections: bool = True


class Step(BaseModel):
    """One picture of the way from the file to the ink."""

    name: Literal["picture", "contrast", "mask", "ink"]
    image: str = Field(description="data URL of a PNG or JPEG")


class Row(BaseModel):
    """The answer for one file: the columns of a batch report."""

    path: str = Field(description="the file's name as it was sent")
    status: Literal["ok", "unsure", "blank", "not_a_digit", "error"]
    digit: int | None = Field(description="0-9; null where the status says there is none to be had")
    confidence: float | None = Field(description="the highest of p0 ... p9")
    runner_up: int | None
    runner_up_confidence: float | None
    p0: float | None
    p1: float | None
    p2: float | None
    p3: float | None
    p4: float | None
    p5: float | None
    p6: float | None
    p7: float | None
    p8: float | None
    p9: float | None
    error: str | None = Field(description="one sentence, if the file could not be read")
    reason: str | None = Field(None, description="with details: why the status is not ok")
    box: list[float] | None = Field(None, description="with details: left, top, right, bottom as fractions of the picture")
    ink: str | None = Field(None, description="with details: the 28x28 pixels the network saw, a PNG as data URL")
    steps: list[Step] | None = Field(None, description="with details=steps: the preprocessing as pictures")


class Rows(BaseModel):
    """The answers of one request, in the order of its files."""

    model: list[str] = Field(description="the networks asked; several vote")
    rows: list[Row]


class NumberDigit(BaseModel):
    """One digit of a number."""

    digit: int
    confidence: float
    status: Literal["ok", "unsure"]
    line: int = Field(description="counts from 0")
    box: list[int] = Field(description="left, top, right, bottom in pixels of the upright picture")
    probs: list[float] = Field(description="the ten probabilities")


class Number(BaseModel):
    """A number, or several lines of them, read from one picture."""

    model: list[str]
    path: str
    text: str = Field(description="the digits in reading order, a line break between lines; empty if there are none")
    lines: list[str]
    digits: list[NumberDigit]
    width: int = Field(description="of the upright picture, in pixels")
    height: int
    picture: str | None = Field(None, description="with details=steps: a small copy of the picture as a data URL")


class Kept(BaseModel):
    """What became of a correction."""

    key: str | None = Field(description="DELETE /api/feedback/{key} takes the correction back")
    count: int = Field(description="corrections kept now")


class ModelCard(BaseModel):
    """What a network says about itself."""

    name: str
    architecture: str | None
    metrics: dict[str, Any]
    temperature: float | None
    thresholds: dict[str, float]


class Problem(BaseModel):
    """Every error's body."""

    error: str = Field(description="one sentence that says what to do")


PROBLEMS = {code: {"model": Problem} for code in (404, 413, 422, 503)}
Model = Annotated[list[str], Query(description="a model's name; several (model=a&model=b) vote")]
Details = Annotated[Literal["none", "ink", "steps"], Query(description="add reason, box and ink; or those and the steps")]


def create_api(readers: Readers, corrections: Corrections, limits: Limits | None = None) -> FastAPI:
    """Return the application with the routes below /api, /docs and /openapi.json; the page is mounted on it later."""
    limits = limits or Limits()
    app = FastAPIOffline(
        title="Digits",
        description=__doc__.split("\n\n")[0],
        version="1",
        redoc_url=None,
        responses=PROBLEMS,
    )
    desk = _Desk(limits)
    _say_errors_in_one_sentence(app)
    _add_reading(app, readers, desk)
    _add_feedback(app, readers, corrections, desk)
    return app


class _Desk:
    """Where the work is done: a few threads, a bounded queue, files checked before they are read."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._threads = anyio.CapacityLimiter(limits.n_working)
        self._n_inside = 0

    async def work(self, function: Callable, *arguments: Any) -> Any:
        """Run `function` in one of the threads; 503 if too many are waiting already."""
        if self._n_inside >= self.limits.n_working + self.limits.n_waiting:
            raise HTTPException(503, "the server is busy; try again in a second", {"Retry-After": "1"})
        self._n_inside += 1
        try:
            return await anyio.to_thread.run_sync(function, *arguments, limiter=self._threads)
        finally:
            self._n_inside -= 1

    async def read(self, files: Sequence[UploadFile]) -> list[bytes | PictureError]:
        """Return the files' bytes, or for one above the limit the error that its row will carry."""
        if len(files) > self.limits.n_files:
            raise HTTPException(413, f"{len(files)} files are too many for one request; send at most {self.limits.n_files}")
        return [await self._read_one(file) for file in files]

    async def _read_one(self, file: UploadFile) -> bytes | PictureError:
        if (file.size or 0) > self.limits.file_bytes:
            return PictureError(f"the file is larger than {self.limits.file_bytes // 2**20} MB")
        return await file.read()


def _add_reading(app: FastAPI, readers: Readers, desk: _Desk) -> None:
    @app.post("/api/predict", tags=["reading"], response_model=Rows, response_model_exclude_unset=True)
    async def predict(
        files: Annotated[list[UploadFile], File(description="one picture or several")],
        model: Model = [],  # noqa: B006  FastAPI copies it
        details: Details = "none",
    ) -> Any:
        """Read the one digit in each picture; a file that cannot be read is a row with status "error"."""
        predictor = _open(readers, model)
        pictures = await desk.read(files)
        predictions = await desk.work(_predict, predictor, pictures)
        rows = [prediction.row(_file_name(file)) for file, prediction in zip(files, predictions, strict=True)]
        if details != "none":
            rows = await desk.work(_add_details, rows, predictions, pictures, details)
        if all(row["status"] == "error" for row in rows):
            raise HTTPException(422, rows[0]["error"] if len(rows) == 1 else "none of the files can be read")
        return {"model": readers.check(model), "rows": rows}

    @app.post("/api/read-number", tags=["reading"], response_model_exclude_unset=True, response_model=Number)
    async def read_number(
        file: Annotated[UploadFile, File(description="one picture")],
        model: Model = [],  # noqa: B006
        details: Details = "none",
    ) -> Any:
        """Read all digits of one picture, line by line, each with its box."""
        predictor = _open(readers, model)
        (data,) = await desk.read([file])
        row = await desk.work(_read_number, predictor, data, _file_name(file), details == "steps")
        return {"model": readers.check(model), **row}

    @app.get("/api/models", tags=["about"])
    def models() -> list[ModelCard]:
        """Say which models may be named and what is known about each."""
        return [_card(name, readers.predictor([name])) for name in readers.names]

    @app.get("/api/health", tags=["about"])
    async def health() -> dict[str, str]:
        """Answer {"status": "ok"} as soon as pictures can be read."""
        await desk.work(readers.predictor)
        return {"status": "ok"}


def _add_feedback(app: FastAPI, readers: Readers, corrections: Corrections, desk: _Desk) -> None:
    def kept(key: str | None) -> Kept:
        return Kept(key=key, count=corrections.count())

    def keep(data: bytes, label: int, predictor: Any, names: list[str]) -> Kept:
        prediction = predictor.predict(data)
        if not prediction.found.ink.any():
            raise PictureError("nothing is written in this picture, so there is nothing to learn from it")
        key = corrections.add(
            prediction.found.ink, label, prediction.digit, prediction.confidence, "+".join(names), picture=data
        )
        return kept(key)

    @app.post("/api/feedback", tags=["corrections"])
    async def add(
        file: Annotated[UploadFile, File(description="the picture that was read")],
        label: Annotated[int, Form(ge=0, le=9, description="what it really shows")],
        model: Model = [],  # noqa: B006
    ) -> Kept:
        """Keep a picture with its true label for the next training."""
        if not desk.limits.keeps_corrections:
            raise HTTPException(403, "this server keeps no corrections")
        predictor = _open(readers, model)
        (data,) = await desk.read([file])
        if isinstance(data, PictureError):
            raise data
        return await desk.work(keep, data, label, predictor, readers.check(model))

    @app.delete("/api/feedback/{key}", tags=["corrections"])
    async def remove(key: str) -> Kept:
        """Take a correction back; its picture is deleted."""
        if not await desk.work(corrections.remove, key):
            raise HTTPException(404, "there is no such correction any more")
        return await desk.work(kept, None)

    @app.get("/api/feedback", tags=["corrections"])
    async def count() -> Kept:
        """Say how many corrections are kept."""
        return await desk.work(kept, None)

    @app.get("/api/feedback/export", tags=["corrections"], response_class=Response)
    async def export() -> Response:
        """Return all corrections as a zip: an image folder 0/ ... 9/ and corrections.csv."""
        if not desk.limits.exports_corrections:
            raise HTTPException(403, "this server does not hand out its corrections")
        archive = await desk.work(corrections.export_zip)
        name = {"Content-Disposition": 'attachment; filename="corrections.zip"'}
        return Response(archive, media_type="application/zip", headers=name)


# ---------------------------------------------------------------- what the routes share


def _open(readers: Readers, names: Sequence[str]) -> Any:
    try:
        return readers.predictor(names)
    except UserError as error:
        raise HTTPException(404, str(error)) from None


def _predict(predictor: Any, pictures: list[bytes | PictureError]) -> list:
    good = iter(predictor.predict_batch([data for data in pictures if isinstance(data, bytes)]))
    return [next(good) if isinstance(data, bytes) else predictor.predict_found([data])[0] for data in pictures]


def _add_details(rows: list[dict], predictions: list, pictures: list, details: str) -> list[dict]:
    return [row | _details(*both, details) for row, *both in zip(rows, predictions, pictures, strict=True)]


def _details(prediction: Any, data: bytes | PictureError, details: str) -> dict:
    """Return what `details` adds to a row."""
    found = prediction.found
    if found is None:
        return {"reason": prediction.reason}
    more = {"reason": prediction.reason, "box": box_of(found), "ink": to_data_url(found.ink)}
    return more | {"steps": steps_of(found, data)} if details == "steps" else more


def _read_number(predictor: Any, data: bytes | PictureError, name: str, with_picture: bool) -> dict:
    if isinstance(data, PictureError):
        raise data
    pixels = open_picture(data)
    row = predictor.read_number(pixels).row(name) | {"width": pixels.shape[1], "height": pixels.shape[0]}
    return row | {"picture": picture_url(pixels, 1024)} if with_picture else row


def _file_name(file: UploadFile) -> str:
    """Return the last part of the name a client sent, whichever slashes it used."""
    return (file.filename or "").replace("\\", "/").rsplit("/", 1)[-1][:255]


def _card(name: str, predictor: Any) -> ModelCard:
    facts = predictor.engines[0].facts
    return ModelCard(
        name=name,
        architecture=facts.get("architecture"),
        metrics=facts.get("metrics") or {},
        temperature=facts.get("temperature"),
        thresholds=facts.get("thresholds") or {},
    )


def _say_errors_in_one_sentence(app: FastAPI) -> None:
    @app.exception_handler(StarletteHTTPException)
    async def refused(_request: Request, error: StarletteHTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"error": f"{where}: {first['msg'].lower()}" if where else first["msg"]}, 422)

    @app.exception_handler(PictureError)
    @app.exception_handler(UserError)
    async def unreadable(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 422)

    @app.exception_handler(Exception)
    async def failed(_request: Request, _error: Exception) -> JSONResponse:
        return JSONResponse({"error": "something went wrong here; the server's log says what"}, 500)
