"""Training, the usual way and with train.py: seconds an epoch, and seconds to the accuracy the usual way ends at.

    python -m benchmarks.training_speed --seeds 1 --usual-epochs 1         # does it run?
    python -m benchmarks.training_speed --mnist-test                       # the published figure; half an hour, quiet

The usual way: torchvision's MNIST, transforms image by image, a DataLoader with its default workers or two (the better
counts), batches of 64, Adam at 1e-3, float32. Same network, same images, same machine, in turns. Both schedules are
fixed beforehand; what the test images say changes neither.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Subset

if not __package__:  # `python benchmarks/training_speed.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import make_parser, save, unseen_digits
from digits.command import command
from digits.finding.ink import MEAN, STD
from digits.learning.datasets import N_HELD_OUT, data_dir, load_mnist, split
from digits.measuring.metrics import accuracy
from digits.measuring.validation import logits_of
from model import create_model, load_model
from train import Settings, train
from utils import seed_everything

GOAL = 0.993  # what fifteen to twenty minutes on a CPU usually end at
FAST = Settings(
    epochs=2, batch_size=256, lr=8e-3, dropout=0.0, ema=0.99, augment=["rotation=8", "translation=1", "scale=0.08"],
    validation=N_HELD_OUT,
)  # fmt: skip


def usual_loader(n_workers: int) -> DataLoader:
    """Return the batches of the usual way: every image through PIL and transforms, every time."""
    from torchvision import transforms
    from torchvision.datasets import MNIST

    steps = [transforms.RandomAffine(8, translate=(0.04, 0.04), scale=(0.92, 1.08)), transforms.ToTensor()]
    images = MNIST(data_dir(), train=True, transform=transforms.Compose([*steps, transforms.Normalize(MEAN, STD)]))
    training = split(load_mnist(True)[1], N_HELD_OUT)[0]
    return DataLoader(Subset(images, training.tolist()), batch_size=64, shuffle=True, num_workers=n_workers)


def usual_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader) -> float:
    """Train for one epoch as the tutorials do; return its seconds."""
    started = time.perf_counter()
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    return time.perf_counter() - started


def choose_workers() -> tuple[int, dict[str, float]]:
    """Return the faster of no worker and two, and the seconds of an epoch with each."""
    seconds = {}
    for n_workers in (0, 2):
        model = create_model("mnistnet")
        seconds[n_workers] = usual_epoch(model, torch.optim.Adam(model.parameters()), usual_loader(n_workers))
    return min(seconds, key=seconds.get), {f"{n} workers": took for n, took in seconds.items()}


def train_usual(epochs: int, n_workers: int, ink: np.ndarray, labels: np.ndarray) -> list[dict]:
    """Return seconds so far and accuracy on ink, uint8 (n, 28, 28), after each of `epochs` epochs."""
    seed_everything(0)
    model, loader = create_model("mnistnet"), usual_loader(n_workers)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    rows, seconds = [], 0.0
    for epoch in range(epochs):
        seconds += usual_epoch(model, optimizer, loader)
        found = accuracy(labels, logits_of(model, ink, "cpu").argmax(axis=1))
        rows.append({"epoch": epoch + 1, "seconds": seconds, "accuracy": found["share"]})
        print(f"usual way, epoch {epoch + 1}: {seconds:.0f} s, {found['share']:.2%}", file=sys.stderr)
    return rows


def train_fast(seed: int, ink: np.ndarray, labels: np.ndarray) -> dict:
    """Return the seconds of a whole run of train.py's loop, loading and checkpoints included, and its accuracy.

    The accuracy is that on ink, uint8 (n, 28, 28), and labels (n,).
    """
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        train(Settings(**asdict(FAST) | {"seed": seed}), Path(folder), None, data_dir())
        seconds = time.perf_counter() - started
        model, _checkpoint = load_model(Path(folder) / "last.pth")
    found = accuracy(labels, logits_of(model, ink, "cpu").argmax(axis=1))
    print(f"train.py, seed {seed}: {seconds:.0f} s, {found['share']:.2%}", file=sys.stderr)
    return {"seed": seed, "seconds": seconds, "accuracy": found["share"]}


def summarise(usual: list[dict], fast: list[dict]) -> dict:
    """Return the ratios: of an epoch, of the time to the goal, and of the time to the fast runs' mean accuracy."""
    mean = statistics.mean(run["accuracy"] for run in fast)
    seconds = statistics.median(run["seconds"] for run in fast)
    to_goal, to_same = seconds_until(GOAL, usual), seconds_until(mean, usual)
    return {
        "epoch_ratio": (usual[-1]["seconds"] / len(usual)) / (seconds / FAST.epochs),
        "fast_mean_accuracy": mean,
        "fast_std": statistics.stdev(run["accuracy"] for run in fast) if len(fast) > 1 else None,
        "fast_seconds": seconds,
        "usual_seconds_to_goal": to_goal,
        "usual_seconds_to_same": to_same,
        "time_ratio": to_goal and to_goal / seconds,
        "time_ratio_to_same": to_same and to_same / seconds,
    }


def seconds_until(share: float, usual: list[dict]) -> float | None:
    """Return when the usual way first reads that share of the digits right, None if it never does."""
    return next((row["seconds"] for row in usual if row["accuracy"] >= share), None)


@command
def main(argv: list[str] | None = None) -> int:
    """Measure both ways; print and write the figures."""
    parser = make_parser(__doc__, "--mnist-test")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="runs of train.py (default: 5)")
    parser.add_argument("--usual-epochs", type=int, default=12, metavar="N", help="of the usual way (default: 12)")
    arguments = parser.parse_args(argv)
    ink, labels = unseen_digits(arguments.split)
    n_workers, workers = choose_workers()
    fast = [train_fast(seed, ink, labels) for seed in range(arguments.seeds)]
    usual = train_usual(arguments.usual_epochs, n_workers, ink, labels)
    found = summarise(usual, fast)
    needed = {GOAL: found["usual_seconds_to_goal"], found["fast_mean_accuracy"]: found["usual_seconds_to_same"]}
    print(f"{found['fast_mean_accuracy']:.3%} in {found['fast_seconds']:.0f} s; "
          f"an epoch {found['epoch_ratio']:.1f} times as fast")  # fmt: skip
    for share, seconds in needed.items():
        print(f"the usual way to {share:.2%}: " + (f"{seconds:.0f} s" if seconds else "not reached"))
    settings = {"data": f"mnist-{arguments.split}", "torch": torch.__version__, "fast_settings": asdict(FAST)}
    runs = {"usual_epoch_seconds": workers, "usual": usual, "fast": fast}
    save(settings | found | runs, "training_speed", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
