"""The networks' weights by their names: where their files lie, which are served, and how others take their place.

    weights_path("mnistnet")                                # models/mnist_cnn_best.pth
    weights = find_weights("my_run", "mnistnet")            # outputs/runs/my_run/best.pth
    serve_instead("mnistnet", files_of(weights))            # what they replace is kept in models/previous/
    way_back("mnistnet")                                    # "python model.py --publish previous"

It opens no network: `publish` in model.py does, sees that the weights fit their architecture, and to their twin.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from digits.command import UserError
from digits.files import MODELS_DIR, OUTPUTS_DIR, RUNS_DIR, atomic_path

OWN_NAMES = {"mnistnet": "mnist_cnn_best"}  # every other architecture's weights carry its name
PREVIOUS = "previous"
FIGURES = ("training_curves", "confusion_matrix", "sample_predictions", "errors")


def is_path(model: str | os.PathLike[str]) -> bool:
    """Whether a --model is a checkpoint's path rather than a name."""
    return "." in str(model) or os.sep in str(model)


def weights_path(model: str | os.PathLike[str]) -> Path:
    """Return the weights file of a name (the shipped one), or the path itself; it need not exist."""
    return Path(model) if is_path(model) else MODELS_DIR / f"{OWN_NAMES.get(str(model), model)}.pth"


def shipped_models() -> list[str]:
    """Return the names whose weights lie in models/, the default first."""
    names = {path.stem for path in MODELS_DIR.glob("*.pth")}
    others = sorted(names - {"mnist_cnn", *OWN_NAMES.values()})
    return ["mnistnet", *others]


def previous_dir(name: str) -> Path:
    """Return the folder of what was served before under a name, laid out as a run's; it need not exist."""
    return weights_path(name).parent / PREVIOUS / name


def figures_dir(name: str) -> Path:
    """Return the folder of the figures of what is served under a name; it need not exist."""
    return OUTPUTS_DIR if name == "mnistnet" else OUTPUTS_DIR / "figures" / name


def add_model_flag(parser: argparse.ArgumentParser) -> None:
    """Add --model, the networks to read with; what it takes along, `split_names` gives back."""
    parser.add_argument(
        "--model",
        nargs="+",
        default=["mnistnet"],
        metavar="NAME",
        help="name or .pth; several vote (default: mnistnet)",
    )


def split_names(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the networks that a --model names, and what it took along: the rest of `--model X.pth 7.png scans/`.

    The first word is a network. Others are one by their .pth or .onnx, or by a name that is not a file's or folder's.
    """
    first, *rest = words
    return [first, *filter(_is_network, rest)], [word for word in rest if not _is_network(word)]


def _is_network(word: str) -> bool:
    if is_path(word):
        return Path(word).suffix in (".pth", ".onnx")
    return word != "-" and (weights_path(word).exists() or not Path(word).exists())


def find_weights(source: str | Path, name: str) -> Path:
    """Return the weights file of a run (its name or folder), of a .pth file, or of what `name` served before.

    Raises `UserError` if there is none.
    """
    if source == PREVIOUS:
        before = previous_dir(name) / "best.pth"
        if not before.exists():
            raise UserError(f"no other weights of {name} were served before; those of the project: git checkout models")
        return before
    folder = next((path for path in (Path(source), RUNS_DIR / source) if path.is_dir()), None)
    if not folder and not Path(source).is_file():
        raise UserError(f"there is no run or file '{source}'; list the runs with: python train.py --runs")
    return folder / "best.pth" if folder else Path(source)


def files_of(weights: Path) -> dict[str, bytes]:
    """Return what is to be served with the weights, by the names of a run: their twin, the last epoch, the figures."""
    best, found = weights.read_bytes(), {}
    if weights.name == "best.pth":
        found = {path.name: path.read_bytes() for path in (*weights.parent.glob("*.png"), weights.with_name("last.pth"))
                 if path.exists()}  # fmt: skip
    return {"best.pth": best, "last.pth": best, **found, "best.onnx": weights.with_suffix(".onnx").read_bytes()}


def serve_instead(name: str, new: dict[str, bytes]) -> None:
    """Put the files of other weights in the place of those served under a name; what they replace is kept."""
    places = served_files(name)
    served = {part: place.read_bytes() for part, place in places.items() if place.exists()}
    if served.get("best.pth") != new["best.pth"]:  # to serve the same once more must not lose the way back
        _keep(served, previous_dir(name))
    for part, content in new.items():  # the twin follows its weights: until then it is known as another's
        if part in places:
            with atomic_path(places[part]) as path:
                path.write_bytes(content)


def served_files(name: str) -> dict[str, Path]:
    """Return where each file of a run goes when it is served: weights, their twin, figures."""
    best = weights_path(name)
    last = {"last.pth": best.with_name("mnist_cnn.pth")} if name == "mnistnet" else {}
    pictures = {f"{stem}.png": figures_dir(name) / f"{stem}.png" for stem in FIGURES}
    return {"best.pth": best, "best.onnx": best.with_suffix(".onnx"), **last, **pictures}


def _keep(files: dict[str, bytes], folder: Path) -> None:
    """Put the files into `folder`, in the place of what it held; it is never there half."""
    if not files:
        return
    draft = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, content in files.items():
        (draft / name).write_bytes(content)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def way_back(name: str) -> str:
    """Return the command that serves again what was served before; "" if nothing was."""
    of = "" if name == "mnistnet" else f" --model {name}"
    return f"python model.py --publish {PREVIOUS}{of}" if (previous_dir(name) / "best.pth").exists() else ""
