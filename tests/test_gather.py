"""What the project makes to train on is made once, of the right glyphs, and anew when its recipe changes."""

from __future__ import annotations

import shutil

import numpy as np

from digits.files import ROOT
from digits.learning import gather
from digits.learning.pictures import make_pool
from digits.reading.verdict import NO_DIGIT


def bars(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ink, uint8 (n, 28, 28), of ones that lean more and more, and their labels."""
    ink = np.zeros((n, 28, 28), np.uint8)
    for i, image in enumerate(ink):
        for y in range(4, 24):
            image[y, 13 + i * (y - 14) // (4 * n) : 16 + i * (y - 14) // (4 * n)] = 255
    return ink, np.ones(n, np.int64)


def test_what_is_made_is_kept_until_its_recipe_changes(tmp_path, monkeypatch):
    made = []

    def make(glyphs, labels, n, seed):
        made.append((len(labels), n, seed))
        return make_pool(glyphs, labels, min(n, 8), seed, workers=1)

    monkeypatch.setattr(gather, "make_pool", make)
    monkeypatch.setattr(gather, "load_mnist", lambda _train, _directory: bars(30))
    monkeypatch.setattr("digits.learning.cache.OUTPUTS_DIR", tmp_path / "outputs")
    first = gather.load_imitated(4, 2, n_validation=10, seed=5, directory=tmp_path)
    assert made == [(20 + 10, 4, 5), (10, 100, 6)], "trained on the others and the styles, validated on those held out"
    again = gather.load_imitated(4, 2, n_validation=10, seed=5, directory=tmp_path)
    assert len(made) == 2 and all(np.array_equal(a[i], b[i]) for a, b in zip(first, again, strict=True) for i in (0, 1))
    (ink, labels), (held_out_ink, held_out_labels) = first
    assert ink.shape == (len(labels), 28, 28) and held_out_ink.shape == (len(held_out_labels), 28, 28)
    assert set(held_out_labels) <= {1, NO_DIGIT}
    monkeypatch.setattr(gather, "recipe_hash", lambda: "changed")
    gather.load_imitated(4, 2, n_validation=10, seed=5, directory=tmp_path)
    assert len(made) == 4


def test_the_recipe_is_all_code_that_decides_what_is_made(tmp_path):
    package = shutil.copytree(ROOT / "digits", tmp_path / "digits", ignore=shutil.ignore_patterns("__pycache__"))
    before = gather.recipe_hash(package)
    (package / "serving" / "api.py").write_text("# serves otherwise\n")
    assert gather.recipe_hash(package) == before == gather.recipe_hash(ROOT / "digits")
    (package / "learning" / "glyphs.py").write_text("# draws otherwise\n")
    other = gather.recipe_hash(package)
    (package / "finding" / "new.py").write_text("# finds otherwise\n")
    assert len({before, other, gather.recipe_hash(package)}) == 3
