"""Explanations against networks so small that the right one is known, and over every architecture."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from digits.command import UserError
from digits.files import ROOT, sha256
from digits.finding.digit import to_ink
from digits.finding.ink import MEAN, STD
from digits.measuring.attacks import STRESSES
from digits.measuring.explain import Explainer, record_outputs
from digits.measuring.nearest import Nearest, index_path
from digits.reading.verdict import judge
from digits.weights import weights_path
from model import REGISTRY, create_model, load_model


@pytest.fixture(scope="module")
def trained():
    network, checkpoint = load_model(weights_path("mnistnet"))
    return Explainer(network, checkpoint.facts())


@pytest.fixture(scope="module")
def ink(examples):
    return to_ink(examples[4])


def n_hooks(network: nn.Module) -> int:
    return sum(len(part._forward_hooks) for part in network.modules())


def linear(weights: dict[int, np.ndarray], biases: dict[int, float]) -> Explainer:
    """An explainer of a network whose logit for a digit is its weights (28, 28) times the standardised ink."""
    layer = nn.Linear(784, 10)
    nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)
    with torch.no_grad():
        for digit, weight in weights.items():
            layer.weight[digit] = torch.from_numpy(weight.astype(np.float32).ravel())
        for digit, bias in biases.items():
            layer.bias[digit] = bias
    return Explainer(nn.Sequential(nn.Flatten(), layer))


# ---------------------------------------------------------------- where it looks


def test_grad_cam_of_a_network_that_averages_is_the_map_itself():
    """Channel 0 is the ink and speaks for 3, channel 1 its negative and speaks for 5; each is averaged over the map."""
    network = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 10))
    with torch.no_grad():
        network[0].weight[:] = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
        nn.init.zeros_(network[3].weight)
        network[3].weight[3, 0] = network[3].weight[5, 1] = 1.0
    ink = np.zeros((28, 28), np.uint8)
    ink[5:12, 8:20] = 255
    explainer = Explainer(network)
    assert np.array_equal(explainer.grad_cam(ink, 3), (ink > 0).astype(np.float32))
    assert np.array_equal(explainer.grad_cam(ink, 5), (ink == 0).astype(np.float32))
    assert not explainer.grad_cam(ink, 8).any()


def test_grad_cam_ignores_what_pooling_drops():
    """Max pooling of 7x7 by 2 never reads the last row and column, so no heat may lie there."""
    torch.manual_seed(0)
    head = [nn.MaxPool2d(4), nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 10)]
    heat = Explainer(nn.Sequential(*head)).grad_cam(np.full((28, 28), 255, np.uint8), 3)
    assert heat.max() == 1 and heat[-2:].max() == 0 and heat[:, -2:].max() == 0


@pytest.mark.parametrize("name", [name for name in REGISTRY if name != "resnet50"])
def test_every_architecture_can_be_explained(name, ink):
    explainer = Explainer(create_model(name))
    heat = explainer.grad_cam(ink)
    assert heat.shape == (28, 28) and heat.min() >= 0 and heat.max() <= 1
    maps = explainer.feature_maps(ink)
    assert list(maps) == list(explainer.convolutions) and all(map_.ndim == 3 for map_ in maps.values())
    assert explainer.first_kernels().ndim == 3
    assert n_hooks(explainer.network) == 0


def test_a_network_without_maps_says_so(ink):
    explainer = linear({}, {6: 5.0})
    for call in (lambda: explainer.grad_cam(ink), explainer.first_kernels):
        with pytest.raises(UserError, match="this network"):
            call()
    assert explainer.feature_maps(ink) == {} and not explainer.occlusion_map(ink).any()


def test_hooks_are_removed_when_the_network_fails():
    class Broken(nn.Module):
        def forward(self, x):
            raise RuntimeError("out of memory")

    network = nn.Sequential(nn.Conv2d(1, 2, 3), Broken())
    for call in (Explainer(network).grad_cam, Explainer(network).feature_maps):
        with pytest.raises(RuntimeError, match="out of memory"):
            call(np.zeros((28, 28), np.uint8))
    with pytest.raises(RuntimeError), record_outputs({"0": network[0]}):
        network(torch.zeros(1, 1, 28, 28))
    assert n_hooks(network) == 0


def test_explaining_changes_nothing(trained, ink):
    before = {key: value.clone() for key, value in trained.network.state_dict().items()}
    trained.grad_cam(ink), trained.occlusion_map(ink), trained.stress(ink, "fgsm")
    assert all(torch.equal(value, before[key]) for key, value in trained.network.state_dict().items())
    assert all(parameter.grad is None for parameter in trained.network.parameters())
    assert not trained.network.training


def test_threads_do_not_see_each_others_maps(trained, examples):
    inks = [to_ink(path) for path in examples.values()]
    alone = [trained.grad_cam(ink) for ink in inks]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(trained.grad_cam, inks * 3))
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(alone * 3, together, strict=True))


def test_hiding_costs_only_where_the_network_looks():
    spot = np.zeros((28, 28))
    spot[12:16, 12:16] = 0.1
    ink = np.full((28, 28), 200, np.uint8)
    losses = linear({7: spot}, {}).occlusion_map(ink, side=4, step=2)
    assert np.unravel_index(losses.argmax(), losses.shape) in [(y, x) for y in range(12, 16) for x in range(12, 16)]
    assert losses[13, 13] > 0.05
    assert np.abs(losses[:8]).max() < 1e-6 and np.abs(losses[:, 20:]).max() < 1e-6


# ---------------------------------------------------------------- what it is made of


def test_feature_maps_are_the_convolutions_outputs(trained, ink):
    maps = trained.feature_maps(ink)
    assert [map_.shape for map_ in maps.values()] == [(32, 28, 28), (64, 14, 14), (128, 7, 7)]
    with torch.no_grad():
        first = trained.network[0](trained.to_input(ink))[0].numpy()
    assert np.allclose(maps["0"], first, atol=1e-6)


def test_first_kernels(trained):
    assert np.array_equal(trained.first_kernels(), trained.network[0].weight.detach().numpy()[:, 0])


def test_probabilities_are_the_predictors(trained, predictor, ink):
    assert np.allclose(trained.probabilities(ink), predictor.predict_proba(ink), atol=1e-5)


# ---------------------------------------------------------------- what changes its mind


def test_the_flip_is_found_where_it_is():
    """Full ink keeps 1 above 0's constant until half of the contrast is gone."""
    explainer = linear({1: np.full((28, 28), 1 / 784)}, {0: (0.5 - MEAN) / STD})
    curve = explainer.stress(np.full((28, 28), 255, np.uint8), "contrast")
    assert (curve.answer, curve.flips_to) == (1, 0)
    assert curve.flips_at == pytest.approx(0.5, abs=0.005)


