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

if __name__ == "__main__":  # before the imports that take their time
    from digits.interrupt import quiet_until_main

    quiet_until_main()

import argparse
import os
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from digits.command import Range, UserError, add_flags, check_flags, command, flag, new_parser
from digits.files import ROOT, RUNS_DIR, free_path, git_commit, sha256, without_folders, write_json
from digits.finding.ink import MEAN, STD, standardise
from digits.learning.augment import RECIPES, USUAL, Augment, mix, parse
from digits.learning.datasets import N_VALIDATION, data_dir
from digits.learning.distil import teach
from digits.learning.distributed import join_process_group, rank_zero_first
from digits.learning.gather import absolute, gather, is_of_mnist, overview
from digits.learning.learner import Learner, autocast, read_run, with_no_digit
from digits.learning.trained_on import join, note_of
from digits.measuring.comparison import Decision, decide, sources_of
from digits.measuring.runs import draw_figures, folder_of, log_epoch, table_of_runs, to_line, write_summary
from digits.measuring.validation import fit_temperature, fit_thresholds, looks_of, validate
from digits.reading.verdict import NO_DIGIT, digit_score, look_again, softmax
from digits.weights import way_back, weights_path
from model import (
    REGISTRY,
    Checkpoint,
    create_model,
    load_checkpoint,
    load_model,
    prepare_training,
    publish,
    save_checkpoint,
)
from predict import MNISTPredictor
from utils import choose_device, seed_everything

