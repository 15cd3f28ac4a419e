"""Train a network: data in memory, augmentation on whole batches, the loop in plain sight.

    python train.py                                              # mnistnet on MNIST, ten epochs
    python train.py --model modern --epochs 40 --dataset mnist mnist imitated
    python train.py --teacher gapcnn --epochs 3                  # learn what another network says (distillation)
    python train.py --start mnistnet --dataset my_digits         # fine-tune the served weights on a folder of your own
    python train.py --feedback                                   # likewise, on the corrections stored on the page
    python train.py --feedback --quick                           # within a minute and without MNIST, as the page does
    python train.py --resume RUN                                 # go on after a kill, to the same result
    python train.py --resume RUN --epochs 12                     # or longer than was said first
    torchrun --nproc-per-node=2 train.py                         # on two processes or GPUs, each batch shared out

Every run writes its settings, metrics (CSV; TensorBoard if installed), summary, figures and checkpoints below
outputs/runs/<name>/. A finished run is compared with the served weights on pictures that neither learnt, and served if
it is no worse, or if --publish says so; python model.py --publish previous goes back.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from digits.command import add_flags, flag
from digits.files import sha256, without_folders
from digits.finding.ink import MEAN, STD, standardise
from digits.learning.augment import Augment, mix, parse
from digits.learning.datasets import N_VALIDATION, data_dir
from digits.learning.distil import teach
from digits.learning.gather import absolute, gather, gather_held_out, is_of_mnist, is_there, overview, parse_name
from digits.learning.loop import Learner, autocast, read_run
from digits.learning.trained_on import join, learnt, note_of
from digits.measuring.comparison import Comparison, compare
from digits.reading.engines import weights_path
from digits.reading.verdict import digit_score, fit_temperature, fit_thresholds, softmax
from model import (
    REGISTRY,
    Checkpoint,
    create_model,
    load_checkpoint,
    load_model,
    prepare_training,
    publish,
    save_checkpoint,
    way_back,
)
from predict import MNISTPredictor
from utils import (
    ROOT,
    RUNS_DIR,
    UserError,
    choose_device,
    command,
    free_path,
    git_commit,
    seed_everything,
    write_json,
)

FEEDBACK = ROOT / "feedback" / "corrections.sqlite"  # where app.py keeps them
MIXED_IN, COPIES = ["mnist=20000", "imitated=20000"], 10  # what fine-tuning must not forget; of each new picture
# The same within a minute, of what is there anyway.
QUICK_MIX, QUICK_COPIES, QUICK_EPOCHS = ["shipped=4000", "written=3000"], 30, 6


@dataclass
class Settings:
    """What a run depends on; stored with it, and with the weights. What `flag` declares is a flag of this program."""

    model: str = flag("mnistnet", ", ".join(REGISTRY), metavar="NAME")
    dataset: list[str] = flag(
        ["mnist"],
        "mnist, imitated, shipped, written, bundled, a folder of images per class, a Kaggle CSV; "
        "one named twice counts twice; imitated=60000 makes so many",
        metavar="NAME",
    )
    augment: list[str] = flag(["light"], "recipes and augmentations", metavar="NAME[=STRENGTH]")
    epochs: int = flag(10, "times through the data", metavar="N")
    batch_size: int = flag(64, "images a step learns from", metavar="N")
    lr: float = flag(1e-3, "highest learning rate, of one cycle", metavar="RATE")
    validation: int = flag(N_VALIDATION, "MNIST images held out", metavar="N")
    seed: int = flag(0, "of every random choice (default: 0)", metavar="N")
    start: str | None = flag(None, "weights to learn on from (default: random ones)", metavar="NAME")
    dropout: float | None = flag(
        None, "of every dropout layer while training (default: the architecture's)", type=float, metavar="SHARE"
    )
    teacher: list[str] = flag(
        [], "learn what these networks say, in place of the labels (default: the labels)", metavar="NAME"
    )
    feedback: str | None = flag(
        None, "learn the page's corrections, from the served weights on (default: do not)",
        nargs="?", const=str(FEEDBACK), metavar="FILE",
    )  # fmt: skip
    copies: int = 8  # of each picture, augmented, that the teacher judges: an epoch is so much longer
    weight_decay: float = 0.01
    label_smoothing: float = 0.02
    ema: float = 0.998
    precision: str = "auto"
    device: str = "auto"
    limit: int | None = None  # images of each data set, at most


RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "epochs": (lambda n: n >= 1, "at least 1"),
    "batch_size": (lambda n: n >= 1, "at least 1"),
    "validation": (lambda n: n >= 1, "at least 1"),
    "lr": (lambda rate: 0 < rate <= 1, "above 0 and at most 1"),
    "dropout": (lambda share: 0 <= share < 1, "from 0 to less than 1"),
    "label_smoothing": (lambda share: 0 <= share < 1, "from 0 to less than 1"),
}


def train(
    settings: Settings, run_dir: Path, state: dict[str, Any] | None = None, data_directory: Path | None = None
) -> dict[str, Any]:
    """Train as `settings` say, writing to `run_dir`; `state` is what `--resume` read. Returns the summary."""
    started = time.perf_counter()
    device = choose_device(settings.device)
    rank, n_ranks = join_workers(device)
    seed_everything(settings.seed)
    # 1. The network, and what it learns from.
    model = start_model(settings).to(device).to(memory_format=torch.channels_last)
    network = DistributedDataParallel(model) if n_ranks > 1 else model
    augment = Augment(parse(settings.augment))
    mixup = augment.strengths.get("mixup", 0.0)
    with leader_first(rank, n_ranks):
        data = gather(settings.dataset, settings.validation, settings.seed, data_directory, settings.limit)
        pictures, answers = data.ink, np.eye(11, dtype=np.float32)[data.labels]
        if settings.teacher:
            pictures, answers = ask_teacher(settings, pictures, augment)
            augment = Augment({})  # the copies that the teacher judged are augmented already
    if not rank:
        print(overview(data), file=sys.stderr)
    ink, targets = torch.from_numpy(pictures).to(device), torch.from_numpy(answers).to(device)
    if settings.batch_size > len(ink):
        raise UserError(
            f"--batch-size {settings.batch_size} is more than the {len(ink)} pictures to train on; take fewer"
        )
    n_steps = len(ink) // settings.batch_size
    learner = Learner(model, settings.lr, settings.weight_decay, settings.ema, settings.epochs * n_steps)
    history = learner.take_up(state)
    if state and len(history) < settings.epochs and learner.is_done():
        learner.begin_again((settings.epochs - len(history)) * n_steps)
    trained_on = remember(settings, data.trained_on)
    quiet = True if rank else None  # None: no bar where stderr is no terminal
    bar = tqdm(total=settings.epochs * n_steps, initial=len(history) * n_steps, leave=False, disable=quiet)

    for epoch in range(len(history), settings.epochs):
        # 2. Each epoch draws from its own seed, so that a resumed run repeats what an uninterrupted one does.
        seed = settings.seed * 10_000 + epoch
        order = torch.randperm(len(ink), generator=torch.Generator(device).manual_seed(seed), device=device)
        seed_everything(seed + 1_000_003 * rank)
        generator = torch.Generator(device).manual_seed(seed + 1_000_003 * rank)
        network.train()
        losses, rates, epoch_started = list[Tensor](), list[float](), time.perf_counter()
        # 3. Batch by batch: augment, ask, learn from the difference.
        bar.set_description(f"epoch {epoch + 1}/{settings.epochs}")
        for step in range(n_steps):
            chosen = order[step * settings.batch_size : (step + 1) * settings.batch_size][rank::n_ranks]
            batch, target = augment(ink[chosen].float().unsqueeze(1) / 255.0, generator), targets[chosen]
            if mixup:
                batch, target = mix(batch, target, mixup)
            with autocast(settings.precision, device):
                logits = network(standardise(batch).contiguous(memory_format=torch.channels_last))
                loss = F.cross_entropy(with_no_digit(logits), target, label_smoothing=settings.label_smoothing)
            rates.append(float(learner.schedule.get_last_lr()[0]))
            losses.append(learner.step(loss))
            bar.update()
        if rank > 0:
            continue
        # 4. Validate the averaged weights; keep all that going on needs.
        metrics = validate(learner.averaged.module, data.validation, device)
        row: dict[str, Any] = {"epoch": epoch + 1, "train_loss": float(torch.stack(losses).mean()), **metrics}
        row |= {"lr": learner.schedule.get_last_lr()[0], "seconds": time.perf_counter() - epoch_started}
        history.append(row)
        bar.write(to_line(row, settings.epochs), file=sys.stderr)
        write_steps(run_dir, epoch + 1, rates, torch.stack(losses).tolist())
        write_for_tensorboard(run_dir, row)
        checkpoint = describe(learner.averaged.module, settings, metrics, data.validation, device)
        checkpoint.trained_on = trained_on
        save_epoch(run_dir, checkpoint, learner, history)
    bar.close()
    if rank > 0:
        return {}
    # 5. The papers of the run.
    draw_figures(run_dir, history, data.validation, device)
    return write_summary(run_dir, settings, history, time.perf_counter() - started)


def start_model(settings: Settings) -> nn.Module:
    """Return the network to train: with random weights, or those to start from, and the dropout asked for."""
    model = create_model(settings.model)
    if told := prepare_training(model):
        print(told, file=sys.stderr)
    if settings.start:
        begun = load_checkpoint(weights_path(settings.start))
        if begun.architecture != settings.model:
            raise UserError(f"{settings.start} is a {begun.architecture}, not a {settings.model}; leave out --model")
        model.load_state_dict(begun.state)
    for layer in model.modules():
        if isinstance(layer, nn.Dropout) and settings.dropout is not None:
            layer.p = settings.dropout
    return model


def remember(settings: Settings, note: dict[str, Any]) -> dict[str, Any]:
    """Return the note of what was learnt, joined with that of the weights started from."""
    before = note_of(load_checkpoint(weights_path(settings.start)).facts()) if settings.start else {}
    return join(note, before)


def ask_teacher(settings: Settings, ink: np.ndarray, augment: Augment) -> tuple[np.ndarray, np.ndarray]:
    """Return augmented copies of ink (n, 28, 28) and what the teacher says of them; see digits/learning/distil.py."""
    device = choose_device(settings.device)
    teacher = MNISTPredictor(settings.teacher, engine="torch", device=device)
    key = " ".join([settings.precision, *(sha256(weights_path(name)) for name in settings.teacher)])

    def ask(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with autocast(settings.precision, device):
            return teacher.predict_scores(drawn)

    return teach(ink, augment, ask, settings.copies, key)


def join_workers(device: str) -> tuple[int, int]:
    """Return (rank, number of processes): (0, 1), or this process's place when torchrun started several."""
    n_ranks = int(os.environ.get("WORLD_SIZE", 1))
    if n_ranks > 1 and not torch.distributed.is_initialized():
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    return int(os.environ.get("RANK", 0)), n_ranks


