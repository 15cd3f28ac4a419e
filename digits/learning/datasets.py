"""MNIST, image folders, Kaggle's CSV and corrections -> ink and labels in memory, and the splits.

    ink, labels = load_mnist(train=True)        # uint8 (60000, 28, 28), int64 (60000,)
    train, validation = split(labels)

Everywhere here ink is uint8 (n, 28, 28), and labels are int64 (n,).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from digits.command import UserError
from digits.corrections import Corrections
from digits.files import ROOT
from digits.finding.decode import EXTENSIONS, read_bytes
from digits.finding.digit import find_digit
from digits.finding.ink import normalise
from digits.finding.limits import PictureError
from digits.finding.pages import to_pages
from digits.tables import to_digit

N_VALIDATION = 12_000  # 80/20 of the 60,000
N_HELD_OUT = 5_000  # by long runs, the shipped weights' among them; these are some of the 12,000
SPLIT_SEED = 0
KAGGLE_IS_MNIST = "Kaggle's train.csv and test.csv are MNIST's 70,000 images, which most networks here were trained on"


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


def has_mnist(directory: str | Path | None = None) -> bool:
    """Whether MNIST's training images lie there already."""
    return any((Path(directory or data_dir()) / "MNIST" / "raw").glob("train-images*"))


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
    flip = np.array([1, -1], np.float32)
    strokes = [
        [np.array(stroke, np.float32) * flip for stroke in digit["strokes"] if len(stroke) > 1] for digit in digits
    ]
    keep = [i for i, digit in enumerate(strokes) if digit]
    return [strokes[i] for i in keep], np.array([digits[i]["label"] for i in keep], np.int64)


def load_corrections(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return ink and labels of the corrections stored on the page; raises `UserError` if there are none."""
    ink, labels = Corrections(path).ink_and_labels()
    if not len(ink):
        raise UserError("there are no corrections yet; correct a few answers on the page first")
    return ink, labels


def load_kaggle(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return ink, uint8 (n, 28, 28), and labels (n,) of a Kaggle Digit Recognizer CSV; labels are -1 in a test.csv.

    Without a header the label, if there is one, comes first; pixels may have been divided by 255. Raises `UserError`.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, header=None if _is_without_header(path) else "infer")
        if len(table.columns) == 28 * 28 + 1 and "label" not in table:
            table = table.rename(columns={table.columns[0]: "label"})
        labels = table.pop("label").to_numpy(np.int64) if "label" in table else np.full(len(table), -1)
        pixels = table.to_numpy(np.float32).reshape(-1, 28, 28)
        if not labels.max(initial=0) <= 9:
            raise ValueError("a label outside 0 to 9")
        return _to_ink(pixels), labels
    except FileNotFoundError:
        raise UserError(f"there is no file {path}; Kaggle's come from the competition's data page") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{Path(path).name} is not a Kaggle digit file of 784 pixel columns ({error})") from None


def _is_without_header(path: str | Path) -> bool:
    with Path(path).open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline().strip().split(",")
    return all(cell.strip().replace(".", "", 1).isdecimal() for cell in first)


def _to_ink(pixels: np.ndarray) -> np.ndarray:
    """Return pixels of 0 to 255, or of 0 to 1, as uint8. Raises `ValueError` for any others."""
    bottom, top = pixels.min(initial=0), pixels.max(initial=0)
    if np.isnan(pixels).any():
        raise ValueError("a pixel is missing")
    if bottom < 0 or top > 255:
        kind = "pixels are standardised, outside 0 to 255" if bottom < 0 and top < 10 else "pixels lie outside 0 to 255"
        raise ValueError(f"{kind}: they go from {bottom:.3g} to {top:.3g}")
    return (pixels * (255 if top <= 1 else 1)).round().astype(np.uint8)


def find_class_folders(path: str | Path) -> list[tuple[Path, int]]:
    """Return the folders of the classes, named 0 … 9 or zero … nine, below `path` or its train/, with their digits.

    Raises `UserError` if there are none.
    """
    path = Path(path)
    for folder in (path, path / "train"):
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
        found = [(one, to_digit(one.name)) for one in inside if one.is_dir()]
        if classes := [(one, digit) for one, digit in found if digit is not None]:
            return sorted(classes, key=lambda each: each[1])
    there = ", ".join(sorted(one.name for one in path.iterdir() if one.is_dir())[:5]) or "no folder"
    raise UserError(f"{path} needs a folder of pictures for each digit, named 0 to 9; there is {there}")


def load_folders(path: str | Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return ink and labels of pictures in a folder per class, and why each of the others was left out.

    Raises `UserError` if there are no class folders, or no picture in them can be read.
    """
    files = [(file, label) for folder, label in find_class_folders(path) for file in sorted(folder.rglob("*"))
             if file.is_file() and not file.name.startswith(".")]  # fmt: skip
    inks, labels, left_out = [], [], []
    for file, label in tqdm(files, f"reading {Path(path).name}", leave=False, disable=None):
        found, why = _read_all(file)
        inks += found
        labels += [label] * len(found)
        left_out += [f"{file.relative_to(path)}: {why}"] if why else []
    if not inks:
        why = left_out[0] if left_out else "the folders are empty"
        raise UserError(f"no picture in the class folders below {path} can be read: {why}")
    return np.stack(inks), np.array(labels, np.int64), left_out


def _read_all(file: Path) -> tuple[list[np.ndarray], str]:
    """Return the ink of every page of a file, and what was wrong with one."""
    if file.suffix.lower() not in EXTENSIONS:
        return [], "no picture"
    try:
        found = [find_digit(page) for _mark, page in to_pages(read_bytes(file))]
    except PictureError as error:
        return [], str(error)
    blank = "" if not any(one.is_blank for one in found) else "nothing is written here"
    return [one.ink for one in found if not one.is_blank], blank
