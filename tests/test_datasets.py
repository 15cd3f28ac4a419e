"""MNIST from its files, and the split."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from digits.command import UserError
from digits.finding.ink import is_mnist_form
from digits.learning import datasets
from digits.learning.gather import gather


def write_mnist(directory, n: int = 5) -> np.ndarray:
    """Write `n` random training and test pictures in MNIST's IDX form; return the ink."""
    raw = directory / "MNIST" / "raw"
    raw.mkdir(parents=True)
    ink = np.random.default_rng(0).integers(0, 256, (n, 28, 28), dtype=np.uint8)
    for prefix in ("train", "t10k"):
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, n, 28, 28) + ink.tobytes())
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, n) + bytes(range(n)))
    return ink


def test_mnist_is_read_as_it_lies_there(tmp_path):
    written = write_mnist(tmp_path)
    for train in (True, False):
        ink, labels = datasets.load_mnist(train, tmp_path)
        assert np.array_equal(ink, written) and ink.dtype == np.uint8
        assert list(labels) == [0, 1, 2, 3, 4] and labels.dtype == np.int64


def test_the_folder_comes_from_the_environment(tmp_path, monkeypatch):
    written = write_mnist(tmp_path)
    monkeypatch.setenv("MNIST_DATA_DIR", str(tmp_path))
    assert np.array_equal(datasets.load_mnist(train=True)[0], written)


def test_mnist_that_can_not_be_had_is_one_sentence_that_names_the_flag(tmp_path):
    with pytest.raises(UserError, match="--data-dir") as caught:  # no test reaches the network, see conftest.py
        datasets.load_mnist(train=True, directory=tmp_path / "nowhere")
    assert "\n" not in str(caught.value)


def test_a_damaged_file_is_one_sentence_too(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03 cut")
    with pytest.raises(UserError, match="--data-dir"):
        datasets.load_mnist(train=True, directory=tmp_path)


def test_the_split_covers_everything_once_and_is_the_same_every_time():
    labels = np.arange(1000) % 10
    training, validation = datasets.split(labels, n_validation=200)
    assert len(validation) == 200
    assert sorted([*training, *validation]) == list(range(1000))
    again = datasets.split(labels, n_validation=200)
    assert all(np.array_equal(one, other) for one, other in zip((training, validation), again, strict=True))
    other = datasets.split(labels, n_validation=200, seed=1)[1]
    assert not np.array_equal(other, validation)


def test_the_usual_split_is_80_to_20_of_mnist():
    training, validation = datasets.split(np.zeros(60_000))
    assert (len(training), len(validation)) == (48_000, 12_000)


def test_bundled_digits_have_the_form_of_mnist():
    pytest.importorskip("sklearn")
    ink, labels = datasets.load_bundled_digits()
    assert ink.shape == (1797, 28, 28) and ink.dtype == np.uint8 and labels.dtype == np.int64
    assert all(is_mnist_form(image) for image in ink[:200])
    assert np.bincount(labels).min() > 170


def test_bundled_digits_are_read_as_what_they_are(predictor):
    pytest.importorskip("sklearn")
    ink, labels = datasets.load_bundled_digits()
    assert (predictor.predict_proba(ink[:500]).argmax(axis=1) == labels[:500]).mean() > 0.95


def test_a_run_can_train_on_the_bundled_digits():
    pytest.importorskip("sklearn")
    gathered = gather(["bundled"], n_validation=5000, seed=0)
    assert len(gathered.ink) == 1438 and len(gathered.validation["bundled"][1]) == 359


@pytest.mark.mnist
def test_mnist_itself():
    for train, n in ((True, 60_000), (False, 10_000)):
        ink, labels = datasets.load_mnist(train)
        assert ink.shape == (n, 28, 28) and labels.shape == (n,)
        assert set(labels) == set(range(10))


def test_data_that_nothing_can_be_learnt_from_is_one_sentence(tmp_path):
    pixels = ",".join(f"pixel{i}" for i in range(784))
    (tmp_path / "test.csv").write_text("\n".join([pixels, *[",".join(["0"] * 784)] * 6]))
    with pytest.raises(UserError, match=r"test\.csv has no labels"):
        gather([str(tmp_path / "test.csv")], 1, 0)
    (tmp_path / "train.csv").write_text("\n".join([f"label,{pixels}", *[",".join(["0"] * 785)] * 2]))
    with pytest.raises(UserError, match="too few"):
        gather([str(tmp_path / "train.csv")], 1, 0)


def test_two_folders_of_one_name_are_both_validated_on(tmp_path, examples):
    for writer in ("ann", "bob"):
        for index in range(5):
            folder = tmp_path / writer / "digits" / "3"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{index}.png").write_bytes(examples[3].read_bytes())
    names = [str(tmp_path / writer / "digits") for writer in ("ann", "bob")]
    assert list(gather(names, 1, 0).validation) == ["digits", "digits-2"]
    assert list(gather(names[:1], 1, 0).validation) == ["digits"]


def test_so_many_of_a_data_set_can_be_asked_for(tmp_path):
    write_mnist(tmp_path, 10)
    whole = gather(["mnist"], 2, 0, tmp_path)
    part = gather(["mnist", "mnist=3"], 2, 0, tmp_path)
    assert len(part.ink) == len(whole.ink) + 3
    assert np.array_equal(part.ink[-3:], whole.ink[:3]) and set(part.validation) == {"mnist"}


def test_a_kaggle_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        datasets.load_kaggle(tmp_path / "test.csv")


@pytest.mark.parametrize(("pixel", "label"), [(256, 1), (-1, 1), (0, 10)])
def test_a_kaggle_file_with_impossible_numbers_is_refused(tmp_path, pixel, label):
    columns = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    (tmp_path / "train.csv").write_text(columns + "\n" + ",".join(map(str, [label, pixel, *[0] * 783])) + "\n")
    with pytest.raises(UserError, match="outside"):
        datasets.load_kaggle(tmp_path / "train.csv")