@contextlib.contextmanager
def leader_first(rank: int, n_ranks: int) -> Iterator[None]:
    """Let rank 0 go through the block before the others do, so that what it leaves in a cache is made once."""
    if n_ranks > 1 and rank > 0:
        torch.distributed.barrier()
    yield
    if n_ranks > 1 and rank == 0:
        torch.distributed.barrier()


def with_no_digit(logits: Tensor) -> Tensor:
    """Append the logit of "no digit", the constant 0: (n, 10) -> (n, 11). See digits/reading/verdict.py."""
    return F.pad(logits, (0, 1))


@torch.inference_mode()
def logits_of(model: nn.Module, ink: np.ndarray, device: str) -> np.ndarray:
    """Return (n, 10) float32 logits of uint8 ink (n, 28, 28), the network in evaluation mode."""
    model.eval()
    parts = []
    for start in range(0, len(ink), 1024):
        batch = torch.from_numpy(ink[start : start + 1024]).to(device).float().unsqueeze(1) / 255.0
        parts.append(model(standardise(batch)).float().cpu().numpy())
    return np.concatenate(parts)


def validate(model: nn.Module, validation: dict[str, tuple[np.ndarray, np.ndarray]], device: str) -> dict[str, float]:
    """Return val_loss (mean over the data sets) and, for each data set, the accuracy on its digits and on each class.

    The names are val_mnist, and mnist/0 to mnist/9 for the classes that it has.
    """
    losses, accuracies, by_class = list[float](), dict[str, float](), dict[str, float]()
    for name, (ink, labels) in validation.items():
        logits = torch.from_numpy(logits_of(model, ink, device))
        target = torch.from_numpy(labels)
        losses.append(float(F.cross_entropy(with_no_digit(logits), target)))
        digits = target < 10
        right = (logits.argmax(1) == target).float()
        accuracies[f"val_{name}"] = float(right[digits].mean())
        by_class |= {
            f"{name}/{digit}": float(right[target == digit].mean()) for digit in np.unique(labels[labels < 10])
        }
    return {"val_loss": float(np.mean(losses)), **accuracies, **by_class}


