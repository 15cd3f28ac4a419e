"""The benchmark of other people's handwriting on a few pictures of our own: what it counts, leaves out and refuses."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from benchmarks import handwriting


@pytest.fixture
def sets(tmp_path, examples):
    """Three small sets: photos by two sources, notMNIST of which one picture is an I, and Fashion-MNIST."""
    for name in ("photos", "nondigit_notmnist", "nondigit_fashion"):
        (tmp_path / name).mkdir()
    rows = []
    for digit, path in examples.items():
        shutil.copy(path, tmp_path / "photos")
        rows.append(f"{path.name},{digit if digit else 4},{'ann' if digit < 2 else 'bob'}")
    (tmp_path / "photos" / "labels.csv").write_text("\n".join(["file,label,source", *rows]))
    letters = [min(handwriting.LETTER_I), 0, 1]
    for name in ("nondigit_notmnist", "nondigit_fashion"):
        for number in letters:
            shutil.copy(examples[8], tmp_path / name / f"{number:05}.png")
        (tmp_path / name / "labels.csv").write_text("file,label\n" + "\n".join(f"{n:05}.png,-" for n in letters))
    return tmp_path


def run(sets, tmp_path, capsys, *arguments) -> tuple[dict, str]:
    output = tmp_path / "result.json"
    assert handwriting.main(["--data-dir", str(sets), "--output", str(output), *arguments]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == str(output)
    return json.loads(output.read_text()), out


def test_sources_are_averaged_and_targets_marked(sets, tmp_path, capsys):
    result, out = run(sets, tmp_path, capsys, "--sets", "photos")
    figures = result["digits"]["photos"]
    assert figures["accuracy"]["share"] == 0.9
    assert figures["sources_averaged"]["share"] == (1 / 2 + 8 / 8) / 2 == result["mean_of_sets"]
    assert result["ok_in_photos_canvas_paint28"]["n"] == 10
    assert "75.00 " in out and "75.00*" not in out


def test_notmnist_is_measured_without_its_i(sets, tmp_path, capsys):
    result, out = run(sets, tmp_path, capsys, "--sets", "nondigit_notmnist", "nondigit_fashion")
    assert [result["no_digits"][name]["not_ok"]["n"] for name in ("nondigit_notmnist", "nondigit_fashion")] == [2, 3]
    assert result["no_digits"]["nondigit_fashion"]["not_ok"]["share"] == 0, "an 8 is an 8"
    assert result["mean_of_sets"] is None and "mean of the sets" not in out


def test_a_gallery_shows_the_errors(sets, tmp_path, capsys):
    run(sets, tmp_path, capsys, "--sets", "photos", "--gallery", str(tmp_path / "gallery"))
    assert [path.name for path in (tmp_path / "gallery").iterdir()] == ["photos.png"]


def test_the_blanks_are_of_every_kind_and_repeat():
    blanks = handwriting.make_blanks(200)
    assert len(blanks) == 200 and {sample.source for sample in blanks} == set(handwriting.BLANK_KINDS)
    assert all(np.array_equal(a.picture, b.picture) for a, b in zip(blanks, handwriting.make_blanks(200), strict=True))
    assert all(sample.picture.dtype == np.uint8 and min(sample.picture.shape[:2]) >= 28 for sample in blanks)


def test_no_sets_are_a_mistake_of_one_line(tmp_path, capsys):
    assert handwriting.main(["--data-dir", str(tmp_path / "none")]) == 2
    assert "--data-dir" in capsys.readouterr().err
