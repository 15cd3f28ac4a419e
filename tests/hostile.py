"""Write hundreds of hostile and odd files into a folder, the same ones for the same seed.

    python -m tests.hostile /tmp/hostile --seed 7

`make_hostile` says of each file whether it must be read, must be refused, or may be either (a flipped bit may leave a
picture whole). `tests/test_hostile.py` sends them through every door of the program.
"""

from __future__ import annotations

import argparse
import functools
import io
import os
import random
import socket
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms

READ, REFUSED, EITHER = "read", "refused", "either"
ENCODINGS = {  # extension -> (Pillow's name, options)
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {}),
    ".jpeg": ("JPEG", {"progressive": True}),
    ".bmp": ("BMP", {}),
    ".gif": ("GIF", {}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
    ".webp": ("WEBP", {"lossless": True}),
    ".ppm": ("PPM", {}),
}
N_CUT, N_FLIPPED = 22, 26  # of every encoding
BLOCKED = [".png", ".bmp", ".tif", ".gif", ".webp", ".jpg", ".ppm"]
DANGER = "=+-@\t\r\n＝＋－＠"  # what a spreadsheet may take for the start of a formula


@dataclass(frozen=True)
class Hostile:
    """One file: its name in the folder, its content, what sort of trouble it is, and what must become of it."""

    name: str
    data: bytes
    kind: str
    fate: str


def make_hostile(folder: Path, seed: int = 0, every: int = 1) -> list[Hostile]:
    """Write the files of `seed` into `folder`, or every so-many-th of each kind; return them in order of name."""
    folder.mkdir(parents=True, exist_ok=True)
    written, n_of_kind = [], {}
    for file in all_files(seed):
        n_of_kind[file.kind] = n_of_kind.get(file.kind, -1) + 1
        if n_of_kind[file.kind] % every == 0 and _write(folder / file.name, file.data):
            written.append(file)
    return sorted(written, key=lambda file: file.name)


def wanted(files: list[Hostile]) -> list[Hostile]:
    """Return the files that a batch reads of a folder: not the hidden ones."""
    return [file for file in files if not file.name.startswith(".")]


def _write(path: Path, data: bytes) -> bool:
    try:
        path.write_bytes(data)
    except OSError:  # a file system that does not take such names
        return False
    return True


@functools.lru_cache(maxsize=2)
def all_files(seed: int) -> tuple[Hostile, ...]:
    """Return all files of a seed; their names are unique."""
    chance = random.Random(seed)
    files = [*_damaged(chance), *_giants(), *_odd(), *_foreign(chance), *_named()]
    assert len({file.name for file in files}) == len(files)
    return tuple(files)


