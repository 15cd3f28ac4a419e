"""Decoding: what comes in upright and whole, what is refused, and that the fast decoders see what Pillow sees."""

from __future__ import annotations

import io
import os
import random

import numpy as np
import pytest
from PIL import Image, ImageOps

from digits.finding import decode
from digits.finding.decode import EXTENSIONS, FOREIGN, open_picture
from digits.finding.limits import MAX_PIXELS, PictureError
from tests.hostile import drawing, encode


def with_pillow(data: bytes, monkeypatch, side: int | None = None) -> np.ndarray:
    """Decode without the fast paths."""
    with monkeypatch.context() as patch:
        patch.setattr(decode, "decode_png", lambda data: None)
        patch.setattr(decode, "decode_jpeg", lambda data, image, scale: None)
        return open_picture(data, side)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_reads_every_format(kind, tmp_path):
    data = encode(drawing("RGB"), kind)
    path = tmp_path / "seven"
    path.write_bytes(data)
    for given in (data, path, str(path), Image.open(path)):
        pixels = open_picture(given)
        assert pixels.dtype == np.uint8 and pixels.shape[:2] == (70, 90)
    assert pixels.min() < 120 < 225 < pixels.max()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_reads_every_mode(mode):
    kind = "TIFF" if mode == "CMYK" else "PNG"
    image = drawing("L") if mode == "I;16" else drawing("RGBA" if mode in ("LA", "RGBA") else "RGB")
    image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    pixels = open_picture(encode(image, kind))
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    assert grey[5, 5] > 220 and grey.min() < 130, "dark on light paper, however it was stored"


@pytest.mark.parametrize("ink, paper", [((0, 0, 0), 255), ((255, 255, 255), 0), ((200, 30, 30), 255)])
def test_transparency_keeps_the_ink_visible(ink, paper):
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[..., :3] = ink
    rgba[5:15, 9:12, 3] = 255
    rgba[5:15, 8, 3] = 128
    for pixels in (open_picture(rgba), open_picture(encode(Image.fromarray(rgba), "PNG"))):
        assert np.all(pixels[0, 0] == paper) and np.all(pixels[10, 10] == ink)
        exact = np.array(ink) * 128 / 255 + paper * 127 / 255
        assert np.abs(pixels[10, 8] - exact).max() <= 1


@pytest.mark.parametrize("mode, kind, options", [
    ("L", "PNG", {}), ("RGB", "PNG", {}), ("RGBA", "PNG", {}), ("L", "JPEG", {}), ("RGB", "JPEG", {}),
    ("RGB", "JPEG", {"progressive": True}), ("RGB", "JPEG", {"subsampling": 0}),
])  # fmt: skip
@pytest.mark.parametrize("side", [None, 40])
def test_fast_decoders_agree_with_pillow(mode, kind, options, side, monkeypatch):
    data = encode(drawing(mode, (181, 143)), kind, **options)
    fast, slow = open_picture(data, side), with_pillow(data, monkeypatch, side)
    assert fast.shape == slow.shape and np.abs(fast.astype(int) - slow).max() <= 1
    if side and kind == "JPEG":
        assert side <= max(fast.shape) < 181, "decoded smaller, but not too small"


