"""The server as a user starts it: flags, refusals, passwords, several models, and silence towards the outside."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import app
from digits.command import UserError
from digits.files import ROOT
from predict import MNISTPredictor
from tests.serving import random_checkpoint, serving


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "app.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_help_ends_with_examples_and_loads_neither_gradio_nor_torch() -> None:
    code = "import sys, app\ntry: app.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print(sorted({'gradio', 'torch', 'fastapi'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.rstrip().endswith("[]"), done.stdout + done.stderr
    assert "python app.py --host" in done.stdout


def test_serving_strangers_without_a_password_must_be_said(tmp_path: Path) -> None:
    done = run("--host", "0.0.0.0", "--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "--auth-file" in done.stderr and "--yes-public" in done.stderr


def test_saying_so_leaves_a_warning(capsys) -> None:
    app.check_exposure(app.parse_arguments(["--host", "0.0.0.0", "--yes-public"]), {})
    assert "anybody" in capsys.readouterr().err
    app.check_exposure(app.parse_arguments(["--host", "0.0.0.0"]), {"ann": "secret"})
    assert capsys.readouterr().err == ""


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--port", str(taken.getsockname()[1]))
    assert done.returncode == 2 and "--port" in done.stderr and done.stderr.count("\n") == 1


def test_a_missing_model_is_one_sentence(tmp_path: Path) -> None:
    done = run("--port", "0", "--model", "nobody", "--data-dir", str(tmp_path))
    assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"name\n", b"name:\n", b":password\n", "zoë:word\n".encode("latin-1")])
def test_an_auth_file_has_names_and_passwords(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "users.txt").write_bytes(content)
    with pytest.raises(UserError, match="name:password"):
        app.read_users(tmp_path / "users.txt")


def test_an_auth_file_may_hold_colons_comments_and_several_users(tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("# ours\nann:se:cret\n\nbob:word\n")
    assert app.read_users(tmp_path / "users.txt") == {"ann": "se:cret", "bob": "word"}


def test_with_a_password_page_api_and_mcp_ask_for_it(tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("ann:secret\n")
    with serving(tmp_path / "data", "--auth-file", str(tmp_path / "users.txt")) as address:
        for path in ("/", "/api/health", "/docs", "/mcp", "/gradio_api/info"):
            assert httpx.get(address + path).status_code == 401, path
        assert httpx.get(address + "/api/health", auth=("ann", "wrong")).status_code == 401
        assert httpx.get(address + "/api/health", auth=("eve", "")).status_code == 401
        assert httpx.get(address + "/api/health", auth=("ann", "secret")).status_code == 200
        assert httpx.get(address + "/", auth=("ann", "secret")).status_code == 200
    assert stat.S_IMODE((tmp_path / "data" / "cache").stat().st_mode) == 0o700


def test_several_models_vote_and_a_path_shows_only_its_name(tmp_path: Path, predictor, examples) -> None:
    second = random_checkpoint(tmp_path / "second.pth")
    with serving(tmp_path / "data", "--model", "mnistnet", str(second)) as address:
        models = httpx.get(address + "/api/models")
        assert [model["name"] for model in models.json()] == ["mnistnet", "second"]
        assert str(tmp_path) not in models.text and str(tmp_path) not in httpx.get(address).text
        files = {"files": ("3.png", examples[3].read_bytes())}
        asked = [["mnistnet"], ["second"], ["mnistnet", "second"]]
        answers = [httpx.post(address + "/api/predict", params={"model": names}, files=files).json() for names in asked]
    one, two, both = (answer["rows"][0]["p3"] for answer in answers)
    assert one == pytest.approx(predictor.predict(examples[3]).probs[3], abs=1e-5)
    voted = MNISTPredictor(["mnistnet", str(second)]).predict(examples[3]).probs[3]
    assert both == pytest.approx(voted, abs=1e-5)
    assert both == pytest.approx((one + two) / 2, abs=0.01)  # but for the second look, which each vote decides on
    assert answers[2]["model"] == ["mnistnet", "second"]


def test_a_public_page_hands_out_no_corrections(tmp_path: Path, examples) -> None:
    flags = ["--host", "0.0.0.0", "--yes-public"]
    with serving(tmp_path, *flags) as address:
        file = {"file": ("1.png", examples[1].read_bytes())}
        kept = httpx.post(address + "/api/feedback", files=file, data={"label": "7"})
        assert kept.status_code == 200
        assert httpx.get(address + "/api/feedback/export").status_code == 403


def test_allowed_hosts_are_answered(tmp_path: Path) -> None:
    with serving(tmp_path, "--allow-hosts", "digits.example.org") as address:
        statuses = {
            host: httpx.get(address + "/api/health", headers={"Host": host}).status_code
            for host in ("digits.example.org", "DIGITS.example.org:443", "localhost:1", "other.example.org")
        }
    assert list(statuses.values()) == [200, 200, 200, 421]


LISTEN = """
import json, socket, sys
asked = []
look_up, connect = socket.getaddrinfo, socket.socket.connect
socket.getaddrinfo = lambda host, *rest, **more: (asked.append(str(host)), look_up(host, *rest, **more))[1]
def connecting(self, address):
    asked.append(str(address[0] if isinstance(address, tuple) else "local"))
    return connect(self, address)