def drawing(mode: str = "RGB", size: tuple[int, int] = (90, 70), digit: int = 7) -> Image.Image:
    """Return a dark blue digit on light paper; for modes with alpha, on nothing."""
    canvas = np.full((70, 90, 4), (250, 245, 235, 255), np.uint8)
    if mode in ("RGBA", "LA"):
        canvas[:] = 0
    cv2.putText(canvas, str(digit), (25, 58), cv2.FONT_HERSHEY_SIMPLEX, 2, (20, 30, 120, 255), 5, cv2.LINE_AA)
    return Image.fromarray(canvas, "RGBA").convert(mode).resize(size)


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """Return `image` as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# ---------------------------------------------------------------- damage


def _damaged(chance: random.Random) -> Iterator[Hostile]:
    for extension, (kind, options) in ENCODINGS.items():
        whole = encode(drawing(), kind, **options)
        for n in range(N_CUT):
            cut = whole[: chance.randrange(1, len(whole))]
            yield Hostile(f"cut-{extension[1:]}-{n:02d}{extension}", cut, "cut", EITHER)
        for n in range(N_FLIPPED):
            yield Hostile(f"flip-{extension[1:]}-{n:02d}{extension}", flipped(whole, chance), "flip", EITHER)
        yield Hostile(f"zeroed-{extension[1:]}{extension}", whole[:12] + bytes(len(whole) - 12), "zeroed", REFUSED)
        yield Hostile(f"twice-{extension[1:]}{extension}", whole + whole, "twice", READ)


def flipped(whole: bytes, chance: random.Random) -> bytes:
    """Flip one to twenty bits, every other time in the header, where they do most harm."""
    data = bytearray(whole)
    end = chance.choice([64, len(data)])
    for _ in range(chance.choice([1, 1, 3, 20])):
        data[chance.randrange(min(end, len(data)))] ^= 1 << chance.randrange(8)
    return bytes(data)


# ---------------------------------------------------------------- more pixels than there is memory for


def _giants() -> Iterator[Hostile]:
    most = 2**31 - 1
    sides = [(30_000, 30_000), (64_000_001, 1), (1, 64_000_001), (65_535, 65_535), (8_001, 8_000), (most, most)]
    for n, (width, height) in enumerate(sides):
        for extension, make in GIANTS.items():
            data = make(width, height)
            yield Hostile(f"giant-{n}{extension}", data, "giant", REFUSED)
    yield Hostile("bomb-1-bit.png", encode(Image.new("1", (8_001, 8_000))), "bomb", REFUSED)
    yield Hostile("bomb.gif", encode(Image.new("P", (8_001, 8_000)), "GIF"), "bomb", REFUSED)
    yield Hostile("bomb.tif", encode(Image.new("1", (8_001, 8_000)), "TIFF", compression="group4"), "bomb", REFUSED)
    yield Hostile("scans.jpg", _many_scans(2_000), "bomb", REFUSED)
    yield Hostile("no-sides.png", _giant_png(0, 0), "giant", REFUSED)


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, *chunks: bytes) -> bytes:
    """Return a PNG of any header, with `chunks` after it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def _giant_png(width: int, height: int) -> bytes:
    return png(width, height, 8, 2, chunk(b"IDAT", zlib.compress(bytes(1000))))


def _giant_bmp(width: int, height: int) -> bytes:
    header = struct.pack("<IHHIIiiHHIIiiII", 154, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + header + bytes(100)


def _giant_tiff(width: int, height: int) -> bytes:
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 200), (277, 1), (278, height), (279, 100)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(300)


def _giant_gif(width: int, height: int) -> bytes:
    width, height = min(width, 65_535), 65_535 if width * height > 65_535**2 or height > 65_535 else max(height, 1_000)
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x08\x02\x04\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + bytes(768) + frame + b";"


