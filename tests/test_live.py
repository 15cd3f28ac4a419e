"""The notebook's sliders and pad move where they can; everywhere else a picture says the same."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digits.files import ROOT
from digits.finding.digit import find_digit
from digits.measuring import live
from digits.measuring.lesson import Picture

BAR = np.zeros((28, 28), np.uint8)
BAR[4:24, 12:16] = 255


def by_ink(ink: np.ndarray) -> np.ndarray:
    """Answer 1 for ink that is clean and 8 for ink that is not, the surer the cleaner it is."""
    dirt = np.clip(2 * (ink[:, :, :8] > 20).mean(axis=(1, 2)), 0, 1)
    return np.stack([(1 - dirt) * (d == 1) + dirt * (d == 8) for d in range(10)], axis=1)


def by_height(picture) -> SimpleNamespace:
    """Answer with the first digit of the height of what is drawn."""
    found = find_digit(picture)
    probs = np.eye(10)[int(str(found.box[3] - found.box[1])[0]) if found.box else 0]
    return SimpleNamespace(probs=probs, status="not_a_digit", found=found)


def drawn(height: int) -> np.ndarray:
    sheet = Image.new("L", (224, 224), 255)
    ImageDraw.Draw(sheet).rectangle((100, 20, 115, 20 + height), fill=0)
    return np.asarray(sheet)


def data_url(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


@pytest.fixture
def opened(monkeypatch):
    pytest.importorskip("ipywidgets")
    pytest.importorskip("anywidget")
    monkeypatch.setenv(live.SESSION, "mnist_walkthrough.ipynb")


@pytest.fixture
def printed(monkeypatch):
    monkeypatch.delenv(live.SESSION, raising=False)


# ---------------------------------------------------------------- as a picture


def test_the_row_says_where_noise_breaks_the_reading(printed):
    row = live.break_it(BAR, 1, by_ink)
    parts = row.alt.split("; ")
    assert len(parts) == len(live.NOISES)
    assert parts[0] == "noise 0: 1 with 100%" and parts[-1].startswith("noise 0.8: 8 with")


def test_the_drawing_grows_without_a_pad(printed):
    row = live.draw_and_see(by_height, drawn(180))
    answers = [int(part.split(": ")[1][0]) for part in row.alt.split("; ")]
    assert len(answers) == len(live.UNCOVERED) and len(set(answers)) > 3
    assert "not a digit" in row.alt


@pytest.mark.parametrize("missing", ["ipywidgets", "anywidget"])
def test_without_a_package_there_is_the_picture(monkeypatch, missing):
    monkeypatch.setenv(live.SESSION, "mnist_walkthrough.ipynb")
    monkeypatch.setitem(sys.modules, missing, None)
    assert not live.is_live()
    assert isinstance(live.break_it(BAR, 1, by_ink), Picture)


def test_a_picture_is_uncovered_from_the_top():
    half = live.uncovered(drawn(180), 0.5)
    assert np.array_equal(half[:112], drawn(180)[:112]) and half[112:].min() == 255
    assert np.array_equal(live.uncovered(drawn(180), 1), drawn(180))


def test_damage_is_the_same_each_time_and_grows():
    assert np.array_equal(live.damaged(BAR, 0), BAR[None])
    assert np.array_equal(live.damaged(BAR, 0.5), live.damaged(BAR, 0.5))
    distance = [np.abs(live.damaged(BAR, noise).astype(int) - BAR).mean() for noise in (0.1, 0.3, 0.9)]
    assert distance == sorted(distance)
    assert live.damaged(BAR, 0, 90)[0, 14].mean() > 4 * BAR[14].mean(), "the bar lies"


def test_alternative_texts_are_escaped():
    assert 'alt="a &quot;7&quot;"' in live.to_html(Picture(b"", 9, 'a "7"'))


# ---------------------------------------------------------------- with widgets


def test_the_sliders_redraw_the_answer(opened):
    noise, degrees, seen = live.break_it(BAR, 1, by_ink).widget.children
    assert "noise 0, 0°: 1 with 100%" in seen.value
    noise.value = 0.8
    assert "noise 0.8, 0°: 8 with" in seen.value
    noise.value, degrees.value = 0, 90
    assert "noise 0, 90°: 1 with" in seen.value and "noise 0, 90°: 1 with 100%" not in seen.value


def test_a_drawing_is_read_when_it_arrives(opened):
    pad, seen = live.draw_and_see(by_height, drawn(180)).widget.children
    assert seen.value == ""
    pad.drawing = data_url(drawn(60))
    assert "not a digit: 6 with 100%" in seen.value
    pad.drawing = data_url(drawn(90))
    assert "not a digit: 9 with 100%" in seen.value
    pad.drawing = ""
    assert seen.value == "", "the pad was cleared"


def test_viewers_without_widgets_get_the_picture(opened, monkeypatch):
    shown = live.break_it(BAR, 1, by_ink)
    bundle, metadata = shown._repr_mimebundle_()
    monkeypatch.delenv(live.SESSION)
    assert base64.b64decode(bundle["image/png"]) == live.break_it(BAR, 1, by_ink).png
    assert metadata["image/png"]["alt"].startswith("noise 0: 1 with 100%")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_importing_loads_no_widgets():
    code = "import sys, digits.measuring.live; print({'ipywidgets', 'anywidget'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
