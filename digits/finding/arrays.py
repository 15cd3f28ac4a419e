"""Numbers -> pixels: arrays, tensors and lists as people have them, and transparency laid on paper.

pixels = from_array(array)        # uint8 (h, w), or (h, w, 3) RGB
pixels = flatten(rgba)            # likewise, of uint8 (h, w, 4)
ink = ink_of(array)               # uint8 (n, 28, 28)
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np

from digits.finding.ink import INK_SIDE
from digits.finding.limits import PictureError, check_size

OVERSHOOT = 0.1  # of an array's range: by how much resizing may leave it


@runtime_checkable
class Tensor(Protocol):
    """What torch's tensors can do; torch itself is not needed here."""

    def detach(self) -> Any:
        """Return it without its history."""
        ...


def to_array(picture: list[Any] | Tensor) -> np.ndarray:
    """Return the numbers of nested lists, or of a tensor, as an array. Raises `PictureError` for any other list."""
    if not isinstance(picture, list):
        return _of_tensor(picture.detach().cpu())
    try:
        array = np.asarray(picture)
    except ValueError:
        array = np.array(None)
    if not np.issubdtype(array.dtype, np.number) and array.dtype != bool:
        raise PictureError("a list is a picture only if it holds rows of numbers; give several pictures one by one")
    return array


def _of_tensor(tensor: Any) -> np.ndarray:
    try:
        return np.asarray(tensor.numpy())
    except TypeError:  # bfloat16, which numpy does not know
        return np.asarray(tensor.float().numpy())


def ink_of(given: np.ndarray | list[Any] | Tensor) -> np.ndarray:
    """Return ink as uint8 (n, 28, 28): of numbers from 0 to 255, or from 0 to 1. Raises `PictureError` for others."""
    array = to_array(given) if isinstance(given, (list, Tensor)) else np.asarray(given)
    if array.shape[-2:] != (INK_SIDE, INK_SIDE) and array.shape[-1:] != (INK_SIDE**2,):
        raise PictureError(f"an array of shape {array.shape} is not ink; use (n, {INK_SIDE}, {INK_SIDE})")
    if array.dtype != np.uint8:
        array = _scaled_ink(array)
    return np.ascontiguousarray(array).reshape(-1, INK_SIDE, INK_SIDE)


def _scaled_ink(array: np.ndarray) -> np.ndarray:
    _check_numbers(array)
    bottom, top = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not (bottom >= 0 and top <= 255):  # a NaN is neither
        raise PictureError(f"ink goes from 0 to 255, or from 0 to 1, not from {bottom:.3g} to {top:.3g}")
    return (array * (255.0 if top <= 1 else 1.0)).round().astype(np.uint8)


def _channels_last(array: np.ndarray) -> np.ndarray:
    """Return an array without a batch's axis of one picture, its channels last."""
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    is_first = array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4)
    return np.moveaxis(array, 0, 2) if is_first else array


def from_array(array: np.ndarray) -> np.ndarray:
    """Accept (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) of bool, uint8, wider integers or floats.

    What these hold is told by their largest number: 0–1, 0–255 or 0–65535.
    """
    array = _channels_last(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(f"an array of shape {array.shape} is not a picture; use (h, w), (h, w, 3) or (h, w, 4)")
    check_size(array.shape[1], array.shape[0])
    array = _to_uint8(array)
    if array.ndim == 2:
        return array
    return drop_grey(array) if array.shape[2] == 3 else flatten(array)


def _to_uint8(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if array.dtype == np.uint16 and array.max() > 255:
        return (array // 257).astype(np.uint8)
    _check_numbers(array)
    if not np.isfinite(array).any():
        raise PictureError("the array holds no numbers but infinite ones and nan")
    values = np.nan_to_num(array.astype(np.float32), posinf=255.0, neginf=0.0)
    bottom, top = float(values.min()), float(values.max())
    if bottom < -OVERSHOOT * max(top, 0):
        raise PictureError(
            "the array is standardised or otherwise shifted: "
            f"it goes from {bottom:.3g} to {top:.3g}; give 0 to 1, or 0 to 255"
        )
    if top <= 1.0 + OVERSHOOT:
        values = values * 255.0
    elif top > 255.0:
        values = values * (255.0 / (65535.0 if top <= 65535.0 else top))
    return values.clip(0, 255).round().astype(np.uint8)


def _check_numbers(array: np.ndarray) -> None:
    is_number = np.issubdtype(array.dtype, np.number) or array.dtype == bool
    if not is_number or np.iscomplexobj(array):
        raise PictureError(f"an array of {array.dtype} is not a picture")


def drop_grey(rgb: np.ndarray) -> np.ndarray:
    """Return one channel if the three are equal: grey pictures are a third of the work afterwards."""
    if not _is_grey(rgb[::8, ::8]):  # a glance settles it for most coloured ones
        return rgb
    return np.ascontiguousarray(rgb[..., 0]) if _is_grey(rgb) else rgb


def _is_grey(rgb: np.ndarray) -> bool:
    return np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 1], rgb[..., 2])


def flatten(rgba: np.ndarray) -> np.ndarray:
    """Composite on white or black, whichever stands out more from what is opaque, so that the ink stays visible."""
    together = np.bitwise_or.reduce(np.ascontiguousarray(rgba).view("<u4"), axis=None)
    if not together & 0xFFFFFF:  # black ink, as most drawings
        return cv2.bitwise_not(cv2.extractChannel(rgba, 3))
    red, green, blue, alpha = cv2.split(rgba)
    if alpha.min() == 255:
        return drop_grey(rgba[..., :3])
    is_grey = np.array_equal(red, green) and np.array_equal(green, blue)
    colours = [cv2.multiply(channel, alpha, scale=1 / 255) for channel in ((red,) if is_grey else (red, green, blue))]
    opaque = cv2.sumElems(alpha)[0]
    lightness = 255 * sum(cv2.sumElems(channel)[0] for channel in colours) / (len(colours) * opaque) if opaque else 0
    if lightness < 128:
        paper = cv2.bitwise_not(alpha)  # white, where it shows through
        colours = [cv2.add(channel, paper) for channel in colours]
    return colours[0] if is_grey else drop_grey(cv2.merge(colours))