def describe(
    model: nn.Module, settings: Settings, metrics: dict[str, Any], validation: dict[str, Any], device: str
) -> Checkpoint:
    """Return the checkpoint of these weights, with temperature and thresholds fitted on the validation data."""
    ink, labels = (np.concatenate(part) for part in zip(*validation.values(), strict=True))
    logits = logits_of(model, ink, device)
    temperature = fit_temperature(logits[labels < 10], labels[labels < 10])
    thresholds = fit_thresholds(digit_score(logits), labels)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    config = {name: without_folders(value) for name, value in asdict(settings).items()}  # for privacy
    return Checkpoint(settings.model, state, MEAN, STD, temperature, thresholds, config, metrics, git_commit())


def save_epoch(run_dir: Path, checkpoint: Checkpoint, learner: Learner, history: list[dict[str, Any]]) -> None:
    """Store `history`, the weights of its last row, as the best too if none were better, and where `learner` is."""
    *earlier, loss = (row["val_loss"] for row in history)
    if loss < min([float("inf"), *earlier]):
        save_checkpoint(run_dir / "best.pth", checkpoint)
    save_checkpoint(run_dir / "last.pth", checkpoint)
    learner.save(run_dir, history)


def to_line(row: dict[str, Any], n_epochs: int) -> str:
    """Return what is said of an epoch: its figures, but for those by class, and how long the others will take."""
    left = round(row["seconds"] * (n_epochs - row["epoch"]))
    told = "  ".join(f"{key} {value:.5g}" for key, value in row.items() if "/" not in key)
    return f"{told}  left {left // 60}:{left % 60:02}"


