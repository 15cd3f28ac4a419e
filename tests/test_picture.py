"""Decoding what strangers bring: every format upright and in 8 bits, everything else one sentence without a path."""

from __future__ import annotations

import io
import os
import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from digits import picture
from digits.picture import PictureError, open_picture

# Grey steps, darkest in the upper left corner, wider than high: turned or mirrored, it is another picture.
STEPS = np.add.outer(np.arange(0, 96, 8), np.arange(0, 160, 8)).repeat(3, axis=0).repeat(3, axis=1).astype(np.uint8)
ORIENTATION = 0x0112


def saved(image: Image.Image, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def grey_image() -> Image.Image:
    return Image.fromarray(STEPS)


def rgba(colour: tuple[int, int, int], cover: np.ndarray) -> np.ndarray:
    return np.dstack([np.broadcast_to(np.uint8(colour), (*cover.shape, 3)), cover])


# ---------------------------------------------------------------- formats


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "TIFF", "PPM"])
def test_lossless_formats_give_the_pixels(form):
    assert np.array_equal(open_picture(saved(grey_image(), form)), STEPS)


@pytest.mark.parametrize(("form", "options"), [("JPEG", {"quality": 95}), ("WEBP", {"lossless": True}), ("WEBP", {})])
def test_other_formats_give_nearly_the_pixels(form, options):
    pixels = open_picture(saved(grey_image(), form, **options))
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    assert np.abs(grey - STEPS.astype(float)).mean() < 4


def test_colour_stays_and_grey_becomes_one_channel():
    colour = np.dstack([STEPS, STEPS[::-1], STEPS])
    assert np.array_equal(open_picture(saved(Image.fromarray(colour), "PNG")), colour)
    assert open_picture(saved(grey_image().convert("RGB"), "PNG")).shape == STEPS.shape


@pytest.mark.parametrize("mode", ["1", "P", "CMYK"])
def test_odd_modes_are_read(mode):
    pixels = open_picture(saved(grey_image().convert(mode), "TIFF"))
    assert pixels.shape[:2] == STEPS.shape and pixels.dtype == np.uint8
    assert pixels[:10, :10].mean() < pixels[-10:, -10:].mean()


def test_sixteen_bits_are_scaled_not_cut():
    wide = STEPS.astype(np.uint16) * 257
    for form in ("PNG", "TIFF"):
        assert np.array_equal(open_picture(saved(Image.fromarray(wide), form)), STEPS), form
    assert np.array_equal(open_picture(wide), STEPS)


def test_an_animation_gives_its_first_frame():
    frames = [grey_image(), Image.fromarray(255 - STEPS)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert np.array_equal(open_picture(data), STEPS)


@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientation_is_undone(value):
    turn = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90",
            7: "TRANSVERSE", 8: "ROTATE_270"}  # fmt: skip
    stored = grey_image().transpose(Image.Transpose[turn[value]]) if value > 1 else grey_image()
    exif = Image.Exif()
    exif[ORIENTATION] = value
    assert np.array_equal(open_picture(saved(stored, "PNG", exif=exif)), STEPS)


def test_a_large_jpeg_is_decoded_small_but_not_smaller_than_asked():
    large = grey_image().resize((1800, 1080))
    data = saved(large, "JPEG")
    assert open_picture(data).shape[:2] == (1080, 1800)
    assert 400 <= max(open_picture(data, side=400).shape) < 1800


# ---------------------------------------------------------------- transparency


@pytest.mark.parametrize(("ink", "paper"), [((0, 0, 0), 255), ((30, 30, 120), 255), ((255, 255, 255), 0)])
def test_what_is_drawn_on_nothing_stays_visible(ink, paper):
    cover = np.zeros((40, 60), np.uint8)
    cover[10:30, 20:25] = 255
    flat = open_picture(rgba(ink, cover))
    assert np.all(flat[0, 0] == paper)
    assert np.abs(flat[20, 22].astype(int) - paper).max() > 120


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_alpha_survives_the_file(form):
    cover = np.zeros((40, 60), np.uint8)
    cover[10:30, 20:25] = 255
    options = {"lossless": True} if form == "WEBP" else {}
    data = saved(Image.fromarray(rgba((0, 0, 0), cover)), form, **options)
    assert np.array_equal(open_picture(data), 255 - cover)


