"""Read whole folders, archives, lists and buckets of digits: every file gets its row, a bad one with its reason.

    python batch_processor.py scans/ more.zip --format csv html
    python batch_processor.py exam/ --labels-from-folders --sort-into sorted/

    from batch_processor import BatchProcessor
    processor = BatchProcessor()
    rows = processor.process_folder("./digits/")       # a list of dicts; pandas.DataFrame(rows) is the table
    processor.save_results_csv(); processor.save_results_json(); processor.print_summary()

Rows are journalled as they are computed: after a kill, the same command with --resume goes on where it stopped. Exit status
0: every file was read; 1: finished, but some files could not be read; 2: wrong usage; 130: stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from digits.journal import Journal, find_unfinished
from digits.reports import WRITERS, report_rows, summarise, summary_text, write_report
from digits.rows import Labels, RowReader, add_truth
from digits.sources import Entry, count_entries, find_entries
from digits.status import ERROR
from predict import MNISTPredictor
from utils import UserError, command, git_commit, start_log

CHUNK = 64  # pictures a worker reads at once; the network gains little from more


class BatchProcessor:
    """Reads many pictures with one predictor and writes reports below `output_dir`.

    `model`: as `MNISTPredictor`'s. `workers`: threads that decode and read (default: one a core). `threshold`: the
    confidence below which a digit is "unsure" (default: the network's own). `number`: read several digits a picture.
    """

    def __init__(
        self,
        model: str | os.PathLike | Sequence[str] = "mnistnet",
        output_dir: str | os.PathLike = "predictions",
        workers: int | None = None,
        threshold: float | None = None,
        number: bool = False,
    ) -> None:
        self.model, self.output_dir, self.number = model, Path(output_dir), number
        self.workers = workers or _n_cores()
        self.threshold = threshold
        self.predictor = open_predictor(model, threshold)
        self.journal: Journal | None = None
        self.summary: dict = {}
        self.skipped: Counter = Counter()

    # ------------------------------------------------------------ reading

    def process_folder(self, folder: str | os.PathLike, recursive: bool = True) -> list[dict]:
        """Read every picture in a folder; return the rows, in order of name."""
        return self.process([folder], recursive=recursive)

    def process(self, sources: Sequence[str | os.PathLike], **options) -> list[dict]:
        """Read all `sources` and return the rows; the options are `run`'s."""
        self.run(sources, **options)
        return list(report_rows(self._done()))

    def run(
        self,
        sources: Sequence[str | os.PathLike],
        recursive: bool = True,
        labels: Labels | None = None,
        resume: bool = False,
    ) -> dict:
        """Read all `sources` into the journal, a row each, and return the summary. Raises `UserError` if there are none.

        With `resume`, rows of an interrupted run of the same job are taken over, except of files that have changed.
        """
        sources = [os.fspath(source) for source in sources]
        total = count_entries(sources, recursive)
        if total == 0:
            raise UserError(f"there is no picture in {', '.join(sources)}")
        self.close()
        self.skipped = Counter()
        started, cpu_started = time.time(), time.perf_counter()
        self.journal, log = self._open_run(self._job(sources, recursive, labels is not None), resume)
        log.info("reading %s: %s", ", ".join(sources), "unknown number of pictures" if total is None else f"{total} pictures")
        entries = find_entries(sources, recursive, self.skipped)
        n_read = 0
        try:
            with tqdm(total=total, unit="picture", disable=None, smoothing=0.05) as bar:
                for rows, n_new in self._rows(entries, total, resume):
                    _keep(self.journal, rows, labels, log)
                    n_read += n_new
                    bar.update(len(rows))
        finally:
            seconds = time.perf_counter() - cpu_started
            self.summary = self._summarise(started, seconds, n_read)
            log.info(summary_text(self.summary).replace("\n", "; "))
        if not len(self.journal):
            raise UserError(f"there is no picture in {', '.join(sources)}")
        return self.summary

    def _rows(self, entries: Iterable[Entry], total: int | None, resume: bool) -> Iterator[tuple[list[dict], int]]:
        """Yield (rows of one chunk in input order with their positions, how many of them were read just now)."""
        position = 0
        chunks = _chunks(entries, _chunk_size(total, self.workers))
        recall = self.journal.recall if resume else lambda _entry: None
        for known, fresh in run_in_threads(RowReader(self.predictor, self.number), chunks, self.workers, recall):
            answers = iter(fresh)
            rows = [row or next(answers) for row in known]
            for row in rows:
                row["position"] = position
                position += 1
            yield rows, len(fresh)

    # ------------------------------------------------------------ the run's files

    def _job(self, sources: list[str], recursive: bool, labelled: bool) -> dict:
        facts = json.dumps([engine.facts for engine in self.predictor.engines], sort_keys=True, default=str)
        job = {
            "sources": sources, "folder": os.getcwd(), "recursive": recursive, "labelled": labelled,
            "number": self.number, "model": self.predictor.names, "threshold": self.threshold,
            "weights": hashlib.sha256(facts.encode()).hexdigest()[:16],
        }  # fmt: skip
        return job | {"fingerprint": hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:16]}

    def _open_run(self, job: dict, resume: bool):
        logs = self.output_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        found = find_unfinished(logs, job["fingerprint"]) if resume else None
        if found:
            journal, log = Journal(found), start_log(found.with_suffix(".log"), "batch")
            journal.begin_again()
            log.info("resumed: %d rows are there already", journal.select("SELECT count(*) FROM earlier")[0][0])
            return journal, log
        stem = _reserve(logs, self.output_dir / "reports")
        log = start_log(stem.with_suffix(".log"), "batch")
        if resume:
            log.info("there was no interrupted run of this job to resume; starting anew")
        return Journal(stem.with_suffix(".journal"), job | {"run": stem.name}), log

    def _summarise(self, started: float, seconds: float, n_read: int) -> dict:
        facts = self.journal.facts
        return summarise(self.journal) | {
            "skipped": dict(self.skipped),
            "sources": facts["sources"],
            "model": facts["model"],
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(started)),
            "seconds": round(seconds, 3),
            "n_read": n_read,
            "versions": _versions(),
        }

    def _done(self) -> Journal:
        if self.journal is None:
            raise UserError("nothing has been read yet; call process_folder first")
        return self.journal

    def save(self, kind: str, path: str | os.PathLike | None = None) -> Path:
        """Write a report (csv, json, html or parquet) below `output_dir`/reports, or to `path`; return where it is."""
        journal = self._done()
        stem = Path(path).with_suffix("") if path else self.output_dir / "reports" / journal.facts["run"]
        return write_report(journal, self.summary, kind, stem)

    def save_results_csv(self, path: str | os.PathLike | None = None) -> Path:
        """Write the rows as CSV; return the path."""
        return self.save("csv", path)

    def save_results_json(self, path: str | os.PathLike | None = None) -> Path:
        """Write summary and rows as JSON; return the path."""
        return self.save("json", path)

    def print_summary(self) -> None:
        """Print the counts, the rate and, where truth was given, the accuracy."""
        self._done()
        print(summary_text(self.summary))

    def close(self, keep_journal: bool = False) -> None:
        """Let go of the last run's journal; its reports stay."""
        if self.journal is not None:
            self.journal.close(delete=not keep_journal)
            self.journal = None

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()