def write_steps(run_dir: Path, epoch: int, rates: list[float], losses: list[float]) -> None:
    """Add learning rate and loss of each of the epoch's steps to steps.csv; the first epoch begins it anew."""
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / "steps.csv").open("w" if epoch == 1 else "a", newline="") as file:
        writer = csv.writer(file)
        if epoch == 1:
            writer.writerow(["epoch", "step", "lr", "train_loss"])
        writer.writerows((epoch, step, *pair) for step, pair in enumerate(zip(rates, losses, strict=True), start=1))


def write_for_tensorboard(run_dir: Path, row: dict[str, Any]) -> None:
    """Add the epoch's figures to the run's TensorBoard log, where the tensorboard package is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return
    with SummaryWriter(str(run_dir)) as writer:
        for name, value in row.items():
            writer.add_scalar(name, value, row["epoch"])


def write_summary(run_dir: Path, settings: Settings, history: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Write summary.json; return the summary."""
    best = min(history, key=lambda row: row["val_loss"])
    versions = {"python": sys.version.split()[0], "torch": torch.__version__, "numpy": np.__version__}
    summary = {"settings": asdict(settings), "best": best, "last": history[-1], "seconds": round(seconds, 1)}
    summary |= {"git_commit": git_commit(), "versions": versions}
    write_json(run_dir / "summary.json", summary)
    return summary


