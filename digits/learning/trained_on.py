"""What a network was trained on: a note that travels with its weights, so that testing on the same pictures is noticed.

    note = to_note(ink, mnist_held_out=5000)          # of the pictures to train on
    known = learnt(note, other_ink, data_dir())       # (n,) bool: which of these were among them

MNIST is noted by how many of its training images were held out, the pictures of others by 32 bits of each one's ink, so
that one in some ten thousand unknown pictures may seem known. No picture can be made of the note.
"""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from digits.learning.datasets import has_mnist, load_mnist, split

Note = dict[str, Any]  # {"mnist_held_out": 5000 or None, "hashes": base64 of sorted uint32}


def to_note(ink: np.ndarray, mnist_held_out: int | None = None) -> Note:
    """Return the note of training ink, uint8 (n, 28, 28), and of MNIST but for `mnist_held_out` images if given."""
    return {"mnist_held_out": mnist_held_out, "hashes": _pack(_hashes(ink))}


def join(one: Note, other: Note) -> Note:
    """Return the note of a network that learnt what both say."""
    held_out = [note["mnist_held_out"] for note in (one, other) if note.get("mnist_held_out") is not None]
    hashes = np.concatenate([_unpack(note.get("hashes", "")) for note in (one, other)])
    return {"mnist_held_out": min(held_out, default=None), "hashes": _pack(hashes)}


def note_of(facts: dict[str, Any]) -> Note:
    """Return the note of a checkpoint's facts; of an earlier version's, what its settings tell."""
    config = facts.get("config") or {}
    uses = any(str(name).partition("=")[0] in ("mnist", "imitated") for name in config.get("dataset", ()))
    settings = {"mnist_held_out": config.get("validation", 0) if uses else None, "hashes": ""}
    return facts.get("trained_on") or settings


def learnt(note: Note, ink: np.ndarray, directory: str | Path | None = None) -> np.ndarray:
    """Return (n,) which of ink, uint8 (n, 28, 28), are among what was learnt, as far as can be known.

    MNIST's images are recognised where MNIST lies in `directory`; nothing is downloaded for it.
    """
    known = _unpack(note.get("hashes", ""))
    if note.get("mnist_held_out") is not None and has_mnist(directory):
        mnist, labels = load_mnist(True, directory)
        known = np.concatenate([known, _hashes(mnist[split(labels, note["mnist_held_out"])[0]])])
    return np.isin(_hashes(ink), known)


def _hashes(ink: np.ndarray) -> np.ndarray:
    return np.array([zlib.crc32(np.ascontiguousarray(image).tobytes()) for image in ink], np.uint32)


def _pack(hashes: np.ndarray) -> str:
    return base64.b64encode(np.unique(hashes).astype("<u4").tobytes()).decode()


def _unpack(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<u4")
