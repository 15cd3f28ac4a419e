"""What a batch reads: files, folders, globs, zip archives, lists, stdin and object stores -> one stream of entries.

    for entry in find_entries(["scans/", "more.zip", "s3://bucket/forms/"]): data = entry.read()

Entries come in a fixed order (as named; folders by name), lazily: a million of them take no memory. A file that is
named becomes an entry whatever it is, so that it gets its row; in folders, globs and archives hidden files and files
that are no pictures by their extension are passed over and counted. Nothing is ever unpacked to disk.
"""

from __future__ import annotations

import csv
import functools
import glob
import json
import os
import re
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from digits.command import UserError
from digits.finding.decode import EXTENSIONS, MAX_BYTES, PictureError, read_bytes

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
LIST_COLUMNS = ("path", "file", "filename", "image")
MAX_MEMBERS = 1_000_000  # of one archive
SPOOL_BYTES = 16 * 2**20  # of entries held in memory until they are read; some hundred thousand
MAX_RATIO = 200  # of a member's size to its compressed size, above 1 MB: pictures hardly compress, bombs do


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture to read. Small and picklable, so that it can travel to another process or machine."""

    name: str  # as in the report: a path, a URL, or archive.zip/member
    cut: int | None = None  # of an archive's member: how long the archive's own path is
    listed_stamp: str | None = None  # where a listing told it already

    def stamp(self) -> str:
        """Return what changes when the file changes: size and time, or the store's tag; "" if it cannot be told."""
        if self.listed_stamp is not None:
            return self.listed_stamp
        try:
            if URL.match(self.name):
                filesystem, path = _filesystem(self.name)
                return _store_stamp(filesystem.info(path))
            told = os.stat(self.name)
        except Exception:  # stores raise their own kinds; the reading itself will say what is wrong
            return ""
        return f"{told.st_size}-{told.st_mtime_ns}"

    def read(self) -> bytes:
        """Return the file's bytes; raises `PictureError` with the reason if it cannot be read."""
        if self.cut is not None:
            return _read_member(self.name[: self.cut], self.name[self.cut + 1 :])
        return _read_url(self.name) if URL.match(self.name) else read_bytes(self.name)

    @property
    def basename(self) -> str:
        """The last part of the name, whatever it lies in: never a path that could lead elsewhere."""
        return PurePosixPath(self.name.replace("\\", "/")).name


def find_entries(
    sources: Iterable[str | os.PathLike[str]], recursive: bool = True, skipped: Counter[str] | None = None
) -> Iterator[Entry]:
    """Yield the entries of all `sources` in order, counting what is passed over in `skipped` by kind.

    A source that is not there becomes an entry too, whose reading says so: it may have gone since it was counted.
    """
    skipped = Counter() if skipped is None else skipped
    for source in sources:
        yield from _entries_of(os.fspath(source), recursive, skipped)


def _entries_of(source: str, recursive: bool, skipped: Counter[str]) -> Iterator[Entry]:
    try:
        kind = kind_of(source)
    except UserError:
        kind = "file"
    if kind == "url":
        return _in_store(source, recursive, skipped)
    if kind == "folder":
        return _in_folder(source, recursive, skipped)
    if kind == "glob":
        return _in_glob(source, recursive, skipped)
    if kind == "zip":
        return _in_zip(source, recursive, skipped)
    if kind == "list":
        return _in_list(source)
    if kind == "file":
        return iter([Entry(source)])
    return _named((os.fsdecode(line).strip("\r\n") for line in sys.stdin.buffer), Path())


def kind_of(source: str) -> str:
    """Return what a source is: stdin, url, folder, zip, list, file or glob; raises `UserError` if it is nothing."""
    if source == "-":
        return "stdin"
    if URL.match(source):
        return "url"
    if os.path.isdir(source):
        return "folder"
    if os.path.lexists(source):
        return {".zip": "zip", ".txt": "list", ".csv": "list"}.get(Path(source).suffix.lower(), "file")
    if glob.has_magic(source):
        return "glob"
    raise UserError(f"there is no '{source}'; name files, folders, globs, zip archives, .txt or .csv lists, or URLs")


