"""What may come in: how large a picture, file or document may be, and how one that is refused says so."""

from __future__ import annotations

MAX_PIXELS = 64_000_000  # a 48-megapixel phone photo passes, a decompression bomb does not
MAX_BYTES = 64 * 2**20
MAX_UPLOAD_BYTES = 16 * 2**20  # of a visitor's file, unless the program is told otherwise
MAX_SCANS = 64  # of a JPEG; programs write about ten. A hundred bytes ask for a pass over all pixels, again and again
MAX_PAGES = 1_000  # of one file


class PictureError(ValueError):
    """A picture that cannot be read; the message is one sentence without any path in it."""


def check_size(width: int, height: int) -> None:
    """Raise `PictureError` unless a picture has pixels, and no more than the limit."""
    if width < 1 or height < 1:
        raise PictureError("the picture has no pixels")
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{width} x {height} pixels are more than the limit of {MAX_PIXELS // 10**6} megapixels; save it smaller"
        )
