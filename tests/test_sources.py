"""Where batches read from: order, names, what is passed over, and hostile archives."""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import socket
import zipfile
from pathlib import Path

import pytest

from digits.batch.entries import Entry
from digits.batch.skipped import SORTED_MARK, Skipped
from digits.batch.sources import MAX_NESTED, find_entries, spool_entries
from digits.command import UserError
from digits.finding.decode import open_picture
from digits.finding.limits import PictureError
from tests.hostile import drawing, encode


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.png", "a.PNG", "sub/c.jpg", "sub/deep/d.webp", "notes.md", ".hidden.png", ".git/e.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def paged_tiff(digits: tuple[int, ...]) -> bytes:
    first, *others = (drawing("L", digit=digit) for digit in digits)
    return encode(first, "TIFF", save_all=True, append_images=others)


def names(sources, tree: Path | None = None, **options) -> list[str]:
    found = [entry.name for entry in find_entries(sources, **options)]
    return [os.path.relpath(name, tree) for name in found] if tree else found


def test_a_folder_in_order_and_what_is_passed_over(tree):
    skipped = Skipped()
    assert names([tree], tree, skipped=skipped) == ["a.PNG", "b.png", "sub/c.jpg", "sub/deep/d.webp"]
    assert skipped == {"hidden": 2, "not a picture": 1}
    assert names([tree], tree, recursive=False) == ["a.PNG", "b.png"]
    entries, n = spool_entries([tree])
    assert n == 4 and [os.path.relpath(entry.name, tree) for entry in entries] == names([tree], tree)


def test_sources_mix_and_keep_their_order(tree):
    assert names([tree / "sub", tree / "b.png", f"{tree}/*.PNG"], tree) == [
        "sub/c.jpg", "sub/deep/d.webp", "b.png", "a.PNG"
    ]  # fmt: skip
    assert names([f"{tree}/**/*.jpg"], tree) == ["sub/c.jpg"]


def test_what_is_named_is_read_whatever_it_is(tree):
    assert names([tree / "notes.md", tree / ".hidden.png"], tree) == ["notes.md", ".hidden.png"]
    with pytest.raises(UserError, match="there is no"):
        spool_entries([tree / "nothing.png"])
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


def test_a_file_named_twice_is_read_once(tree, monkeypatch):
    monkeypatch.chdir(tree)
    skipped = Skipped()
    assert names(["b.png", "./b.png", "sub", "sub/deep/", f"{tree}/sub/*.jpg"], skipped=skipped) == [
        "b.png", "sub/c.jpg", "sub/deep/d.webp"
    ]  # fmt: skip
    assert skipped == {"named twice": 3} and not skipped.empty
    assert skipped.names["named twice"] == ["./b.png", "sub/deep/d.webp", f"{tree}/sub/c.jpg"]
    (tree / "list.txt").write_text("b.png\na.PNG\nb.png\n")
    assert names(["list.txt", "list.txt", "a.PNG"]) == ["b.png", "a.PNG", "b.png"], "a row for each line of a list"
    with zipfile.ZipFile(tree / "z.zip", "w") as archive:
        for name in ("a.png", "x/../a.png"):  # two members, whatever a path of that spelling would mean
            archive.writestr(name, name)
    assert names(["z.zip", "z.zip"]) == ["z.zip/a.png", "z.zip/x/../a.png"]


@pytest.mark.parametrize("pattern", ["", "/**", "/**/*.webp", "/*/*/*"])
def test_folders_of_sorted_copies_are_passed_over(tree, pattern):
    """Unless they are named: a person may have put the copies right, and wants to know how many were wrong."""
    (tree / "sub/deep" / SORTED_MARK).touch()
    skipped = Skipped()
    assert "sub/deep/d.webp" not in names([f"{tree}{pattern}"], tree, skipped=skipped)
    assert skipped.names["made by --sort-into"] == [f"{tree}/sub/deep"]
    skipped = Skipped()
    assert names([tree / "sub/deep"], tree, skipped=skipped) == ["sub/deep/d.webp"] and not skipped
    assert names([f"{tree}/sub/deep/*"], tree) == ["sub/deep/d.webp"]


