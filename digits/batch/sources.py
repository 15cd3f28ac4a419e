"""What a batch reads: files, folders, globs, zip archives, lists, stdin and object stores -> one stream of entries.

    for entry in find_entries(["scans/", "more.zip", "s3://bucket/forms/"]): data = entry.read()
    entries, total = spool_entries(["scans/"])      # the same, once it is known how many there are

Entries come in a fixed order (as named; folders by name), lazily: a million of them take no memory. A file that is
named becomes an entry whatever it is, so that it gets its row, but one that an earlier source held is passed over; in
folders, globs and archives hidden files and files that are no pictures by their extension are passed over, counted and
named, and so are folders of sorted copies below what is named. Every page of a PDF or TIFF is an entry, `form.pdf#3`.
Archives are looked into wherever they lie, also in each other; one that cannot be is an entry that says why. Nothing is
ever unpacked to disk.
"""

from __future__ import annotations

import functools
import glob
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from zipfile import ZipFile

from digits.batch.archives import open_archive, open_nested
from digits.batch.entries import Entry, suffix_of
from digits.batch.lists import found_at, names_in, names_on_stdin
from digits.batch.skipped import HIDDEN, REPLACED, SORTED_MARK, TWICE, Skipped, in_words, is_hidden
from digits.batch.stores import URL, filesystem_of, listing, stamp_of
from digits.command import UserError
from digits.finding.limits import PictureError
from digits.finding.pages import PAGED, split_page, to_pages
from digits.tables import TABLES

STDIN_LINES, STDIN_NULS = "-", "-0"  # names on standard input, and how they are parted
KINDS = {".zip": "zip"} | dict.fromkeys((".txt", *TABLES), "list")
MAX_MEMBERS = 1_000_000  # of one archive, with those in it
MAX_NESTED = 3  # archives within each other, below the outermost
SPOOL_BYTES = 16 * 2**20  # of entries held in memory until they are read; some hundred thousand
SPOOLED_AT_ONCE = 1_000  # entries that are written, and come back, together


def find_entries(
    sources: Iterable[str | os.PathLike[str]], recursive: bool = True, skipped: Skipped | None = None
) -> Iterator[Entry]:
    """Yield the entries of all `sources` in order, a page each, noting what is passed over in `skipped`.

    What an earlier source held is passed over; a list that names a file twice means it.
    A source that is not there becomes an entry too, whose reading says so: it may have gone since it was counted.
    """
    skipped = Skipped() if skipped is None else skipped
    names = [os.fspath(source) for source in sources]
    met: set[int] = set()  # hashes of 64 bits: a fifth of the memory of the names
    for source in names:
        here: set[int] = set()
        for entry in _noted_if_empty(source, _entries_of(source, recursive, skipped), skipped):
            if len(names) > 1:
                here.add(place := hash(_place_of(entry)))
                if place in met:
                    skipped.note(TWICE, entry.name)
                    continue
            yield entry
        met |= here


def spool_entries(
    sources: Sequence[str | os.PathLike[str]],
    recursive: bool = True,
    skipped: Skipped | None = None,
    meet: Callable[[Entry], None] | None = None,
) -> tuple[Iterator[Entry], int | None]:
    """Return the entries of all `sources`, and how many there are: None where counting would cost as much as reading.

    The sources are walked once; what is found waits in a temporary file if it is much. `meet`, if given, is called
    with every entry as it is found. Raises `UserError` for a source that does not exist.
    """
    kinds = {kind_of(os.fspath(source)) for source in sources}
    entries = find_entries(sources, recursive, skipped)
    if meet:
        entries = _met(entries, meet)
    if kinds & {"stdin", "url"}:
        return entries, None
    waiting, n = tempfile.SpooledTemporaryFile(SPOOL_BYTES), 0  # noqa: SIM115  closed once nobody reads on
    while some := list(islice(entries, SPOOLED_AT_ONCE)):
        parts = [entry.parts for entry in some]
        waiting.write(json.dumps(parts).encode() + b"\n")
        n += len(some)
    waiting.seek(0)
    return (Entry(*parts) for _ in range(0, n, SPOOLED_AT_ONCE) for parts in json.loads(waiting.readline())), n


def _met(entries: Iterator[Entry], meet: Callable[[Entry], None]) -> Iterator[Entry]:
    for entry in entries:
        meet(entry)
        yield entry


