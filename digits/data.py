"""MNIST, image folders, Kaggle's CSV and corrections -> ink and labels in memory, and the splits.

    ink, labels = load_mnist(train=True)        # uint8 (60000, 28, 28), int64 (60000,)
    train, validation = split(labels)

Everywhere here ink is uint8 (n, 28, 28), and labels are int64 (n,).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from digits.picture import EXTENSIONS, PictureError
from digits.preprocess import find_digit, normalise
from utils import OUTPUTS_DIR, ROOT, UserError, atomic_path

N_VALIDATION = 12_000  # 80/20 of the 60,000
N_HELD_OUT = 5_000  # by long runs, the shipped weights' among them; these are some of the 12,000
SPLIT_SEED = 0


def data_dir() -> Path:
    """Return where MNIST lies or goes: $MNIST_DATA_DIR, else data/ beside the programs."""
    return Path(os.environ.get("MNIST_DATA_DIR") or ROOT / "data")


def load_mnist(train: bool, directory: str | Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return MNIST's ink, uint8 (n, 28, 28), and labels, int64 (n,); download it if it is not there.

    Raises `UserError` if it is missing and cannot be downloaded.
    """
    from torchvision.datasets import MNIST

    directory = Path(directory or data_dir())
    try:
        there = MNIST(directory, train=train, download=True)  # torchvision looks for the files first
    except Exception as error:  # urllib, ssl, os and torchvision's own RuntimeError
        raise UserError(
            f"MNIST is not in {directory} and cannot be downloaded ({type(error).__name__}); "
            "name the folder that holds MNIST/raw with --data-dir"
        ) from None
    return there.data.numpy(), there.targets.numpy().astype(np.int64)


BUNDLED_SIDE = 80  # pixels of the longer side while a bundled digit is being smoothed


def load_bundled_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's bundled digits in MNIST's form: ink, uint8 (1797, 28, 28), and labels, int64 (1797,).

    They are 8x8 counts from 0 to 16 (Alpaydin and Kaynak 1998), enlarged smoothly and then boxed and centred as any
    picture is. No file is downloaded: for trying things out where MNIST cannot be had. Raises `UserError`.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UserError(
            "scikit-learn, which brings the bundled digits, is not installed; "
            "get it with: pip install -r requirements-notebook.txt"
        ) from None
    bundled = load_digits()
    return np.stack([_enlarge(image / 16) for image in bundled.images]), bundled.target.astype(np.int64)


def _enlarge(coverage: np.ndarray) -> np.ndarray:
    """Return ink of an 8x8 picture of strokes, 0 to 1: smoothed first, its edges then made steep again."""
    size = (BUNDLED_SIDE, BUNDLED_SIDE)
    smooth = cv2.resize(coverage.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    contrast = np.clip((smooth - 0.2) / 0.5, 0, 1)
    return normalise(contrast, contrast > 0)


def split(
    labels: np.ndarray, n_validation: int = N_VALIDATION, seed: int = SPLIT_SEED
) -> tuple[np.ndarray, np.ndarray]:
    """Return (training, validation) indices: a fixed random split, the same for every run with these arguments."""
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


def load_strokes(path: str | Path | None = None) -> tuple[list[list[np.ndarray]], np.ndarray]:
    """Return pen strokes and labels of UCI Pendigits' training writers: each digit a list of (n, 2) paths, y down.

    The file is JSON: [{"label": 8, "strokes": [[[x, y], …], …]}, …], y up as the tablet has it.
    """
    path = Path(path or data_dir() / "strokes" / "pendigits_train.json")
    try:
        digits = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"there are no pen strokes at {path}; leave them out with --dataset mnist") from None
    flip = np.float32([1, -1])
    strokes = [[np.float32(stroke) * flip for stroke in digit["strokes"] if len(stroke) > 1] for digit in digits]
    keep = [i for i, digit in enumerate(strokes) if digit]
    return [strokes[i] for i in keep], np.array([digits[i]["label"] for i in keep], np.int64)


