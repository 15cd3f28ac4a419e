"""The evaluation from its command line: what is printed, written, drawn and refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import evaluate
from model import Checkpoint, create_model, save_checkpoint


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


@pytest.mark.mnist
def test_the_validation_images_are_those_held_out_by_all(predictor):
    samples = evaluate.read_samples("mnist-validation", [predictor, predictor])
    assert len(samples) == evaluate._n_held_out([predictor]) <= evaluate.N_VALIDATION
    assert {sample.label for sample in samples} == set(range(10))


def test_smaller_splits_lie_within_larger_ones():
    labels = np.zeros(60_000, int)
    small, large = (set(evaluate.split(labels, n)[1].tolist()) for n in (5_000, 12_000))
    assert small < large
