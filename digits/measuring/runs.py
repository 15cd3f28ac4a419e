"""What a run leaves in its folder besides weights, and what is said of it: lines, logs, figures, the list of all runs.

with folder_of(run_dir, asdict(settings)): ...        # config.json; gone again if nothing was learnt
print(to_line(row, n_epochs=10))                      # row: of an epoch, as in metrics.csv
print(table_of_runs(RUNS_DIR))
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from digits.command import UserError
from digits.files import git_commit, sha256, without_folders, write_json
from digits.weights import weights_path

N_SHOWN = 24  # pictures in a figure: three rows


@contextlib.contextmanager
def folder_of(run_dir: Path, settings: Mapping[str, Any]) -> Iterator[None]:
    """Make the run's folder with its settings; if nothing is learnt in it, it is gone again, or as it was before."""
    papers = [path for name in ("config.json", "summary.json") if (path := run_dir / name).exists()]
    before, learnt_before = {path: path.read_bytes() for path in papers}, _when(run_dir / "state.pt")
    run_dir.mkdir(parents=True, exist_ok=True)
    write_json(run_dir / "config.json", settings)
    (run_dir / "summary.json").unlink(missing_ok=True)
    try:
        yield
    finally:
        if not (run_dir / "state.pt").exists():
            shutil.rmtree(run_dir, ignore_errors=True)
        elif _when(run_dir / "state.pt") == learnt_before and not (run_dir / "summary.json").exists():
            for path, content in before.items():
                path.write_bytes(content)


def _when(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def read_config(run_dir: Path) -> dict[str, Any]:
    """Return the settings of a run, as it was started. Raises `UserError` if they are missing or damaged."""
    try:
        config = json.loads((run_dir / "config.json").read_text())
        if {"dataset", "validation"} <= config.keys():
            return config
    except (OSError, ValueError, AttributeError):
        pass
    raise UserError(
        f"the settings of {run_dir.name} (config.json) are missing, damaged, or another program's; "
        "list the runs with: python train.py --runs"
    )


def to_line(row: Mapping[str, Any], n_epochs: int) -> str:
    """Return what is said of an epoch: its figures, but for those by class, and how long the others will take."""
    left = round(row["seconds"] * (n_epochs - row["epoch"]))
    figures = "  ".join(f"{key} {value:.5g}" for key, value in row.items() if "/" not in key)
    return f"{figures}  left {left // 60}:{left % 60:02}"


def log_epoch(run_dir: Path, row: Mapping[str, Any], rates: Sequence[float], losses: Sequence[float]) -> None:
    """Add learning rate and loss of each of the epoch's steps to steps.csv; `row` goes to TensorBoard, if installed."""
    run_dir.mkdir(parents=True, exist_ok=True)
    is_first = row["epoch"] == 1  # which begins the file anew
    with (run_dir / "steps.csv").open("w" if is_first else "a", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("epoch", "step", "lr", "train_loss")] if is_first else [])
        writer.writerows((row["epoch"], step, *pair) for step, pair in enumerate(zip(rates, losses, strict=True), 1))
    _log_for_tensorboard(run_dir, row)


def _log_for_tensorboard(run_dir: Path, row: Mapping[str, Any]) -> None:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return
    with SummaryWriter(str(run_dir)) as writer:
        for name, value in row.items():
            writer.add_scalar(name, value, row["epoch"])


def write_summary(
    run_dir: Path, settings: Mapping[str, Any], history: Sequence[dict[str, Any]], seconds: float
) -> dict[str, Any]:
    """Write summary.json; return the summary."""
    best = min(history, key=lambda row: row["val_loss"])
    versions = {"python": sys.version.split()[0], "torch": version("torch"), "numpy": version("numpy")}
    summary = {"settings": settings, "best": best, "last": history[-1], "seconds": round(seconds, 1)}
    summary |= {"git_commit": git_commit(), "versions": versions}
    write_json(run_dir / "summary.json", summary)
    return summary


def draw_figures(
    run_dir: Path,
    history: Sequence[dict[str, Any]],
    name: str,
    ink: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
) -> None:
    """Draw training curves; of `probabilities` (n, 10) that digits `name` show, confusion, samples and errors.

    The digits are ink (n, 28, 28) with labels (n,), 0–9.
    """
    from digits.measuring import plots
    from digits.measuring.metrics import confusion_matrix

    spread = plots.spread_over_classes(labels, N_SHOWN)
    answers, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    figures = {
        "training_curves": plots.training_figure(history),
        "confusion_matrix": plots.confusion_figure(confusion_matrix(labels, answers), f"{name}, validation"),
        "sample_predictions": plots.prediction_figure(
            ink[spread], labels[spread], answers[spread], confidences[spread], f"{name}, validation"
        ),
    }
    wrong = np.flatnonzero(answers != labels)
    if len(wrong):
        worst = wrong[np.argsort(-confidences[wrong], kind="stable")][:N_SHOWN]
        shown = ink[worst], labels[worst], answers[worst], confidences[worst]
        figures["errors"] = plots.prediction_figure(*shown, "Most confident errors")
    for stem, figure in figures.items():
        plots.save(figure, run_dir / f"{stem}.png")


def table_of_runs(runs_dir: Path) -> str:
    """Return a line for each finished run: name, network, data, epochs, validation figures, whether it is served."""
    rows: list[tuple[str, ...]] = [("run", "network", "data", "epochs", "best epoch on validation", "")]
    for path in sorted(runs_dir.glob("*/summary.json"), key=os.path.getmtime):
        try:
            rows.append(_row_of(path))
        except (OSError, ValueError, KeyError, TypeError):
            rows.append((path.parent.name, "", "", "", "its summary.json cannot be read", ""))
    if len(rows) == 1:
        return "no run has finished yet"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row_of(path: Path) -> tuple[str, ...]:
    summary, weights = json.loads(path.read_text()), path.with_name("best.pth")
    settings, best = summary["settings"], summary["best"]
    served = weights_path(settings["model"])
    is_served = served.exists() and weights.exists() and sha256(served) == sha256(weights)
    data = " ".join(dict.fromkeys(without_folders(settings["dataset"])))
    figures = ", ".join(f"{key[4:]} {best[key]:.2%}" for key in best if key.startswith("val_") and key != "val_loss")
    done = str(summary["last"]["epoch"])
    return path.parent.name, settings["model"], data, done, figures, "served" if is_served else ""
