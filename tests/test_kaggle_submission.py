"""Kaggle's files: in, out, checked, never overwritten."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import kaggle_submission
from digits.command import UserError
from digits.finding.digit import to_ink
from digits.learning.datasets import data_dir, load_kaggle


@pytest.fixture
def test_csv(tmp_path, examples):
    """The ten examples as Kaggle would give them, the header first."""
    with (tmp_path / "test.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"pixel{i}" for i in range(784)])
        writer.writerows(to_ink(path).ravel().tolist() for path in examples.values())
    return tmp_path / "test.csv"


def test_every_row_gets_its_digit(test_csv, tmp_path, capsys):
    assert kaggle_submission.main([str(test_csv), "--output", str(tmp_path / "submission.csv")]) == 0
    expected = ["ImageId,Label", *(f"{digit + 1},{digit}" for digit in range(10))]
    assert (tmp_path / "submission.csv").read_text().splitlines() == expected
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "submission.csv")


def test_a_file_after_the_networks_is_read(test_csv, tmp_path):
    assert kaggle_submission.main(["--output", str(tmp_path / "s.csv"), "--model", "mnistnet", str(test_csv)]) == 0
    assert (tmp_path / "s.csv").read_text().endswith("\n10,9\n")


@pytest.mark.parametrize("words", [[], ["a.csv", "b.csv"]])
def test_one_file_is_read(words, capsys):
    with pytest.raises(SystemExit):
        kaggle_submission.main(words)
    assert "name one file" in capsys.readouterr().err


def test_a_submission_is_never_overwritten(test_csv, tmp_path):
    (tmp_path / "submission.csv").write_text("mine")
    assert kaggle_submission.main([str(test_csv), "--output", str(tmp_path / "submission.csv")]) == 0
    assert (tmp_path / "submission.csv").read_text() == "mine"
    assert (tmp_path / "submission-2.csv").exists()


def test_train_csv_says_how_many_would_be_right(test_csv, tmp_path, capsys):
    header, *rows = test_csv.read_text().splitlines()
    labelled = [f"label,{header}", *(f"{i if i else 5},{row}" for i, row in enumerate(rows))]
    (tmp_path / "train.csv").write_text("\n".join(labelled))
    assert kaggle_submission.main([str(tmp_path / "train.csv"), "--output", str(tmp_path / "s.csv")]) == 0
    told = capsys.readouterr().err
    assert "90.00%" in told and "MNIST's 70,000" in told


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("divided", [False, True])
def test_without_header_and_divided_by_255(divided, header, labelled, test_csv, tmp_path):
    first, *rows = test_csv.read_text().splitlines()
    if divided:
        rows = [",".join(f"{int(cell) / 255:.6g}" for cell in row.split(",")) for row in rows]
    if labelled:
        first, rows = f"label,{first}", [f"{n},{row}" for n, row in enumerate(rows)]
    path = tmp_path / "other.csv"
    path.write_text("\n".join([first] * header + rows))
    (ink, labels), (same, _none) = load_kaggle(path), load_kaggle(test_csv)
    assert np.array_equal(ink, same) and labels.tolist() == (list(range(10)) if labelled else [-1] * 10)


def test_standardised_pixels_are_refused_by_name(test_csv, capsys):
    _first, *rows = test_csv.read_text().splitlines()
    rows = [",".join(f"{(int(cell) / 255 - 0.1307) / 0.3081:.4f}" for cell in row.split(",")) for row in rows]
    test_csv.write_text("\n".join([",".join(f"pixel{i}" for i in range(784)), *rows]))
    assert kaggle_submission.main([str(test_csv)]) == 2
    assert "standardised" in capsys.readouterr().err


@pytest.mark.parametrize("name, n", [("6_kaggle_0_to_1.csv", 10), ("6b_kaggle_without_header.csv", 10)])
def test_the_cases_of_kaggle(name, n, tmp_path, capsys):
    case = data_dir() / "cases" / name
    if not case.exists():
        pytest.skip("the cases are not there")
    assert kaggle_submission.main([str(case), "--output", str(tmp_path / "s.csv")]) == 0
    digits = [row[-1] for row in csv.reader((tmp_path / "s.csv").open())][1:]
    assert len(digits) == n and len(set(digits)) > 5


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", ",".join(f"pixel{i}" for i in range(784)) + "\n"])
def test_another_csv_is_refused_in_one_line(content, tmp_path, capsys):
    (tmp_path / "test.csv").write_text(content)
    assert kaggle_submission.main([str(tmp_path / "test.csv"), "--output", str(tmp_path / "s.csv")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "s.csv").exists()


def test_28000_rows_are_written_and_checked(tmp_path):
    path = kaggle_submission.write_submission(np.arange(28_000) % 10, tmp_path / "submission.csv")
    with path.open() as file:
        assert sum(1 for _line in file) == 28_001


WRONG = {
    "header": "Id,Label\n1,3\n2,4\n",
    "too few": "ImageId,Label\n1,3\n",
    "numbering": "ImageId,Label\n1,3\n3,4\n",
    "no digit": "ImageId,Label\n1,3\n2,10\n",
    "no label": "ImageId,Label\n1,3\n2\n",
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_wrong_submission_is_found(content, tmp_path):
    (tmp_path / "s.csv").write_text(content)
    with pytest.raises(UserError):
        kaggle_submission.check_submission(tmp_path / "s.csv", 2)
