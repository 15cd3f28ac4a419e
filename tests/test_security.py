"""The known holes of what the server is built on, each tried: files, links, paths, hosts, archives, sheets, pickles.

The same doors are tried elsewhere too: see the table under "Security" in docs/reliability.md.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from batch_processor import BatchProcessor
from digits.command import UserError
from digits.files import ROOT

PNG = ROOT / "assets" / "examples" / "3.png"


def raw(address: str, target: str, headers: str = "Host: 127.0.0.1\r\n") -> tuple[int, str]:
    """Ask for a target exactly as written, which clients would tidy up; return status and the whole answer."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")
    return int(answer.split()[1]), answer


# ---------------------------------------------------------------- files of the server

SECRETS = ["/etc/passwd", str(ROOT / "app.py"), "app.py", "../../../../etc/passwd", "/proc/self/environ"]


@pytest.mark.parametrize("path", SECRETS)
def test_gradio_hands_out_no_file_of_the_server(address: str, path: str) -> None:
    for route in ("file=", "file/", "stream/1/1/", "static/", "assets/", "custom_component/x/x/"):
        status, answer = raw(address, f"/gradio_api/{route}{path}")
        assert status in (403, 404, 405, 422), (route, answer[:200])
        assert "root:" not in answer and "argparse" not in answer


CLIMBS = "../app.py ..%2fapp.py %2e%2e/app.py ..%5capp.py ....//app.py %252e%252e%252fapp.py //etc/passwd".split()
FOLDERS = "examples figures gradio_api/static gradio_api/theme.css assets static static-offline-docs api".split()


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_path_leads_out_of_a_served_folder(address: str, folder: str) -> None:
    for climb in CLIMBS:
        status, answer = raw(address, f"/{folder}/{climb}")
        assert status != 200 or "argparse" not in answer and "root:" not in answer, (folder, climb)


def test_an_uploads_name_leads_nowhere(address: str, data_dir: Path) -> None:
    for name in ("../../../outside.png", "/tmp/outside.png", "..\\..\\outside.png", "a/../../../../outside.png"):
        answer = httpx.post(f"{address}/gradio_api/upload", files={"files": (name, PNG.read_bytes())})
        if answer.status_code == 200:
            (path,) = answer.json()
            assert Path(path).resolve().is_relative_to((data_dir / "cache").resolve()) and ".." not in Path(path).parts
    outside = [*data_dir.parent.glob("outside*"), *Path("/tmp").glob("outside*"), *ROOT.glob("outside*")]
    assert not outside


# ---------------------------------------------------------------- other servers


@pytest.fixture
def witness() -> Iterator[tuple[str, list[str]]]:
    """A server of the inner network, and the addresses from which it was asked."""
    asked: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    done = threading.Event()

    def listen() -> None:
        while not done.is_set():
            try:
                connection, _address = listener.accept()
            except TimeoutError:
                continue
            asked.append(connection.recv(200).decode("latin-1").split("\r\n")[0])
            connection.close()

    thread = threading.Thread(target=listen)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/secret.png", asked
    done.set()
    thread.join()
    listener.close()


