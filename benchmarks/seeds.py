"""An architecture trained on MNIST alone, from several seeds: what its accuracy is, and how much of it is luck.

    python -m benchmarks.seeds --seeds 5 --epochs 20                  # validation images, for tuning
    python -m benchmarks.seeds --seeds 5 --epochs 20 --mnist-test     # the published figure

The schedule is fixed: the weights after the last epoch count, whatever the test images say of the others. Runs lie in
outputs/runs/mnist-<model>-<seed>; one that was stopped goes on, one that is finished is only measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.architectures import measure_accuracy, read_ink
from digits.data import N_HELD_OUT, data_dir
from model import REGISTRY
from train import Settings, read_run, train
from utils import ROOT, RUNS_DIR, atomic_path, command, git_commit

RESULTS = ROOT / "benchmarks" / "results" / "seeds.json"


def settings_of(arguments: argparse.Namespace, seed: int) -> Settings:
    """Return the recipe for MNIST alone: light augmentation, no dropout, 5,000 images held out."""
    return Settings(
        model=arguments.model, epochs=arguments.epochs, batch_size=256, lr=8e-3, dropout=0.0, seed=seed,
        augment=["rotation=8", "translation=1", "scale=0.08"], validation=N_HELD_OUT,
    )  # fmt: skip


def train_seed(settings: Settings, run_dir: Path) -> Path:
    """Train, or go on, or do nothing if the run is finished; return its last weights."""
    if not (run_dir / "summary.json").exists():
        run_dir.mkdir(parents=True, exist_ok=True)
        (run_dir / "config.json").write_text(json.dumps(asdict(settings), indent=2))
        state = read_run(run_dir)[1] if (run_dir / "state.pt").exists() else None
        train(settings, run_dir, state, data_dir())
    return run_dir / "last.pth"


def write(result: dict, model: str, path: Path) -> None:
    """Put `result` under `model` into the JSON file, beside those of other models."""
    stored = json.loads(path.read_text()) if path.exists() else {}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(stored | {model: result}, indent=1) + "\n")


@command
def main(argv: list[str] | None = None) -> int:
    """Train every seed, measure, print and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="example:\n  python -m benchmarks.seeds --model plaincnn --seeds 3 --epochs 10",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="mnistnet", choices=list(REGISTRY), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5, metavar="N")
    parser.add_argument("--epochs", type=int, default=20, metavar="N")
    parser.add_argument("--mnist-test", action="store_true", help="MNIST's test images, for a published figure")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE")
    arguments = parser.parse_args(argv)

    runs = [settings_of(arguments, seed) for seed in range(arguments.seeds)]
    weights = [train_seed(settings, RUNS_DIR / f"mnist-{settings.model}-{settings.seed}") for settings in runs]
    found = measure_accuracy(weights, *read_ink(arguments.mnist_test))
    result = {
        "data": "mnist-test" if arguments.mnist_test else "mnist-validation",
        "settings": asdict(runs[0]),
        "machine": f"{os.cpu_count()} cores",
        "git_commit": git_commit(),
        **found,
    }
    deviation = "" if found["std"] is None else f" ± {found['std']:.3%}"
    print(f"{arguments.model}: {found['mean']:.3%}{deviation} (n = {found['n']} seeds)")
    write(result, arguments.model, arguments.output)
    print(arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