def draw_figures(run_dir: Path, history: list[dict[str, Any]], validation: dict[str, Any], device: str) -> None:
    """Draw training curves; of the best weights on the first validation set, confusion, samples and errors."""
    from digits.measuring import plots
    from digits.measuring.metrics import confusion_matrix

    model, checkpoint = load_model(run_dir / "best.pth")
    name, (ink, labels) = next(iter(validation.items()))
    ink, labels = ink[labels < 10], labels[labels < 10]
    spread = np.unique(np.linspace(0, len(labels) - 1, 24).round().astype(int))  # a folder's come class by class
    probabilities = softmax(logits_of(model.to(device), ink, device), checkpoint.temperature)
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
        worst = wrong[np.argsort(-confidences[wrong], kind="stable")][:24]
        shown = ink[worst], labels[worst], answers[worst], confidences[worst]
        figures["errors"] = plots.prediction_figure(*shown, "Most confident errors")
    for stem, figure in figures.items():
        plots.save(figure, run_dir / f"{stem}.png")


# ---------------------------------------------------------------- serving what was trained


def serve(settings: Settings, run_dir: Path, data_directory: Path, anyway: bool = False) -> None:
    """Serve a finished run's weights if they are no worse than those served, or `anyway`; say in plain lines which."""
    best, served = run_dir / "best.pth", weights_path(settings.model)
    good, why = True, "no others were served"
    found: list[Comparison] = []
    if served.exists():
        good, why, found = is_no_worse(settings, best, served, data_directory)
    measured = {"served": good or anyway, "why": why, "sets": [asdict(one) for one in found]}
    write_json(run_dir / "comparison.json", measured)
    told = [f"Weights: {os.path.relpath(best)}"]
    if good or anyway:
        publish(run_dir)
        told += [f"Served from the next start on ({why})."]
        told += [f"To go back: {back}"] if (back := way_back(settings.model)) else []
    else:
        told += [f"Not served: {why}.", f"To serve them all the same: python model.py --publish {run_dir.name}"]
    print("\n".join(told), file=sys.stderr)


def is_no_worse(
    settings: Settings, best: Path, served: Path, data_directory: Path
) -> tuple[bool, str, list[Comparison]]:
    """Return whether the new weights may replace those served, why, and what was measured; print that."""
    device = choose_device(settings.device)
    new, before = (MNISTPredictor(str(path), engine="torch", device=device) for path in (best, served))
    try:
        held_out, missing = held_out_by_both(settings, new, before, served, data_directory)
    except UserError as error:
        return False, f"they could not be compared with those served: {error}", []
    if missing:
        print(f"Not compared, since it is not here: {', '.join(missing)}", file=sys.stderr)
    found = compare(new, before, held_out)
    print("Held-out pictures, read by the new network and by the one served before:", *found, sep="\n", file=sys.stderr)
    worse = [one.name for one in found if one.is_worse]
    return not worse, f"worse on {' and '.join(worse)}" if worse else "no worse on any of these", found


def held_out_by_both(
    settings: Settings, new: MNISTPredictor, before: MNISTPredictor, served: Path, data_directory: Path
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], list[str]]:
    """Return the pictures {name: (ink, labels)} that neither network learnt, and the sources that cannot be had.

    Those of the new run, and those of what the served one learnt. Raises `UserError` if MNIST is needed and not here.
    """
    known, n_held_out = sources_of(served, before.engines[0].facts)
    names, missing = list(settings.dataset), []
    is_quick = any(parse_name(name)[0] == "shipped" for name in names)  # in MNIST's place
    for name in dict.fromkeys(known):
        if is_there(name, data_directory, may_fetch=not is_quick):
            names.append(name)
        else:
            missing.append(Path(name).name)
    n = min(settings.validation, n_held_out)  # a smaller split lies within a larger one
    parts = gather_held_out(names, n, data_directory)
    notes = [note_of(reader.engines[0].facts) for reader in (new, before)]
    for name, (ink, labels) in parts.items():
        fresh = ~np.any([learnt(note, ink, data_directory) for note in notes], axis=0)
        parts[name] = ink[fresh], labels[fresh]
    parts = {name: part for name, part in parts.items() if len(part[1])}
    if not parts:
        raise UserError("no picture was held out by both")
    return parts, missing