def test_what_never_flips_says_so():
    curve = linear({}, {6: 5.0}).stress(np.full((28, 28), 90, np.uint8), "gaussian")
    assert (curve.answer, curve.flips_at, curve.flips_to) == (6, None, None)


@pytest.mark.parametrize("kind", STRESSES)
def test_stress_curves_start_from_the_picture(trained, ink, kind):
    curve = trained.stress(ink, kind)
    assert curve.probabilities.shape == (len(curve.strengths), 10) and curve.ink.shape == (len(curve.strengths), 28, 28)
    assert np.allclose(curve.probabilities.sum(axis=1), 1, atol=1e-5)
    harmless = int(np.flatnonzero(curve.strengths == 0)[0])
    assert np.array_equal(curve.ink[harmless], ink)
    assert curve.answer == 4
    if curve.flips_at is not None:
        answers = curve.probabilities.argmax(axis=1)
        gentler = np.abs(curve.strengths) < np.abs(curve.flips_at) - 1e-9
        assert (answers[gentler] == curve.answer).all(), "a gentler step flips already"


@pytest.mark.parametrize("n_steps", [1, 5])
def test_attacks_stay_within_their_reach_and_hurt(trained, examples, n_steps):
    inks = np.stack([to_ink(path) for path in examples.values()])
    labels = np.arange(10)
    moved = trained.attack(inks, labels, 0.1, n_steps)
    assert moved.dtype == np.uint8 and np.abs(moved.astype(int) - inks).max() <= round(0.1 * 255)
    before, after = (trained.probabilities(ink)[labels, labels].mean() for ink in (inks, moved))
    assert after < before - 0.05


def test_more_steps_hurt_more(trained, examples):
    inks = np.stack([to_ink(path) for path in examples.values()])
    one, ten = (trained.attack(inks, np.arange(10), 0.1, n) for n in (1, 10))
    shares = [trained.probabilities(moved)[np.arange(10), np.arange(10)].mean() for moved in (one, ten)]
    assert shares[1] < shares[0]


def test_importing_it_leaves_torch_alone():
    code = "import sys, digits.measuring.attacks, digits.measuring.explain; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


