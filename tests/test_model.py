"""Every registered architecture, its checkpoints and its ONNX twin; files that are none of ours are refused."""

from __future__ import annotations

import functools
import os
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import model
from digits.command import UserError
from digits.files import MODELS_DIR
from model import REGISTRY, Checkpoint, create_model
from predict import MNISTPredictor

NAMES = list(REGISTRY)
SMALL = [name for name in NAMES if name != "resnet50"]


@functools.cache
def network(name: str) -> nn.Module:
    """A fresh network in evaluation mode, its batch statistics moved off their start so that they count."""
    torch.manual_seed(0)
    made = create_model(name)
    for part in made.modules():
        if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(part.running_mean, -0.1, 0.1)
            nn.init.uniform_(part.running_var, 0.8, 1.2)
    return made.eval()


def save(path, name="mnistnet", **facts):
    model.save_checkpoint(path, Checkpoint(name, network(name).state_dict(), **facts))
    return path


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_standardised_ink_and_returns_ten_logits(name):
    with torch.no_grad():
        logits = network(name)(torch.randn(3, 1, 28, 28))
    assert logits.shape == (3, 10) and logits.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_training_reaches_every_parameter(name):
    made = create_model(name).train()
    nn.functional.cross_entropy(made(torch.randn(4, 1, 28, 28)), torch.tensor([0, 3, 5, 9])).backward()
    untouched = [key for key, parameter in made.named_parameters() if parameter.grad is None]
    assert not untouched


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_to_one_picture_does_not_depend_on_its_company(name):
    ink = torch.randn(4, 1, 28, 28)
    with torch.no_grad():
        assert torch.allclose(network(name)(ink)[:1], network(name)(ink[:1]), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "n"), [("mnistnet", 422_474), ("tinyvgg", 4_440), ("plaincnn", 241_546), ("resnet50", 23_528_522)]
)
def test_parameters_are_those_that_are_stated(name, n):
    assert model.n_parameters(network(name)) == n


@pytest.mark.parametrize("name", SMALL)
def test_the_small_ones_stay_below_two_and_a_half_million_parameters(name):
    assert model.n_parameters(network(name)) < 2_500_000


def test_gapcnn_takes_pictures_of_any_size():
    with torch.no_grad():
        assert network("gapcnn")(torch.randn(2, 1, 40, 33)).shape == (2, 10)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_described_layer_by_layer(name):
    described = model.describe(name)
    assert f"{name}: {model.n_parameters(network(name)):,} parameters" in described
    assert "Linear(" in described


def test_six_lines_make_an_architecture(tmp_path):
    @model.architecture("sixlines")
    class SixLines(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Flatten(), nn.Linear(784, 10))

    try:
        made = create_model("sixlines")
        model.save_checkpoint(tmp_path / "six.pth", Checkpoint("sixlines", made.state_dict()))
        assert isinstance(model.load_model(tmp_path / "six.pth")[0], SixLines)
        assert "7,850 parameters" in model.describe("sixlines")
        assert model.weights_path("sixlines").name == "sixlines.pth"
    finally:
        del REGISTRY["sixlines"]


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(UserError, match="mnistnet, modern"):
        create_model("lenet")


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("name", SMALL)
def test_a_checkpoint_comes_back_as_it_went(name, tmp_path):
    facts = {"temperature": 1.7, "thresholds": {"unsure_confidence": 0.5}, "config": {"seed": 3}, "git_commit": "abc"}
    loaded, checkpoint = model.load_model(save(tmp_path / "w.pth", name, **facts))
    assert checkpoint.architecture == name and not loaded.training
    assert {key: checkpoint.facts()[key] for key in facts} == facts
    ink = torch.randn(2, 1, 28, 28)
    with torch.no_grad():
        assert torch.equal(loaded(ink), network(name)(ink))


def test_the_plain_way_of_loading_works(tmp_path):
    path = save(tmp_path / "mnist_cnn.pth")
    plain = model.MNISTNet()
    plain.load_state_dict(torch.load(path)["model_state_dict"])
    assert torch.equal(plain[0].weight, network("mnistnet")[0].weight)


def test_a_checkpoint_without_our_facts_is_taken_for_mnistnet(tmp_path):
    torch.save({"model_state_dict": network("mnistnet").state_dict(), "epoch": 3}, tmp_path / "w.pth")
    assert model.load_checkpoint(tmp_path / "w.pth").architecture == "mnistnet"


def one_sentence(path) -> str:
    with pytest.raises(UserError) as refusal:
        model.load_model(path)
    assert "\n" not in str(refusal.value) and path.name in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("simplecnn3.pth", "run python train.py --model simplecnn3"),
        ("mnist_cnn_best.pth", "run python train.py --model mnistnet"),
        ("none.pth", "name a file such as outputs/runs/RUN/best.pth"),
    ],
)
def test_a_missing_file_says_what_to_do(name, step, tmp_path):
    assert one_sentence(tmp_path / name).endswith(f", or {step}")


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"a": 1}), b"PK\x03\x04rest", b"\x80\x02}q\x00."])
def test_a_foreign_file_is_refused(content, tmp_path):
    (tmp_path / "w.pth").write_bytes(content)
    one_sentence(tmp_path / "w.pth")


@pytest.mark.parametrize("stored", [[1, 2], {}, {"state_dict": {}}, {"model_state_dict": 5}, torch.zeros(3)])
def test_another_programs_checkpoint_is_refused(stored, tmp_path):
    torch.save(stored, tmp_path / "w.pth")
    one_sentence(tmp_path / "w.pth")


