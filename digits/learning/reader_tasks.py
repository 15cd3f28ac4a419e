"""What the networks that see surroundings learn: how each is shown its pictures, its loss, and how it is checked.

    task = TASKS["lines"]
    model, samples = task.network(), [task.draw(writer, rng, PENS) for _ in range(64)]
    for pictures, truth in task.batches(samples, 16, rng):
        loss = task.loss(model(pictures), truth)
    task.check(model, held_out, "cpu")     # {"symbols": 0.98, "lines": 0.93}

To add a network, add its functions and an entry of `TASKS`; train_readers.py then trains and exports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digits.finding.strip import PAPER
from digits.learning.crops import draw_crop
from digits.learning.fields import draw_strip
from digits.learning.learner import with_no_digit
from digits.learning.lookalikes import draw_lookalike
from digits.learning.networks import CropNet, LineNet, LookalikeNet, PageNet
from digits.learning.pages import as_seen, draw_page
from digits.learning.pens import Pen
from digits.learning.writing import Writer
from digits.reading.ctc import best_text, edit_distance
from digits.reading.symbols import CTC_BLANK, SYMBOLS
from digits.reading.verdict import NO_DIGIT

Sample = tuple[np.ndarray, Any]  # a picture, uint8 (h, w), and what it should say


@dataclass
class Settings:
    """What a run depends on: the network's name, how much is drawn, and how it is learnt."""

    name: str = "lines"
    part: int = 16_000  # pictures drawn for each epoch
    window: int = 3  # epochs that a part is learnt in
    epochs: int = 54
    batch_size: int = 64
    lr: float = 2e-3
    weight_decay: float = 0.01
    decay: float = 0.35  # share of the steps, at the end, over which the learning rate falls to nothing
    ema: float = 0.999
    seed: int = 0
    start: str = ""  # an exported network whose weights are taken
    kept: float = 0.0  # share of these weights in the mean that is exported

    def parts(self, epoch: int) -> range:
        """Return the numbers of the parts learnt in `epoch`, both from 0."""
        return range(max(0, epoch + 1 - self.window), epoch + 1)

    def steps(self, epoch: int) -> int:
        """Return the number of batches in `epoch`."""
        return len(self.parts(epoch)) * self.part // self.batch_size


@dataclass(frozen=True)
class Task:
    """What is different from network to network."""

    network: Callable[[], nn.Module]
    draw: Callable[[Writer, np.random.Generator, dict[Pen, float]], Sample]
    batches: Callable[[list[Sample], int, np.random.Generator], Iterator[tuple[Tensor, Any]]]  # of so many samples each
    loss: Callable[[Tensor, Any], Tensor]  # of the network's answer and the truth
    check: Callable[[nn.Module, list[Sample], str], dict[str, float]]  # shares of held-out samples that are right
    example: tuple[int, ...]  # the shape of pictures that the export is traced with
    dynamic: dict[int, str]  # which axes of it may be of any length, by their names
    answer: str  # what the exported network calls its output
    settings: Settings  # of a training from the beginning


# ---------------------------------------------------------------- lines


def line_batches(samples: list[Sample], size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, list[str]]]:
    """Yield strips about as wide as each other, uint8 (n, 32, w), varied a little, and their texts."""
    order = np.argsort([strip.shape[1] + rng.uniform(0, 24) for strip, _text in samples])
    starts = np.arange(0, len(order) - size + 1, size)
    for start in rng.permutation(starts):
        chosen = [samples[i] for i in order[start : start + size]]
        yield vary(pad([strip for strip, _text in chosen]), rng), [text for _strip, text in chosen]