def _noted_if_empty(source: str, entries: Iterator[Entry], skipped: Skipped) -> Iterator[Entry]:
    before, n = Counter(skipped.suffixes), 0
    for n, entry in enumerate(entries, 1):  # noqa: B007
        yield entry
    if not n:
        held = in_words(skipped.suffixes - before) or "nothing"
        skipped.empty.append(f"there are no pictures in '{source}'; it holds {held}")


def _place_of(entry: Entry) -> str:
    """Return the same for every spelling of where an entry lies."""
    if URL.match(entry.name):
        return entry.name
    cut = len(entry.name) if entry.cut is None else entry.cut
    return os.path.abspath(entry.name[:cut]) + entry.name[cut:]


def _entries_of(source: str, recursive: bool, skipped: Skipped) -> Iterator[Entry]:
    try:
        kind = kind_of(source)
    except UserError:  # which its row says
        kind = "file"
    if walk := {"url": _in_store, "folder": _in_folder, "glob": _in_glob, "zip": _in_zip}.get(kind):
        return walk(source, recursive, skipped)
    if kind == "list":
        return _in_list(source, skipped)
    if kind == "file":
        return _paged(Entry(source))
    return _named(names_on_stdin(source == STDIN_NULS), Path(), skipped)


def _paged(entry: Entry) -> Iterator[Entry]:
    """Yield an entry for each page of a file that has several; else the entry itself."""
    if suffix_of(entry.name) not in PAGED:
        yield entry
        return
    try:
        marks = [mark for mark, _page in to_pages(entry.read())]
    except PictureError:  # which its row says
        marks = [""]
    yield from (Entry(entry.name + mark, entry.cut, entry.listed_stamp) for mark in marks)


def kind_of(source: str) -> str:
    """Return what a source is: stdin, url, folder, zip, list, file or glob; raises `UserError` if it is nothing."""
    if source in (STDIN_LINES, STDIN_NULS):
        return "stdin"
    if URL.match(source):
        return "url"
    if os.path.isdir(source):
        return "folder"
    if os.path.lexists(source):
        return KINDS.get(suffix_of(source), "file")
    if split_page(source)[1]:
        return "file"
    if glob.has_magic(source):
        return "glob"
    raise UserError(
        f"there is no '{source}'; name files, folders, globs, zip archives, lists (.txt, .csv, .xlsx) or URLs"
    )


def _is_archive(path: str) -> bool:
    return suffix_of(path) == ".zip" and not is_hidden(path)


def _in_folder(folder: str, recursive: bool, skipped: Skipped) -> Iterator[Entry]:
    """Walk depth first, each folder's files by name before its subfolders; links to folders are not followed."""
    to_walk = [folder]  # not a recursion: folders can lie deeper in each other than Python calls may
    while to_walk:
        folder, folders = to_walk.pop(), []
        try:
            with os.scandir(folder) as found:
                items = sorted(
                    (item.name, item.is_dir(follow_symlinks=False)) for item in found if item.name != SORTED_MARK
                )
        except OSError:  # no permission, or gone since: its own row says so
            yield Entry(folder)
            continue
        for name, is_folder in items:
            path = os.path.join(folder, name)
            if not is_folder:
                yield from _found(path, recursive, skipped)
            elif name.startswith("."):
                skipped.note(HIDDEN, path)
            elif recursive and not skipped.pass_over_copies(path):
                folders.append(path)
        to_walk += folders[::-1]


def _found(path: str, recursive: bool, skipped: Skipped) -> Iterator[Entry]:
    """Yield the entries of a file that was found, not named: what lies in it if it is an archive."""
    name = os.path.basename(path)
    if _is_archive(name):
        yield from _in_zip(path, recursive, skipped)
    elif skipped.is_wanted(name, path):
        yield from _paged(Entry(path))


def _in_glob(pattern: str, recursive: bool, skipped: Skipped) -> Iterator[Entry]:
    paths, pass_over = sorted(set(_matching(pattern))), functools.cache(skipped.pass_over_copies)
    if not paths:
        raise UserError(f"nothing matches '{pattern}'; name files that are there")
    for path in paths:
        if not os.path.isdir(path) and not any(map(pass_over, _folders_found(path, pattern))):
            yield from _found(path, recursive, skipped)


