"""Ways of writing the ten digits that MNIST's American writers seldom use, as pen strokes with a shaking hand.

Crossed sevens, hooked and footed ones, open fours and fours like flags, nines with a hook for a tail, slashed zeros:
each way is a handful of points on a 100x100 field, drawn by the project; every draw moves the points.

    strokes = write(4, np.random.default_rng(0))      # list of (n, 2) paths, x to the right, y down
"""

from __future__ import annotations

import numpy as np

Points = list[tuple[float, float]]


def line(*points: tuple[float, float]) -> tuple[str, Points]:
    """A stroke with corners."""
    return "line", list(points)


def curve(*points: tuple[float, float]) -> tuple[str, Points]:
    """A stroke that passes smoothly through the points."""
    return "curve", list(points)


RING = [(50, 2), (22, 15), (12, 50), (22, 85), (50, 98), (78, 85), (88, 50), (78, 15), (50, 2)]
SLIM_RING = [(52, 2), (33, 20), (28, 50), (34, 82), (50, 98), (66, 82), (72, 50), (66, 18), (50, 3)]

WAYS: dict[int, list[list[tuple[str, Points]]]] = {
    0: [
        [curve(*RING)],
        [curve(*SLIM_RING)],
        [curve((62, 8), (35, 8), (15, 40), (22, 82), (50, 97), (80, 78), (84, 35), (66, 8), (45, 12))],
        [curve(*RING), line((80, 10), (20, 92))],
        [curve((70, 12), (40, 4), (16, 35), (18, 75), (48, 98), (80, 75), (84, 38), (76, 16))],
    ],
    1: [
        [line((50, 0), (50, 100))],
        [line((32, 22), (54, 0), (54, 100))],
        [line((18, 42), (58, 0), (58, 100))],
        [line((8, 55), (62, 0), (52, 100))],
        [line((28, 25), (52, 0), (52, 100)), line((22, 100), (82, 100))],
        [line((34, 18), (50, 2), (50, 96)), line((24, 98), (76, 95))],
        [line((48, 0), (48, 100)), line((18, 100), (80, 100))],
        [curve((22, 40), (45, 22), (60, 2)), line((60, 2), (48, 100))],
        [line((58, 0), (42, 100))],
        [line((20, 35), (55, 4), (48, 98), (74, 88))],
    ],
    2: [
        [curve((15, 28), (30, 5), (65, 5), (78, 28), (60, 58), (15, 96)), line((15, 96), (88, 96))],
        [curve((18, 25), (45, 2), (78, 20), (70, 48), (40, 75), (14, 95)), curve((14, 95), (50, 88), (90, 96))],
        [curve((15, 22), (50, 2), (80, 25), (55, 65), (22, 92), (14, 80), (32, 74), (55, 90), (92, 94))],
        [line((12, 6), (82, 6), (14, 96), (88, 96))],
        [curve((20, 35), (28, 8), (60, 2), (75, 22), (58, 60), (20, 92), (45, 86), (70, 98), (90, 84))],
        [curve((22, 12), (60, 4), (70, 35), (50, 70), (20, 95)), line((20, 95), (80, 99))],
    ],
    3: [
        [curve((18, 14), (50, 2), (78, 20), (66, 42), (42, 47), (74, 54), (84, 76), (55, 98), (16, 86))],
        [line((16, 5), (80, 5), (44, 42)), curve((44, 42), (80, 54), (82, 84), (50, 99), (14, 90))],
        [curve((20, 8), (60, 4), (74, 22), (45, 46)), curve((45, 46), (78, 58), (76, 86), (45, 98), (18, 92))],
        [curve((25, 10), (62, 10), (60, 40), (38, 50), (66, 60), (64, 90), (22, 94))],
        [curve((10, 20), (45, 0), (72, 22), (40, 48), (80, 62), (70, 95), (30, 99), (8, 84))],
    ],
    4: [
        [line((42, 2), (14, 60), (88, 60)), line((66, 30), (66, 100))],
        [line((26, 2), (22, 52), (80, 52)), line((74, 5), (72, 100))],
        [line((66, 100), (66, 0), (10, 66), (92, 66))],
        [line((62, 100), (62, 2), (14, 40), (64, 42))],
        [line((58, 100), (60, 0), (20, 36), (58, 34))],
        [curve((24, 4), (20, 40), (44, 52), (74, 42)), line((76, 4), (70, 100))],
        [line((40, 0), (10, 68), (70, 60)), line((58, 40), (48, 100))],
        [line((18, 10), (16, 55), (84, 55)), line((60, 28), (60, 98))],
        [curve((52, 2), (30, 30), (14, 62), (40, 64), (86, 58)), curve((64, 36), (60, 70), (64, 100))],
        [line((30, 5), (12, 55), (60, 50), (62, 8), (58, 100))],
    ],
    5: [
        [line((78, 4), (26, 4), (22, 44)), curve((22, 44), (60, 36), (82, 62), (62, 94), (14, 92))],
        [line((26, 6), (24, 46)), curve((24, 46), (66, 40), (80, 72), (50, 98), (14, 88)), line((26, 6), (84, 3))],
        [curve((80, 6), (40, 6), (24, 42), (62, 50), (70, 78), (42, 98), (14, 88))],
        [line((80, 5), (30, 5), (26, 45), (72, 47), (72, 92), (18, 95))],
        [line((32, 14), (26, 48)), curve((26, 48), (70, 46), (76, 80), (46, 98), (16, 90)), line((36, 8), (92, 0))],
    ],
    6: [
        [curve((68, 2), (36, 26), (18, 66), (34, 96), (66, 94), (78, 70), (56, 54), (22, 70))],
        [curve((60, 0), (30, 40), (20, 78), (48, 99), (74, 80), (60, 58), (28, 68))],
        [curve((80, 12), (52, 2), (24, 30), (16, 68), (42, 98), (76, 84), (70, 56), (40, 52), (18, 66))],
        [curve((78, 16), (48, 6), (26, 28), (20, 76), (48, 98), (76, 80), (64, 56), (22, 62))],
        [curve((52, 0), (34, 48), (30, 86), (52, 98), (66, 80), (50, 66), (32, 78))],
        [line((74, 8), (34, 10)), curve((34, 10), (18, 60), (34, 96), (72, 92), (74, 58), (24, 56))],
        [curve((70, 4), (20, 30), (8, 70), (40, 98), (86, 88), (80, 62), (46, 60), (30, 80))],
    ],
    7: [
        [line((14, 6), (84, 6), (42, 100))],
        [line((14, 6), (82, 6), (44, 100)), line((28, 52), (84, 48))],
        [line((16, 22), (18, 6), (84, 4), (46, 100)), line((26, 54), (80, 48))],
        [line((16, 24), (18, 8), (82, 6), (50, 98))],
        [curve((12, 16), (40, 4), (80, 8), (60, 46), (46, 100)), line((30, 56), (82, 52))],
        [curve((14, 22), (36, 2), (70, 6), (72, 40), (54, 100)), line((28, 66), (86, 58))],
        [curve((10, 20), (22, 6), (50, 14), (82, 4), (60, 50), (44, 100)), line((24, 50), (78, 54))],
        [line((20, 8), (78, 8)), line((78, 8), (64, 100))],
    ],
    8: [
        [curve((72, 16), (46, 2), (24, 20), (46, 46), (76, 70), (52, 98), (24, 76), (50, 48), (74, 24), (66, 10))],
        [curve((50, 2), (28, 14), (28, 36), (50, 46), (72, 36), (72, 14), (50, 2)),
         curve((50, 46), (20, 60), (22, 88), (50, 98), (78, 88), (80, 60), (50, 46))],
        [curve((80, 6), (44, 4), (28, 26), (68, 58), (66, 92), (34, 96), (30, 66), (62, 40), (82, 4))],
        [curve((50, 48), (26, 30), (48, 2), (74, 26), (48, 50), (22, 76), (48, 99), (78, 78), (50, 48))],
        [curve((62, 4), (36, 18), (62, 46), (68, 82), (44, 98), (34, 72), (58, 40), (64, 12), (50, 3))],
    ],
    9: [
        [curve((76, 24), (48, 2), (20, 22), (34, 50), (66, 44), (76, 20)), line((76, 16), (72, 100))],
        [curve((74, 22), (46, 2), (22, 24), (40, 50), (72, 34)), curve((76, 12), (78, 60), (62, 96), (22, 92))],
        [curve((72, 26), (50, 4), (26, 24), (44, 46), (72, 28), (74, 70), (54, 99), (12, 96))],
        [curve((70, 14), (36, 8), (26, 38), (58, 44), (74, 18), (66, 60), (50, 100))],
        [curve((78, 10), (40, 4), (22, 30), (46, 50), (76, 38)), line((78, 8), (76, 100))],
        [curve((66, 24), (46, 14), (40, 30), (60, 36), (72, 14), (70, 64), (44, 98), (8, 90))],
        [line((72, 6), (28, 10), (26, 46), (72, 44), (72, 6), (70, 100))],
    ],
}  # fmt: skip


