"""Object stores: s3://, gs://, https:// and whatever else fsspec has a driver for.

for name, info in listing(*filesystem_of("s3://bucket/forms/"), recursive=True): stamp_of(info)
data = read_url("s3://bucket/forms/1.png")
"""

from __future__ import annotations

import glob
import re
from typing import Any

from digits.command import UserError
from digits.finding.decode import read_bytes
from digits.finding.limits import MAX_BYTES, PictureError

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def filesystem_of(url: str) -> Any:
    """Return a store's file system and the path within it. Raises `UserError` without a driver for it."""
    try:
        import fsspec
    except ImportError:
        raise UserError("object stores need fsspec and their driver: pip install fsspec s3fs (or gcsfs, …)") from None
    try:
        return fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UserError(f"'{url}' cannot be opened: {error}") from None


def listing(filesystem: Any, path: str, recursive: bool) -> list[tuple[str, dict[str, Any]]]:
    """Return the files in a folder, or of a pattern, by name, and what their store tells about each."""
    if glob.has_magic(path):
        found = filesystem.glob(path, detail=True)
    else:
        found = filesystem.find(path, detail=True, maxdepth=None if recursive else 1)
    return [(name, info) for name, info in sorted(found.items()) if info.get("type") != "directory"]


def stamp_of(info: dict[str, Any]) -> str:
    """Return what changes when a file does, of what its store tells about it: perhaps its size alone."""
    tag = next((info[key] for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified") if info.get(key)), "")
    return f"{info.get('size')}-{tag}"


def read_url(url: str) -> bytes:
    """Return the bytes at a URL; raises `PictureError` with the reason if they cannot be read."""
    try:
        filesystem, path = filesystem_of(url)
        if "file" in filesystem.protocol:  # file://, where a pipe would make it wait
            return read_bytes(path)
        size = filesystem.info(path).get("size")
        if size is not None and size > MAX_BYTES:
            raise PictureError(f"the file is larger than {MAX_BYTES // 2**20} MB")
        return read_bytes(filesystem.cat_file(path))
    except FileNotFoundError:
        raise PictureError("there is no such file") from None
    except (PictureError, UserError) as error:
        raise PictureError(str(error)) from None
    except Exception as error:
        raise PictureError(f"the object store did not return the file ({type(error).__name__})") from None
