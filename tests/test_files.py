"""Safe writing, free names, the commit."""

from __future__ import annotations

import os

import pytest

from digits.files import atomic_path, free_path, git_commit, write_json


def test_atomic_path_replaces_the_file_only_when_the_block_succeeds(tmp_path):
    target = tmp_path / "new" / "report.csv"
    with atomic_path(target) as path:
        path.write_text("first")
        assert not target.exists()
    with pytest.raises(RuntimeError), atomic_path(target) as path:
        path.write_text("half of the sec")
        raise RuntimeError("killed")
    assert target.read_text() == "first"
    assert [file.name for file in target.parent.iterdir()] == ["report.csv"], "a temporary file was left behind"


def test_atomic_path_keeps_the_usual_permissions(tmp_path):
    plain, target = tmp_path / "plain.txt", tmp_path / "target.txt"
    plain.write_text("")
    with atomic_path(target) as path:
        path.write_text("")
    assert target.stat().st_mode == plain.stat().st_mode


def test_atomic_path_takes_the_longest_name_a_disk_allows(tmp_path):
    target = tmp_path / ("n" * 251 + ".csv")
    with atomic_path(target) as path:
        path.write_text("x")
    assert target.read_text() == "x"


def test_free_path_counts_up(tmp_path):
    path = tmp_path / "report.csv"
    assert free_path(path) == path
    path.touch()
    (tmp_path / "report-2.csv").touch()
    assert free_path(path).name == "report-3.csv"


def test_free_path_takes_no_name_of_a_link_that_leads_nowhere(tmp_path):
    path = tmp_path / "report.csv"
    path.symlink_to(tmp_path / "gone.csv")
    assert free_path(path).name == "report-2.csv"


def test_git_commit_is_a_hash_or_nothing(monkeypatch, tmp_path):
    commit = git_commit()
    assert commit is None or int(commit, 16) >= 0
    monkeypatch.setattr("digits.files.ROOT", tmp_path)
    monkeypatch.setitem(os.environ, "GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit() is None


def test_json_is_written_whole_and_for_people(tmp_path):
    write_json(tmp_path / "new" / "a.json", {"share": 0.5})
    assert (tmp_path / "new" / "a.json").read_text() == '{\n "share": 0.5\n}\n'
    with pytest.raises(TypeError):
        write_json(tmp_path / "new" / "a.json", object())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.json"], "the old one stays, nothing beside it"
