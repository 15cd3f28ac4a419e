"""Read digits: one predictor for the page, the command line, the API, batches and the notebook.

python predict.py                           # the example drawings
python predict.py photo.jpg scan.png --json
python predict.py form.jpg --number         # all its numbers, line by line

from predict import MNISTPredictor
digit, confidence, probs = MNISTPredictor().predict("digit.png")
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take their time
    from digits.interrupt import quiet_until_main

    quiet_until_main()

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Sequence
from itertools import islice, starmap
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from digits.command import UserError, command, new_parser, shown
from digits.files import ASSETS_DIR, sha256
from digits.finding.arrays import Tensor, ink_of
from digits.finding.decode import Picture, open_picture, read_bytes
from digits.finding.digit import find_digit, find_or_error
from digits.finding.found import FoundDigit
from digits.finding.ink import TURNS, turn
from digits.finding.limits import MAX_BYTES, PictureError
from digits.finding.pages import PAGED, Page, to_pages
from digits.reading.answer import NumberReading, Prediction, error_prediction, number_error_row
from digits.reading.conclusion import Seen, conclude, sure_ink, unusual
from digits.reading.engines import Engine, OnnxEngine, SurroundingsNetwork, TorchEngine
from digits.reading.finder import NumberFinder
from digits.reading.line import NumberReaders
from digits.reading.number import read_number
from digits.reading.verdict import ERROR, LEAST_ODDS, SURE, digit_score, look_again, softmax
from digits.weights import add_model_flag, split_names, weights_path
from utils import choose_device

Given = Picture | IO[bytes]


class MNISTPredictor:
    """Reads digits with one network, or with several by soft voting.

    `model`: a registered name, several of them, or the path of a checkpoint. `engine`: "onnx", "torch" or "auto" (ONNX
    Runtime where the exported twin lies beside the weights and no GPU is asked for). `threads`: for the networks alone.
    `threshold`: the confidence below which a digit is "unsure" (default: the first network's own, as all of
    `thresholds` are). Raises `UserError` if the weights are missing or not ours, or for a device that is not here.
    """

    classes_ = np.arange(10)

    def __init__(
        self,
        model: str | os.PathLike[str] | Sequence[str] = "mnistnet",
        engine: str = "auto",
        device: str = "auto",
        threads: int | None = None,
        threshold: float | None = None,
    ) -> None:
        self.names = [str(model)] if isinstance(model, (str, os.PathLike)) else [str(name) for name in model]
        if not self.names:
            raise UserError("there is no network to read with; name one, such as mnistnet")
        if threshold is not None and not 0 <= threshold <= 1:
            raise UserError(f"a threshold is a confidence from 0 to 1, not {threshold:g}")
        self.engines = [_open_engine(name, engine, device, threads) for name in self.names]
        self._threads = threads
        self.thresholds: dict[str, float] = dict(self.engines[0].facts.get("thresholds", {}))
        if threshold is not None:
            self.thresholds["unsure_confidence"] = threshold
        self._number_readers: NumberReaders | None = None
        self._crop_reader: SurroundingsNetwork | None = None
        self._lookalikes: SurroundingsNetwork | None = None

    def predict(self, picture: Given) -> Prediction:
        """Read the one digit in `picture`: a path, open file, bytes, PIL image or array. Raises `PictureError`."""
        return self.predict_found([find_digit(_as_picture(picture))])[0]

    def predict_batch(self, pictures: Iterable[Given]) -> list[Prediction]:
        """Read many pictures; one that cannot be read gets status "error" and a reason instead of raising.

        Raises `PictureError` for a single path, which would be taken for a list of letters.
        """
        if isinstance(pictures, (str, bytes, os.PathLike)):
            raise PictureError("predict_batch takes several pictures, such as a list; for one there is predict")
        return self.predict_found([_find_or_error(picture) for picture in pictures])

    def predict_found(self, found: Sequence[FoundDigit | PictureError]) -> list[Prediction]:
        """Read what `find_digit` found (or failed to find), in order, the network running once for all."""
        views = [view for item in found if isinstance(item, FoundDigit) for view in (item, *item.others)]
        ink = np.stack([view.ink for view in views]) if views else np.zeros((0, 28, 28), np.uint8)
        seen = starmap(Seen, zip(views, *self.predict_scores(ink), strict=True))
        crops = [item.crop for item in found if isinstance(item, FoundDigit) and item.crop is not None]
        in_crops = iter(self.crop_reader().run(np.stack(crops)) if crops else ())
        predictions = []
        for item in found:
            if isinstance(item, PictureError):
                predictions.append(error_prediction(item))
                continue
            of_item = list(islice(seen, 1 + len(item.others)))
            in_crop = next(in_crops) if item.crop is not None else None
            predictions.append(conclude(item, of_item, in_crop, self.thresholds))
        return self._without_lookalikes(predictions)

    def _without_lookalikes(self, predictions: list[Prediction]) -> list[Prediction]:
        """Return predictions, those unsure that were ok by their ink alone and look like something else."""
        inks = {i: ink for i, one in enumerate(predictions) if (ink := sure_ink(one)) is not None}
        are_digits = self.are_digits(np.stack(list(inks.values()))) if inks else ()
        for i, is_digit in zip(inks, are_digits, strict=True):
            if not is_digit:
                predictions[i] = unusual(predictions[i])
        return predictions

    def are_digits(self, ink: np.ndarray) -> np.ndarray:
        """Return (n,) whether each ink, uint8 (n, 28, 28), that looks like a digit is likely to be one."""
        return self.lookalikes().run(ink) >= LEAST_ODDS

    def read_number(self, picture: Given) -> NumberReading:
        """Read all digits in `picture`, line by line; a single one as `predict` does.

        Raises `PictureError`, and `UserError` if the networks that read numbers cannot be opened.
        """
        pixels = open_picture(_as_picture(picture))
        return read_number(pixels, self.number_readers(), lambda: self.predict(pixels))

    def number_readers(self) -> NumberReaders:
        """Return the networks that read numbers, opened at the first call. Raises `UserError`."""
        if self._number_readers is None:
            finder, lines = NumberFinder(self._threads), SurroundingsNetwork("lines", self._threads)
            self._number_readers = NumberReaders(finder, lines)
        return self._number_readers

    def crop_reader(self) -> SurroundingsNetwork:
        """Return the network that sees a digit among other things, opened at the first call. Raises `UserError`."""
        if self._crop_reader is None:
            self._crop_reader = SurroundingsNetwork("crops", self._threads)
        return self._crop_reader

    def lookalikes(self) -> SurroundingsNetwork:
        """Return what tells digits from what looks like one, opened at the first call. Raises `UserError`."""
        if self._lookalikes is None:
            self._lookalikes = SurroundingsNetwork("lookalikes", self._threads)
        return self._lookalikes

    def predict_proba(self, ink: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float32 (n, 10), of ink, (n, 28, 28) or (28, 28), white on black.

        It goes from 0 to 255, or from 0 to 1. Raises `PictureError` for other ranges or shapes.
        """
        return self.predict_scores(ink)[0]

    def predict_scores(self, ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (probabilities (n, 10), digit scores (n,)) of ink, as `predict_proba` takes it.

        What the networks are not sure of they see again, turned a little to the left and to the right.
        """
        ink = ink_of(ink)
        probabilities, scores = self._look(ink)
        doubtful = np.flatnonzero(probabilities.max(axis=1) < SURE)
        if len(doubtful):
            turned = [self._look(turn(ink[doubtful], angle))[0] for angle in TURNS]
            probabilities[doubtful] = look_again(np.stack([probabilities[doubtful], *turned]))
        return probabilities, scores

    def _look(self, ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (probabilities (n, 10), digit scores (n,)) of one look at every ink, averaged over the networks."""
        logits = [engine.logits(ink) for engine in self.engines]
        temperatures = [engine.facts["temperature"] for engine in self.engines]
        probabilities = np.mean([softmax(z, t) for z, t in zip(logits, temperatures, strict=True)], axis=0)
        return probabilities.astype(np.float32), np.mean([digit_score(z) for z in logits], axis=0)


def _as_picture(given: Given) -> Picture:
    """Return what `open_picture` opens: of an open file what is in it. Raises `PictureError` for what is no picture."""
    if hasattr(given, "read"):
        return _read_open(given)
    if not isinstance(
        given, (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, np.ndarray, Page, list, Tensor)
    ):
        raise PictureError(
            f"{type(given).__name__} is not a picture; give a path, an open file, bytes, an image or an array"
        )
    return given


def _read_open(file: Any) -> bytes:
    """Return what is in an open file, from its beginning where it can be rewound."""
    try:
        if file.seekable():
            file.seek(0)
        data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError, AttributeError) as error:  # ValueError: it is closed, or is no text
        raise PictureError(f"the open file cannot be read ({error})") from None
    if not isinstance(data, bytes):
        raise PictureError('the file is open as text; open it with "rb"')
    return data


