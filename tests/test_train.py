"""The loop learns, resumes to the same weights, leaves its papers, and refuses what it cannot do in one sentence."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch

import train
from digits.finding.ink import MEAN, STD
from digits.learning.augment import mix
from digits.learning.loop import make_schedule
from model import load_checkpoint
from utils import UserError


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Twenty pictures each of a bar that stands (1) and a ring (0), in class folders."""
    import cv2

    rng, own = np.random.default_rng(0), tmp_path_factory.mktemp("drawn") / "own"
    for label in (0, 1):
        folder = own / str(label)
        folder.mkdir(parents=True)
        for index in range(20):
            picture = np.full((60, 60), 255, np.uint8)
            x = int(rng.integers(25, 35))
            if label:
                cv2.line(picture, (x, 10), (x + int(rng.integers(-4, 5)), 50), 0, 5)
            else:
                cv2.ellipse(picture, (x, 30), (int(rng.integers(9, 14)), 20), 0, 0, 360, 0, 4)
            cv2.imwrite(str(folder / f"{index}.png"), picture)
    return own


@pytest.fixture
def tiny_folder(drawn, tmp_path):
    """A copy of the drawn pictures, to do with as a test likes."""
    return shutil.copytree(drawn, tmp_path / "own")


@pytest.fixture(scope="module")
def trained(drawn, tmp_path_factory):
    """The folder of a run that has learnt to tell the two apart; copy it before changing it."""
    run_dir = tmp_path_factory.mktemp("trained") / "run"
    train.train(settings_for(drawn, epochs=6), run_dir)
    return run_dir


def settings_for(folder, **changes) -> train.Settings:
    common = {"dataset": [str(folder)], "batch_size": 8, "lr": 3e-3, "device": "cpu", "precision": "fp32", "ema": 0.5}
    return train.Settings(**common | changes)