def test_the_folder_to_sort_into_is_passed_over_at_once(tree):
    skipped = Skipped(sorted_into=tree / "sub" / ".." / "sub")
    assert names([tree], tree, skipped=skipped) == ["a.PNG", "b.png"] and skipped["made by --sort-into"] == 1


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
    skipped = Skipped()
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
    monkeypatch.setattr("digits.batch.archives.MAX_BYTES", 9 * 2**20)
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
    (entry,) = find_entries([tmp_path / "text.zip"])
    with pytest.raises(PictureError, match="the zip archive is damaged"):
        entry.picture()


def fault(entry: Entry) -> str:
    """Return why an entry cannot be read, as a worker would say it, to which entries travel."""
    with pytest.raises(PictureError) as caught:
        pickle.loads(pickle.dumps(entry)).picture()
    return str(caught.value)


def test_a_list_may_name_archives(tmp_path):
    (tmp_path / "good.zip").write_bytes(zipped(a_png=b"a"))
    (tmp_path / "bare.zip").write_bytes(zipped(read_me=b""))
    (tmp_path / "list.txt").write_text("good.zip\nnone.zip\nbare.zip\n")
    skipped = Skipped()
    good, none = find_entries([tmp_path / "list.txt"], skipped=skipped)
    assert good.picture() == b"a" and fault(none) == "there is no such file"
    assert skipped.empty == [f"there are no pictures in '{tmp_path}/bare.zip'; it holds 1 .me"]


@pytest.mark.parametrize("name, data", [("x.xlsx", b"no sheet"), ("x.csv", b"a\0b"), ("x.txt", b"\xff\xfeodd")])
def test_a_list_that_cannot_be_read_costs_the_others_nothing(name, data, tree):
    (tree / name).write_bytes(data)
    bad, good = find_entries([tree / name, tree / "b.png"])
    assert fault(bad).startswith("the list cannot be read") and good.name == f"{tree}/b.png"


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_of_one_name_the_last_is_read_and_the_other_named(tmp_path):
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for data in (b"first", b"other", b"last"):
            archive.writestr("2.png" if data == b"other" else "1.png", data)
    skipped = Skipped()
    read = [(entry.name, entry.read()) for entry in find_entries([path], skipped=skipped)]
    assert read == [(f"{path}/2.png", b"other"), (f"{path}/1.png", b"last")]
    assert skipped.names == {"replaced by another of its name": [f"{path}/1.png"]}


def test_archives_in_folders_and_in_archives(tmp_path):
    inner = zipped(c_png=b"c", read_me=b"")
    (tmp_path / "outer.zip").write_bytes(zipped(in_zip=inner, b_png=b"b", bad_zip=b"no archive"))
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "broken.zip").write_bytes(b"no archive")
    skipped = Skipped()
    entries = list(find_entries([tmp_path], skipped=skipped))
    assert [os.path.relpath(entry.name, tmp_path) for entry in entries] == [
        "a.png", "broken.zip", "outer.zip/b.png", "outer.zip/bad.zip", "outer.zip/in.zip/c.png"
    ]  # fmt: skip
    assert [entries[n].picture() for n in (0, 2, 4)] == [b"a", b"b", b"c"]
    assert fault(entries[1]) == "the zip archive is damaged (File is not a zip file)"
    assert fault(entries[3]) == "the archive within the archive is damaged"
    assert pickle.loads(pickle.dumps(entries[-1])).read() == b"c" and entries[-1].stamp()
    assert skipped.names == {"not a picture": [f"{tmp_path}/outer.zip/in.zip/read.me"]}


