"""The evaluation from its command line: what is printed, written, drawn and refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import evaluate
import train
from digits.finding.digit import to_ink
from digits.learning.datasets import load_mnist, split
from digits.learning.trained_on import learnt, note_of, to_note
from model import Checkpoint, create_model, load_checkpoint, save_checkpoint
from predict import MNISTPredictor


@pytest.fixture
def folder(tmp_path, examples):
    """Ten drawings, one mislabelled, and two pictures of no digit."""
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = ["file,label,source"]
    for digit, path in examples.items():
        shutil.copy(path, folder)
        rows.append(f"{path.name},{digit if digit else 6},me")
    for name in ("a.png", "b.png"):
        Image.new("L", (60, 60), 255).save(folder / name)
        rows.append(f"{name},-,me")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def untrained(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "untrained.pth"
    save_checkpoint(path, Checkpoint("tinyvgg", create_model("tinyvgg").state_dict()))
    return path


def run(capsys, *arguments) -> tuple[dict, str]:
    assert evaluate.main([str(argument) for argument in arguments]) == 0
    out = capsys.readouterr().out
    return json.loads(open(out.splitlines()[-1]).read()), out


def test_a_folder_is_measured(folder, tmp_path, capsys):
    result, out = run(capsys, "--data", folder, "--output-dir", tmp_path / "out")
    assert (result["n"], result["accuracy"]["n"], result["accuracy"]["share"]) == (12, 10, 0.9)
    assert result["per_class"][4]["share"] == 1 and result["per_class"][6]["share"] == 0.5
    assert result["confusion"][6][0] == 1 and np.sum(result["confusion"]) == 10
    assert [(error["name"], error["label"], error["answer"]) for error in result["errors"]] == [("0.png", 6, 0)]
    assert result["no_digits"]["not_ok"]["share"] == 1 and result["no_digits"]["auroc"] == 1
    assert result["statuses"] == {"ok": 10, "unsure": 0, "blank": 2, "not_a_digit": 0, "error": 0}
    assert " 90.00 %" in out


def test_the_figures_are_drawn(folder, tmp_path, capsys):
    run(capsys, "--data", folder, "--output-dir", tmp_path / "out")
    expected = {"calibration", "confusion_matrix", "errors", "rejection", "sample_predictions"}
    assert {path.stem for path in (tmp_path / "out").glob("*.png")} == expected


def test_the_json_is_strict(folder, tmp_path, capsys):
    run(capsys, "--data", folder, "--output-dir", tmp_path / "out")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    json.loads((tmp_path / "out" / "evaluation.json").read_text(), parse_constant=refuse)


def test_two_models_are_compared_on_the_same_pictures(folder, untrained, tmp_path, capsys):
    result, out = run(capsys, "--data", folder, "--output-dir", tmp_path / "out", "--compare", untrained)
    found = result["comparison"]
    assert found["with"] == [str(untrained)]
    assert found["only_a"] >= 6 and found["only_a"] + found["only_b"] <= 10
    assert found["p"] < 0.05 and "McNemar" in out


def test_stress_measures_damage_and_attacks(folder, tmp_path, capsys):
    result, out = run(capsys, "--data", folder, "--output-dir", tmp_path / "out", "--stress", "--n", 5)
    stressed = result["stress"]
    assert stressed["n"] == 5
    assert set(stressed["corruptions"]) == {"gaussian", "salt_and_pepper", "blur", "rotation", "occlusion", "contrast"}
    for curve in stressed["corruptions"].values():
        assert len(curve["levels"]) == len(curve["network_alone"]) == len(curve["whole_path"]) == 5
    attack = stressed["attacks"]["mnistnet"]
    assert attack["PGD, 10 steps"][-1] <= attack["FGSM"][-1] <= attack["FGSM"][0]
    assert {"corruptions.png", "attacks.png"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert "whole path" in out


def test_several_networks_vote(folder, untrained, tmp_path, capsys):
    result, _out = run(capsys, "--data", folder, "--output-dir", tmp_path / "out", "--model", "mnistnet", untrained)
    assert result["model"] == ["mnistnet", str(untrained)] and result["accuracy"]["n"] == 10


def test_only_pictures_without_a_digit(folder, tmp_path, capsys):
    (folder / "labels.csv").write_text("file,label\na.png,-\nb.png,-\n")
    result, _out = run(capsys, "--data", folder, "--output-dir", tmp_path / "out")
    assert "accuracy" not in result and result["no_digits"]["not_ok"]["n"] == 2


@pytest.mark.parametrize("arguments", [["--data", "nowhere"], ["--model", "nothing.pth"], ["--compare", "nothing.pth"]])
def test_a_mistake_is_one_line(arguments, folder, tmp_path, capsys):
    given = ["--data", str(folder), "--output-dir", str(tmp_path / "out"), *arguments]
    assert evaluate.main(given) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "out").exists()


def test_what_was_learnt_before_is_said(folder, untrained, tmp_path, capsys):
    checkpoint = load_checkpoint(untrained)
    ink = np.stack([to_ink(path) for path in sorted(folder.glob("[0-6].png"))])
    checkpoint.trained_on = to_note(ink)
    save_checkpoint(untrained, checkpoint)
    result, out = run(capsys, "--data", folder, "--model", untrained, "--output-dir", tmp_path / "out")
    assert result["trained_on"] == {"untrained": 7}
    assert "untrained was trained on 7 of these 12 pictures" in out
    result, out = run(capsys, "--data", folder, "--output-dir", tmp_path / "other")
    assert result["trained_on"] == {} and "trained on" not in out


def test_kaggles_file_is_measured_and_named(tmp_path, examples, capsys):
    rows = [",".join(map(str, [digit, *to_ink(path).ravel().tolist()])) for digit, path in examples.items()]
    path = tmp_path / "train.csv"
    path.write_text("\n".join([",".join(["label", *(f"pixel{i}" for i in range(784))]), *rows]))
    result, out = run(capsys, "--data", path, "--output-dir", tmp_path / "out")
    assert result["accuracy"]["share"] == 1 and "MNIST's 70,000" in out
    path.write_text("\n".join(row.partition(",")[2] for row in rows))
    assert evaluate.main(["--data", str(path)]) == 2
    assert "has no labels" in capsys.readouterr().err


def test_a_run_is_measured_on_what_it_held_out(tmp_path, monkeypatch, capsys):
    from tests.test_train import draw

    for module in (evaluate, train):
        monkeypatch.setattr(module, "RUNS_DIR", tmp_path / "runs")
    own = draw(tmp_path / "own", 30, seed=2)
    settings = train.Settings(model="tinyvgg", dataset=[str(own)], epochs=1, batch_size=8, device="cpu")
    with train.folder_of(tmp_path / "runs" / "mine", train.asdict(settings)):
        train.train(settings, tmp_path / "runs" / "mine")
    result, _out = run(capsys, "--held-out", "mine")
    assert 8 <= result["n"] <= 12 and result["trained_on"] == {} and list(result["by_source"]) == ["own"]
    assert "best.pth" in result["model"][0]
    assert evaluate.main(["--held-out", "nothing"]) == 2
    assert "--runs" in capsys.readouterr().err


@pytest.mark.mnist
def test_what_the_shipped_network_learnt_of_mnist_is_known():
    ink, labels = load_mnist(True)
    learnt_ones, held_out = split(labels, 5000)
    note = note_of(MNISTPredictor().engines[0].facts)
    assert learnt(note, ink[learnt_ones[:50]]).all() and not learnt(note, ink[held_out[:50]]).any()


@pytest.mark.mnist
def test_the_validation_images_are_those_held_out_by_all(predictor):
    samples = evaluate.read_samples("mnist-validation", [predictor, predictor])
    assert len(samples) == evaluate._n_held_out([predictor]) <= evaluate.N_VALIDATION
    assert {sample.label for sample in samples} == set(range(10))


def test_smaller_splits_lie_within_larger_ones():
    labels = np.zeros(60_000, int)
    small, large = (set(evaluate.split(labels, n)[1].tolist()) for n in (5_000, 12_000))
    assert small < large
