"""Batches: how fast, against the usual way and against the machine's limit; how much memory; what a kill costs.

    python -m benchmarks.batch_throughput                            # everything: an hour on two quiet cores
    python -m benchmarks.batch_throughput speed memory --scale 0.02  # a small run, to see that it works

The usual way is the loop that tutorials show: PIL opens a file, a transform makes it 28x28, `model(x)` in eager torch
reads it, pandas writes the CSV. Both sides read the same files in the same run, taking turns; start-up, measured on one
picture, is taken off both. The usual way runs with torch's threads as they come and with one; the better one counts.
Limits are what one process a core reaches on bytes in memory with one stage alone. The pictures are made from MNIST's
test digits. Keep other work off the machine: on a busy one torch's threads crawl, and every ratio flatters us.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

if not __package__:  # `python benchmarks/batch_throughput.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import make_parser, resident_bytes, save
from digits.batch.local import n_cores
from digits.command import command
from digits.files import OUTPUTS_DIR, ROOT, atomic_path
from digits.finding.decode import open_picture
from digits.finding.digit import WORK_SIDE, find_digit
from digits.learning.datasets import load_mnist
from predict import MNISTPredictor

CACHE = OUTPUTS_DIR / "cache" / "batch_throughput"
CASES = {  # name: (kind of picture, files, how often each is listed, least ratio to the usual way)
    "png28_10k": ("png28", 10_000, 1, 10.0),
    "png28_60k": ("png28", 10_000, 6, 13.0),
    "sketch_2k": ("sketch", 2_000, 1, 5.0),
    "photo_2k": ("photo", 2_000, 1, 15.0),
}
HEAVY = ("torch", "gradio", "matplotlib", "torchvision", "ray", "pandas")  # what a batch must not import to start
LIMIT_S, STARTS = 6.0, 5  # how long a stage runs alone; of how many starts the median is
PARTS = ("speed", "limits", "memory", "kills", "start")


# ---------------------------------------------------------------- pictures


def make_pictures(kind: str, n: int) -> list[Path]:
    """Return `n` files of one kind, named by number and label, made on first use."""
    folder = CACHE / kind
    folder.mkdir(parents=True, exist_ok=True)
    ink, labels = load_mnist(train=False)
    paths = [folder / f"{i:05d}_{labels[i]}{'.jpg' if kind == 'photo' else '.png'}" for i in range(n)]
    for i, path in enumerate(paths):
        if not path.exists():
            with atomic_path(path) as temporary:
                temporary.write_bytes(draw(kind, ink[i], np.random.default_rng(i)))
    return paths


def draw(kind: str, ink: np.ndarray, rng: np.random.Generator) -> bytes:
    """Return ink, uint8 (28, 28), as a file: MNIST's PNG, a drawing ("sketch") or a photograph ("photo")."""
    if kind == "png28":
        return cv2.imencode(".png", ink)[1].tobytes()
    return _sketch(ink, rng) if kind == "sketch" else _photo(ink, rng)


def _sketch(ink: np.ndarray, rng: np.random.Generator) -> bytes:
    """A drawing on a transparent canvas of 280x280, as PNG."""
    rgba = np.zeros((280, 280, 4), np.uint8)
    y, x = rng.integers(10, 110, 2)
    rgba[y : y + 160, x : x + 160, 3] = cv2.resize(ink, (160, 160), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".png", rgba)[1].tobytes()