@pytest.mark.parametrize("kind", ["gaussian", "rotation"])
def test_every_flip_of_the_verdict_is_named(trained, predictor, ink, kind):
    """Between two flips the verdict is that of the first, on the way to each end."""

    def tell(many: np.ndarray) -> tuple[np.ndarray, list[str]]:
        probabilities, scores = predictor.predict_scores(many)
        pairs = zip(probabilities, scores, strict=True)
        return probabilities, [judge(p, float(score), predictor.thresholds)[0] for p, score in pairs]

    curve = trained.stress(ink, kind, judge=tell)
    told = zip(curve.probabilities, curve.statuses, strict=True)
    verdicts = [None if status == "not_a_digit" else int(p.argmax()) for p, status in told]
    assert None in verdicts, "so much damage is refused"
    for strength, verdict in zip(curve.strengths, verdicts, strict=True):
        passed = [flip for flip in curve.flips if abs(flip.strength) <= abs(strength) and flip.strength * strength > 0]
        assert verdict == (passed[-1].digit if passed else 4), strength


# ---------------------------------------------------------------- how it thinks


def test_maps_and_biases_together_are_the_logits(trained, ink):
    thoughts = trained.thoughts(ink)
    with torch.no_grad():
        logits = trained.network(trained.to_input(ink))[0].numpy()
        finished = nn.Sequential(*list(trained.network)[:13])(trained.to_input(ink))[
            0
        ].numpy()  # the third convolution, its norm and ReLU
    assert np.allclose(thoughts.speaks.sum(axis=1) + thoughts.rest, logits, atol=1e-4)
    assert [len(layer) for layer in thoughts.maps.values()] == [32, 64, 128]
    assert np.allclose(thoughts.maps["10"], finished, atol=1e-5) and n_hooks(trained.network) == 0
    assert np.array_equal(thoughts.hidden, trained.hidden(ink)[0]) and thoughts.hidden.shape == (128,)


def test_what_a_map_says_is_what_it_adds(trained, ink):
    """Raised by a thousandth, the last maps change each logit by a thousandth of what all of them say for it."""
    last = trained.network[12]
    logits = []
    for factor in (1 - 1e-3, 1 + 1e-3):
        handle = last.register_forward_hook(lambda _layer, _inputs, output, factor=factor: factor * output)
        with torch.no_grad():
            logits.append(trained.network(trained.to_input(ink))[0].numpy())
        handle.remove()
    assert np.allclose((logits[1] - logits[0]) / 2e-3, trained.thoughts(ink).speaks.sum(axis=1), atol=0.05)


@pytest.mark.parametrize("name", [name for name in REGISTRY if name != "resnet50"])
def test_window_times_kernel_is_the_value_the_network_has(name, ink):
    """Of every convolution of every architecture, strides, groups and padding as they come."""
    torch.manual_seed(0)
    explainer = Explainer(create_model(name))
    for layer, convolution in explainer.convolutions.items():
        index = convolution.out_channels - 1
        kernel = explainer.kernel(ink, layer, index)
        _n, side, _side = kernel.weights.shape
        padded = np.pad(kernel.inputs, [(0, 0)] + [(kernel.padding, kernel.padding)] * 2)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
        windows = windows[:, :: kernel.stride, :: kernel.stride]
        sums = np.einsum("cyxij,cij->yx", windows, kernel.weights) + kernel.bias
        made = sums * kernel.scale + kernel.shift
        made = np.maximum(made, 0) if kernel.has_relu else made
        assert np.allclose(made, kernel.values, atol=1e-4), layer


def test_the_nearest_training_pictures_are_of_the_same_digit(trained, examples):
    nearest = Nearest.beside(weights_path("mnistnet"))
    assert nearest is not None, "make it with: python assets/make_nearest.py"
    hits = [nearest.labels[nearest.find(trained.hidden(to_ink(path))[0])] == digit for digit, path in examples.items()]
    assert np.mean(hits) > 0.9
    assert np.array_equal(nearest.find(trained.hidden(nearest.ink[7])[0], 1), [7]), "itself"


def test_an_index_of_other_weights_is_left_alone(tmp_path):
    weights = tmp_path / "own.pth"
    weights.write_bytes(b"one")
    hidden = np.eye(3, dtype=np.float32)
    Nearest.of(np.zeros((3, 28, 28), np.uint8), np.arange(3), hidden, sha256(weights)).save(index_path(weights))
    assert Nearest.beside(weights).find(hidden[2], 1) == 2
    weights.write_bytes(b"other")
    assert Nearest.beside(weights) is None and Nearest.beside(tmp_path / "none.pth") is None


def test_without_maps_there_are_no_thoughts_to_show(ink):
    with pytest.raises(UserError, match="no convolution"):
        linear({}, {}).thoughts(ink)
