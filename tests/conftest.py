"""What the tests share: example drawings, a predictor, skips that say what is missing. No test leaves the machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads fight the test's own on a small machine
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # of the tests that use ONNX Runtime themselves

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip by marker what this machine cannot run."""
    from digits.learning.datasets import has_mnist

    reasons = {
        "browser": None if CHROMIUM else "no chromium: apt-get install chromium",
        "mnist": None if has_mnist() else "no MNIST: set MNIST_DATA_DIR",
        "ray": None if importlib.util.find_spec("ray") else "no ray: pip install -r requirements-ray.txt",
    }
    for item in items:
        for name, reason in reasons.items():
            if reason and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


def _own_address() -> str:
    """Return this machine's address on its network, which Ray uses to talk to itself; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:  # no network at all
            return "127.0.0.1"
        return probe.getsockname()[0]


@pytest.fixture(autouse=True)
def _stay_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whatever tries to look up or reach another machine."""
    look_up, connect = socket.getaddrinfo, socket.socket.connect
    own_address = _own_address()

    def is_local(host: object) -> bool:
        name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
        own = ("localhost", "::1", "0.0.0.0", socket.gethostname(), own_address)
        return name in own or name.startswith("127.")

    def guarded_look_up(host, *arguments, **options):
        assert is_local(host), f"a test looked up {host}"
        return look_up(host, *arguments, **options)

    def guarded_connect(self, address):
        assert self.family == socket.AF_UNIX or is_local(address[0]), f"a test connected to {address}"
        return connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
    monkeypatch.setattr(socket.socket, "connect", guarded_connect)


@pytest.fixture(scope="session")
def examples() -> dict[int, Path]:
    """The ten example drawings by digit."""
    from digits.files import ASSETS_DIR

    return {digit: ASSETS_DIR / "examples" / f"{digit}.png" for digit in range(10)}


@pytest.fixture(scope="session")
def predictor():
    """The predictor everybody gets: shipped weights, default engine."""
    from predict import MNISTPredictor

    return MNISTPredictor()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server at `address` keeps what it keeps."""
    return tmp_path_factory.mktemp("server") / "data"


@pytest.fixture(scope="session")
def address(data_dir: Path) -> Iterator[str]:
    """The address of a server as `python app.py` starts it; one for all tests that only ask."""
    from tests.serving import serving

    with serving(data_dir) as url:
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    """A headless chromium of the system, driven by Playwright, whose event loop ends with it; mark tests `browser`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