def sources_of(served: Path, facts: dict[str, Any]) -> tuple[list[str], int]:
    """Return what the served network learnt, and how much it held out: as its run tells, if that is still here."""
    config = facts.get("config") or {}
    weights = sha256(served)
    for run_dir in sorted(RUNS_DIR.glob("*/best.pth")):
        if sha256(run_dir) == weights and (told := run_dir.with_name("config.json")).exists():
            config = json.loads(told.read_text())
    return [str(name) for name in config.get("dataset", ())], int(config.get("validation", N_VALIDATION))


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags."""
    parser = argparse.ArgumentParser(
        description="Train a network.",
        epilog="examples:\n  python train.py\n  python train.py --epochs 30 --dataset mnist mnist imitated",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_flags(parser, Settings)
    parser.add_argument("--runs", action="store_true", help="list the runs, and train nothing")
    parser.add_argument("--publish", action="store_true", help="serve the result though it be worse (default: do not)")
    parser.add_argument("--no-cuda", action="store_true", help="stay on the CPU (default: the fastest device)")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder that holds MNIST/raw (default: data/)")
    parser.add_argument("--name", help="of the run (default: model and time)")
    parser.add_argument("--resume", metavar="RUN", help="a stopped run to go on with; with --epochs, a finished one")
    parser.add_argument("--quick", action="store_true", help="with --feedback: within a minute, and without MNIST")
    parser.add_argument("--smoke", action="store_true", help="a few seconds on a little data; models/ stays as it is")
    arguments = parser.parse_args(argv)
    if arguments.resume:
        parser.set_defaults(epochs=None)  # what the run was started with, unless more are asked for
    elif arguments.start or arguments.feedback:
        parser.set_defaults(**fine_tuning(arguments))
    return parser.parse_args(argv)


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Return the run's settings as the flags give them. Raises `UserError`."""
    named = {key: value for key, value in vars(arguments).items() if key in Settings.__dataclass_fields__}
    settings = Settings(**named, device="cpu" if arguments.no_cuda else "auto")
    check(settings)
    settings = replace(settings, dataset=[absolute(name) for name in settings.dataset])
    own = [settings.feedback] if settings.feedback else settings.dataset
    if (settings.start or settings.feedback) and not any(is_of_mnist(name) for name in own):
        start = settings.start or str(weights_path(settings.model))
        mixed_in, copies = (QUICK_MIX, QUICK_COPIES) if arguments.quick else (MIXED_IN, COPIES)
        settings = replace(settings, start=start, dataset=[*mixed_in, *own * copies])
    return replace(settings, epochs=1, limit=2000, validation=500) if arguments.smoke else settings


def table_of_runs() -> str:
    """Return a line for each finished run: name, network, data, epochs, validation figures, whether it is served."""
    rows = [("run", "network", "data", "epochs", "best epoch on validation", "")]
    for path in sorted(RUNS_DIR.glob("*/summary.json"), key=os.path.getmtime):
        told, weights = json.loads(path.read_text()), path.with_name("best.pth")
        settings, best = told["settings"], told["best"]
        served = weights_path(settings["model"])
        is_served = served.exists() and weights.exists() and sha256(served) == sha256(weights)
        data = dict.fromkeys(without_folders(settings["dataset"]))
        figures = ", ".join(
            f"{key[4:]} {best[key]:.2%}" for key in best if key.startswith("val_") and key != "val_loss"
        )
        done = str(told["last"]["epoch"])
        rows.append((path.parent.name, settings["model"], " ".join(data), done, figures, "served" if is_served else ""))
    if len(rows) == 1:
        return "no run has finished yet"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def check(settings: Settings) -> None:
    """Raise `UserError` for a number that nothing can be trained with."""
    for name, (fits, told) in RANGES.items():
        value = getattr(settings, name)
        if value is not None and not fits(value):
            raise UserError(f"--{name.replace('_', '-')} must be {told}, not {value:g}")
    if settings.feedback and settings.teacher:
        raise UserError("--feedback learns people's labels; leave out --teacher")
    if settings.feedback and not Path(settings.feedback).is_file():
        raise UserError(f"there are no corrections in {settings.feedback}; correct a few answers on the page first")


