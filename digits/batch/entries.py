"""One picture of a batch, wherever it lies: a file, an archive's member, an object in a store, or a page of those.

Entry("form.pdf#3").picture(), Entry("scans.zip/1.png", cut=9).read(), Entry("s3://bucket/1.png").stamp()
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import PurePosixPath

from digits.batch.archives import read_member
from digits.batch.stores import URL, filesystem_of, read_url, stamp_of
from digits.finding.decode import read_bytes
from digits.finding.limits import PictureError
from digits.finding.pages import PAGE_MARK, PAGED, Page, split_page


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture to read. Small and picklable, so that it can travel to another process or machine."""

    name: str  # as in the report: a path, a URL, or archive.zip/member, and #3 for a third page
    cut: int | None = None  # of an archive's member: how long the archive's own path is
    listed_stamp: str | None = None  # where a listing told it already
    fault: str | None = None  # why an archive or a list could not be looked into: it is no picture either

    def __reduce__(self) -> tuple[type[Entry], tuple[str | int | None, ...]]:
        return Entry, self.parts  # a third of what dataclasses take

    @property
    def parts(self) -> tuple[str | int | None, ...]:
        """What it is made of, as `Entry` takes it."""
        return self.name, self.cut, self.listed_stamp, self.fault

    def stamp(self) -> str:
        """Return what changes when the file changes: size and time, or what its store tells; "" if nothing does."""
        if self.listed_stamp is not None:
            return self.listed_stamp
        file, _page = self._split()
        try:
            if URL.match(file):
                filesystem, path = filesystem_of(file)
                return stamp_of(filesystem.info(path))
            found = os.stat(file)
        except Exception:  # stores raise their own kinds; the reading itself will say what is wrong
            return ""
        return f"{found.st_size}-{found.st_mtime_ns}"

    def read(self) -> bytes:
        """Return the file's bytes, of whatever page; raises `PictureError` with the reason if it cannot be read."""
        return _read(self._split()[0], self.cut)

    def picture(self) -> bytes | Page:
        """Return what `open_picture` opens: the file's bytes, or the one page. Raises `PictureError` as `read`."""
        if self.fault is not None:
            raise PictureError(self.fault)
        file, page = self._split()
        return _read(file, self.cut) if page is None else Page(_read_again(file, self.cut, self.stamp()), page)

    @property
    def page(self) -> int | None:
        """Which page this is, from 1; None for a file that is read as one picture."""
        return self._split()[1]

    @property
    def basename(self) -> str:
        """The last part of the name, whatever it lies in: never a path that could lead elsewhere."""
        return PurePosixPath(self.name.replace("\\", "/")).name

    def _split(self) -> tuple[str, int | None]:
        """Return the file's name, and the page if one is named."""
        if "#" not in self.name:
            return self.name, None
        if self.cut is None and not URL.match(self.name):
            return split_page(self.name)
        found = PAGE_MARK.fullmatch(self.name)
        is_page = found and suffix_of(found["file"]) in PAGED
        return (found["file"], int(found["page"])) if found and is_page else (self.name, None)


def _read(file: str, cut: int | None) -> bytes:
    if cut is not None:
        return read_member(file[:cut], file[cut + 1 :])
    return read_url(file) if URL.match(file) else read_bytes(file)


@functools.lru_cache(maxsize=2)
def _read_again(file: str, cut: int | None, stamp: str) -> bytes:
    """Return a file whose next page is asked for, too: it may lie far away, and the renderer knows it again."""
    return _read(file, cut)


def suffix_of(path: str) -> str:
    """Return a path's or URL's extension in lower case, with its dot; "" if it has none."""
    name = path.replace(os.sep, "/").rstrip("/").rpartition("/")[2]  # a hundred thousand of pathlib's take a second
    stem, dot, suffix = name.rpartition(".")
    return dot + suffix.lower() if stem and suffix else ""
