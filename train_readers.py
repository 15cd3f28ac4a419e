"""Train the networks that see writing in its surroundings: the line reader, the finder of numbers, the crop reader.

    python train_readers.py lines              # some hours on two cores
    python train_readers.py lines --start models/lines.onnx    # learn today's drawings too: half an hour
    python train_readers.py pages --resume     # go on after a kill
    python train_readers.py crops --smoke      # a few seconds on a little data

The pictures never run out: while one part of them is being learnt, worker processes draw the next
(digits/learning/fields.py, pages.py, crops.py), and a part is dropped after a few epochs. Each epoch's seed is its
number, so a run that was stopped goes on as if it had not been. Settings, metrics, state and network lie in
outputs/runs/NAME/; what is used are the networks in models/, which stay as they are until one is copied there.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take their time
    from digits.interrupt import quiet_until_main

    quiet_until_main()

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digits.command import command
from digits.files import MODELS_DIR, RUNS_DIR, git_commit, write_json
from digits.finding.strip import PAPER
from digits.learning.crops import draw_crop
from digits.learning.datasets import N_VALIDATION, data_dir, load_mnist, split
from digits.learning.fields import draw_strip
from digits.learning.gather import training_glyphs
from digits.learning.learner import Learner, autocast, read_run
from digits.learning.networks import CropNet, LineNet, PageNet
from digits.learning.pages import as_seen, draw_page
from digits.learning.pens import HELD_OUT, PENS, Pen
from digits.learning.quantise import quantise_weights
from digits.learning.warm_start import freeze_norms, take_weights
from digits.learning.writing import Writer
from digits.measuring.metrics import edit_distance
from digits.measuring.validation import with_no_digit
from digits.reading.ctc import best_text
from digits.reading.symbols import BLANK, SYMBOLS
from digits.reading.verdict import NO_DIGIT
from model import save_onnx
from utils import choose_device, seed_everything

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
    losses = F.ctc_loss(log_probs.cpu().transpose(0, 1), targets, steps, lengths, BLANK, "none", zero_infinity=True)
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
}
FINE_TUNING: dict[str, Any] = {"epochs": 6, "lr": 5e-4, "decay": 0.6, "ema": 0.998}  # of a network that has learnt
SMOKE: dict[str, Any] = {"part": 64, "window": 1, "epochs": 1, "batch_size": 16}  # of a trial


# ---------------------------------------------------------------- drawing, in processes of its own

_writers: dict[bool, Writer] = {}  # of a worker process


def _open_writers(directory: str) -> None:
    cv2.setNumThreads(1)
    ink, labels = load_mnist(True, directory)
    train, held_out = split(labels, N_VALIDATION)
    _writers[True] = Writer(*training_glyphs(ink[train], labels[train], directory))
    _writers[False] = Writer(list(ink[held_out]), labels[held_out])


def _draw(name: str, n: int, seed: tuple[int, ...], training: bool, held_out_pens: bool = False) -> list[Sample]:
    rng, pens = np.random.default_rng(seed), HELD_OUT if held_out_pens else PENS
    samples = []
    for _ in range(n):
        if (training_itself := parent_process()) and not training_itself.is_alive():
            os._exit(1)  # it was killed: nobody waits for these pictures
        samples.append(TASKS[name].draw(_writers[training], rng, pens))
    return samples


class Drawing:
    """Draws the parts of a run beside the training: `part(3)` waits for part 3, and asks for the next."""

    CHUNK = 500

    def __init__(self, settings: Settings, directory: Path, workers: int) -> None:
        self._settings = settings
        spawn = get_context("spawn")
        self._pool = ProcessPoolExecutor(workers, spawn, initializer=_open_writers, initargs=(str(directory),))
        self._asked: dict[int, list[Future[list[Sample]]]] = {}

    def ask(self, number: int) -> list[Future[list[Sample]]]:
        """Have part `number` drawn, if it has not been asked for yet."""
        if number not in self._asked:
            s = self._settings
            chunk = min(self.CHUNK, s.part)
            seeds = [(s.seed, number, start) for start in range(0, s.part, chunk)]
            self._asked[number] = [self._pool.submit(_draw, s.name, chunk, seed, True) for seed in seeds]
        return self._asked[number]

    def part(self, number: int) -> list[Sample]:
        """Return the samples of part `number`."""
        return [sample for future in self.ask(number) for sample in future.result()]

    def held_out(self, n: int, held_out_pens: bool = False) -> list[Sample]:
        """Return samples of digits that are never trained on, and if wanted of pens that are not."""
        return self._pool.submit(
            _draw, self._settings.name, n, (self._settings.seed, 10**6), False, held_out_pens
        ).result()

    def forget(self, before: int) -> None:
        """Drop the parts before number `before`."""
        self._asked = {number: futures for number, futures in self._asked.items() if number >= before}


# ---------------------------------------------------------------- the loop


def train(
    task: Task, settings: Settings, run_dir: Path, state: dict[str, Any] | None, directory: Path, workers: int = 1
) -> nn.Module:
    """Train as `settings` say, writing to `run_dir`; `state` is what a stopped run left. Returns the network."""
    device = choose_device()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - workers))  # the other cores draw
    seed_everything(settings.seed)
    drawing = Drawing(settings, directory, workers)
    model = task.network()
    if settings.start and state is None:
        take_weights(model, settings.start)
    model = model.to(device).to(memory_format=torch.channels_last)  # a third faster on a CPU
    n_steps = sum(settings.steps(epoch) for epoch in range(settings.epochs))
    paced = partial(pace, decay=settings.decay)
    learner = Learner(model, settings.lr, settings.weight_decay, settings.ema, n_steps, clip=5.0, pace=paced)
    history = learner.take_up(state)
    checks = {"val": drawing.held_out(min(600, settings.part)), "pens": drawing.held_out(min(400, settings.part), True)}

    for epoch in range(len(history), settings.epochs):
        # 1. The pictures of this epoch; the next ones are drawn meanwhile.
        samples = [sample for number in settings.parts(epoch) for sample in drawing.part(number)]
        drawing.forget(settings.parts(epoch).start)
        if epoch + 1 < settings.epochs:
            drawing.ask(epoch + 1)

        # 2. Learn them.
        seed_everything(settings.seed * 10_000 + epoch)
        model.train()
        if settings.start:
            freeze_norms(model)
        losses, started = [], time.perf_counter()
        for pictures, truth in task.batches(
            samples, settings.batch_size, np.random.default_rng((settings.seed, epoch))
        ):
            with autocast("auto", device):
                answer = model(pictures.to(device)).float()
            losses.append(learner.step(task.loss(answer, truth)))

        # 3. Look how well, and keep the state.
        row = {"epoch": epoch + 1, "train_loss": float(torch.stack(losses).mean())}
        for name, held_out in checks.items():
            found = task.check(learner.averaged.module.eval(), held_out, device)
            row |= {f"{name}_{key}": value for key, value in found.items()}
        history.append(row | {"seconds": time.perf_counter() - started})
        print("  ".join(f"{key} {value:.5g}" for key, value in history[-1].items()), file=sys.stderr, flush=True)
        learner.save(run_dir, history)
    return learner.averaged.module.eval().cpu()


def pace(done: float, decay: float) -> float:
    """Return the share of the learning rate after a share of the steps: up quickly, steady, then down to nothing.

    >>> pace(0.01, 0.4), pace(0.5, 0.4), round(pace(0.8, 0.4), 3)
    (0.5, 1.0, 0.5)
    """
    return max(0.0, min(1.0, done / 0.02, (1 - done) / decay))


def export(task: Task, model: nn.Module, path: Path, facts: dict[str, str]) -> Path:
    """Write the network as ONNX, its weights in eight bits."""
    example = torch.zeros(*task.example, dtype=torch.uint8)
    sizes = {axis: torch.export.Dim(name, min=2, max=100_000) for axis, name in task.dynamic.items()}
    save_onnx(model, example, {"pictures": sizes}, task.answer, path, facts)
    quantise_weights(path)
    return path


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags."""
    parser = argparse.ArgumentParser(description="Train the networks that look at writing in its surroundings.")
    parser.add_argument("network", choices=TASKS, help="which network")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder that holds MNIST/raw (default: data/)")
    parser.add_argument("--epochs", type=int, metavar="N", help="number of epochs (default: depends on the network)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that draw pictures (default: 1)")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--start", metavar="FILE", help="go on from an exported network, as models/lines.onnx")
    begin.add_argument("--resume", action="store_true", help="continue the run that was stopped")
    parser.add_argument("--smoke", action="store_true", help="a quick trial on a little data")
    return parser.parse_args(argv)


