"""A model and labelled pictures -> accuracy with intervals, calibration, errors, robustness: figures and one JSON.

    python evaluate.py                                           # mnistnet on MNIST's validation images
    python evaluate.py --data my_digits --compare modern         # a folder; McNemar's test against another model
    python evaluate.py --held-out RUN                            # a run on the pictures that it held out
    python evaluate.py --stress --n 500                          # noise, blur, rotation …; FGSM and PGD

Every picture takes the path of a user's file. Choose on mnist-validation; mnist-test is for a figure that is published.
A folder has labels.csv (file, label, source; label "-" for no digit) beside its pictures, or a folder per digit.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take their time
    from digits.interrupt import quiet_until_main

    quiet_until_main()

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from digits.command import UserError, at_least_one, command, new_parser
from digits.files import RUNS_DIR, free_path, git_commit, write_json
from digits.learning.datasets import KAGGLE_IS_MNIST, N_VALIDATION, load_kaggle, load_mnist, split
from digits.learning.gather import GONE, gather_held_out, parse_name
from digits.learning.trained_on import learnt, note_of
from digits.measuring import metrics, plots
from digits.measuring.corruptions import KINDS, corrupt
from digits.measuring.error_sheet import draw_sheet
from digits.measuring.labelled import (
    Answers,
    Sample,
    answer,
    digit_figures,
    most_confident_errors,
    only,
    read_labelled_folder,
    split_by_source,
    status_counts,
    to_samples,
)
from digits.measuring.runs import read_config
from digits.reading.verdict import NO_DIGIT, OK
from digits.weights import weights_path
from predict import MNISTPredictor

EPSILONS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
PGD_STEPS = 10
N_SHOWN = 32


def read_samples(data: str, predictors: Sequence[MNISTPredictor], data_dir: Path | None = None) -> list[Sample]:
    """Return the samples that `data` names; MNIST's validation images are those no network was trained on."""
    if data == "mnist-test":
        return to_samples(*load_mnist(False, data_dir), data)
    if Path(data).suffix == ".csv":
        return read_kaggle(data)
    if data != "mnist-validation":
        return read_labelled_folder(data)
    ink, labels = load_mnist(True, data_dir)
    held_out = split(labels, _n_held_out(predictors))[1]
    return to_samples(ink[held_out], labels[held_out], data)


def read_kaggle(path: str) -> list[Sample]:
    """Return the samples of Kaggle's train.csv. Raises `UserError`."""
    ink, labels = load_kaggle(path)
    if not len(labels) or (labels < 0).any():
        raise UserError(f"{Path(path).name} has no labels to measure with; Kaggle's train.csv has")
    return to_samples(ink, labels, Path(path).name)


def read_held_out(run: str, data_dir: Path | None = None) -> list[Sample]:
    """Return the samples that a run held out, without those also among its training pictures. Raises `UserError`."""
    run_dir = RUNS_DIR / run
    config = read_config(run_dir)
    names = [name for name in config["dataset"] if parse_name(name)[0] not in GONE]
    parts = gather_held_out(names, config["validation"], data_dir)
    note = note_of(MNISTPredictor(str(run_dir / "best.pth")).engines[0].facts)
    fresh = {name: ~learnt(note, ink, data_dir) for name, (ink, _labels) in parts.items()}
    if not any(some.any() for some in fresh.values()):
        raise UserError(f"{run} held nothing out that is not among its training pictures; name others with --data")
    return [
        sample
        for name, (ink, labels) in parts.items()
        for sample in to_samples(ink[fresh[name]], labels[fresh[name]], name)
    ]


def what_was_learnt(predictor: MNISTPredictor, answers: Answers, data_dir: Path | None = None) -> dict[str, int]:
    """Return how many of the pictures each network was trained on, as far as can be known, by the network's name."""
    notes = [note_of(engine.facts) for engine in predictor.engines]
    found = [int(learnt(note, answers.ink, data_dir).sum()) for note in notes]
    return {Path(name).stem: n for name, n in zip(predictor.names, found, strict=True) if n}


