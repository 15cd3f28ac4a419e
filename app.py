"""Serve the page and the API: draw a digit, upload one, look inside the network, read a folder.

    python app.py                                  # http://127.0.0.1:7860
    python app.py --model mnistnet --port 8000

Nothing outside this machine is ever contacted. Other machines are served only if you say so: --host with --auth-file,
or --yes-public for a page that anybody may use.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take their time
    from digits.interrupt import quiet_until_main

    quiet_until_main()

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from digits.command import UserError, at_least_one, command, new_parser
from digits.files import ROOT
from digits.finding.limits import MAX_UPLOAD_BYTES
from digits.serving.readers import Readers
from digits.weights import is_path, previous_dir, shipped_models, weights_path
from predict import MNISTPredictor

if TYPE_CHECKING:
    from fastapi import FastAPI

    from digits.corrections import Corrections
    from digits.measuring.explain import Explainer
    from digits.serving.trainer import Trainer

MAX_UPLOAD_MB = MAX_UPLOAD_BYTES // 2**20
TRAINED = "mnistnet"  # the network that the page's training is for, as that of train.py --feedback
LOOPBACK = {"127.0.0.1", "localhost", "::1", "[::1]"}


@command
def main(argv: list[str] | None = None) -> int:
    """Start the server and stay until it is stopped."""
    arguments = parse_arguments(argv)
    users = read_users(arguments.auth_file)
    check_exposure(arguments, users)
    check_folder(arguments.folder)
    sys.setswitchinterval(0.0005)  # ten times the default: a busy reading thread must not keep the next request waiting
    listener = listen(arguments.host, arguments.port)
    app = make_app(arguments, users)
    import uvicorn

    shown = "127.0.0.1" if arguments.host in ("0.0.0.0", "::") else arguments.host
    print(f"http://{shown}:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False)).run([listener])
    return 0


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises `UserError` before anything slow is loaded if the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError):
        raise UserError(f"cannot listen on {host}:{port}; is it in use? Choose another with --port") from None


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags."""
    parser = new_parser(
        "Serve the page and the API.",
        "python app.py",
        "python app.py --host 0.0.0.0 --auth-file users.txt --allow-hosts digits.example.org",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (default: this machine only)")
    parser.add_argument("--port", type=int, default=7860, metavar="N", help="port to serve on (default: 7860)")
    parser.add_argument(
        "--model", nargs="+", metavar="NAME", help="names or .pth files to offer (default: all in models/)"
    )
    parser.add_argument("--auth-file", type=Path, metavar="FILE", help="ask for a password; lines name:password")
    parser.add_argument("--allow-hosts", nargs="+", default=[], metavar="NAME", help="additional host names, or *")
    parser.add_argument(
        "--max-upload-mb",
        type=at_least_one,
        default=MAX_UPLOAD_MB,
        metavar="N",
        help=f"largest file taken (default: {MAX_UPLOAD_MB})",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=ROOT / "feedback",
        metavar="DIR",
        help="where corrections are kept (default: feedback/)",
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="let MCP's classify_folder read below this folder")
    parser.add_argument("--yes-public", action="store_true", help="serve others without a password")
    if space := os.environ.get("SPACE_HOST"):  # a Hugging Face Space: public, behind its own name
        parser.set_defaults(host="0.0.0.0", allow_hosts=[space], yes_public=True)
    return parser.parse_args(argv)


def read_users(path: Path | None) -> dict[str, str]:
    """Return name -> password of an --auth-file; empty if there is none. Raises `UserError`."""
    if path is None:
        return {}
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"the auth file {path} cannot be read; name a text file in UTF-8, lines name:password"
        ) from None
    pairs = [line.partition(":") for line in lines if line and not line.startswith("#")]
    if not pairs or not all(name and password for name, _colon, password in pairs):
        raise UserError(f"each line of {path} must read name:password")
    return {name: password for name, _colon, password in pairs}


def check_folder(folder: Path | None) -> None:
    """Raise `UserError` if there is no such --folder: its tool would refuse every question."""
    if folder is not None and not folder.is_dir():
        raise UserError(f"there is no folder '{folder}'; name one that is there with --folder")


