"""Small measurements of pixel arrays that know neither paper nor digit: boxes, components, quantiles, grey levels."""

from __future__ import annotations

import cv2
import numpy as np

Box = tuple[int, int, int, int]  # left, top, right, bottom; right and bottom exclusive

RULED_SIDE = 40  # in smaller pictures, a bar from side to side is part of a tightly cut digit


def sample(values: np.ndarray) -> np.ndarray:
    """Return every k-th of the values of pixels, (h, w) or (h, w, c) -> (n,) or (n, c): enough for a quantile."""
    flat = values.reshape(-1, *values.shape[2:])
    return flat[:: max(1, len(flat) // 8192)]


def quantile(values: np.ndarray, share: float) -> float:
    """Return the value below which `share` of the values lie: np.quantile without interpolation, ten times as fast.

    It sorts, since np.partition is slow among many equal values, such as the paper of a drawing.
    """
    return float(np.sort(values)[int(share * (values.size - 1))])


def counts(levels: np.ndarray) -> np.ndarray:
    """Return how often each level is there, float32 (256,), in uint8 values; ten times as fast as np.bincount."""
    return cv2.calcHist([levels], [0], None, [256], [0, 256]).ravel()


def median_level(levels: np.ndarray) -> int:
    """Return the level in the middle of uint8 values, ten times as fast as np.median."""
    return int(np.searchsorted(np.cumsum(counts(levels), dtype=np.float64), levels.size // 2, side="right"))


def components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return of the ground and the connected parts the label of each pixel, (h, w), and the statistics, (n, 5).

    Labels of 16 bits are enough at working size, and found three times as fast; only where there is anything, in half
    the time again. The ground has no statistics.
    """
    labels = np.zeros(mask.shape, np.uint16)
    left, top, right, bottom = bounding_box(mask)
    if left == right:
        return labels, np.zeros((1, 5), np.int32)
    inked = np.s_[top:bottom, left:right]
    _n, labels[inked], stats, _centres = cv2.connectedComponentsWithStats(mask[inked], connectivity=8, ltype=cv2.CV_16U)
    stats[0] = 0
    stats[1:, :2] += (left, top)
    return labels, stats


def ink_level(contrast: np.ndarray) -> float:
    """Return Otsu's threshold between faint marks and ink, 0.2–0.6, over what is not plain paper."""
    levels = (np.clip(contrast[contrast > 0.08], 0, 1) * 255).astype(np.uint8)
    if levels.size < 2:
        return 0.5
    threshold, _ = cv2.threshold(levels.reshape(1, -1), 0, 255, cv2.THRESH_OTSU)
    return min(max(0.2, threshold / 255), 0.6)


def borders(stats: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return how many of the left and right, and of the top and bottom borders components touch, int (…, 2)."""
    low, size = stats[..., :2], stats[..., 2:4]
    return (low == 0).astype(int) + (low + size == shape[1::-1])


def bounding_box(mask: np.ndarray) -> Box:
    """Return (left, top, right, bottom) of the true pixels of a boolean or uint8 mask, right and bottom exclusive."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return left, top, left + width, top + height


def slimness(points: np.ndarray) -> float:
    """Return the shorter side of the narrowest rectangle round points, (n, 2) or an outline, against the longer one."""
    _middle, sides, _angle = cv2.minAreaRect(points)
    return min(sides) / max(1.0, *sides)


def fullness(outline: np.ndarray) -> float:
    """Return how much of its narrowest rectangle an outline of pixels fills: a box 1, an ellipse 0.79."""
    _middle, (width, height), _angle = cv2.minAreaRect(outline)
    half_a_pixel_round = cv2.arcLength(outline, True) / 2 + 1
    return (cv2.contourArea(outline) + half_a_pixel_round) / ((width + 1) * (height + 1))


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """Return a picture, uint8 (h, w) or RGB (h, w, 3), as grey levels, (h, w)."""
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels


def shifted(box: Box, x: int, y: int) -> Box:
    """Return a box in a cut whose corner lies at (x, y), as seen from the whole picture."""
    left, top, right, bottom = box
    return left + x, top + y, right + x, bottom + y


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return `pixels` with its longer side at most `side`, averaged rather than sampled; never enlarged.

    To half or more, the two nearest pixels are the average, and are had ten times as fast.
    """
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR if scale >= 0.5 else cv2.INTER_AREA)


def scaled(pixels: np.ndarray, scale: float, least: int = 1, enlarging: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Return `pixels`, (h, w), `scale` times as large, but no side below `least`: averaged if that is smaller.

    Otherwise they are interpolated as `enlarging` says, one of OpenCV's ways.
    """
    size = max(least, round(pixels.shape[1] * scale)), max(least, round(pixels.shape[0] * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else enlarging)
