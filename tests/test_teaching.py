"""Training from the page: one at a time, stopped or killed without a trace, served if no worse, and back again."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from digits.command import UserError
from digits.corrections import Corrections
from digits.files import ROOT
from digits.serving import trainer as trainer_module
from digits.serving.trainer import Busy, Trainer, seconds_left, thin
from tests.browsing import keep_picture, open_page, to_pixels
from tests.serving import serving

# ---------------------------------------------------------------- small programs in the training's place

HEAD = "import json, pathlib, subprocess, sys, time; here = pathlib.Path(__file__).parent\n"
RUN = "run = here / 'runs' / sys.argv[-1]; run.mkdir(parents=True); (run / 'state.pt').touch()\n"
WAIT = (
    HEAD + RUN + "helper = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "(here / 'pids.tmp').write_text(f'{__import__(\"os\").getpid()} {helper.pid}')\n"
    "(here / 'pids.tmp').rename(here / 'pids'); time.sleep(600)\n"
)
COMPARED = "(run / 'comparison.json').write_text(json.dumps({'why': sys.argv[1], 'sets': []}))\n"
PUBLISH = "(here / 'weights').write_bytes(b'new')\n"
REFUSE = "print('a warning\\nerror: there is no room', file=sys.stderr); sys.exit(2)\n"
BACK = HEAD + "(here / 'weights').write_bytes(b'old')\n"


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Trainer]]:
    """Make a trainer of a program's text, with `weights` in the test's folder; it is stopped in the end."""
    monkeypatch.setattr(trainer_module, "RUNS_DIR", tmp_path / "runs")
    (tmp_path / "weights").write_bytes(b"old")
    (tmp_path / "back.py").write_text(BACK)
    made: list[Trainer] = []

    def make(program: str, published: Callable[[], None] = lambda: None) -> Trainer:
        (tmp_path / "train.py").write_text(program)
        weights = tmp_path / "weights"
        made.append(Trainer([str(tmp_path / "train.py"), "measured"], [str(tmp_path / "back.py")], weights, published))
        return made[-1]

    yield make
    for trainer in made:
        trainer.stop()


def wait(until: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "this takes too long"
        time.sleep(0.05)


def pids(folder: Path) -> list[int]:
    """Return the processes of the program that waits: itself and its helper."""
    wait((folder / "pids").exists)
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def ended(trainer: Trainer) -> Trainer:
    wait(lambda: trainer.state != "training")
    return trainer


def test_the_second_has_to_wait_and_nobody_goes_back_meanwhile(make, tmp_path: Path) -> None:
    trainer = make(WAIT)
    trainer.start()
    with pytest.raises(Busy, match="wait until it has ended"):
        trainer.start()
    with pytest.raises(Busy):
        trainer.go_back()
    pids(tmp_path)
    trainer.stop()
    trainer.start()  # and then it may


def test_stopping_ends_the_training_and_its_helpers_and_leaves_nothing(make, tmp_path: Path) -> None:
    trainer = make(WAIT)
    trainer.start()
    running = pids(tmp_path)
    trainer.stop()
    assert trainer.state == "stopped" and not trainer.can_go_back
    wait(lambda: not any(map(is_alive, running)))
    assert (tmp_path / "weights").read_bytes() == b"old" and not list((tmp_path / "runs").iterdir())


def test_a_killed_training_is_told_and_its_helpers_end_with_it(make, tmp_path: Path, capfd) -> None:
    trainer = make(WAIT)
    trainer.start()
    running = pids(tmp_path)
    os.kill(running[0], signal.SIGKILL)
    assert ended(trainer).state == "failed" and "before its time" in trainer.why
    wait(lambda: not any(map(is_alive, running)))
    assert (tmp_path / "weights").read_bytes() == b"old"


SERVER = """
import pathlib, sys, time; from digits.serving import trainer; folder = pathlib.Path(sys.argv[1])
trainer.RUNS_DIR = folder / "runs"
trainer.Trainer([str(folder / "train.py")], [], folder / "weights", print).start(); time.sleep(600)
"""


def test_a_killed_server_takes_its_training_along(make, tmp_path: Path) -> None:
    make(WAIT)
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path)], cwd=ROOT)
    running = pids(tmp_path)
    server.kill()
    server.wait()
    wait(lambda: not any(map(is_alive, running)))


def test_what_a_training_says_against_it_is_told(make, capfd) -> None:
    trainer = make(HEAD + REFUSE)
    trainer.start()
    assert (ended(trainer).state, trainer.why) == ("failed", "there is no room")
    assert "a warning" in capfd.readouterr().err, "all of it is in the server's log"


def test_a_worse_network_is_not_used(make, tmp_path: Path) -> None:
    trainer = make(HEAD + RUN + COMPARED)
    trainer.start()
    assert (ended(trainer).state, trainer.why, trainer.can_go_back) == ("not_used", "measured", False)
    assert (tmp_path / "runs").exists(), "it can still be published by hand"


def test_new_weights_are_told_of_before_the_training_counts_as_over(make, tmp_path: Path) -> None:
    seen: list[str] = []
    trainer = make(HEAD + RUN + COMPARED + PUBLISH, lambda: seen.append(trainer.state))
    trainer.start()
    assert (ended(trainer).state, seen, trainer.can_go_back) == ("used", ["training"], True)
    trainer.go_back()
    assert (tmp_path / "weights").read_bytes() == b"old"
    assert (trainer.state, len(seen), trainer.can_go_back) == ("back", 2, False)


def test_who_goes_back_twice_does_not_come_back_to_the_new_weights(make, tmp_path: Path) -> None:
    trainer = make(HEAD + RUN + COMPARED + PUBLISH)
    exchange = "weights, now = here / 'weights', (here / 'weights').read_bytes()\n"
    (tmp_path / "back.py").write_text(HEAD + exchange + "weights.write_bytes({b'old': b'new', b'new': b'old'}[now])\n")
    trainer.start()
    ended(trainer)
    for _click in range(2):
        trainer.go_back()
    assert ((tmp_path / "weights").read_bytes(), trainer.state) == (b"old", "back")


def test_a_way_back_that_fails_is_one_sentence(make, tmp_path: Path) -> None:
    trainer = make(HEAD)
    (tmp_path / "back.py").write_text(HEAD + REFUSE)
    with pytest.raises(UserError, match="^there is no room$"):
        trainer.go_back()


def test_progress_is_read_while_it_is_being_written(make, tmp_path: Path) -> None:
    steps = "epoch,step,lr,train_loss\\n1,1,0.1,2.5\\n1,2,0.1,1.5\\n1,3,0.1,0."
    rounds = "epoch,seconds\\n1,4.0\\n2,6.0\\n"
    write = f"(run / 'steps.csv').write_text('{steps}'); (run / 'metrics.csv').write_text('{rounds}')\n"
    settings = "(run / 'config.json').write_text(json.dumps({'epochs': 6}))\n"
    trainer = make(HEAD + RUN + write + settings + "time.sleep(600)")
    trainer.start()
    wait(lambda: trainer.progress()["rounds"])
    told = trainer.progress()
    assert (told["losses"], told["round"], told["rounds"]) == ([2.5, 1.5], 2, 6)
    assert told["seconds_left"] == seconds_left([4.0, 6.0], 6) >= 4 * 5


def test_a_long_curve_keeps_its_ends_and_its_mean() -> None:
    values = list(np.linspace(9, 1, 1000))
    short = thin(values, 150)
    assert len(short) <= 150 and short[0] == pytest.approx(9, abs=0.1) and short[-1] == pytest.approx(1, abs=0.1)
    assert thin([], 150) == []


# ---------------------------------------------------------------- who may

ROUTES = [("GET", ""), ("POST", ""), ("DELETE", ""), ("POST", "/back")]


@pytest.mark.parametrize("flags", [["--host", "0.0.0.0", "--yes-public"], ["--allow-hosts", "digits.example.org"]])
def test_strangers_may_not_train(flags: list[str], tmp_path: Path) -> None:
    with serving(tmp_path, *flags) as address:
        for method, path in ROUTES:
            answer = httpx.request(method, f"{address}/api/training{path}")
            assert answer.status_code == 403 and "does not train" in answer.json()["error"]
        assert '"trains": false' in known(address)


def test_who_knows_the_password_may_and_other_sites_pages_may_not(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("ann:secret\n")
    flags = ["--host", "0.0.0.0", "--auth-file", str(tmp_path / "users"), "--allow-hosts", "digits.example.org"]
    with serving(tmp_path, *flags) as address:
        assert httpx.post(f"{address}/api/training").status_code == 401
        told = httpx.post(f"{address}/api/training", auth=("ann", "secret"))
        assert told.status_code == 422 and "0 of 5 corrections" in told.json()["error"]
        foreign = {"Origin": "https://elsewhere.example"}
        assert httpx.post(f"{address}/api/training", auth=("ann", "secret"), headers=foreign).status_code == 403
        assert '"trains": true' in known(address, auth=("ann", "secret"))


def test_a_server_of_other_networks_offers_no_training(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "tinyvgg") as address:
        assert httpx.post(f"{address}/api/training").status_code == 403


def known(address: str, **options) -> str:
    """Return what the page's scripts are told of this server."""
    folder = re.search(r"scripts/\w{12}/", httpx.get(f"{address}/config", **options).text)[0]
    return httpx.get(f"{address}/{folder}known.js", **options).text