def _photo(ink: np.ndarray, rng: np.random.Generator) -> bytes:
    """A photograph of paper, 1600x1200, as JPEG."""
    yy, xx = np.mgrid[0:1200, 0:1600].astype(np.float32)
    paper = 205 + 20 * np.sin(xx / 900) + 12 * np.cos(yy / 700) + rng.normal(0, 4, (1200, 1600)).astype(np.float32)
    y, x = rng.integers(60, 640), rng.integers(60, 1040)
    paper[y : y + 500, x : x + 500] -= 0.6 * cv2.resize(ink, (500, 500), interpolation=cv2.INTER_CUBIC)
    bgr = np.clip(paper[..., None] * (0.93, 0.98, 1.0), 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def write_list(name: str, paths: list[Path], repeats: int = 1) -> Path:
    """Write the paths to a list file, `repeats` times over."""
    path = CACHE / f"{name}.txt"
    path.write_text("".join(f"{path}\n" for path in paths) * repeats)
    return path


# ---------------------------------------------------------------- the usual way


def usual_way(names: list[str], output: Path) -> None:
    """Read the pictures one by one, as tutorials do."""
    import pandas as pd
    import torch
    from PIL import Image

    from digits.weights import weights_path
    from model import load_model

    model, checkpoint = load_model(weights_path("mnistnet"))
    rows = []
    with torch.no_grad():
        for name in names:
            image = Image.open(name)
            if image.mode == "RGBA":
                paper = Image.new("RGBA", image.size, "white")
                image = Image.alpha_composite(paper, image)
            pixels = usual_transform(np.asarray(image.convert("L"), np.float32))
            x = (torch.from_numpy(pixels)[None, None] / 255 - checkpoint.mean) / checkpoint.std
            probabilities = torch.softmax(model(x), dim=1)[0]
            rows.append({"path": name, "digit": int(probabilities.argmax()), "confidence": float(probabilities.max())})
    pd.DataFrame(rows).to_csv(output, index=False)


def usual_transform(grey: np.ndarray) -> np.ndarray:
    """Return float32 (28, 28), 0-255, of a grey picture, float32 (h, w), 0-255: MNIST's form, as tutorials make it.

    White on black, the ink cropped, fitted into 20x20 and centred by mass; a picture of 28x28 passes untouched.
    """
    from PIL import Image

    if grey.shape == (28, 28):
        return grey
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = 255 - grey if np.median(border) > 127 else grey
    ink = np.clip(ink - np.median(ink), 0, None)
    ink[ink < 0.35 * ink.max()] = 0
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] * (255 / ink.max())
    scale = 20 / max(ink.shape)
    size = [max(1, round(side * scale)) for side in ink.shape[::-1]]
    small = np.asarray(Image.fromarray(ink.astype(np.uint8)).resize(size, Image.Resampling.BOX), np.float32)
    yy, xx = np.indices(small.shape)
    top = int(np.clip(round(14 - (yy * small).sum() / small.sum() - 0.5), 0, 28 - small.shape[0]))
    left = int(np.clip(round(14 - (xx * small).sum() / small.sum() - 0.5), 0, 28 - small.shape[1]))
    result = np.zeros((28, 28), np.float32)
    result[top : top + small.shape[0], left : left + small.shape[1]] = small
    return result


def pillow_alone(names: list[str], _output: Path) -> None:
    """Decode the pictures with PIL, and no more."""
    from PIL import Image

    for name in names:
        Image.open(name).load()


SIDES: dict[str, Callable[[list[str], Path], None]] = {"usual": usual_way, "pillow": pillow_alone}


