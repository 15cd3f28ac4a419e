"""Every figure: drawn, legible in what it says, saved whole, without matplotlib's global state."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from digits.files import ROOT
from digits.measuring import metrics, plots
from digits.measuring.attacks import Flip, StressCurve

RANDOM = np.random.default_rng(0)
INK = RANDOM.integers(0, 256, (12, 28, 28), dtype=np.uint8)
LABELS = np.arange(12) % 10
RIGHT = np.arange(12) % 3 > 0
CONFIDENCES = np.linspace(0.3, 1, 12)


def history(n: int) -> list[dict]:
    epochs = range(1, n + 1)
    return [{"epoch": e, "train_loss": 1 / e, "val_loss": 2 / e, "val_mnist": 1 - 0.1 / e} for e in epochs]


def stress_curve(flips_at: float | None = 20.0, flips_to: int | None = 9) -> StressCurve:
    strengths = np.linspace(-90, 90, 12)
    probabilities = RANDOM.dirichlet(np.ones(10), 12)
    flips = [] if flips_at is None else [Flip(flips_at, flips_to)]
    return StressCurve("rotation", "degrees", strengths, probabilities, INK, ["ok"] * 12, 4, flips)


def curve(n: int) -> dict:
    return {"unit": "pixels", "levels": [1, 2, 3, 4, 5], "network_alone": [0.9] * 5, "whole_path": [0.8] * 5}


FIGURES = {
    "training": lambda: plots.training_figure(history(5)),
    "training of one epoch": lambda: plots.training_figure(history(1)),
    "gallery": lambda: plots.gallery_figure({"rotation": INK[:6], "salt_and_pepper": INK[:4]}, "Augmentation"),
    "confusion": lambda: plots.confusion_figure(metrics.confusion_matrix(LABELS, (LABELS + ~RIGHT) % 10)),
    "perfect confusion": lambda: plots.confusion_figure(metrics.confusion_matrix(LABELS, LABELS)),
    "empty confusion": lambda: plots.confusion_figure(np.zeros((10, 11), int)),
    "predictions": lambda: plots.prediction_figure(INK, LABELS, np.where(RIGHT, LABELS, 10), CONFIDENCES, "Samples"),
    "one prediction": lambda: plots.prediction_figure(INK[:1], LABELS[:1], LABELS[:1], CONFIDENCES[:1]),
    "calibration": lambda: plots.calibration_figure(metrics.reliability_bins(CONFIDENCES, RIGHT), 0.02),
    "rejection": lambda: plots.rejection_figure(metrics.rejection_curve(CONFIDENCES, RIGHT)),
    "curves": lambda: plots.curves_figure({f"kind_{i}": curve(i) for i in range(5)}, "Robustness"),
    "one curve": lambda: plots.curves_figure({"FGSM": curve(0)}),
    "probabilities": lambda: plots.probabilities_figure(RANDOM.dirichlet(np.ones(10))),
    "stress": lambda: plots.stress_figure(stress_curve()),
    "stress without a flip": lambda: plots.stress_figure(stress_curve(None)),
    "maps": lambda: plots.maps_figure(RANDOM.normal(size=(70, 7, 7)), "Second convolution"),
    "one map": lambda: plots.maps_figure(RANDOM.normal(size=(1, 3, 3))),
}


def texts(figure: Figure) -> str:
    found = [text.get_text() for axes in figure.axes for text in (*axes.texts, axes.title, axes._left_title)]
    return "\n".join([*found, figure.get_suptitle() or ""])


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_saved_whole_and_not_empty(name, tmp_path):
    path = plots.save(FIGURES[name](), tmp_path / "new" / "figure.png")
    with Image.open(path) as image:
        assert image.format == "PNG" and min(image.size) > 60 and max(image.size) < 2000
        assert len(np.unique(np.asarray(image.convert("L")))) > 5, "nothing is drawn"
    assert [file.name for file in path.parent.iterdir()] == ["figure.png"]


def test_a_figure_as_pixels():
    pixels = plots.to_pixels(FIGURES["probabilities"]())
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    assert (pixels[0, 0] == 255).all()


def test_a_confusion_matrix_shows_the_digits_not_given_only_if_there_are_some():
    complete = plots.confusion_figure(metrics.confusion_matrix(LABELS, LABELS))
    assert "12 of 12 right" in texts(complete)
    assert len(complete.axes[0].get_xticks()) == 10
    withheld = plots.confusion_figure(metrics.confusion_matrix(LABELS, np.full(12, 10)))
    assert "0 of 12 right" in texts(withheld)
    assert [tick.get_text() for tick in withheld.axes[0].get_xticklabels()][-1] == "none"


def test_right_and_wrong_are_told_by_colour_and_by_sign():
    axes = FIGURES["predictions"]().axes
    assert axes[0].get_title().startswith("✗ none, is 0") and axes[1].get_title().startswith("✓ 1")
    edges = [tuple(axis.spines["top"].get_edgecolor()) for axis in axes[:2]]
    assert edges[0] != edges[1]


def ticks(axis) -> list[str]:
    """Return the tick labels that are seen, in order; drawing them decides which."""
    axis.axes.figure.draw_without_rendering()
    low, high = sorted(axis.get_view_interval())
    labels = [tick for tick in axis.get_ticklabels(which="both") if tick.get_text()]
    return [label.get_text() for label in labels if low <= label.get_position()[axis.axis_name == "y"] <= high]


@pytest.mark.parametrize(("first", "last"), [(2.4, 0.03), (0.42, 0.12), (0.2262, 0.2101), (40, 0.001)])
def test_the_ticks_of_the_loss_keep_apart(first, last):
    losses = np.geomspace(first, last, 13)
    rows = [row | {"train_loss": x, "val_loss": x} for row, x in zip(history(13), losses, strict=True)]
    axes = plots.training_figure(rows).axes[0]
    plots.to_pixels(axes.figure)
    boxes = [tick.get_window_extent() for tick in axes.get_yticklabels(which="both") if tick.get_text()]
    shown = sorted((box for box in boxes if axes.bbox.y0 <= (box.y0 + box.y1) / 2 <= axes.bbox.y1), key=lambda b: b.y0)
    assert len(shown) >= 3 and all(low.y1 < high.y0 for low, high in zip(shown, shown[1:], strict=False))


@pytest.mark.parametrize("n", [1, 2, 40])
def test_epochs_are_whole_numbers_from_one(n):
    shown = ticks(plots.training_figure(history(n)).axes[0].xaxis)
    assert shown and all(1 <= int(tick) <= n for tick in shown)


@pytest.mark.parametrize("right", [np.ones(8, bool), np.ones(500, bool), np.arange(500) % 4 > 0, np.zeros(3, bool)])
def test_a_rejection_curve_lies_within_its_axes(right):
    curve = metrics.rejection_curve(np.linspace(0.2, 1, len(right)), right)
    axes = plots.rejection_figure(curve).axes[0]
    assert axes.get_xlim() == (0, 1) and axes.get_ylim()[0] == 0 < axes.get_ylim()[1]
    x, y = axes.lines[0].get_data()
    assert len(x) and x.max() <= 0.95 + 1e-9 and y.max() <= axes.get_ylim()[1]


def test_answers_of_a_bin_are_counted_in_plain_numbers():
    confidences = np.repeat([0.5, 0.99], [1, 5000])
    axes = plots.calibration_figure(metrics.reliability_bins(confidences, confidences > 0), 0.02).axes[1]
    assert {"1", "1,000"} <= set(ticks(axes.yaxis)) <= {"1", "10", "100", "1,000"} and axes.get_ylim()[0] < 1


def test_samples_show_every_class():
    by_class = np.repeat([0, 1, 2, 7], [500, 1, 30, 200])
    chosen = plots.spread_over_classes(by_class, 24)
    assert (np.diff(chosen) > 0).all() and set(by_class[chosen]) == {0, 1, 2, 7}
    assert np.bincount(by_class[chosen], minlength=8).tolist() == [6, 1, 6, 0, 0, 0, 0, 6]
    assert chosen[0] == 0 and chosen[-1] == len(by_class) - 1, "the first and the last of a class"
    assert plots.spread_over_classes(np.arange(3), 24).tolist() == [0, 1, 2]
    assert (
        len(plots.spread_over_classes(np.arange(1000) % 10, 24)) == 24 and len(plots.spread_over_classes([], 24)) == 0
    )


def test_a_stress_figure_names_the_flip():
    assert "rotation: 4 turns into 9 at 20" in texts(FIGURES["stress"]())
    assert "the answer stays 4" in texts(FIGURES["stress without a flip"]())
    assert "rotation: 4 is refused at 20" in texts(plots.stress_figure(stress_curve(flips_to=None)))


def test_maps_say_when_they_are_not_all():
    assert "the first 64 of 70" in FIGURES["maps"]().get_suptitle()


@pytest.mark.parametrize("heat", [np.zeros((28, 28)), np.eye(28), np.eye(28) - 0.5], ids=["none", "cam", "occlusion"])
def test_an_overlay_shows_the_ink_where_there_is_no_heat(heat):
    shown = plots.to_overlay(INK[0], heat, scale=4)
    assert shown.shape == (112, 112, 3) and shown.dtype == np.uint8
    cold = np.kron(heat == 0, np.ones((4, 4), bool))
    assert np.array_equal(shown[cold][:, 0], 255 - np.kron(INK[0], np.ones((4, 4), np.uint8))[cold])


def test_drawing_needs_no_pyplot_and_no_display(tmp_path):
    code = (
        "import sys, numpy as np; from digits.measuring import plots\n"
        f"plots.save(plots.confusion_figure(np.eye(10, dtype=int)), {str(tmp_path / 'c.png')!r})\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    no_display = {"MPLBACKEND": "TkAgg"}
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, env=no_display).returncode == 0


@pytest.mark.filterwarnings("error")
def test_a_rejection_curve_can_be_looked_at_more_closely():
    """A line that was drawn beyond its axes left no room for them."""
    figure = plots.rejection_figure(metrics.rejection_curve(CONFIDENCES, RIGHT))
    figure.axes[0].set_xlim(0, 0.05)
    assert plots.to_pixels(figure).std() > 0
