"""Doodles to train on as no digit: outlines with corners or notches, faces, zigzags. A closed line alone is no 0.

coverage = draw_outline(rng, list)      # float32 (128, 128) in 0–1
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from digits.learning.glyphs import LONG, Glyph, Rng, bend, from_strokes

# Of an outline and the ellipse of its moments together, that both have at most: of three to five corners (a square has
# 0.82), and of more, which a thick pen makes round.
ANGULAR, ROUND = 0.85, 0.78
FEW_CORNERS = 6  # points of a closed outline of five corners


def draw_outline(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """A closed line that is no oval (house, heart, star, cloud, kite), in half of the cases with something beside."""
    outline = _outline(rng)
    while _ovalness(outline) > (ROUND if len(outline) > FEW_CORNERS else ANGULAR):
        outline = _outline(rng)
    beside = [_dash(rng, 1.1) for _ in range(rng.integers(1, 4))] if rng.random() < 0.5 else []
    return bend(from_strokes([outline, *beside], rng), rng, 0.5)


def draw_face(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """A ring with three to six marks well inside: a face, a button, a clock. With one or two it may be a nought."""
    ring, first = _ring(rng) * rng.uniform(0.75, 1.0, 2), rng.uniform(0, 6)
    n = int(rng.integers(3, 7))
    places = [
        rng.uniform(0.25, 0.6) * np.array([np.cos(turn), np.sin(turn)]) for turn in first + np.arange(n) * 6.28 / n
    ]
    marks = [_dash(rng, 0.1) + place for place in places]
    return bend(from_strokes([ring, *marks], rng), rng, 0.5)


def draw_zigzag(rng: Rng, _glyph: Callable[[], Glyph]) -> np.ndarray:
    """A line of five to eight straight pieces, to and fro; of four, upright, it may be a 3."""
    n = int(rng.integers(6, 10))
    along, across = np.linspace(-1, 1, n), np.resize([-1, 1], n) * rng.uniform(0.15, 0.8)
    points = np.stack([along, across], axis=1) + rng.normal(0, 0.06, (n, 2))
    return bend(from_strokes([points[:, ::-1] if rng.random() < 0.5 else points], rng), rng)


def _outline(rng: Rng) -> np.ndarray:
    """Return a closed line (n, 2): corners anywhere, the same on both sides, or a ring with lobes."""
    kind = rng.random()
    if kind < 0.3:
        turn, n_lobes = np.linspace(0, 2 * np.pi, 64), int(rng.integers(1, 7))
        bumps = np.abs(np.sin(n_lobes * (turn - rng.uniform(0, 6)) / 2))  # meet in notches
        return _ring(rng) * (1 + rng.uniform(-0.6, 0.6) * bumps)[:, None] * rng.uniform(0.6, 1, 2)
    corners = _mirrored(rng) if kind < 0.7 else _anywhere(rng)
    for _ in range(rng.choice([0, 0, 1, 2])):  # corners cut: rounder and rounder (Chaikin 1974)
        following = np.roll(corners, -1, axis=0)
        corners = np.stack([0.75 * corners + 0.25 * following, 0.25 * corners + 0.75 * following], 1).reshape(-1, 2)
    return np.concatenate([corners, corners[:1]])


def _mirrored(rng: Rng) -> np.ndarray:
    heights = np.sort(rng.uniform(-1, 1, rng.integers(3, 6)))
    heights[[0, -1]] = -1, 1
    half = rng.uniform(0.0, 1.0, len(heights)) * rng.choice([0, 1, 1], len(heights)) + 0.02
    half[rng.integers(1, len(heights) - 1)] = rng.uniform(0.5, 1)
    heights[-1 if rng.random() < 0.5 else 0] *= rng.uniform(0.4, 1)  # the middle of an end drawn in, as a heart's
    right = np.stack([half, heights], axis=1)
    return np.concatenate([right, right[::-1] * (-1, 1)])


def _anywhere(rng: Rng) -> np.ndarray:
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(0.3, 1.0, (len(angles), 1))


def _ring(rng: Rng) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 64) + rng.uniform(0, 6)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _dash(rng: Rng, reach: float) -> np.ndarray:
    """Return a dot, a short line or an arc (n, 2), at most `reach` from the middle."""
    start = rng.uniform(-reach, reach, 2)
    turn, radius = np.linspace(0, rng.uniform(0, 5), 12) + rng.uniform(0, 6), rng.choice([0.03, 0.1, 0.25])
    return start + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _ovalness(outline: np.ndarray) -> float:
    """Return how much of an outline (n, 2) and the ellipse of its moments together both fill: 1 for a 0."""
    scaled = (outline - outline.min(axis=0)) / np.ptp(outline, axis=0).max() * LONG
    filled = cv2.fillPoly(np.zeros((2 * LONG, 2 * LONG), np.uint8), [(scaled + LONG / 2).astype(np.int32)], 1)
    y, x = np.nonzero(filled)
    if len(x) < 0.02 * filled.size:
        return 1.0  # hardly an outline at all
    spread, turned = np.linalg.eigh(np.cov(x, y))
    axes = 2 * np.sqrt(np.maximum(spread, 0.25))
    angle = np.degrees(np.arctan2(turned[1, 1], turned[0, 1]))
    box = ((x.mean(), y.mean()), (2 * axes[1], 2 * axes[0]), angle)
    both = filled + cv2.ellipse(np.zeros_like(filled), box, 1, -1)
    return np.count_nonzero(both == 2) / np.count_nonzero(both)
