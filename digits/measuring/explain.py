"""Why a network answers as it does. Returns arrays; draws nothing.

    from digits.measuring.explain import Explainer
    network, checkpoint = load_model(path)     # of model.py
    explainer = Explainer(network, checkpoint.facts())
    explainer.grad_cam(ink)                    # float32 (28, 28), 0 to 1
    explainer.stress(ink, "rotation").flips_at # degrees; of digits/measuring/attacks.py

Hooks are removed whatever happens. torch is imported when an `Explainer` is made, not with this module.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from digits.command import UserError
from digits.measuring.attacks import BATCH, Probe
from digits.measuring.nearest import Nearest
from digits.reading.verdict import softmax

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Thoughts:
    """How one ink becomes an answer."""

    probabilities: np.ndarray  # (10,)
    maps: dict[str, np.ndarray]  # of every convolution, after its batch norm and ReLU, float32 (c, h, w)
    speaks: np.ndarray  # (10, c): what each of the last maps adds to each logit
    rest: np.ndarray  # (10,): what no map adds, the biases of the layers that follow; with `speaks` it is the logit
    hidden: np.ndarray  # what the last layer is given, float32 (d,)


@dataclass(frozen=True)
class Kernel:
    """All that makes one feature map: relu((inputs in the window x weights, summed, + bias) x scale + shift)."""

    inputs: np.ndarray  # float32 (n_in, height, width), without the padding, which is 0
    weights: np.ndarray  # float32 (n_in, k, k)
    bias: float
    scale: float  # of the batch norm that follows, 1 without
    shift: float
    has_relu: bool
    stride: int
    padding: int
    values: np.ndarray  # float32 (h, w), as the network has them


@contextlib.contextmanager
def record_outputs(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Yield a dict that fills with the outputs of `layers`, by name, when their network runs; hooks go with the block.

    In the order they run; of convolutions they are (n, c, h, w).
    """
    outputs: dict[str, Tensor] = {}

    def note(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda _layer, _inputs, output: outputs.__setitem__(name, output)

    handles = []
    try:
        handles += [layer.register_forward_hook(note(name)) for name, layer in layers.items()]
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def _record_input(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Yield a list that fills with what `layer` is given, one tensor a run."""
    given: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _layer, inputs: given.append(inputs[0]))
    try:
        yield given
    finally:
        handle.remove()


def _scale_and_shift(norms: list[nn.BatchNorm2d], index: int) -> tuple[float, float]:
    """Return what batch norms multiply map `index` by, and add to it; 1 and 0 without any."""
    scale, shift = 1.0, 0.0
    for norm in norms:
        assert norm.running_mean is not None and norm.running_var is not None, "a trained network has seen batches"
        by = float(norm.weight[index].detach() / (norm.running_var[index] + norm.eps).sqrt())
        scale, shift = scale * by, shift * by + float(norm.bias[index].detach() - norm.running_mean[index] * by)
    return scale, shift


class Explainer(Probe):
    """Looks into one network, which a `Probe` only asks.

    `nearest`: an index of training pictures by this network's features, if there is one.
    """

    def __init__(self, network: nn.Module, facts: dict[str, Any] | None = None, nearest: Nearest | None = None) -> None:
        super().__init__(network, facts)
        self.nearest = nearest
        modules, nn = network.named_modules(), self._torch.nn
        self.convolutions = {name: layer for name, layer in modules if isinstance(layer, nn.Conv2d)}
        self.finishes = {name: self._what_finishes(name) for name in self.convolutions}

    def _what_finishes(self, convolution: str) -> list[str]:
        """Return the names of the batch norm and ReLU that directly follow in a sequence; they finish the map."""
        nn, (parent, _, place) = self._torch.nn, convolution.rpartition(".")
        sequence = self.network.get_submodule(parent)
        if not isinstance(sequence, nn.Sequential):
            return []
        children = list(sequence.named_children())
        after = children[[name for name, _child in children].index(place) + 1 :]
        following = itertools.takewhile(lambda child: isinstance(child[1], (nn.BatchNorm2d, nn.ReLU)), after)
        return [f"{parent}.{name}" if parent else name for name, _child in following]

    # ------------------------------------------------------------ where it looks

    def grad_cam(self, ink: np.ndarray, digit: int | None = None) -> np.ndarray:
        """Return where one ink, uint8 (28, 28), speaks for `digit` (default: the answer), float32 (28, 28), 0 to 1.

        Selvaraju et al. 2017, arXiv:1610.02391, of the last layer whose map is at least 4x4, after its activation. All
        zero if nothing speaks for the digit. Raises `UserError` if the network makes no maps.
        """
        digit = self.answer(ink) if digit is None else digit
        layer = self.last_map_layer()
        watched = {layer: self.network.get_submodule(layer)}
        with self._lock, self._torch.enable_grad(), record_outputs(watched) as outputs:
            logits = self.network(self.to_input(ink).requires_grad_())
            maps = outputs[layer]  # (1, c, h, w)
            (gradient,) = self._torch.autograd.grad(logits[0, digit], maps)
        weights = gradient.mean(dim=(2, 3), keepdim=True)  # (1, c, 1, 1)
        used = (gradient != 0).any(dim=1)  # pooling 7x7 to 3x3 drops a row and a column: nothing there counts
        heat = ((weights * maps).sum(dim=1).clamp(min=0) * used)[0].detach().cpu().numpy()  # (h, w)
        heat = cv2.resize(heat, (28, 28), interpolation=cv2.INTER_LINEAR)
        return heat / heat.max() if heat.max() > 0 else heat

    def last_map_layer(self) -> str:
        """Return the name of the module that makes the last map of at least 4x4."""
        modules = {name: module for name, module in self.network.named_modules() if name}
        with self._lock, self._torch.no_grad(), record_outputs(modules) as outputs:
            self.network(self.to_input(np.zeros((28, 28), np.uint8)))
        maps = [name for name, output in outputs.items() if output.ndim == 4]
        if not maps:
            raise UserError("this network makes no feature maps for Grad-CAM to weigh; try the occlusion map")
        large = [name for name in maps if min(outputs[name].shape[2:]) >= 4]
        return (large or maps)[-1]

    def occlusion_map(self, ink: np.ndarray, digit: int | None = None, side: int = 6, step: int = 2) -> np.ndarray:
        """Return what hiding a pixel costs: the mean loss of `digit`'s probability over the squares that cover it.

        Of one ink, uint8 (28, 28); float32 (28, 28), negative where hiding helps. The squares are black, `side` pixels
        large, `step` apart (after Zeiler and Fergus 2014, arXiv:1311.2901).
        """
        ink = ink.reshape(28, 28)
        digit = self.answer(ink) if digit is None else digit
        corners = range(0, 28 - side + 1, step)
        windows = [(slice(y, y + side), slice(x, x + side)) for y in corners for x in corners]
        hidden = np.repeat(ink[None], len(windows), axis=0)
        for image, window in zip(hidden, windows, strict=True):
            image[window] = 0
        losses = self.probabilities(ink)[0, digit] - self.probabilities(hidden)[:, digit]
        total, covered = np.zeros((28, 28), np.float32), np.zeros((28, 28), np.float32)
        for window, loss in zip(windows, losses, strict=True):
            total[window] += loss
            covered[window] += 1
        return total / np.maximum(covered, 1)

    # ------------------------------------------------------------ what it is made of

    def feature_maps(self, ink: np.ndarray) -> dict[str, np.ndarray]:
        """Return the output of every convolution for one ink, in the order they run: {name: float32 (c, h, w)}."""
        with self._lock, self._torch.no_grad(), record_outputs(self.convolutions) as outputs:
            self.network(self.to_input(ink)[:1])
        return {name: maps[0].float().cpu().numpy() for name, maps in outputs.items()}

    def _finished(self) -> dict[str, nn.Module]:
        """Return what gives each convolution's finished maps, by the convolution's name."""
        return {name: self.network.get_submodule([name, *after][-1]) for name, after in self.finishes.items()}

    def thoughts(self, ink: np.ndarray) -> Thoughts:
        """Return how one ink, uint8 (28, 28), becomes an answer.

        What a map adds to a logit is the sum of its values times their gradients. Dense layers with ReLU are linear
        around every ink but for their biases, so maps and `rest` make the logit. Raises `UserError` without maps.
        """
        torch = self._torch
        if not self.convolutions:
            raise UserError("this network has no convolution, so there are no maps to show")
        with (
            self._lock,
            torch.enable_grad(),
            record_outputs(self._finished()) as outputs,
            _record_input(self._last_dense()) as hidden,
        ):
            logits = self.network(self.to_input(ink)[:1].requires_grad_())[0]
            last = list(outputs.values())[-1]
            gradients = [torch.autograd.grad(logit, last, retain_graph=True)[0][0] for logit in logits]
        speaks = torch.stack([(gradient * last[0]).sum(dim=(1, 2)) for gradient in gradients]).detach().cpu().numpy()
        maps = {name: output[0].detach().float().cpu().numpy() for name, output in outputs.items()}
        scores = logits.detach().cpu().numpy()
        probabilities = softmax(scores[None], self.facts.get("temperature", 1.0))[0]
        return Thoughts(probabilities, maps, speaks, scores - speaks.sum(axis=1), hidden[0][0].detach().cpu().numpy())

    def _last_dense(self) -> nn.Module:
        return [layer for layer in self.network.modules() if isinstance(layer, self._torch.nn.Linear)][-1]

    def hidden(self, ink: np.ndarray) -> np.ndarray:
        """Return what the last layer is given, float32 (n, d), of ink, uint8 (n, 28, 28)."""
        with self._lock, self._torch.no_grad(), _record_input(self._last_dense()) as given:
            for start in range(0, len(ink), BATCH):
                self.network(self.to_input(ink[start : start + BATCH]))
        return np.concatenate([one.cpu().numpy() for one in given])

    def kernel(self, ink: np.ndarray, layer: str, index: int) -> Kernel:
        """Return what makes map `index` of the convolution `layer` from one ink, uint8 (28, 28)."""
        torch, convolution = self._torch, self.convolutions[layer]
        after = [self.network.get_submodule(name) for name in self.finishes[layer]]
        with (
            self._lock,
            torch.no_grad(),
            _record_input(convolution) as given,
            record_outputs({layer: self._finished()[layer]}) as outputs,
        ):
            self.network(self.to_input(ink)[:1])
        n_in = convolution.in_channels // convolution.groups
        first = index // (convolution.out_channels // convolution.groups) * n_in
        scale, shift = _scale_and_shift([module for module in after if isinstance(module, torch.nn.BatchNorm2d)], index)
        return Kernel(
            inputs=given[0][0, first : first + n_in].cpu().numpy(),
            weights=convolution.weight[index].detach().cpu().numpy(),
            bias=0.0 if convolution.bias is None else float(convolution.bias[index].detach()),
            scale=scale,
            shift=shift,
            has_relu=any(isinstance(module, torch.nn.ReLU) for module in after),
            stride=convolution.stride[0],
            padding=int(convolution.padding[0]),
            values=outputs[layer][0, index].cpu().numpy(),
        )

    def first_kernels(self) -> np.ndarray:
        """Return the kernels of the first convolution, float32 (n, height, width), averaged over input channels.

        Raises `UserError` if the network has none.
        """
        if not self.convolutions:
            raise UserError("this network has no convolution, so there are no kernels to show")
        first = next(iter(self.convolutions.values()))
        return first.weight.detach().mean(dim=1).float().cpu().numpy()