def check_exposure(arguments: argparse.Namespace, users: dict[str, str]) -> None:
    """Refuse to serve strangers without a password unless that was said."""
    if arguments.host in LOOPBACK or users:
        return
    if not arguments.yes_public:
        raise UserError(
            f"--host {arguments.host} lets anybody who reaches this machine use the page; "
            "add --auth-file FILE, or --yes-public if that is what you want"
        )
    print(f"warning: anybody who reaches {arguments.host}:{arguments.port} can use this page", file=sys.stderr)


def display_name(model: str) -> str:
    """Return how a model is called on the page: of a path only the file's name."""
    return Path(model).stem if is_path(model) else model


def make_readers(models: list[str]) -> Readers:
    """Return the models to offer, each opened on first use."""
    named = {display_name(model): model for model in models}
    return Readers(
        list(named),
        open_predictor=lambda names: MNISTPredictor([named[name] for name in names]),
        open_explainer=lambda name: open_explainer(named[name]),
        n_bytes=lambda name: weights_path(named[name]).stat().st_size,
    )


def make_app(arguments: argparse.Namespace, users: dict[str, str]) -> FastAPI:
    """Return the whole application: API, page, and the guard before both. Raises `UserError` for missing weights."""
    be_quiet(arguments.data_dir)
    readers = make_readers(arguments.model or shipped_models())
    readers.predictor().number_readers()  # a missing or damaged file is said now, not at the first visitor's stroke
    from digits.corrections import Corrections
    from digits.serving.api import create_api
    from digits.serving.guard import Guard
    from digits.serving.mcp_tools import add_mcp
    from digits.serving.page.build import mount_page
    from digits.serving.work_queue import Limits

    private = is_private(arguments, users)
    limits = Limits(file_bytes=arguments.max_upload_mb * 2**20, exports_corrections=private)
    corrections = Corrections(arguments.data_dir / "corrections.sqlite")
    trainer = make_trainer(readers, corrections) if private else None
    api = create_api(readers, corrections, limits, trainer)
    add_mcp(api, readers, arguments.folder)
    mount_page(api, readers, private, trainer is not None, limits.file_bytes)
    hosts = LOOPBACK | set(arguments.allow_hosts) | ({arguments.host} - {"0.0.0.0", "::"})
    api.add_middleware(Guard, hosts=hosts, users=users, max_body_bytes=4 * limits.file_bytes)
    return api


def is_private(arguments: argparse.Namespace, users: dict[str, str]) -> bool:
    """Whether nobody is served but those who use this machine, or know a password."""
    return bool(users) or (arguments.host in LOOPBACK and not arguments.allow_hosts)


def make_trainer(readers: Readers, corrections: Corrections) -> Trainer | None:
    """Return what trains the default network on the corrections; None where that or train.py is not here."""
    from digits.serving.trainer import Trainer

    if TRAINED not in readers.names or not (ROOT / "train.py").exists():
        return None
    config = readers.predictor([TRAINED]).engines[0].facts.get("config") or {}
    return Trainer(
        ["train.py", "--model", TRAINED, "--feedback", str(corrections.path.resolve()), "--quick"],
        ["model.py", "--model", TRAINED, "--publish", "previous"],
        weights_path(TRAINED),
        readers.reopen,
        can_go_back=bool(config.get("feedback")) and previous_dir(TRAINED).exists(),
    )


def be_quiet(data_dir: Path) -> None:
    """Tell gradio and its libraries, before they are imported, to call nobody and to keep files to themselves."""
    cache = data_dir / "cache"
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    cache.mkdir(exist_ok=True, mode=0o700)
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False", GRADIO_TEMP_DIR=str(cache),
        HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1",
    )  # fmt: skip


def open_explainer(model: str) -> Explainer:
    """Return what looks inside a model; imports torch, which reading does not need."""
    from digits.measuring.explain import Explainer
    from digits.measuring.nearest import Nearest
    from model import load_model

    weights = weights_path(model)
    network, checkpoint = load_model(weights)
    return Explainer(network, checkpoint.facts(), Nearest.beside(weights))


if __name__ == "__main__":
    sys.exit(main())
