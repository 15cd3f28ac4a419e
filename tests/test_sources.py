"""Where batches read from: order, names, what is passed over, and hostile archives."""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import socket
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from digits.batch.sources import Entry, find_entries, listed
from digits.finding.decode import PictureError
from utils import UserError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.png", "a.PNG", "sub/c.jpg", "sub/deep/d.webp", "notes.md", ".hidden.png", ".git/e.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def names(sources, tree: Path | None = None, **options) -> list[str]:
    found = [entry.name for entry in find_entries(sources, **options)]
    return [os.path.relpath(name, tree) for name in found] if tree else found


def test_a_folder_in_order_and_what_is_passed_over(tree):
    skipped = Counter()
    assert names([tree], tree, skipped=skipped) == ["a.PNG", "b.png", "sub/c.jpg", "sub/deep/d.webp"]
    assert skipped == {"hidden": 2, "not a picture": 1}
    assert names([tree], tree, recursive=False) == ["a.PNG", "b.png"]
    entries, n = listed([tree])
    assert n == 4 and [os.path.relpath(entry.name, tree) for entry in entries] == names([tree], tree)


def test_sources_mix_and_keep_their_order(tree):
    assert names([tree / "sub", tree / "b.png", f"{tree}/*.PNG"], tree) == [
        "sub/c.jpg", "sub/deep/d.webp", "b.png", "a.PNG"
    ]  # fmt: skip
    assert names([f"{tree}/**/*.jpg"], tree) == ["sub/c.jpg"]


def test_what_is_named_is_read_whatever_it_is(tree):
    assert names([tree / "notes.md", tree / ".hidden.png"], tree) == ["notes.md", ".hidden.png"]
    with pytest.raises(UserError, match="there is no"):
        listed([tree / "nothing.png"])
    with pytest.raises(UserError, match="nothing matches"):
        names([f"{tree}/*.tiff"])


def test_what_goes_after_it_was_counted_gets_its_row(tree):
    """A shell names a thousand files; that one of them vanishes costs the others nothing."""
    (gone, there) = find_entries([tree / "gone.png", tree / "b.png"])
    assert there.name == str(tree / "b.png")
    with pytest.raises(PictureError, match="no such file"):
        gone.read()


def test_links_in_a_circle_end(tree):
    os.symlink(tree, tree / "sub" / "round")
    assert len(names([tree])) == 4


def test_lists_of_names(tree, monkeypatch):
    listing = tree / "list.txt"
    listing.write_text(f"b.png\r\n\nsub/c.jpg\nmissing.png\n{tree / 'a.PNG'}\n")
    found = names([listing])
    assert found[0] == str(tree / "b.png"), "beside the list, not beside us"
    assert found[2] == "missing.png", "gets its row with a reason"
    assert len(found) == 4
    table = tree / "list.csv"
    table.write_text("label,file\n3,b.png\n4,sub/c.jpg\n")
    assert names([table], tree) == ["b.png", "sub/c.jpg"]
    table.write_text("b.png\nsub/c.jpg\n")
    assert names([table], tree) == ["b.png", "sub/c.jpg"], "a table without a header"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{tree}/b.png\n{tree}/\xff.png\n".encode("latin-1"))))
    assert names(["-"], tree) == ["b.png", os.fsdecode(b"\xff.png")]


def test_the_stamp_tells_a_changed_file(tree):
    entry = Entry(str(tree / "b.png"))
    before = entry.stamp()
    (tree / "b.png").write_bytes(b"other")
    assert entry.stamp() != before
    assert Entry("no such file").stamp() == ""
    assert pickle.loads(pickle.dumps(entry)) == entry


def test_members_of_an_archive(tmp_path):
    path = tmp_path / "scans.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("2.png", "1.png", "in/3.jpg", "../../escape.png", "/root.png", "__MACOSX/1.png", "read.me"):
            archive.writestr(name, name)
    skipped = Counter()
    entries = list(find_entries([path], skipped=skipped))
    assert [entry.name for entry in entries] == [
        f"{path}/{name}" for name in ("2.png", "1.png", "in/3.jpg", "../../escape.png", "/root.png")
    ]
    assert [entry.read() for entry in entries][:3] == [b"2.png", b"1.png", b"in/3.jpg"]
    assert entries[3].basename == "escape.png" and sorted(tmp_path.iterdir()) == [path], "nothing is unpacked"
    assert skipped == {"hidden": 1, "not a picture": 1}
    assert len(list(find_entries([path], recursive=False))) == 3
    assert pickle.loads(pickle.dumps(entries[2])).read() == b"in/3.jpg"


