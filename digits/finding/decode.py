"""Any file, bytes, PIL image or array -> an upright picture: the only place that decodes what strangers bring.

Handles EXIF orientation, 16-bit samples, palettes, CMYK, animation (first frame), HEIC (its first picture), PDF (drawn
at 200 dpi, a scanned page at its own resolution) and transparency. Refuses, with a `PictureError` of one sentence:
empty files, files that are not pictures, truncated ones, formats outside `FORMATS`, and pictures of more than
`MAX_PIXELS` or `MAX_SCANS` — before decoding a pixel of them. A PDF or TIFF of several pages is opened page by page:

    from digits.finding.decode import open_picture, to_pages
    array = open_picture("photo.jpg")          # (h, w, 3) uint8, or (h, w) if the picture is grey
    array = open_picture("form.pdf#2")         # its second page, unless that is the name of a file
    for mark, page in to_pages(data): array = open_picture(page)      # mark: "#1", or "" where there is one picture
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL import TiffImagePlugin as _tiff  # noqa: F401  Pillow would load these two on demand,
from PIL import WebPImagePlugin as _webp  # noqa: F401  which is not safe when several threads do it

from digits.finding import foreign

try:
    import simplejpeg
except ImportError:  # a platform without a wheel: JPEGs are Pillow's then, and slower
    simplejpeg = None


@dataclass(frozen=True)
class Page:
    """One page of a PDF or TIFF in memory, counted from 1."""

    data: bytes
    number: int


@runtime_checkable
class Tensor(Protocol):
    """What torch's tensors can do; torch itself is not needed here."""

    def detach(self) -> Any:
        """Return it without its history."""
        ...


Picture = str | os.PathLike[str] | bytes | Image.Image | np.ndarray | Tensor | list[Any] | Page

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # JPEG includes MPO, which phones write
PAGED = frozenset(".pdf .tif .tiff".split())  # extensions of files that may hold several pages
FOREIGN = frozenset(".pdf .heic .heif .hif .avif".split())  # of what is opened by a process of its own
EXTENSIONS = FOREIGN | frozenset(
    ".png .jpg .jpeg .jpe .jfif .bmp .dib .gif .tif .tiff .webp .ppm .pgm .pbm .pnm".split()
)
MAX_PIXELS = 64_000_000  # a 48-megapixel phone photo passes, a decompression bomb does not
MAX_BYTES = 64 * 2**20
MAX_UPLOAD_BYTES = 16 * 2**20  # of a visitor's file, unless the program is told otherwise
MAX_SCANS = 64  # of a JPEG; programs write about ten. A hundred bytes ask for a pass over all pixels, again and again
OVERSHOOT = 0.1  # of an array's range: by how much resizing may leave it
MAX_PAGES = 1_000  # of one file
ORIENTATION_TAG = 0x0112  # of EXIF
SUBFILE_TAG, IS_REDUCED = 254, 1  # of TIFF: a page that is a small copy of another
PAGE_MARK = re.compile(r"(?P<file>.+)#(?P<page>[1-9]\d{0,5})", re.DOTALL)


class PictureError(ValueError):
    """A picture that cannot be read; the message is one sentence without any path in it."""


def open_picture(picture: Picture, side: int | None = None) -> np.ndarray:
    """Return `picture` upright as uint8: (h, w) if grey, else (h, w, 3) RGB; transparency is flattened.

    Arrays, tensors and lists hold 0–255 or 0–1: (h, w), (h, w, channels), or (channels, h, w) as torch has it.
    `side`: about how many pixels of the longer side the caller needs. A JPEG is then decoded at a reduced scale
    (never below `side`), which is several times faster; other formats ignore it.
    """
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    if isinstance(picture, (list, Tensor)):
        return _from_array(_to_array(picture))
    if isinstance(picture, Image.Image):
        return _from_pil(picture)
    if isinstance(picture, Page):
        return _from_bytes(picture.data, side, picture.number)
    file, page = split_page(picture) if isinstance(picture, (str, os.PathLike)) else (picture, None)
    return _from_bytes(read_bytes(file), side, page)


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
    numbers = _page_numbers(data)
    return [(f"#{number}", Page(data, number)) for number in numbers] if numbers else [("", data)]


