"""Arrays -> what a page can show: small pictures, most as data URLs. Imports no gradio.

steps = steps_of(predictor.predict(data).found, data)
"""

from __future__ import annotations

import cv2
import numpy as np

from digits.finding.data_url import to_data_url
from digits.finding.decode import Picture, open_picture
from digits.finding.found import FoundDigit
from digits.finding.pixels import shrink

SHOWN_SIDE, HEAT_SIDE = 256, 224  # pixels; the second is eight for each of the ink's
ORANGE = np.array([240, 120, 20], np.float32)  # these two are told apart by colour-blind eyes too
BLUE = np.array([40, 110, 230], np.float32)


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Return values in 0-1 (clipped), of any shape, as uint8 of that shape, 0 -> black."""
    return (np.clip(values, 0, 1) * 255).round().astype(np.uint8)


def picture_url(picture: Picture, side: int = SHOWN_SIDE) -> str:
    """Return an upright copy of `picture`, its longer side at most `side`, as a data URL. Raises `PictureError`."""
    small = shrink(open_picture(picture, side=2 * side), side)
    return to_data_url(small, "jpeg" if small.ndim == 3 else "png")


def steps_of(found: FoundDigit, picture: Picture) -> list[dict[str, str]]:
    """Return the preprocessing as pictures: [{"name": "contrast", "image": data URL}, ...]."""
    images = {
        "picture": picture_url(picture),
        "contrast": to_data_url(to_uint8(found.contrast)),
        "mask": to_data_url(to_uint8(found.mask)),
        "ink": to_data_url(found.ink),
    }
    return [{"name": name, "image": image} for name, image in images.items()]


def box_of(found: FoundDigit) -> list[float] | None:
    """Return (left, top, right, bottom) of the kept strokes as fractions of the picture's size, None if blank."""
    if found.box is None:
        return None
    width, height = found.size
    left, top, right, bottom = found.box
    return [round(part, 4) for part in (left / width, top / height, right / width, bottom / height)]


def to_sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Lay uint8 pictures of one size, (n, h, w) or (n, h, w, 3), side by side, `columns` in a row; nothing between."""
    n, height, width = images.shape[:3]
    n_rows = -(-n // columns)
    padding = [(0, n_rows * columns - n)] + [(0, 0)] * (images.ndim - 1)
    grid = np.pad(images, padding).reshape(n_rows, columns, *images.shape[1:])
    return grid.swapaxes(1, 2).reshape(n_rows * height, columns * width, *images.shape[3:])


def heat_on_ink(heat: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Return RGB (224, 224): the ink in grey, heat (28, 28) over it, orange above zero and blue below.

    For the page, which is dark and loads no matplotlib; on paper it is `plots.to_overlay`.
    """
    size = (HEAT_SIDE, HEAT_SIDE)
    paper = cv2.resize(ink, size, interpolation=cv2.INTER_NEAREST).astype(np.float32)[..., None] * 0.75
    share = heat / max(float(np.abs(heat).max()), 1e-6)
    smooth = cv2.resize(share.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    smooth = np.clip(smooth, -1, 1)[..., None]
    colour = np.where(smooth > 0, ORANGE, BLUE)
    weight = 0.8 * np.abs(smooth)
    return (paper * (1 - weight) + colour * weight).round().astype(np.uint8)