def _n_held_out(predictors: Sequence[MNISTPredictor]) -> int:
    """Return how many images all of the networks held out: a smaller split lies within a larger one."""
    configs = [engine.facts.get("config", {}) for predictor in predictors for engine in predictor.engines]
    return min([N_VALIDATION, *(int(config.get("validation", N_VALIDATION)) for config in configs)])


# ---------------------------------------------------------------- figures


def measure(answers: Answers) -> dict[str, Any]:
    """Return every figure of labelled pictures; those without a digit are judged by their status alone."""
    digits, others = only(answers, answers.labels < NO_DIGIT), only(answers, answers.labels == NO_DIGIT)
    result: dict[str, Any] = {"n": len(answers.labels), "statuses": status_counts(answers)}
    if len(digits.labels):
        result |= digit_figures(digits) | {
            "statuses": result["statuses"],  # of all pictures, not of the digits alone
            "by_source": split_by_source(digits),
            "confusion": metrics.confusion_matrix(digits.labels, digits.digits).tolist(),
            "reliability": _plain(metrics.reliability_bins(digits.confidences, digits.most_probable_right)),
            "errors": [_error(digits, index) for index in most_confident_errors(digits, 100)],
        }
    if len(others.labels):
        result["no_digits"] = {"not_ok": metrics.share_of(others.statuses != OK), "statuses": status_counts(others)}
    if len(digits.labels) and len(others.labels):
        result["no_digits"]["auroc"] = metrics.auroc(digits.scores, others.scores)
    return result


def _plain(bins: dict[str, np.ndarray]) -> dict[str, list[Any]]:
    """Return arrays as lists, nan (an empty bin) as None: JSON knows no nan."""
    return {name: [None if np.isnan(value) else value for value in values.tolist()] for name, values in bins.items()}


def _error(answers: Answers, index: int) -> dict[str, Any]:
    digit = int(answers.digits[index])
    return {
        "name": answers.samples[index].name,
        "label": int(answers.labels[index]),
        "answer": None if digit == NO_DIGIT else digit,
        "confidence": round(float(answers.confidences[index]), 4),
        "status": str(answers.statuses[index]),
    }


def draw(answers: Answers, folder: Path) -> None:
    """Write the figures of the labelled digits: confusion, calibration, rejection, samples, most confident errors."""
    answers = only(answers, answers.labels < NO_DIGIT)
    if not len(answers.labels):
        return
    counts = metrics.confusion_matrix(answers.labels, answers.digits)
    plots.save(plots.confusion_figure(counts), folder / "confusion_matrix.png")
    confidences, right = answers.confidences, answers.most_probable_right
    error = metrics.expected_calibration_error(confidences, right)
    bins = metrics.reliability_bins(confidences, right)
    plots.save(plots.calibration_figure(bins, error), folder / "calibration.png")
    plots.save(plots.rejection_figure(metrics.rejection_curve(confidences, right)), folder / "rejection.png")
    spread = plots.spread_over_classes(answers.labels, N_SHOWN)
    shown = answers.ink[spread], answers.labels[spread], answers.digits[spread], confidences[spread]
    plots.save(plots.prediction_figure(*shown, "Sample predictions"), folder / "sample_predictions.png")
    errors = most_confident_errors(answers, N_SHOWN)
    if len(errors):
        draw_sheet(answers, errors.tolist(), folder / "errors.png")


# ---------------------------------------------------------------- comparison and stress


def compare(answers: Answers, other: Answers) -> dict[str, Any]:
    """Return McNemar's exact test of two models on the same digits, a being the first."""
    digits = answers.labels < NO_DIGIT
    return metrics.mcnemar_exact(answers.right[digits], other.right[digits])


def corruption_table(predictor: MNISTPredictor, ink: np.ndarray, labels: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return accuracy by kind and strength of damage to ink, uint8 (n, 28, 28), with labels (n,).

    Of the network alone, and of the whole path from a picture. Rotation goes to the left and to the right in turn.
    """
    table = {}
    for kind, corruption in KINDS.items():
        signs = np.resize([1, -1], len(ink)) if kind == "rotation" else 1
        damaged = [corrupt(ink, kind, level * signs) for level in corruption.levels]
        alone = [predictor.predict_proba(images).argmax(axis=1) for images in damaged]
        whole = [answer(predictor, to_samples(images, labels, kind)).digits for images in damaged]
        table[kind] = {
            "unit": corruption.unit,
            "levels": list(corruption.levels),
            "network_alone": [float((digits == labels).mean()) for digits in alone],
            "whole_path": [float((digits == labels).mean()) for digits in whole],
        }
    return table


def attack_curve(name: str, ink: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return the accuracy of one network alone on ink, uint8 (n, 28, 28), under FGSM and PGD at growing strength."""
    from digits.measuring.explain import Explainer
    from model import load_model

    network, checkpoint = load_model(weights_path(name))
    explainer = Explainer(network, checkpoint.facts())

    def accuracy(epsilon: float, n_steps: int) -> float:
        moved = explainer.attack(ink, labels, epsilon, n_steps)
        return float((explainer.probabilities(moved).argmax(axis=1) == labels).mean())

    methods = {"FGSM": 1, f"PGD, {PGD_STEPS} steps": PGD_STEPS}
    curve = {"unit": "largest step of a pixel, share of full ink", "levels": list(EPSILONS)}
    return curve | {method: [accuracy(e, n_steps) for e in EPSILONS] for method, n_steps in methods.items()}


def stress(predictor: MNISTPredictor, answers: Answers, n: int, folder: Path) -> dict[str, Any]:
    """Return and draw the corruption table and the attack curves on `n` of the digits, spread over the data."""
    readable = np.flatnonzero((answers.labels < NO_DIGIT) & answers.ink.any(axis=(1, 2)))
    if not readable.size:
        raise UserError("there is no readable digit to stress; name other data with --data")
    chosen = readable[np.unique(np.linspace(0, len(readable) - 1, n).round().astype(int))]
    ink, labels = answers.ink[chosen], answers.labels[chosen]
    corruptions = corruption_table(predictor, ink, labels)
    attacks = {Path(name).stem: attack_curve(name, ink, labels) for name in predictor.names}
    plots.save(plots.curves_figure(corruptions, f"Accuracy on {len(ink):,} damaged digits"), folder / "corruptions.png")
    plots.save(plots.curves_figure(attacks, f"Accuracy on {len(ink):,} attacked digits"), folder / "attacks.png")
    return {"n": len(ink), "corruptions": corruptions, "attacks": attacks}


# ---------------------------------------------------------------- the command


def text(result: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    counts = ", ".join(f"{n:,} {status}" for status, n in result["statuses"].items() if n)
    lines = [f"{result['n']:,} pictures: {counts}"]
    if "accuracy" in result:
        lines += _digit_lines(result)
    if "no_digits" in result:
        lines += ["no digits refused       " + _percent(result["no_digits"]["not_ok"])]
    if "comparison" in result:
        found = result["comparison"]
        lines += [f"right only here {found['only_a']}, only with {'+'.join(found['with'])} {found['only_b']}: "
                  f"p = {found['p']:.3g} (McNemar, exact)"]  # fmt: skip
    if "stress" in result:
        lines += _stress_lines(result["stress"]["corruptions"] | result["stress"]["attacks"])
    if str(result.get("data", "")).endswith(".csv"):
        lines += [f"note: {KAGGLE_IS_MNIST}"]
    lines += [
        f"warning: {name} was trained on {n:,} of these {result['n']:,} pictures; what it makes of them is no test"
        for name, n in result.get("trained_on", {}).items()
    ]
    return "\n".join(lines)


def _digit_lines(result: dict[str, Any]) -> list[str]:
    lines = ["accuracy                " + _percent(result["accuracy"])]
    if len(result["by_source"]) > 1:
        lines += ["sources averaged        " + _percent(result["sources_averaged"])]
        lines += [f"{_percent(share)}  {name}" for name, share in result["by_source"].items()]
    lines += [f"  {digit:<22}{_percent(share)}" for digit, share in enumerate(result["per_class"]) if share["n"]]
    lines += [f"calibration error       {100 * result['expected_calibration_error']:.2f} %"]
    lines += ["called ok               " + _percent(result["ok"])]
    return [*lines, "wrong among these       " + _percent(result["ok_but_wrong"])]


def _stress_lines(curves: dict[str, dict[str, Any]]) -> list[str]:
    lines = []
    for name, curve in curves.items():
        lines += [f"{name:<18}" + "".join(f"{level:>8g}" for level in curve["levels"])]
        series = {what: shares for what, shares in curve.items() if what not in ("unit", "levels")}
        for what, shares in series.items():
            lines += [f"  {what.replace('_', ' '):<16}" + "".join(f"{100 * share:>8.1f}" for share in shares)]
    return lines


def _percent(share: dict[str, Any]) -> str:
    if not share["n"]:
        return "none"
    return f"{100 * share['share']:6.2f} %  ({100 * share['low']:.2f}–{100 * share['high']:.2f}, n = {share['n']:,})"


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags."""
    parser = new_parser(
        "Measure a model on labelled pictures.",
        "python evaluate.py --held-out RUN",
        "python evaluate.py --model modern --data my_digits --stress --n 200",
    )
    parser.add_argument(
        "--model", nargs="+", metavar="NAME", help="name or .pth; several vote (default: mnistnet, or the run's)"
    )
    parser.add_argument(
        "--data",
        default="mnist-validation",
        help="mnist-validation, mnist-test, a labelled folder or Kaggle's train.csv (default: mnist-validation)",
    )
    parser.add_argument("--held-out", metavar="RUN", help="measure on what this run held out, instead of --data")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder that holds MNIST/raw (default: $MNIST_DATA_DIR or data/)"
    )
    parser.add_argument("--compare", nargs="+", metavar="NAME", help="another model (or several, voting)")
    parser.add_argument("--stress", action="store_true", help="corruptions, FGSM and PGD as well")
    parser.add_argument("--n", type=at_least_one, default=1000, help="digits to stress (default: 1000)")
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="default: a new folder below outputs/runs/")
    arguments = parser.parse_args(argv)
    own = str(RUNS_DIR / arguments.held_out / "best.pth") if arguments.held_out else "mnistnet"
    if arguments.held_out and not Path(own).exists():
        raise UserError(f"there is no run '{arguments.held_out}'; list the runs with: python train.py --runs")
    arguments.model = arguments.model or [own]
    return arguments


@command
def main(argv: list[str] | None = None) -> int:
    """Print the figures, write them and the drawings; the last line printed is the JSON's path."""
    arguments = parse_arguments(argv)
    predictor = MNISTPredictor(arguments.model)
    other = MNISTPredictor(arguments.compare) if arguments.compare else None
    if run := arguments.held_out:
        arguments.data, samples = f"held-out-{run}", read_held_out(run, arguments.data_dir)
    else:
        samples = read_samples(arguments.data, [predictor, other] if other else [predictor], arguments.data_dir)
    names = "+".join(Path(name).stem for name in arguments.model)
    folder = arguments.output_dir or free_path(RUNS_DIR / f"evaluate-{names}-{Path(arguments.data).stem}")
    print(f"reading {len(samples):,} pictures with {names}", file=sys.stderr)
    answers = answer(predictor, samples)
    result = {"model": arguments.model, "data": arguments.data, "git_commit": git_commit()}
    result |= {"when": datetime.now(timezone.utc).isoformat(timespec="seconds"), **measure(answers)}
    result["trained_on"] = what_was_learnt(predictor, answers, arguments.data_dir)
    draw(answers, folder)
    if other:
        result["comparison"] = {"with": arguments.compare, **compare(answers, answer(other, samples))}
    if arguments.stress:
        result["stress"] = stress(predictor, answers, max(1, arguments.n), folder)
    path = folder / "evaluation.json"
    write_json(path, result)
    print(text(result))
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
