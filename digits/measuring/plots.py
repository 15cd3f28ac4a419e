"""Every figure the project draws, in one look. Returns matplotlib figures; touches no global state of matplotlib.

    from digits.measuring.plots import confusion_figure, save
    save(confusion_figure(counts), "outputs/confusion_matrix.png")

Right and wrong are bluish green and vermilion (Okabe and Ito's palette, which colour-blind readers tell apart too) and
are marked by a sign as well. Ink is shown as on paper, dark on white.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, PercentFormatter

from digits.files import atomic_path
from digits.measuring.metrics import N_DIGITS

if TYPE_CHECKING:
    from digits.measuring.attacks import StressCurve

BLUE, RIGHT, WRONG, GREY, LIGHT, TEXT = "#0072B2", "#009E73", "#D55E00", "#767676", "#D9D9D9", "#222222"
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222")
MARKERS = "osD^vPX"
DPI = 140
MANY_TIMES = 5  # by how much values must differ for a logarithmic axis to have round ticks
LEAST_KEPT = 0.05  # share of the answers: a few errors among fewer would shape the end of the rejection curve


def save(figure: Figure, path: str | Path) -> Path:
    """Write `figure` as PNG (or what the name's suffix says), never half a file; return the path."""
    path = Path(path)
    FigureCanvasAgg(figure)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lstrip(".") or "png", dpi=DPI)
    return path


def to_pixels(figure: Figure, dpi: int = DPI) -> np.ndarray:
    """Return `figure` as uint8 (h, w, 3), for a page or a notebook."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib's types leave it out, and the next
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return pixels[..., :3].copy()


def _figure(width: float, height: float, rows: int = 1, columns: int = 1, **layout: Any) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    return figure, figure.subplots(rows, columns, squeeze=False, **layout)


def _clean(axes: Axes, title: str, x: str = "", y: str = "") -> None:
    axes.set_title(title, fontsize=11, color=TEXT, loc="left")
    axes.set_xlabel(x, fontsize=10, color=TEXT)
    axes.set_ylabel(y, fontsize=10, color=TEXT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=LIGHT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, color=GREY)


def _log_axis(axes: Axes, subs: tuple[float, ...], plain: str) -> None:
    """Make the y axis logarithmic, with few ticks in plain numbers: `subs` times a power of ten."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(plain)