def test_no_link_is_ever_fetched(address: str, witness: tuple[str, list[str]]) -> None:
    """Server-side request forgery: every way in which a client may name an address."""
    link, asked = witness
    file = {"path": link, "url": link, "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
    with httpx.Client(base_url=address, timeout=20) as client:
        for data in (file, {"path": link}, {"url": link, "path": ""}, link, [file]):
            for name in ("predict", "read_number"):
                client.post(f"/gradio_api/run/{name}", json={"data": [data]})
                client.post(f"/gradio_api/call/{name}", json={"data": [data]})
            client.post("/gradio_api/queue/join", json={"data": [data], "fn_index": 0, "session_hash": "x"})
            client.post("/gradio_api/run/predict", json={"data": [data], "fn_index": 0})
        for target in ("file=", "proxy=", "proxy/", "login/huggingface?_target_url="):
            raw(address, f"/gradio_api/{target}{link}")
        for field in ("files", "file"):
            client.post("/api/predict", data={field: link})
            client.post("/api/read-number", data={field: link})
        client.get("/", headers={"Host": link.split("/")[2], "X-Forwarded-Host": link.split("/")[2]})
    assert asked == []


# ---------------------------------------------------------------- browsers


TARGETS = """//evil.example //evil.example/.. /%2f%2fevil.example /\\evil.example /docs//evil.example
    /gradio_api/login/huggingface?_target_url=https://evil.example /?__theme=//evil.example
    /logout?_target_url=//evil.example /examples//evil.example/ /api//evil.example/""".split()


@pytest.mark.parametrize("target", TARGETS)
def test_no_redirect_leads_to_another_site(address: str, target: str) -> None:
    status, answer = raw(address, target)
    head = answer.split("\r\n\r\n")[0].lower()
    locations = [line.split(":", 1)[1].strip() for line in head.splitlines() if line.startswith("location:")]
    assert {urlsplit(where.replace("\\", "/")).hostname for where in locations} <= {None, "127.0.0.1"}, locations


@pytest.mark.parametrize("path", "/ /config /api/health /docs /mcp /examples/1.png /gradio_api/info".split())
def test_a_foreign_host_name_is_refused_everywhere(address: str, path: str) -> None:
    """DNS rebinding: a name that somebody let point to this machine."""
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil.example", ""):
        status, answer = raw(address, path, f"Host: {host}\r\n")
        assert status == 400 or status == 421 and "x-content-type-options: nosniff" in answer.lower(), host
    twice = "Host: 127.0.0.1\r\nHost: evil.example\r\n"
    assert raw(address, path, twice)[0] in (400, 421)


NASTY = "<img src=x onerror=alert(1)>\"'&.png"


def test_a_file_name_is_no_html_in_an_answer(address: str) -> None:
    answer = httpx.post(f"{address}/api/predict", files={"files": (NASTY, PNG.read_bytes())})
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    row = {"path": NASTY, "status": "ok", "digit": 3, "confidence": 0.9}
    page = httpx.post(f"{address}/api/report?kind=html", json=answer.json()["rows"]).text
    assert "<img src=x" not in page and row["path"].split("/")[-1][1:4] in page
    for path in (f"/api/{NASTY}", f"/{NASTY}", f"/figures/{NASTY}"):
        answer = httpx.get(address + path)
        assert "text/html" not in answer.headers["content-type"] or "<img src=x" not in answer.text


@pytest.mark.browser
def test_a_file_name_is_no_html_on_the_page(address: str, chromium, tmp_path: Path) -> None:
    (tmp_path / NASTY).write_bytes(PNG.read_bytes())
    page = chromium.new_page()
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.goto(address)
    page.get_by_role("tab").nth(1).click()
    page.locator("input[type=file]:not([webkitdirectory])").locator("visible=true").or_(
        page.locator("input[type=file]")
    ).first.set_input_files(tmp_path / NASTY)
    page.wait_for_timeout(1500)
    assert page.locator("img[src='x']").count() == 0 and not alerts
    page.close()


# ---------------------------------------------------------------- archives and sheets


def test_a_member_that_climbs_is_copied_by_its_last_name_only(tmp_path: Path) -> None:
    """Zip slip: nothing is unpacked, and what --sort-into copies stays below its folder."""
    names = ["../../climbed.png", "/absolute.png", "a/../../b.png", "a\\..\\..\\back.png", "C:\\c.png"]
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name in names:
            archive.writestr(name, PNG.read_bytes())
    before = {path for path in tmp_path.parent.rglob("*") if not path.is_relative_to(tmp_path)}
    processor = BatchProcessor(output_dir=tmp_path / "out")
    processor.run([tmp_path / "evil.zip"])
    processor.sort_into(tmp_path / "sorted" / "here")
    processor.save("html"), processor.close()
    assert {path for path in tmp_path.parent.rglob("*") if not path.is_relative_to(tmp_path)} == before
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    assert len(found) == len(names) and all(name.startswith("sorted/here/3/") for name in found)


FORMULAS = ["=cmd|'/c calc'!A1.png", "+1+1.png", "-1.png", "@SUM(1).png", "\t=1.png"]


def test_a_report_from_the_page_is_no_program_to_a_spreadsheet(address: str) -> None:
    row = {"status": "ok", "digit": 3, "confidence": 0.9}
    answer = httpx.post(f"{address}/api/report?kind=csv", json=[row | {"path": name} for name in FORMULAS])
    assert answer.status_code == 200, answer.text
    paths = [row["path"] for row in csv.DictReader(io.StringIO(answer.text, newline=""))]
    assert paths == ["'" + name for name in FORMULAS]


# ---------------------------------------------------------------- code in data


class Owned:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("form", ["weights", "whole file", "state of a run"])
def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path, form: str) -> None:
    import torch

    import train
    from predict import MNISTPredictor

    evil, mark = Owned(tmp_path / "owned"), tmp_path / "owned"
    torch.save({"model_state_dict": {"0.weight": evil}} if form == "weights" else evil, tmp_path / "w.pth")
    with pytest.raises(UserError):
        MNISTPredictor(tmp_path / "w.pth")
    (tmp_path / "config.json").write_text(json.dumps({}))
    torch.save(evil, tmp_path / "state.pt")
    with pytest.raises(UserError):
        train.read_run(tmp_path, train.Settings)
    assert not mark.exists()


