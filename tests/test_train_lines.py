"""The line reader learns, goes on after a kill to the same weights, and leaves models/ alone when it only tries."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

import train_lines
from digits.learning.glyphs import NO_DIGIT
from digits.learning.handwriting import make_styles
from digits.learning.loop import Learner
from digits.learning.strips import make_strips
from digits.reading.ctc import text_costs
from digits.reading.line_network import LineReader, to_strip
from train_lines import LineNet, Settings, batches, ctc_loss, train, trim, widths
from utils import UserError

SETTINGS = Settings(lines=96, epochs=2, batch_size=16)


@pytest.fixture(autouse=True)
def own_lines(monkeypatch, tmp_path):
    """Lines of the written styles, which need no MNIST, and folders of the test's own."""
    made = {n: make_strips(*make_styles(60, 0), n=n, seed=n, workers=1) for n in (96, 24)}
    monkeypatch.setattr(train_lines, "load_made", lambda *_arguments: (*made[96], *made[24]))
    monkeypatch.setattr(train_lines, "RUNS_DIR", tmp_path / "runs")
    monkeypatch.setattr(train_lines, "LINES", tmp_path / "lines.onnx")


def weights(model: LineNet) -> torch.Tensor:
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach()


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    whole = weights(train(SETTINGS, tmp_path / "whole"))
    stopped = tmp_path / "stopped"
    save = Learner.save

    def save_and_stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Learner, "save", save_and_stop)
        train(SETTINGS, stopped)
    state = torch.load(stopped / "state.pt", weights_only=True)
    assert len(state["history"]) == 1
    assert torch.equal(weights(train(SETTINGS, stopped, state)), whole)
    assert [row["epoch"] for row in csv.DictReader((stopped / "metrics.csv").open())] == ["1", "2"]


def test_smoke_leaves_its_papers_and_a_network_that_reads(tmp_path, capsys):
    assert train_lines.main(["--smoke"]) == 0
    written = tmp_path / "runs" / "lines-smoke" / "lines.onnx"
    assert capsys.readouterr().out.strip() == str(written) and not (tmp_path / "lines.onnx").exists()
    assert json.loads((written.parent / "config.json").read_text())["epochs"] == 1
    assert LineReader(written).read(np.zeros((40, 90), np.float32), 30).shape == (34, 11)


def test_resuming_what_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="cannot be resumed: it has no config.json yet"):
        train_lines.open_run(train_lines.parse_arguments(["--resume"]))


def test_the_exported_network_says_what_torchs_does(tmp_path):
    model = LineNet().eval()
    train_lines.export(model, tmp_path / "lines.onnx", {"settings": "{}"})
    strokes = np.random.default_rng(0).random((32, 101), np.float32)
    says = LineReader(tmp_path / "lines.onnx").read(strokes, 20)
    with torch.inference_mode():
        expected = model(torch.from_numpy(to_strip(strokes, 20))[None])[0].numpy()
    assert np.abs(says - expected).max() < 1e-4


def test_the_loss_is_a_texts_cost_for_each_of_its_digits():
    says = torch.randn(2, 12, 11).log_softmax(2)
    texts = np.array([[4, 0, 7], [1, NO_DIGIT, NO_DIGIT]])
    costs = [text_costs(line.numpy().astype(float), [text])[0] for line, text in zip(says, ["407", "1"], strict=True)]
    assert float(ctc_loss(says, texts)) == pytest.approx((costs[0] / 3 + costs[1]) / 2, rel=1e-4)


def test_batches_hold_every_line_once_and_little_padding():
    strips = np.zeros((40, 32, 160), np.uint8)
    for i, width in enumerate(np.random.default_rng(0).permutation(np.linspace(20, 150, 40).astype(int))):
        strips[i, 5, :width] = 255
    parts = batches(strips, 8, np.random.default_rng(1))
    assert sorted(np.concatenate(parts)) == list(range(40))
    assert max(np.ptp(widths(strips[part])) for part in parts) < 60
    assert trim(torch.from_numpy(strips[:1])).shape[2] - widths(strips[:1])[0] in range(1, 9)
