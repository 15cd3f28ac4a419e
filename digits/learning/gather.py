"""The data sets to train on by their names, with what is held back of each; what the project makes itself is cached.

data = gather(["mnist", "imitated=60000"], n_validation=12_000, seed=0)    # .ink, .labels, .validation
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits.command import UserError
from digits.files import MODELS_DIR
from digits.learning.cache import cached
from digits.learning.datasets import (
    data_dir,
    has_mnist,
    load_bundled_digits,
    load_corrections,
    load_folders,
    load_kaggle,
    load_mnist,
    load_strokes,
    split,
)
from digits.learning.handwriting import make_styles
from digits.learning.pictures import make_pool
from digits.learning.trained_on import Note, to_note
from digits.reading.verdict import NO_DIGIT

PACKAGE = Path(__file__).parent.parent

Part = tuple[np.ndarray, np.ndarray]  # ink and labels

N_IMITATED = 400_000  # pictures, unless a number is asked for
OF_MNIST = {"mnist", "imitated"}  # these are made of MNIST's images
GONE = {"segments"}  # made by earlier versions: weights that learnt them still name them, and nobody has them
HELD_OUT_SEED = 10_001  # no training draws its pictures from it
FEW, N_NAMED = 20, 10  # pictures of a class that are few; files left out that are named
N_COMPARED = 4000  # imitated pictures to compare two networks on: ten seconds to draw
N_WRITTEN, N_WRITTEN_HELD_OUT = 3000, 1000  # pictures that are drawn where MNIST may be missing
SHIPPED = MODELS_DIR / "mnist_cnn_best.nearest.npz"  # see assets/make_nearest.py
WITHOUT_MNIST = {"bundled", "shipped", "written"}


class Loaded(NamedTuple):
    """One data set: what to train on, what is held out, and the files that were left out, each with its reason."""

    train: Part
    held_out: Part
    left_out: list[str]


@dataclass
class Data:
    """Ink and labels to train on, and what to validate on, by the name of the data set."""

    ink: np.ndarray  # uint8 (n, 28, 28)
    labels: np.ndarray  # int64 (n,), 0–9, or 10 where there is no digit
    validation: dict[str, Part]
    trained_on: Note  # what the checkpoint will know of it
    counts: dict[str, np.ndarray]  # of the labels to train on, (11,), by the name of the data set
    left_out: list[str]  # files that could not be learnt from, each with its reason


def gather(
    names: list[str], n_validation: int, seed: int, directory: str | Path | None = None, limit: int | None = None
) -> Data:
    """Return the data sets `names`, one after the other; `limit` keeps that many images of each.

    A name is "mnist", "imitated", "shipped", "written", "bundled", a folder with one sub-folder of pictures per class,
    a Kaggle train.csv, or the .sqlite file of corrections. "mnist=10000" trains on the first 10,000 images;
    "imitated=60000" makes so many pictures. What "shipped" and "written" are say `load_shipped` and `load_written`.
    """
    wanted = [parse_name(name) for name in names]
    loaded = {one: _load(*one, n_validation, seed, directory, limit) for one in dict.fromkeys(wanted)}
    if not any(len(one.held_out[1]) for one in loaded.values()):
        raise UserError("there are too few pictures to hold one back for validation; five are the least")
    called = _short_names([name for name, _n in loaded])
    ink, labels = (np.concatenate(part) for part in zip(*(loaded[one].train for one in wanted), strict=True))
    counts = {name: np.zeros(NO_DIGIT + 1, np.int64) for name in called.values()}
    for name, n in wanted:
        _ink, own_labels = loaded[name, n].train
        counts[called[name]] += np.bincount(own_labels, minlength=NO_DIGIT + 1)
    own = [one.train[0] for (name, _n), one in loaded.items() if name not in OF_MNIST]
    held_out_of_mnist = n_validation if any(name in OF_MNIST for name, _n in wanted) else None
    return Data(
        ink, labels,
        validation={called[name]: one.held_out for (name, _n), one in loaded.items() if len(one.held_out[1])},
        trained_on=to_note(np.concatenate([*own, ink[:0]]), held_out_of_mnist),
        counts=counts,
        left_out=[f"{called[name]}/{file}" for (name, _n), one in loaded.items() for file in one.left_out],
    )  # fmt: skip


def overview(data: Data) -> str:
    """Return a table of the pictures by class, data set and use, with what was left out and what to look out for."""
    rows = {f"{name}, training": counts for name, counts in data.counts.items()}
    for name, (_ink, labels) in data.validation.items():
        rows[f"{name}, held out"] = np.bincount(labels, minlength=NO_DIGIT + 1)
    width = max(len(name) for name in rows)
    titles = [*map(str, range(NO_DIGIT)), "none", "all"]
    lines = [" " * width + "".join(f"{title:>8}" for title in titles)]
    for name, counts in rows.items():
        lines.append(f"{name:<{width}}" + "".join(f"{n:>8,}" for n in [*counts, counts.sum()]))
    lines += [f"left out: {one}" for one in data.left_out[:N_NAMED]]
    if len(data.left_out) > N_NAMED:
        lines.append(f"left out: {len(data.left_out) - N_NAMED:,} more")
    return "\n".join([*lines, *(f"warning: {one}" for one in _warnings(np.sum(list(data.counts.values()), axis=0)))])


def _warnings(counts: np.ndarray) -> list[str]:
    """Return what is wrong with so many pictures (11,) of each class to train on."""
    digits = counts[:NO_DIGIT]
    if np.count_nonzero(counts) == 1:
        return [f"all pictures are of one class, {counts.argmax()}; nothing can be told apart by them"]
    missing, few = (
        ", ".join(map(str, np.flatnonzero(which))) for which in (digits == 0, (digits > 0) & (digits < FEW))
    )
    warnings = [f"no picture shows a {missing}; the network will never answer so"] if missing else []
    return warnings + ([f"fewer than {FEW} pictures to train on show a {few}"] if few else [])


def _short_names(names: list[str]) -> dict[str, str]:
    """Return what travels with the weights in the place of each name: no folders."""
    paths = list(dict.fromkeys(names))
    short = [Path(path).name for path in paths]
    nth = [short[:i].count(name) + 1 for i, name in enumerate(short)]
    return {path: name if n == 1 else f"{name}-{n}" for path, name, n in zip(paths, short, nth, strict=True)}


def gather_held_out(names: list[str], n_validation: int, directory: str | Path | None = None) -> dict[str, Part]:
    """Return what a training on the data sets `names` holds back, to compare networks on: {name: (ink, labels)}.

    Of imitated pictures, `N_COMPARED` are made anew of the MNIST images held out. Raises `UserError`.
    """
    parts, called = {}, _short_names([parse_name(name)[0] for name in names])
    for name, short in called.items():
        if name == "imitated":
            parts[short] = _imitate_held_out(n_validation, directory)
        elif name == "written":
            parts[short] = _draw_written(N_WRITTEN_HELD_OUT, HELD_OUT_SEED)
        else:
            parts[short] = _load(name, None, n_validation, 0, directory, None).held_out
    return {name: part for name, part in parts.items() if len(part[1])}


def _imitate_held_out(n_validation: int, directory: str | Path | None) -> Part:
    def make() -> dict[str, np.ndarray]:
        ink, labels = load_mnist(True, directory)
        held_out = split(labels, n_validation)[1]
        return _named(make_pool(list(ink[held_out]), labels[held_out], N_COMPARED, HELD_OUT_SEED))

    made = cached(f"imitated-held-out-{N_COMPARED}-{n_validation}-{recipe_hash()}", make)
    return made["ink"], made["labels"]


def _named(part: Part) -> dict[str, np.ndarray]:
    return dict(zip(("ink", "labels"), part, strict=True))


def is_of_mnist(name: str) -> bool:
    """Whether a data set consists of MNIST's images, or is made of them."""
    return parse_name(name)[0] in OF_MNIST


