"""Train the line reader: the network that reads a written line as a whole, where digits touch.

    python train_lines.py                      # 300,000 written lines, four epochs; writes models/lines.onnx
    python train_lines.py --resume             # go on after a kill
    python train_lines.py --smoke              # a few seconds on a little data; models/ stays as it is

The lines are written from MNIST's training digits, pen strokes and styles (digits/learning/strips.py). Every second
column of a line is asked which digit is there, if any; which columns are which digit's nobody says, and the loss sums
over all ways (connectionist temporal classification, Graves et al. 2006). Settings, metrics and state lie in
outputs/runs/lines/.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from digits.learning.datasets import N_VALIDATION, data_dir
from digits.learning.gather import load_made
from digits.learning.glyphs import NO_DIGIT
from digits.learning.loop import Learner, autocast, read_run
from digits.measuring.metrics import edit_distance
from digits.reading.ctc import BLANK, likeliest_text
from digits.reading.line_network import LINES, STRIP_HEIGHT
from model import save_onnx
from utils import RUNS_DIR, choose_device, command, git_commit, seed_everything, write_json


@dataclass
class Settings:
    """What a run depends on."""

    lines: int = 300_000
    epochs: int = 4
    batch_size: int = 64
    lr: float = 2e-3
    weight_decay: float = 0.01
    ema: float = 0.998
    seed: int = 0


class LineNet(nn.Module):
    """Strips, uint8 (n, 32, w), to the log probabilities (n, w // 2, 11) of the ten digits and of "nothing new here".

    Four convolutions halve the height each, and the width once; two look to both sides: 353,523 parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            *_block(1, 24, (2, 2)),  # (n, 24, 16, w // 2)
            *_block(24, 48, (2, 1)),
            *_block(48, 80, (2, 1)),
            *_block(80, 112, (2, 1)),  # (n, 112, 2, w // 2)
            nn.Flatten(1, 2),
        )
        self.read = nn.Sequential(*_sideways(224, 128), *_sideways(128, 128), nn.Conv1d(128, 11, 1))

    def forward(self, strips: Tensor) -> Tensor:
        """Return the log probabilities of every second column."""
        ink = strips.unsqueeze(1).float() / 255.0
        return self.read(self.look(ink)).transpose(1, 2).float().log_softmax(dim=2)


def _block(n_in: int, n_out: int, pool: tuple[int, int]) -> list[nn.Module]:
    convolution = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(pool)]


def _sideways(n_in: int, n_out: int) -> list[nn.Module]:
    convolution = nn.Conv1d(n_in, n_out, 5, padding=2, bias=False)
    return [convolution, nn.BatchNorm1d(n_out), nn.ReLU(), nn.Dropout(0.2)]


