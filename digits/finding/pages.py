"""Files of several pages: which they have, and how one of them is named.

for mark, page in to_pages(data): open_picture(page)      # mark: "#1", or "" where there is one picture
open_picture(page_of(data, 2))
split_page("form.pdf#2")                                  # ("form.pdf", 2)
"""

from __future__ import annotations

import io
import os
import re
import warnings
from dataclasses import dataclass

from PIL import Image

from digits.finding import foreign
from digits.finding.limits import MAX_PAGES, PictureError

PAGED = frozenset(".pdf .tif .tiff".split())  # extensions of files that may hold several pages
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SUBFILE_TAG, IS_REDUCED = 254, 1  # of TIFF: a page that is a small copy of another
PAGE_MARK = re.compile(r"(?P<file>.+)#(?P<page>[1-9]\d{0,5})", re.DOTALL)


@dataclass(frozen=True)
class Page:
    """One page of a PDF or TIFF in memory, counted from 1."""

    data: bytes
    number: int


class SeveralPages(PictureError):
    """A file of `n_pages` pages, of which none was named."""

    def __init__(self, n_pages: int) -> None:
        super().__init__(n_pages)
        self.n_pages = n_pages

    def __str__(self) -> str:
        return f"the file has {self.n_pages} pages; name one of them by adding #1 to #{self.n_pages}"


def split_page(path: str | os.PathLike[str]) -> tuple[str, int | None]:
    """Return ("form.pdf", 2) of "form.pdf#2"; (path, None) of a file's own name, or where no such file is there."""
    name = os.fspath(path)
    found = PAGE_MARK.fullmatch(name) if "#" in name else None
    if found and os.path.lexists(found["file"]) and not os.path.lexists(name):
        return found["file"], int(found["page"])
    return name, None


def to_pages(data: bytes) -> list[tuple[str, bytes | Page]]:
    """Return a file's pages with their marks, "#1", "#2", …; or [("", data)] where it is one picture, or damaged.

    A PDF's pages always have marks, so that they keep their names when more are scanned; a TIFF's where it has several.
    """
    numbers = page_numbers(data)
    return [(f"#{number}", Page(data, number)) for number in numbers] if numbers else [("", data)]


def page_of(data: bytes, number: int | None) -> bytes | Page:
    """Return page `number` of a file; the file itself without a number, and for page 1 where it is one picture."""
    return data if number is None or (number == 1 and not page_numbers(data)) else Page(data, number)


def page_numbers(data: bytes) -> list[int]:
    """Return the numbers of a file's pages; none of one picture, or where it cannot be opened or has too many."""
    try:
        kind = foreign.kind_of(data)
        if kind == "pdf":
            n_pages = foreign.count_pages(data, kind)
            return list(range(1, n_pages + 1)) if n_pages <= MAX_PAGES else []
        numbers = _tiff_pages(data) if data[:4] in TIFF_STARTS else []
    except Exception:  # whoever reads the file is told what is wrong with it
        return []
    return numbers if 1 < len(numbers) <= MAX_PAGES else []


def _tiff_pages(data: bytes) -> list[int]:
    """Return the numbers of a TIFF's pages but for small copies of others; at most one more than `MAX_PAGES`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
            return _pages_of(image)


def _pages_of(image: Image.Image) -> list[int]:
    numbers = []
    for frame in range(MAX_PAGES + 1):
        try:
            image.seek(frame)
        except EOFError:
            break
        tags = getattr(image, "tag_v2", {})
        if frame == 0 or not int(tags.get(SUBFILE_TAG, 0)) & IS_REDUCED:
            numbers.append(frame + 1)
    image.seek(0)
    return numbers


def check_page(page: int | None, n_pages: int) -> None:
    """Raise `PictureError` unless `page` is one of `n_pages`, or left open where there is only one."""
    if n_pages > MAX_PAGES:
        raise PictureError(f"the file has more than {MAX_PAGES:,} pages; split it")
    if page is None and n_pages > 1:
        raise SeveralPages(n_pages)
    if not n_pages or page is not None and page > n_pages:
        raise PictureError(f"the file has no page {page or 1}; it has {n_pages}")


def turned_to(image: Image.Image, page: int | None) -> Image.Image:
    """Return a TIFF at `page`; without one, at its only page."""
    numbers = _pages_of(image)
    if page is None:
        check_page(None, len(numbers))
    elif page not in numbers:
        raise PictureError(f"the file has no page {page}; it has {len(numbers)}")
    image.seek((page or numbers[0]) - 1)
    return image