@pytest.mark.parametrize("changed", [
    {"model_state_dict": {"0.weight": "text"}}, {"architecture": "modern"}, {"temperature": "warm"}, {"config": [1]},
])  # fmt: skip
def test_a_checkpoint_that_does_not_fit_is_refused(changed, tmp_path):
    path = save(tmp_path / "w.pth")
    torch.save(torch.load(path) | changed, path)
    one_sentence(path)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_half_a_file_is_refused(share, tmp_path):
    path = save(tmp_path / "w.pth")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    one_sentence(path)


def test_a_folder_is_refused(tmp_path):
    one_sentence(tmp_path)


class Hostile:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    torch.save({"model_state_dict": Hostile(tmp_path / "owned")}, tmp_path / "w.pth")
    one_sentence(tmp_path / "w.pth")
    assert not (tmp_path / "owned").exists()


# ---------------------------------------------------------------- ONNX


EXPORTED = ("mnistnet", "gapcnn")  # an export takes seconds; the others are exported among the slow tests


@pytest.mark.parametrize(
    "name", [name if name in EXPORTED else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_the_onnx_twin_gives_the_same_logits(name, tmp_path):
    from digits.reading.engines import OnnxEngine, TorchEngine

    path = save(tmp_path / "w.pth", name, temperature=1.3)
    twin = OnnxEngine(model.export_onnx(path))
    original = TorchEngine(network(name), model.load_checkpoint(path).facts())
    ink = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    for n in (1, 5):
        assert np.abs(twin.logits(ink[:n]) - original.logits(ink[:n])).max() <= 1e-4
    assert twin.facts["temperature"] == 1.3 and twin.facts["architecture"] == name
    assert twin.facts["weights_sha256"] == model.sha256(path)


def test_a_twin_of_other_weights_is_exported_anew(tmp_path, capsys):
    first, second = save(tmp_path / "w.pth", "tinyvgg"), save(tmp_path / "second.pth", "tinyvgg", temperature=2.5)
    model.export_onnx(first)
    fresh = first.with_suffix(".onnx").read_bytes()
    assert MNISTPredictor(str(first)).engines[0].name == "onnx"
    assert first.with_suffix(".onnx").read_bytes() == fresh and capsys.readouterr().err == ""
    first.write_bytes(second.read_bytes())  # by hand
    opened = MNISTPredictor(str(first)).engines[0]
    assert (opened.name, opened.facts["temperature"]) == ("onnx", 2.5)
    assert "other weights" in capsys.readouterr().err
    assert opened.is_twin_of(first)


def test_a_twin_of_other_weights_is_refused_where_it_cannot_be_written(tmp_path, monkeypatch):
    path = save(tmp_path / "w.pth", "tinyvgg")
    model.export_onnx(path)
    save(path, "tinyvgg", temperature=2.5)

    def closed(*_arguments):
        raise PermissionError

    monkeypatch.setattr(model, "export_onnx", closed)
    with pytest.raises(UserError, match="run: python model.py --export") as refused:
        MNISTPredictor(str(path))
    assert "\n" not in str(refused.value)


def test_a_twin_without_its_weights_is_used(tmp_path):
    path = save(tmp_path / "w.pth", "tinyvgg", temperature=1.5)
    model.export_onnx(path)
    path.unlink()
    assert MNISTPredictor(str(path)).engines[0].facts["temperature"] == 1.5


def test_every_shipped_twin_is_that_of_its_weights():
    from digits.reading.engines import OnnxEngine

    pairs = [path for path in MODELS_DIR.glob("*.onnx") if path.with_suffix(".pth").exists()]
    assert len(pairs) >= 5
    assert all(OnnxEngine(path).is_twin_of(path.with_suffix(".pth")) for path in pairs)


def test_the_command_exports_by_path(tmp_path, capsys):
    path = save(tmp_path / "w.pth", "tinyvgg")
    assert model.main(["--export", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(path.with_suffix(".onnx"))
    assert path.with_suffix(".onnx").stat().st_size > 10_000


def test_the_command_describes_and_refuses(capsys):
    assert model.main(["--model", "mnistnet"]) == 0
    told = capsys.readouterr().out
    assert "422,474" in told
    assert model.main([]) == 0
    every = capsys.readouterr().out
    assert every.endswith(told) and all(f"{name}: " in every for name in REGISTRY)
    assert model.main(["--model", "lenet"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# ---------------------------------------------------------------- transfer learning


def test_resnet50_without_a_network_starts_from_random_weights_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    made = create_model("resnet50")
    assert "cannot be downloaded" in model.prepare_training(made)
    assert all(parameter.requires_grad for parameter in made.parameters())


def test_frozen_resnet50_trains_its_last_block_and_head_alone():
    torch.manual_seed(0)
    made = create_model("resnet50")
    made.freeze()
    made.train()
    before = {key: value.clone() for key, value in made.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.05)
    nn.functional.cross_entropy(made(torch.randn(4, 1, 28, 28)), torch.tensor([1, 2, 3, 4])).backward()
    optimizer.step()
    changed = {key for key, value in made.state_dict().items() if not torch.equal(value, before[key])}
    assert {key.split(".")[1] for key in changed} == {"layer4", "fc"}


def test_the_small_networks_need_no_preparation():
    assert model.prepare_training(create_model("mnistnet")) == ""


def test_a_twin_tells_nothing_of_where_it_was_made(tmp_path):
    weights = tmp_path / "tinyvgg.pth"
    model.save_checkpoint(weights, Checkpoint("tinyvgg", create_model("tinyvgg").state_dict()))
    for twin in (model.export_onnx(weights), *MODELS_DIR.glob("*.onnx")):
        stored = twin.read_bytes()
        assert not [trace for trace in (b'File "', b"site-packages", b"model.py") if trace in stored], twin.name