def train(
    settings: Settings, run_dir: Path, state: dict[str, Any] | None = None, directory: Path | None = None
) -> nn.Module:
    """Train as `settings` say, writing to `run_dir`; `state` is what a stopped run left. Returns the network."""
    device = choose_device()
    seed_everything(settings.seed)
    data = load_made("strips", settings.lines, settings.lines // 100, N_VALIDATION, settings.seed, directory)
    strips, texts, held_out_strips, held_out_texts = data
    model = LineNet().to(device)
    n_steps = settings.epochs * -(-len(strips) // settings.batch_size)
    learner = Learner(model, settings.lr, settings.weight_decay, settings.ema, n_steps, clip=5.0)
    history = learner.take_up(state)

    for epoch in range(len(history), settings.epochs):
        seed_everything(settings.seed * 10_000 + epoch)
        model.train()
        losses, started = [], time.perf_counter()
        order = batches(strips, settings.batch_size, np.random.default_rng((settings.seed, epoch)))
        for chosen in tqdm(order, f"epoch {epoch + 1}/{settings.epochs}", leave=False, disable=None):
            batch = vary(trim(torch.from_numpy(strips[chosen])).to(device))
            with autocast("auto", device):
                log_probs = model(batch)
            losses.append(learner.step(ctc_loss(log_probs, texts[chosen])))
        row: dict[str, Any] = {"epoch": epoch + 1, "train_loss": float(torch.stack(losses).mean())}
        row |= validate(learner.averaged.module, held_out_strips, held_out_texts, device)
        row |= {"seconds": time.perf_counter() - started}
        history.append(row)
        print("  ".join(f"{key} {value:.5g}" for key, value in row.items()), file=sys.stderr)
        learner.save(run_dir, history)
    return learner.averaged.module.eval().cpu()


def batches(strips: np.ndarray, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the indices of batches of lines about as long, in random order: little padding is computed."""
    order = np.argsort(widths(strips) + rng.uniform(0, 12, len(strips)))
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    return [parts[i] for i in rng.permutation(len(parts))]


def widths(strips: np.ndarray) -> np.ndarray:
    """Return (n,) how many columns of each strip (n, 32, w) hold it, the empty ones at its end left out."""
    inked = np.asarray(strips.any(axis=1))
    return strips.shape[2] - np.argmax(inked[:, ::-1], axis=1)


def trim(strips: Tensor) -> Tensor:
    """Cut (n, 32, w) to its last column with ink, and up to eight more."""
    width = int(torch.nonzero(strips.any(dim=0).any(dim=0)).max()) + 1
    return strips[:, :, : min(strips.shape[2], width + 8 - width % 4)]


def vary(strips: Tensor) -> Tensor:
    """Return strips (n, 32, w), now float32 in 0-255, with another pressure of the pen each, and some grain."""
    pressure = torch.empty(len(strips), 1, 1, device=strips.device).uniform_(0.6, 1.2)
    grain = 5 * torch.randn(strips.shape, device=strips.device)
    return (strips.float() * pressure + grain).clamp(0, 255)


def ctc_loss(log_probs: Tensor, texts: np.ndarray) -> Tensor:
    """Return the mean loss of log probabilities (n, t, 11) where the lines say `texts` (n, 6), padded with NO_DIGIT."""
    log_probs = log_probs.cpu()  # not every accelerator has this loss
    targets = torch.from_numpy(texts[texts != NO_DIGIT])
    lengths = torch.from_numpy((texts != NO_DIGIT).sum(axis=1))
    steps = torch.full((len(texts),), log_probs.shape[1])
    return F.ctc_loss(log_probs.transpose(0, 1), targets, steps, lengths, blank=BLANK, zero_infinity=True)


@torch.inference_mode()
def validate(model: nn.Module, strips: np.ndarray, texts: np.ndarray, device: str) -> dict[str, float]:
    """Return the shares of held-out digits and lines, strips (n, 32, w) and texts (n, 6), that are read right."""
    model.eval()
    errors: list[int] = []
    for start in range(0, len(strips), 256):
        log_probs = model(torch.from_numpy(strips[start : start + 256]).to(device)).cpu().numpy()
        truths = ("".join(map(str, text[text != NO_DIGIT])) for text in texts[start : start + 256])
        errors += [edit_distance(likeliest_text(line), truth) for line, truth in zip(log_probs, truths, strict=True)]
    n_digits, n_right = int((texts != NO_DIGIT).sum()), errors.count(0)
    return {"val_digits": 1 - sum(errors) / n_digits, "val_lines": n_right / len(errors)}


def export(model: nn.Module, path: Path, facts: dict[str, Any]) -> Path:
    """Write the network as ONNX, strips uint8 (1, 32, w) in, log probabilities (1, w // 2, 11) out."""
    example = torch.zeros(1, STRIP_HEIGHT, 96, dtype=torch.uint8)
    save_onnx(model, example, {"strips": {2: torch.export.Dim("w", min=8, max=100_000)}}, "log_probs", path, facts)
    return path


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags."""
    parser = argparse.ArgumentParser(description="Train the line reader.")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder that holds MNIST/raw (default: data/)")
    parser.add_argument("--resume", action="store_true", help="go on with the run that was stopped")
    parser.add_argument("--smoke", action="store_true", help="a few seconds on a little data; models/ stays as it is")
    return parser.parse_args(argv)


def open_run(arguments: argparse.Namespace) -> tuple[Settings, dict[str, Any] | None, Path]:
    """Return the settings, state and folder of the run to resume, or of a new one; raises `UserError`."""
    run_dir = RUNS_DIR / ("lines-smoke" if arguments.smoke else "lines")
    if arguments.resume:
        return *read_run(run_dir, Settings), run_dir
    settings = Settings(lines=200, epochs=1) if arguments.smoke else Settings()
    run_dir.mkdir(parents=True, exist_ok=True)
    write_json(run_dir / "config.json", asdict(settings))
    return settings, None, run_dir


@command
def main(argv: list[str] | None = None) -> int:
    """Train, export, print where the network lies."""
    arguments = parse_arguments(argv)
    settings, state, run_dir = open_run(arguments)
    model = train(settings, run_dir, state, arguments.data_dir or data_dir())
    facts = {"settings": json.dumps(asdict(settings)), "git_commit": git_commit() or "unknown"}
    print(export(model, run_dir / "lines.onnx" if arguments.smoke else LINES, facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
