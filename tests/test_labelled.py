"""Labelled folders, and what a predictor's answers to them add up to."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from digits.command import UserError
from digits.finding.digit import to_ink
from digits.measuring import labelled
from digits.measuring.labelled import Sample
from digits.reading.verdict import NO_DIGIT
from digits.tables import to_digit


@pytest.fixture
def listed(tmp_path, examples):
    """A folder with labels.csv: ten examples by two sources (two mislabelled), a broken and a missing file."""
    rows = ["file,label,source"]
    for digit, path in examples.items():
        shutil.copy(path, tmp_path / f"{digit}.png")
        rows.append(f"{digit}.png,{digit if digit < 8 else 0},{'ann' if digit < 5 else 'bob'}")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    rows += ["broken.png,3,bob", "missing.png,-,bob"]
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_labels_csv_gives_label_and_source(listed):
    samples = labelled.read_labelled_folder(listed)
    assert [sample.label for sample in samples] == [0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 3, NO_DIGIT]
    assert samples[0].source == "ann" and samples[9].source == "bob" and samples[0].name == "0.png"


def test_a_folder_per_digit(tmp_path, examples):
    for digit in (3, 7):
        (tmp_path / str(digit) / "deep").mkdir(parents=True)
        shutil.copy(examples[digit], tmp_path / str(digit) / "deep" / "x.PNG")
        (tmp_path / str(digit) / "notes.txt").write_text("no picture")
    samples = labelled.read_labelled_folder(tmp_path)
    assert [(sample.label, sample.source) for sample in samples] == [(3, tmp_path.name), (7, tmp_path.name)]


@pytest.mark.parametrize(
    "content",
    ["a,b\n1,2\n", "file,label\nx.png,ten\n", "file,label\nx.png,\n", "file,label\nx.png\n", "", "file,label\n"],
)
def test_a_labels_csv_that_cannot_be_meant_is_refused(content, tmp_path):
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(UserError, match=r"labels\.csv"):
        labelled.read_labelled_folder(tmp_path)


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"0 to 9; .*labels\.csv"):
        labelled.read_labelled_folder(tmp_path)
    with pytest.raises(UserError, match="no folder"):
        labelled.read_labelled_folder(tmp_path / "none")


@pytest.mark.parametrize("label, digit", [("7", 7), (" 7 ", 7), ("7.0", 7), ("7,00", 7), ("Seven", 7), ("zero", 0)])
def test_a_digit_is_understood_however_it_is_spelled(label, digit):
    assert to_digit(label) == digit


@pytest.mark.parametrize("label", ["", "-", "77", "7.5", "seventh", "７", "²"])
def test_what_is_no_digit_is_none(label):
    assert to_digit(label) is None


def test_answers_keep_the_order_and_withhold_what_cannot_be_read(predictor, listed):
    answers = labelled.answer(predictor, labelled.read_labelled_folder(listed))
    assert answers.digits.tolist() == [*range(10), NO_DIGIT, NO_DIGIT]
    assert answers.statuses.tolist() == ["ok"] * 10 + ["error"] * 2
    assert answers.right.tolist() == [True] * 8 + [False] * 4
    assert labelled.status_counts(answers) == {"ok": 10, "unsure": 0, "blank": 0, "not_a_digit": 0, "error": 2}
    assert np.array_equal(answers.ink[4], to_ink(listed / "4.png")) and not answers.ink[10].any()


def test_a_summary_averages_over_sources(predictor, listed):
    answers = labelled.answer(predictor, labelled.read_labelled_folder(listed))
    figures = labelled.digit_figures(labelled.only(answers, answers.labels < NO_DIGIT))
    assert figures["accuracy"]["share"] == 8 / 11
    assert figures["sources_averaged"]["share"] == pytest.approx((5 / 5 + 3 / 6) / 2)
    assert figures["ok_but_wrong"]["share"] == 2 / 10
    assert labelled.split_by_source(answers)["ann"]["share"] == 1


def test_the_most_confident_errors_come_first(predictor, listed):
    answers = labelled.answer(predictor, labelled.read_labelled_folder(listed))
    worst = labelled.most_confident_errors(answers, 2)
    assert set(worst) == {8, 9}
    assert answers.confidences[worst[0]] >= answers.confidences[worst[1]]


def test_ink_in_memory_takes_the_path_of_a_file(predictor, examples):
    ink = np.stack([to_ink(path) for path in examples.values()])
    samples = labelled.to_samples(ink, np.arange(10), "memory")
    assert isinstance(samples[0].picture, bytes)
    assert labelled.answer(predictor, samples).right.all()


def test_no_samples_make_no_answers(predictor):
    answers = labelled.answer(predictor, [])
    assert answers.ink.shape == (0, 28, 28) and answers.probabilities.shape == (0, 10)
    assert labelled.status_counts(answers)["ok"] == 0


def test_a_batch_larger_than_the_memory_limit_stays_in_order(predictor, examples):
    samples = [Sample(to_ink(examples[i % 10]), i % 10) for i in range(labelled.AT_ONCE + 20)]
    assert labelled.answer(predictor, samples).right.all()