def _page_numbers(data: bytes) -> list[int]:
    """Return the numbers of a file's pages; none if it has but one, or cannot be opened, or has too many."""
    try:
        kind = foreign.kind_of(data)
        if kind == "pdf":
            n_pages = foreign.count_pages(data, kind)
            return list(range(1, n_pages + 1)) if n_pages <= MAX_PAGES else []
        numbers = _tiff_pages(data) if data[:4] in TIFF_STARTS else []
    except Exception:  # whoever reads the file is told what is wrong with it
        return []
    return numbers if 1 < len(numbers) <= MAX_PAGES else []


TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


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


def read_bytes(picture: str | os.PathLike[str] | bytes) -> bytes:
    """Return the bytes of a file (or `picture` itself if it is bytes already), at most `MAX_BYTES`.

    Raises `PictureError` for what is not a regular file, so that a pipe or a device in a folder cannot block a run.
    """
    if isinstance(picture, (bytes, bytearray, memoryview)):
        data = bytes(picture)
    else:
        data = _read_file(picture)
    if not data:
        raise PictureError("the file is empty")
    if len(data) > MAX_BYTES:
        raise PictureError(f"the file is larger than {MAX_BYTES // 2**20} MB")
    return data


def _read_file(path: str | os.PathLike[str]) -> bytes:
    try:
        # Opening a pipe that nobody writes to would wait for ever; O_NONBLOCK does not, and does nothing to files.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(handle, "rb", buffering=0) as file:
            told = os.fstat(handle)
            if not stat.S_ISREG(told.st_mode):
                raise PictureError("this is a folder" if stat.S_ISDIR(told.st_mode) else "this is not a regular file")
            return _read_all(file, min(told.st_size, MAX_BYTES) + 1)
    except FileNotFoundError:
        raise PictureError("there is no such file") from None
    except PermissionError:
        raise PictureError("no permission to read the file") from None
    except IsADirectoryError:
        raise PictureError("this is a folder") from None
    except PictureError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise PictureError(f"the file cannot be read ({getattr(error, 'strerror', None) or 'bad name'})") from None


def _read_all(file: io.FileIO, size: int) -> bytes:
    data = file.read(size)
    while len(data) <= MAX_BYTES and (more := file.read(2**20)):  # it has grown, or a network gives it in parts
        data += more
    return data


def _from_bytes(data: bytes, side: int | None, page: int | None = None) -> np.ndarray:
    """Decode with the fastest decoder that says when a file is damaged; what it refuses, or goes wrong, is Pillow's."""
    try:
        if data.startswith(PNG_START):
            pixels = _decode_plain_png(data)
            if pixels is not None:
                return pixels
        if kind := foreign.kind_of(data):
            return _from_foreign(data, kind, page)
        return _decode(data, side, page)
    except UnidentifiedImageError:
        raise PictureError("this is not a picture in a format we read") from None
    except Image.DecompressionBombError:  # Pillow's own limit, which lies above ours
        raise PictureError(f"the picture has more than the limit of {MAX_PIXELS // 10**6} megapixels") from None
    except PictureError:
        raise
    except foreign.ForeignError as error:
        raise PictureError(str(error)) from None
    except Exception as error:  # decoders raise almost anything on damaged files: SyntaxError, struct.error, …
        raise PictureError(f"the picture is damaged ({_sentence(error)})") from None


def _from_foreign(data: bytes, kind: str, page: int | None) -> np.ndarray:
    _check_page(page, foreign.count_pages(data, kind))
    return _from_array(foreign.render(data, kind, page or 1, MAX_PIXELS))


def _check_page(page: int | None, n_pages: int) -> None:
    """Raise `PictureError` unless `page` is one of `n_pages`, or left open where there is only one."""
    if n_pages > MAX_PAGES:
        raise PictureError(f"the file has more than {MAX_PAGES:,} pages; split it")
    if page is None and n_pages > 1:
        raise PictureError(f"the file has {n_pages} pages; name one of them by adding #1 to #{n_pages}")
    if not n_pages or page is not None and page > n_pages:
        raise PictureError(f"the file has no page {page or 1}, but {n_pages}")