def test_archives_that_mean_harm(tmp_path, monkeypatch):
    monkeypatch.setattr("digits.batch.sources.MAX_BYTES", 9 * 2**20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ratio.png", bytes(8 * 2**20))
        archive.writestr("large.png", bytes(10 * 2**20), zipfile.ZIP_STORED)
        archive.writestr("empty.png", b"")
        archive.writestr("fine.png", b"picture", zipfile.ZIP_STORED)
    ratio, large, empty, fine = find_entries([path])
    for entry, reason in [(ratio, "200 times"), (large, "9 MB"), (empty, "empty")]:
        with pytest.raises(PictureError, match=reason):
            entry.read()
    assert fine.read() == b"picture"
    data = bytearray(path.read_bytes())
    at = data.index(b"picture")
    data[at : at + 2] = b"XX"
    (tmp_path / "bad.zip").write_bytes(data)
    with pytest.raises(PictureError, match="damaged"):
        Entry(f"{tmp_path}/bad.zip/fine.png", len(f"{tmp_path}/bad.zip")).read()
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(UserError, match="zip"):
        names([tmp_path / "text.zip"])


def test_urls_of_memory(tree):
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    for name in ("bucket/b.png", "bucket/a.png", "bucket/sub/c.png", "bucket/read.me"):
        store.pipe(name, name.encode())
    entries = list(find_entries(["memory://bucket"]))
    assert [entry.name for entry in entries] == [
        "memory:///bucket/a.png", "memory:///bucket/b.png", "memory:///bucket/sub/c.png"
    ]  # fmt: skip
    assert entries[0].read() == b"bucket/a.png"
    assert len(names(["memory://bucket/*.png"])) == 2 and len(names(["memory://bucket"], recursive=False)) == 2
    with pytest.raises(PictureError, match="no such file"):
        Entry("memory://bucket/none.png").read()
    with pytest.raises(UserError):
        names(["memory://nothing/here"])
    with pytest.raises(UserError, match="cannot be opened"):
        names(["nonsense://bucket/here"])


@pytest.fixture(scope="module")
def bucket():
    """A bucket on a real S3 server on loopback."""
    if not all(map(importlib.util.find_spec, ("moto", "s3fs", "flask"))):
        pytest.skip("no S3 server to test with: pip install 'moto[server]' s3fs")
    import logging

    import s3fs
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    patch = pytest.MonkeyPatch()
    told = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    for name, value in (told | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}).items():
        patch.setenv(name, value)
    store = s3fs.S3FileSystem()
    store.mkdir("digits")
    yield store
    server.stop()
    patch.undo()


def test_a_real_bucket(bucket, examples, tmp_path):
    from batch_processor import BatchProcessor

    for digit, path in examples.items():
        bucket.pipe(f"digits/forms/{digit % 2}/{digit}.png", path.read_bytes())
    bucket.pipe("digits/forms/bad.png", b"no picture")
    rows = BatchProcessor(output_dir=tmp_path).process(["s3://digits/forms"])
    assert [row["path"] for row in rows][:2] == ["s3://digits/forms/0/0.png", "s3://digits/forms/0/2.png"]
    assert [row["digit"] for row in rows] == [0, 2, 4, 6, 8, 1, 3, 5, 7, 9, None]
    assert rows[-1]["status"] == "error"
    listing = tmp_path / "list.txt"
    listing.write_text("s3://digits/forms/1/7.png\ns3://digits/none.png\n")
    seven, none = BatchProcessor(output_dir=tmp_path).process([listing])
    assert seven["digit"] == 7 and none["error"] == "there is no such file"
    with pytest.raises(UserError, match="s3://"):
        names(["s3://no-such-bucket/x"])
