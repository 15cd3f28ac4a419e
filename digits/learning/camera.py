"""Coverage -> picture: paper, ink, light, the optics and the file format, as cameras, scanners and fax machines do it.

picture = take([(writing, 30), (rules, 120)], rng)       # layers of coverage and their levels; uint8 (h, w)
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

Rng = np.random.Generator
Layer = tuple[np.ndarray, float]  # coverage, float32 (h, w) in 0-1, and its ink: a share of the light that it takes


def any_ink(rng: Rng) -> float:
    """Return which share of the light an ink takes: pencil little, a black pen nearly all."""
    return float(rng.choice([rng.uniform(0.15, 0.4), rng.uniform(0.4, 0.98)], p=[0.25, 0.75]))


def any_harm(rng: Rng) -> float:
    """Return how badly a picture may be damaged: three in ten to the limit of what can be read, the others less."""
    return float(rng.choice([1.0, 0.3, 0.05], p=[0.3, 0.4, 0.3]))


def take(layers: Sequence[Layer], rng: Rng, size: float = 20.0, harm: float = 1.0) -> np.ndarray:
    """Return a picture, uint8 (h, w), of the layers on paper.

    `size`: of a digit in pixels, for blur; `harm`: how badly blur, noise and compression may damage it, from 0 to 1.
    """
    shape, way = layers[0][0].shape, rng.random()
    light = np.ones(shape, np.float32)
    for coverage, ink in layers:
        light *= 1 - (ink if way > 0.16 else max(ink, 0.75)) * coverage
    if way < 0.1:
        return _drawn(light, rng)
    if way < 0.16:
        return _faxed(light, rng, harm)
    paper = rng.uniform(170, 255) if way < 0.6 else rng.uniform(70, 240)
    depth = paper * min(ink for _coverage, ink in layers)
    picture = paper * (light * _texture(shape, rng))
    if way > 0.6:
        picture = picture * _shade(shape, rng)
        if rng.random() < 0.06:
            picture = 255 - picture
    return _developed(picture.astype(np.float32), rng, size, depth, harm)


def _drawn(light: np.ndarray, rng: Rng) -> np.ndarray:
    """A drawing program: flat ground, either polarity, hard or soft edges."""
    light = (light > 0.5).astype(np.float32) if rng.random() < 0.3 else light
    picture = 255 * light if rng.random() < 0.6 else 255 * (1 - light)
    return picture.round().astype(np.uint8)


def _faxed(light: np.ndarray, rng: Rng, harm: float) -> np.ndarray:
    """Black and white, with specks and ragged edges."""
    blurred = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.3, 0.8))
    rough = blurred + rng.normal(0, harm * rng.uniform(0, 0.12), light.shape)
    picture = np.where(rough > rng.uniform(0.55, 0.8), 255, 0).astype(np.uint8)
    specks = rng.random(light.shape, np.float32) < harm * rng.uniform(0, 0.003)
    return np.where(specks, 255 - picture, picture).astype(np.uint8)


def _texture(shape: tuple[int, int], rng: Rng) -> np.ndarray:
    """Paper fibres and stains, around 1."""
    coarse = smooth_noise(shape, rng, rng.uniform(4, 40)) - 0.5
    return 1 + rng.uniform(0, 0.12) * coarse


def _shade(shape: tuple[int, int], rng: Rng) -> np.ndarray:
    """Uneven light: a slope, and now and then the edge of a shadow."""
    coarse = 1 + rng.normal(0, rng.uniform(0, 0.15), (3, 3)).astype(np.float32)
    light = np.clip(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), 0.35, 1.2)
    if rng.random() < 0.5:
        y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        along = np.cos(angle) * (x - rng.uniform(0, shape[1])) + np.sin(angle) * (y - rng.uniform(0, shape[0]))
        soft = np.exp(rng.uniform(0, np.log(0.3 * max(shape))))  # pixels: as often hard as soft
        light *= 1 - rng.uniform(0.1, 0.55) / (1 + np.exp(np.clip(along / soft, -30, 30)))
    return light.astype(np.float32)


def lay_on_desk(picture: np.ndarray, beyond: np.ndarray, rng: Rng) -> np.ndarray:
    """Return a picture of paper, uint8 (h, w), with a desk where `beyond`, float32 (h, w) in 0-1, is past its edge."""
    level = rng.uniform(10, 130) if rng.random() < 0.85 else rng.uniform(130, 250)
    grain = smooth_noise(picture.shape, rng, rng.uniform(2, 60))
    if rng.random() < 0.5:  # wood: the grain runs one way
        grain = cv2.blur(grain, (1, 31) if rng.random() < 0.5 else (31, 1))
    desk = level * (1 + 0.4 * (grain - 0.5))
    return (picture * (1 - beyond) + desk * beyond).clip(0, 255).round().astype(np.uint8)


def _developed(picture: np.ndarray, rng: Rng, size: float, depth: float, harm: float) -> np.ndarray:
    """Blur, sensor noise and JPEG; the noise leaves ink that is `depth` levels deep legible."""
    if rng.random() < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.25, 0.25 + 0.035 * harm * size))
    noise = harm * min(float(rng.choice([rng.uniform(0, 2), rng.uniform(2, 9)], p=[0.6, 0.4])), 0.2 * depth)
    picture = picture + noise * rng.standard_normal(picture.shape, np.float32)
    if rng.random() < 0.2 * harm:
        blurred = size > 20 and rng.random() < 0.5
        picture = cv2.blur(picture, (3, 3)) if blurred else picture + noise * smooth_noise(picture.shape, rng, 2)
    levels = np.clip(picture, 0, 255).round().astype(np.uint8)
    return jpeg(levels, rng, 95 - 80 * harm) if rng.random() < 0.4 else levels


def jpeg(levels: np.ndarray, rng: Rng, least: float = 15.0) -> np.ndarray:
    """Return a grey picture, uint8 (h, w), as JPEG leaves it at some quality between `least` and good."""
    _ok, data = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(least, 95))])
    seen = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    assert seen is not None, "OpenCV reads what it wrote"
    return seen


def smooth_noise(shape: tuple[int, int], rng: Rng, grain: float) -> np.ndarray:
    """Return smooth noise in 0-1, float32 (h, w), with spots about `grain` pixels wide."""
    size = max(2, round(shape[1] / grain) + 1), max(2, round(shape[0] / grain) + 1)
    coarse = rng.random(size[::-1], np.float32)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR)
