"""HTTP routes: pictures in, rows out; the same answers as the page, the command line and the batch.

Refuses, each with one JSON sentence and the right status code: too many files (413), files too large (413), requests
in which nothing can be read (422), unknown models (404), more work than fits (503 with Retry-After). Nothing sent to
`/api/predict` or `/api/read-number` is kept. It opens no network itself: the readers are handed in.

    app = create_api(readers, Corrections("feedback/corrections.sqlite"), Limits())
    uvicorn.run(app)          # then: curl -F files=@digit.png http://127.0.0.1:7860/api/predict
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, File, Header, HTTPException, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from pydantic import Discriminator, Field, Tag
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match

from digits.batch.writers import report_bytes
from digits.command import UserError
from digits.corrections import Corrections, Unavailable
from digits.files import without_folders
from digits.finding.data_url import to_data_url
from digits.finding.decode import open_picture
from digits.finding.digit import find_or_error
from digits.finding.limits import PictureError
from digits.finding.pages import Page, SeveralPages, page_numbers, page_of
from digits.reading.answer import Prediction, Predictor
from digits.reading.verdict import ERROR
from digits.serving.api_corrections import add_feedback, add_training
from digits.serving.api_form import add_forms
from digits.serving.api_inside import add_inside
from digits.serving.images import box_of, picture_url, steps_of
from digits.serving.readers import NoModel, Readers
from digits.serving.schemas import Model, ModelCard, Number, NumberReportRow, PageNumber, Problem, ReportRow, Rows
from digits.serving.trainer import Busy, Trainer
from digits.serving.uploads import OnlyFile, SentPage, file_name, read_file, read_files, sent_pages
from digits.serving.work_queue import Limits, WorkQueue

REPORT_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "html": "text/html",
    "parquet": "application/vnd.apache.parquet",
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
MAX_MORE_PAGES = 64  # rows of one request beyond a row a file
HTTP_STATUS: dict[type, int] = {PictureError: 422, UserError: 422, NoModel: 404, Busy: 409, Unavailable: 503}
PROBLEMS = {code: {"model": Problem} for code in (400, 401, 403, 404, 408, 413, 421, 422, 503)}
Details = Annotated[Literal["none", "ink", "steps"], Query(description="add reason, box, ink; or the steps too")]
ReportKind = Annotated[Literal["csv", "json", "html", "parquet"], Query(description="what to write")]
Seconds = Annotated[float, Query(ge=0, le=1e6, allow_inf_nan=False, description="how long the reading took")]
Skipped = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-z ]{1,40}:\d{1,9}$")]],
    Query(max_length=9, description="how many files were passed over, by kind: skipped=hidden:2"),
]
AnyReportRow = Annotated[
    Annotated[ReportRow, Tag("digit")] | Annotated[NumberReportRow, Tag("number")],
    Discriminator(lambda row: "number" if isinstance(row, dict) and "text" in row else "digit"),
]
Urgency = Annotated[str, Header(description="u=0 (RFC 9218): one picture that a person is waiting for goes first")]


def create_api(
    readers: Readers,
    corrections: Corrections,
    limits: Limits | None = None,
    trainer: Trainer | None = None,
) -> FastAPI:
    """Return the application with the routes below /api, /docs and /openapi.json; the page is mounted on it later.

    Without a `trainer` nobody can train through it.
    """
    limits = limits or Limits()
    app = FastAPIOffline(
        title="Digits",
        description=__doc__.split("\n\n")[0],
        version="1",
        redoc_url=None,
        responses=PROBLEMS,
    )
    queue = WorkQueue(limits)
    _say_errors_in_one_sentence(app)
    _add_reading(app, readers, queue)
    add_forms(app, readers, queue)
    add_feedback(app, readers, corrections, queue)
    add_training(app, trainer, corrections, queue)
    add_inside(app, readers, queue)
    _add_reports(app, readers, queue)

    @app.api_route("/api/{path:path}", methods=METHODS, include_in_schema=False)
    async def nothing(path: str, request: Request) -> None:
        if methods := _methods_at(app, request):
            sentence = f"/api/{path} takes {' or '.join(methods)}, not {request.method}; /docs says how"
            raise HTTPException(405, sentence, {"Allow": ", ".join(methods)})
        raise HTTPException(404, "there is nothing at this address; /docs lists what there is")

    return app


def _methods_at(app: FastAPI, request: Request) -> list[str]:
    """Return the methods that an address takes, of which the request's is none."""
    others = (r for r in app.routes if isinstance(r, APIRoute) and r.matches(request.scope)[0] is Match.PARTIAL)
    return sorted(method for route in others for method in route.methods or ())