def _folders_found(path: str, pattern: str) -> list[str]:
    """Return the folders above a path that its pattern does not spell out, the outermost first."""
    parts, wanted = (name.replace(os.sep, "/").split("/") for name in (path, pattern))
    n_named = next(i for i, part in enumerate([*wanted, "*"]) if glob.has_magic(part))
    return ["/".join(parts[:i]) for i in range(n_named + 1, len(parts))]


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


def _in_list(path: str, skipped: Skipped) -> Iterator[Entry]:
    try:
        names = names_in(path)
    except (UserError, OSError, UnicodeError) as error:  # a list that cannot be read costs the other sources nothing
        yield Entry(path, fault=f"the list cannot be read ({error})")
        return
    yield from _named(names, Path(path).parent, skipped)


def _named(names: Iterable[str], beside: Path, skipped: Skipped) -> Iterator[Entry]:
    """Yield an entry for each name; one that is not found from here is looked for beside the list."""
    for name in filter(str.strip, names):
        path = name if URL.match(name) else found_at(name, beside)
        if suffix_of(path) == ".zip":
            yield from _noted_if_empty(path, _in_zip(path, True, skipped), skipped)
        else:
            yield from _paged(Entry(path))


# ---------------------------------------------------------------- archives


def _in_zip(path: str, recursive: bool, skipped: Skipped) -> Iterator[Entry]:
    """Yield the entries of an archive; of one that cannot be opened, or holds too much, one that says so."""
    try:
        archive = open_archive(path)
        n_left = MAX_MEMBERS - len(archive.infolist())
        if n_left < 0:
            raise PictureError(f"the archive holds more than {MAX_MEMBERS:,} files; unpack it and name the folder")
    except PictureError as error:
        yield Entry(path, fault=str(error))
        return
    waiting = [(archive, path, 0)]  # archives to look into, with their names and depths; the last is the next
    while waiting:
        archive, name, depth = waiting.pop()
        nested = []
        for entry in _members(archive, name, len(path), recursive, skipped):
            if not _is_archive(entry.name[len(name) :]):
                yield from _paged(entry)
                continue
            try:
                inner = _look_into(entry, depth, n_left)
            except PictureError as error:
                yield replace(entry, fault=str(error))
                continue
            n_left -= len(inner.infolist())
            nested.append((inner, entry.name, depth + 1))
        waiting += nested[::-1]


def _members(archive: ZipFile, name: str, cut: int, recursive: bool, skipped: Skipped) -> Iterator[Entry]:
    """Yield the pictures and archives in an archive called `name`; `cut` is the length of the outermost one's path."""
    for member in archive.infolist():
        if member.is_dir() or not recursive and "/" in member.filename.strip("/"):
            continue
        entry = Entry(f"{name}/{member.filename}", cut, f"{member.file_size}-{member.CRC:08x}")
        if not _is_archive(member.filename) and not skipped.is_wanted(member.filename, entry.name):
            continue
        if archive.getinfo(member.filename) is not member:  # the last one counts, as for whoever unpacks it
            skipped.note(REPLACED, entry.name)
            continue
        yield entry


def _look_into(entry: Entry, depth: int, n_most: int) -> ZipFile:
    """Return the archive that a member of another one is, which lies `depth` deep. Raises `PictureError`."""
    if depth >= MAX_NESTED:
        raise PictureError(f"the archive lies more than {MAX_NESTED} deep in others; unpack the outer one")
    assert entry.cut is not None, "a member lies in an archive"
    return open_nested(entry.name[: entry.cut], entry.name[entry.cut + 1 :], n_most)


# ---------------------------------------------------------------- object stores


def _in_store(url: str, recursive: bool, skipped: Skipped) -> Iterator[Entry]:
    filesystem, path = filesystem_of(url)
    try:
        found = listing(filesystem, path, recursive)
    except Exception as error:  # every store has its own: botocore, gcsfs, aiohttp, OSError
        raise UserError(f"'{url}' cannot be listed ({type(error).__name__}: {str(error)[:150]})") from None
    if not found:
        raise UserError(f"there is nothing at '{url}'")
    for name, info in found:
        url_of_it = filesystem.unstrip_protocol(name)
        if _is_archive(name.removeprefix(path) or name):
            yield from _in_zip(url_of_it, recursive, skipped)
        elif name == path or skipped.is_wanted(name.removeprefix(path), url_of_it):
            yield from _paged(Entry(url_of_it, None, stamp_of(info)))