def side_command(side: str, listing: Path, output: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command of one side and what its environment has besides."""
    if side == "ours":
        program = [sys.executable, str(ROOT / "batch_processor.py"), str(listing), "--format", "csv"]
        return [*program, "--output-dir", str(output)], {}
    program = [sys.executable, __file__, "--side", side.removesuffix("_1thread")]
    threads = {"OMP_NUM_THREADS": "1"} if side.endswith("_1thread") else {}
    return [*program, str(listing), str(output / "usual.csv")], threads


def time_side(side: str, listing: Path) -> tuple[float, Path]:
    """Return the seconds that the whole command took, and its CSV."""
    output = CACHE / "output" / f"{side}_{time.time_ns()}"
    output.mkdir(parents=True)
    arguments, environment = side_command(side, listing, output)
    started = time.perf_counter()
    done = subprocess.run(arguments, env=os.environ | environment, capture_output=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{side} ended with {done.returncode}: {done.stderr.decode()[-300:]}")
    return seconds, Path(done.stdout.decode().split()[-1]) if side == "ours" else output / "usual.csv"


def share_right(report: Path) -> float:
    """Return the share of rows whose digit is the one in the file's name."""
    with report.open(newline="") as file:
        hits = [row["digit"] == Path(row["path"]).stem[-1] for row in csv.DictReader(file)]
    return sum(hits) / len(hits)


def measure_speed(scale: float, repetitions: int) -> dict:
    """Return, for every case, median pictures a second of each side, net of start-up, and our ratio to each."""
    one = write_list("one", make_pictures("png28", 1))
    sides = ["ours", "usual", "usual_1thread", "pillow"]
    start_s = {side: statistics.median(time_side(side, one)[0] for _ in range(3)) for side in sides}
    results = {"start_s": start_s}
    for name, (kind, n_files, repeats, least) in CASES.items():
        paths = make_pictures(kind, max(20, round(n_files * scale)))
        listing = write_list(name, paths, repeats)
        n = len(paths) * repeats
        net, right = time_in_turns(listing, start_s, repetitions)
        best = min(("usual", "usual_1thread"), key=lambda side: statistics.median(net[side]))
        results[name] = {
            "n": n, "accuracy": right, "best_usual": best, "wanted_ratio": least,
            "per_second": {side: round(n / statistics.median(net[side]), 1) for side in sides},
            "ratio_to_usual": _median_ratio(net[best], net["ours"]),
            "ratio_to_pillow_decoding": _median_ratio(net["pillow"], net["ours"]),
        }  # fmt: skip
        print(name, json.dumps(results[name]), file=sys.stderr)
    return results


def time_in_turns(listing: Path, start_s: dict[str, float], repetitions: int) -> tuple[dict, dict]:
    """Return each side's seconds, a list, net of `start_s`, and the share of digits it read right."""
    net: dict[str, list[float]] = {side: [] for side in start_s}
    right: dict[str, float] = {}
    for _repetition in range(repetitions):
        for side, least in start_s.items():
            seconds, report = time_side(side, listing)
            net[side].append(max(0.1 * least, seconds - least))  # a small run ends before it began
            if side != "pillow":
                right[side] = share_right(report)
    return net, right


def _median_ratio(theirs: list[float], ours: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(theirs, ours, strict=True)), 2)


# ---------------------------------------------------------------- limits


def stage_alone(stage: str, data: list[bytes]) -> Callable[[], object]:
    """Return a function that takes every picture of `data` through one stage: "model", "decode" or both before it."""
    if stage == "model":
        ink = np.stack([cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_GRAYSCALE) for one in data])
        return partial(MNISTPredictor(threads=1).predict_proba, ink)
    if stage == "decode":
        return lambda: [open_picture(one, side=2 * WORK_SIDE) for one in data]
    return lambda: [find_digit(one) for one in data]


def _repeat(stage: str, kind: str, n: int, seconds: float) -> float:
    """Run one stage alone over pictures in memory for about `seconds`; return how many a second (in this process)."""
    cv2.setNumThreads(1)
    work = stage_alone(stage, [path.read_bytes() for path in make_pictures(kind, n)])
    work()  # warm-up, outside the clock
    n_done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        work()
        n_done += n
    return n_done / (time.perf_counter() - started)


def measure_limits(speed: dict) -> dict:
    """Return what each slowest stage alone reaches on all cores, and our share of it."""
    stages = {
        "png28_60k": ("model", "png28", 256), "sketch_2k": ("decode and preprocess", "sketch", 64),
        "photo_2k": ("decode", "photo", 16),
    }  # fmt: skip
    results = {}
    for case, (stage, kind, n) in stages.items():
        make_pictures(kind, n)
        with ProcessPoolExecutor(n_cores(), get_context("spawn")) as pool:
            limit = sum(pool.map(_repeat, *zip(*[(stage, kind, n, LIMIT_S)] * n_cores(), strict=True)))
        results[case] = {"stage": stage, "per_second": round(limit, 1)}
        if case in speed:
            share = speed[case]["per_second"]["ours"] / limit
            results[case]["our_share"] = min(1.0, round(share, 3))  # above 1 where the machine has slowed down since
        print(case, json.dumps(results[case]), file=sys.stderr)
    return results


# ---------------------------------------------------------------- memory, kills, start


def measure_memory(scale: float) -> dict:
    """Return the peak memory of the process tree over 10,000 rows and over a hundred times as many."""
    paths = make_pictures("png28", max(50, round(10_000 * scale)))
    peaks = {}
    for repeats in (1, 100):
        listing = write_list(f"memory{repeats}", paths, repeats)
        peak, report = peak_memory(side_command("ours", listing, CACHE / "output" / f"memory{time.time_ns()}")[0])
        n_rows = sum(1 for _ in report.open()) - 1
        peaks[f"{len(paths) * repeats}_rows"] = {"peak_mb": round(peak / 2**20, 1), "n_rows": n_rows}
        assert n_rows == len(paths) * repeats, "a row is missing"
        print(json.dumps(peaks), file=sys.stderr)
    small, large = (peak["peak_mb"] for peak in peaks.values())
    return peaks | {"ratio": round(large / small, 3), "wanted_at_most": 1.2}