def pad(strips: list[np.ndarray]) -> Tensor:
    """Return strips of several widths as one tensor, uint8 (n, 32, w), paper at their ends; w is a multiple of 4."""
    width = -(-max(strip.shape[1] for strip in strips) // 4) * 4
    padded = np.full((len(strips), strips[0].shape[0], width), PAPER, np.uint8)
    for row, strip in zip(padded, strips, strict=True):
        row[:, : strip.shape[1]] = strip
    return torch.from_numpy(padded)


def vary(strips: Tensor, rng: np.random.Generator) -> Tensor:
    """Return strips seen anew: another contrast and grain each, all a little wider or narrower, and moved."""
    _n, tall, wide = strips.shape
    x = with_contrast_and_grain(strips, 1.15, 7, rng)
    size = tall, max(8, round(wide * rng.uniform(0.85, 1.2) / 4) * 4)
    x = F.interpolate(x.unsqueeze(1), size, mode="bilinear", align_corners=False).squeeze(1)
    x = torch.roll(x, int(rng.integers(-1, 2)), dims=1)
    return (x + PAPER).clamp(0, 255)


def with_contrast_and_grain(
    pictures: Tensor, most_contrast: float, most_grain: float, rng: np.random.Generator
) -> Tensor:
    """Return pictures, uint8 (n, h, w), less the level of paper, as float, each with another contrast and grain.

    Contrast is from 0.6 to `most_contrast` times as much, grain up to `most_grain` levels of standard deviation.
    """
    each = (len(pictures), 1, 1)
    x = (pictures.float() - PAPER) * torch.from_numpy(rng.uniform(0.6, most_contrast, each).astype(np.float32))
    return x + torch.from_numpy(rng.uniform(0, most_grain, each).astype(np.float32)) * torch.randn(x.shape)


def line_loss(log_probs: Tensor, texts: list[str]) -> Tensor:
    """Return the mean loss of log probabilities (n, t, 19) where the strips say `texts`."""
    targets = torch.tensor([SYMBOLS.index(symbol) for text in texts for symbol in text], dtype=torch.int64)
    lengths = torch.tensor([len(text) for text in texts])
    steps = torch.full((len(texts),), log_probs.shape[1])
    losses = F.ctc_loss(log_probs.cpu().transpose(0, 1), targets, steps, lengths, CTC_BLANK, "none", zero_infinity=True)
    return (losses / (lengths + 1)).mean()


@torch.inference_mode()
def check_lines(model: nn.Module, samples: list[Sample], device: str) -> dict[str, float]:
    """Return the shares of held-out symbols and lines that are read right."""
    errors, symbols = [], 0
    for start in range(0, len(samples), 64):
        chosen = samples[start : start + 64]
        log_probs = model(pad([strip for strip, _text in chosen]).to(device)).cpu().numpy()
        errors += [edit_distance(best_text(line), text) for line, (_strip, text) in zip(log_probs, chosen, strict=True)]
        symbols += sum(len(text) for _strip, text in chosen)
    return {"symbols": 1 - sum(errors) / symbols, "lines": float(np.mean(np.array(errors) == 0))}


# ---------------------------------------------------------------- pages


def draw_page_sample(writer: Writer, rng: np.random.Generator, pens: dict[Pen, float]) -> Sample:
    """Return what the finder sees of a page, uint8 (192, 256), and its truth, uint8 (2, 48, 64)."""
    return as_seen(*draw_page(writer, rng, pens), rng)


def picture_batches(samples: list[Sample], size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield pictures of one size, float (n, h, w) with other contrast and grain, and what they show."""
    order = rng.permutation(len(samples))
    for start in range(0, len(order) - size + 1, size):
        chosen = [samples[i] for i in order[start : start + size]]
        pictures = torch.from_numpy(np.stack([picture for picture, _truth in chosen]))
        x = with_contrast_and_grain(pictures, 1.2, 6, rng)
        yield (x + PAPER).clamp(0, 255), torch.from_numpy(np.stack([truth for _picture, truth in chosen]))


def page_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the mean cross-entropy of every place, whose truth is the share that the zone covers, 0-255."""
    return F.binary_cross_entropy_with_logits(logits, truth.to(logits) / 255)


@torch.inference_mode()
def check_pages(model: nn.Module, samples: list[Sample], device: str) -> dict[str, float]:
    """Return the intersection over union of the zones of numbers, and of other writing."""
    both, either = np.zeros(2), np.zeros(2)
    for start in range(0, len(samples), 16):
        chosen = samples[start : start + 16]
        pages = torch.from_numpy(np.stack([picture for picture, _truth in chosen]))
        found = (model(pages.to(device)) > 0).cpu().numpy()
        truth = np.stack([truth for _picture, truth in chosen]) > 127
        both += (found & truth).sum(axis=(0, 2, 3))
        either += (found | truth).sum(axis=(0, 2, 3))
    return {"numbers_iou": float(both[0] / either[0]), "others_iou": float(both[1] / either[1])}


# ---------------------------------------------------------------- crops


def crop_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of logits (n, 10) with the eleventh, of no digit, always 0."""
    return F.cross_entropy(with_no_digit(logits), labels.to(logits.device), label_smoothing=0.02)


@torch.inference_mode()
def check_crops(model: nn.Module, samples: list[Sample], device: str) -> dict[str, float]:
    """Return the share of digits whose likeliest answer is right, and of non-digits that no answer beats."""
    logits = torch.cat([
        model(torch.from_numpy(np.stack([crop for crop, _label in samples[start : start + 256]])).to(device)).cpu()
        for start in range(0, len(samples), 256)
    ])  # fmt: skip
    labels = torch.tensor([int(label) for _crop, label in samples])
    digits = labels < NO_DIGIT
    return {
        "digits": float((logits.argmax(dim=1) == labels)[digits].float().mean()),
        "refused": float((logits[~digits].logsumexp(dim=1) < 0).float().mean()),
    }


# ---------------------------------------------------------------- lookalikes


def ink_batches(samples: list[Sample], size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield ink, float (n, 28, 28), each a little turned, slanted and moved, and whether it is a digit, float (n,)."""
    order = rng.permutation(len(samples))
    for start in range(0, len(order) - size + 1, size):
        chosen = [samples[i] for i in order[start : start + size]]
        ink = np.stack([ink for ink, _is_digit in chosen])
        yield _moved(torch.from_numpy(ink), rng), torch.tensor([float(is_digit) for _ink, is_digit in chosen])


def _moved(ink: Tensor, rng: np.random.Generator) -> Tensor:
    """Return ink, uint8 (n, 28, 28), as float, seen through an affine map of its own each."""
    close = np.array([[0.08, 0.08, 0.03], [0.08, 0.08, 0.03]])  # standard deviations from the map that changes nothing
    maps = torch.from_numpy((np.eye(2, 3) + rng.normal(0, close, (len(ink), 2, 3))).astype(np.float32))
    x = ink.float().unsqueeze(1)
    return F.grid_sample(x, F.affine_grid(maps, list(x.shape), align_corners=False), align_corners=False).squeeze(1)


def lookalike_loss(odds: Tensor, is_digit: Tensor) -> Tensor:
    """Return the cross-entropy of log odds (n,), smoothed: a few drawings are not what they are meant to be."""
    return F.binary_cross_entropy_with_logits(odds, is_digit.to(odds) * 0.98 + 0.01)


@torch.inference_mode()
def check_lookalikes(model: nn.Module, samples: list[Sample], device: str) -> dict[str, float]:
    """Return the shares of digits and of others that are told from each other."""
    odds = model(torch.from_numpy(np.stack([ink for ink, _is_digit in samples])).to(device)).cpu().numpy()
    are_digits = np.array([bool(is_digit) for _ink, is_digit in samples])
    return {"digits": float((odds[are_digits] > 0).mean()), "others": float((odds[~are_digits] < 0).mean())}


TASKS = {
    "lines": Task(
        network=LineNet,
        draw=draw_strip,
        batches=line_batches,
        loss=line_loss,
        check=check_lines,
        example=(1, 32, 96),
        dynamic={2: "w"},
        answer="log_probs",
        settings=Settings("lines"),
    ),
    "pages": Task(
        network=PageNet,
        draw=draw_page_sample,
        batches=picture_batches,
        loss=page_loss,
        check=check_pages,
        example=(1, 192, 256),
        dynamic={1: "h", 2: "w"},
        answer="logits",
        settings=Settings("pages", part=3_000, window=6, epochs=40, batch_size=16, lr=3e-3),
    ),
    "crops": Task(
        network=CropNet,
        draw=draw_crop,
        batches=picture_batches,
        loss=crop_loss,
        check=check_crops,
        example=(2, 48, 48),
        dynamic={0: "n"},
        answer="logits",
        settings=Settings("crops", part=40_000, window=2, epochs=13, batch_size=128, lr=3e-3),
    ),
    "lookalikes": Task(
        network=LookalikeNet,
        draw=draw_lookalike,
        batches=ink_batches,
        loss=lookalike_loss,
        check=check_lookalikes,
        example=(2, 28, 28),
        dynamic={0: "n"},
        answer="log_odds",
        settings=Settings("lookalikes", part=12_000, window=3, epochs=24, batch_size=256, lr=4e-3),
    ),
}
FINE_TUNING: dict[str, Any] = {"epochs": 6, "lr": 5e-4, "decay": 0.6, "ema": 0.998, "kept": 0.4}  # of what has learnt
SMOKE: dict[str, Any] = {"part": 64, "window": 1, "epochs": 1, "batch_size": 16}  # of a trial