# ---------------------------------------------------------------- the real training, made small, in a project's copy

SMALL = {
    "train.py": (r'"shipped=\d+", "written=\d+"\], \d+, \d+', '"shipped=250", "written=90"], 4, 2'),
    "digits/learning/gather.py": (r"(N_WRITTEN_HELD_OUT = )\d+, \d+", r"\g<1>90, 60"),
}
NETWORKS = ["mnist_cnn_best.pth", "mnist_cnn_best.onnx", "mnist_cnn_best.nearest.npz", "mnist_cnn.pth"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project without MNIST, in which a training takes seconds; its models/ is its own."""
    folder = tmp_path_factory.mktemp("project")
    for program in ROOT.glob("*.py"):
        shutil.copy(program, folder)
    for name in ("digits", "assets"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "models").mkdir()
    for name in (*NETWORKS, *(path.name for path in (ROOT / "models").glob("[clp]*s.onnx"))):
        shutil.copy(ROOT / "models" / name, folder / "models")
    for name, (pattern, small) in SMALL.items():
        text, n = re.subn(pattern, small, (folder / name).read_text())
        assert n == 1, f"{name} is another now"
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[str]:
    """The address of `python app.py` in that project."""
    environment = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
    environment |= {"MNIST_DATA_DIR": str(project / "no-mnist")}
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", "0"], cwd=project, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(20)


def weights(project: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (project / "models").iterdir() if path.is_file()}


@pytest.mark.slow
@pytest.mark.browser
def test_odd_sevens_are_taught_stopped_used_and_forgotten_again(chromium, server: str, project: Path) -> None:
    shipped = weights(project)
    corrections = Corrections(project / "feedback" / "corrections.sqlite")
    for page in open_page(chromium, server, viewport={"width": 1280, "height": 860}):
        says, teach = page.locator(".teach-says"), page.locator(".teach")
        assert not teach.is_visible(), "nothing was corrected yet"
        correct_odd_sevens(page, 5)
        assert corrections.count() == 5 and set(corrections.ink_and_labels()[1]) == {7}
        before = httpx.post(f"{server}/api/predict", files=seven()).json()["rows"][0]
        # 1. One at a time, and Stop leaves everything as it is.
        page.get_by_role("button", name="Train on my 5").click()
        page.wait_for_selector("text=Training has begun")
        assert httpx.post(f"{server}/api/training").status_code == 409
        assert httpx.post(f"{server}/api/training/back").status_code == 409
        page.get_by_role("button", name="Stop").click()
        page.wait_for_selector("text=Stopped; the weights are as they were.")
        assert weights(project) == shipped and not list((project / "outputs" / "runs").glob("*"))
        # 2. The whole walk: the curve, before and after, other answers without a restart.
        page.get_by_role("button", name="Train on my 5").click()
        page.wait_for_selector(".teach-curve polyline >> visible=true", timeout=300_000)
        page.wait_for_selector(".teach:not([data-state=training])", timeout=300_000)
        assert says.inner_text() == "The new weights are used now."
        keep_picture(page, "teach-used")
        compared = page.locator(".teach-sets").inner_text()
        assert re.search(r"\d → \d of 1 kept corrections? it did not learn; \d+ → \d+ of \d+ pictures", compared)
        assert says.get_attribute("role") == "status"
        assert weights(project)["mnist_cnn_best.pth"] != shipped["mnist_cnn_best.pth"]
        after = httpx.post(f"{server}/api/predict", files=seven()).json()["rows"][0]
        assert after["p7"] != before["p7"]
        # 3. And back, byte for byte.
        page.get_by_role("button", name="Go back").click()
        page.wait_for_selector("text=The earlier weights are used again.", timeout=60_000)
        assert weights(project) == shipped
        assert httpx.post(f"{server}/api/predict", files=seven()).json()["rows"][0] == before
        assert not page.get_by_role("button", name="Go back").is_visible()


ODD_SEVEN = [(0.3, 0.25), (0.7, 0.22), (0.64, 0.45), (0.5, 0.7), (0.3, 0.8), (0.22, 0.72)]  # a hook for a foot


def correct_odd_sevens(page, n: int) -> None:
    """Draw `n` of them, no two alike, and click what each of them is."""
    for i in range(n):
        first, *others = [(x + 0.01 * i, y) for x, y in ODD_SEVEN]
        page.mouse.move(*to_pixels(page, first))
        page.mouse.down()
        for point in others:
            page.mouse.move(*to_pixels(page, point), steps=3)
        page.mouse.up()
        page.wait_for_selector(".answer .ten >> visible=true")
        page.locator(".answer .ten button").nth(7).click()
        page.wait_for_selector(f"text={i + 1} correction")
        page.keyboard.press("Escape")


def seven() -> dict:
    return {"files": ("7.png", (ROOT / "assets" / "examples" / "7.png").read_bytes())}
