"""The program that opens PDF, HEIC and AVIF for `foreign.py`, in a process of its own: what hangs or dies is this one.

Their decoders are large C libraries, and PDFium may be used by one thread only. It talks over its standard input and
output: a line of JSON and a file's bytes in, a line of JSON and the pixels out. It imports nothing of this project.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any, BinaryIO

import numpy as np

PDF_DPI = 200
INCH = 72.0  # points
COVERS = 0.8  # of both sides of a page: an image as large as that is the page's scan
ORIENTATION_TAG = 0x0112  # of EXIF
MEMORY_BYTES = 3 * 2**30


class Refused(Exception):
    """What is asked cannot be done; the message is one sentence."""


class Pdf:
    """A PDF: its pages, counted from 1, as pixels."""

    def __init__(self, data: bytes) -> None:
        import pypdfium2

        try:
            self._pdf = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            locked = "password" in str(error)
            raise Refused("the PDF is locked with a password" if locked else "the PDF is damaged") from None
        with contextlib.suppress(pypdfium2.PdfiumError):
            self._pdf.init_forms()  # else what was typed into a form's fields is not drawn

    def __len__(self) -> int:
        return len(self._pdf)

    def pixels(self, number: int, max_pixels: int) -> np.ndarray:
        """Return a page, uint8 (h, w, 3): at the resolution of the scan that fills it, or else at `PDF_DPI`."""
        page = self._pdf[number - 1]
        scale = _scan_scale(page) or PDF_DPI / INCH
        width, height = page.get_size()
        _check_size(round(width * scale), round(height * scale), max_pixels)
        drawn = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=False)
        return drawn.to_numpy()


def _scan_scale(page: Any) -> float | None:
    """Return the pixels per point of the image that covers the page; None if there is no such image."""
    from pypdfium2 import raw

    width, height = page.get_size()
    turned = page.get_rotation() % 180 != 0
    for image in page.get_objects([raw.FPDF_PAGEOBJ_IMAGE], max_depth=2):
        left, bottom, right, top = image.get_bounds()
        placed = (top - bottom, right - left) if turned else (right - left, top - bottom)
        if placed[0] >= COVERS * width and placed[1] >= COVERS * height:
            n_pixels = image.get_px_size()
            return max(n_pixels) / max(placed)
    return None


class Still:
    """A HEIC or AVIF: of several pictures the one that the file calls its first."""

    def __init__(self, data: bytes) -> None:
        from PIL import Image, UnidentifiedImageError

        with contextlib.suppress(ImportError):
            import pillow_heif

            pillow_heif.register_heif_opener(thumbnails=False)
        try:
            self._image = Image.open(io.BytesIO(data), formats=[n for n in ("HEIF", "AVIF") if _is_known(n)])
        except Image.DecompressionBombError:  # Pillow's own limit, which lies above ours
            raise Refused("the picture has more megapixels than the limit; save it smaller") from None
        except UnidentifiedImageError:
            raise Refused("this HEIC or AVIF is damaged, or of a kind that is not read") from None
        # The file's own boxes say how it lies, and the decoder has obeyed; EXIF counts where there are none.
        orientation = self._image.info.get("original_orientation")
        if orientation and not any(box in data for box in (b"irot", b"imir")):
            self._image.getexif()[ORIENTATION_TAG] = orientation

    def __len__(self) -> int:
        return 1

    def pixels(self, number: int, max_pixels: int) -> np.ndarray:
        """Return the picture upright, uint8 (h, w, 3), or (h, w, 4) with its transparency."""
        from PIL import ImageOps

        _check_size(*self._image.size, max_pixels)
        upright = ImageOps.exif_transpose(self._image)
        return np.asarray(upright.convert("RGBA" if upright.mode in ("RGBA", "LA", "RGBa") else "RGB"))


def _is_known(kind: str) -> bool:
    from PIL import Image

    Image.init()
    return kind in Image.OPEN


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise Refused("the picture has no pixels")
    if width * height > max_pixels:
        raise Refused(
            f"{width} x {height} pixels are more than the limit of {max_pixels // 10**6} megapixels; save it smaller"
        )


KINDS: dict[str, type[Pdf] | type[Still]] = {"pdf": Pdf, "still": Still}


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Answer until there is nothing more to be read; the last file is kept, for its next page."""
    opened: Pdf | Still | None = None
    while line := asked.readline():
        wish = json.loads(line)
        pixels = np.zeros(0, np.uint8)
        try:
            if wish["n_bytes"]:
                opened = None
                opened = KINDS[wish["kind"]](asked.read(wish["n_bytes"]))
            if opened is None:
                raise Refused("the file is damaged")
            answer: dict[str, Any] = {"n_pages": len(opened)}
            if wish["page"]:
                pixels = np.ascontiguousarray(opened.pixels(wish["page"], wish["max_pixels"]))
        except Refused as error:
            answer = {"error": str(error)}
        except ImportError as error:
            answer = {"error": f"reading it needs a package that is not installed: pip install {error.name}"}
        except Exception as error:  # decoders raise almost anything on damaged files
            answer = {"error": f"the file is damaged ({type(error).__name__})"}
        answers.write(json.dumps(answer | {"shape": pixels.shape}).encode() + b"\n")
        answers.write(pixels.tobytes())
        answers.flush()


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows; a lower limit is there already
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    _limit_memory()
    serve(sys.stdin.buffer, sys.stdout.buffer)
