"""Picture to ink: polarity, margin, scale, alpha, colour and light do not matter; MNIST's own form passes as it is."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from assets.make_examples import STROKES, spline
from digits.finding.digit import find_digit, to_ink
from digits.finding.ink import centre_of_mass, is_mnist_form, stroke_width
from digits.finding.limits import PictureError
from digits.learning.handwriting import write
from digits.learning.pictures import imitate, imitate_no_digit

DIGITS = st.integers(0, 9)
LIMIT = 0.4  # resampling moves edges by half a pixel or so; two different digits are further apart than this


@functools.cache
def glyph(digit: int, height: int = 100, pen: int = 9, margin: int = 30) -> np.ndarray:
    """A digit in white on black, soft-edged, uint8 (h, w): the clean drawing that the others are made from."""
    fine = 4
    paths = [spline(np.array(points)) * height for points in STROKES[digit]]
    low, high = np.vstack(paths).min(axis=0), np.vstack(paths).max(axis=0)
    width, tall = ((high - low + 2 * margin + pen) * fine).astype(int)
    canvas = np.zeros((tall, width), np.uint8)
    for path in paths:
        points = ((path - low + margin + pen / 2) * fine).round().astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, fine * pen, cv2.LINE_AA)
    return cv2.resize(canvas, (width // fine, tall // fine), interpolation=cv2.INTER_AREA)


def painted(cover: np.ndarray, ink: tuple[int, int, int], paper: tuple[int, int, int]) -> np.ndarray:
    """The drawing in colours: uint8 (h, w, 3)."""
    share = cover[..., None].astype(np.float32) / 255
    return (np.float32(ink) * share + np.float32(paper) * (1 - share)).round().astype(np.uint8)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """The share of ink on which two 28x28 disagree, a shift of a pixel forgiven: 0 the same, 2 nothing in common."""
    shifted = [np.roll(one, (dy, dx), axis=(0, 1)).astype(int) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    apart = min(np.abs(moved - other).sum() for moved in shifted)
    return float(apart / max(1, (int(one.sum()) + int(other.sum())) / 2))


def lightness(colour: tuple[int, int, int]) -> float:
    return sum(colour) / 3


# ---------------------------------------------------------------- MNIST's form


@pytest.mark.parametrize("digit", range(10))
def test_what_has_the_form_passes_untouched(digit):
    ink = to_ink(glyph(digit))
    assert is_mnist_form(ink)
    assert np.array_equal(to_ink(ink), ink)


@pytest.mark.parametrize("digit", range(10))
def test_every_ink_has_the_form_it_promises(digit):
    ink = to_ink(glyph(digit, height=70, pen=5))
    assert ink.shape == (28, 28) and ink.dtype == np.uint8 and ink.max() == 255
    ys, xs = np.nonzero(ink)
    assert 18 <= max(np.ptp(ys), np.ptp(xs)) + 1 <= 20, "the longer side is 20"
    assert centre_of_mass(ink) == pytest.approx((14.5, 14.5), abs=0.6)


@pytest.mark.mnist
def test_mnist_itself_passes_untouched():
    from digits.learning.datasets import load_mnist

    ink, _labels = load_mnist(train=True)
    changed = [i for i in range(0, 60_000, 60) if not np.array_equal(to_ink(ink[i]), ink[i])]
    assert len(changed) <= 2, f"{len(changed)} of 1,000 were changed: {changed}"


def test_28x28_of_something_else_is_not_taken_for_mnist():
    assert not is_mnist_form(np.full((28, 28), 255, np.uint8))
    assert not is_mnist_form(np.zeros((28, 28), np.uint8))
    assert not is_mnist_form(np.roll(to_ink(glyph(3)), 4, axis=1)), "off-centre"


# ---------------------------------------------------------------- what must not matter


def test_the_limit_tells_digits_apart():
    inks = [to_ink(glyph(digit)) for digit in range(10)]
    nearest = min(difference(one, other) for i, one in enumerate(inks) for other in inks[:i])
    assert nearest > LIMIT


@given(DIGITS)
@settings(max_examples=10, deadline=None)
def test_polarity_does_not_matter(digit):
    white_on_black = glyph(digit)
    assert difference(to_ink(255 - white_on_black), to_ink(white_on_black)) < 0.02


@given(DIGITS, st.lists(st.integers(0, 200), min_size=4, max_size=4), st.booleans())
@settings(max_examples=40, deadline=None)
def test_margins_and_place_do_not_matter(digit, margins, dark_ink):
    top, bottom, left, right = margins
    drawn = np.pad(glyph(digit), ((top, bottom), (left, right)))
    assert difference(to_ink(255 - drawn if dark_ink else drawn), to_ink(glyph(digit))) < LIMIT


@given(DIGITS, st.floats(0.4, 12))
@settings(max_examples=30, deadline=None)
def test_scale_does_not_matter(digit, scale):
    drawn = glyph(digit)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=method)
    assert difference(to_ink(resized), to_ink(drawn)) < LIMIT


COLOUR = st.tuples(*[st.integers(0, 255)] * 3)


@given(DIGITS, COLOUR, COLOUR)
@settings(max_examples=40, deadline=None)
def test_colours_do_not_matter_where_they_can_be_told_apart(digit, ink, paper):
    apart = np.abs(np.subtract(ink, paper))
    if apart.max() < 80:
        ink = tuple((channel + 128) % 256 for channel in paper)
    assert difference(to_ink(painted(glyph(digit), ink, paper)), to_ink(glyph(digit))) < 0.05


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), (200, 30, 30)])
@pytest.mark.parametrize("hidden", [(0, 0, 0), (255, 255, 255)])
def test_a_transparent_picture_keeps_its_ink_whatever_colour_hides_below(ink, hidden):
    cover = glyph(6)
    colours = np.where(cover[..., None] > 0, np.uint8(ink), np.uint8(hidden))
    assert difference(to_ink(np.dstack([colours, cover])), to_ink(cover)) < 0.05


def test_red_on_grey_of_the_same_lightness_is_seen():
    picture = painted(glyph(4), (190, 90, 80), (120, 120, 120))
    assert abs(lightness((190, 90, 80)) - lightness((120, 120, 120))) < 1
    assert difference(to_ink(picture), to_ink(glyph(4))) < 0.05


@pytest.mark.parametrize("digit", range(10))
def test_light_falling_off_and_noise_do_not_matter(digit):
    drawn = painted(glyph(digit, margin=60), (40, 40, 50), (225, 222, 214)).astype(np.float32)
    light = np.linspace(1.0, 0.55, drawn.shape[1])[None, :, None]
    noise = np.random.default_rng(digit).normal(0, 4, drawn.shape)
    photo = (drawn * light + noise).clip(0, 255).astype(np.uint8)
    assert difference(to_ink(photo), to_ink(glyph(digit))) < LIMIT


def test_faint_pencil_is_as_black_as_a_marker():
    faint = painted(glyph(2), (165, 165, 165), (255, 255, 255))
    assert difference(to_ink(faint), to_ink(glyph(2))) < 0.05


@pytest.mark.parametrize("digit", range(10))
def test_file_form_does_not_matter(digit, tmp_path):
    drawn = 255 - glyph(digit)
    image = Image.fromarray(drawn)
    wanted = to_ink(drawn)
    for suffix in ("png", "bmp", "gif", "tif", "webp", "pgm"):
        image.save(tmp_path / f"d.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
        assert np.array_equal(to_ink(tmp_path / f"d.{suffix}"), wanted), suffix
    image.save(tmp_path / "d.jpg", quality=85)
    assert difference(to_ink(tmp_path / "d.jpg"), wanted) < 0.1
    assert np.array_equal(to_ink((tmp_path / "d.png").read_bytes()), wanted)
    assert np.array_equal(to_ink(image), wanted)


# ---------------------------------------------------------------- strokes


@given(DIGITS)
@settings(max_examples=10, deadline=None)
def test_hairlines_get_a_pen_width_and_thick_pens_keep_theirs(digit):
    hair, pen, marker = (to_ink(glyph(digit, height=160, pen=p)) for p in (1, 12, 30))
    assert stroke_width(hair / 255) >= 1.2, "a hairline would fade to grey"
    assert hair.max() == 255
    assert stroke_width(marker / 255) > stroke_width(pen / 255)


def test_specks_are_left_out():
    drawn = glyph(7, margin=60)
    dirty = drawn.copy()
    for x, y in ((8, 8), (12, drawn.shape[0] - 10), (drawn.shape[1] - 9, 20)):
        cv2.circle(dirty, (x, y), 2, 255, -1)
    assert difference(to_ink(dirty), to_ink(drawn)) < 0.02


def test_a_detached_bar_stays_with_its_five():
    body = np.zeros((200, 200), np.uint8)
    cv2.polylines(body, [np.int32([(80, 60), (76, 95), (120, 100), (128, 140), (70, 150)])], False, 255, 9, cv2.LINE_AA)
    bar = body.copy()
    cv2.line(bar, (96, 52), (134, 48), 255, 9, cv2.LINE_AA)
    assert find_digit(bar).box[1] < 50 < find_digit(body).box[1] + 10


def test_a_thin_one_is_no_error():
    bar = np.zeros((240, 9), np.uint8)
    bar[10:230, 3:6] = 255
    ink = to_ink(bar)
    assert ink.any()
    ys, xs = np.nonzero(ink)
    assert np.ptp(ys) > 3 * np.ptp(xs)


# ---------------------------------------------------------------- blank pages, and what is reported


@given(COLOUR, st.sampled_from([(28, 28), (1, 1), (3, 200), (280, 280)]))
@settings(max_examples=30, deadline=None)
def test_one_colour_is_blank(colour, size):
    found = find_digit(np.full((*size, 3), colour, np.uint8))
    assert found.is_blank and found.box is None and not found.ink.any()


def test_a_fully_transparent_picture_is_blank():
    assert find_digit(Image.new("RGBA", (100, 80), (9, 9, 9, 0))).is_blank


@given(st.integers(0, 50))
@settings(max_examples=10, deadline=None)
def test_a_gradient_is_blank(seed):
    rng = np.random.default_rng(seed)
    light = np.linspace(rng.integers(120, 256), rng.integers(120, 256), 200)[None, :] * np.ones((150, 1))
    assert find_digit(light.astype(np.uint8)).is_blank


@given(DIGITS, st.integers(0, 150), st.integers(0, 150), st.booleans())
@settings(max_examples=20, deadline=None)
def test_box_and_polarity_are_those_of_the_picture(digit, left, top, dark_ink):
    drawn = np.pad(glyph(digit, margin=20), ((top, 40), (left, 40)))
    ys, xs = np.nonzero(drawn > 128)
    found = find_digit(255 - drawn if dark_ink else drawn)
    assert found.box == pytest.approx((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1), abs=4)
    assert found.polarity == ("dark on light" if dark_ink else "light on dark")


def test_the_box_is_in_pixels_of_the_large_picture():
    large = cv2.resize(glyph(3), None, fx=10, fy=10)
    ys, xs = np.nonzero(large > 128)
    assert find_digit(large).box == pytest.approx((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1), abs=30)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 60), st.sampled_from([None, 3, 4]))
@settings(max_examples=60, deadline=None)
def test_no_array_of_bytes_breaks_it(seed, height, width, channels):
    shape = (height, width) if channels is None else (height, width, channels)
    picture = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    ink = to_ink(picture)
    assert ink.shape == (28, 28) and ink.dtype == np.uint8


@pytest.mark.parametrize("bad", [b"", b"not a picture", np.zeros((0, 5), np.uint8), np.zeros((2, 2, 2, 2), np.uint8)])
def test_what_is_no_picture_is_a_picture_error_of_one_sentence(bad):
    with pytest.raises(PictureError) as caught:
        to_ink(bad)
    assert 0 < len(str(caught.value)) < 200 and "\n" not in str(caught.value)


def test_mnist_form_in_black_on_white_passes_untouched_too():
    ink = to_ink(glyph(5))
    assert is_mnist_form(ink)
    found = find_digit(255 - ink)
    assert np.array_equal(found.ink, ink)
    assert found.polarity == "dark on light"


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_box_lies_around_the_digit_in_a_large_picture(suffix, tmp_path):
    sheet = np.full((1500, 2000), 220, np.uint8)
    cv2.putText(sheet, "3", (900, 1000), cv2.FONT_HERSHEY_SIMPLEX, 12, 30, 30)
    path = tmp_path / f"three.{suffix}"
    cv2.imwrite(str(path), sheet)
    found = find_digit(path)
    ys, xs = np.nonzero(sheet < 100)
    truth = np.array([xs.min(), ys.min(), xs.max(), ys.max()]) / (2000, 1500, 2000, 1500)
    assert np.array(found.box) / (found.size * 2) == pytest.approx(truth, abs=0.01)


def test_many_imitated_pictures_are_looked_at_in_every_way_without_a_fault():
    rng = np.random.default_rng(0)
    for _ in range(150):
        digit = int(rng.integers(10))
        picture = imitate_no_digit([write(digit, rng)], rng) if rng.random() < 0.5 else imitate(write(digit, rng), rng)
        found = find_digit(picture)
        assert all(view.box for view in found.others) and found.ink.shape == (28, 28)