def _is_wanted(path: str, skipped: Counter[str]) -> bool:
    """Whether a file found (not named) is a picture, by its name alone."""
    parts = PurePosixPath(path.replace(os.sep, "/"))
    if any(part.startswith(".") and part not in (".", "..") or part == "__MACOSX" for part in parts.parts):
        skipped["hidden"] += 1
        return False
    if parts.suffix.lower() not in EXTENSIONS:
        skipped["not a picture"] += 1
        return False
    return True


def _in_folder(folder: str, recursive: bool, skipped: Counter[str]) -> Iterator[Entry]:
    """Walk depth first, each folder's files by name before its subfolders; links to folders are not followed."""
    to_walk = [folder]  # not a recursion: folders can lie deeper in each other than Python calls may
    while to_walk:
        folder, folders = to_walk.pop(), []
        try:
            with os.scandir(folder) as found:
                items = sorted((item.name, item.is_dir(follow_symlinks=False)) for item in found)
        except OSError:  # no permission, or gone since: its own row says so
            yield Entry(folder)
            continue
        for name, is_folder in items:
            if not is_folder:
                if _is_wanted(name, skipped):
                    yield Entry(os.path.join(folder, name))
            elif name.startswith("."):
                skipped["hidden"] += 1
            else:
                folders.append(os.path.join(folder, name))
        to_walk += folders[::-1] if recursive else []


def _in_glob(pattern: str, recursive: bool, skipped: Counter[str]) -> Iterator[Entry]:
    n_found = 0
    for path in sorted(set(_matching(pattern))):
        n_found += 1
        if os.path.isdir(path):
            continue
        if _is_wanted(os.path.basename(path), skipped):
            yield Entry(path)
    if not n_found:
        raise UserError(f"nothing matches '{pattern}'")


def _matching(pattern: str) -> Iterator[str]:
    """Yield what glob would, but for its ** following links to folders, which may lead in circles."""
    head, *tail = re.split(r"(?:(?<=/)|^)\*\*(?:/|$)", pattern.replace(os.sep, "/"), maxsplit=1)
    if not tail:
        yield from glob.iglob(pattern)
        return
    for start in glob.iglob(head) if head else [os.curdir]:
        for folder, folders, _files in os.walk(start):
            folders[:] = [name for name in folders if not name.startswith(".")]
            here = folder if head else folder[len("./") :]
            yield from _matching(os.path.join(glob.escape(here), tail[0] or "*"))


def _in_list(path: str) -> Iterator[Entry]:
    """Read names, one a line; of a .csv with a header, its column path, file, filename or image (else the first)."""
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        if not path.lower().endswith(".csv"):
            yield from _named((line.strip("\r\n") for line in file), Path(path).parent)
            return
        rows: Iterator[list[str]] = csv.reader(file)
        first = next(rows, [])
        titles = [title.strip().lower() for title in first]
        column = next((titles.index(name) for name in LIST_COLUMNS if name in titles), None)
        if column is None:
            column, rows = 0, _chain(first, rows)
        yield from _named((row[column] for row in rows if len(row) > column), Path(path).parent)


