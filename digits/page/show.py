"""Arrays -> what a page can show: data URLs of small pictures. No gradio in here.

    steps = steps_of(predictor.predict(data).found, data)
"""

from __future__ import annotations

import base64

import cv2
import numpy as np

from digits.picture import Picture, open_picture
from digits.preprocess import FoundDigit, bounding_box, shrink

SHOWN_SIDE = 256


def to_data_url(image: np.ndarray, kind: str = "png") -> str:
    """Return a uint8 picture, (h, w) or (h, w, 3) RGB, as a data URL; `kind` is png or jpeg."""
    channels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _done, data = cv2.imencode(".jpg" if kind == "jpeg" else ".png", channels)
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()


def to_grey(values: np.ndarray) -> np.ndarray:
    """Return values in 0-1 (clipped) as uint8, 0 -> black."""
    return (np.clip(values, 0, 1) * 255).round().astype(np.uint8)


def picture_url(picture: Picture, side: int = SHOWN_SIDE) -> str:
    """Return an upright copy of `picture`, its longer side at most `side`, as a data URL."""
    small = shrink(open_picture(picture, side=2 * side), side)
    return to_data_url(small, "jpeg" if small.ndim == 3 else "png")


def steps_of(found: FoundDigit, picture: Picture) -> list[dict[str, str]]:
    """Return the preprocessing as pictures: [{"name": "contrast", "image": data URL}, ...]."""
    images = {
        "picture": picture_url(picture),
        "contrast": to_data_url(to_grey(found.contrast)),
        "mask": to_data_url(to_grey(found.mask)),
        "ink": to_data_url(found.ink),
    }
    return [{"name": name, "image": image} for name, image in images.items()]


def box_of(found: FoundDigit) -> list[float] | None:
    """Return (left, top, right, bottom) of the kept strokes as fractions of the picture's size, None if blank."""
    if found.is_blank:
        return None
    height, width = found.mask.shape
    left, top, right, bottom = bounding_box(found.mask)
    return [round(part, 4) for part in (left / width, top / height, right / width, bottom / height)]
