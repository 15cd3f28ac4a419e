"""PDF, HEIC, AVIF and TIFF of many pages: opened page by page, within limits, by a process that may die."""

from __future__ import annotations

import io
import os
import random
import signal
import struct
import subprocess
import sys

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from digits.files import ROOT
from digits.finding import foreign
from digits.finding.decode import open_picture
from digits.finding.limits import MAX_PAGES, PictureError
from digits.finding.pages import Page, split_page, to_pages
from tests.hostile import drawing, encode, flipped
from tests.test_hostile import check_sentence


def encode_heif(image: Image.Image, **options) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    return encode(image, "HEIF", **options)


def is_seven(pixels: np.ndarray) -> bool:
    """Whether it is the drawing, upright: paper round a dark 7."""
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    height, width = grey.shape
    return grey[: height // 5].min() > 180 and grey[height // 4 : -height // 5].min() < 130 and width > height


def pdf_of(*images: Image.Image, **options) -> bytes:
    """Return a scanner's PDF: a picture fills each page."""
    return encode(images[0], "PDF", save_all=True, append_images=images[1:], **options)


def drawn_pdf(width: float = 200, height: float = 100, pages: int = 1) -> bytes:
    """Return a PDF of blank pages, in points."""
    pdf = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        pdf.new_page(width, height)
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()


def giant(data: bytes) -> bytes:
    """Return a HEIC that says to have more pixels than it has."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", 20_000, 20_000) + data[at + 8 :]


def test_heic_and_avif_are_read():
    for data in (encode_heif(drawing(size=(180, 140))), encode(drawing(size=(180, 140)), "AVIF")):
        pixels = open_picture(data)
        assert pixels.shape == (140, 180, 3) and is_seven(pixels)
        assert to_pages(data) == [("", data)]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["HEIF", "HEIF without boxes", "AVIF"])
def test_they_lie_upright(orientation, kind):
    turned = drawing(size=(180, 140)).rotate({1: 0, 3: 180, 6: 90, 8: 270}[orientation], expand=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    if kind == "HEIF":  # as phones write it: in EXIF, and in the file's own boxes
        turned.info["exif"] = exif.tobytes()
        data = encode_heif(turned)
        assert (b"irot" in data) == (orientation != 1)
    else:
        data = encode(turned, "AVIF", exif=exif) if kind == "AVIF" else encode_heif(turned, exif=exif)
    assert is_seven(open_picture(data))


def test_a_scan_keeps_its_resolution_and_a_drawn_page_gets_200_dpi():
    assert open_picture(pdf_of(drawing(size=(413, 300)), resolution=300)).shape[:2] == (300, 413)
    assert open_picture(drawn_pdf(144, 72)).shape == (200, 400)


def test_a_turned_page():
    scan = drawing(size=(413, 300)).rotate(90, expand=True)
    pdf = pypdfium2.PdfDocument(pdf_of(scan, resolution=300))
    pdf[0].set_rotation(90)
    buffer = io.BytesIO()
    pdf.save(buffer)
    pixels = open_picture(buffer.getvalue())
    assert pixels.shape[:2] == (300, 413) and is_seven(pixels)


def test_pages_have_names_and_numbers(tmp_path):
    (tmp_path / "x.pdf").write_bytes(data := pdf_of(*(drawing(digit=digit) for digit in (7, 3, 5))))
    assert [mark for mark, _page in to_pages(data)] == ["#1", "#2", "#3"]
    whole = [open_picture(page) for _mark, page in to_pages(data)]
    assert np.array_equal(open_picture(f"{tmp_path}/x.pdf#2"), whole[1]) and not np.array_equal(*whole[:2])
    for wrong, reason in [("x.pdf", "adding #1 to #3"), ("x.pdf#4", "no page 4"), ("y.pdf#1", "no such file")]:
        with pytest.raises(PictureError, match=reason):
            open_picture(tmp_path / wrong)
    assert to_pages(pdf_of(drawing()))[0][0] == "#1", "more may be scanned tomorrow"
    (tmp_path / "x.pdf#2").touch()
    assert split_page(tmp_path / "x.pdf#2") == (f"{tmp_path}/x.pdf#2", None)


def test_pages_of_a_tiff():
    pages = [drawing("L", digit=digit) for digit in (7, 3, 5)]
    data = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert [np.array_equal(open_picture(page), np.asarray(pages[n])) for n, (_m, page) in enumerate(to_pages(data))]
    with pytest.raises(PictureError, match="3 pages"):
        open_picture(data)
    with pytest.raises(PictureError, match="no page 4"):
        open_picture(Page(data, 4))


def test_a_small_copy_within_a_tiff_is_no_page():
    small = drawing("L", (9, 7))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    data = encode(drawing("L"), "TIFF", save_all=True, append_images=[small])
    assert to_pages(data) == [("", data)] and open_picture(data).shape == (70, 90)


def test_a_photo_that_speaks_of_pdf_is_still_a_photo():
    photo = io.BytesIO()
    Image.new("L", (40, 30), 200).save(photo, "JPEG", comment=b"made from %PDF-1.7")
    assert b"%PDF-" in photo.getvalue()[:1024]
    assert open_picture(photo.getvalue()).shape == (30, 40)


def test_limits():
    for data, reason in [
        (drawn_pdf(14_000, 14_000), "megapixels"), (drawn_pdf(pages=MAX_PAGES + 1), "more than 1,000 pages"),
        (giant(encode_heif(drawing())), "megapixels"),
        (b"%PDF-1.7\n", "damaged"), (b"\0\0\0\x18ftypheic" + bytes(50), "damaged"),
    ]:  # fmt: skip
        assert to_pages(data) == [("", data)] or reason == "megapixels"
        with pytest.raises(PictureError, match=reason):
            open_picture(data)


@pytest.mark.parametrize("n", [10, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["PDF", "HEIF", "AVIF"])
def test_damaged_files_are_refused_or_read(kind, n):
    """Half of them cut off, half with flipped bits: a picture or a sentence; the renderer goes on or is begun anew."""
    chance = random.Random(n)
    whole = {"PDF": pdf_of(drawing(), drawing()), "HEIF": encode_heif(drawing()), "AVIF": encode(drawing(), "AVIF")}[
        kind
    ]
    for i in range(2 * n):
        data = flipped(whole, chance) if i % 2 else whole[: chance.randrange(16, len(whole))]
        for _mark, page in to_pages(data):
            try:
                assert open_picture(page).dtype == np.uint8
            except PictureError as error:
                check_sentence(str(error))
    assert open_picture(to_pages(whole)[0][1]).size


def test_what_hangs_is_given_up(monkeypatch):
    """A renderer that stands still is ended; the file's other pages are not tried, other files are read."""
    slow, good = pdf_of(drawing(digit=4)), pdf_of(drawing(digit=9))
    to_pages(good)
    monkeypatch.setattr(foreign, "LIMIT_S", 0.3)
    os.kill(foreign._process._running.pid, signal.SIGSTOP)
    for _ in range(2):
        with pytest.raises(PictureError, match="takes longer"):
            open_picture(slow)
    monkeypatch.undo()
    assert open_picture(good).size


def test_what_dies_is_begun_anew():
    good = pdf_of(drawing())
    open_picture(good)
    foreign._process._running.kill()
    foreign._process._running.wait()
    assert open_picture(good).size


def test_starting_up_takes_none_of_it_along():
    program = (
        "import predict, batch_processor, sys; print(sorted({'pypdfium2', 'pillow_heif', 'openpyxl'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr
