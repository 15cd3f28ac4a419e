"""Each architecture's line: parameters, accuracy over seeds, other people's handwriting, speed; and the soft vote.

    python -m benchmarks.architectures                                        # validation images, shipped weights
    python -m benchmarks.architectures --mnist-test --runs "outputs/runs/{name}-seed*/best.pth"

Speed is that of the ONNX twin on one thread, ink to probabilities. An architecture without weights is only named.
MNIST's test images are read only when asked for, for a published figure.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

if not __package__:  # `python benchmarks/architectures.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.handwriting import AMONG_OTHERS, TARGETS, read_set, sets_dir
from benchmarks.record import make_parser, median_seconds, save, unseen_digits
from digits.command import UserError, command
from digits.files import sha256
from digits.measuring import metrics
from digits.measuring.labelled import answer, digit_figures
from digits.weights import weights_path
from model import REGISTRY, create_model, n_parameters
from predict import MNISTPredictor

N_SINGLE, N_BATCHES = 200, 7  # how often each is timed


def measure_accuracy(weights: Sequence[Path], ink: np.ndarray, labels: np.ndarray) -> dict:
    """Return the accuracy on ink, uint8 (n, 28, 28), of each weights file (a seed each), and mean and deviation."""
    each = [metrics.accuracy(labels, predict_digits([str(path)], ink)) for path in weights]
    shares = [found["share"] for found in each]
    deviation = statistics.stdev(shares) if len(shares) > 1 else None
    return {"mean": statistics.mean(shares), "std": deviation, "n": len(shares), "each": each}


def predict_digits(models: Sequence[str], ink: np.ndarray) -> np.ndarray:
    """Return the most probable digits (n,) of ink, uint8 (n, 28, 28); several models vote."""
    return MNISTPredictor(models).predict_proba(ink).argmax(axis=1)


def measure_speed(name: str, ink: np.ndarray) -> dict:
    """Return milliseconds for the first of ink, uint8 (256, 28, 28), and inks a second one by one and all at once.

    Medians, of the ONNX twin on one thread.
    """
    predictor = MNISTPredictor(name, engine="onnx", threads=1)
    single = median_seconds(lambda: predictor.predict_proba(ink[:1]), N_SINGLE)
    batch = median_seconds(lambda: predictor.predict_proba(ink), N_BATCHES)
    return {"ms": 1e3 * single, "per_second_at_1": 1 / single, "per_second_at_256": len(ink) / batch}


def measure_handwriting(models: Sequence[str], folder: Path) -> float:
    """Return the accuracy on other people's lone digits: the mean over the sets, sources averaged within each."""
    predictor = MNISTPredictor(models)
    alone = [name for name in TARGETS if name not in AMONG_OTHERS]
    sets = [digit_figures(answer(predictor, read_set(folder / name, None))) for name in alone]
    return statistics.mean(figures["sources_averaged"]["share"] for figures in sets)


def measure(name: str, runs: str | None, folder: Path | None, ink: np.ndarray, labels: np.ndarray) -> dict:
    """Return one architecture's line, its accuracy on ink, uint8 (n, 28, 28), with labels (n,).

    `runs` is a glob of its seeds' weights, with {name} for the architecture; without it the shipped weights count.
    """
    seeds = sorted(Path().glob(runs.format(name=name))) if runs else []
    print(f"{name}: measuring {len(seeds) or 1} weights", file=sys.stderr)
    return {
        "parameters": n_parameters(create_model(name)),
        "accuracy": measure_accuracy(seeds or [weights_path(name)], ink, labels),
        "handwriting": measure_handwriting([name], folder) if folder else None,
        "speed": measure_speed(name, ink[:256]),
        "weights_sha256": sha256(weights_path(name)),  # of the two lines above
    }


def measure_vote(names: list[str], folder: Path | None, ink: np.ndarray, labels: np.ndarray) -> dict | None:
    """Return the accuracy of all of them, voting, on ink, uint8 (n, 28, 28); None if there is but one."""
    if len(names) < 2:
        return None
    return {
        "models": names,
        "accuracy": metrics.accuracy(labels, predict_digits(names, ink)),
        "handwriting": measure_handwriting(names, folder) if folder else None,
    }


def table(result: dict) -> str:
    """Return the figures as lines of text."""
    lines = [f"{'architecture':<14}{'parameters':>11}{'accuracy':>10}{'std':>7}{'seeds':>6}{'handwriting':>12}"
             f"{'ms':>8}{'/s at 1':>9}{'/s at 256':>10}"]  # fmt: skip
    for name, row in result["architectures"].items():
        accuracy, speed = row["accuracy"], row["speed"]
        deviation = "" if accuracy["std"] is None else f"{100 * accuracy['std']:.3f}"
        lines.append(
            f"{name:<14}{row['parameters']:>11,}{100 * accuracy['mean']:>10.3f}{deviation:>7}{accuracy['n']:>6}"
            f"{_percent(row['handwriting']):>12}{speed['ms']:>8.2f}{speed['per_second_at_1']:>9,.0f}"
            f"{speed['per_second_at_256']:>10,.0f}"
        )
    if vote := result["soft_vote"]:
        accuracy = vote["accuracy"]
        interval = f"{100 * accuracy['low']:.2f}–{100 * accuracy['high']:.2f}"
        lines.append(f"soft vote of {', '.join(vote['models'])}: {100 * accuracy['share']:.3f} % ({interval}), "
                     f"handwriting {_percent(vote['handwriting'])}")  # fmt: skip
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}"


@command
def main(argv: list[str] | None = None) -> int:
    """Print the table and write it as JSON."""
    parser = make_parser(__doc__, "--mnist-test")
    parser.add_argument("--runs", metavar="GLOB", help="weights of several seeds, {name} standing for the architecture")
    parser.add_argument("--handwriting", type=Path, metavar="DIR", help="other people's digits ($HANDWRITING_DIR)")
    arguments = parser.parse_args(argv)
    folder = sets_dir(arguments.handwriting)
    folder = folder if folder.is_dir() else None
    names = [name for name in REGISTRY if weights_path(name).with_suffix(".onnx").exists()]
    if not names:
        raise UserError("no architecture has weights and their ONNX twin in models/; make them with: python train.py")
    print(f"without weights: {', '.join(set(REGISTRY) - set(names)) or 'none'}", file=sys.stderr)
    ink, labels = unseen_digits(arguments.split)
    result = {
        "data": f"mnist-{arguments.split}",
        "architectures": {name: measure(name, arguments.runs, folder, ink, labels) for name in names},
        "soft_vote": measure_vote(names, folder, ink, labels),
    }
    print(table(result))
    save(result, "architectures", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