def _find_or_error(picture: Given) -> FoundDigit | PictureError:
    try:
        return find_or_error(_as_picture(picture))
    except PictureError as error:
        return error


def _open_engine(name: str, engine: str, device: str, threads: int | None) -> Engine:
    if engine not in ("auto", "onnx", "torch"):
        raise UserError(f"there is no engine '{engine}'; choose onnx, torch or auto")
    weights = weights_path(name)
    twin = weights.with_suffix(".onnx")
    if engine == "onnx" and not twin.exists():
        raise UserError(f"there is no {twin.name}; write it with: python model.py --export {name}")
    if engine == "onnx" or (engine == "auto" and _can_run(twin, device)):
        return _open_twin(name, twin, weights, threads)
    from model import load_model

    network, checkpoint = load_model(weights)
    facts = checkpoint.facts() | {"weights_sha256": sha256(weights)}  # as its twin has it
    return TorchEngine(network, facts, choose_device(device), threads)


def _open_twin(name: str, twin: Path, weights: Path, threads: int | None) -> OnnxEngine:
    """Return the exported twin, exported anew if the weights beside it are others by now. Raises `UserError`."""
    opened = OnnxEngine(twin, threads)
    if not weights.exists() or opened.is_twin_of(weights):  # who has the twin alone uses it alone
        return opened
    outdated = f"{twin.name} was exported from other weights than those in {weights.name}"
    print(f"{outdated}; exporting it anew", file=sys.stderr)
    try:
        from model import export_onnx

        export_onnx(weights)
    except (ImportError, OSError):
        raise UserError(f"{outdated}, and cannot be written here; run: python model.py --export {name}") from None
    return OnnxEngine(twin, threads)


