"""Zip archives, on disk or in a store, also within each other: nothing is ever unpacked to disk.

open_archive("scans.zip").infolist()
data = read_member("scans.zip", "inner.zip/1.png")
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import zipfile

from digits.batch.stores import URL, filesystem_of
from digits.finding.decode import read_bytes
from digits.finding.limits import MAX_BYTES, PictureError

MAX_RATIO = 200  # of a member's size to its compressed size, above 1 MB: pictures hardly compress, bombs do
INNER_ARCHIVE = re.compile(r"\.zip(?=/)", re.IGNORECASE)


@functools.lru_cache(maxsize=4)
def open_archive(path: str) -> zipfile.ZipFile:
    """Return the archive at a path or URL. Raises `PictureError`, a sentence without its path."""
    try:
        if URL.match(path):
            filesystem, inside = filesystem_of(path)
            return zipfile.ZipFile(filesystem.open(inside, "rb"))
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise PictureError("there is no such file") from None
    except OSError as error:
        raise PictureError(f"the zip archive cannot be opened ({error.strerror or error})") from None
    except Exception as error:  # BadZipFile, and of a damaged list of members: UnicodeError, struct.error, …
        raise PictureError(f"the zip archive is damaged ({str(error)[:100]})") from None


if hasattr(os, "register_at_fork"):  # an open file has one position, for a fork as well
    os.register_at_fork(after_in_child=open_archive.cache_clear)


def open_nested(path: str, name: str, n_most: int) -> zipfile.ZipFile:
    """Return the archive that is the member `name` of the one at `path`.

    Raises `PictureError` if it is damaged or holds over `n_most` files.
    """
    inner = _nested(path, name)
    if len(inner.infolist()) > n_most:
        raise PictureError("the archives within each other hold too many files; unpack the outer one")
    return inner


@functools.lru_cache(maxsize=4)
def _nested(path: str, name: str) -> zipfile.ZipFile:
    """Return the archive that is the member `name` of the one at `path`. Raises `PictureError`."""
    data = read_member(path, name)
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except Exception:
        raise PictureError("the archive within the archive is damaged") from None


def read_member(path: str, name: str) -> bytes:
    """Return the bytes of a member, perhaps within an inner archive; raises `PictureError` with the reason if not."""
    try:
        archive, member = _find_member(path, name)
        if member.file_size > MAX_BYTES:
            raise PictureError(f"the archive's member is larger than {MAX_BYTES // 2**20} MB")
        if member.file_size > 2**20 and member.file_size > MAX_RATIO * max(1, member.compress_size):
            raise PictureError(f"the archive's member inflates to more than {MAX_RATIO} times its size")
        return read_bytes(archive.read(member) or b"")
    except PictureError:
        raise
    except RuntimeError:
        raise PictureError("the archive's member is encrypted; unpack it first") from None
    except Exception as error:  # zlib.error, BadZipFile, NotImplementedError, KeyError, OSError
        raise PictureError(f"the archive's member is damaged ({type(error).__name__})") from None


def _find_member(path: str, name: str) -> tuple[zipfile.ZipFile, zipfile.ZipInfo]:
    """Return a member and the archive it lies in: the one at `path`, or one in that. Raises `KeyError`."""
    archive = open_archive(path)
    with contextlib.suppress(KeyError):
        return archive, archive.getinfo(name)
    for end in (found.start() + len(".zip") for found in INNER_ARCHIVE.finditer(name)):
        with contextlib.suppress(KeyError):
            archive = _nested(path, name[:end])
            return archive, archive.getinfo(name[end + 1 :])
    raise KeyError(name)
