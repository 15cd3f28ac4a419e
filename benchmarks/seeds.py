"""An architecture trained on MNIST alone, from several seeds: what its accuracy is, and how much of it is luck.

    python -m benchmarks.seeds --seeds 5 --epochs 20                  # validation images, for tuning
    python -m benchmarks.seeds --model gapcnn --seeds 1 --epochs 18 --mnist-test
    python -m benchmarks.seeds --seeds 5 --epochs 5 --teacher outputs/runs/mnist-gapcnn-0/last.pth --mnist-test

The schedule is fixed: the weights after the last epoch count, whatever the test images say of the others. Runs lie in
outputs/runs/mnist-<model>[-taught]-<seed>; one that was stopped goes on, one that is finished is only measured.
Which flags made which published figure: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

if not __package__:  # `python benchmarks/seeds.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.architectures import measure_accuracy
from benchmarks.record import RESULTS, facts, make_parser, unseen_digits
from digits.command import UserError, command
from digits.files import RUNS_DIR, write_json
from digits.learning.datasets import N_HELD_OUT, data_dir
from digits.learning.learner import read_run
from model import REGISTRY
from train import Settings, train


def settings_of(arguments: argparse.Namespace, seed: int) -> Settings:
    """Return the recipe for MNIST alone: what the flags say, no dropout, 5,000 images held out."""
    told = ("model", "epochs", "batch_size", "lr", "augment", "teacher")
    chosen = {name: getattr(arguments, name) for name in told}
    return Settings(**chosen, dropout=0.0, seed=seed, validation=N_HELD_OUT)


def train_seed(settings: Settings, run_dir: Path) -> Path:
    """Train, or go on, or do nothing if the run is finished; return its last weights."""
    config = run_dir / "config.json"
    if config.exists() and Settings(**json.loads(config.read_text())) != settings:
        raise UserError(f"{run_dir} was trained with other settings; delete it to train anew")
    if not (run_dir / "summary.json").exists():
        run_dir.mkdir(parents=True, exist_ok=True)
        write_json(config, asdict(settings))
        state = read_run(run_dir, Settings)[1] if (run_dir / "state.pt").exists() else None
        train(settings, run_dir, state, data_dir())
    return run_dir / "last.pth"


def save_beside_others(result: dict, model: str, path: Path) -> None:
    """Put `result` under `model` into the JSON file, beside those of other models; print the path."""
    stored = json.loads(path.read_text()) if path.exists() else {}
    write_json(path, stored | {model: facts() | result})
    print(path)


@command
def main(argv: list[str] | None = None) -> int:
    """Train every seed, measure, print and write the figures."""
    parser = make_parser(__doc__, "--mnist-test")
    parser.add_argument("--model", default="mnistnet", choices=list(REGISTRY), metavar="NAME", help="default: mnistnet")
    parser.add_argument("--teacher", nargs="+", default=[], metavar="FILE", help="learn what these networks say")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="how many (default: 5)")
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="of each (default: 20)")
    parser.add_argument("--batch-size", type=int, default=128, metavar="N", help="default: 128")
    parser.add_argument("--lr", type=float, default=4e-3, metavar="RATE", help="highest learning rate (default: 0.004)")
    parser.add_argument(
        "--augment", nargs="+", default=["light"], metavar="NAME[=STRENGTH]", help="as train.py has it (default: light)"
    )
    arguments = parser.parse_args(argv)
    runs = [settings_of(arguments, seed) for seed in range(arguments.seeds)]
    name = f"{arguments.model}-taught" if arguments.teacher else arguments.model
    weights = [train_seed(settings, RUNS_DIR / f"mnist-{name}-{settings.seed}") for settings in runs]
    found = measure_accuracy(weights, *unseen_digits(arguments.split))
    deviation = "" if found["std"] is None else f" ± {found['std']:.3%}"
    print(f"{name}: {found['mean']:.3%}{deviation} (n = {found['n']} seeds)")
    result = {"data": f"mnist-{arguments.split}", "settings": asdict(runs[0]), **found}
    save_beside_others(result, name.replace("-", "_"), arguments.output or RESULTS / "seeds.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