def _can_run(twin: Path, device: str) -> bool:
    """Whether the exported twin is there, can be run, and no GPU would be faster."""
    on_cpu = device == "cpu" or (device == "auto" and not _has_gpu())
    return on_cpu and twin.exists() and importlib.util.find_spec("onnxruntime") is not None


def _has_gpu() -> bool:
    """Whether an NVIDIA driver is loaded, without importing torch to find out."""
    torch = sys.modules.get("torch")
    return os.path.exists("/proc/driver/nvidia/version") or torch is not None and torch.cuda.is_available()


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags; without files, `files` are the example drawings."""
    parser = new_parser("Read handwritten digits.", "python predict.py", "python predict.py photo.jpg scan.png --json")
    parser.add_argument("files", nargs="*", metavar="FILE", help="pictures (default: the example drawings)")
    add_model_flag(parser)
    parser.add_argument(
        "--json", action="store_true", help="one JSON object per file: a report's columns but for labels"
    )
    parser.add_argument("--number", action="store_true", help="read whole numbers: several digits, several lines")
    arguments = parser.parse_args(argv)
    arguments.model, more = split_names(arguments.model)
    examples = (ASSETS_DIR / "examples").glob("*.png")
    arguments.files = arguments.files + more or sorted(map(str, examples))
    return arguments


@command
def main(argv: list[str] | None = None) -> int:
    """Read the files named on the command line, or the example drawings."""
    arguments = parse_arguments(argv)
    predictor = MNISTPredictor(arguments.model)
    named = [page for file in arguments.files for page in _pages(file)]
    if arguments.number:
        return _print_numbers(predictor, named, arguments.json)
    predictions = predictor.predict_batch(picture for _name, picture in named)
    for (name, _picture), prediction in zip(named, predictions, strict=True):
        print(json.dumps(prediction.row(name)) if arguments.json else _line(name, prediction))
    return int(any(prediction.status == ERROR for prediction in predictions))


def _pages(file: str) -> list[tuple[str, Picture]]:
    """Return a file's pages with their names, "form.pdf#1", …; or the file, if it is one picture."""
    if Path(file).suffix.lower() not in PAGED:
        return [(file, file)]
    try:
        return [(file + mark, page if mark else file) for mark, page in to_pages(read_bytes(file))]
    except PictureError:  # which its row says
        return [(file, file)]


def _print_numbers(predictor: MNISTPredictor, named: list[tuple[str, Picture]], as_json: bool) -> int:
    n_unreadable = 0
    for file, picture in named:
        try:
            reading = predictor.read_number(picture)
        except PictureError as error:
            n_unreadable += 1
            print(json.dumps(number_error_row(file, str(error))) if as_json else f"{shown(file)}: {error}")
            continue
        said = f"{' / '.join(reading.lines) or '-'}  {reading.status}  {reading.reason}".rstrip()
        print(json.dumps(reading.row(file)) if as_json else f"{shown(file)}: {said}")
    return int(n_unreadable > 0)


def _line(file: str, prediction: Prediction) -> str:
    digit = "-" if prediction.digit is None else prediction.digit
    return f"{shown(file)}: {digit}  {prediction.confidence:6.1%}  {prediction.status}  {prediction.reason}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