def open_run(arguments: argparse.Namespace) -> tuple[Settings, dict[str, Any] | None, Path]:
    """Return the settings, state and folder of the run to resume, or of a new one; raises `UserError`.

    The folder is made, and the settings are written into it.
    """
    run_dir = RUNS_DIR / (f"{arguments.network}-smoke" if arguments.smoke else arguments.network)
    settings, state = read_run(run_dir, Settings) if arguments.resume else (new_settings(arguments), None)
    if arguments.epochs:
        settings = replace(settings, epochs=arguments.epochs)
    run_dir.mkdir(parents=True, exist_ok=True)
    write_json(run_dir / "config.json", asdict(settings))
    return settings, state, run_dir


def new_settings(arguments: argparse.Namespace) -> Settings:
    """Return the settings of a new run; raises `UserError` if it cannot start from the network that was named."""
    task = TASKS[arguments.network]
    settings = Settings(arguments.network, **SMOKE) if arguments.smoke else task.settings
    if not arguments.start:
        return settings
    take_weights(task.network(), arguments.start)
    return replace(settings, start=arguments.start, **FINE_TUNING)


@command
def main(argv: list[str] | None = None) -> int:
    """Train, export, print where the network lies."""
    arguments = parse_arguments(argv)
    task = TASKS[arguments.network]
    settings, state, run_dir = open_run(arguments)
    model = train(task, settings, run_dir, state, arguments.data_dir or data_dir(), arguments.workers)
    noted = asdict(settings) | {"start": Path(settings.start).name}  # no folders, for privacy
    facts = {"settings": json.dumps(noted), "git_commit": git_commit() or "unknown"}
    path = export(task, model, run_dir / f"{settings.name}.onnx", facts)
    trained, used = os.path.relpath(path), os.path.relpath(MODELS_DIR / path.name)
    print(f"{trained} is trained; to use it: cp {trained} {used}; to go back: git checkout {used}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
