"""Why a network answers as it does, and how little it takes to change its mind. Returns arrays; draws nothing.

    from digits.measuring.explain import Explainer
    network, checkpoint = load_model(path)     # of model.py
    explainer = Explainer(network, checkpoint.facts())
    explainer.grad_cam(ink)                    # float32 (28, 28), 0 to 1
    explainer.stress(ink, "rotation").flips_at # degrees

Hooks are removed whatever happens. torch is imported when an `Explainer` is made, not with this module.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import cv2
import numpy as np

from digits.command import UserError
from digits.finding.ink import MEAN, STD, standardise
from digits.measuring.corruptions import KINDS, corrupt
from digits.reading.verdict import softmax

if TYPE_CHECKING:
    from torch import Tensor, nn

StressKind = Literal["gaussian", "salt_and_pepper", "blur", "rotation", "fgsm"]
STRESSES = get_args(StressKind)
UNITS = {**{kind: KINDS[kind].unit for kind in KINDS}, "fgsm": "step of every pixel, share of full ink"}
FGSM_RANGE = (0.0, 0.5)
BATCH = 256


@dataclass(frozen=True)
class StressCurve:
    """All ten probabilities while one kind of damage grows."""

    kind: str
    unit: str
    strengths: np.ndarray  # (s,)
    probabilities: np.ndarray  # (s, 10)
    ink: np.ndarray  # uint8 (s, 28, 28), what the network saw
    answer: int  # without damage
    flips_at: float | None  # the strength nearest to 0 that changes the answer, None if none in the range does
    flips_to: int | None


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


class Explainer:
    """Looks into one network, which takes standardised ink (n, 1, 28, 28); `facts` as a checkpoint tells them.

    Several threads may share an explainer, but nothing else may run its network meanwhile.
    """

    def __init__(self, network: nn.Module, facts: dict[str, Any] | None = None) -> None:
        import torch

        self._torch, self._lock = torch, threading.Lock()  # a hook would record other threads' outputs too
        self.network, self.facts = network.eval(), facts or {}
        self._device = next(network.parameters()).device
        modules = network.named_modules()
        self.convolutions = {name: layer for name, layer in modules if isinstance(layer, torch.nn.Conv2d)}

    def to_input(self, ink: np.ndarray) -> Tensor:
        """Return standardised ink (n, 1, 28, 28) of uint8 (n, 28, 28) or (28, 28)."""
        ink = np.ascontiguousarray(ink).reshape(-1, 1, 28, 28)
        pixels = self._torch.from_numpy(ink).to(self._device).float() / 255.0
        return standardise(pixels, self.facts.get("mean", MEAN), self.facts.get("std", STD))

    def probabilities(self, ink: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float32 (n, 10), of ink, uint8 (n, 28, 28) or (28, 28)."""
        ink = ink.reshape(-1, 28, 28)
        with self._lock, self._torch.no_grad():
            logits = [self.network(self.to_input(ink[i : i + BATCH])).cpu().numpy() for i in range(0, len(ink), BATCH)]
        return softmax(np.concatenate(logits), self.facts.get("temperature", 1.0))

    def answer(self, ink: np.ndarray) -> int:
        """Return the most probable digit of one ink, uint8 (28, 28)."""
        return int(self.probabilities(ink)[0].argmax())

    # ------------------------------------------------------------ where it looks

    def grad_cam(self, ink: np.ndarray, digit: int | None = None, layer: str | None = None) -> np.ndarray:
        """Return where one ink, uint8 (28, 28), speaks for `digit` (default: the answer), float32 (28, 28), 0 to 1.

        Selvaraju et al. 2017, arXiv:1610.02391. `layer`: a name of the network's modules; by default the last whose
        map is at least 4x4, after its activation. All zero if nothing speaks for the digit.
        Raises `UserError` if the network makes no maps.
        """
        digit = self.answer(ink) if digit is None else digit
        layer = layer or self.last_map_layer()
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

    def thoughts(self, ink: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
        """Return how one ink, uint8 (28, 28), becomes an answer: probabilities (10,), maps, and who speaks for whom.

        The maps are those of every convolution after ReLU, {name: float32 (c, h, w)}. Who speaks for whom is (10, c):
        each of the last maps times its gradient, summed, for each digit's logit. The network is linear around every ink
        but for its biases, so these are the parts of which a logit is made. Raises `UserError` if there are no maps.
        """
        torch = self._torch
        if not self.convolutions:
            raise UserError("this network has no convolution, so there are no maps to show")
        with self._lock, torch.enable_grad(), record_outputs(self.convolutions) as outputs:
            logits = self.network(self.to_input(ink)[:1].requires_grad_())[0]
            last = list(outputs.values())[-1]
            gradients = [torch.autograd.grad(logit, last, retain_graph=True)[0][0] for logit in logits]
            speaks = torch.stack([(gradient * last[0]).sum(dim=(1, 2)) for gradient in gradients])
        maps = {name: output[0].detach().clamp(min=0).float().cpu().numpy() for name, output in outputs.items()}
        probabilities = softmax(logits.detach().cpu().numpy()[None], self.facts.get("temperature", 1.0))[0]
        return probabilities, maps, speaks.detach().cpu().numpy()

    def first_kernels(self) -> np.ndarray:
        """Return the kernels of the first convolution, float32 (n, height, width), averaged over input channels.

        Raises `UserError` if the network has none.
        """
        if not self.convolutions:
            raise UserError("this network has no convolution, so there are no kernels to show")
        first = next(iter(self.convolutions.values()))
        return first.weight.detach().mean(dim=1).float().cpu().numpy()

    # ------------------------------------------------------------ what changes its mind

    def stress(self, ink: np.ndarray, kind: str, n_steps: int = 25) -> StressCurve:
        """Return the probabilities of one ink, uint8 (28, 28), while damage of `kind` grows over its whole range.

        `kind` is one of `STRESSES`, its strengths are in `UNITS`. Rotation runs from left to right through none.
        The flip is then looked for again, `n_steps` times finer, between the steps where the answer changed.
        """
        low, high = FGSM_RANGE if kind == "fgsm" else KINDS[kind].range
        strengths = np.linspace(low, high, n_steps)
        strengths[np.abs(strengths).argmin()] = 0.0  # an even number of steps around 0 would miss it
        damaged = self._damage(ink, kind, strengths)
        probabilities = self.probabilities(damaged)
        answer = self.answer(ink)
        flips_at, flips_to = self._first_flip(ink, kind, strengths, probabilities, answer)
        return StressCurve(kind, UNITS[kind], strengths, probabilities, damaged, answer, flips_at, flips_to)

    def _first_flip(
        self, ink: np.ndarray, kind: str, strengths: np.ndarray, probabilities: np.ndarray, answer: int
    ) -> tuple[float | None, int | None]:
        flipped = strengths[probabilities.argmax(axis=1) != answer]
        if not flipped.size:
            return None, None
        coarse = flipped[np.abs(flipped).argmin()]
        before = strengths[np.abs(strengths) < np.abs(coarse)]
        start = before[np.abs(before - coarse).argmin()]
        finer = np.linspace(start, coarse, len(strengths))[1:]
        answers = self.probabilities(self._damage(ink, kind, finer)).argmax(axis=1)
        first = int(np.flatnonzero(answers != answer)[0]) if (answers != answer).any() else -1
        return float(finer[first]), int(answers[first])

    def _damage(self, ink: np.ndarray, kind: str, strengths: np.ndarray) -> np.ndarray:
        many = np.repeat(ink.reshape(1, 28, 28), len(strengths), axis=0)
        if kind != "fgsm":
            return corrupt(many, kind, strengths, same_pattern=True)
        direction = self._ascent(ink.reshape(1, 28, 28).astype(np.float32), np.array([self.answer(ink)]))
        return _to_ink(many + 255 * strengths.reshape(-1, 1, 1) * direction)

    def attack(self, ink: np.ndarray, labels: np.ndarray, epsilon: float, n_steps: int = 1) -> np.ndarray:
        """Return ink, uint8 (n, 28, 28), moved against `labels` by at most `epsilon` (share of full ink) a pixel.

        One step is FGSM (Goodfellow et al. 2015, arXiv:1412.6572), more are PGD (Madry et al. 2018, arXiv:1706.06083)
        from the picture itself, each of 2.5 epsilon / `n_steps`.
        """
        start = ink.reshape(-1, 28, 28).astype(np.float32)
        reach = 255 * epsilon
        step = reach if n_steps == 1 else 2.5 * reach / n_steps
        moved: np.ndarray = start
        for _ in range(n_steps):
            moved = moved + step * self._ascent(moved, labels)
            moved = np.clip(moved, start - reach, start + reach).clip(0, 255)
        return _to_ink(moved)

    def _ascent(self, ink: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the sign of the loss's gradient in every pixel, float32 (n, 28, 28), of float ink from 0 to 255."""
        torch, parts = self._torch, []
        for start in range(0, len(ink), BATCH):
            batch = self.to_input(ink[start : start + BATCH].astype(np.float32)).requires_grad_()
            target = torch.as_tensor(labels[start : start + BATCH], device=self._device)
            with self._lock, torch.enable_grad():
                loss = torch.nn.functional.cross_entropy(self.network(batch), target, reduction="sum")
                (gradient,) = torch.autograd.grad(loss, batch)
            parts.append(gradient.sign()[:, 0].cpu().numpy())
        return np.concatenate(parts)


def _to_ink(values: np.ndarray) -> np.ndarray:
    return values.round().clip(0, 255).astype(np.uint8)
