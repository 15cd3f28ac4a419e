"""The API's routes for forms: a template is made of an empty form, and filled ones are read by it, as the batch does.

    add_forms(app, readers, queue)      # POST /api/empty-form, /api/read-form

A template is sent with each request, its picture in it: no file of the server is opened by its name, and nothing that
is sent is kept beyond a few templates in memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, File, HTTPException, Query, UploadFile

from digits.command import UserError
from digits.finding.data_url import to_data_url
from digits.finding.decode import open_picture
from digits.finding.limits import PictureError
from digits.finding.pages import Page, page_numbers
from digits.finding.pixels import shrink, to_grey
from digits.reading.answer import Predictor
from digits.reading.form import HEIGHT, FormReading, cut_field, read_form
from digits.reading.template import Form, form_of
from digits.reading.verdict import ERROR
from digits.serving.readers import Readers
from digits.serving.schemas import EmptyForm, FormRows, Model, PageNumber
from digits.serving.uploads import OnlyFile, file_name, read_file, read_files, sent_pages
from digits.serving.work_queue import WorkQueue

EMPTY_SIDE = 2000  # pixels of an empty form made ready: 170 dpi on A4, a field of 6 mm 40 pixels high
CUT_SIDE = 320  # pixels of a field's little picture
MAX_FIELDS = 100  # of a template that is sent; a hundred numbers are read in some ten seconds
MAX_EMPTY_PIXELS, MAX_FIELD_PIXELS = 16e6, 8e6  # of its picture; of all its fields as they are read, at most
MAX_PAGES_SENT = 64  # in one request


def add_forms(app: FastAPI, readers: Readers, queue: WorkQueue) -> None:
    """Add the routes to `app`; the networks are those of `readers`, the work is done by `queue`."""

    @app.post("/api/empty-form", tags=["forms"], response_model=EmptyForm, response_model_exclude_unset=True)
    async def empty_form(file: OnlyFile, page: PageNumber = None) -> Any:
        """Make the picture of an empty form ready for a template; refused if too little is printed to know it by."""
        return await queue.run(_empty_form, await read_file(file, queue.limits), page)

    @app.post("/api/read-form", tags=["forms"], response_model=FormRows, response_model_exclude_unset=True)
    async def read(
        template: Annotated[UploadFile, File(description="JSON as docs/forms.md has it, with its picture in it")],
        files: Annotated[list[UploadFile], File(description="filled forms")] = [],  # noqa: B006
        model: Model = [],  # noqa: B006
        pictures: Annotated[bool, Query(description="add a small picture of each field")] = False,
    ) -> Any:
        """Read filled forms by a template, each page of a PDF or TIFF; without files, say if the template is sound.

        Of several pages, one that cannot be read is a row with status "error"; a single one is answered with 422.
        """
        predictor, names = readers.predictor(model), readers.check(model)
        form = await queue.run(_form, await read_file(template, queue.limits), file_name(template)[:80] or "template")
        pages = await queue.run(sent_pages, await read_files(files, queue.limits))
        if len(pages) > MAX_PAGES_SENT:
            raise HTTPException(413, f"{len(pages)} pages are too many for one request; send {MAX_PAGES_SENT}")
        rows = []
        for page in pages:  # one by one, so that nobody waits for all of them
            path = file_name(files[page.file]) + page.mark
            rows.append({**await queue.run(_row, page.picture, path, form, predictor, pictures), "file": page.file})
        if len(rows) == 1 and rows[0]["status"] == ERROR:
            raise HTTPException(422, rows[0]["error"])
        return {"model": names, "names": [field.name for field in form.fields], "rows": rows}


def _empty_form(data: bytes, number: int | None) -> dict[str, Any]:
    pages = page_numbers(data)
    pixels = shrink(open_picture(Page(data, number or 1) if pages else data), EMPTY_SIDE)
    grey = to_grey(pixels)
    assert Form(grey, []).landmarks
    picture = min(to_data_url(grey), to_data_url(grey, "jpeg"), key=len)  # a drawn page is smaller as PNG, a scan not
    return {"picture": picture, "width": grey.shape[1], "height": grey.shape[0]} | ({"pages": pages} if pages else {})


@lru_cache(maxsize=4)  # filled forms come one by one, each with the same template
def _form(data: bytes, name: str) -> Form:
    form = form_of(data, name)
    if len(form.fields) > MAX_FIELDS:
        raise UserError(f"'{name}' has {len(form.fields)} fields; here it may have {MAX_FIELDS}")
    if form.empty.size > MAX_EMPTY_PIXELS or sum(_pixels(form)) > MAX_FIELD_PIXELS:
        raise UserError(f"'{name}': its picture or its fields are too large to be read here; make the picture smaller")
    return form


def _pixels(form: Form) -> list[float]:
    """Return how many pixels each field has at most as it is read; a low one is enlarged."""
    (height, width), boxes = form.empty.shape, np.array([field.box for field in form.fields])
    wide, high = (boxes[:, 2] - boxes[:, 0]) * width, (boxes[:, 3] - boxes[:, 1]) * height
    pixels: list[float] = (wide * high * np.maximum(1, HEIGHT / high) ** 2).tolist()
    return pixels


def _row(
    page: bytes | Page | PictureError, path: str, form: Form, predictor: Predictor, pictures: bool
) -> dict[str, Any]:
    try:
        if isinstance(page, PictureError):
            raise page
        reading = read_form(open_picture(page), form, predictor)
    except PictureError as error:
        nothing: dict[str, Any] = {"reason": None, "confidence": None, "fields": {}}
        return {"path": path, "status": ERROR, **nothing, "error": str(error)}
    row = reading.row(path) | {"error": None}
    for name, url in _cuts(reading).items() if pictures else ():
        row["fields"][name]["picture"] = url
    return row


def _cuts(reading: FormReading) -> dict[str, str]:
    """Return a small picture of each field, by name, as a data URL."""
    cut = ((field.name, cut_field(reading.alignment, reading.form, field)[0]) for field in reading.form.fields)
    return {name: to_data_url(shrink(pixels, CUT_SIDE), "jpeg") for name, pixels in cut}
