"""Faster decoders for the plain cases: whole PNGs of 8-bit samples, and JPEGs, smaller where fewer pixels will do.

pixels = decode_png(data)                     # uint8 (h, w) or (h, w, 3); None where anything is odd
pixels = decode_jpeg(data, header, scale=4)   # likewise, upright, a quarter as wide and high
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable

import kornia_rs.io
import numpy as np
from PIL import Image

from digits.finding.arrays import drop_grey, flatten
from digits.finding.limits import MAX_SCANS, PictureError, check_size

try:
    import simplejpeg
except ImportError:  # a platform without a wheel: JPEGs are Pillow's then, and slower
    simplejpeg = None

ORIENTATION_TAG = 0x0112  # of EXIF
PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
PNG_CHUNKS = frozenset(b"IHDR IDAT IEND PLTE pHYs sRGB gAMA cHRM iCCP tEXt zTXt iTXt tIME".split())
# By the header's type of colour: kornia's name for it, and how to make it fewer channels without loss.
PNG_COLOURS: dict[int, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    0: ("mono", lambda pixels: pixels[..., 0]),
    2: ("rgb", drop_grey),
    6: ("rgba", flatten),
}
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


def decode_png(data: bytes) -> np.ndarray | None:
    """Return the pixels of a PNG of 8-bit grey, RGB or RGBA samples that is whole; None for anything else."""
    if len(data) < 45:
        return None
    width, height, depth, colour, _compression, _filter, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    if depth != 8 or colour not in PNG_COLOURS or interlaced or not _has_plain_chunks(data):
        return None
    check_size(width, height)
    name, simplify = PNG_COLOURS[colour]
    try:
        return simplify(kornia_rs.io.decode_image_png_u8(data, (height, width), name))
    except Exception:  # of whatever class: Pillow says what is wrong with it
        return None


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


def decode_jpeg(data: bytes, image: Image.Image, scale: int) -> np.ndarray | None:
    """Return the upright pixels of the JPEG whose header `image` is, 1/`scale` as large; None if anything is odd."""
    if simplejpeg is None or image.mode not in ("L", "RGB"):
        return None
    colours = "GRAY" if image.mode == "L" else "RGB"
    width, height = -(-image.width // scale), -(-image.height // scale)
    try:
        pixels = simplejpeg.decode_jpeg(data, colours, min_width=width, min_height=height, min_factor=1, strict=True)
    except ValueError:  # it refuses what Pillow may still be able to read
        return None
    pixels = pixels[..., 0] if image.mode == "L" else drop_grey(pixels)
    return upright(pixels, image)


def scale_for(width: int, height: int, side: int | None) -> int:
    """Return by how much a JPEG may be decoded smaller, for its longer side to have `side` pixels still."""
    return next((scale for scale in (8, 4, 2) if side and max(width, height) >= scale * side), 1)


def upright(pixels: np.ndarray, image: Image.Image) -> np.ndarray:
    """Return the pixels of `image` turned as its EXIF says."""
    turn = UPRIGHT.get(_orientation(image))
    return np.ascontiguousarray(turn(pixels)) if turn else pixels


def _orientation(image: Image.Image) -> int:
    """Return how EXIF says the picture lies; 1, upright, if it does not say."""
    try:
        return image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # what the camera noted is damaged, the picture is not
        return 1


# A marker of a JPEG: 0xff and what stands for neither data (0x00) nor a restart within it (0xd0-0xd7).
MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
END_OF_IMAGE, START_OF_SCAN = b"\xd9", b"\xda"


def check_scans(data: bytes) -> None:
    """Raise `PictureError` for a JPEG in more scans than any program writes."""
    if _count_pairs(data, b"\xff" + START_OF_SCAN) <= MAX_SCANS:  # nearly always; after a photo anything may follow
        return
    n_scans, at = 0, 2
    while (found := MARKER.search(data, at)) and found[1] != END_OF_IMAGE:
        n_scans += found[1] == START_OF_SCAN
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
        if n_scans > MAX_SCANS:
            raise PictureError(f"the picture is stored in more than {MAX_SCANS} scans; save it anew")


def _count_pairs(data: bytes, pair: bytes) -> int:
    """Return `data.count(pair)` of two different bytes, ten times as fast."""
    at_even_and_odd = (np.frombuffer(data, np.uint16, (len(data) - at) // 2, at) for at in (0, 1))
    return sum(int(np.count_nonzero(pairs == np.frombuffer(pair, np.uint16))) for pairs in at_even_and_odd)