def peak_memory(arguments: list[str]) -> tuple[int, Path]:
    """Run a batch; return the highest sum of resident bytes over its processes (from /proc), and its report."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _tree_bytes(process.pid))
        time.sleep(0.05)
    return peak, Path(process.stdout.read().split()[-1])


def _tree_bytes(pid: int) -> int:
    """Return the resident memory of a process and its children."""
    try:
        children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return resident_bytes(pid) + sum(_tree_bytes(int(child)) for child in children.split())


def measure_kills(scale: float, n_kills: int = 20) -> dict:
    """Kill runs at random moments, each then resumed to the end; count the reports that differ from a whole run's."""
    listing = write_list("kills", make_pictures("png28", max(2_000, round(10_000 * scale))))
    whole_s, whole = time_side("ours", listing)
    chance, n_different, n_in_time = random.Random(0), 0, 0
    for n in range(n_kills):
        output = CACHE / "output" / f"kill{time.time_ns()}"
        arguments = side_command("ours", listing, output)[0]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.1, whole_s))
        process.send_signal(signal.SIGKILL)
        n_in_time += process.wait() != 0
        done = subprocess.run([*arguments, "--resume"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        n_different += Path(done.stdout.split()[-1]).read_bytes() != whole.read_bytes()
        print(f"kill {n + 1}: {n_different} reports differ", file=sys.stderr)
    return {"kills": n_kills, "before_the_end": n_in_time, "different_reports": n_different}


def measure_start() -> dict:
    """Return the wall seconds of a batch of one picture, and which heavy packages it imports (there should be none)."""
    one = make_pictures("png28", 1)[0]
    seconds = [time_side("ours", write_list("one", [one]))[0] for _ in range(STARTS)]
    code = "import sys, batch_processor as b; b.main(sys.argv[1:]); print(*sys.modules)"
    options = [str(one), "--output-dir", str(CACHE / "output" / "start")]
    printed = subprocess.check_output([sys.executable, "-c", code, *options], cwd=ROOT, text=True)
    modules = set(printed.splitlines()[-1].split())
    return {"median_s": round(statistics.median(seconds), 3), "wanted_at_most_s": 1.0,
            "heavy_imports": sorted(modules & set(HEAVY))}  # fmt: skip


# ---------------------------------------------------------------- command line


def measure(parts: list[str], scale: float, repetitions: int) -> dict:
    """Return the figures of each part; the limits are held against the speed if that is measured too."""
    result: dict = {}
    if "speed" in parts:
        result["speed"] = measure_speed(scale, repetitions)
    if "limits" in parts:
        result["limits"] = measure_limits(result.get("speed", {}))
    if "memory" in parts:
        result["memory"] = measure_memory(scale)
    if "kills" in parts:
        result["kills"] = measure_kills(scale, 20 if scale == 1 else 3)
    if "start" in parts:
        result["start"] = measure_start()
    return result


@command
def main(argv: list[str] | None = None) -> int:
    """Measure, and write the figures, under another name if it is with a share of the files only."""
    parser = make_parser(__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="share of the files (default: 1)")
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="of every timing (default: 3)")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.side:  # this program, started by itself to be timed
        listing, output = arguments.parts
        SIDES[arguments.side](Path(listing).read_text().split("\n")[:-1], Path(output))
        return 0
    settings = {
        "cores": n_cores(), "scale": arguments.scale, "repetitions": arguments.repetitions,
        "load_at_start": round(os.getloadavg()[0], 2), "instruction_sets": cv2.getCPUFeaturesLine(),
    }  # fmt: skip
    result = settings | measure(arguments.parts or list(PARTS), arguments.scale, arguments.repetitions)
    print(json.dumps(result, indent=1))
    save(result, "batch_throughput" if arguments.scale == 1 else "batch_throughput-part", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
