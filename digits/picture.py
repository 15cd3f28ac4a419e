"""Any file, bytes, PIL image or array -> an upright picture: the only place that decodes what strangers bring.

Handles EXIF orientation, 16-bit samples, palettes, CMYK, animation (first frame) and transparency. Refuses, with a
`PictureError` of one sentence: empty files, files that are not pictures, truncated ones, formats outside `FORMATS`,
and pictures of more than `MAX_PIXELS` — before decoding a pixel of them.

    from digits.picture import open_picture
    array = open_picture("photo.jpg")          # (h, w, 3) uint8, or (h, w) if the picture is grey
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401 (see below)

# Pillow loads these two plugins on demand, and not safely from several threads; hence their imports above.

Picture = str | os.PathLike | bytes | Image.Image | np.ndarray

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # JPEG includes MPO, which phones write
EXTENSIONS = frozenset(
    ".png .jpg .jpeg .jpe .jfif .bmp .dib .gif .tif .tiff .webp .ppm .pgm .pbm .pnm".split()
)
MAX_PIXELS = 64_000_000  # a 48-megapixel phone photo passes, a decompression bomb does not
MAX_BYTES = 64 * 2**20


class PictureError(ValueError):
    """A picture that cannot be read; the message is one sentence without any path in it."""


def open_picture(picture: Picture, side: int | None = None) -> np.ndarray:
    """Return `picture` upright as uint8: (h, w) if grey, else (h, w, 3) RGB; transparency is flattened.

    `side`: about how many pixels of the longer side the caller needs. A JPEG is then decoded at a reduced scale
    (never below `side`), which is several times faster; other formats ignore it.
    """
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    if isinstance(picture, Image.Image):
        return _from_pil(picture)
    return _from_bytes(read_bytes(picture), side)


def read_bytes(picture: str | os.PathLike | bytes) -> bytes:
    """Return the bytes of a file (or `picture` itself if it is bytes already), at most `MAX_BYTES`.

    Raises `PictureError` for what is not a regular file, so that a pipe or a device in a folder cannot block a run.
    """
    if isinstance(picture, (bytes, bytearray, memoryview)):
        data = bytes(picture)
    else:
        data = _read_file(Path(picture))
    if not data:
        raise PictureError("the file is empty")
    if len(data) > MAX_BYTES:
        raise PictureError(f"the file is larger than {MAX_BYTES // 2**20} MB")
    return data


def _read_file(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise PictureError("this is a folder" if path.is_dir() else "this is not a regular file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise PictureError("there is no such file") from None
    except PermissionError:
        raise PictureError("no permission to read the file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise PictureError(f"the file cannot be read ({getattr(error, 'strerror', None) or 'bad name'})") from None


def _from_bytes(data: bytes, side: int | None) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of harmless metadata; size is checked by us
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check_size(*image.size)
                if side and image.format in ("JPEG", "MPO"):
                    image.draft(None, (side, side))
                return _from_pil(image)
    except UnidentifiedImageError:
        raise PictureError("this is not a picture in a format we read") from None
    except PictureError:
        raise
    except Exception as error:  # decoders raise almost anything on damaged files: SyntaxError, struct.error, …
        raise PictureError(f"the picture is damaged ({_sentence(error)})") from None


def _sentence(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text[:120]


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise PictureError("the picture has no pixels")
    if width * height > MAX_PIXELS:
        raise PictureError(f"{width} x {height} pixels are more than the limit of {MAX_PIXELS // 10**6} megapixels")


def _from_pil(image: Image.Image) -> np.ndarray:
    _check_size(*image.size)
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_array(np.asarray(image))
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        return _flatten(np.asarray(image.convert("RGBA")))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    return _drop_grey(np.asarray(image.convert("RGB")))


def _from_array(array: np.ndarray) -> np.ndarray:
    """Accept (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) of bool, uint8, wider integers or floats (0–1 or 0–255)."""
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
    top = float(values.max())
    if top <= 1.0:
        values = values * 255.0
    elif top > 255.0:
        values = values * (255.0 / (65535.0 if top <= 65535.0 else top))
    return values.clip(0, 255).round().astype(np.uint8)


def _drop_grey(rgb: np.ndarray) -> np.ndarray:
    """Return one channel if the three are equal: grey pictures are a third of the work afterwards."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    return red if np.array_equal(red, green) and np.array_equal(green, blue) else rgb


def _flatten(rgba: np.ndarray) -> np.ndarray:
    """Composite on white or black, whichever stands out more from what is opaque, so that the ink stays visible."""
    alpha = rgba[..., 3]
    if alpha.min() == 255:
        return _drop_grey(rgba[..., :3])
    weight = alpha.astype(np.float32) / 255.0
    opaque = float(weight.sum())
    lightness = float((rgba[..., :3].mean(axis=2) * weight).sum() / opaque) if opaque else 0.0
    paper = 255.0 if lightness < 128 else 0.0
    flat = rgba[..., :3] * weight[..., None] + paper * (1.0 - weight[..., None])
    return _drop_grey(flat.round().astype(np.uint8))