RUNS_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
ELSEWHERE = {".venv", ".venv-docs", "node_modules", "data", "outputs"}
SOURCES = [path for path in ROOT.rglob("*.py") if not ELSEWHERE & set(path.relative_to(ROOT).parts)]


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def loads_code(name: str, call: ast.Call) -> bool:
    """Whether a call may run what a data file says."""
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if name in ("torch.load", "load_state_dict_from_url", "torch.hub.load_state_dict_from_url"):
        return given.get("weights_only") != "True"
    if name in ("np.load", "numpy.load"):
        return given.get("allow_pickle", "False") != "False"
    risky = ("yaml.load", "torch.hub.load", "torch.jit.load", "pd.read_pickle", "pandas.read_pickle")
    return name in ("eval", "exec", "os.system", "os.popen", *risky) or given.get("shell") == "True"


@pytest.mark.parametrize("path", [path for path in SOURCES if "tests" not in path.parts], ids=lambda path: path.name)
def test_no_program_runs_what_a_file_says(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    imported = {alias.name.split(".")[0] for node in imports for alias in node.names}
    imported |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & RUNS_CODE
    assert not [f"line {call.lineno}: {name}" for name, call in calls(tree) if loads_code(name, call)]


@pytest.mark.parametrize("line", ["torch.load(p)", "torch.load(p, weights_only=False)", "np.load(p, allow_pickle=True)",
                                  "eval(x)", "subprocess.run(x, shell=True)"])  # fmt: skip
def test_the_search_finds_what_it_is_for(line: str) -> None:
    assert [name for name, call in calls(ast.parse(line)) if loads_code(name, call)]


# ---------------------------------------------------------------- what is kept is private


def test_what_the_server_keeps_is_its_owners_alone(address: str, data_dir: Path) -> None:
    picture = ("3.png", PNG.read_bytes())
    assert httpx.post(f"{address}/api/feedback", files={"file": picture}, data={"label": 8}).status_code == 200
    assert httpx.post(f"{address}/gradio_api/upload", files={"files": picture}).status_code == 200
    modes = {path.relative_to(data_dir): stat.S_IMODE(path.stat().st_mode) for path in data_dir.rglob("*")}
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert modes[Path("cache")] == 0o700 and modes[Path("corrections.sqlite")] == 0o600


# ---------------------------------------------------------------- nothing is told to anybody


@pytest.mark.parametrize("program", ["predict.py", "batch_processor.py"])
def test_reading_leaves_nothing_at_home(program: str, tmp_path: Path) -> None:
    """Newer versions of ONNX Runtime would keep a number of this machine there, and a report to their makers."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    command = [sys.executable, str(ROOT / program), str(PNG), "--number"]
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    done = subprocess.run(command, cwd=work, env=env | {"HOME": str(home)}, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not list(home.rglob("*"))