def fine_tuning(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the flags' defaults where weights are learnt on from: their architecture and dropout, and gentle steps.

    What these weights held out is held out again, so that both can be compared on it.
    """
    before = load_checkpoint(weights_path(arguments.start or arguments.model))
    told = {name: before.config.get(name) for name in ("validation", "dropout")}
    kept = {name: value for name, value in told.items() if value is not None and value >= 0}  # -1: as it was built
    epochs = QUICK_EPOCHS if arguments.quick else 3
    return {**kept, "model": before.architecture, "epochs": epochs, "lr": 3e-4, "batch_size": 128}


def open_run(arguments: argparse.Namespace) -> tuple[Settings, dict[str, Any] | None, Path]:
    """Return the settings, state and folder of the run to resume or to extend, or of a new one; makes no folder."""
    if not arguments.resume:
        settings = settings_from(arguments)
        name = arguments.name or f"{settings.model}-{time.strftime('%Y%m%d-%H%M%S')}"
        return settings, None, free_path(RUNS_DIR / name)
    run_dir = RUNS_DIR / arguments.resume
    settings, state = read_run(run_dir, Settings)
    n_done, wanted = len(state["history"]), arguments.epochs
    if wanted and n_done < settings.epochs != wanted:
        raise UserError(
            f"{run_dir.name} has not finished its {settings.epochs} epochs; resume it without --epochs first"
        )
    if wanted and wanted < n_done:
        raise UserError(f"{run_dir.name} has had {n_done} epochs already; ask for more with --epochs")
    return replace(settings, epochs=wanted or settings.epochs), state, run_dir


@contextlib.contextmanager
def folder_of(run_dir: Path, settings: Settings) -> Iterator[None]:
    """Make the run's folder with its settings; take it away again if nothing was learnt in it."""
    run_dir.mkdir(parents=True, exist_ok=True)
    write_json(run_dir / "config.json", asdict(settings))
    (run_dir / "summary.json").unlink(missing_ok=True)
    try:
        yield
    finally:
        if not (run_dir / "state.pt").exists():
            shutil.rmtree(run_dir, ignore_errors=True)


@command
def main(argv: list[str] | None = None) -> int:
    """Train, or go on with a stopped run; print the path of the run's summary."""
    arguments = parse_arguments(argv)
    if arguments.runs:
        print(table_of_runs())
        return 0
    rank, _n_ranks = join_workers("cpu" if arguments.no_cuda else choose_device())
    settings, state, run_dir = open_run(arguments)
    directory, summary = arguments.data_dir or data_dir(), run_dir / "summary.json"
    is_finished = state is not None and summary.exists() and len(state["history"]) == settings.epochs
    if rank > 0:  # a helper of torchrun's: works along, writes nothing
        if not is_finished:
            train(settings, Path(os.devnull), state, directory)
        return 0
    if is_finished:
        told = f"more epochs: --resume {run_dir.name} --epochs {settings.epochs + 2}"
        print(
            f"{run_dir.name} is finished; {told}; serve it: python model.py --publish {run_dir.name}", file=sys.stderr
        )
    else:
        with folder_of(run_dir, settings):
            train(settings, run_dir, state, directory)
        if settings.limit is None:
            serve(settings, run_dir, directory, arguments.publish)
        else:
            print("A trial on a little data: what is served stays as it is.", file=sys.stderr)
    print(summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
