"""What a request sends, page by page: its files one after another, each with all its pages or with the one asked for.

for page in sent_pages(await desk.read(files)): page.file, page.mark, page.picture
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from digits.finding.limits import PictureError
from digits.finding.pages import Page, page_of, to_pages


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
