"""What can be moved in the notebook, and the same as a picture where nobody can move it.

break_it(ink, 6, yours.predict_proba)        # sliders of noise and rotation; or a row of pictures, noisier and noisier
draw_and_see(yours.predict, picture)         # a pad to draw on; or the picture, uncovered step by step

Sliders and pad need ipywidgets, anywidget and a browser; where one is missing (GitHub, nbconvert) there is the picture.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from typing import Any

import numpy as np

from digits.files import read_asset
from digits.measuring.corruptions import corrupt
from digits.measuring.lesson import Picture, answers_figure, picture
from digits.reading.answer import Prediction

SESSION = "JPY_SESSION_NAME"  # Jupyter's server sets it for an open notebook, nbconvert does not
NOISES = (0.0, 0.1, 0.2, 0.25, 0.3, 0.5, 0.8)  # standard deviations, as shares of full ink
UNCOVERED = (0.25, 0.4, 0.5, 0.6, 0.7, 1.0)  # shares of the picture's height

Reader = Callable[[np.ndarray], np.ndarray]  # ink, uint8 (n, 28, 28) -> probabilities (n, 10)


@dataclass(frozen=True)
class Live:
    """A widget, and the picture for viewers that cannot show widgets."""

    widget: Any
    still: Picture

    def _repr_mimebundle_(self, **_wanted: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        png, metadata = self.still._repr_png_()
        bundle = self.widget._repr_mimebundle_() | {"image/png": base64.b64encode(png).decode()}
        return bundle, {"image/png": metadata}


def is_live() -> bool:
    """Return whether somebody has opened the notebook in a browser, and what the widgets need is installed."""
    return SESSION in os.environ and all(find_spec(name) for name in ("ipywidgets", "anywidget"))


def break_it(ink: np.ndarray, label: int, read: Reader) -> Picture | Live:
    """Show one ink, uint8 (28, 28), with more and more noise, and the ten probabilities that `read` gives it."""
    noisy = np.concatenate([damaged(ink, noise) for noise in NOISES])
    still = _answers(noisy, read(noisy), [f"noise {noise:g}" for noise in NOISES], label)
    return Live(_sliders(ink, label, read), still) if is_live() else still


def damaged(ink: np.ndarray, noise: float, degrees: float = 0.0) -> np.ndarray:
    """Return ink, uint8 (28, 28), rotated and with noise, as uint8 (1, 28, 28); always the same pattern of noise."""
    return corrupt(corrupt(ink[None], "rotation", degrees), "gaussian", noise)


def _sliders(ink: np.ndarray, label: int, read: Reader) -> Any:
    from ipywidgets import HTML, FloatSlider, IntSlider, VBox

    noise = FloatSlider(value=0, min=0, max=1, step=0.05, description="noise")
    degrees = IntSlider(value=0, min=-90, max=90, step=5, description="rotation")
    seen = HTML()

    def show(_change: Any = None) -> None:
        worse = damaged(ink, noise.value, degrees.value)
        caption = f"noise {noise.value:g}, {degrees.value}°"
        seen.value = to_html(_answers(worse, read(worse), [caption], label))

    for slider in (noise, degrees):
        slider.observe(show, "value")
    show()
    return VBox([noise, degrees, seen])


def draw_and_see(read: Callable[[Any], Prediction], example: np.ndarray) -> Picture | Live:
    """Show what `read` makes of a drawing after each stroke; without a pad, of `example`, uint8 (h, w), bit by bit.

    `example` is a digit on white; `read` takes it, or the drawing as PNG in bytes.
    """
    still = _predictions([read(uncovered(example, share)) for share in UNCOVERED])
    return Live(_pad(read), still) if is_live() else still


def uncovered(drawing: np.ndarray, share: float) -> np.ndarray:
    """Return a drawing on white, uint8 (h, w), of which the lower part, from `share` of its height, is still white."""
    top = np.arange(len(drawing))[:, None] < share * len(drawing)
    return np.where(top, drawing, np.uint8(255))


def _pad(read: Callable[[Any], Prediction]) -> Any:
    from anywidget import AnyWidget
    from ipywidgets import HTML, HBox
    from traitlets import Unicode

    class Pad(AnyWidget):  # type: ignore[misc, unused-ignore]  # anywidget may be missing
        _esm = read_asset("pad.js")
        drawing = Unicode().tag(sync=True)  # a PNG as data URL; empty if nothing is drawn

    pad, seen = Pad(), HTML()

    def show(change: Any) -> None:
        png = base64.b64decode(change.new.partition(",")[2])
        seen.value = to_html(_predictions([read(png)])) if png else ""

    pad.observe(show, "drawing")
    return HBox([pad, seen])


def _predictions(predictions: Sequence[Prediction]) -> Picture:
    inks = [prediction.found.ink for prediction in predictions if prediction.found]
    captions = [prediction.status.replace("_", " ") for prediction in predictions]
    return _answers(inks, [prediction.probs for prediction in predictions], captions)


def _answers(
    inks: Sequence[np.ndarray] | np.ndarray,
    probabilities: Sequence[np.ndarray] | np.ndarray,
    captions: Sequence[str],
    label: int | None = None,
) -> Picture:
    said = [f"{caption}: {p.argmax()} with {p.max():.0%}" for caption, p in zip(captions, probabilities, strict=True)]
    return picture(answers_figure(inks, probabilities, captions, label), "; ".join(said))


def to_html(still: Picture) -> str:
    """Return a picture as an HTML element that contains it."""
    png = base64.b64encode(still.png).decode()
    return f'<img src="data:image/png;base64,{png}" width="{still.width}" alt="{escape(still.alt)}">'