@dataclass
class Data:
    """Ink and labels to train on, and what to validate on, by the name of the data set."""

    ink: np.ndarray  # uint8 (n, 28, 28)
    labels: np.ndarray  # int64 (n,), 0–9, or 10 where there is no digit
    validation: dict[str, tuple[np.ndarray, np.ndarray]]


def gather(names: list[str], n_validation: int, seed: int, directory: str | Path | None = None, limit: int = 0) -> Data:
    """Return the data sets `names`, one after the other; `limit` keeps that many images of each.

    A name is "mnist", "imitated", "segments", "bundled", a folder with one sub-folder of pictures per class, a Kaggle
    train.csv, or the .sqlite file of corrections. "mnist=10000" trains on the first 10,000 images; of what is made,
    "imitated=60000" makes so many pictures, and "segments=9000" so many lines.
    """
    wanted = [parse_name(name) for name in names]
    loaded = {one: _load(*one, n_validation, seed, directory, limit) for one in dict.fromkeys(wanted)}
    if not any(len(found[2]) for found in loaded.values()):
        raise UserError("there are too few pictures to hold one back for validation; five are the least")
    paths = list(dict.fromkeys(name for name, _n in loaded))
    short = [Path(path).name for path in paths]  # what travels with the weights: no folders
    nth = [short[:i].count(name) + 1 for i, name in enumerate(short)]
    called = {path: name if n == 1 else f"{name}-{n}" for path, name, n in zip(paths, short, nth, strict=True)}
    return Data(
        ink=np.concatenate([loaded[one][0] for one in wanted]),
        labels=np.concatenate([loaded[one][1] for one in wanted]),
        validation={called[name]: found[2:] for (name, _n), found in loaded.items() if len(found[2])},
    )


def parse_name(word: str) -> tuple[str, int | None]:
    """Return ("imitated", 60000) for "imitated=60000", and (word, None) for a data set taken whole."""
    name, equals, n = word.rpartition("=")
    return (name, int(n)) if equals and n.isdecimal() and not Path(word).exists() else (word, None)


