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
import csv
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from digits.finding.ink import MEAN, STD
from digits.learning.augment import Augment, mix, parse
from digits.learning.datasets import N_VALIDATION, data_dir
from digits.learning.distil import teach
from digits.learning.gather import gather
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
    """What a run depends on; stored with it, and with the weights."""

    model: str = "mnistnet"
    dataset: list[str] = field(default_factory=lambda: ["mnist"])
    augment: list[str] = field(default_factory=lambda: ["light"])
    epochs: int = 10
    batch_size: int = 64
    lr: float = 1e-3
    weight_decay: float = 0.01
    label_smoothing: float = 0.02
    schedule: str = "onecycle"
    patience: int = 0
    ema: float = 0.998
    validation: int = N_VALIDATION
    precision: str = "auto"
    device: str = "auto"
    threads: int = 0
    seed: int = 0
    limit: int = 0
    start: str = ""  # a checkpoint to start from instead of from scratch
    dropout: float = -1.0  # of every dropout layer while training; below 0: as the architecture has it
    teacher: list[str] = field(default_factory=list)  # networks whose vote is learnt in place of the labels
    copies: int = 8  # of each picture, augmented, that the teacher judges: an epoch is so much longer
    feedback: str = ""  # the corrections to learn; the result is served only if it is no worse
    compile: bool = False


def train(settings: Settings, run_dir: Path, state: dict | None = None, data_directory: Path | None = None) -> dict:
    """Train as `settings` say, writing to `run_dir`; `state` is what `--resume` read. Returns the summary."""
    started = time.perf_counter()
    device = choose_device(settings.device)
    rank, n_ranks = join_workers(device)
    if settings.patience and n_ranks > 1:
        raise UserError("early stopping needs a single process; leave out --patience under torchrun")
    seed_everything(settings.seed)
    model = start_model(settings).to(device, memory_format=torch.channels_last)
    augment = Augment(parse(settings.augment))
    mixup = augment.strengths.get("mixup", 0.0)
    with leader_first(rank, n_ranks):
        data = gather(settings.dataset, settings.validation, settings.seed, data_directory, settings.limit)
        ink, targets = data.ink, np.eye(11, dtype=np.float32)[data.labels]
        if settings.teacher:
            ink, targets = ask_teacher(settings, ink, augment)
            augment = Augment({})  # the copies that the teacher judged are augmented already
    ink, targets = torch.from_numpy(ink).to(device), torch.from_numpy(targets).to(device)

    learner = torch.compile(model) if settings.compile else model
    learner = DistributedDataParallel(learner) if n_ranks > 1 else learner
    averaged = AveragedModel(model, multi_avg_fn=moving_average(settings.ema), use_buffers=True)
    changing = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(changing, settings.lr, weight_decay=settings.weight_decay)
    n_steps = max(1, len(ink) // settings.batch_size)
    schedule = make_schedule(optimizer, settings, n_steps)
    parts = {"model": model, "averaged": averaged, "optimizer": optimizer, "schedule": schedule}
    history = take_up(parts, state)

    for epoch in range(len(history), settings.epochs):
        # Each epoch draws from its own seed, so that a resumed run repeats what an uninterrupted one does.
        seed = settings.seed * 10_000 + epoch
        order = torch.randperm(len(ink), generator=torch.Generator(device).manual_seed(seed), device=device)
        seed_everything(seed + 1_000_003 * rank)
        generator = torch.Generator(device).manual_seed(seed + 1_000_003 * rank)
        learner.train()
        losses, epoch_started = [], time.perf_counter()
        quiet = True if rank else None  # None: no bar where stderr is no terminal
        for step in tqdm(range(n_steps), f"epoch {epoch + 1}/{settings.epochs}", leave=False, disable=quiet):
            chosen = order[step * settings.batch_size : (step + 1) * settings.batch_size][rank::n_ranks]
            batch = augment(ink[chosen].float().unsqueeze(1) / 255.0, generator)
            target = targets[chosen]
            if mixup:
                batch, target = mix(batch, target, mixup)
            with autocast(settings.precision, device):
                logits = learner(((batch - MEAN) / STD).contiguous(memory_format=torch.channels_last))
                loss = F.cross_entropy(with_no_digit(logits), target, label_smoothing=settings.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(changing, 1.0)
            optimizer.step()
            schedule.step()
            averaged.update_parameters(model)
            losses.append(loss.detach())
        if rank > 0:
            continue
        metrics = validate(averaged.module, data.validation, device)
        row = {"epoch": epoch + 1, "train_loss": float(torch.stack(losses).mean()), **metrics}
        row |= {"lr": schedule.get_last_lr()[0], "seconds": time.perf_counter() - epoch_started}
        history.append(row)
        print("  ".join(f"{key} {value:.5g}" for key, value in row.items()), file=sys.stderr)
        write_for_tensorboard(run_dir, row)
        save_epoch(run_dir, describe(averaged.module, settings, metrics, data.validation, device), parts, history)
        if settings.patience and epoch - int(np.argmin([row["val_loss"] for row in history])) >= settings.patience:
            break
    if rank > 0:
        return {}
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
        if isinstance(layer, nn.Dropout) and settings.dropout >= 0:
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


def moving_average(decay: float):
    """Return the update of an exponential moving average that follows quickly at first, for short runs' sake."""

    def update(averaged: list[Tensor], current: list[Tensor], n: Tensor | int) -> None:
        get_ema_multi_avg_fn(min(decay, (1 + int(n)) / (10 + int(n))))(averaged, current, n)

    return update


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


def make_schedule(optimizer: torch.optim.Optimizer, settings: Settings, n_steps: int):
    """Return the learning-rate schedule, stepped after every batch."""
    total = settings.epochs * n_steps + 1
    if settings.schedule == "onecycle":
        rising = max(0.2, 2 / total)  # torch divides by zero if the rise has no step
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.lr, total_steps=total, pct_start=rising)
    if settings.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    milestones = [round(total * share) for share in (0.5, 0.75, 0.9)]
    return torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.2)