def open_predictor(model, threshold: float | None = None) -> MNISTPredictor:
    """Return a predictor whose digits are "unsure" below `threshold`, if one is given."""
    predictor = MNISTPredictor(model)
    if threshold is not None:
        facts = predictor.engines[0].facts
        facts["thresholds"] = facts.get("thresholds", {}) | {"unsure_confidence": threshold}
    return predictor


# ---------------------------------------------------------------- the local engine


def run_in_threads(
    read: Callable[[list[Entry]], list[dict]],
    chunks: Iterable[list[Entry]],
    workers: int,
    recall: Callable[[Entry], dict | None],
) -> Iterator[tuple[list[dict | None], list[dict]]]:
    """Yield, for each chunk in order, (what `recall` knew of it, the rows read for what it did not know).

    A few chunks are under way at once, never more, so that memory does not grow with the number of files.
    """
    with ThreadPoolExecutor(workers) as pool:
        under_way: deque = deque()
        try:
            for chunk in chunks:
                known = [recall(entry) for entry in chunk]
                unknown = [entry for entry, row in zip(chunk, known, strict=True) if row is None]
                under_way.append((known, pool.submit(read, unknown)))
                if len(under_way) > 2 * workers:
                    known, future = under_way.popleft()
                    yield known, future.result()
            for known, future in under_way:
                yield known, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _chunks(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    entries = iter(entries)
    while chunk := list(islice(entries, size)):
        yield chunk


def _chunk_size(total: int | None, workers: int) -> int:
    """Small jobs are spread over all workers; an unknown number starts showing rows soon."""
    return CHUNK // 4 if total is None else max(1, min(CHUNK, total // (2 * workers)))


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---------------------------------------------------------------- small things of a run


def _keep(journal: Journal, rows: list[dict], labels: Labels | None, log) -> None:
    for row in rows:
        if labels is not None:
            add_truth(row, labels.of(Entry(row["path"])))
        if row["status"] == ERROR:
            log.warning("%s: %s", ascii(row["path"]), row["error"])
    journal.add(rows)


def _reserve(logs: Path, reports: Path) -> Path:
    """Return logs/batch_<time>, a name that no other run and no report has."""
    base, n = time.strftime("batch_%Y%m%d_%H%M%S"), 1
    while True:
        name = base if n == 1 else f"{base}-{n}"
        with contextlib.suppress(FileExistsError):
            if not list(reports.glob(f"{name}.*")):
                (logs / f"{name}.log").touch(exist_ok=False)
                return logs / name
        n += 1


def _versions() -> dict:
    """Return what the answers depend on."""
    import cv2
    import numpy
    import PIL

    versions = {"python": platform.python_version(), "numpy": numpy.__version__, "pillow": PIL.__version__}
    versions["opencv"] = cv2.__version__
    for name in ("onnxruntime", "torch"):
        if name in sys.modules:
            versions[name] = sys.modules[name].__version__
    return versions | {"git_commit": git_commit()}


# ---------------------------------------------------------------- command line


@command
def main(argv: list[str] | None = None) -> int:
    """Read the sources named on the command line and write the reports."""
    arguments = _parser().parse_args(argv)
    processor = BatchProcessor(
        arguments.model, arguments.output_dir, arguments.workers, arguments.threshold
    )
    labels = Labels(arguments.labels) if arguments.labels or arguments.labels_from_folders else None
    processor.run(arguments.sources, not arguments.no_recursive, labels, arguments.resume)
    processor.print_summary()
    for path in [processor.save(kind) for kind in arguments.format][::-1]:
        print(path)
    processor.close()
    return int(processor.summary["statuses"][ERROR] > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Read many handwritten digits; write a report with a row for every file.",
        epilog="examples:\n  python batch_processor.py scans/ more.zip --format csv html\n"
        "  python batch_processor.py exam/ --labels-from-folders",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="file, folder, glob, .zip, .txt or .csv list, - or URL")
    parser.add_argument("--output-dir", default="predictions", metavar="DIR", help="reports/ and logs/ go here")
    parser.add_argument("--format", nargs="+", default=["csv", "json"], choices=list(WRITERS), help="default: csv json")
    parser.add_argument("--model", nargs="+", default=["mnistnet"], metavar="NAME", help="one, or several to vote")
    truth = parser.add_mutually_exclusive_group()
    truth.add_argument("--labels", metavar="FILE", help="CSV with the columns file and label: accuracy and confusions")
    truth.add_argument("--labels-from-folders", action="store_true", help="a picture's folder, 0 to 9, is its label")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run of the same command")
    parser.add_argument("--threshold", type=float, metavar="X", help="call digits below this confidence unsure")
    parser.add_argument("--workers", type=int, metavar="N", help="default: one a core")
    parser.add_argument("--no-recursive", action="store_true", help="leave subfolders out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