def _decode(data: bytes, side: int | None, page: int | None = None) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of harmless metadata; size is checked by us
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(*image.size)
            if image.format == "TIFF":
                return _from_pil(_turned_to(image, page))
            _check_page(page, 1)
            if image.format not in ("JPEG", "MPO"):
                return _from_pil(image)
            _check_scans(data)
            scale = _scale(*image.size, side)
            pixels = _decode_plain_jpeg(data, image, scale)
            if pixels is None:
                image.draft(None, (image.width // scale, image.height // scale))
                return _from_pil(image)
            return pixels


def _turned_to(image: Image.Image, page: int | None) -> Image.Image:
    """Return a TIFF at `page`; without one, at its only page."""
    numbers = _pages_of(image)
    if page is None:
        _check_page(None, len(numbers))
    elif page not in numbers:
        raise PictureError(f"the file has no page {page}, but {len(numbers)}")
    image.seek((page or numbers[0]) - 1)
    return image


def _scale(width: int, height: int, side: int | None) -> int:
    """Return by how much a JPEG may be decoded smaller, for its longer side to have `side` pixels still."""
    return next((scale for scale in (8, 4, 2) if side and max(width, height) >= scale * side), 1)


def _sentence(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text[:120]


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise PictureError("the picture has no pixels")
    if width * height > MAX_PIXELS:
        raise PictureError(f"{width} x {height} pixels are more than the limit of {MAX_PIXELS // 10**6} megapixels")


# A marker of a JPEG: 0xff and what stands for neither data (0x00) nor a restart within it (0xd0-0xd7).
MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
END_OF_IMAGE, START_OF_SCAN = b"\xd9", b"\xda"


def _check_scans(data: bytes) -> None:
    if _count_pairs(data, b"\xff" + START_OF_SCAN) <= MAX_SCANS:  # nearly always; after a photo anything may follow
        return
    n_scans, at = 0, 2
    while (found := MARKER.search(data, at)) and found[1] != END_OF_IMAGE:
        n_scans += found[1] == START_OF_SCAN
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
        if n_scans > MAX_SCANS:
            raise PictureError(f"the picture is stored in more than {MAX_SCANS} scans")


def _count_pairs(data: bytes, pair: bytes) -> int:
    """Return `data.count(pair)` of two different bytes, ten times as fast."""
    at_even_and_odd = (np.frombuffer(data, np.uint16, (len(data) - at) // 2, at) for at in (0, 1))
    return sum(int(np.count_nonzero(pairs == np.frombuffer(pair, np.uint16))) for pairs in at_even_and_odd)


def _from_pil(image: Image.Image) -> np.ndarray:
    _check_size(*image.size)
    pixels = _to_pixels(image)
    turn = UPRIGHT.get(_orientation(image))  # asked last: Pillow turns a TIFF itself while it loads
    return np.ascontiguousarray(turn(pixels)) if turn else pixels


def _orientation(image: Image.Image) -> int:
    """Return how EXIF says the picture lies; 1, upright, if it does not say."""
    try:
        return image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # what the camera noted is damaged, the picture is not
        return 1


def _to_pixels(image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_array(np.asarray(image))
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        return _flatten(np.asarray(image.convert("RGBA")))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    return _drop_grey(np.asarray(image.convert("RGB")))


def _to_array(picture: list[Any] | Tensor) -> np.ndarray:
    """Return the numbers of nested lists, or of a tensor, as an array. Raises `PictureError` for any other list."""
    if not isinstance(picture, list):
        return np.asarray(picture.detach().cpu().numpy())
    try:
        array = np.asarray(picture)
    except ValueError:
        array = np.array(None)
    if not np.issubdtype(array.dtype, np.number) and array.dtype != bool:
        raise PictureError("a list is a picture only if it holds rows of numbers; give several pictures one by one")
    return array


def _channels_last(array: np.ndarray) -> np.ndarray:
    """Return an array without a batch's axis of one picture, its channels last."""
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    is_first = array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4)
    return np.moveaxis(array, 0, 2) if is_first else array


def _from_array(array: np.ndarray) -> np.ndarray:
    """Accept (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) of bool, uint8, wider integers or floats (0–1 or 0–255)."""
    array = _channels_last(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(f"an array of shape {array.shape} is not a picture; use (h, w), (h, w, 3) or (h, w, 4)")
    _check_size(array.shape[1], array.shape[0])
    array = _to_uint8(array)
    if array.ndim == 2:
        return array
    return _drop_grey(array) if array.shape[2] == 3 else _flatten(array)


def _to_uint8(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if array.dtype == np.uint16:
        return (array // 257).astype(np.uint8)
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise PictureError(f"an array of {array.dtype} is not a picture")
    values = np.nan_to_num(array.astype(np.float32), posinf=255.0, neginf=0.0)
    bottom, top = float(values.min()), float(values.max())
    if bottom < -OVERSHOOT * max(top, 0):
        told = "the array is standardised or otherwise shifted"
        raise PictureError(f"{told}: it goes from {bottom:.3g} to {top:.3g}; give 0 to 1, or 0 to 255")
    if top <= 1.0 + OVERSHOOT:
        values = values * 255.0
    elif top > 255.0:
        values = values * (255.0 / (65535.0 if top <= 65535.0 else top))
    return values.clip(0, 255).round().astype(np.uint8)


def _drop_grey(rgb: np.ndarray) -> np.ndarray:
    """Return one channel if the three are equal: grey pictures are a third of the work afterwards."""
    if not _is_grey(rgb[::8, ::8]):  # a glance settles it for most coloured ones
        return rgb
    return np.ascontiguousarray(rgb[..., 0]) if _is_grey(rgb) else rgb


def _is_grey(rgb: np.ndarray) -> bool:
    return np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 1], rgb[..., 2])


def _flatten(rgba: np.ndarray) -> np.ndarray:
    """Composite on white or black, whichever stands out more from what is opaque, so that the ink stays visible."""
    red, green, blue, alpha = cv2.split(rgba)
    if alpha.min() == 255:
        return _drop_grey(rgba[..., :3])
    is_grey = np.array_equal(red, green) and np.array_equal(green, blue)
    colours = [cv2.multiply(channel, alpha, scale=1 / 255) for channel in ((red,) if is_grey else (red, green, blue))]
    opaque = cv2.sumElems(alpha)[0]
    lightness = 255 * sum(cv2.sumElems(channel)[0] for channel in colours) / (len(colours) * opaque) if opaque else 0
    if lightness < 128:
        paper = cv2.bitwise_not(alpha)  # white, where it shows through
        colours = [cv2.add(channel, paper) for channel in colours]
    return colours[0] if is_grey else _drop_grey(cv2.merge(colours))


# ---------------------------------------------------------------- faster decoders, for the plain cases

PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
PNG_CHUNKS = frozenset(b"IHDR IDAT IEND PLTE pHYs sRGB gAMA cHRM iCCP tEXt zTXt iTXt tIME".split())
# By EXIF orientation, how to turn an array upright.
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


def _decode_plain_png(data: bytes) -> np.ndarray | None:
    """Return the pixels of a PNG of 8-bit grey, RGB or RGBA samples that is whole; None for anything else."""
    if len(data) < 45:
        return None
    width, height, depth, colour, _compression, _filter, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    if depth != 8 or colour not in (0, 2, 6) or interlaced or not _has_plain_chunks(data):
        return None
    _check_size(width, height)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape != ((height, width) if colour == 0 else (height, width, 3 if colour == 2 else 4)):
        return None
    if colour == 0:
        return pixels
    if colour == 2:
        return _drop_grey(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    return _flatten(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA))


def _has_plain_chunks(data: bytes) -> bool:
    """Whether whole chunk follows whole chunk up to an IEND at the file's end, and none changes what samples mean."""
    at, kind = 8, b""
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind not in PNG_CHUNKS or zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return False
        at = end + 4
    return at == len(data) and kind == b"IEND"


def _decode_plain_jpeg(data: bytes, image: Image.Image, scale: int) -> np.ndarray | None:
    """Return the upright pixels of the JPEG whose header `image` is, 1/`scale` as large; None if anything is odd."""
    if simplejpeg is None or image.mode not in ("L", "RGB"):
        return None
    colours = "GRAY" if image.mode == "L" else "RGB"
    width, height = -(-image.width // scale), -(-image.height // scale)
    try:
        pixels = simplejpeg.decode_jpeg(data, colours, min_width=width, min_height=height, min_factor=1, strict=True)
    except ValueError:  # it refuses what Pillow may still be able to read
        return None
    pixels = pixels[..., 0] if image.mode == "L" else _drop_grey(pixels)
    turn = UPRIGHT.get(_orientation(image))
    return np.ascontiguousarray(turn(pixels)) if turn else pixels