def _load(
    name: str, n: int | None, n_validation: int, seed: int, directory: str | Path | None, limit: int
) -> tuple[np.ndarray, ...]:
    """Return (ink, labels, validation ink, validation labels) of one data set, or of its first `n` to train on."""
    if name in MADE:
        return load_made(name, limit or n or MADE[name], (limit or MADE[name]) // 20, n_validation, seed, directory)
    ink, labels = load_mnist(True, directory) if name == "mnist" else load_own(name)
    if (labels < 0).any():
        raise UserError(f"{Path(name).name} has no labels to learn from; Kaggle's train.csv has")
    train, held_out = split(labels, min(n_validation, len(labels) // 5))
    train, held_out = (part[:limit] if limit else part for part in (train, held_out))
    return ink[train[:n]], labels[train[:n]], ink[held_out], labels[held_out]


def load_own(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return ink and labels of what is no MNIST: the bundled digits, a folder per class, a Kaggle CSV, corrections."""
    path = Path(name)
    if name == "bundled":
        return load_bundled_digits()
    if path.suffix == ".csv" and path.is_file():
        return load_kaggle(path)
    if path.suffix == ".sqlite" and path.is_file():
        return load_corrections(path)
    if path.is_dir():
        return load_folders(path)
    raise UserError(
        f"there is no data set '{name}'; "
        "use mnist, imitated, segments, bundled, a folder of class folders, a Kaggle CSV or corrections"
    )


def load_corrections(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return ink and labels of the corrections stored on the page; raises `UserError` if there are none."""
    from digits.feedback import Corrections

    ink, labels = Corrections(path).ink_and_labels()
    if not len(ink):
        raise UserError("there are no corrections yet; correct a few answers on the page first")
    return ink, labels


def load_kaggle(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return ink, uint8 (n, 28, 28), and labels (n,) of a Kaggle Digit Recognizer CSV; labels are -1 in a test.csv."""
    import pandas as pd

    try:
        table = pd.read_csv(path)
        labels = table.pop("label").to_numpy(np.int64) if "label" in table else np.full(len(table), -1)
        pixels = table.to_numpy(np.int64).reshape(-1, 28, 28)
        if not (pixels.min(initial=0) >= 0 and pixels.max(initial=0) <= 255 and labels.max(initial=0) <= 9):
            raise ValueError("a pixel outside 0 to 255, or a label above 9")
        return pixels.astype(np.uint8), labels
    except (OSError, ValueError) as error:
        raise UserError(f"{Path(path).name} is not a Kaggle digit file of 784 pixel columns ({error})") from None


def load_folders(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return ink and labels of pictures in folders named 0 … 9, preprocessed; unreadable ones are left out."""
    files = [(file, int(folder.name)) for folder in sorted(Path(path).iterdir()) if folder.name in set("0123456789")
             for file in sorted(folder.iterdir()) if file.suffix.lower() in EXTENSIONS]  # fmt: skip
    inks, labels = [], []
    for file, label in files:
        with contextlib.suppress(PictureError):
            found = find_digit(file)
            if not found.is_blank:
                inks.append(found.ink)
                labels.append(label)
    if not inks:
        raise UserError(f"no readable picture lies in folders 0 … 9 below {path}")
    return np.stack(inks), np.array(labels, np.int64)


MADE = {"imitated": 400_000, "segments": 2_000}  # pictures; lines of several digits, cut into candidates


def load_made(
    name: str, n: int, n_check: int, n_validation: int, seed: int, directory: str | Path | None = None
) -> tuple[np.ndarray, ...]:
    """Return (ink, labels, validation ink, validation labels) of a data set the project makes itself, cached.

    `n` to train on and `n_check` to validate with are pictures, or lines of digits. "strips" are whole lines, and have
    texts for labels (see digits/imitate_lines.py).
    The training glyphs are MNIST's training part, the pen strokes where they are there, and the written styles; the
    validation glyphs are the MNIST images held out.
    """
    from digits.imitate import make_pool
    from digits.imitate_lines import make_strips
    from digits.segments import make_segments

    ink, labels = load_mnist(True, directory)
    train, held_out = split(labels, n_validation)
    make = {"imitated": make_pool, "segments": make_segments, "strips": make_strips}[name]
    cache = OUTPUTS_DIR / "cache" / f"{name}-{n}-{n_check}-{n_validation}-{seed}-{_recipe_hash()}.npz"
    if not cache.exists():
        glyphs, glyph_labels = training_glyphs(ink[train], labels[train], directory, seed)
        made = make(glyphs, glyph_labels, n, seed)
        check = make(list(ink[held_out]), labels[held_out], max(100, n_check), seed + 1)
        with atomic_path(cache) as path, path.open("wb") as file:
            np.savez(file, ink=made[0], labels=made[1], held_out_ink=check[0], held_out_labels=check[1])
    with np.load(cache) as stored:
        return tuple(stored[key] for key in ("ink", "labels", "held_out_ink", "held_out_labels"))


def training_glyphs(
    ink: np.ndarray, labels: np.ndarray, directory: str | Path | None = None, seed: int = 0
) -> tuple[list, np.ndarray]:
    """Return MNIST ink, pen strokes (about half as many) and written styles (likewise) as glyphs, and their labels."""
    from digits.styles import make_styles

    n = len(ink) // 2
    styles, style_labels = make_styles(n, seed)
    path = Path(directory or data_dir()) / "strokes" / "pendigits_train.json"
    if not path.exists():
        return [*ink, *styles], np.concatenate([labels, style_labels])
    strokes, stroke_labels = load_strokes(path)
    repeated = [strokes[i % len(strokes)] for i in range(n)]
    return [*ink, *repeated, *styles], np.concatenate([labels, np.resize(stroke_labels, n), style_labels])


def _recipe_hash() -> str:
    """Return a short hash of the code that decides what is made: a cache made by other code is not used."""
    making = ("imitate", "imitate_lines", "pools", "segments", "styles")
    finding = ("picture", "paper", "strokes", "views", "preprocess", "layout", "seams", "strips")
    files = [Path(__file__).with_name(f"{room}.py") for room in (*making, *finding)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:10]
