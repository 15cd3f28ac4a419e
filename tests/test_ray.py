"""The Ray engine on a cluster of two nodes on this machine: the local engine's rows, and none lost with a worker."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from batch_processor import BatchProcessor, main, open_reader
from digits.batch.on_ray import read_on_ray
from digits.batch.rows import RowReader
from digits.batch.sources import find_entries

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster():
    """Two nodes with a core each."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray import cloudpickle
    from ray.cluster_utils import Cluster

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the workers cannot import a test
    node = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
    cluster.add_node(**node)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Path:
    """2,000 names of sixty files, a tenth of them bad."""
    folder = tmp_path_factory.mktemp("mixed")
    for n in range(60):
        path = folder / f"{n:02d}{('.png', '.jpg', '.bmp')[n % 3]}"
        pixels = np.full((50 + n, 60, 3), (0, 255)[n % 2], np.uint8)
        cv2.putText(pixels, str(n % 10), (12, 44), cv2.FONT_HERSHEY_SIMPLEX, 1.4, ((n * 4) % 200,) * 3, 4, cv2.LINE_AA)
        cv2.imwrite(str(path), pixels)
        if n % 10 == 7:
            path.write_bytes(path.read_bytes()[: n * 10])
    names = sorted(path.name for path in folder.iterdir())
    (folder / "list.txt").write_text("\n".join(names[n % 60] for n in range(2_000)))
    return folder / "list.txt"


def test_rows_are_the_local_ones(cluster, mixed, tmp_path):
    local = BatchProcessor(output_dir=tmp_path / "local", workers=1).process([mixed])
    far = BatchProcessor(output_dir=tmp_path / "ray", engine="ray", ray_address=cluster.address).process([mixed])
    assert len(far) == 2_000 and sum(row["status"] == "error" for row in far) >= 195
    for here, there in zip(local, far, strict=True):
        for name, value in here.items():
            assert there[name] == (pytest.approx(value, abs=1e-5) if isinstance(value, float) else value)


class Mortal:
    """A reader whose process is killed once, in the middle of its second batch."""

    def __init__(self, read: RowReader, marker: Path) -> None:
        self._read, self._marker, self._n_batches = read, marker, 0

    def __call__(self, numbered: list) -> list[dict]:
        self._n_batches += 1
        if self._n_batches == 2 and not self._marker.exists():
            self._marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self._read(numbered)


def open_mortal(marker: Path) -> Mortal:
    return Mortal(open_reader("mnistnet", None, False), marker)


def test_a_killed_worker_loses_nothing(cluster, mixed, tmp_path):
    marker = tmp_path / "killed"
    entries = list(find_entries([mixed]))
    batches = read_on_ray(partial(open_mortal, marker), enumerate(entries), 2, cluster.address)
    rows = sorted((row for batch in batches for row in batch), key=lambda row: row["position"])
    assert marker.exists(), "a worker was killed"
    assert [row["path"] for row in rows] == [entry.name for entry in entries]


def test_no_cluster_is_one_sentence(mixed, tmp_path, capsys):
    options = ["--output-dir", str(tmp_path), "--engine", "ray", "--ray-address", "127.0.0.1:1"]
    assert main([str(mixed), *options]) == 2
    assert "there is no Ray cluster" in capsys.readouterr().err