socket.socket.connect = connecting
import pathlib, time, httpx
from tests.serving import serving
with serving(pathlib.Path(sys.argv[1])) as address:
    for path in "/ /config /docs /api/models /gradio_api/info /theme.css /gradio_api/startup-events".split():
        httpx.get(address + path)
    httpx.post(address + "/api/predict", files={"files": open("assets/examples/1.png", "rb")})
    time.sleep(1)
print(json.dumps(sorted(set(asked))))
"""


def test_nothing_outside_is_looked_up_or_contacted(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LISTEN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    asked = set(json.loads(done.stdout.splitlines()[-1]))
    assert asked <= {"127.0.0.1", "localhost", "local", "::1"}


def test_as_a_space_it_serves_the_public_under_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_HOST", "somebody-digits.hf.space")
    arguments = app.parse_arguments([])
    assert (arguments.host, arguments.yes_public) == ("0.0.0.0", True)
    assert arguments.allow_hosts == ["somebody-digits.hf.space"]


# ---------------------------------------------------------------- the container


def instructions(path: Path) -> list[tuple[str, str]]:
    """Return (instruction, arguments) of a Containerfile, continued lines joined."""
    lines = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip() and not line.startswith("#")]


def test_the_container_gets_files_that_exist_a_user_and_a_health_check() -> None:
    told = instructions(ROOT / "Containerfile")
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [name for verb, rest in told if verb == "COPY" and "--from" not in rest for name in rest.split()[:-1]]
    assert set(copied) == allowed and all((ROOT / name).exists() for name in copied)
    final = dict(told)
    assert final["USER"] != "root" and final["VOLUME"] == "/data" and "/api/health" in final["HEALTHCHECK"]
    app.parse_arguments([*json.loads(final["ENTRYPOINT"])[2:], *json.loads(final["CMD"])])


SERVE_WITHOUT = """
import pathlib, re, sys
left_out = re.search(r"/\\^\\((.+?)\\)", pathlib.Path("Containerfile").read_text())[1].split("|")
sys.modules |= dict.fromkeys(left_out)  # importing one fails
import httpx
from tests.serving import serving
picture = pathlib.Path("assets/examples/3.png").read_bytes()
with serving(pathlib.Path(sys.argv[1])) as address:
    for route, field in {"predict": "files", "read-number": "file", "explain": "file"}.items():
        answer = httpx.post(f"{address}/api/{route}", files={field: ("3.png", picture)}, timeout=60)
        print(route, answer.status_code)
    print(len(left_out), httpx.get(address).status_code)
"""


def test_what_the_container_leaves_out_is_not_needed_to_serve(tmp_path: Path) -> None:
    code = [sys.executable, "-c", SERVE_WITHOUT, str(tmp_path)]
    done = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.stdout.splitlines() == ["predict 200", "read-number 200", "explain 200", "4 200"], done.stderr


def test_a_folder_that_is_not_there_is_said_at_start(tmp_path):
    done = run("--port", "0", "--folder", str(tmp_path / "nope"))
    assert (
        done.returncode == 2 and done.stderr.startswith("error: there is no folder '") and done.stderr.count("\n") == 1
    )
