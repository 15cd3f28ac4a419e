"""The trainings of the networks that see surroundings: they learn, they stop and go on, and what they write is read."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import train_readers
from digits.command import UserError
from digits.files import MODELS_DIR
from digits.finding.strip import PAPER
from digits.learning.datasets import data_dir
from digits.learning.learner import Learner, read_run
from digits.learning.networks import CropNet, LineNet, LookalikeNet, PageNet
from digits.learning.quantise import quantise_weights
from digits.learning.reader_tasks import TASKS, Settings, line_loss, lookalike_loss, pad, page_loss
from digits.learning.warm_start import Norm, freeze_norms, mix_in, take_weights
from digits.reading.engines import SurroundingsNetwork
from digits.reading.symbols import SYMBOLS
from train_readers import pace
from utils import seed_everything

pytestmark = pytest.mark.mnist


def test_shapes_are_those_the_networks_promise():
    assert LineNet()(torch.zeros(2, 32, 100, dtype=torch.uint8)).shape == (2, 50, len(SYMBOLS) + 1)
    assert PageNet()(torch.zeros(2, 64, 96, dtype=torch.uint8)).shape == (2, 2, 16, 24)
    assert CropNet()(torch.zeros(3, 48, 48, dtype=torch.uint8)).shape == (3, 10)
    assert LookalikeNet()(torch.zeros(3, 28, 28, dtype=torch.uint8)).shape == (3,)


def test_the_learning_rate_rises_stays_and_falls():
    assert pace(0.0, 0.3) == 0 and pace(0.1, 0.3) == pace(0.6, 0.3) == 1 and pace(1.0, 0.3) == 0


def test_a_part_is_learnt_in_as_many_epochs_as_the_window_is_wide():
    settings = Settings(window=3, epochs=5, part=64, batch_size=16)
    learnt = [number for epoch in range(5) for number in settings.parts(epoch)]
    assert learnt.count(0) == learnt.count(2) == 3 and settings.steps(0) == 4 and settings.steps(4) == 12


def test_the_loss_falls_with_the_right_text():
    log_probs = torch.full((1, 6, 19), -9.0)
    for column, symbol in enumerate([18, 4, 18, 2, 18, 18]):
        log_probs[0, column, symbol] = -0.01
    assert line_loss(log_probs, ["42"]) < 0.1 < line_loss(log_probs, ["47"])


def test_the_loss_of_a_page_falls_with_the_right_zone():
    truth = torch.zeros(1, 2, 4, 4)
    truth[0, 0, 1:3] = 1
    assert page_loss(8 * truth - 4, truth) < page_loss(4 - 8 * truth, truth)


def test_the_loss_of_lookalikes_falls_with_the_right_answer():
    is_digit = torch.tensor([1.0, 0.0])
    assert lookalike_loss(8 * is_digit - 4, is_digit) < lookalike_loss(4 - 8 * is_digit, is_digit)


def test_strips_are_padded_with_paper():
    padded = pad([np.full((32, 10), 200, np.uint8), np.full((32, 21), 200, np.uint8)])
    assert padded.shape == (2, 32, 24) and (padded[0, :, 10:] == PAPER).all()


@pytest.mark.slow
def test_weights_in_eight_bits_say_the_same_in_a_quarter_of_the_bytes(tmp_path):
    seed_everything(0)
    model = LineNet().eval()
    path = train_readers.export(TASKS["lines"], model, tmp_path / "lines.onnx", {"settings": "{}"})
    strips = np.random.default_rng(0).integers(0, 256, (1, 32, 80), np.uint8)
    said, meant = SurroundingsNetwork("lines", directory=tmp_path).run(strips), model(torch.from_numpy(strips))
    assert np.abs(np.exp(said) - meant.exp().detach().numpy()).max() < 0.002
    assert path.stat().st_size < 1.2 * sum(weights.numel() for weights in model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_a_smoke_run_writes_a_network_that_runs(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train_readers, "RUNS_DIR", tmp_path)
    monkeypatch.setattr(train_readers, "MODELS_DIR", tmp_path / "models")
    assert train_readers.main([name, "--smoke"]) == 0
    assert capsys.readouterr().out.endswith(f"{name}.onnx is a trial on a little data, not meant for use\n")
    run = tmp_path / f"{name}-smoke"
    assert json.loads((run / "config.json").read_text())["name"] == name
    network = SurroundingsNetwork(name, directory=run)
    sizes = {"lines": (1, 32, 84), "pages": (1, 64, 96), "crops": (3, 48, 48), "lookalikes": (3, 28, 28)}
    assert np.isfinite(network.run(np.zeros(sizes[name], np.uint8))).all()
    assert not (tmp_path / "models").exists()


@pytest.mark.slow
def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch):
    settings = Settings("crops", part=64, window=2, epochs=2, batch_size=16)
    task, data = TASKS["crops"], data_dir()
    whole = train_readers.train(task, settings, tmp_path / "whole", None, data)
    run = tmp_path / "stopped"

    class Stopped(Exception):
        pass

    def stop_after_one(learner, run_dir, history, save=Learner.save):
        save(learner, run_dir, history)
        raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr(Learner, "save", stop_after_one)
        with pytest.raises(Stopped):
            train_readers.train(task, settings, run, None, data)
    (run / "config.json").write_text(json.dumps(asdict(settings)))
    again, state = read_run(run, Settings)
    resumed = train_readers.train(task, again, run, state, data)
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.allclose(a.float(), b.float(), atol=1e-6)


def test_quantised_weights_answer_nearly_the_same_from_a_quarter_of_the_file(tmp_path):
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(0, 0.1, (64, 64)).astype(np.float32), "b": rng.normal(0, 1, (64,)).astype(np.float32)}
    weights["w"][3] *= 100  # a channel of its own size
    weights["w"][5] = 0
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)],
        "one layer",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 64])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 64])],
        [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    plain, small = tmp_path / "plain.onnx", tmp_path / "small.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), plain)
    small.write_bytes(plain.read_bytes())
    quantise_weights(small)
    assert small.stat().st_size < 0.4 * plain.stat().st_size
    x = rng.normal(0, 1, (10, 64)).astype(np.float32)
    y, nearly = (onnxruntime.InferenceSession(path).run(None, {"x": x})[0] for path in (plain, small))
    assert (np.abs(y - nearly).max(axis=0) <= 0.06 * np.abs(y).max(axis=0)).all()


@pytest.mark.parametrize("name", TASKS)
def test_a_network_that_goes_on_from_a_shipped_one_begins_where_that_stands(name):
    task, shipped = TASKS[name], SurroundingsNetwork(name)
    network = task.network()
    take_weights(network, MODELS_DIR / f"{name}.onnx")
    pictures = np.random.default_rng(0).integers(40, 220, task.example).astype(np.uint8)
    with torch.inference_mode():
        answers = network.eval()(torch.from_numpy(pictures)).numpy()
        freeze_norms(network.train())
        kept = [module for module in network.modules() if isinstance(module, Norm)]
    assert answers == pytest.approx(shipped.run(pictures), abs=1e-3)
    assert kept and not any(module.training for module in kept)


def test_the_mean_with_what_it_began_with_lies_between_the_two():
    begun, trained = LookalikeNet().eval(), LookalikeNet().eval()
    take_weights(begun, MODELS_DIR / "lookalikes.onnx")
    take_weights(trained, MODELS_DIR / "lookalikes.onnx")
    with torch.no_grad():
        trained.answer[-1].bias += 4
    ink = torch.zeros(2, 28, 28, dtype=torch.uint8)
    mix_in(trained, MODELS_DIR / "lookalikes.onnx", 0.75)
    assert torch.allclose(trained(ink), begun(ink) + 1, atol=1e-5)


def test_what_is_no_such_network_is_said_in_one_sentence(tmp_path):
    with pytest.raises(UserError, match="pages.onnx is no network of this kind"):
        take_weights(LineNet(), MODELS_DIR / "pages.onnx")
    with pytest.raises(UserError, match="lookalikes.onnx$"):
        take_weights(LookalikeNet(), MODELS_DIR / "crops.onnx")
    (tmp_path / "other.onnx").write_bytes(b"no network")
    with pytest.raises(UserError, match="cannot be opened as a network"):
        take_weights(LineNet(), tmp_path / "other.onnx")


def test_a_start_that_is_no_such_network_leaves_the_run_there_was(tmp_path, monkeypatch):
    monkeypatch.setattr(train_readers, "RUNS_DIR", tmp_path)
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "config.json").write_text("the run that was stopped")
    for wrong in (MODELS_DIR / "pages.onnx", tmp_path / "none.onnx"):
        with pytest.raises(UserError):
            train_readers.open_run(train_readers.parse_arguments(["lines", "--start", str(wrong)]))
    assert (tmp_path / "lines" / "config.json").read_text() == "the run that was stopped"


def test_a_new_run_does_not_take_the_place_of_an_earlier_one(tmp_path, monkeypatch):
    monkeypatch.setattr(train_readers, "RUNS_DIR", tmp_path)
    for name in ("lines", "lines-smoke"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.pt").write_bytes(b"hours of work")
    with pytest.raises(UserError, match="continue it with --resume, or move that folder away"):
        train_readers.open_run(train_readers.parse_arguments(["lines"]))
    assert not (tmp_path / "lines" / "config.json").exists()
    train_readers.open_run(train_readers.parse_arguments(["lines", "--smoke"]))  # a trial is made again at will


def test_without_mnist_no_run_begins(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train_readers, "RUNS_DIR", tmp_path / "runs")
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [])  # nothing can be downloaded
    assert train_readers.main(["lines", "--smoke", "--data-dir", str(tmp_path / "none")]) == 2
    assert "MNIST is not in" in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_epochs_that_are_asked_for_are_of_that_run_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(train_readers, "RUNS_DIR", tmp_path)
    usual = TASKS["crops"].settings.epochs
    settings, *_ = train_readers.open_run(train_readers.parse_arguments(["crops", "--epochs", "2"]))
    assert settings.epochs == 2 and TASKS["crops"].settings.epochs == usual
    assert json.loads((tmp_path / "crops" / "config.json").read_text())["epochs"] == 2


def test_a_trial_goes_on_with_the_settings_that_it_began_with(tmp_path, monkeypatch):
    monkeypatch.setattr(train_readers, "RUNS_DIR", tmp_path)
    (tmp_path / "lines-smoke").mkdir()
    begun = Settings("lines", part=64, epochs=6, start="models/lines.onnx")
    (tmp_path / "lines-smoke" / "config.json").write_text(json.dumps(asdict(begun)))
    torch.save(dict.fromkeys(["history", *Learner.PARTS]), tmp_path / "lines-smoke" / "state.pt")
    settings, *_ = train_readers.open_run(train_readers.parse_arguments(["lines", "--smoke", "--resume"]))
    assert settings == begun
