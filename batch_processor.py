"""Read whole folders, archives, lists and buckets of digits: every file gets its row, a bad one with its reason.

    python batch_processor.py scans/ more.zip --format csv html
    python batch_processor.py exam/ --labels-from-folders --sort-into sorted/

    from batch_processor import BatchProcessor
    processor = BatchProcessor()
    rows = processor.process_folder("./digits/")       # a list of dicts; pandas.DataFrame(rows) is the table
    processor.save_results_csv(); processor.save_results_json(); processor.print_summary()

Rows are journalled as they are computed: after a kill, the same command with --resume goes on where it stopped. A
report with a --name can be brought up to date later: --update reads only what is new or has changed.
Exit status 0: every file was read; 1: finished, but some files could not be read, or a source held no picture; 2: wrong
usage, or nothing at all to read; 130: Ctrl-C.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take their time
    from digits.interrupt import quiet_until_main

    quiet_until_main()

import argparse
import contextlib
import hashlib
import json
import logging
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from digits.batch.entries import Entry
from digits.batch.journal import Journal, plain
from digits.batch.labels import Coverage, Labels, add_truth
from digits.batch.local import n_cores, read_locally
from digits.batch.number_tables import write_tables
from digits.batch.opening import open_run
from digits.batch.report_rows import printable, report_row, report_rows, to_json
from digits.batch.rows import CHUNK, Numbered, RowReader
from digits.batch.skipped import N_NAMED, Skipped
from digits.batch.sorting import sort_into
from digits.batch.sources import STDIN_LINES, STDIN_NULS, kind_of, spool_entries
from digits.batch.stores import URL
from digits.batch.summary import about_run, summarise, summary_text
from digits.batch.writers import WRITERS, check_kind, write_report
from digits.command import UserError, command, disk_sentence, new_parser
from digits.files import ASSETS_DIR, free_path, git_commit
from digits.interrupt import STOPPED
from digits.reading.template import Form, load_form
from digits.reading.verdict import ERROR
from digits.weights import add_model_flag, split_names
from predict import MNISTPredictor

STORE_WORKERS = 16  # object stores make one wait: more threads than cores pay

tqdm.monitor_interval = 0  # no thread besides, so that workers can be forked

Sources = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Tell = Callable[[dict[str, Any]], None]  # takes a row, as a report has it
Keep = Callable[[list[dict[str, Any]]], None]  # takes rows, as the journal has them


@contextlib.contextmanager
def _journal_may_fail() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise UserError(f"the journal cannot be used ({error}); free some space, then continue with --resume") from None


class BatchProcessor:
    """Reads many pictures and writes reports below `output_dir`.

    `model`: as `MNISTPredictor`'s. `workers`: how many decode and read at once (default: one a core). `threshold`: the
    confidence below which a digit is "unsure" (default: the network's own). `number`: read several digits a picture.
    `fields`: the template of a form whose fields are read.
    `engine`: "local", or "ray" with the `ray_address` of a cluster (default: one started on this machine).
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Sequence[str] = "mnistnet",
        output_dir: str | os.PathLike[str] = "predictions",
        workers: int | None = None,
        threshold: float | None = None,
        number: bool = False,
        engine: str = "local",
        ray_address: str | None = None,
        fields: str | os.PathLike[str] | None = None,
    ) -> None:
        if engine not in ("local", "ray"):
            raise UserError(f"there is no engine '{engine}'; choose local or ray")
        if URL.match(os.fspath(output_dir)):
            raise UserError(
                f"reports can only be written to a folder on this machine, not to '{output_dir}'; copy them afterwards"
            )
        if workers is not None and workers < 1:
            raise UserError("there must be at least one worker; leave --workers out for one per core")
        self.output_dir, self.workers, self.number = Path(output_dir), workers, number
        self.engine, self.ray_address = engine, ray_address
        self.journal: Journal | None = None
        self._is_finished = False
        self.summary: dict[str, Any] = {}
        self._form = load_form(fields) if fields else None
        self._open_reader = partial(open_reader, model, threshold, number, self._form)
        self._reader = self._open_reader()
        self._settings: dict[str, Any] = {
            "model": self._reader.predictor.names, "threshold": threshold, "number": number
        }  # fmt: skip
        if form := self._form:
            self._settings |= {"fields": [field.name for field in form.fields], "form": form.fingerprint}

    # ------------------------------------------------------------ reading

    def process_folder(self, folder: str | os.PathLike[str], recursive: bool = True) -> list[dict[str, Any]]:
        """Read every picture in a folder; return the rows, in order of name."""
        return self.process([folder], recursive=recursive)

    def process(self, sources: Sources, **options: Any) -> list[dict[str, Any]]:
        """Read all `sources`, or the one, and return the rows; the options are `run`'s."""
        self.run(sources, **options)
        return list(report_rows(self._require_journal()))

    @_journal_may_fail()
    def run(
        self,
        sources: Sources,
        recursive: bool = True,
        labels: Labels | None = None,
        resume: bool = False,
        name: str | None = None,
        update: bool = False,
        tell: Tell | None = None,
        sorted_into: str | os.PathLike[str] | None = None,
    ) -> dict[str, Any]:
        """Read all `sources`, or the one, into the journal, a row each; return the summary.

        Raises `UserError` if there is nothing to read; the rows of the run before are let go of all the same.

        With `resume`, rows of an interrupted run of the same job are taken over, except of files that have changed.
        The reports are called `name`; with `update` the rows of the last run of that name are taken over likewise, and
        those of files that are gone stay. `tell` hears of every row, as a report has it, once it is safe. The folder
        `sorted_into`, to which the pictures will be copied, is not read where it lies in a source.
        Ctrl-C passes through; the rows until then are kept, and `save` writes them.
        """
        self.close()
        self.summary, self._is_finished = {}, False
        # 1. What is to be read; nothing at all is an error, before and after.
        named = self._names_of(sources, labels, sorted_into)
        coverage = Coverage(labels) if labels is not None and labels.table else None
        skipped = Skipped(sorted_into)
        entries, total = spool_entries(named, recursive, skipped, coverage.meet if coverage else None)
        if total == 0:
            raise UserError("; ".join(skipped.empty) or "there is nothing to read; name a file or a folder")
        if coverage:
            coverage.check()  # before the work
        # 2. The journal, perhaps with rows of a run before.
        job = self._job(named, recursive, labels is not None, name)
        self.journal, log, resumed = open_run(self.output_dir, job, resume, update)
        journal = self.journal
        log.info("reading %s", ", ".join(named))
        # 3. Every file gets its row; however that ends, what there is, is summed up.
        started = (time.time(), time.perf_counter())
        try:
            with tqdm(total=total, unit=" pictures", disable=None, smoothing=0.05, miniters=1) as bar:
                keep = partial(_keep, journal, labels, log, bar, tell)
                numbered = _unread(journal, entries, keep) if resumed else enumerate(entries)
                for rows in self._read(numbered, named, total):
                    keep(rows)
            if name:
                journal.keep_others()
        finally:
            self.summary = self._summarise(journal, started, skipped)
            _log_end(log, skipped, self.summary)
        if not len(journal):
            raise UserError("; ".join(skipped.empty))
        if coverage:
            coverage.check()  # where the files could not be counted before
            self.summary["labels"] = coverage.sentence()
        # 4. The run is at its end: its journal may go once the reports are written.
        self._is_finished = True
        if name:
            journal.finish()
        return self.summary

    def _names_of(
        self, sources: Sources, labels: Labels | None, sorted_into: str | os.PathLike[str] | None
    ) -> list[str]:
        """Return the sources as text. Raises `UserError` if they cannot be read as wanted."""
        if labels and self._form:
            raise UserError("labels are for digits and numbers; leave them out where --fields are read")
        several = [sources] if isinstance(sources, (str, os.PathLike)) else sources
        named = [os.fspath(source) for source in several]
        if sorted_into is not None and os.path.realpath(sorted_into) in map(os.path.realpath, named):
            folder = os.fspath(sorted_into)
            raise UserError(f"the pictures of '{folder}' cannot be sorted into itself; name another folder")
        return named

    def _read(
        self, numbered: Iterator[Numbered], sources: list[str], total: int | None
    ) -> Iterator[list[dict[str, Any]]]:
        if self.engine == "ray":
            from digits.batch.on_ray import read_on_ray

            return read_on_ray(self._open_reader, numbered, self.workers, self.ray_address)
        remote = any(kind_of(source) == "url" for source in sources)
        workers = self.workers or (STORE_WORKERS if remote else n_cores())
        return read_locally(self._open_reader, self._reader, numbered, workers, total)

    # ------------------------------------------------------------ a run's own files

    def _job(self, sources: list[str], recursive: bool, labelled: bool, name: str | None = None) -> dict[str, Any]:
        """Return what decides the rows; its fingerprint tells whether an interrupted run was of the same job."""
        predictor = self._reader.predictor
        networks = [network.facts for network in predictor.engines]
        networks += [predictor.crop_reader().facts, predictor.lookalikes().facts]
        if self.number or self._form:
            networks.append(predictor.number_readers().facts)
        weights = json.dumps(networks, sort_keys=True, default=str)
        job = self._settings | {
            "sources": sources, "folder": os.getcwd(), "recursive": recursive, "labelled": labelled,
            "weights": hashlib.sha256(weights.encode()).hexdigest()[:16],
        } | ({"name": name} if name else {})  # fmt: skip
        deciding = job | {"sources": list(map(plain, sources))}  # in/ and ./in are in
        return job | {"fingerprint": hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]}

    def _summarise(self, journal: Journal, started: tuple[float, float], skipped: Skipped) -> dict[str, Any]:
        """Return the summary; `started` is the time of the clock on the wall, and of one that is never set back."""
        facts, seconds = journal.facts, time.perf_counter() - started[1]
        about = about_run(facts["sources"], facts["model"], dict(skipped), started[0], seconds)
        names = {kind: [printable(name) for name in found] for kind, found in skipped.names.items()}
        about |= {"skipped_names": names, "empty_sources": list(map(printable, skipped.empty))}
        more = {"weights": facts["weights"], "engine": self.engine, "versions": _versions()}
        return summarise(journal) | about | more

    def _require_journal(self) -> Journal:
        if self.journal is None:
            raise UserError("nothing has been read yet; call process_folder first")
        return self.journal

    def save(self, kind: str, path: str | os.PathLike[str] | None = None) -> Path:
        """Write a report, of a kind `--format` takes, below `output_dir`/reports or to `path`; return where it is."""
        check_kind(kind)
        journal = self._require_journal()
        own, is_ours = self.output_dir / "reports" / journal.facts["run"], path is None and "name" in journal.facts
        with self._unfinished_if_it_fails():
            return write_report(journal, self.summary, kind, path or own, replace=is_ours)

    def sort_into(self, directory: str | os.PathLike[str]) -> int:
        """Copy every picture into `directory`/0 … 9, or a folder named by its status; return how many are there."""
        journal = self._require_journal()
        with self._unfinished_if_it_fails():
            return sort_into(journal, Path(directory))

    @contextlib.contextmanager
    def _unfinished_if_it_fails(self) -> Iterator[None]:
        """Keep the journal if what the block writes cannot be written: the rows are nowhere else."""
        was_finished, self._is_finished = self._is_finished, False
        try:
            with _journal_may_fail():
                yield
        except OSError as error:
            raise UserError(f"{disk_sentence(error)}, then continue with {_flag_to_go_on(self.journal)}") from None
        self._is_finished = was_finished

    def save_tables(self) -> Path:
        """Write the numbers of each picture as a table below `output_dir`/tables; return the folder."""
        journal = self._require_journal()
        folder = free_path(self.output_dir / "tables" / journal.facts["run"])
        with self._unfinished_if_it_fails():
            write_tables(journal, folder)
        return folder

    def save_results_csv(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the rows as CSV; return the path."""
        return self.save("csv", path)

    def save_results_json(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write summary and rows as JSON; return the path."""
        return self.save("json", path)

    def print_summary(self) -> None:
        """Print the counts, the rate and, where truth was given, the accuracy."""
        self._require_journal()
        print(summary_text(self.summary))

    def close(self, keep_journal: bool = False) -> None:
        """Let go of the last run; its reports stay, and if it was interrupted, its journal for `resume`."""
        if self.journal is not None:
            is_worthless, is_named = self.journal.is_empty(), "name" in self.journal.facts
            self.journal.close(delete=is_worthless or self._is_finished and not keep_journal and not is_named)
            self.journal = None

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()


def open_reader(
    model: str | os.PathLike[str] | Sequence[str], threshold: float | None, number: bool, form: Form | None = None
) -> RowReader:
    """Return what reads entries in a worker; digits below `threshold`, if one is given, are "unsure"."""
    return RowReader(MNISTPredictor(model, threshold=threshold), number, form)


def _keep(
    journal: Journal,
    labels: Labels | None,
    log: logging.Logger,
    bar: tqdm,
    tell: Tell | None,
    rows: list[dict[str, Any]],
) -> None:
    """Put rows into the journal, with their truth where it is known; log what could not be read."""
    for row in rows:
        if labels is not None:
            add_truth(row, labels.of(row["path"]))
        if row["status"] == ERROR:
            log.warning("%s: %s", ascii(row["path"]), row["error"])
    journal.add(rows)
    if tell:
        for row in rows:
            tell(report_row(row, journal))
    bar.update(len(rows))


def _unread(journal: Journal, entries: Iterable[Entry], keep: Keep) -> Iterator[Numbered]:
    """Yield the entries that an interrupted run has no row of; keep its rows of the others."""
    known = []
    for position, entry in enumerate(entries):
        row = journal.recall(entry)
        if row is None:
            yield position, entry
        else:
            known.append(row | {"position": position})
        if len(known) >= CHUNK:
            keep(known)
            known = []
    keep(known)


def _flag_to_go_on(journal: Journal | None) -> str:
    """Return the flag that goes on with a run: only a named one, read to its end, can be brought up to date."""
    return "--update" if journal is not None and journal.facts.get("finished") else "--resume"


def _log_end(log: logging.Logger, skipped: Skipped, summary: dict[str, Any]) -> None:
    for kind, names in skipped.names.items():
        log.info("skipped, %s: %s%s", kind, ", ".join(map(ascii, names)), ", …" * (skipped[kind] > N_NAMED))
    for sentence in skipped.empty:
        log.warning("%s", sentence)
    log.info(summary_text(summary).replace("\n", "; "))


def _versions() -> dict[str, Any]:
    """Return what the answers depend on."""
    versions = {"python": platform.python_version(), "git_commit": git_commit()}
    for name in ("numpy", "cv2", "PIL", "onnxruntime", "torch"):
        if name in sys.modules:
            versions[name] = sys.modules[name].__version__
    return versions


# ---------------------------------------------------------------- command line


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags. Raises `UserError` for a name that is no name."""
    parser = new_parser(
        "Read many handwritten digits; write a report with a row for every file.",
        "python batch_processor.py scans/ more.zip --format csv html",
        "python batch_processor.py exam/ --labels-from-folders --sort-into sorted/",
    )
    add = parser.add_argument
    add(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="file, folder, glob, .zip, .txt, .csv or .xlsx list, - for stdin, or URL (default: the example drawings)",
    )
    add("-0", "--null", action="store_true", help="names on stdin are separated by NUL, as in find -print0")
    add("--output-dir", default="predictions", metavar="DIR", help="where reports/ and logs/ go (default: predictions)")
    add("--format", nargs="+", choices=list(WRITERS), help="reports (default: csv json; none with --output)")
    add("--output", choices=["-"], help="-: write each row to stdout as a line of JSON, as soon as it is read")
    add("--name", help="what the reports are called (default: batch_ and the time)")
    add(
        "--update",
        action="store_true",
        help="bring the reports of --name up to date: read only new and changed files",
    )
    add_model_flag(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--number", action="store_true", help="read whole numbers: several digits, several lines")
    what.add_argument(
        "--table", action="store_true", help="as --number, and a CSV of rows and columns for each picture"
    )
    what.add_argument(
        "--fields", metavar="FILE", help="read the fields of a form; docs/forms.md describes the template"
    )
    truth = parser.add_mutually_exclusive_group()
    truth.add_argument("--labels", metavar="FILE", help="table with the columns file and label: accuracy, confusions")
    truth.add_argument("--labels-from-folders", action="store_true", help="a picture's folder, 0 to 9, is its label")
    add("--resume", action="store_true", help="continue an interrupted run of the same command")
    add(
        "--sort-into",
        metavar="DIR",
        help="copy the pictures into DIR/0 … DIR/9 (numbers, forms: DIR/ok), unsure, blank, not_a_digit, error",
    )
    add("--threshold", type=float, metavar="X", help="call a digit below this confidence unsure (default: the model's)")
    add("--workers", type=int, metavar="N", help="how many read at once (default: one per core)")
    add("--no-recursive", action="store_true", help="leave subfolders out")
    add(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="ray: on a cluster, see docs/scaling.md (default: local)",
    )
    add("--ray-address", metavar="ADDRESS", help="of a running cluster (default: start one on this machine)")
    arguments = parser.parse_args(argv)
    arguments.model, more = split_names(arguments.model)
    arguments.sources += more
    _refuse_odd_names(arguments.name, arguments.update)
    return arguments


@command
def main(argv: list[str] | None = None) -> int:
    """Read the sources named on the command line and write the reports."""
    arguments = parse_arguments(argv)
    sources = _sources(arguments)
    number = arguments.number or arguments.table
    processor = BatchProcessor(
        arguments.model,
        arguments.output_dir,
        workers=arguments.workers,
        threshold=arguments.threshold,
        number=number,
        engine=arguments.engine,
        ray_address=arguments.ray_address,
        fields=arguments.fields,
    )
    labelled = arguments.labels or arguments.labels_from_folders
    labels = Labels(arguments.labels, number) if labelled else None
    kinds = arguments.format or ([] if arguments.output else ["csv", "json"])
    tell = _print_row if arguments.output else None
    for_people = sys.stderr if arguments.output else sys.stdout
    try:
        processor.run(
            sources,
            recursive=not arguments.no_recursive,
            labels=labels,
            resume=arguments.resume,
            name=arguments.name,
            update=arguments.update,
            tell=tell,
            sorted_into=arguments.sort_into,
        )
        if arguments.sort_into:
            processor.sort_into(arguments.sort_into)
        if arguments.table:
            print(processor.save_tables(), file=for_people)
        reports = [processor.save(kind) for kind in kinds]
    except KeyboardInterrupt:
        return _stopped(processor, kinds, for_people)
    print(summary_text(processor.summary), *reports[::-1], sep="\n", file=for_people)  # the first asked for comes last
    processor.close()
    return int(processor.summary["statuses"][ERROR] > 0 or bool(processor.summary["empty_sources"]))


def _refuse_odd_names(name: str | None, update: bool) -> None:
    if update and not name:
        raise UserError("--update needs --name, the report to bring up to date")
    if name is not None and (Path(name).name != name or name.startswith(".") or not name.isprintable()):
        raise UserError(f"'{name}' is not a file name; --name takes a name without folders, such as inbox")
    if name is not None and Path(name).suffix[1:] in WRITERS:
        raise UserError(f"'{name}' would be a report's file; --name takes a name without an ending, such as inbox")


def _print_row(row: dict[str, Any]) -> None:
    """Write a row to stdout at once, as JSON that any terminal's encoding carries."""
    print(to_json(row, ensure_ascii=True), flush=True)


def _sources(arguments: argparse.Namespace) -> list[str]:
    """Return what is to be read: without a source the example drawings."""
    if arguments.null:
        return [STDIN_NULS if source == STDIN_LINES else source for source in arguments.sources or [STDIN_LINES]]
    if not arguments.sources:
        print("reading the example drawings; name files or folders to read those, see --help", file=sys.stderr)
    return arguments.sources or [str(ASSETS_DIR / "examples")]


def _stopped(processor: BatchProcessor, kinds: list[str], for_people: TextIO) -> int:
    """Write what there is after Ctrl-C, and keep the journal."""
    if processor.journal is None or not len(processor.journal):
        print("stopped before the first row", file=sys.stderr)
        processor.close()
        return STOPPED
    stem = processor.output_dir / "reports" / f"{processor.journal.facts['run']}_partial"
    for path in [processor.save(kind, stem) for kind in kinds][::-1]:
        print(path, file=for_people)
    flag, n_rows = _flag_to_go_on(processor.journal), len(processor.journal)
    print(f"stopped after {n_rows:,} rows; the same command with {flag} goes on", file=sys.stderr)
    processor.close(keep_journal=True)
    return STOPPED


if __name__ == "__main__":
    sys.exit(main())
