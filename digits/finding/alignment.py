"""A picture of a filled form, laid over the picture of the empty one: turned, upside down, or photographed on a desk.

    alignment = align(page, Landmarks(empty))      # both uint8 (h, w)
    strip = alignment.cut((120, 300, 480, 360))    # what the page shows at that box of the empty form

What stands out in both pictures is matched (ORB), and what most of the matches agree on is the perspective (RANSAC).
Most of them lie where most is printed, so it is only roughly right elsewhere: corners all over the form are followed to
where they went (Lucas-Kanade). A page on which the form's own print is not found again is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from digits.finding.limits import PictureError
from digits.finding.pixels import scaled

SIDE, LEAST_SIDE = 1000, 8  # pixels of the longer side while the two are compared; of the shorter at least
N_FEATURES = 2500
LEAST_MATCHES = 12  # that agree on one perspective
OFF = 4.0  # pixels at that size by which matches of one perspective may miss each other
ROUNDS, WINDOW, ASTRAY = 3, (31, 31), 2.0  # of following corners; pixels that are compared; a corner's error, likewise
LEAST_ALIKE = 0.6  # correlation of the print of both, from which they are the same form
BENT = 0.6  # of a side to the one across: a page seen more from the side is not read
LEAST_PRINT = 40  # features that an empty form needs
LEAST_PIXELS = 100  # near print, at that size, to compare two by

FloatBox = tuple[float, float, float, float]  # left, top, right, bottom in pixels


class Landmarks:
    """What stands out in an empty form, uint8 (h, w). Raises `PictureError` if too little does."""

    def __init__(self, empty: np.ndarray) -> None:
        self.size = empty.shape[1], empty.shape[0]
        self.scale = SIDE / max(empty.shape)
        self.dark = darkness_of(scaled(empty, self.scale, LEAST_SIDE))
        self.points, self.descriptors = features_of(self.dark)
        self.soft = _soft(self.dark)
        corners = cv2.goodFeaturesToTrack(self.soft, 600, 0.05, 12)
        self.corners = np.zeros((0, 1, 2), np.float32) if corners is None else corners
        if min(len(self.points), len(self.corners)) < LEAST_PRINT:
            raise PictureError("too little is printed on the empty form to find its place again; add a title or marks")
        self.near_print = cv2.dilate((self.dark > 0.25).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0

    def alike(self, seen: np.ndarray, box: FloatBox | None = None) -> float:
        """Return the correlation of the form's print with what is seen there, round `box` or everywhere, -1 to 1.

        `box` is in the empty form's pixels; where hardly anything is printed round it, it is 1.
        """
        rows, columns = slice(None), slice(None)
        if box is not None:
            left, top, right, bottom = np.array(box) * self.scale
            around = bottom - top
            rows = slice(max(0, int(top - around)), int(bottom + around))
            columns = slice(max(0, int(left - around)), int(right + around))
        near = self.near_print[rows, columns]
        printed, there = (soft[rows, columns][near].astype(np.float32) for soft in (self.soft, seen))
        if box is not None and (len(printed) < LEAST_PIXELS or not printed.std()):
            return 1.0
        return float(np.corrcoef(printed, there)[0, 1]) if there.std() else 0.0


@dataclass(frozen=True)
class Alignment:
    """A page and the (3, 3) matrix from the empty form's pixels to its own; `alike` is how well they fit, 0-1."""

    page: np.ndarray
    matrix: np.ndarray
    alike: float
    seen: np.ndarray | None = None  # the page's darkness over the form, uint8, in the size of the comparison

    def corners_of(self, box: FloatBox) -> np.ndarray:
        """Return where the page shows a box of the empty form: its corners (4, 2) in x and y, from the top left on."""
        return cv2.perspectiveTransform(_corners(box), self.matrix)[0]

    def scale_at(self, box: FloatBox) -> float:
        """Return how many of the page's pixels one pixel of the empty form is, within `box`."""
        left, top, right, bottom = box
        area = cv2.contourArea(self.corners_of(box).astype(np.float32))
        return float(np.sqrt(area / max(1e-6, (right - left) * (bottom - top))))

    def cut(self, box: FloatBox, scale: float) -> np.ndarray:
        """Return what the page shows at `box` of the empty form, `scale` pixels for each of the form's."""
        left, top, right, bottom = box
        size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        to_form = np.array([[1 / scale, 0, left], [0, 1 / scale, top], [0, 0, 1]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(self.page, self.matrix @ to_form, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def align(page: np.ndarray, form: Landmarks) -> Alignment:
    """Lay a page, uint8 (h, w), over the form. Raises `PictureError` if it shows another form, or too little of it."""
    # 1. Both in one size, as darkness on even paper.
    scale = SIDE / max(page.shape)
    dark = darkness_of(scaled(page, scale, LEAST_SIDE))

    # 2. What stands out in both names the perspective, the corners all over the form make it exact.
    matrix = _match(form, *features_of(dark))
    for _ in range(ROUNDS):
        matrix = _follow(form, dark, matrix)

    # 3. The rest of the print tells whether it is the same form.
    seen = _seen(_soft(dark), matrix, form)
    alike = form.alike(seen)
    if alike < LEAST_ALIKE:
        raise PictureError(f"the page does not show this form: their print agrees by {max(0.0, alike):.0%}")

    # 4. From the empty form's own pixels to the page's own.
    return Alignment(page, np.linalg.inv(_shrinking(scale)) @ matrix @ _shrinking(form.scale), alike, seen)


def _corners(box: FloatBox) -> np.ndarray:
    """Return the corners (1, 4, 2) of a box, from the top left on, as OpenCV's perspectives take them."""
    left, top, right, bottom = box
    return np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]], np.float64)