def spread_over_classes(labels: np.ndarray, n: int) -> np.ndarray:
    """Return the indices, in order, of at most `n` of the labels: about as many of each class, spread over it."""
    classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    n_each = -(-n // max(1, len(classes)))
    chosen = [one[np.unique(np.linspace(0, len(one) - 1, n_each).round().astype(int))] for one in classes]
    in_turn = [one[i] for i in range(n_each) for one in chosen if i < len(one)]
    return np.sort(np.array(in_turn[:n], np.int64))


def _show(axes: Axes, ink: np.ndarray, colour: str = LIGHT) -> None:
    axes.imshow(ink, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")  # as the network sees it; half the file
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(1 if colour == LIGHT else 2.5)


# ---------------------------------------------------------------- training


def training_figure(history: Sequence[dict[str, Any]]) -> Figure:
    """Draw loss and validation accuracy by epoch; `history` as metrics.csv: epoch, train_loss, val_loss, val_*."""
    figure, ((losses, accuracies),) = _figure(9.5, 4.0, 1, 2)
    _draw_losses(losses, history)
    _draw_accuracies(accuracies, history)
    for axes in (losses, accuracies):
        axes.set_xlim(0.5, len(history) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.legend(fontsize=9, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncol=3)
    return figure


def _draw_losses(axes: Axes, history: Sequence[dict[str, Any]]) -> None:
    epochs = [row["epoch"] for row in history]
    for key, name, style in (("train_loss", "training", "--"), ("val_loss", "validation", "-")):
        axes.plot(epochs, [row[key] for row in history], style, marker="o", markersize=3, color=BLUE, label=name)
    values = [row[key] for row in history for key in ("train_loss", "val_loss")]
    if max(values) > MANY_TIMES * min(values):
        _log_axis(axes, (1, 2, 5), "{x:.3g}")
    _clean(axes, "Loss", "epoch")


def _draw_accuracies(axes: Axes, history: Sequence[dict[str, Any]]) -> None:
    epochs = [row["epoch"] for row in history]
    names = [key for key in history[0] if key.startswith("val_") and key != "val_loss"]
    for key, colour, marker in zip(names, LINES, MARKERS, strict=False):
        values = [row[key] for row in history]
        label = f"{key.removeprefix('val_')}: {100 * values[-1]:.2f} %"
        axes.plot(epochs, values, marker=marker, markersize=3, color=colour, label=label)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    _clean(axes, "Accuracy on validation data, and at the end", "epoch")


def gallery_figure(samples: dict[str, np.ndarray], title: str = "") -> Figure:
    """Draw a row of ink for each name, {name: uint8 (n, 28, 28)}: what augmentation or preprocessing does."""
    n_columns = max(len(images) for images in samples.values())
    figure, grid = _figure(1.8 + 0.8 * n_columns, 0.4 + 0.82 * len(samples), len(samples), n_columns)
    for (name, images), row in zip(samples.items(), grid, strict=True):
        for axes in row[len(images) :]:
            axes.set_axis_off()
        for axes, image in zip(row, images, strict=False):
            _show(axes, image)
        row[0].set_ylabel(name.replace("_", " "), rotation=0, ha="right", va="center", fontsize=10, color=TEXT)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=TEXT)
    return figure


# ---------------------------------------------------------------- evaluation


def confusion_figure(counts: np.ndarray, title: str = "Confusion matrix") -> Figure:
    """Draw a confusion matrix (10, 10) or (10, 11), the last column being "no digit"; errors are shaded by share."""
    counts = np.asarray(counts)
    if counts.shape[1] > N_DIGITS and not counts[:, N_DIGITS].any():
        counts = counts[:, :N_DIGITS]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    wrong = shares.copy()
    np.fill_diagonal(wrong, 0)
    figure, ((axes,),) = _figure(6.6, 6.2)
    axes.imshow(wrong, cmap="Oranges", vmin=0, vmax=max(0.01, wrong.max()) * 1.3)
    for (row, column), n in np.ndenumerate(counts):
        if n:
            on_diagonal = row == column
            colour, weight = (RIGHT, "bold") if on_diagonal else (TEXT, "normal")
            axes.text(column, row, f"{n:,}", ha="center", va="center", fontsize=9, color=colour, fontweight=weight)
    _clean(axes, f"{title}: {np.trace(counts[:, :N_DIGITS]):,} of {counts.sum():,} right", "answer", "label")
    axes.grid(False)
    axes.set_xticks(range(counts.shape[1]), [*map(str, range(N_DIGITS)), "none"][: counts.shape[1]])
    axes.set_yticks(range(N_DIGITS))
    return figure


def prediction_figure(
    ink: np.ndarray, labels: np.ndarray, digits: np.ndarray, confidences: np.ndarray, title: str = "", columns: int = 8
) -> Figure:
    """Draw ink (n, 28, 28) with label, answer and confidence: right ones framed green, wrong ones red with a cross.

    A digit of 10 means that none was given.
    """
    rows = max(1, -(-len(ink) // columns))
    figure, grid = _figure(1.15 * columns, 0.4 + 1.42 * rows, rows, columns)
    for axes in grid.flat[len(ink) :]:
        axes.set_axis_off()
    for axes, image, label, digit, confidence in zip(grid.flat, ink, labels, digits, confidences, strict=False):
        right, given = label == digit, "none" if digit == N_DIGITS else digit
        _show(axes, image, RIGHT if right else WRONG)
        text = f"✓ {given}" if right else f"✗ {given}, is {label}"
        axes.set_title(f"{text}\n{100 * confidence:.0f} %", fontsize=8.5, color=RIGHT if right else WRONG)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=TEXT)
    return figure


def calibration_figure(bins: dict[str, np.ndarray], error: float) -> Figure:
    """Draw the reliability diagram of `metrics.reliability_bins` and, below, how many answers each bin holds.

    The bins' values are (n_bins,), their edges one more; `error` is the expected calibration error, 0 to 1.
    """
    figure = Figure(figsize=(5.4, 5.6), layout="constrained", facecolor="white")
    axes, numbers = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    filled = bins["n"] > 0
    middles, width = (bins["edges"][:-1] + bins["edges"][1:]) / 2, bins["edges"][1]
    axes.bar(middles[filled], bins["accuracy"][filled], 0.92 * width, color=BLUE, alpha=0.25)
    axes.plot(bins["confidence"][filled], bins["accuracy"][filled], "o", color=BLUE, markersize=5, label="measured")
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="perfect")
    axes.legend(fontsize=9, frameon=False, loc="upper left")
    _clean(axes, f"Calibration: expected error {100 * error:.2f} %", "", "accuracy")
    numbers.bar(middles[filled], bins["n"][filled], 0.92 * width, color=GREY)
    _log_axis(numbers, (1,), "{x:,.0f}")
    numbers.set_ylim(bottom=0.5)  # so that a single answer shows
    _clean(numbers, "", "confidence", "answers")
    for part in (axes.xaxis, axes.yaxis, numbers.xaxis):
        part.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure


def rejection_figure(curve: dict[str, np.ndarray]) -> Figure:
    """Draw how the error falls when the least sure answers are left to a person (`metrics.rejection_curve`, (n,))."""
    figure, ((axes,),) = _figure(5.4, 3.8)
    kept = curve["coverage"] >= LEAST_KEPT
    axes.plot(1 - curve["coverage"][kept], curve["error"][kept], color=BLUE)
    _clean(axes, "Error among the answers kept", "share left to a person", "error")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, max(0.01, 1.05 * curve["error"][kept].max(initial=0)))
    return figure


def curves_figure(curves: dict[str, dict[str, Any]], title: str = "") -> Figure:
    """Draw accuracy against strength, a panel for each kind: {kind: {"unit", "levels", one or more named lists}}.

    Serves the corruption table (noise, blur, rotation …) and the attacks (FGSM, PGD) alike.
    """
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    figure, grid = _figure(3.5 * columns, 0.3 + 2.9 * rows, rows, columns, sharey=True)
    for axes in grid.flat[len(curves) :]:
        axes.set_axis_off()
    for axes, (kind, curve) in zip(grid.flat, curves.items(), strict=False):
        series = {name: values for name, values in curve.items() if name not in ("unit", "levels")}
        for (name, values), colour, marker in zip(series.items(), LINES, MARKERS, strict=False):
            axes.plot(curve["levels"], values, marker=marker, markersize=4, color=colour, label=name.replace("_", " "))
        _clean(axes, kind.replace("_", " "), curve["unit"])
        axes.set_ylim(0, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    grid[0, 0].set_ylabel("accuracy", fontsize=10, color=TEXT)
    grid[0, 0].legend(fontsize=9, frameon=False, loc="lower left")
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=TEXT)
    return figure


# ---------------------------------------------------------------- explanation


def probabilities_figure(probabilities: np.ndarray) -> Figure:
    """Draw the ten probabilities (10,) of one answer as bars, the highest filled."""
    figure, ((axes,),) = _figure(4.6, 2.8)
    best = int(np.argmax(probabilities))
    colours = [BLUE if digit == best else LIGHT for digit in range(N_DIGITS)]
    bars = axes.bar(range(N_DIGITS), probabilities, color=colours)
    axes.bar_label(bars, [f"{100 * p:.0f}" if p >= 0.005 else "" for p in probabilities], fontsize=8.5, color=TEXT)
    _clean(axes, f"{best} with {100 * probabilities[best]:.1f} %")
    axes.set_xticks(range(N_DIGITS))
    axes.set_ylim(0, 1.12)
    axes.set_yticks([0, 0.5, 1])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure


def stress_figure(curve: StressCurve, n_samples: int = 7) -> Figure:
    """Draw all ten probabilities against the strength of a damage, samples of the damaged ink above."""
    figure = Figure(figsize=(7.4, 4.6), layout="constrained", facecolor="white")
    grid = figure.add_gridspec(2, n_samples, height_ratios=(1, 3.4))
    for column, index in enumerate(np.linspace(0, len(curve.strengths) - 1, n_samples).round().astype(int)):
        axes = figure.add_subplot(grid[0, column])
        _show(axes, curve.ink[index])
        axes.set_title(f"{curve.strengths[index]:.2g}", fontsize=8.5, color=TEXT)
    axes = figure.add_subplot(grid[1, :])
    named = {curve.answer: BLUE, curve.flips_to: WRONG}
    for digit in range(N_DIGITS):
        colour = named.get(digit, "#B5B5B5")
        width, label = (2.2, str(digit)) if digit in named else (0.9, None)
        axes.plot(curve.strengths, curve.probabilities[:, digit], color=colour, linewidth=width, label=label)
    if curve.flips_at is not None:
        axes.axvline(curve.flips_at, color=GREY, linestyle=":", linewidth=1.2)
    _clean(axes, _stress_title(curve), curve.unit, "probability")
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.legend(fontsize=9, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _stress_title(curve: StressCurve) -> str:
    kind = "FGSM" if curve.kind == "fgsm" else curve.kind.replace("_", " ")
    if curve.flips_at is None:
        return f"{kind}: the answer stays {curve.answer}"
    change = "is refused" if curve.flips_to is None else f"turns into {curve.flips_to}"
    return f"{kind}: {curve.answer} {change} at {curve.flips_at:.3g}"


def maps_figure(maps: np.ndarray, title: str = "", columns: int = 16, most: int = 64) -> Figure:
    """Draw feature maps or kernels (n, h, w), the first `most`, on one scale: blue below zero, red above."""
    shown = maps[:most]
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    limit = max(1e-6, float(np.quantile(np.abs(shown), 0.97)))
    figure, grid = _figure(0.62 * columns + 0.2, 0.4 + 0.62 * rows, rows, columns)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image in zip(grid.flat, shown, strict=False):
        axes.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
    more = f", the first {most} of {len(maps)}" if len(maps) > most else ""
    figure.suptitle(f"{title}{more}", fontsize=11, x=0.01, ha="left", color=TEXT)
    return figure


def to_overlay(ink: np.ndarray, heat: np.ndarray, scale: int = 10) -> np.ndarray:
    """Return ink (28, 28) with `heat` (28, 28) laid over it, uint8 (28 scale, 28 scale, 3).

    A heat that is never negative (Grad-CAM) runs from the ink itself to yellow; one of both signs (occlusion) is red
    where hiding the place costs probability, blue where it helps.
    """
    paper = np.repeat((255 - ink.astype(np.float32))[..., None] / 255, 3, axis=2)
    top = max(1e-6, float(np.abs(heat).max()))
    if heat.min() < -0.02 * top:
        colour, weight = colormaps["RdBu_r"](0.5 + heat / top / 2)[..., :3], np.abs(heat) / top
    else:
        colour, weight = colormaps["viridis"](np.clip(heat / top, 0, 1))[..., :3], np.clip(heat / top, 0, 1)
    mixed = paper * (1 - 0.8 * weight[..., None]) + colour * 0.8 * weight[..., None]
    return np.kron((255 * mixed).round().astype(np.uint8), np.ones((scale, scale, 1), np.uint8))