def _add_reading(app: FastAPI, readers: Readers, queue: WorkQueue) -> None:
    @app.post("/api/predict", tags=["reading"], response_model=Rows, response_model_exclude_unset=True)
    async def predict(
        files: Annotated[list[UploadFile], File(description="one picture or several")],
        model: Model = [],  # noqa: B006  FastAPI copies it
        details: Details = "none",
        page: PageNumber = None,
        priority: Urgency = "",
    ) -> Any:
        """Read one digit per picture; in a multi-page PDF or TIFF, one per page, or only from the page asked for.

        Of several files, one that cannot be read is a row with status "error"; a single one is answered with 422.
        """
        predictor = readers.predictor(model)
        pictures = await read_files(files, queue.limits)
        names = [file_name(file) for file in files]
        urgent = len(files) == 1 and priority.startswith("u=0")
        rows = await queue.run(_read, predictor, pictures, names, details, page, urgent=urgent)
        if len(rows) == 1 and rows[0]["status"] == ERROR:
            raise HTTPException(422, rows[0]["error"])
        return {"model": readers.check(model), "rows": rows}

    @app.post("/api/read-number", tags=["reading"], response_model_exclude_unset=True, response_model=Number)
    async def read_number(
        file: OnlyFile,
        model: Model = [],  # noqa: B006
        details: Details = "none",
        page: PageNumber = None,
    ) -> Any:
        """Read all digits of one picture, or of one page of a file, line by line, each with its box."""
        predictor = readers.predictor(model)
        data = await read_file(file, queue.limits)
        row = await queue.run(_read_number, predictor, data, file_name(file), page, details == "steps")
        return {"model": readers.check(model), **row}

    @app.get("/api/models", tags=["about"])
    def models() -> list[ModelCard]:
        """List the models that may be named and what is known about each."""
        return [_card(name, readers.predictor([name]), readers.n_bytes(name)) for name in readers.names]

    @app.get("/api/health", tags=["about"])
    async def health() -> dict[str, str]:
        """Answer {"status": "ok"} as soon as pictures can be read."""
        await queue.run(readers.predictor)
        return {"status": "ok"}


def _add_reports(app: FastAPI, readers: Readers, queue: WorkQueue) -> None:
    @app.post("/api/report", tags=["reading"], response_class=Response)
    async def report(
        rows: list[AnyReportRow],
        kind: ReportKind = "csv",
        model: Model = [],  # noqa: B006
        seconds: Seconds = 0.0,
        skipped: Skipped = [],  # noqa: B006
    ) -> Response:
        """Write rows from earlier answers, of digits or of numbers, with labels added since, as a report."""
        if len(rows) > queue.limits.n_report_rows:
            raise HTTPException(413, f"a report holds at most {queue.limits.n_report_rows:,} rows")
        names = readers.check(model)
        written = [row.model_dump() for row in rows]
        passed = {what: int(n) for what, n in (one.split(":") for one in skipped)}
        data = await queue.run(report_bytes, written, kind, names, seconds, passed)
        name = {"Content-Disposition": f'attachment; filename="digits.{kind}"'}
        return Response(data, media_type=REPORT_TYPES[kind], headers=name)


# ---------------------------------------------------------------- what the routes share