def _giant_webp(width: int, height: int) -> bytes:
    width, height = min(width, 2**24), min(height, 2**24)
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<II", 10, 0x02) + sides + bytes(40)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _giant_jpeg(width: int, height: int) -> bytes:
    data = bytearray(encode(drawing("L"), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", min(height, 65_500), min(width, 65_500))
    return bytes(data)


def _giant_ppm(width: int, height: int) -> bytes:
    return f"P6 {width} {height} 255\n".encode() + bytes(100)


GIANTS = {
    ".png": _giant_png, ".bmp": _giant_bmp, ".tif": _giant_tiff, ".gif": _giant_gif, ".webp": _giant_webp,
    ".jpg": _giant_jpeg, ".ppm": _giant_ppm,
}  # fmt: skip


def _many_scans(n: int) -> bytes:
    """Return a progressive JPEG of 4,000 x 4,000 pixels whose last pass over them is asked for `n` times."""
    data = encode(Image.new("L", (4_000, 4_000), 128), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * n + data[-2:]


# ---------------------------------------------------------------- odd, but pictures


def _odd() -> Iterator[Hostile]:
    for name, data in [*_odd_shapes(), *_odd_samples(), *_odd_notes()]:
        yield Hostile(f"odd-{name}", data, "odd", READ)


def _odd_shapes() -> Iterator[tuple[str, bytes]]:
    for width, height in [(1, 1), (1, 10_000), (10_000, 1), (2, 3), (3, 5_000), (28, 28), (5_000, 28)]:
        for mode, kind, extension in [("L", "PNG", ".png"), ("RGB", "BMP", ".bmp"), ("RGBA", "WEBP", ".webp")]:
            yield f"{width}x{height}{extension}", encode(drawing(mode, (width, height)), kind)
    frames = [drawing(digit=digit).convert("P") for digit in (3, 4, 5)]
    for kind, extension in [("GIF", ".gif"), ("WEBP", ".webp"), ("PNG", ".png")]:
        yield f"moving{extension}", encode(frames[0], kind, save_all=True, append_images=frames[1:])


def _odd_samples() -> Iterator[tuple[str, bytes]]:
    grey = np.asarray(drawing("L"))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        yield f"mode-{mode}.png", encode(drawing(mode), "PNG")
    for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "LAB"):
        yield f"mode-{mode}.tif", encode(drawing("RGB").convert(mode) if mode != "LAB" else _lab(), "TIFF")
    for mode in ("L", "CMYK"):
        yield f"mode-{mode}.jpg", encode(drawing().convert(mode), "JPEG")
    for dtype in (np.uint16, ">u2", np.int32, np.float32):
        image = Image.fromarray((grey.astype(np.float64) * 257).astype(dtype))
        yield f"samples-{np.dtype(dtype).str[1:]}-{np.dtype(dtype).byteorder == '>'}.tif", encode(image, "TIFF")
    yield "samples-16.png", encode(Image.fromarray(grey.astype(np.uint16) * 257), "PNG")
    for depth in (1, 2, 4, 16):
        for colour in (0, 3, 2, 4, 6):
            if depth == 16 and colour != 3 or depth < 16 and colour in (0, 3):
                yield f"depth-{depth}-{colour}.png", _deep_png(depth, colour)
    yield "see-through.gif", encode(drawing().convert("P"), "GIF", transparency=0)
    yield "see-through.png", encode(drawing().convert("P"), "PNG", transparency=bytes(range(256)))
    yield "colour-key.png", encode(drawing("L"), "PNG", transparency=250)
    for bits in (1, 2, 4):
        few = drawing().convert("P", palette=Image.Palette.ADAPTIVE, colors=2**bits)
        yield f"palette-{bits}.bmp", encode(few, "BMP")
    yield "bits.pbm", encode(drawing("1"), "PPM")
    yield "plain.pgm", b"P2\n# text\n3 2\n255\n255 0 255\n255 0 255\n"
    yield "16.pgm", b"P5 2 2 65535\n" + bytes(range(8))


def _lab() -> Image.Image:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    image = ImageCms.applyTransform(drawing(), to_lab)
    del image.info["icc_profile"]  # which holds the time
    return image


def _deep_png(depth: int, colour: int) -> bytes:
    n_channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    line = b"\0" + bytes(range(-(-16 * depth * n_channels // 8)))
    palette = [chunk(b"PLTE", bytes(3 * 2**depth))] if colour == 3 else []
    return png(16, 16, depth, colour, *palette, chunk(b"IDAT", zlib.compress(line * 16)))


def _odd_notes() -> Iterator[tuple[str, bytes]]:
    """Yield pictures whose notes say how to turn them or which colours they mean, rightly and wrongly."""
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for extension in (".jpg", ".png", ".webp", ".tif"):
            yield f"turned-{orientation}{extension}", encode(drawing(), ENCODINGS[extension][0], exif=exif)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # without the time it was made
    for name, icc in [("srgb", profile), ("cut", profile[:200]), ("junk", b"junk" * 50), ("long", bytes(200_000))]:
        for extension in (".jpg", ".png", ".webp", ".tif"):
            yield f"icc-{name}{extension}", encode(drawing(), ENCODINGS[extension][0], icc_profile=icc)
    junk = [b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\1" * 50, b"Exif\0\0MM\0*\xff\xff\xff\xff"]
    for n, exif in enumerate(junk):
        for extension in (".jpg", ".png", ".webp"):
            yield f"exif-junk-{n}{extension}", encode(drawing(), ENCODINGS[extension][0], exif=exif)


# ---------------------------------------------------------------- no pictures, or not what they say


def _foreign(chance: random.Random) -> Iterator[Hostile]:
    for n, extension in enumerate(ENCODINGS):
        yield Hostile(f"nothing{extension}", b"", "no picture", REFUSED)
        yield Hostile(f"noise{extension}", chance.randbytes(2_000), "no picture", REFUSED)
        yield Hostile(f"text{extension}", b"<html><script>alert(1)</script>", "no picture", REFUSED)
        others = [other for other in ENCODINGS if ENCODINGS[other][0] != ENCODINGS[extension][0]]
        for other in (others[n % len(others)], others[(n + 3) % len(others)]):
            data = encode(drawing(), *ENCODINGS[other][:1])
            yield Hostile(f"really-{other[1:]}{extension}", data, "wrong extension", READ)
    starts = {
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "pdf": b"%PDF-1.7\n", "zip": b"PK\x03\x04" + bytes(60), "ico": b"\0\0\1\0\1\0\x10\x10" + bytes(60),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
        "gzip": b"\x1f\x8b\x08" + bytes(60), "elf": b"\x7fELF" + bytes(60), "psd": b"8BPS\0\1" + bytes(60),
        "fits": b"SIMPLE  =                    T" + bytes(60), "xbm": b"#define a_width 9\n#define a_height 9\n",
    }  # fmt: skip
    for name, data in starts.items():
        yield Hostile(f"in-truth-{name}.png", data, "no picture", REFUSED)


# ---------------------------------------------------------------- names


def _named() -> Iterator[Hostile]:
    data = encode(drawing(), "PNG")
    names = [
        "=cmd|' C calc'!A0", '=HYPERLINK("http:evil","x")', "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
        "＝1+1", "'=1+1", "''=1+1", "'quoted'", '"double"', 'a"b,c', "a;b", "a,b", "a\tb", "a\nb", "a\r\nb", "a\rb",
        "a\x07b\x1b[31m", "<img src=x onerror=alert(1)>", "<script>alert(1)<", '" onmouseover="alert(1)',
        "&lt;b&gt;", "a\u202egnp.exe", "\u200f\u2067rtl", "\u200bzero", "e\u0301", "\u00e9", "\U0001f600", " leading",
        "trailing ", "...", "%00", "%2e%2e", "..%2f", "a\\b", "C:\\x", "CON", "NA", "nan", "null", "None", "1e5",
        "00123", "TRUE", "{{DATA}}", "${x}", "$(id)", "`id`", ";id", "|id", "*", "?", "[0-9]", "~", "#", "--help",
        "-rf", "http:", "s3:", "\u2028line", "\ufeffbom", "\x7f", "x" * 251, "\u00e9" * 125, os.fsdecode(b"\xff\xfe"),
        os.fsdecode(b"\xe9t\xe9"),
    ]  # fmt: skip
    for name in names:
        yield Hostile(f"{name}.png", data, "name", READ)


# ---------------------------------------------------------------- what is no file


def add_special(folder: Path) -> dict[str, str]:
    """Add links, pipes, sockets, devices and folders named like pictures; return name -> what its row must say.

    Only what gets a row: a folder named like a picture is walked into, and a loop of folders must not be.
    """
    (folder / "real.png").write_bytes(encode(drawing(), "PNG"))
    os.symlink("real.png", folder / "link.png")
    os.symlink("nowhere.png", folder / "dangling.png")
    os.symlink("loop-b.png", folder / "loop-a.png")
    os.symlink("loop-a.png", folder / "loop-b.png")
    os.symlink(".", folder / "around.png")
    os.symlink("/dev/zero", folder / "zero.png")
    os.symlink("/dev/stdin", folder / "stdin.png")
    (folder / "empty-folder.png").mkdir()
    told = {
        "real.png": "", "link.png": "", "dangling.png": "no such file", "loop-a.png": "cannot be read",
        "loop-b.png": "cannot be read", "around.png": "folder", "zero.png": "regular file", "stdin.png": "",
    }  # fmt: skip
    os.mkfifo(folder / "pipe.png")
    told["pipe.png"] = "regular file"
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(folder)  # a socket's path may be no longer than 107 bytes
        listener.bind("socket.png")
        os.chdir(here)
    told["socket.png"] = "cannot be read"
    (folder / "forbidden.png").write_bytes(encode(drawing(), "PNG"))
    (folder / "forbidden.png").chmod(0)
    told["forbidden.png"] = "" if os.geteuid() == 0 else "permission"  # root reads everything
    try:
        os.mknod(folder / "device.png", stat.S_IFCHR | 0o600, os.makedev(1, 5))
        told["device.png"] = ""  # no regular file, or no permission where devices are not allowed
    except PermissionError:
        pass
    return told


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write hostile and odd files into a folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"{len(make_hostile(arguments.folder, arguments.seed))} files in {arguments.folder}")
