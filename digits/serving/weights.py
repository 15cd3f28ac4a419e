"""The weights that are served, and those served before: where their files lie, and how others take their place.

    weights = find_weights("my_run", "mnistnet")            # outputs/runs/my_run/best.pth
    serve_instead("mnistnet", files_of(weights))            # what they replace is kept in models/previous/
    way_back("mnistnet")                                    # "python model.py --publish previous"

It opens no network: `publish` in model.py does, sees that the weights fit their architecture, and to their twin.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from digits.command import UserError
from digits.files import OUTPUTS_DIR, RUNS_DIR, atomic_path
from digits.reading.engines import previous_dir, weights_path

PREVIOUS = "previous"
FIGURES = ("training_curves", "confusion_matrix", "sample_predictions", "errors")


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
    figures = OUTPUTS_DIR if name == "mnistnet" else OUTPUTS_DIR / "figures" / name
    last = {"last.pth": best.with_name("mnist_cnn.pth")} if name == "mnistnet" else {}
    pictures = {f"{stem}.png": figures / f"{stem}.png" for stem in FIGURES}
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