def autocast(precision: str, device: str) -> contextlib.AbstractContextManager:
    """Return the mixed-precision context: bfloat16 where the machine multiplies it natively, unless told otherwise."""
    native = device == "cuda" or (device == "cpu" and torch.cpu._is_avx512_bf16_supported())
    if precision == "fp32" or (precision == "auto" and not native):
        return contextlib.nullcontext()
    return torch.autocast(device, torch.bfloat16)


@torch.inference_mode()
def logits_of(model: nn.Module, ink: np.ndarray, device: str) -> np.ndarray:
    """Return (n, 10) float32 logits of uint8 ink (n, 28, 28), the network in evaluation mode."""
    model.eval()
    parts = []
    for start in range(0, len(ink), 1024):
        batch = torch.from_numpy(ink[start : start + 1024]).to(device).float().unsqueeze(1) / 255.0
        parts.append(model((batch - MEAN) / STD).float().cpu().numpy())
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


def describe(model: nn.Module, settings: Settings, metrics: dict, validation: dict, device: str) -> Checkpoint:
    """Return the checkpoint of these weights, with temperature and thresholds fitted on the validation data."""
    ink, labels = (np.concatenate(part) for part in zip(*validation.values(), strict=True))
    logits = logits_of(model, ink, device)
    temperature = fit_temperature(logits[labels < 10], labels[labels < 10])
    thresholds = fit_thresholds(digit_score(logits), labels)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return Checkpoint(
        settings.model, state, MEAN, STD, temperature, thresholds, without_folders(settings), metrics, git_commit()
    )


