"""What stands beside numbers and is none of their signs, as pen strokes: = ( ? % € and more; tallies, blots, strikes.

Each way is a handful of points on a 100x100 field, drawn by the project; every draw moves the points.

    strokes = draw_other_sign(np.random.default_rng(0))    # list of (n, 2) paths, x to the right, y down
"""

from __future__ import annotations

import numpy as np

from digits.learning.handwriting import Points, curve, line, write_way

RING = curve((50, 0), (8, 16), (0, 50), (12, 86), (50, 100), (90, 84), (100, 48), (86, 12), (48, 0))


def _placed(stroke: tuple[str, Points], x: float, y: float, size: float) -> tuple[str, Points]:
    """Return a stroke `size` times as large, its corner at (x, y)."""
    kind, points = stroke
    return kind, [(x + size * left, y + size * down) for left, down in points]


OTHER_SIGNS: dict[str, list[list[tuple[str, Points]]]] = {
    "=": [
        [line((5, 38), (62, 38)), line((5, 62), (62, 62))],
        [line((2, 42), (45, 36)), line((4, 60), (48, 54))],
        [curve((4, 40), (30, 36), (70, 38)), curve((2, 64), (34, 60), (72, 62))],
    ],
    "~": [[curve((2, 56), (16, 42), (34, 50), (52, 58), (68, 44))]],
    "(": [[curve((40, -6), (16, 24), (14, 70), (38, 108))], [curve((30, 0), (14, 50), (32, 100))]],
    ")": [[curve((10, -6), (34, 24), (36, 70), (12, 108))], [curve((14, 0), (32, 50), (12, 100))]],
    "?": [
        [curve((12, 24), (24, 4), (52, 2), (66, 22), (50, 44), (38, 56), (38, 72)), line((38, 94), (39, 97))],
        [curve((10, 16), (36, 0), (60, 18), (46, 40), (34, 70)), line((32, 92), (32, 95))],
    ],
    "!": [[line((40, 0), (37, 70)), line((36, 94), (37, 97))], [line((48, 0), (36, 68)), line((32, 92), (32, 95))]],
    "%": [
        [_placed(RING, 0, 4, 0.34), line((84, 0), (12, 100)), _placed(RING, 62, 62, 0.34)],
        [_placed(RING, 4, 0, 0.28), line((74, 6), (16, 96)), _placed(RING, 56, 70, 0.28)],
    ],
    "$": [
        [curve((74, 18), (50, 6), (22, 22), (44, 46), (72, 66), (56, 92), (18, 84)), line((48, -8), (46, 108))],
        [line((76, 12), (26, 14), (24, 48), (72, 52), (70, 88), (20, 90)), line((50, -6), (48, 106))],
    ],
    "€": [
        [
            curve((84, 14), (52, 2), (24, 34), (26, 74), (54, 98), (86, 86)),
            line((4, 42), (64, 40)), line((4, 62), (60, 60)),
        ],
        [curve((76, 10), (44, 6), (22, 50), (44, 94), (78, 88)), line((2, 46), (56, 46)), line((2, 62), (54, 62))],
    ],
    "£": [[curve((74, 18), (56, 2), (36, 20), (40, 60), (16, 96)), line((16, 96), (80, 96)), line((16, 52), (62, 50))]],
    "#": [[line((36, 4), (22, 98)), line((66, 4), (52, 98)), line((8, 34), (84, 30)), line((4, 68), (80, 64))]],
    "x": [[line((8, 30), (66, 92)), line((66, 30), (8, 92))], [line((6, 40), (44, 84)), line((44, 40), (4, 86))]],
    "*": [[line((30, 2), (30, 46)), line((10, 12), (50, 38)), line((50, 12), (10, 38))]],
    "√": [[line((0, 58), (14, 50), (30, 98), (48, 2), (96, 2))], [line((2, 64), (22, 96), (46, -4), (120, -6))]],
    "tick": [[line((4, 56), (26, 94), (84, 4))], [curve((6, 60), (24, 92), (40, 60), (92, 2))]],
    "arrow": [
        [line((0, 54), (90, 52)), line((66, 32), (92, 52), (64, 74))],
        [line((94, 50), (4, 52)), line((28, 30), (2, 52), (30, 76))],
    ],
    '"': [[line((14, 6), (10, 34)), line((34, 6), (30, 34))], [line((12, 60), (9, 84)), line((28, 60), (25, 84))]],
    "°": [[_placed(RING, 6, 0, 0.26)]],
    ">": [[line((6, 24), (60, 52), (8, 82))], [line((60, 24), (6, 52), (60, 82))]],
    "&": [[curve((88, 94), (40, 40), (44, 4), (66, 16), (30, 56), (20, 88), (52, 98), (84, 60))]],
    "tally": [
        [*(line((x, 4), (x - 3, 96)) for x in (0, 22, 44, 66)), line((-14, 74), (84, 26))],
        [*(line((x, 2), (x + 2, 98)) for x in (0, 18, 36)), line((-12, 24), (50, 78))],
    ],
    "void": [[line((2, 98), (98, 2))], [line((2, 2), (98, 98))], [line((4, 30), (96, 26)), line((96, 26), (4, 74))]],
    "blot": [
        [_placed(RING, 20, 20, size) for size in (0.02, 0.1, 0.2, 0.3, 0.4)],
        [_placed(RING, 0, 10, size / 10) for size in range(1, 9)],
    ],
}  # fmt: skip


def draw_other_sign(rng: np.random.Generator) -> list[np.ndarray]:
    """Return pen strokes, (n, 2) float32 paths, of one of the signs."""
    return write_way(OTHER_SIGNS[str(rng.choice(list(OTHER_SIGNS)))], rng)


def strike(width: float, height: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the strokes, (n, 2), that cross out a digit of `width` and `height`: one or two lines, or a zigzag."""
    way = str(rng.choice(["level", "rising", "falling", "crossed", "double", "zigzag"]))
    before, behind = rng.uniform(0, 0.4, 2)
    if way == "zigzag":
        n = int(rng.integers(5, 9))
        x, y = np.linspace(-before, 1 + behind, n), np.where(np.arange(n) % 2, 0.15, 0.85)
        return [np.stack([x, y + rng.normal(0, 0.06, n)], axis=1) * (width, height)]
    level = [(-before, 0.5), (1 + behind, 0.5)]
    rising, falling = [(-before, 0.9), (1 + behind, 0.1)], [(-before, 0.1), (1 + behind, 0.9)]
    drawn = {
        "level": [level], "rising": [rising], "falling": [falling], "crossed": [rising, falling],
        "double": [[(x, y + apart) for x, y in level] for apart in (-0.08, 0.08)],
    }[way]  # fmt: skip
    return [(np.array(points) + rng.normal(0, 0.05, (2, 2))) * (width, height) for points in drawn]
