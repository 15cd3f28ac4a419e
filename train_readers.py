"""Train the networks beside `mnistnet`: the line reader, the finder of numbers, the crop reader, the lookalikes.

    python train_readers.py lines              # some hours on two cores
    python train_readers.py lines --start models/lines.onnx    # learn today's drawings too: half an hour
    python train_readers.py pages --resume     # go on after a kill
    python train_readers.py crops --smoke      # a quick trial on a little data

What each of them learns stands in digits/learning/reader_tasks.py; here is how. The pictures never run out: while one
part of them is being learnt, worker processes draw the next, and a part is dropped after a few epochs. Each epoch's
seed is its number, so a run that was stopped goes on as if it had not been. Settings, metrics, state and network lie in
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
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from digits.command import UserError, at_least_one, command, new_parser
from digits.files import MODELS_DIR, RUNS_DIR, git_commit, write_json
from digits.learning.datasets import N_VALIDATION, data_dir, load_mnist, split
from digits.learning.gather import training_glyphs
from digits.learning.learner import Learner, autocast, read_run
from digits.learning.pens import HELD_OUT, PENS
from digits.learning.quantise import quantise_weights
from digits.learning.reader_tasks import FINE_TUNING, SMOKE, TASKS, Sample, Settings, Task
from digits.learning.warm_start import freeze_norms, mix_in, take_weights
from digits.learning.writing import Writer
from model import save_onnx
from utils import choose_device, seed_everything

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
    trained: nn.Module = learner.averaged.module.eval().cpu()
    if settings.kept:
        mix_in(trained, settings.start, settings.kept)
    return trained


def pace(done: float, decay: float) -> float:
    """Return the share of the learning rate after a share of the steps: up quickly, steady, then down to nothing.

    >>> pace(0.01, 0.4), pace(0.5, 0.4), round(pace(0.8, 0.4), 3)
    (0.5, 1.0, 0.5)
    """
    return max(0.0, min(1.0, done / 0.02, (1 - done) / decay))


def export(task: Task, model: nn.Module, path: Path, facts: dict[str, str]) -> Path:
    """Write the network as ONNX, its weights in a byte each."""
    example = torch.zeros(*task.example, dtype=torch.uint8)
    sizes = {axis: torch.export.Dim(name, min=2, max=100_000) for axis, name in task.dynamic.items()}
    save_onnx(model, example, {"pictures": sizes}, task.answer, path, facts)
    quantise_weights(path)
    return path


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags."""
    parser = new_parser(
        "Train the networks that find numbers, read lines and crops, or tell digits from lookalikes.",
        "python train_readers.py lines",
        "python train_readers.py lines --start models/lines.onnx",
    )
    parser.add_argument("network", choices=TASKS, help="which network")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder that holds MNIST/raw (default: $MNIST_DATA_DIR or data/)"
    )
    parser.add_argument(
        "--epochs", type=at_least_one, metavar="N", help="number of epochs (default: depends on the network)"
    )
    parser.add_argument(
        "--workers", type=at_least_one, default=1, metavar="N", help="processes that draw pictures (default: 1)"
    )
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--start", metavar="FILE", help="go on from an exported network, such as models/lines.onnx")
    begin.add_argument("--resume", action="store_true", help="continue the run that was stopped")
    parser.add_argument("--smoke", action="store_true", help="a quick trial on a little data")
    return parser.parse_args(argv)


def open_run(arguments: argparse.Namespace) -> tuple[Settings, dict[str, Any] | None, Path]:
    """Return the settings, state and folder of the run to resume, or of a new one; raises `UserError`.

    The folder is made, and the settings are written into it. A new run never takes the place of an earlier one, unless
    both are trials.
    """
    run_dir = RUNS_DIR / (f"{arguments.network}-smoke" if arguments.smoke else arguments.network)
    if (run_dir / "state.pt").exists() and not (arguments.resume or arguments.smoke):
        there = os.path.relpath(run_dir)
        raise UserError(f"there is a run in {there} already; continue it with --resume, or move that folder away first")
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
    task, directory = TASKS[arguments.network], arguments.data_dir or data_dir()
    load_mnist(True, directory)  # fetched once, before each worker would, and before a run begins that cannot go on
    settings, state, run_dir = open_run(arguments)
    model = train(task, settings, run_dir, state, directory, arguments.workers)
    noted = asdict(settings) | {"start": Path(settings.start).name}  # no folders, for privacy
    facts = {"settings": json.dumps(noted), "git_commit": git_commit() or "unknown"}
    path = export(task, model, run_dir / f"{settings.name}.onnx", facts)
    trained, used = os.path.relpath(path), os.path.relpath(MODELS_DIR / path.name)
    if arguments.smoke:
        print(f"{trained} is a trial on a little data, not meant for use")
    else:
        print(f"{trained} is trained; to use it: cp {trained} {used}; to go back: git checkout {used}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
