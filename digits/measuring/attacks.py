"""How little it takes to change a network's mind: damage that grows, and attacks. Returns arrays; draws nothing.

    from digits.measuring.attacks import Probe
    network, checkpoint = load_model(path)     # of model.py
    probe = Probe(network, checkpoint.facts())
    probe.stress(ink, "rotation").flips_at     # degrees
    probe.attack(ink, labels, 0.1)             # uint8 (n, 28, 28)

torch is imported when a `Probe` is made, not with this module.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from digits.finding.ink import MEAN, STD, standardise
from digits.measuring.corruptions import KINDS, corrupt
from digits.reading.verdict import NOT_A_DIGIT, softmax

if TYPE_CHECKING:
    from torch import Tensor, nn

StressKind = Literal["gaussian", "salt_and_pepper", "blur", "rotation", "fgsm"]
STRESSES = get_args(StressKind)
UNITS = {**{kind: KINDS[kind].unit for kind in KINDS}, "fgsm": "step of every pixel, share of full ink"}
FGSM_RANGE = (0.0, 0.5)
BATCH = 256
Judge = Callable[[np.ndarray], tuple[np.ndarray, Sequence[str]]]  # ink (n, 28, 28) -> probabilities (n, 10), statuses


@dataclass(frozen=True)
class Flip:
    """Where the verdict becomes another one, going away from no damage; `digit` is None where it is refused."""

    strength: float
    digit: int | None


@dataclass(frozen=True)
class StressCurve:
    """All ten probabilities while one kind of damage grows."""

    kind: str
    unit: str
    strengths: np.ndarray  # (s,)
    probabilities: np.ndarray  # (s, 10)
    ink: np.ndarray  # uint8 (s, 28, 28), what the network saw
    statuses: Sequence[str]  # (s,)
    answer: int  # without damage, the most probable digit
    flips: list[Flip]  # all of them, the one nearest to 0 first

    @property
    def flips_at(self) -> float | None:
        """The strength nearest to 0 that changes the answer; None if none in the range does."""
        return self.flips[0].strength if self.flips else None

    @property
    def flips_to(self) -> int | None:
        """What the answer becomes there; None if it is refused, or never changes."""
        return self.flips[0].digit if self.flips else None


class Probe:
    """Asks one network, which takes standardised ink (n, 1, 28, 28); `facts` as a checkpoint tells them.

    Several threads may share a probe, but nothing else may run its network meanwhile.
    """

    def __init__(self, network: nn.Module, facts: dict[str, Any] | None = None) -> None:
        import torch

        self._torch, self._lock = torch, threading.Lock()  # a hook would record other threads' outputs too
        self.network, self.facts = network.eval(), facts or {}
        self._device = next(network.parameters()).device

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

    def stress(self, ink: np.ndarray, kind: str, n_steps: int = 25, judge: Judge | None = None) -> StressCurve:
        """Return the probabilities of one ink, uint8 (28, 28), while damage of `kind` grows over its whole range.

        `kind` is one of `STRESSES`, its strengths are in `UNITS`. Rotation runs from left to right through none.
        Each flip is then looked for again, `n_steps` times finer, between the steps where the verdict changed. `judge`
        tells probabilities and statuses; left out, the network alone does, and refuses nothing.
        """
        judge = judge or (lambda many: (self.probabilities(many), ["ok"] * len(many)))
        low, high = FGSM_RANGE if kind == "fgsm" else KINDS[kind].range
        strengths = np.linspace(low, high, n_steps)
        strengths[np.abs(strengths).argmin()] = 0.0  # an even number of steps around 0 would miss it
        damaged = self._damage(ink, kind, strengths)
        probabilities, statuses = judge(damaged)
        flips = self._flips(ink, kind, strengths, _verdicts(probabilities, statuses), judge)
        answer = int(probabilities[np.abs(strengths).argmin()].argmax())
        return StressCurve(kind, UNITS[kind], strengths, probabilities, damaged, statuses, answer, flips)

    def _flips(
        self, ink: np.ndarray, kind: str, strengths: np.ndarray, verdicts: list[int | None], judge: Judge
    ) -> list[Flip]:
        """Return every flip on the ways from no damage to both ends."""
        flips, start = [], int(np.abs(strengths).argmin())
        for way in (range(start, len(strengths) - 1), range(start, 0, -1)):
            for i in way:
                after = i + 1 if way.step > 0 else i - 1
                if verdicts[i] != verdicts[after]:
                    finer = np.linspace(strengths[i], strengths[after], len(strengths))[1:]
                    found = _verdicts(*judge(self._damage(ink, kind, finer)))
                    first = next((k for k, verdict in enumerate(found) if verdict == verdicts[after]), -1)
                    flips.append(Flip(float(finer[first]), verdicts[after]))
        return sorted(flips, key=lambda flip: abs(flip.strength))

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


def _verdicts(probabilities: np.ndarray, statuses: Sequence[str]) -> list[int | None]:
    """Return the digit of each, None where it is refused as no digit."""
    return [
        None if status == NOT_A_DIGIT else int(p.argmax()) for p, status in zip(probabilities, statuses, strict=True)
    ]