def test_it_learns_and_leaves_its_papers(trained):
    with (trained / "metrics.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3, 4, 5, 6]
    stored = json.loads((trained / "summary.json").read_text())
    assert stored["best"]["val_own"] == 1.0 and stored["settings"]["seed"] == 0
    assert {"python", "torch", "numpy"} <= stored["versions"].keys()
    assert {"training_curves.png", "confusion_matrix.png", "sample_predictions.png"} <= {
        path.name for path in trained.iterdir()
    }


def test_a_pupil_believes_its_teacher_rather_than_the_labels(trained, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("digits.learning.distil.OUTPUTS_DIR", tmp_path / "outputs")
    for old, new in (("0", "rings"), ("1", "0"), ("rings", "1")):  # every label is wrong now
        (tiny_folder / old).rename(tiny_folder / new)
    settings = settings_for(tiny_folder, epochs=6, teacher=[str(trained / "best.pth")], copies=2)
    assert train.train(settings, tmp_path / "pupil")["last"]["val_own"] == 0.0
    assert load_checkpoint(tmp_path / "pupil" / "last.pth").config["teacher"] == ["best.pth"]


def test_a_checkpoint_of_the_loop_describes_itself(trained):
    checkpoint = load_checkpoint(trained / "best.pth")
    assert (checkpoint.architecture, checkpoint.mean, checkpoint.std) == ("mnistnet", MEAN, STD)
    assert 0.3 <= checkpoint.temperature <= 5
    assert {"unsure_confidence", "unsure_score", "not_a_digit_score"} <= checkpoint.thresholds.keys()
    assert checkpoint.config["lr"] == 3e-3


def test_a_stopped_run_resumes_to_the_same_weights(tiny_folder, tmp_path, monkeypatch):
    settings = settings_for(tiny_folder, epochs=3)
    train.train(settings, tmp_path / "whole")

    class Stopped(Exception):
        pass

    def stop_after_two(learner, run_dir, history, write=train.Learner.save):
        write(learner, run_dir, history)
        if len(history) == 2:
            raise Stopped

    stopped = tmp_path / "stopped"
    stopped.mkdir()
    (stopped / "config.json").write_text(json.dumps(train.asdict(settings)))
    with monkeypatch.context() as patched:
        patched.setattr(train.Learner, "save", stop_after_two)
        with pytest.raises(Stopped):
            train.train(settings, stopped)
    again, state = train.read_run(stopped, train.Settings)
    assert again == settings
    train.train(again, stopped, state)
    whole, resumed = (load_checkpoint(tmp_path / name / "last.pth").state for name in ("whole", "stopped"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tiny_folder, tmp_path):
    states = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train.train(settings_for(tiny_folder, epochs=1, seed=seed), tmp_path / name)
        states.append(load_checkpoint(tmp_path / name / "last.pth").state["0.weight"])
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_the_learning_rate_rises_and_ends_lower_than_it_began():
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], 1e-3)
    steps = make_schedule(optimizer, 1e-3, 100)
    rates = []
    for _ in range(100):
        rates.append(steps.get_last_lr()[0])
        optimizer.step()
        steps.step()
    assert rates[0] < max(rates) / 4 and max(rates) <= 1e-3 * 1.0001
    assert rates[-1] < max(rates) / 4


def test_the_logit_of_no_digit_is_zero():
    logits = torch.tensor([[1.0] * 10])
    assert train.with_no_digit(logits).tolist() == [[1.0] * 10 + [0.0]]


def test_mixup_keeps_every_target_a_distribution():
    torch.manual_seed(0)
    batch, target = torch.rand(6, 1, 28, 28), torch.eye(11)[torch.arange(6)]
    mixed, targets = mix(batch, target, 0.3)
    assert mixed.shape == batch.shape
    assert torch.allclose(targets.sum(dim=1), torch.ones(6))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--model", "lenet"], "there is no architecture 'lenet'"),
        (["--augment", "wobble"], "there is no augmentation 'wobble'"),
        (["--dataset", "nowhere"], "there is no data set 'nowhere'"),
        (["--resume", "no-such-run"], "cannot be resumed"),
        (["--batch-size", "0"], "--batch-size must be at least 1"),
        (["--teacher", "nobody", "--dataset", "bundled"], "there are no weights"),
        (["--feedback", "none.sqlite"], "there are no corrections in none.sqlite"),
        (["--feedback", "none.sqlite", "--teacher", "gapcnn"], "leave out --teacher"),
    ],
)
def test_a_wrong_word_is_one_sentence(words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "RUNS_DIR", tmp_path)
    assert train.main(["--smoke", "--no-cuda", *words]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_damaged_state_is_one_sentence(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "state.pt").write_bytes(b"half a fil")
    with pytest.raises(UserError, match="damaged"):
        train.read_run(tmp_path, train.Settings)


def test_a_checkpoint_is_replaced_only_by_one_that_is_no_worse(trained, tiny_folder, tmp_path):
    train.train(settings_for(tiny_folder, epochs=1, lr=1e-9), tmp_path / "bad")
    validation = train.gather([str(tiny_folder)], 8, 0).validation
    doubled = {name: (np.tile(ink, (4, 1, 1)), np.tile(labels, 4)) for name, (ink, labels) in validation.items()}
    paths = [run_dir / "best.pth" for run_dir in (trained, tmp_path / "bad")]
    assert train.is_no_worse(*paths, doubled, "cpu")[0]
    allowed, why = train.is_no_worse(*reversed(paths), doubled, "cpu")
    assert not allowed
    assert "newly wrong" in why


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    monkeypatch.setattr("digits.reading.engines.MODELS_DIR", tmp_path / "models")
    monkeypatch.setattr(train, "OUTPUTS_DIR", tmp_path / "outputs")
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def test_corrections_are_served_only_if_nothing_is_lost_by_them(trained, tiny_folder, tmp_path, own_models, capsys):
    shutil.copytree(trained, tmp_path / "good")
    for picture in list(tiny_folder.rglob("*.png")):  # a fifth is held out: eight of forty are too few for a verdict
        picture.with_stem(f"again{picture.stem}").write_bytes(picture.read_bytes())
    good, bad = settings_for(tiny_folder, epochs=6), settings_for(tiny_folder, epochs=1, lr=1e-9, feedback="c.sqlite")
    train.train(bad, tmp_path / "bad")
    for settings, run_dir in ((good, tmp_path / "good"), (bad, tmp_path / "bad")):
        train.serve(settings, run_dir, tmp_path)
    assert "kept beside" in capsys.readouterr().err
    served = own_models / "mnist_cnn_best.pth"
    assert served.read_bytes() == (tmp_path / "good" / "best.pth").read_bytes()
    assert served.with_suffix(".onnx").exists() and (own_models / "mnist_cnn.pth").exists()
    train.serve(train.replace(good, feedback="c.sqlite"), tmp_path / "good", tmp_path)
    assert "now served" in capsys.readouterr().err


def test_learning_corrections_starts_from_what_is_served(tiny_folder, tmp_path, own_models):
    before = settings_for(tiny_folder, epochs=1, validation=7, dropout=0.05)
    train.train(before, tmp_path / "run")
    train.publish(tmp_path / "run", "mnistnet")
    corrections = tmp_path / "c.sqlite"
    corrections.touch()
    settings = train.settings_from(train.parse_arguments(["--feedback", str(corrections), "--no-cuda"]))
    assert settings.start == str(own_models / "mnist_cnn_best.pth")
    assert (settings.validation, settings.dropout) == (7, 0.05), "as the served weights were trained"
    assert settings.dataset[:2] == ["mnist", "imitated=40000"]
    assert settings.dataset[2:] == [str(corrections)] * 10


def test_no_folder_of_this_machine_travels_with_the_weights(tiny_folder, tmp_path):
    train.train(settings_for(tiny_folder, epochs=1), tmp_path / "run")
    train.train(settings_for(tiny_folder, epochs=1, start=str(tmp_path / "run" / "last.pth")), tmp_path / "next")
    config = load_checkpoint(tmp_path / "next" / "last.pth").config
    assert (config["dataset"], config["start"]) == (["own"], "last.pth")
    assert train.Settings(**config).model == "mnistnet"


def test_tensorboard_can_read_along(tiny_folder, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train.train(settings_for(tiny_folder, epochs=2), tmp_path / "run")
    events = accumulator.EventAccumulator(str(tmp_path / "run")).Reload()
    assert [event.step for event in events.Scalars("val_loss")] == [1, 2]


@pytest.mark.slow
def test_two_processes_train_as_one_does(tiny_folder, tmp_path):
    """Each sees half of every batch; only gradients shared between them give the weights that one process gets."""
    settings = settings_for(tiny_folder, epochs=2, model="plaincnn", dropout=0.0, augment=["none"])
    (tmp_path / "settings.json").write_text(json.dumps(train.asdict(settings)))
    program = (
        "import json, sys, train; from pathlib import Path; folder = Path(sys.argv[1]);"
        "train.train(train.Settings(**json.loads((folder / 'settings.json').read_text())), folder / 'two')"
    )
    (tmp_path / "two.py").write_text(program)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]  # free
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={port}"]
    done = subprocess.run(
        [*torchrun, str(tmp_path / "two.py"), str(tmp_path)],
        cwd=train.ROOT, env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(train.ROOT)},
        capture_output=True, text=True, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    train.train(settings, tmp_path / "one")
    one, two = (load_checkpoint(tmp_path / name / "last.pth").state for name in ("one", "two"))
    assert all(torch.allclose(one[name], two[name], atol=1e-4) for name in one)