def _chain(first: list[str], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    yield first
    yield from rows


def _named(names: Iterable[str], beside: Path) -> Iterator[Entry]:
    """Yield an entry for each name; one that is not found from here is looked for beside the list."""
    folder = str(beside)
    for name in names:
        if not name.strip():
            continue
        if not os.path.isabs(name) and folder != "." and not URL.match(name) and os.path.lexists(beside / name):
            name = str(beside / name)
        yield Entry(name)


# ---------------------------------------------------------------- archives


def _in_zip(path: str, recursive: bool, skipped: Counter[str]) -> Iterator[Entry]:
    members = _archive(path).infolist()
    if len(members) > MAX_MEMBERS:
        raise UserError(f"'{path}' holds more than {MAX_MEMBERS:,} files; unpack it and name the folder")
    for member in members:
        if member.is_dir() or not recursive and "/" in member.filename.strip("/"):
            continue
        if _is_wanted(member.filename, skipped):
            yield Entry(f"{path}/{member.filename}", len(path), f"{member.file_size}-{member.CRC:08x}")


@functools.lru_cache(maxsize=4)
def _archive(path: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # OSError, BadZipFile, and of a damaged list of members: UnicodeError, struct.error, …
        raise UserError(f"'{path}' cannot be opened as a zip archive ({error})") from None


def _read_member(path: str, name: str) -> bytes:
    try:
        archive = _archive(path)
        member = archive.getinfo(name)
        if member.file_size > MAX_BYTES:
            raise PictureError(f"the archive's member is larger than {MAX_BYTES // 2**20} MB")
        if member.file_size > 2**20 and member.file_size > MAX_RATIO * max(1, member.compress_size):
            raise PictureError(f"the archive's member inflates to more than {MAX_RATIO} times its size")
        return read_bytes(archive.read(member) or b"")
    except (PictureError, UserError) as error:
        raise PictureError(str(error)) from None
    except RuntimeError:
        raise PictureError("the archive's member is encrypted") from None
    except Exception as error:  # zlib.error, BadZipFile, NotImplementedError, KeyError, OSError
        raise PictureError(f"the archive's member is damaged ({type(error).__name__})") from None


# ---------------------------------------------------------------- object stores


def _in_store(url: str, recursive: bool, skipped: Counter[str]) -> Iterator[Entry]:
    filesystem, path = _filesystem(url)
    try:
        found = _listing(filesystem, path, recursive)
    except Exception as error:  # every store has its own: botocore, gcsfs, aiohttp, OSError
        raise UserError(f"'{url}' cannot be listed ({type(error).__name__}: {str(error)[:150]})") from None
    if not found:
        raise UserError(f"there is nothing at '{url}'")
    for name, told in found:
        if name == path or _is_wanted(name.removeprefix(path), skipped):
            yield Entry(filesystem.unstrip_protocol(name), None, _store_stamp(told))


def _listing(filesystem: Any, path: str, recursive: bool) -> list[tuple[str, dict[str, Any]]]:
    if glob.has_magic(path):
        found = filesystem.glob(path, detail=True)
    else:
        found = filesystem.find(path, detail=True, maxdepth=None if recursive else 1)
    return [(name, told) for name, told in sorted(found.items()) if told.get("type") != "directory"]


def _filesystem(url: str) -> Any:
    try:
        import fsspec
    except ImportError:
        raise UserError("object stores need fsspec and their driver: pip install fsspec s3fs (or gcsfs, …)") from None
    try:
        return fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UserError(f"'{url}' cannot be opened: {error}") from None


def _store_stamp(told: dict[str, Any]) -> str:
    tag = next((told[key] for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified") if told.get(key)), "")
    return f"{told.get('size')}-{tag}"


def _read_url(url: str) -> bytes:
    try:
        filesystem, path = _filesystem(url)
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
        raise PictureError(f"the store did not give the file ({type(error).__name__})") from None


def listed(
    sources: Sequence[str | os.PathLike[str]], recursive: bool = True, skipped: Counter[str] | None = None
) -> tuple[Iterator[Entry], int | None]:
    """Return the entries of all `sources`, and how many there are: None where counting would cost as much as reading.

    The sources are walked once; what is found waits in a temporary file if it is much. Raises `UserError` for a source
    that does not exist.
    """
    kinds = {kind_of(os.fspath(source)) for source in sources}
    entries = find_entries(sources, recursive, skipped)
    if kinds & {"stdin", "url"}:
        return entries, None
    waiting, n = tempfile.SpooledTemporaryFile(SPOOL_BYTES), 0  # noqa: SIM115  closed once nobody reads on
    for n, entry in enumerate(entries, 1):  # noqa: B007
        waiting.write(json.dumps([entry.name, entry.cut, entry.listed_stamp]).encode() + b"\n")
    waiting.seek(0)
    return (Entry(*json.loads(waiting.readline())) for _ in range(n)), n
