"""The loop learns, resumes to the same weights, leaves its papers, and refuses what it cannot do in one sentence."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch

import model
import train
from digits.finding.ink import MEAN, STD
from digits.learning.augment import mix
from digits.learning.learner import make_schedule, with_no_digit
from digits.weights import way_back
from model import load_checkpoint
from predict import MNISTPredictor
from utils import seed_everything


def draw(own, n: int, seed: int):
    """Draw `n` pictures each of a bar that stands (1) and a ring (0), no two alike, in class folders."""
    import cv2

    rng = np.random.default_rng(seed)
    for label in (0, 1):
        folder = own / str(label)
        folder.mkdir(parents=True)
        for index in range(n):
            picture = np.full((90, 90), 255, np.uint8)
            pen, (x, y, lean, width, height) = int(rng.integers(4, 8)), rng.integers(-8, 9, 5).tolist()
            if label:
                cv2.line(picture, (45 + x, 14 + y), (45 + x + lean, 74 + height), 0, pen, cv2.LINE_AA)
            else:
                cv2.ellipse(picture, (45 + x, 45), (22 + width, 28 + height), lean, 0, 360, 0, pen, cv2.LINE_AA)
            cv2.imwrite(str(folder / f"{index}.png"), picture)
    return own


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Forty pictures of each class."""
    return draw(tmp_path_factory.mktemp("drawn") / "own", 40, seed=0)


@pytest.fixture
def tiny_folder(drawn, tmp_path):
    """A copy of the drawn pictures, to do with as a test likes."""
    return shutil.copytree(drawn, tmp_path / "own")


@pytest.fixture(scope="module")
def trained(drawn, tmp_path_factory):
    """The folder of a run that has learnt to tell the two apart; copy it before changing it."""
    run_dir = tmp_path_factory.mktemp("trained") / "run"
    settings = settings_for(drawn, epochs=6)
    with train.folder_of(run_dir, train.asdict(settings)):
        train.train(settings, run_dir)
    model.export_onnx(run_dir / "best.pth")  # once, rather than whenever it is served
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
    monkeypatch.setattr("digits.learning.cache.OUTPUTS_DIR", tmp_path / "outputs")
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
    assert with_no_digit(logits).tolist() == [[1.0] * 10 + [0.0]]


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
        (["--resume", "no-such-run"], "there is no run 'no-such-run' to resume"),
        (["--batch-size", "0"], "--batch-size must be at least 1"),
        (["--lr", "-1"], "--lr must be above 0"),
        (["--dropout", "5"], "--dropout must be from 0 to less than 1"),
        (["--seed", "-1"], "--seed must be from 0 to 400,000"),
        (["--name", "../mine"], "'../mine' is no name of a run"),
        (["--dataset", "bundled", "imitated=0"], "imitated=0 holds nothing to learn from"),
        (["--augment", "rotation=-5"], "needs a number from 0"),
        (["--validation", "0"], "--validation must be at least 1"),
        (["--start", "nobody"], "there are no weights"),
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
    assert not list(tmp_path.iterdir()), "a start that failed leaves no folder"