def without_folders(settings: Settings) -> dict:
    """Return the settings as they travel with the weights: of a path from the root only the name, for privacy."""
    return {
        key: [_name(word) for word in value] if isinstance(value, list) else _name(value)
        for key, value in asdict(settings).items()
    }


def _name(value: Any) -> Any:
    return Path(value).name if isinstance(value, str) and os.path.isabs(value) else value


def save_epoch(run_dir: Path, checkpoint: Checkpoint, parts: dict[str, Any], history: list[dict]) -> None:
    """Store `history`, the weights of its last row, as the best too if none were better, and the state of `parts`."""
    *earlier, loss = (row["val_loss"] for row in history)
    if loss < min([float("inf"), *earlier]):
        save_checkpoint(run_dir / "best.pth", checkpoint)
    save_checkpoint(run_dir / "last.pth", checkpoint)
    save_progress(run_dir, parts, history)


def save_progress(run_dir: Path, parts: dict[str, Any], history: list[dict]) -> None:
    """Write the metrics, and all that resuming needs, each at once; `take_up` is the way back."""
    with atomic_path(run_dir / "metrics.csv") as path, path.open("w", newline="") as file:
        writer = csv.DictWriter(file, history[0].keys())
        writer.writeheader()
        writer.writerows(history)
    with atomic_path(run_dir / "state.pt") as path:
        torch.save({name: part.state_dict() for name, part in parts.items()} | {"history": history}, path)


def take_up(parts: dict[str, Any], state: dict | None) -> list[dict]:
    """Bring `parts` to where a stopped run left them; return its history, empty for a new run."""
    for name, part in parts.items() if state else ():
        part.load_state_dict(state[name])
    return state["history"] if state else []


def write_for_tensorboard(run_dir: Path, row: dict) -> None:
    """Add the epoch's figures to the run's TensorBoard log, where the tensorboard package is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return
    with SummaryWriter(str(run_dir)) as writer:
        for name, value in row.items():
            writer.add_scalar(name, value, row["epoch"])


def write_summary(run_dir: Path, settings: Settings, history: list[dict], seconds: float) -> dict:
    """Write summary.json; return the summary."""
    best = min(history, key=lambda row: row["val_loss"])
    versions = {"python": sys.version.split()[0], "torch": torch.__version__, "numpy": np.__version__}
    summary = {"settings": asdict(settings), "best": best, "last": history[-1], "seconds": round(seconds, 1)}
    summary |= {"git_commit": git_commit(), "versions": versions}
    write_json(run_dir / "summary.json", summary)
    return summary


def draw_figures(run_dir: Path, history: list[dict], validation: dict, device: str) -> None:
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
        shown = (part[worst] for part in (ink, labels, answers, confidences))
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


def is_no_worse(new: Path, served: Path, validation: dict, device: str) -> tuple[bool, str]:
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


def read_run(run_dir: Path, kind: type = Settings) -> tuple[Any, dict]:
    """Return the settings, of their `kind`, and state of a run that was stopped; raises `UserError`."""
    try:
        settings = kind(**json.loads((run_dir / "config.json").read_text()))
        return settings, torch.load(run_dir / "state.pt", map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{run_dir} cannot be resumed: it has no {Path(error.filename).name} yet") from None
    except Exception as error:
        raise UserError(f"{run_dir} cannot be resumed: its state is damaged ({type(error).__name__})") from None


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags."""
    defaults = Settings()
    parser = argparse.ArgumentParser(
        description="Train a network.",
        epilog="examples:\n  python train.py\n  python train.py --epochs 30 --dataset mnist mnist imitated",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default=defaults.model, metavar="NAME", help=", ".join(REGISTRY))
    parser.add_argument("--epochs", type=int, default=defaults.epochs)
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--lr", type=float, default=defaults.lr, help="highest learning rate")
    parser.add_argument("--no-cuda", action="store_true", help="stay on the CPU")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder that holds MNIST/raw (default: data/)")
    parser.add_argument(
        "--dataset", nargs="+", default=defaults.dataset, metavar="NAME",
        help="mnist, imitated, bundled, a folder of images per class, a Kaggle CSV; "
        "one named twice counts twice; imitated=60000 makes so many",
    )  # fmt: skip
    parser.add_argument("--augment", nargs="+", default=defaults.augment, metavar="NAME[=STRENGTH]")
    parser.add_argument("--schedule", choices=["onecycle", "cosine", "milestones"], default=defaults.schedule)
    parser.add_argument("--label-smoothing", type=float, default=defaults.label_smoothing)
    parser.add_argument("--patience", type=int, default=0, help="stop after so many epochs without gain (0: never)")
    parser.add_argument("--start", default="", metavar="FILE", help="weights to start from (default: random ones)")
    parser.add_argument("--dropout", type=float, default=-1.0, help="in place of the architecture's, while training")
    parser.add_argument(
        "--teacher", nargs="+", default=[], metavar="NAME", help="learn what these networks say, in place of the labels"
    )
    parser.add_argument("--copies", type=int, default=defaults.copies, help="of each picture, that the teacher judges")
    parser.add_argument("--validation", type=int, default=defaults.validation, help="MNIST images held out")
    parser.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto")
    parser.add_argument("--compile", action="store_true", help="let torch compile the network first")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: torch's choice)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", help="of the run (default: model and time)")
    parser.add_argument("--resume", metavar="RUN", help="name of a stopped run to go on with")
    parser.add_argument(
        "--feedback", nargs="?", default="", const=str(FEEDBACK), metavar="FILE", help="learn the page's corrections"
    )
    parser.add_argument("--smoke", action="store_true", help="a few seconds on a little data; models/ stays as it is")
    return parser.parse_args(argv)


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Return the run's settings as the flags give them."""
    named = {key: value for key, value in vars(arguments).items() if key in Settings.__dataclass_fields__}
    settings = Settings(**named, device="cpu" if arguments.no_cuda else "auto")
    for name in ("epochs", "batch_size", "copies"):
        if named[name] < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1")
    if settings.feedback:
        settings = learn_corrections(settings)
    return replace(settings, epochs=1, limit=2000, validation=500) if arguments.smoke else settings