def write(digit: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return pen strokes, (n, 2) float32 paths, of `digit` in one of its ways, its points moved at random."""
    ways = WAYS[digit]
    shake = rng.uniform(1.0, 5.5)
    strokes = []
    for kind, points in ways[rng.integers(len(ways))]:
        moved = np.array(points, np.float32) + rng.normal(0, shake, (len(points), 2)).astype(np.float32)
        strokes.append(_smooth(moved) if kind == "curve" else _soften(moved, rng))
    return strokes


def _smooth(points: np.ndarray, per_segment: int = 10) -> np.ndarray:
    """Return a Catmull-Rom spline through the points."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, per_segment, endpoint=False, dtype=np.float32)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate([*pieces, points[-1:]])


def _soften(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the corners as they are, or rounded a little as a quick hand does."""
    if rng.random() < 0.5:
        return points
    inner = [points[:1]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        inner.append(np.stack([corner + 0.15 * (before - corner), corner + 0.15 * (after - corner)]))
    return _smooth(np.concatenate([*inner, points[-1:]]), per_segment=5)


def make_styles(n: int, seed: int) -> tuple[list[list[np.ndarray]], np.ndarray]:
    """Return `n` written digits and their labels, every digit equally often."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.int64) % 10
    return [write(int(label), rng) for label in labels], labels
