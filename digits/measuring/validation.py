"""How well a network in training reads the pictures held out, after every epoch; and what is fitted on them.

    validate(network, {"mnist": (ink, labels)}, "cpu")     # {"val_loss": 0.04, "val_mnist": 0.99, "mnist/0": 1.0, …}
    fit_temperature(looks_of(network, ink, "cpu"), labels) # of digits alone

Ink is uint8 (n, 28, 28), labels are int64 (n,): 0–9, or `NO_DIGIT`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from digits.finding.ink import MEAN, STD, TURNS, turn
from digits.learning.learner import with_no_digit
from digits.reading.engines import TorchEngine
from digits.reading.verdict import LEAST_CONFIDENCE, NO_DIGIT, look_again, softmax

SURE_ANYWAY = 0.996  # confidence at which no temperature up to 1.5 leaves a doubt
PASSED, REFUSED, DOUBTED = 0.04, 0.0003, 0.08  # shares of validation pictures, see `fit_thresholds`


def logits_of(model: nn.Module, ink: np.ndarray, device: str) -> np.ndarray:
    """Return (n, 10) float32 logits of uint8 ink (n, 28, 28), the network in evaluation mode."""
    return TorchEngine(model, {"mean": MEAN, "std": STD}, device).logits(ink)


def looks_of(model: nn.Module, ink: np.ndarray, device: str) -> np.ndarray:
    """Return (3, n, 10) logits of ink (n, 28, 28): upright, and turned where that alone is not sure.

    Where it is, all three are the same, as the further looks count nothing then.
    """
    looks = np.stack([logits_of(model, ink, device)] * (1 + len(TURNS)))
    doubtful = softmax(looks[0]).max(axis=1) < SURE_ANYWAY
    if doubtful.any():
        for look, angle in zip(looks[1:], TURNS, strict=True):
            look[doubtful] = logits_of(model, turn(ink[doubtful], angle), device)
    return looks


def validate(
    model: nn.Module, validation: Mapping[str, tuple[np.ndarray, np.ndarray]], device: str
) -> dict[str, float]:
    """Return val_loss (mean over the data sets) and, for each data set, the accuracy on its digits and on each class.

    The names are val_mnist, and mnist/0 to mnist/9 for the classes that it has.
    """
    losses, accuracies, by_class = list[float](), dict[str, float](), dict[str, float]()
    for name, (ink, labels) in validation.items():
        logits = torch.from_numpy(logits_of(model, ink, device))
        target = torch.from_numpy(labels)
        losses.append(float(F.cross_entropy(with_no_digit(logits), target)))
        digits = target < NO_DIGIT
        right = (logits.argmax(1) == target).float()
        accuracies[f"val_{name}"] = float(right[digits].mean())
        by_class |= {
            f"{name}/{digit}": float(right[target == digit].mean()) for digit in np.unique(labels[labels < NO_DIGIT])
        }
    return {"val_loss": float(np.mean(losses)), **accuracies, **by_class}


def fit_temperature(looks: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature, 0.3–5, that minimises the cross-entropy of what is answered (Guo et al. 2017).

    `looks`, (k, n, 10), are the logits of every look at each digit, the first upright; see `look_again`.
    """

    def loss(temperature: float) -> float:
        p = look_again(softmax(looks, temperature))[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(p, 1e-12)).mean())

    candidates = np.exp(np.linspace(np.log(0.3), np.log(5), 60))
    return float(min(candidates, key=loss))


def fit_thresholds(scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return status thresholds from validation scores (n,) and labels (n,), 0–9 or `NO_DIGIT`.

    Unsure is what `PASSED` of the non-digits exceed, not_a_digit what only `REFUSED` of the digits fall below, and
    never a score above 0, the network's own boundary. Unsure takes at most `DOUBTED` of the digits.
    """
    digits, others = scores[labels < NO_DIGIT], scores[labels >= NO_DIGIT]
    refused = min(0.0, float(np.quantile(digits, REFUSED)))
    unsure = float(np.quantile(others, 1 - PASSED)) if len(others) else refused
    unsure = max(refused, min(unsure, float(np.quantile(digits, DOUBTED))))
    return {"unsure_confidence": LEAST_CONFIDENCE, "unsure_score": unsure, "not_a_digit_score": refused}
