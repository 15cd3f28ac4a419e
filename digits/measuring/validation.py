"""How well a network in training reads the pictures held out: what is measured after every epoch.

    validate(network, {"mnist": (ink, labels)}, "cpu")     # {"val_loss": 0.04, "val_mnist": 0.99, "mnist/0": 1.0, …}

Ink is uint8 (n, 28, 28), labels are int64 (n,): 0–9, or `NO_DIGIT`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from digits.finding.ink import TURNS, standardise, turn
from digits.learning.learner import with_no_digit
from digits.reading.verdict import NO_DIGIT, softmax

SURE_ANYWAY = 0.996  # confidence at which no temperature up to 1.5 leaves a doubt
AT_ONCE = 128  # about twice as fast on a CPU as 1024, whose maps leave the cache


@torch.inference_mode()
def logits_of(model: nn.Module, ink: np.ndarray, device: str) -> np.ndarray:
    """Return (n, 10) float32 logits of uint8 ink (n, 28, 28), the network in evaluation mode."""
    model.eval()
    parts = []
    for start in range(0, len(ink), AT_ONCE):
        batch = torch.from_numpy(ink[start : start + AT_ONCE]).to(device).float().unsqueeze(1) / 255.0
        parts.append(model(standardise(batch)).float().cpu().numpy())
    return np.concatenate(parts)


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
