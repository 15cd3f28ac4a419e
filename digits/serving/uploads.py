"""What a request sends: its files, as bytes if they are small enough, and the pages of those one after another.

files = await read_files(uploads, Limits())
for page in sent_pages(files): page.file, page.mark, page.picture
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, File, HTTPException, Request, UploadFile

from digits.files import without_folders
from digits.finding.limits import PictureError
from digits.finding.pages import Page, page_of, to_pages
from digits.serving.work_queue import Limits


async def _the_only(request: Request, file: Annotated[UploadFile, File(description="one picture")]) -> UploadFile:
    """Return a request's file. Raises `PictureError` if it has several of that name, of which the others were lost."""
    if len((await request.form()).getlist("file")) > 1:
        raise PictureError("send one file here; /api/predict takes several, as files=")
    return file


OnlyFile = Annotated[UploadFile, Depends(_the_only)]


def file_name(file: UploadFile) -> str:
    """Return the last part of the name a client sent, whichever slashes it used."""
    return without_folders(file.filename or "")[:255]


async def read_files(files: Sequence[UploadFile], limits: Limits) -> list[bytes | PictureError]:
    """Return the files' bytes, or for one above the limit the error that its row will carry."""
    if len(files) > limits.n_files:
        raise HTTPException(413, f"{len(files)} files are too many for one request; send {limits.n_files}")
    return [await _read_or_error(file, limits) for file in files]


async def _read_or_error(file: UploadFile, limits: Limits) -> bytes | PictureError:
    try:
        return await read_file(file, limits)
    except PictureError as error:
        return error


async def read_file(file: UploadFile, limits: Limits) -> bytes:
    """Return a file's bytes. Raises `PictureError` if it is above the limit."""
    if (file.size or 0) > limits.file_bytes:
        raise PictureError(f"the file is larger than {limits.file_bytes // 2**20} MB; save it smaller")
    return await file.read()


@dataclass(frozen=True)
class SentPage:
    """One page of a file that was sent, or all of a file that is one picture."""

    file: int  # which of the request's files it is
    mark: str  # "#1", "#2", …; "" of a file that is one picture
    picture: bytes | Page | PictureError
    numbers: list[int]  # of all pages of the file; empty where it is one picture


def sent_pages(files: Sequence[bytes | PictureError], number: int | None = None) -> list[SentPage]:
    """Return what there is to read in a request's files: each page, or only page `number` of each file."""
    sent = []
    for n, data in enumerate(files):
        pages = [("", data)] if isinstance(data, PictureError) else to_pages(data)
        numbers = [page.number for _mark, page in pages if isinstance(page, Page)]
        if number is not None and not isinstance(data, PictureError):
            picture = page_of(data, number)
            pages = [(f"#{number}" if isinstance(picture, Page) else "", picture)]
        sent += [SentPage(n, mark, picture, numbers) for mark, picture in pages]
    return sent