def test_archives_in_archives_end(tmp_path, monkeypatch):
    data = zipped(a_png=b"a")
    for _ in range(MAX_NESTED + 2):
        data = zipped(in_zip=data)
    (tmp_path / "deep.zip").write_bytes(data)
    (entry,) = find_entries([tmp_path])
    assert entry.name.count("in.zip") == MAX_NESTED + 1
    assert fault(entry) == "the archive lies more than 3 deep in others; unpack the outer one"
    monkeypatch.setattr("digits.batch.sources.MAX_MEMBERS", 3)
    (tmp_path / "wide.zip").write_bytes(zipped(in_zip=zipped(a_png=b"", b_png=b"", c_png=b""), d_png=b""))
    picture, inner = sorted(find_entries([tmp_path / "wide.zip"]), key=lambda entry: entry.name)
    assert picture.name.endswith("d.png") and "hold too many files" in fault(inner), "three files at most"
    monkeypatch.setattr("digits.batch.sources.MAX_MEMBERS", 1)
    (entry,) = find_entries([tmp_path / "wide.zip"])
    assert "more than 1 files; unpack it" in fault(entry)


def test_a_page_is_an_entry(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = paged_tiff((7, 3, 5))
    Path("x.tif").write_bytes(data)
    Path("one.tif").write_bytes(paged_tiff((7,)))
    Path("cut.tif").write_bytes(data[:50])
    Path("z.zip").write_bytes(zipped(y_tif=data))
    pages = ["x.tif#1", "x.tif#2", "x.tif#3"]
    assert names(["x.tif", "one.tif", "cut.tif"]) == [*pages, "one.tif", "cut.tif"]
    assert names(["x.tif#2"]) == ["x.tif#2"]
    Path("list.txt").write_text("x.tif#3\none.tif\n")
    assert names(["list.txt"]) == ["x.tif#3", "one.tif"]
    entries = list(find_entries(["x.tif", "z.zip"]))
    assert [entry.name for entry in entries] == [*pages, "z.zip/y.tif#1", "z.zip/y.tif#2", "z.zip/y.tif#3"]
    assert [entry.page for entry in entries] == [1, 2, 3] * 2
    assert entries[0].stamp() == Entry("x.tif").stamp() != ""
    shapes = {open_picture(entry.picture()).shape for entry in entries}
    assert shapes == {(70, 90)} and entries[4].read() == data
    Path("x.tif#2").write_bytes(b"a file of that name")
    assert Entry("x.tif#2").read() == b"a file of that name", "comes first"


def test_a_source_without_a_picture_says_what_it_holds(tree):
    (tree / "empty").mkdir()
    (tree / "other").mkdir()
    for name in ("a.docx", "b.docx", "c.svg", ".d", "README"):
        (tree / "other" / name).touch()
    skipped = Skipped()
    assert names([tree / "sub", tree / "other", tree / "empty"], skipped=skipped)
    other, empty = skipped.empty
    assert other.endswith("it holds 2 .docx, 1 hidden, 1 without extension, 1 .svg") and empty.endswith("nothing")
    assert skipped.names["hidden"] == [f"{tree}/other/.d"]


def test_names_parted_by_nul(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\nb.png\0c.png\0")))
    assert names(["-0"]) == ["a\nb.png", "c.png"]


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
    store.pipe("bucket/more.zip", zipped(d_png=b"d", e_zip=zipped(f_png=b"f")))
    store.pipe("bucket/x.tif", paged_tiff((7, 3)))
    more = ["memory:///bucket/more.zip/d.png", "memory:///bucket/more.zip/e.zip/f.png"]
    assert names(["memory://bucket/more.zip"]) == more and names(["memory://bucket"])[2:4] == more
    assert Entry(more[1], len("memory:///bucket/more.zip")).read() == b"f"
    first, second = find_entries(["memory://bucket/x.tif"])
    assert second.name == "memory:///bucket/x.tif#2" and open_picture(second.picture()).shape == (70, 90)
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
