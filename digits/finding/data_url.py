"""Pixels -> a data URL, which a page or a report can show without a file beside it."""

from __future__ import annotations

import base64

import cv2
import numpy as np


def to_data_url(pixels: np.ndarray, kind: str = "png", quality: int = 95) -> str:
    """Return uint8 pixels, (h, w) or RGB (h, w, 3), as a data URL; `kind` is png, or jpeg of a `quality` up to 100."""
    channels = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if kind == "jpeg" else []
    _done, data = cv2.imencode(f".{kind}", channels, options)
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"
