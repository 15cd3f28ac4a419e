"""What the notebook shows: pictures with an alternative text, small enough to be stored, and drawings that explain.

picture(figure, "a 3 beside its ink")            # the last line of a cell shows it
grid(pictures, captions, "ten digits", right=answers == labels)
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from PIL.Image import Dither, Image, fromarray

from digits.finding.ink import INK_SIDE
from digits.measuring import plots

DPI = 72  # of a stored picture
COLOURS = 12  # of a stored picture: fewer show in heat maps, 16 make the notebook a tenth larger


@dataclass(frozen=True)
class Picture:
    """A picture as Jupyter shows it: `alt` says in words what it shows, for those who cannot see it."""

    png: bytes = field(repr=False)
    width: int  # pixels on the page
    alt: str

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        return self.png, {"alt": self.alt, "width": self.width}


def picture(drawn: Figure | np.ndarray, alt: str, zoom: int = 1, colours: int = COLOURS) -> Picture:
    """Return a figure, or pixels uint8 (h, w) or (h, w, 3) enlarged `zoom` times, for a cell to show."""
    pixels = plots.to_pixels(drawn, DPI) if isinstance(drawn, Figure) else drawn
    image, file = fromarray(pixels), io.BytesIO()
    palette: Image = image.convert("RGB").quantize(colours, kmeans=2, dither=Dither.NONE)
    palette.save(file, format="png", optimize=True)
    return Picture(file.getvalue(), zoom * image.width, alt)


def grid(
    pictures: Sequence[np.ndarray],
    captions: Sequence[str],
    alt: str,
    right: Sequence[bool] | np.ndarray | None = None,
    columns: int = 10,
    width: float = 1.1,
    colours: int = COLOURS,
) -> Picture:
    """Draw pictures of any size in a grid, a caption above each, marked by whether it is right."""
    rows = max(1, -(-len(pictures) // columns))
    figure = Figure(figsize=(width * columns, (width + 0.42) * rows), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for i, (axis, pixels, caption) in enumerate(zip(axes.flat, pictures, captions, strict=False)):
        smooth = "antialiased" if max(pixels.shape) > INK_SIDE else "nearest"  # ink: pixels, and half the file
        axis.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation=smooth)
        mark, colour = _mark(None if right is None else right[i], plots.TEXT)
        axis.set_title(mark + caption, fontsize=9, color=colour)
    return picture(figure, alt, colours=colours)


def _mark(is_right: bool | None, otherwise: str) -> tuple[str, str]:
    """Return the sign of a right or a wrong answer and its colour; no sign and the colour `otherwise` of neither."""
    if is_right is None:
        return "", otherwise
    return ("✓ ", plots.RIGHT) if is_right else ("✗ ", plots.WRONG)


def convolution_figure(ink: np.ndarray, kernel: np.ndarray, answer: np.ndarray, row: int, column: int) -> Figure:
    """Draw a 3x3 kernel laid over ink (h, w) at one place, the nine products there, and the whole answer (h, w)."""
    window = ink[row - 1 : row + 2, column - 1 : column + 2]
    figure = Figure(figsize=(9.5, 2.9), layout="constrained", facecolor="white")
    axes = figure.subplots(1, 4, width_ratios=(1.3, 1, 1, 1.3))
    limit = np.abs(answer).max()
    parts = [
        (ink, "gray_r", 0, 1),
        (window, "gray_r", 0, 1),
        (kernel, "RdBu_r", -2, 2),
        (answer, "RdBu_r", -limit, limit),
    ]
    titles = ["the ink", "the window's ink", "times the kernel", f"the sums; here {answer[row, column]:.2f}"]
    for axis, (values, colours, low, high), title in zip(axes, parts, titles, strict=True):
        axis.imshow(values, cmap=colours, vmin=low, vmax=high)
        axis.set_title(title, fontsize=10, color=plots.TEXT)
        axis.set_axis_off()
    for axis, side in ((axes[0], 3), (axes[3], 1)):
        corner = (column - side / 2, row - side / 2)
        axis.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=plots.RIGHT, linewidth=2))
    for axis, values in ((axes[1], window), (axes[2], kernel)):
        for (y, x), value in np.ndenumerate(values):
            dark = abs(value) > 0.6 * max(1, np.abs(values).max())
            axis.text(x, y, f"{value:.2g}", ha="center", va="center", color="white" if dark else plots.TEXT)
    return figure


def backward_figure(stages: Sequence[tuple[str, str, str]]) -> Figure:
    """Draw a chain of (name, what flows forward, what flows back) as boxes, with arrows both ways between them."""
    n = len(stages)
    figure = Figure(figsize=(1.75 * n, 2.1), layout="constrained", facecolor="white")
    axes = figure.subplots()
    axes.set(xlim=(-0.5, n - 0.5), ylim=(-0.75, 0.75))
    axes.set_axis_off()
    for i, (name, forward, back) in enumerate(stages):
        box = FancyBboxPatch(
            (i - 0.3, -0.16), 0.6, 0.32, boxstyle="round,pad=0.04", facecolor="#EEF3F8", edgecolor=plots.BLUE
        )
        axes.add_patch(box)
        axes.text(i, 0, name, ha="center", va="center", fontsize=9.5, color=plots.TEXT)
        axes.text(i, 0.42, forward, ha="center", va="center", fontsize=9, color=plots.BLUE)
        axes.text(i, -0.42, back, ha="center", va="center", fontsize=9, color=plots.WRONG)
        if i:
            for y, ends, colour in (
                (0.09, (i - 0.35, i - 0.65), plots.BLUE),
                (-0.09, (i - 0.65, i - 0.35), plots.WRONG),
            ):
                arrow = {"arrowstyle": "->", "color": colour}
                axes.annotate("", (ends[0], y), (ends[1], y), arrowprops=arrow)
    axes.text(-0.5, 0.68, "forward: what each part says", fontsize=9, color=plots.BLUE)
    axes.text(-0.5, -0.72, "backward: how the loss changes with it", fontsize=9, color=plots.WRONG)
    return figure


def columns_figure(strip: np.ndarray, said: np.ndarray, symbols: str) -> Figure:
    """Draw a strip, uint8 (32, w), above the probabilities (w // 2, n) that its columns give each of n answers.

    `symbols` names the first answers; the last one is "nothing new".
    """
    figure = Figure(figsize=(9.5, 4.2), layout="constrained", facecolor="white")
    above, below = figure.subplots(2, 1, height_ratios=(1, 3), sharex=True)
    above.imshow(strip, cmap="gray_r", extent=(0, len(said), 32, 0), aspect="auto")
    above.set_axis_off()
    shown = [*range(10), said.shape[1] - 1]
    below.imshow(said[:, shown].T, cmap="Blues", vmin=0, vmax=1, aspect="auto", extent=(0, len(said), len(shown), 0))
    below.set_yticks(np.arange(len(shown)) + 0.5, [*symbols[:10], "nothing new"])
    below.set_xlabel("column of the strip, from left to right", fontsize=10, color=plots.TEXT)
    for column in np.flatnonzero(said.argmax(axis=1) != said.shape[1] - 1):
        below.axvline(column + 0.5, color=plots.LIGHT, linewidth=0.5, zorder=2)
    return figure


def answers_figure(
    inks: Sequence[np.ndarray] | np.ndarray,
    probabilities: Sequence[np.ndarray] | np.ndarray,
    captions: Sequence[str],
    label: int | None = None,
) -> Figure:
    """Draw inks (h, w) in a row, below each the ten probabilities (10,); the answers are marked if `label` is given."""
    n = len(inks)
    figure = Figure(figsize=(1.36 * n + 0.3, 3.4), layout="constrained", facecolor="white")
    above, below = figure.subplots(2, n, squeeze=False, height_ratios=(1, 1.5), sharex="row", sharey="row")
    for axes, ink, caption in zip(above, inks, captions, strict=True):
        axes.imshow(ink, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(caption, fontsize=9.5, color=plots.TEXT)
        axes.set_axis_off()
    for axes, probs in zip(below, probabilities, strict=True):
        best = int(np.argmax(probs))
        mark, colour = _mark(None if label is None else best == label, plots.BLUE)
        axes.barh(range(10), probs, color=[colour if digit == best else plots.GREY for digit in range(10)])
        axes.set_title(f"{mark}{best}, {probs[best]:.0%}", fontsize=9.5, color=colour)
        axes.set(xlim=(0, 1), xticks=(0, 1), xticklabels=("0", "100 %"), ylim=(9.6, -0.6), yticks=range(10))
        axes.tick_params(labelsize=8, color=plots.GREY)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