def test_a_transparent_palette_colour_is_no_ink():
    indexed = Image.new("P", (60, 40), 0)
    indexed.putpalette([0, 0, 0, 10, 10, 10])
    indexed.paste(1, (20, 10, 25, 30))
    flat = open_picture(saved(indexed, "PNG", transparency=0))
    assert flat[0, 0] == 255 and flat[20, 22] == 10


# ---------------------------------------------------------------- arrays


def test_arrays_of_every_kind():
    share = STEPS / 255
    for array in (share, share.astype(np.float32), STEPS.astype(int), STEPS.astype(float), STEPS[..., None]):
        assert np.abs(open_picture(array).astype(int) - STEPS).max() <= 1, array.dtype
    assert set(np.unique(open_picture(STEPS > 100))) == {0, 255}
    assert open_picture(np.full((3, 3), np.nan)).shape == (3, 3)


@pytest.mark.parametrize("shape", [(5,), (2, 2, 2), (0, 4), (1, 2, 3, 4), (0, 0, 3)])
def test_arrays_of_other_shapes_are_no_pictures(shape):
    with pytest.raises(PictureError):
        open_picture(np.zeros(shape))


@pytest.mark.parametrize("kind", [str, complex, object])
def test_arrays_of_other_things_are_no_pictures(kind):
    with pytest.raises(PictureError):
        open_picture(np.zeros((4, 4), kind))


def test_what_is_given_is_not_changed():
    array = STEPS.copy()
    open_picture(array)
    assert np.array_equal(array, STEPS)


# ---------------------------------------------------------------- refusals


def truncated() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    return saved(Image.fromarray(noise), "JPEG")[:9000]


def bomb(side: int = 50_000) -> bytes:
    """A PNG of a few hundred bytes that says it has `side` squared pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(bytes(1000))), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


BAD = {
    "empty": b"",
    "text": b"hello, I am a picture",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "truncated jpeg": truncated(),
    "truncated png": saved(Image.fromarray(STEPS), "PNG")[:-40],
    "bomb": bomb(),
    "random": np.random.default_rng(1).bytes(500),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_bytes_and_files_are_refused_in_one_sentence(name, tmp_path):
    path = tmp_path / "secret-folder-name.png"
    path.write_bytes(BAD[name])
    for bad in (BAD[name], path, str(path)):
        with pytest.raises(PictureError) as caught:
            open_picture(bad)
        sentence = str(caught.value)
        assert 5 < len(sentence) < 200 and "\n" not in sentence
        assert "secret" not in sentence and str(tmp_path) not in sentence


def test_a_bomb_is_refused_before_it_is_decoded():
    started = time.perf_counter()
    with pytest.raises(PictureError, match="megapixels"):
        open_picture(bomb())
    assert time.perf_counter() - started < 0.5


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / "dangling.png").symlink_to(tmp_path / "gone")
    for path in (tmp_path, tmp_path / "missing.png", tmp_path / "dangling.png", "bad\0name.png"):
        with pytest.raises(PictureError):
            open_picture(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PictureError, match="regular"):
        open_picture(tmp_path / "pipe.png")


def test_a_file_above_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "MAX_BYTES", 2**20)
    (tmp_path / "big.png").write_bytes(bytes(2**20 + 1))
    with pytest.raises(PictureError, match="larger"):
        open_picture(tmp_path / "big.png")


FORMS = {form: saved(grey_image(), form) for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")}


CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8)  # (where, new byte)


@given(st.sampled_from(sorted(FORMS)), st.floats(0, 1), CHANGES)
@settings(max_examples=150, deadline=None)
def test_damaged_files_are_read_or_refused_and_nothing_else(form, keep, changes):
    data = bytearray(FORMS[form][: max(1, int(keep * len(FORMS[form])))])
    for where, value in changes:
        data[int(where * (len(data) - 1))] = value
    try:
        pixels = open_picture(bytes(data))
    except PictureError as error:
        assert "\n" not in str(error)
    else:
        assert pixels.dtype == np.uint8 and pixels.size
