"""The notebook's pictures: small, with an alternative text; and what its drawings say."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from digits.measuring import lesson

INK = np.random.default_rng(0).random((28, 28))
KERNEL = np.array([[-1, -1, -1], [0, 0, 0], [1, 1, 1]])


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.title]]


def test_a_picture_says_what_it_shows_and_has_few_colours():
    png, metadata = lesson.picture((255 * INK).astype(np.uint8), "noise", zoom=3, colours=16)._repr_png_()
    image = Image.open(io.BytesIO(png))
    assert metadata == {"alt": "noise", "width": 84}
    assert image.size == (28, 28) and len(image.getcolors()) <= 16


def test_the_png_is_not_repeated_as_text():
    assert len(repr(lesson.picture(np.zeros((9, 9), np.uint8), "nothing"))) < 80


def test_a_grid_takes_pictures_of_any_size_and_marks_them():
    pictures = [np.zeros((5, 9), np.uint8), np.zeros((30, 20, 3), np.uint8)]
    marked, plain = (lesson.grid(pictures, ["a", "b"], "two", right) for right in ([True, False], None))
    assert marked.alt == "two" and marked.png != plain.png


def test_the_kernel_is_laid_where_it_is_said_to_be():
    answer = np.zeros((28, 28))
    answer[5, 7] = (INK[4:7, 6:9] * KERNEL).sum()
    said = texts(lesson.convolution_figure(INK, KERNEL, answer, 5, 7))
    assert f"the sums; here {answer[5, 7]:.2f}" in said
    assert said.count("-1") == 3 and f"{INK[4, 6]:.2g}" in said


def test_both_directions_are_written_beside_each_part():
    assert {"ReLU", "forward 2", "back 2"} <= set(
        texts(lesson.backward_figure([("ink", "forward 1", ""), ("ReLU", "forward 2", "back 2")]))
    )


@pytest.mark.parametrize("width", [2, 61])
def test_the_columns_stand_below_the_strip(width):
    said = np.full((width, 19), 1 / 19)
    strip, columns = lesson.columns_figure(np.zeros((32, 2 * width), np.uint8), said, "0123456789.,").axes
    assert strip.get_xlim() == columns.get_xlim() == (0, width)
    assert [label.get_text() for label in columns.get_yticklabels()] == [*"0123456789", "nothing new"]