def _read(
    predictor: Predictor, files: list[bytes | PictureError], names: list[str], details: str, number: int | None
) -> list[dict[str, Any]]:
    """Return the rows of files, a row for every page of a file or for page `number`, with what `details` adds."""
    pages = sent_pages(files, number)
    if len(pages) > len(files) + MAX_MORE_PAGES:
        raise HTTPException(413, f"{len(pages)} pages are too many for one request; read them with batch_processor.py")
    pictures = [page.picture for page in pages]
    predictions = predictor.predict_found([p if isinstance(p, PictureError) else find_or_error(p) for p in pictures])
    has_pages = any(page.mark for page in pages)  # else the rows are the files
    rows = [
        prediction.row(names[page.file] + page.mark) | (_place(page) if has_pages else {})
        for prediction, page in zip(predictions, pages, strict=True)
    ]
    if details == "none":
        return rows
    more = [_details(prediction, page.picture, details) for prediction, page in zip(predictions, pages, strict=True)]
    return [row | extra for row, extra in zip(rows, more, strict=True)]


def _place(page: SentPage) -> dict[str, Any]:
    """Return what a row says of which file it is, and which page."""
    number = page.picture.number if isinstance(page.picture, Page) else None
    return {"file": page.file, "page": number, "pages": page.numbers}


def _details(prediction: Prediction, data: bytes | Page | PictureError, details: str) -> dict[str, Any]:
    """Return what `details` adds to a row."""
    found = prediction.found
    if found is None or isinstance(data, PictureError):
        return {"reason": prediction.reason}
    more = {"reason": prediction.reason, "box": box_of(found), "ink": to_data_url(found.ink)}
    return more | {"steps": steps_of(found, data)} if details == "steps" else more


def _read_number(predictor: Predictor, data: bytes, name: str, page: int | None, with_picture: bool) -> dict[str, Any]:
    pages = page_numbers(data)
    picture = page_of(data, page)
    pixels = open_picture(picture)
    name += f"#{page}" if isinstance(picture, Page) else ""
    row = predictor.read_number(pixels).row(name) | {"width": pixels.shape[1], "height": pixels.shape[0]}
    row |= {"pages": pages} if pages else {}
    return row | {"picture": picture_url(pixels, 1024)} if with_picture else row


def _card(name: str, predictor: Predictor, n_bytes: int) -> ModelCard:
    engine = predictor.engines[0]
    facts = engine.facts
    return ModelCard(
        name=name,
        architecture=facts.get("architecture"),
        metrics=facts.get("metrics") or {},
        config={key: without_folders(value) for key, value in (facts.get("config") or {}).items()},
        git_commit=facts.get("git_commit"),
        engine=engine.name,
        n_bytes=n_bytes,
        weights_sha256=facts.get("weights_sha256"),
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
        if first["type"] == "json_invalid":  # its place is that of a letter, not of a field
            return JSONResponse({"error": "what was sent is not valid JSON"}, 422)
        where = ".".join(str(part) for part in first["loc"][1:])
        why = "send it as a file part: curl -F NAME=@FILE" if "UploadFile" in first["msg"] else first["msg"].lower()
        return JSONResponse({"error": f"{where}: {why}" if where else first["msg"]}, 422)

    @app.exception_handler(SeveralPages)
    async def open_which(_request: Request, error: SeveralPages) -> JSONResponse:
        sentence = f"the file has {error.n_pages} pages; name one of them, ?page=1 to ?page={error.n_pages}"
        return JSONResponse({"error": sentence}, 422)

    async def told(_request: Request, error: Exception) -> JSONResponse:
        status = next(HTTP_STATUS[kind] for kind in type(error).__mro__ if kind in HTTP_STATUS)
        return JSONResponse({"error": str(error)}, status, {"Retry-After": "5"} if status == 503 else None)

    for kind in HTTP_STATUS:
        app.add_exception_handler(kind, told)

    @app.exception_handler(Exception)
    async def failed(_request: Request, _error: Exception) -> JSONResponse:
        return JSONResponse({"error": "something went wrong here; the server's log says what"}, 500)