def _shrinking(scale: float) -> np.ndarray:
    """Return the (3, 3) matrix from a picture's pixels to those of the picture `scale` times as large."""
    return np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1]], np.float64)


def darkness_of(grey: np.ndarray, reach: int = 21) -> np.ndarray:
    """Return how much darker than the paper within `reach` pixels each pixel is, float32 (h, w) in 0-1."""
    kernel = np.ones((reach, reach), np.uint8)
    paper = cv2.GaussianBlur(cv2.morphologyEx(grey, cv2.MORPH_CLOSE, kernel), (0, 0), reach / 4).astype(np.float32)
    return np.clip(1.5 * (paper - grey) / np.maximum(paper, 30), 0, 1).astype(np.float32)


def features_of(dark: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 2) places that stand out in a darkness, float32 (h, w), and their descriptors, uint8 (n, 32)."""
    soft = cv2.GaussianBlur(255 * (1 - dark), (0, 0), 1.0).astype(np.uint8)
    found, descriptors = cv2.ORB.create(N_FEATURES, fastThreshold=12).detectAndCompute(soft, None)
    points = np.array([point.pt for point in found], np.float32).reshape(-1, 2)
    return points, np.zeros((0, 32), np.uint8) if descriptors is None else descriptors


def _match(form: Landmarks, points: np.ndarray, descriptors: np.ndarray) -> np.ndarray:
    """Return the matrix from the form's places to the page's on which most matches agree."""
    if len(points) < LEAST_MATCHES:
        raise PictureError("the page cannot be aligned with the form: there is hardly anything on it")
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(form.descriptors, descriptors, k=2)
    good = [best for best, *next_best in pairs if next_best and best.distance < 0.85 * next_best[0].distance]
    if len(good) >= LEAST_MATCHES:
        here = form.points[[match.queryIdx for match in good]]
        there = points[[match.trainIdx for match in good]]
        matrix, agree = cv2.findHomography(here, there, cv2.USAC_MAGSAC, OFF, maxIters=10_000, confidence=0.9999)
        if matrix is not None and agree.sum() >= LEAST_MATCHES and _is_a_view(matrix, form):
            return matrix
    raise PictureError("the page cannot be aligned with the form: too little of its print was found; is it this form?")


def _is_a_view(matrix: np.ndarray, form: Landmarks) -> bool:
    """Whether a camera in front of the page would see it so: a rectangle stays a quadrangle, not mirrored, not flat."""
    width, height = form.scale * np.array(form.size)
    seen = cv2.perspectiveTransform(_corners((0, 0, width, height)), matrix)[0].astype(np.float32)
    sides = np.linalg.norm(seen - np.roll(seen, -1, axis=0), axis=1)
    across = [min(a, b) / max(a, b, 1e-6) for a, b in (sides[[0, 2]], sides[[1, 3]])]
    is_upright = cv2.contourArea(seen, oriented=True) > 0
    return bool(is_upright and cv2.isContourConvex(seen) and min(across) > BENT)


def _follow(form: Landmarks, dark: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return the matrix that fits better where the form's corners are on a page that lies over it by `matrix`."""
    seen = _seen(_soft(dark), matrix, form)
    there, found, _ = cv2.calcOpticalFlowPyrLK(form.soft, seen, form.corners, form.corners.copy(), winSize=WINDOW)
    back, again, _ = cv2.calcOpticalFlowPyrLK(seen, form.soft, there, there.copy(), winSize=WINDOW)
    same = (
        np.asarray(found).ravel().astype(bool)
        & np.asarray(again).ravel().astype(bool)
        & (np.abs(back - form.corners).max(axis=(1, 2)) < 1)
    )
    if same.sum() < LEAST_MATCHES:
        return matrix
    further, _ = cv2.findHomography(form.corners[same], there[same], cv2.RANSAC, ASTRAY, maxIters=5_000)
    return matrix if further is None else matrix @ further


def _soft(dark: np.ndarray) -> np.ndarray:
    return (255 * cv2.GaussianBlur(dark, (0, 0), 1.2)).clip(0, 255).astype(np.uint8)


def _seen(page: np.ndarray, matrix: np.ndarray, form: Landmarks) -> np.ndarray:
    """Return the page as it lies over the form by `matrix`."""
    return cv2.warpPerspective(page, matrix, form.dark.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
