"""Train a network: data in memory, augmentation on whole batches, the loop in plain sight.

    python train.py                                              # mnistnet on MNIST, ten epochs
    python train.py --model modern --epochs 40 --dataset mnist mnist imitated
    python train.py --teacher gapcnn --epochs 3                  # learn what another network says (distillation)
    python train.py --resume RUN                                 # go on after a kill, to the same result
    python train.py --feedback                                   # learn from the corrections stored on the page
    torchrun --nproc-per-node=2 train.py                         # on two processes or GPUs, each batch shared out

Every run writes its settings, metrics (CSV; TensorBoard if installed), summary, figures and checkpoints below
outputs/runs/<name>/. A run that finishes also puts its weights into models/ and keeps those
it replaces in the run's folder.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
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
from digits.files import without_folders
from digits.finding.ink import MEAN, STD, standardise
from digits.learning.augment import Augment, mix, parse
from digits.learning.datasets import N_VALIDATION, data_dir
from digits.learning.distil import teach
from digits.learning.gather import gather
from digits.learning.loop import Learner, autocast, read_run
from digits.measuring.metrics import mcnemar_exact
from digits.reading.engines import weights_path
from digits.reading.verdict import digit_score, fit_temperature, fit_thresholds, softmax
from model import (
    REGISTRY,
    Checkpoint,
    create_model,
    export_onnx,
    load_checkpoint,
    load_model,
    prepare_training,
    save_checkpoint,
    sha256,
)
from predict import MNISTPredictor
from utils import (
    OUTPUTS_DIR,
    ROOT,
    RUNS_DIR,
    UserError,
    atomic_path,
    choose_device,
    command,
    free_path,
    git_commit,
    seed_everything,
    write_json,
)

FEEDBACK = ROOT / "feedback" / "corrections.sqlite"  # where app.py keeps them


@dataclass
class Settings:
    """What a run depends on; stored with it, and with the weights. What `flag` declares is a flag of this program."""

    model: str = flag("mnistnet", ", ".join(REGISTRY), metavar="NAME")
    dataset: list[str] = flag(
        ["mnist"],
        "mnist, imitated, bundled, a folder of images per class, a Kaggle CSV; "
        "one named twice counts twice; imitated=60000 makes so many",
        metavar="NAME",
    )
    augment: list[str] = flag(["light"], "recipes and augmentations", metavar="NAME[=STRENGTH]")
    epochs: int = flag(10, "times through the data", metavar="N")
    batch_size: int = flag(64, "images a step learns from", metavar="N")
    lr: float = flag(1e-3, "highest learning rate, of one cycle", metavar="RATE")
    validation: int = flag(N_VALIDATION, "MNIST images held out", metavar="N")
    seed: int = flag(0, "of every random choice (default: 0)", metavar="N")
    start: str | None = flag(None, "weights to start from (default: random ones)", metavar="FILE")
    dropout: float | None = flag(
        None, "of every dropout layer while training (default: the architecture's)", type=float, metavar="SHARE"
    )
    teacher: list[str] = flag(
        [], "learn what these networks say, in place of the labels (default: the labels)", metavar="NAME"
    )
    feedback: str | None = flag(
        None, "learn the page's corrections; served only if the result is no worse (default: do not)",
        nargs="?", const=str(FEEDBACK), metavar="FILE",
    )  # fmt: skip
    copies: int = 8  # of each picture, augmented, that the teacher judges: an epoch is so much longer
    weight_decay: float = 0.01
    label_smoothing: float = 0.02
    ema: float = 0.998
    precision: str = "auto"
    device: str = "auto"
    limit: int | None = None  # images of each data set, at most


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
    ink, targets = torch.from_numpy(pictures).to(device), torch.from_numpy(answers).to(device)
    n_steps = max(1, len(ink) // settings.batch_size)
    learner = Learner(model, settings.lr, settings.weight_decay, settings.ema, settings.epochs * n_steps)
    history = learner.take_up(state)

    for epoch in range(len(history), settings.epochs):
        # 2. Each epoch draws from its own seed, so that a resumed run repeats what an uninterrupted one does.
        seed = settings.seed * 10_000 + epoch
        order = torch.randperm(len(ink), generator=torch.Generator(device).manual_seed(seed), device=device)
        seed_everything(seed + 1_000_003 * rank)
        generator = torch.Generator(device).manual_seed(seed + 1_000_003 * rank)
        network.train()
        losses, epoch_started = [], time.perf_counter()
        quiet = True if rank else None  # None: no bar where stderr is no terminal
        # 3. Batch by batch: augment, ask, learn from the difference.
        for step in tqdm(range(n_steps), f"epoch {epoch + 1}/{settings.epochs}", leave=False, disable=quiet):
            chosen = order[step * settings.batch_size : (step + 1) * settings.batch_size][rank::n_ranks]
            batch, target = augment(ink[chosen].float().unsqueeze(1) / 255.0, generator), targets[chosen]
            if mixup:
                batch, target = mix(batch, target, mixup)
            with autocast(settings.precision, device):
                logits = network(standardise(batch).contiguous(memory_format=torch.channels_last))
                loss = F.cross_entropy(with_no_digit(logits), target, label_smoothing=settings.label_smoothing)
            losses.append(learner.step(loss))
        if rank > 0:
            continue
        # 4. Validate the averaged weights; keep all that going on needs.
        metrics = validate(learner.averaged.module, data.validation, device)
        row: dict[str, Any] = {"epoch": epoch + 1, "train_loss": float(torch.stack(losses).mean()), **metrics}
        row |= {"lr": learner.schedule.get_last_lr()[0], "seconds": time.perf_counter() - epoch_started}
        history.append(row)
        print("  ".join(f"{key} {value:.5g}" for key, value in row.items()), file=sys.stderr)
        write_for_tensorboard(run_dir, row)
        checkpoint = describe(learner.averaged.module, settings, metrics, data.validation, device)
        save_epoch(run_dir, checkpoint, learner, history)
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
        model.load_state_dict(load_checkpoint(settings.start).state)
    for layer in model.modules():
        if isinstance(layer, nn.Dropout) and settings.dropout is not None:
            layer.p = settings.dropout
    return model


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
    """Return val_loss (mean over the data sets) and, for each data set, the accuracy on its digits."""
    losses, accuracies = [], {}
    for name, (ink, labels) in validation.items():
        logits = torch.from_numpy(logits_of(model, ink, device))
        target = torch.from_numpy(labels)
        losses.append(float(F.cross_entropy(with_no_digit(logits), target)))
        digits = target < 10
        accuracies[f"val_{name}"] = float((logits.argmax(1) == target)[digits].float().mean())
    return {"val_loss": float(np.mean(losses)), **accuracies}


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
    probabilities = softmax(logits_of(model.to(device), ink, device), checkpoint.temperature)
    answers, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    figures = {
        "training_curves": plots.training_figure(history),
        "confusion_matrix": plots.confusion_figure(confusion_matrix(labels, answers), f"{name}, validation"),
        "sample_predictions": plots.prediction_figure(ink[:24], labels[:24], answers[:24], confidences[:24]),
    }
    wrong = np.flatnonzero(answers != labels)
    if len(wrong):
        worst = wrong[np.argsort(-confidences[wrong], kind="stable")][:24]
        shown = ink[worst], labels[worst], answers[worst], confidences[worst]
        figures["errors"] = plots.prediction_figure(*shown, "Most confident errors")
    for stem, figure in figures.items():
        plots.save(figure, run_dir / f"{stem}.png")


def publish(run_dir: Path, name: str) -> Path:
    """Put a finished run's weights into models/, keep the ones they replace in the run's folder, export to ONNX."""
    best, exported = weights_path(name), export_onnx(run_dir / "best.pth")
    targets = {best: "best.pth"} | ({best.with_name("mnist_cnn.pth"): "last.pth"} if name == "mnistnet" else {})
    for target, source in targets.items():
        if target.exists():
            shutil.copy2(target, run_dir / f"replaced_{target.name}")
        with atomic_path(target) as path:
            shutil.copyfile(run_dir / source, path)
    folder = OUTPUTS_DIR if name == "mnistnet" else OUTPUTS_DIR / "figures" / name
    folder.mkdir(parents=True, exist_ok=True)
    for figure in run_dir.glob("*.png"):
        shutil.copyfile(figure, folder / figure.name)
    twin = best.with_suffix(".onnx")
    with atomic_path(twin) as path:  # last: until then the page serves the old network whole
        shutil.copyfile(exported, path)
    return twin


def is_no_worse(new: Path, served: Path, validation: dict[str, Any], device: str) -> tuple[bool, str]:
    """Compare two checkpoints on the validation digits; return whether the new one may replace the other, and why.

    It may not if McNemar's exact test finds it worse at the 5 % level.
    """
    ink, labels = (np.concatenate(part) for part in zip(*validation.values(), strict=True))
    ink, labels = ink[labels < 10], labels[labels < 10]
    right = [logits_of(load_model(path)[0].to(device), ink, device).argmax(axis=1) == labels for path in (new, served)]
    test = mcnemar_exact(*right)
    worse = test["only_b"] > test["only_a"] and test["p"] < 0.05
    counts = f"of {len(labels)} validation digits {test['only_a']} are newly right and {test['only_b']} newly wrong"
    return not worse, f"{counts} (McNemar p = {test['p']:.3f})"


def serve(settings: Settings, run_dir: Path, data_directory: Path) -> None:
    """Publish a finished run; one that learnt corrections only if it is no worse than what is served, and say why."""
    if settings.feedback:
        data = gather(settings.dataset, settings.validation, settings.seed, data_directory)
        best, served = run_dir / "best.pth", weights_path(settings.model)
        good, why = is_no_worse(best, served, data.validation, choose_device(settings.device))
        print(f"{'now served' if good else f'kept beside, in {run_dir}'}: {why}", file=sys.stderr)
        if not good:
            return
    publish(run_dir, settings.model)


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags."""
    parser = argparse.ArgumentParser(
        description="Train a network.",
        epilog="examples:\n  python train.py\n  python train.py --epochs 30 --dataset mnist mnist imitated",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_flags(parser, Settings)
    parser.add_argument("--no-cuda", action="store_true", help="stay on the CPU (default: the fastest device)")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder that holds MNIST/raw (default: data/)")
    parser.add_argument("--name", help="of the run (default: model and time)")
    parser.add_argument("--resume", metavar="RUN", help="name of a stopped run to go on with (default: a new run)")
    parser.add_argument("--smoke", action="store_true", help="a few seconds on a little data; models/ stays as it is")
    return parser.parse_args(argv)


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Return the run's settings as the flags give them."""
    named = {key: value for key, value in vars(arguments).items() if key in Settings.__dataclass_fields__}
    settings = Settings(**named, device="cpu" if arguments.no_cuda else "auto")
    for name in ("epochs", "batch_size"):
        if named[name] < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1")
    if settings.feedback:
        settings = learn_corrections(settings, settings.feedback)
    return replace(settings, epochs=1, limit=2000, validation=500) if arguments.smoke else settings


def learn_corrections(settings: Settings, corrections: str) -> Settings:
    """Return gentle settings: the served weights go on with the corrections among what they were trained on.

    What the served weights held out is held out again, so that both can be compared on it. Raises `UserError`.
    """
    if settings.teacher:
        raise UserError("--feedback learns people's labels; leave out --teacher")
    if not Path(corrections).is_file():
        raise UserError(f"there are no corrections in {corrections}; correct a few answers on the page first")
    served = weights_path(settings.model)
    before = load_checkpoint(served).config
    told = {name: before[name] for name in ("validation", "dropout") if before.get(name) is not None}
    kept = {name: value for name, value in told.items() if value >= 0}  # an earlier version's -1: as it was built
    dataset = ["mnist", "imitated=40000", *[corrections] * 10]
    return replace(settings, **kept, dataset=dataset, epochs=3, lr=3e-4, batch_size=128, start=str(served))


def open_run(arguments: argparse.Namespace) -> tuple[Settings, dict[str, Any] | None, Path]:
    """Return the settings, state and folder of the run to resume, or of a new one, whose folder is made."""
    if arguments.resume:
        run_dir = RUNS_DIR / arguments.resume
        return *read_run(run_dir, Settings), run_dir
    settings = settings_from(arguments)
    run_dir = free_path(RUNS_DIR / (arguments.name or f"{settings.model}-{time.strftime('%Y%m%d-%H%M%S')}"))
    run_dir.mkdir(parents=True)
    write_json(run_dir / "config.json", asdict(settings))
    return settings, None, run_dir


@command
def main(argv: list[str] | None = None) -> int:
    """Train, or go on with a stopped run; print the path of the run's summary."""
    arguments = parse_arguments(argv)
    rank, _n_ranks = join_workers("cpu" if arguments.no_cuda else choose_device())
    if rank > 0:  # a helper of torchrun's: works along, writes nothing
        resumed = (
            read_run(RUNS_DIR / arguments.resume, Settings) if arguments.resume else (settings_from(arguments), None)
        )
        train(resumed[0], Path(os.devnull), resumed[1], arguments.data_dir or data_dir())
        return 0
    settings, state, run_dir = open_run(arguments)
    summary = train(settings, run_dir, state, arguments.data_dir or data_dir())
    if settings.limit is None:
        serve(settings, run_dir, arguments.data_dir or data_dir())
    print(f"best: {summary['best']}", file=sys.stderr)
    print(run_dir / "summary.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