def test_more_pictures_a_step_than_there_are_is_one_sentence(tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "RUNS_DIR", tmp_path / "runs")
    assert train.main(["--dataset", str(tiny_folder), "--batch-size", "100", "--no-cuda"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: --batch-size 100 is more than the 64 pictures")
    assert not list((tmp_path / "runs").iterdir())


def test_a_name_that_is_taken_is_told_at_the_start(tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "RUNS_DIR", tmp_path / "runs")
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    words = ["--name", "mine", "--dataset", str(tiny_folder), "--batch-size", "100", "--no-cuda"]
    assert train.main(words) == 2, "which ends it soon"
    assert capsys.readouterr().err.startswith("note: there is a run mine already; this one is mine-2\n")


def test_what_goes_in_is_shown_first(tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "RUNS_DIR", tmp_path / "runs")
    (tiny_folder / "0").rename(tiny_folder / "Zero")
    (tiny_folder / "Zero" / "0.png").write_bytes(b"")
    for picture in sorted((tiny_folder / "1").iterdir())[:30]:
        picture.unlink()
    (tiny_folder / "1" / "notes.txt").write_text("mine")
    assert (
        train.main(["--dataset", str(tiny_folder), "--epochs", "1", "--batch-size", "8", "--smoke", "--no-cuda"]) == 0
    )
    said = capsys.readouterr().err
    head, *_rest = said.partition("epoch")
    rows = {line.split(",")[0]: line.split()[2:] for line in head.splitlines() if ", training" in line}
    assert rows["own"][-1] == "40" and sum(map(int, rows["own"][:2])) == 40, "of 49 nine are held out"
    assert "left out: own/Zero/0.png: the file is empty" in head and "own/1/notes.txt: no picture" in head
    assert "no picture shows a 2, 3, 4, 5, 6, 7, 8, 9" in head and "fewer than 20" in head.splitlines()[-1]


def test_the_log_has_every_step_and_every_class(trained):
    with (trained / "steps.csv").open() as file:
        steps = list(csv.DictReader(file))
    assert len(steps) == 6 * 8 and [step["epoch"] for step in steps[::8]] == list("123456")
    assert float(steps[0]["lr"]) < max(float(step["lr"]) for step in steps) <= 3e-3 * 1.0001
    with (trained / "metrics.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert {"own/0", "own/1"} <= last.keys() and "own/2" not in last
    low, high = sorted(float(last[f"own/{digit}"]) for digit in (0, 1))
    assert low <= float(last["val_own"]) <= high


def test_a_finished_run_is_extended_and_listed(served, capsys):
    assert train.main(["--resume", "good", "--epochs", "8", "--no-cuda"]) == 0
    assert json.loads((served.parent / "runs" / "good" / "summary.json").read_text())["last"]["epoch"] == 8
    with (served.parent / "runs" / "good" / "metrics.csv").open() as file:
        rates = [float(row["lr"]) for row in csv.DictReader(file)]
    assert len(rates) == 8 and rates[5] < rates[6], "a cycle of its own"
    capsys.readouterr()
    assert train.main(["--runs"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:4] == ["good", "mnistnet", "own", "8"]
    assert train.main(["--resume", "good", "--epochs", "3", "--no-cuda"]) == 2


def test_fine_tuning_goes_on_gently_and_forgets_nothing(served, tiny_folder):
    words = ["--start", str(served / "mnist_cnn_best.pth"), "--dataset", str(tiny_folder), "--no-cuda"]
    settings = train.settings_from(train.parse_arguments(words))
    assert settings.dataset == ["mnist=20000", "imitated=20000", *[str(tiny_folder)] * 10]
    assert (settings.epochs, settings.lr) == (3, 3e-4)
    settings = train.settings_from(train.parse_arguments([*words, "--epochs", "10", "--dataset", "mnist", "bundled"]))
    assert settings.dataset == ["mnist", "bundled"] and settings.epochs == 10, "what was said is done"


DAMAGE = {
    "half a state": (lambda run: (run / "state.pt").write_bytes((run / "state.pt").read_bytes()[:999]), "is damaged"),
    "text for a state": (lambda run: (run / "state.pt").write_text("half a fil"), "is damaged"),
    "a state of parts": (lambda run: torch.save({"history": []}, run / "state.pt"), "is damaged"),
    "no state": (lambda run: (run / "state.pt").unlink(), "has no state.pt"),
    "settings cut short": (lambda run: (run / "config.json").write_text('{"epochs": 6'), "is damaged"),
    "settings of another version": (
        lambda run: (run / "config.json").write_text('{"patience": 3}'),
        "another version's",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_run_that_cannot_be_resumed_is_one_sentence(damage, served, tmp_path, capsys):
    harm, says = DAMAGE[damage]
    run = tmp_path / "runs" / "good"
    harm(run)
    before = contents(run)
    assert train.main(["--resume", "good", "--epochs", "8", "--no-cuda"]) == 2
    told = capsys.readouterr().err
    assert says in told and told.count("\n") == 1 and "best.pth" in told, "from which weights to start anew"
    assert contents(run) == before


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_summary_hides_no_other_run(text, served, tmp_path, capsys):
    shutil.copytree(tmp_path / "runs" / "good", tmp_path / "runs" / "bad")
    (tmp_path / "runs" / "bad" / "summary.json").write_text(text)
    assert train.main(["--runs"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[1:]}
    assert "cannot be read" in lines["bad"] and lines["good"].endswith("served")


def test_an_extension_that_fails_at_once_leaves_the_run_as_it_was(served, tmp_path, capsys):
    run = tmp_path / "runs" / "good"
    config = json.loads((run / "config.json").read_text()) | {"dataset": [str(tmp_path / "gone")]}
    (run / "config.json").write_text(json.dumps(config))
    before = contents(run)
    assert train.main(["--resume", "good", "--epochs", "8", "--no-cuda"]) == 2
    assert "there is no data set" in capsys.readouterr().err
    assert contents(run) == before


@pytest.mark.parametrize("n", ["0", "-1", "5"])
def test_fewer_epochs_than_it_had_are_refused(n, served, capsys):
    assert train.main(["--resume", "good", "--epochs", n, "--no-cuda"]) == 2
    assert "has had 6 epochs already" in capsys.readouterr().err


def test_empty_class_folders_are_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "RUNS_DIR", tmp_path / "runs")
    (tmp_path / "own" / "0").mkdir(parents=True)
    assert train.main(["--dataset", str(tmp_path / "own"), "--no-cuda"]) == 2
    assert "the folders are empty" in capsys.readouterr().err


# ---------------------------------------------------------------- what is served


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    """An empty models/ and empty outputs/, in the project's place."""
    monkeypatch.setattr("digits.weights.MODELS_DIR", tmp_path / "models")
    monkeypatch.setattr("digits.weights.OUTPUTS_DIR", tmp_path / "outputs")
    for module in ("train", "digits.weights"):
        monkeypatch.setattr(f"{module}.RUNS_DIR", tmp_path / "runs")
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def served(trained, own_models, tmp_path):
    """The weights that tell the two apart, served."""
    shutil.copytree(trained, tmp_path / "runs" / "good")
    model.publish("good")
    return own_models


def run_badly(folder, *words) -> int:
    """Train so that nothing is learnt, from the command line."""
    flags = ["--dataset", str(folder), "--epochs", "1", "--batch-size", "8", "--lr", "1e-9", "--name", "bad"]
    return train.main([*flags, "--no-cuda", *words])


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.*")}


@pytest.fixture
def many(tmp_path):
    """Others of the kind."""
    return draw(tmp_path / "more", 50, seed=1)


def test_serving_the_same_weights_again_keeps_the_way_back(served, many):
    before = contents(served)
    assert run_badly(many, "--publish") == 0 and contents(served) != before
    model.publish("bad")  # as README's commands do, after a training that has served them already
    model.publish("previous")
    assert contents(served) == before


def test_the_first_weights_of_an_architecture_are_served(trained, served):
    assert contents(served).keys() == {"mnist_cnn_best.pth", "mnist_cnn_best.onnx", "mnist_cnn.pth"}
    assert (served / "mnist_cnn_best.pth").read_bytes() == (trained / "best.pth").read_bytes()
    assert (served / "mnist_cnn.pth").read_bytes() == (trained / "last.pth").read_bytes()
    assert not (served / "previous").exists() and way_back("mnistnet") == ""


def test_a_worse_run_is_not_served(served, many, tmp_path, capsys):
    before = contents(served)
    assert run_badly(many) == 0
    said = capsys.readouterr()
    assert contents(served) == before
    assert "Not served: worse on " in said.err and "python model.py --publish bad" in said.err
    assert {"more", "own", "together"} <= set(said.err.split()), "the new pictures, and those learnt before"
    assert said.out.strip() == str(tmp_path / "runs" / "bad" / "summary.json")
    assert (tmp_path / "runs" / "bad" / "best.pth").exists()


def test_a_worse_run_is_served_if_that_is_said_and_going_back_gives_the_old_answers(served, many, examples, capsys):
    def answers():
        return [prediction.probs.tobytes() for prediction in MNISTPredictor().predict_batch(examples.values())]

    before, answered = contents(served), answers()
    assert run_badly(many, "--publish") == 0
    assert "To go back: python model.py --publish previous" in capsys.readouterr().err
    worse = contents(served)
    assert worse.keys() == before.keys() and all(worse[name] != before[name] for name in before)
    assert answers() != answered
    assert model.main(["--publish", "previous"]) == 0
    assert contents(served) == before and answers() == answered
    assert model.main(["--publish", "previous"]) == 0, "and forth"
    assert contents(served) == worse


def test_a_run_that_is_as_good_is_served(served, many, tmp_path, capsys):
    flags = [
        "--dataset",
        str(many),
        "--epochs",
        "6",
        "--batch-size",
        "8",
        "--lr",
        "3e-3",
        "--seed",
        "1",
        "--name",
        "new",
    ]
    assert train.main([*flags, "--no-cuda"]) == 0
    assert "Served from the next start on (no worse" in capsys.readouterr().err
    assert (served / "mnist_cnn_best.pth").read_bytes() == (tmp_path / "runs" / "new" / "best.pth").read_bytes()


def test_what_the_served_network_learnt_is_asked_of_the_new_one(served, many, drawn, tmp_path, capsys):
    """A folder of other pictures is learnt well, and the first one is forgotten: its ones are called zeros now."""
    config = json.loads((tmp_path / "runs" / "good" / "config.json").read_text())
    assert config["dataset"] == [str(drawn)]
    for old, new in (("0", "rings"), ("1", "0"), ("rings", "1")):
        (many / old).rename(many / new)
    flags = ["--dataset", str(many), "--epochs", "6", "--batch-size", "8", "--lr", "3e-3", "--name", "other"]
    before = contents(served)
    assert train.main([*flags, "--no-cuda"]) == 0
    assert "Not served: worse on own" in capsys.readouterr().err
    assert contents(served) == before


@pytest.mark.parametrize("words", [["--smoke"], ["--smoke", "--publish"], ["--resume", "good"]])
def test_what_never_serves(words, served, many, capsys):
    before = contents(served)
    flags = [] if "--resume" in words else ["--dataset", str(many), "--batch-size", "8"]
    assert train.main([*flags, *words, "--no-cuda"]) == 0
    assert contents(served) == before


def test_a_network_that_cannot_be_compared_is_not_served(served, many, tmp_path, monkeypatch, capsys):
    """The served one knows MNIST, which is not here."""
    checkpoint = load_checkpoint(served / "mnist_cnn_best.pth")
    checkpoint.config["dataset"] = ["mnist"]
    model.save_checkpoint(tmp_path / "knows.pth", checkpoint)
    model.publish(tmp_path / "knows.pth")
    before = contents(served)
    assert run_badly(many, "--data-dir", str(tmp_path / "nowhere")) == 0
    assert "Not served: they could not be compared" in capsys.readouterr().err
    assert contents(served) == before


@pytest.mark.parametrize("source", ["previous", "nothing", "empty"])
def test_what_cannot_be_served_is_one_sentence(source, served, tmp_path, capsys):
    (tmp_path / "runs" / "empty").mkdir()
    before = contents(served)
    assert model.main(["--publish", source]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert contents(served) == before


def test_learning_corrections_starts_from_what_is_served(tiny_folder, tmp_path, own_models):
    before = settings_for(tiny_folder, epochs=1, validation=7, dropout=0.05)
    train.train(before, tmp_path / "run")
    model.publish(tmp_path / "run")
    corrections = tmp_path / "c.sqlite"
    corrections.touch()
    settings = train.settings_from(train.parse_arguments(["--feedback", str(corrections), "--no-cuda"]))
    assert settings.start == str(own_models / "mnist_cnn_best.pth")
    assert (settings.validation, settings.dropout) == (7, 0.05), "as the served weights were trained"
    assert settings.dataset == ["mnist=20000", "imitated=20000", *[str(corrections)] * 10]


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


def test_seed_everything_repeats_all_three_generators():
    def draw():
        seed_everything(3)
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert draw() == draw()
