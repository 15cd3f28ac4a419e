"""Any file, bytes, PIL image or array -> an upright picture: the only place that decodes what strangers bring.

Handles EXIF orientation, 16-bit samples, palettes, CMYK, animation (first frame), HEIC (its first picture), PDF (drawn
at 200 dpi, a scanned page at its own resolution) and transparency. Refuses, with a `PictureError` of one sentence:
empty files, files that are not pictures, truncated ones, formats outside `FORMATS`, and pictures of more than
`MAX_PIXELS` or `MAX_SCANS` — before decoding a pixel of them. A PDF or TIFF of several pages (see pages.py) is
opened page by page:

    from digits.finding.decode import open_picture
    array = open_picture("photo.jpg")          # (h, w, 3) uint8, or (h, w) if the picture is grey
    array = open_picture("form.pdf#2")         # its second page, unless that is the name of a file
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL import TiffImagePlugin as _tiff  # noqa: F401  Pillow would load these two on demand,
from PIL import WebPImagePlugin as _webp  # noqa: F401  which is not safe when several threads do it

from digits.finding import foreign
from digits.finding.arrays import Tensor, drop_grey, flatten, from_array, to_array
from digits.finding.limits import MAX_BYTES, MAX_PIXELS, PictureError, check_size
from digits.finding.pages import Page, check_page, split_page, turned_to
from digits.finding.plain import PNG_START, check_scans, decode_jpeg, decode_png, scale_for, upright

Picture = str | os.PathLike[str] | bytes | Image.Image | np.ndarray | Tensor | list[Any] | Page

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # JPEG includes MPO, which phones write
FOLDER = "this is a folder; batch_processor.py reads those"
FOREIGN = frozenset(".pdf .heic .heif .hif .avif".split())  # of what is opened by a process of its own
EXTENSIONS = FOREIGN | frozenset(
    ".png .jpg .jpeg .jpe .jfif .bmp .dib .gif .tif .tiff .webp .ppm .pgm .pbm .pnm".split()
)


def open_picture(picture: Picture, side: int | None = None) -> np.ndarray:
    """Return `picture` upright as uint8: (h, w) if grey, else (h, w, 3) RGB; transparency is flattened.

    Arrays, tensors and lists hold 0–255 or 0–1: (h, w), (h, w, channels), or (channels, h, w) as torch has it.
    `side`: about how many pixels of the longer side the caller needs. A JPEG is then decoded at a reduced scale
    (never below `side`), which is several times faster; other formats ignore it.
    """
    if isinstance(picture, np.ndarray):
        return from_array(picture)
    if isinstance(picture, Image.Image):
        return _from_pil(picture)
    if isinstance(picture, Page):
        return _from_bytes(picture.data, side, picture.number)
    if not isinstance(picture, (bytes, str)) and isinstance(picture, (list, Tensor)):  # a protocol is slow to tell
        return from_array(to_array(picture))
    file, page = split_page(picture) if isinstance(picture, (str, os.PathLike)) else (picture, None)
    return _from_bytes(read_bytes(file), side, page)


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
        raise PictureError(f"the file is larger than {MAX_BYTES // 2**20} MB; save it smaller")
    return data


def _read_file(path: str | os.PathLike[str]) -> bytes:
    try:
        # Opening a pipe that nobody writes to would wait for ever; O_NONBLOCK does not, and does nothing to files.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(handle, "rb", buffering=0) as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise PictureError(FOLDER if stat.S_ISDIR(status.st_mode) else "this is not a regular file")
            return _read_all(file, min(status.st_size, MAX_BYTES) + 1)
    except FileNotFoundError:
        raise PictureError("there is no such file") from None
    except PermissionError:
        raise PictureError("no permission to read the file") from None
    except IsADirectoryError:
        raise PictureError(FOLDER) from None
    except PictureError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise PictureError(f"the file cannot be read ({getattr(error, 'strerror', None) or 'bad name'})") from None


def _read_all(file: io.FileIO, size: int) -> bytes:
    data = file.read(size)
    while len(data) <= MAX_BYTES and (more := file.read(2**20)):  # it has grown, or a network gives it in parts
        data += more
    return data


def _from_bytes(data: bytes, side: int | None, page: int | None) -> np.ndarray:
    """Decode with the fastest decoder that says when a file is damaged; what it refuses, or goes wrong, is Pillow's."""
    try:
        if data.startswith(PNG_START):
            check_page(page, 1)
            pixels = decode_png(data)
            if pixels is not None:
                return pixels
        if kind := foreign.kind_of(data):
            return _from_foreign(data, kind, page)
        return _decode(data, side, page)
    except UnidentifiedImageError:
        raise PictureError("this is not a picture in a format we read; save it as PNG or JPEG") from None
    except Image.DecompressionBombError:  # Pillow's own limit, which lies above ours
        raise PictureError(
            f"the picture has more than the limit of {MAX_PIXELS // 10**6} megapixels; save it smaller"
        ) from None
    except PictureError:
        raise
    except foreign.ForeignError as error:
        raise PictureError(str(error)) from None
    except Exception as error:  # decoders raise almost anything on damaged files: SyntaxError, struct.error, …
        raise PictureError(f"the picture is damaged ({_sentence(error)})") from None


def _from_foreign(data: bytes, kind: str, page: int | None) -> np.ndarray:
    check_page(page, foreign.count_pages(data, kind))
    return from_array(foreign.render(data, kind, page or 1, MAX_PIXELS))


def _decode(data: bytes, side: int | None, page: int | None) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of harmless metadata; size is checked by us
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            check_size(*image.size)
            if image.format == "TIFF":
                return _from_pil(turned_to(image, page))
            check_page(page, 1)
            if image.format not in ("JPEG", "MPO"):
                return _from_pil(image)
            check_scans(data)
            scale = scale_for(*image.size, side)
            pixels = decode_jpeg(data, image, scale)
            if pixels is None:
                image.draft(None, (image.width // scale, image.height // scale))
                return _from_pil(image)
            return pixels


def _sentence(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text[:120]


def _from_pil(image: Image.Image) -> np.ndarray:
    check_size(*image.size)
    pixels = _to_pixels(image)
    return upright(pixels, image)  # asked last: Pillow turns a TIFF itself while it loads


def _to_pixels(image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return from_array(np.asarray(image))
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        return flatten(np.asarray(image.convert("RGBA")))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    return drop_grey(np.asarray(image.convert("RGB")))