FEEDBACK = ROOT / "feedback" / "corrections.sqlite"  # where app.py keeps them
MIXED_IN, COPIES = ["mnist=20000", "imitated=20000"], 10  # what fine-tuning must not forget; of each new picture
# The same within a minute, of what is there anyway.
QUICK_MIX, QUICK_COPIES, QUICK_EPOCHS = ["shipped=4000", "written=3000"], 30, 6
AT_LEAST_ONE: Range = (lambda n: n >= 1, "at least 1")
A_RATE: Range = (lambda rate: 0 < rate <= 1, "above 0 and at most 1")
A_SEED: Range = (lambda n: 0 <= n <= 400_000, "from 0 to 400,000")  # an epoch's is 10,000 times it, below 2**32
A_SHARE: Range = (lambda share: 0 <= share < 1, "from 0 to less than 1")


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
    augment: list[str] = flag(["light"], ", ".join([*RECIPES, *USUAL]), metavar="NAME[=STRENGTH]")
    epochs: int = flag(10, "times through the data", AT_LEAST_ONE, metavar="N")
    batch_size: int = flag(64, "images a step learns from", AT_LEAST_ONE, metavar="N")
    lr: float = flag(1e-3, "highest learning rate, of one cycle", A_RATE, metavar="RATE")
    validation: int = flag(N_VALIDATION, "MNIST images held out", AT_LEAST_ONE, metavar="N")
    seed: int = flag(0, "of every random choice (default: 0)", A_SEED, metavar="N")
    start: str | None = flag(None, "weights to start from (default: random ones)", metavar="NAME")
    dropout: float | None = flag(
        None, "of every dropout layer while training (default: the architecture's)", A_SHARE,
        type=float, metavar="SHARE",
    )  # fmt: skip
    teacher: list[str] = flag(
        [], "learn what these networks say, instead of the labels (default: the labels)", metavar="NAME"
    )
    feedback: str | None = flag(
        None, "learn the page's corrections, starting from the served weights (default: do not)",
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
    rank, n_ranks = join_process_group(device)
    seed_everything(settings.seed)
    # 1. The network, and what it learns from.
    model = start_model(settings).to(device).to(memory_format=torch.channels_last)
    network = DistributedDataParallel(model) if n_ranks > 1 else model
    augment = Augment(parse(settings.augment))
    mixup = augment.strengths.get("mixup", 0.0)
    with rank_zero_first(rank, n_ranks):
        data = gather(settings.dataset, settings.validation, settings.seed, data_directory, settings.limit)
        pictures, answers = data.ink, np.eye(NO_DIGIT + 1, dtype=np.float32)[data.labels]
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
        log_epoch(run_dir, row, rates, torch.stack(losses).tolist())
        checkpoint = describe(learner.averaged.module, settings, metrics, data.validation, device)
        checkpoint.trained_on = trained_on
        save_epoch(run_dir, checkpoint, learner, history)
    bar.close()
    if rank > 0:
        return {}
    # 5. What the run leaves beside its weights: figures and the summary.
    draw_best(run_dir, history, data.validation, device)
    return write_summary(run_dir, asdict(settings), history, time.perf_counter() - started)


def start_model(settings: Settings) -> nn.Module:
    """Return the network to train: with random weights, or those to start from, and the dropout asked for."""
    model = create_model(settings.model)
    if note := prepare_training(model):
        print(note, file=sys.stderr)
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


def describe(
    model: nn.Module, settings: Settings, metrics: dict[str, Any], validation: dict[str, Any], device: str
) -> Checkpoint:
    """Return the checkpoint of these weights, with temperature and thresholds fitted on the validation data."""
    ink, labels = (np.concatenate(part) for part in zip(*validation.values(), strict=True))
    looks = looks_of(model, ink, device)
    temperature = fit_temperature(looks[:, labels < NO_DIGIT], labels[labels < NO_DIGIT])
    thresholds = fit_thresholds(digit_score(looks[0]), labels)
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


def draw_best(run_dir: Path, history: list[dict[str, Any]], validation: dict[str, Any], device: str) -> None:
    """Draw the run's curves, and what its best weights make of the digits of the first validation set."""
    model, checkpoint = load_model(run_dir / "best.pth")
    name, (ink, labels) = next(iter(validation.items()))
    ink, labels = ink[labels < NO_DIGIT], labels[labels < NO_DIGIT]
    probabilities = look_again(softmax(looks_of(model.to(device), ink, device), checkpoint.temperature))
    draw_figures(run_dir, history, name, ink, labels, probabilities)


def serve(settings: Settings, run_dir: Path, data_directory: Path, anyway: bool = False) -> None:
    """Serve a finished run's weights if they are no worse than those served, or `anyway`; say in plain lines which."""
    best = run_dir / "best.pth"
    decision = against_served(settings, best, data_directory)
    for line in decision.lines():
        print(line, file=sys.stderr)
    is_served, why = decision.is_good or anyway, decision.why
    measured = {"served": is_served, "why": why, "sets": [asdict(one) for one in decision.found]}
    write_json(run_dir / "comparison.json", measured)
    lines = [f"Weights: {os.path.relpath(best)}"]
    if is_served:
        publish(run_dir)
        lines += [f"Served from the next start on ({why})."]
        lines += [f"To go back: {back}"] if (back := way_back(settings.model)) else []
    else:
        lines += [f"Not served: {why}.", f"To serve them all the same: python model.py --publish {run_dir.name}"]
    print("\n".join(lines), file=sys.stderr)


def against_served(settings: Settings, best: Path, data_directory: Path) -> Decision:
    """Return whether the weights `best` may take the place of those served for their architecture."""
    served = weights_path(settings.model)
    if not served.exists():
        return Decision(True, "no others were served")
    new, before = (MNISTPredictor(str(path), "torch", choose_device(settings.device)) for path in (best, served))
    learnt, n_held_out = sources_of(served, before.engines[0].facts, RUNS_DIR)
    n = min(settings.validation, n_held_out)  # a smaller split lies within a larger one
    return decide(new, before, [*settings.dataset, *learnt], n, data_directory)


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags, of those that are settings only the ones that are given."""
    parser = new_parser(
        "Train a network.", "python train.py", "python train.py --epochs 30 --dataset mnist mnist imitated"
    )
    add_flags(parser, Settings)
    parser.add_argument("--runs", action="store_true", help="list the runs, and train nothing")
    parser.add_argument("--publish", action="store_true", help="serve the result even if it is worse (default: do not)")
    parser.add_argument("--no-cuda", action="store_true", help="stay on the CPU (default: the fastest device)")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder that holds MNIST/raw (default: $MNIST_DATA_DIR or data/)"
    )
    parser.add_argument("--name", help="name of the run (default: model and time)")
    parser.add_argument("--resume", metavar="RUN", help="a stopped run to continue; with --epochs, a finished one")
    parser.add_argument("--quick", action="store_true", help="with --feedback: within a minute, and without MNIST")
    parser.add_argument("--smoke", action="store_true", help="a quick trial on a little data; models/ stays as it is")
    return parser.parse_args(argv)


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Return the run's settings: what was asked for, and the defaults of the kind of training. Raises `UserError`."""
    asked = {key: value for key, value in vars(arguments).items() if key in Settings.__dataclass_fields__}
    settings = Settings(**asked, device="cpu" if arguments.no_cuda else "auto")
    if settings.start or settings.feedback:
        settings = replace(settings, **fine_tuning(settings.start or settings.model, arguments.quick) | asked)
    check(settings)
    settings = replace(settings, dataset=[absolute(name) for name in settings.dataset])
    own = [settings.feedback] if settings.feedback else settings.dataset
    if (settings.start or settings.feedback) and not any(is_of_mnist(name) for name in own):
        start = settings.start or str(weights_path(settings.model))
        mixed_in, copies = (QUICK_MIX, QUICK_COPIES) if arguments.quick else (MIXED_IN, COPIES)
        settings = replace(settings, start=start, dataset=[*mixed_in, *own * copies])
    return replace(settings, epochs=1, limit=2000, validation=500) if arguments.smoke else settings


def check(settings: Settings) -> None:
    """Raise `UserError` for what nothing can be trained with."""
    check_flags(settings)
    if settings.feedback and settings.teacher:
        raise UserError("--feedback learns people's labels; leave out --teacher")
    if settings.feedback and not Path(settings.feedback).is_file():
        raise UserError(f"there are no corrections in {settings.feedback}; correct a few answers on the page first")


def fine_tuning(start: str, is_quick: bool) -> dict[str, Any]:
    """Return the defaults where the weights `start` are learnt on from: their architecture, dropout, gentle steps.

    What these weights held out is held out again, so that both can be compared on it.
    """
    before = load_checkpoint(weights_path(start))
    theirs = {name: before.config.get(name) for name in ("validation", "dropout")}
    kept = {name: value for name, value in theirs.items() if value is not None and value >= 0}  # -1: as it was built
    epochs = QUICK_EPOCHS if is_quick else 3
    return {**kept, "model": before.architecture, "epochs": epochs, "lr": 3e-4, "batch_size": 128}


def open_run(arguments: argparse.Namespace) -> tuple[Settings, dict[str, Any] | None, Path]:
    """Return the settings, state and folder of the run to resume or to extend, or of a new one; makes no folder."""
    if not arguments.resume:
        settings = settings_from(arguments)
        name = arguments.name or f"{settings.model}-{time.strftime('%Y%m%d-%H%M%S')}"
        if Path(name).name != name or name.startswith("."):
            raise UserError(f"'{name}' is no name of a run; --name is one without folders, such as mine")
        return settings, None, free_path(RUNS_DIR / name)
    run_dir = RUNS_DIR / arguments.resume
    settings, state = read_run(run_dir, Settings)
    n_done, wanted = len(state["history"]), vars(arguments).get("epochs")
    if wanted and n_done < settings.epochs != wanted:
        raise UserError(
            f"{run_dir.name} has not finished its {settings.epochs} epochs; resume it without --epochs first"
        )
    if wanted is not None and wanted < n_done:
        raise UserError(f"{run_dir.name} has had {n_done} epochs already; ask for more with --epochs")
    return replace(settings, epochs=wanted or settings.epochs), state, run_dir


@command
def main(argv: list[str] | None = None) -> int:
    """Train, or go on with a stopped run; print the path of the run's summary."""
    arguments = parse_arguments(argv)
    if arguments.runs:
        print(table_of_runs(RUNS_DIR))
        return 0
    rank, _n_ranks = join_process_group("cpu" if arguments.no_cuda else choose_device())
    settings, state, run_dir = open_run(arguments)
    directory, summary = arguments.data_dir or data_dir(), run_dir / "summary.json"
    is_finished = state is not None and summary.exists() and len(state["history"]) == settings.epochs
    if rank > 0:  # a helper of torchrun's: works along, writes nothing
        if not is_finished:
            train(settings, Path(os.devnull), state, directory)
        return 0
    if not arguments.resume and arguments.name not in (None, run_dir.name):
        print(f"note: there is a run {arguments.name} already; this one is {run_dir.name}", file=sys.stderr)
    if is_finished:
        print(
            f"{run_dir.name} is finished; more epochs: --resume {run_dir.name} --epochs {settings.epochs + 2}; "
            f"serve it: python model.py --publish {run_dir.name}",
            file=sys.stderr,
        )
    else:
        with folder_of(run_dir, asdict(settings)):
            train(settings, run_dir, state, directory)
        if settings.limit is None:
            serve(settings, run_dir, directory, arguments.publish)
        else:
            print("A trial on a little data: what is served stays as it is.", file=sys.stderr)
    print(summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