@pytest.mark.parametrize("mode, kind", [("L", "PNG"), ("RGB", "PNG"), ("RGBA", "PNG"), ("L", "JPEG"), ("RGB", "JPEG")])
def test_plain_files_need_no_pillow_to_decode_them(mode, kind, monkeypatch):
    monkeypatch.setattr(decode, "_from_pil", lambda image: pytest.fail("the fast decoder was not used"))
    assert open_picture(encode(drawing(mode), kind)).shape[:2] == (70, 90)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation, monkeypatch):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(drawing(), "JPEG", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.array_equal(open_picture(data), upright)
    assert np.array_equal(with_pillow(data, monkeypatch), upright)


def test_damage_is_seen_as_pillow_sees_it(monkeypatch):
    """Two thousand damaged files: refused, or read to the pixels Pillow reads; never a half picture."""
    chance = random.Random(0)
    whole = [encode(drawing("RGB"), "PNG"), encode(drawing("RGBA"), "PNG"), encode(drawing("RGB"), "JPEG")]
    n_refused = 0
    for n in range(2_000):
        data = bytearray(whole[n % 3])
        at = chance.randrange(len(data))
        if n % 2:
            del data[at:]
        else:
            data[at] ^= 1 << chance.randrange(8)
        try:
            expected = with_pillow(bytes(data), monkeypatch)
        except PictureError:
            n_refused += 1
            with pytest.raises(PictureError):
                open_picture(bytes(data))
            continue
        found = open_picture(bytes(data))
        assert found.shape == expected.shape and np.abs(found.astype(int) - expected).max() <= 1
    assert 1_000 < n_refused < 2_000


@pytest.mark.parametrize("data, reason", [
    (b"", "empty"),
    (b"hello, I am a text file\n", "not a picture"),
    (np.random.default_rng(0).bytes(3000), "not a picture"),
    (encode(drawing(), "JPEG")[:-300], "damaged"),
    (encode(drawing(), "PNG")[:-30], "damaged"),
    (encode(Image.new("1", (10_000, 7_000)), "PNG"), "megapixels"),
    (encode(Image.new("L", (10_000, 7_000)), "PNG", compress_level=1), "megapixels"),
])  # fmt: skip
def test_refuses_in_one_sentence(data, reason, capfd):
    with pytest.raises(PictureError, match=reason) as caught:
        open_picture(data)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200
    assert capfd.readouterr().err == "", "decoders do not talk past us"


def test_refuses_what_is_no_file(tmp_path):
    for path, reason in [(tmp_path, "folder"), (tmp_path / "none.png", "no such file"), ("a\0b", "bad name")]:
        with pytest.raises(PictureError, match=reason):
            open_picture(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PictureError, match="regular file"):
        open_picture(tmp_path / "pipe.png")


@pytest.mark.parametrize("array", [
    np.zeros((5, 5, 2), np.uint8), np.zeros(5, np.uint8), np.zeros((0, 5), np.uint8), np.zeros((2, 2), complex),
    np.broadcast_to(np.uint8(0), (MAX_PIXELS // 1000 + 1, 1000)),
])  # fmt: skip
def test_refuses_odd_arrays(array):
    with pytest.raises(PictureError):
        open_picture(array)


@pytest.mark.parametrize("array", [
    np.float32([[0, 0.5, 1.0]]), np.float64([[0, 127.5, 255]]),
    np.uint16([[0, 32768, 65535]]), np.array([[0, 128, 255]]), np.uint16([[0, 128, 255]]),
])  # fmt: skip
def test_arrays_of_other_types_are_scaled(array):
    assert np.abs(open_picture(array).astype(int) - [[0, 128, 255]]).max() <= 1


def test_tensors_and_lists_are_arrays_too():
    torch = pytest.importorskip("torch")
    grey = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    same = [torch.tensor(grey), torch.tensor(grey)[None, None] / 255, torch.tensor(grey / 255).requires_grad_()[None]]
    for picture in (*same, grey.tolist(), (grey / 255).tolist(), grey[None], grey[None, :, :, None]):
        assert np.array_equal(open_picture(picture), grey)
    colours = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert np.array_equal(open_picture(torch.tensor(colours).permute(2, 0, 1)), colours)
    overshot = np.float32([[-0.03, 0.5, 1.04]])
    assert np.abs(open_picture(overshot).astype(int) - [[0, 128, 255]]).max() <= 1
    assert np.array_equal(open_picture(torch.tensor(grey // 16 * 16).bfloat16()), grey // 16 * 16)
    for wrong in (["a.png", "b.png"], [[1, 2], [3]], [], torch.zeros(2, 1, 28, 28)):
        with pytest.raises(PictureError):
            open_picture(wrong)


@pytest.mark.parametrize("mean, std", [(0.1307, 0.3081), (0.5, 0.5), (0.485, 0.229)])
def test_standardised_arrays_are_refused_by_name(mean, std):
    with pytest.raises(PictureError, match="standardised"):
        open_picture((np.float32([[0, 0.5, 1]]) - mean) / std)


def test_grey_pictures_have_one_channel():
    assert open_picture(encode(drawing("L").convert("RGB"), "PNG")).ndim == 2
    assert open_picture(encode(drawing("RGB"), "PNG")).ndim == 3


def test_extensions_are_those_of_the_formats():
    registered = Image.registered_extensions()
    assert {registered.get(extension, "JPEG") for extension in EXTENSIONS - FOREIGN} <= {*decode.FORMATS, "DIB"}