def absolute(name: str) -> str:
    """Return a file or folder with its whole path, by which a later comparison finds it; a name as it is."""
    return name if is_of_mnist(name) or not Path(name).exists() else str(Path(name).resolve())


def is_there(name: str, directory: str | Path | None = None, may_fetch: bool = True) -> bool:
    """Whether a data set that a checkpoint or a run names can be had; a name alone says nothing of its folder.

    Unless it `may_fetch`, of what is MNIST's only MNIST itself counts, where it lies in `directory` already.
    """
    kind = parse_name(name)[0]
    if kind in OF_MNIST:
        return may_fetch or (kind == "mnist" and has_mnist(directory))
    return kind in WITHOUT_MNIST or (Path(name).is_absolute() and Path(name).exists())


def parse_name(word: str) -> tuple[str, int | None]:
    """Return ("imitated", 60000) for "imitated=60000", and (word, None) for a data set taken whole."""
    name, equals, n = word.rpartition("=")
    return (name, int(n)) if equals and n.isdecimal() and not Path(word).exists() else (word, None)


def _load(
    name: str, n: int | None, n_validation: int, seed: int, directory: str | Path | None, limit: int | None
) -> Loaded:
    """Return one data set, or its first `n` to train on: that part, the part held out, and what was left out."""
    if n == 0:
        raise UserError(f"{name}=0 holds nothing to learn from; leave it out, or ask for more")
    if name == "imitated":
        n = limit or n or N_IMITATED
        n_check = limit // 20 if limit else min(n // 5, N_IMITATED // 20)
        return Loaded(*load_imitated(n, n_check, n_validation, seed, directory), [])
    if name == "written":
        return Loaded(*load_written(limit or n or N_WRITTEN, seed), [])
    if name == "shipped":
        ink, labels = load_shipped()
        return Loaded((ink[: limit or n], labels[: limit or n]), (ink[:0], labels[:0]), [])
    ink, labels, left_out = (*load_mnist(True, directory), []) if name == "mnist" else load_own(name)
    if (labels < 0).any():
        raise UserError(f"{Path(name).name} has no labels to learn from; Kaggle's train.csv has")
    train, held_out = split(labels, min(n_validation, len(labels) // 5))
    train, held_out = (part[:limit] if limit else part for part in (train, held_out))
    return Loaded((ink[train[:n]], labels[train[:n]]), (ink[held_out], labels[held_out]), left_out)


def load_own(name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return ink and labels of a data set other than MNIST, and why some pictures were left out.

    It is the bundled digits, a folder per class, a Kaggle CSV or corrections.
    """
    path = Path(name)
    if name == "bundled":
        return *load_bundled_digits(), []
    if path.suffix == ".csv" and path.is_file():
        return *load_kaggle(path), []
    if path.suffix == ".sqlite" and path.is_file():
        return *load_corrections(path), []
    if path.is_dir():
        return load_folders(path)
    raise UserError(
        f"there is no data set '{name}'; "
        "use mnist, imitated, shipped, written, bundled, a folder with folders 0 to 9, a Kaggle CSV or corrections"
    )


def load_imitated(
    n: int, n_check: int, n_validation: int, seed: int, directory: str | Path | None = None
) -> tuple[Part, Part]:
    """Return imitated pictures to train on, and others to validate with; cached.

    `n` pictures are to train on, `n_check` to validate with. The training glyphs are MNIST's training part, the pen
    strokes where they are there, and the written styles; the validation glyphs are the MNIST images held out.
    """
    ink, labels = load_mnist(True, directory)
    train, held_out = split(labels, n_validation)

    def make() -> dict[str, np.ndarray]:
        glyphs, glyph_labels = training_glyphs(ink[train], labels[train], directory, seed)
        pool = make_pool(glyphs, glyph_labels, n, seed)
        check = make_pool(list(ink[held_out]), labels[held_out], max(100, n_check), seed + 1)
        return {**_named(pool), "held_out_ink": check[0], "held_out_labels": check[1]}

    made = cached(f"imitated-{n}-{n_check}-{n_validation}-{seed}-{recipe_hash()}", make)
    return (made["ink"], made["labels"]), (made["held_out_ink"], made["held_out_labels"])


def load_shipped() -> tuple[np.ndarray, np.ndarray]:
    """Return ink and labels of the MNIST training images, 400 of each digit, that come with the project, well mixed.

    The shipped weights have learnt them, so none is held out. Raises `UserError` if their file is missing.
    """
    if not SHIPPED.exists():
        raise UserError(f"there is no {SHIPPED.name}; it comes with the project: git checkout models/{SHIPPED.name}")
    with np.load(SHIPPED) as stored:
        mixed = np.random.default_rng(0).permutation(len(stored["labels"]))
        return stored["ink"][mixed], stored["labels"][mixed].astype(np.int64)


def load_written(n: int, seed: int) -> tuple[Part, Part]:
    """Return `n` imitated pictures to train on and a third as many to validate with, for which MNIST is not needed.

    To train on, of the written styles and the shipped images; to validate with, of styles written anew.
    """
    styles, labels = make_styles(n, seed)
    ink, ink_labels = load_shipped()
    glyphs = [*ink, *styles], np.concatenate([ink_labels, labels])
    return _draw_written(n, seed, glyphs), _draw_written(n // 3, seed + 1)


def _draw_written(n: int, seed: int, glyphs: tuple[list[Any], np.ndarray] | None = None) -> Part:
    """Return `n` imitated pictures of the glyphs, or else of styles written by `seed`, from a cache if it has them."""
    of = "glyphs" if glyphs else "styles"

    def make() -> dict[str, np.ndarray]:
        drawn, labels = glyphs or make_styles(n, seed)
        return _named(make_pool(drawn, labels, n, seed, chunk=500))

    made = cached(f"written-{of}-{n}-{seed}-{recipe_hash()}", make)
    return made["ink"], made["labels"]


def training_glyphs(
    ink: np.ndarray, labels: np.ndarray, directory: str | Path | None = None, seed: int = 0
) -> tuple[list[Any], np.ndarray]:
    """Return MNIST ink, pen strokes (about half as many) and written styles (likewise) as glyphs, and their labels."""
    n = len(ink) // 2
    styles, style_labels = make_styles(n, seed)
    path = Path(directory or data_dir()) / "strokes" / "pendigits_train.json"
    if not path.exists():
        return [*ink, *styles], np.concatenate([labels, style_labels])
    strokes, stroke_labels = load_strokes(path)
    repeated = [strokes[i % len(strokes)] for i in range(n)]
    return [*ink, *repeated, *styles], np.concatenate([labels, np.resize(stroke_labels, n), style_labels])


def recipe_hash(package: Path = PACKAGE) -> str:
    """Return a short hash of the rooms that decide what is made: a cache made by other code is not used."""
    files = [file for room in ("finding", "reading", "learning") for file in sorted((package / room).rglob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:10]