def learn_corrections(settings: Settings) -> Settings:
    """Return gentle settings: the served weights go on with the corrections among what they were trained on.

    What the served weights held out is held out again, so that both can be compared on it. Raises `UserError`.
    """
    if settings.teacher:
        raise UserError("--feedback learns people's labels; leave out --teacher")
    if not Path(settings.feedback).is_file():
        raise UserError(f"there are no corrections in {settings.feedback}; correct a few answers on the page first")
    served = weights_path(settings.model)
    before = load_checkpoint(served).config
    kept = {name: before[name] for name in ("validation", "dropout") if name in before}
    dataset = ["mnist", "imitated=40000", *[settings.feedback] * 10]
    return replace(settings, **kept, dataset=dataset, epochs=3, lr=3e-4, batch_size=128, start=str(served))


def open_run(arguments: argparse.Namespace) -> tuple[Settings, dict | None, Path]:
    """Return the settings, state and folder of the run to resume, or of a new one, whose folder is made."""
    if arguments.resume:
        run_dir = RUNS_DIR / arguments.resume
        return *read_run(run_dir), run_dir
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
        resumed = read_run(RUNS_DIR / arguments.resume) if arguments.resume else (settings_from(arguments), None)
        train(resumed[0], Path(os.devnull), resumed[1], arguments.data_dir or data_dir())
        return 0
    settings, state, run_dir = open_run(arguments)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    summary = train(settings, run_dir, state, arguments.data_dir or data_dir())
    if not settings.limit:
        serve(settings, run_dir, arguments.data_dir or data_dir())
    print(f"best: {summary['best']}", file=sys.stderr)
    print(run_dir / "summary.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
