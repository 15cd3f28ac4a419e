"""The predictor's contract: what it returns, what it refuses, and that engines, batches and the command line agree."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

import predict
from digits.command import UserError
from digits.files import ROOT
from digits.finding.decode import open_picture
from digits.finding.digit import to_ink
from digits.finding.limits import PictureError
from predict import MNISTPredictor
from utils import choose_device

COLUMNS = ["path", "status", "digit", "confidence", "runner_up", "runner_up_confidence"]
COLUMNS += [f"p{digit}" for digit in range(10)]


@pytest.mark.parametrize("digit", range(10))
def test_it_reads_the_example_drawings(predictor, examples, digit):
    prediction = predictor.predict(examples[digit])
    assert (prediction.digit, prediction.status) == (digit, "ok")
    assert prediction.confidence > 0.6


def test_a_prediction_unpacks_as_digit_confidence_probs(predictor, examples):
    digit, confidence, probs = predictor.predict(str(examples[4]))
    assert digit == 4 and isinstance(digit, int)
    assert probs.shape == (10,) and probs.dtype == np.float32
    assert probs.sum() == pytest.approx(1, abs=1e-5)
    assert confidence == pytest.approx(probs[4]) and isinstance(confidence, float)


def test_a_prediction_is_shown_in_a_few_lines(predictor, examples):
    assert len(repr(predictor.predict(examples[7])).splitlines()) < 6


def test_the_runner_up_is_second(predictor, examples):
    prediction = predictor.predict(examples[1])
    best, second = np.argsort(prediction.probs)[::-1][:2]
    assert (best, second) == (prediction.digit, prediction.runner_up)


def test_path_bytes_image_and_array_are_one_picture(predictor, examples):
    path = examples[7]
    with Image.open(path) as image:
        image.load()
    wanted = predictor.predict(path).probs
    for picture in (str(path), path.read_bytes(), image, np.asarray(image)):
        assert predictor.predict(picture).probs == pytest.approx(wanted, abs=1e-6), type(picture)


def test_a_batch_answers_as_one_by_one_and_in_order(predictor, examples):
    files = [examples[digit] for digit in (3, 1, 4, 1, 5, 9, 2, 6)]
    together = predictor.predict_batch(files)
    assert [prediction.digit for prediction in together] == [3, 1, 4, 1, 5, 9, 2, 6]
    for file, prediction in zip(files, together, strict=True):
        assert prediction.probs == pytest.approx(predictor.predict(file).probs, abs=1e-5)


def test_a_bad_picture_raises_alone_and_is_a_row_in_a_batch(predictor, examples, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_text("hello")
    with pytest.raises(PictureError):
        predictor.predict(bad)
    first, middle, last = predictor.predict_batch([examples[2], bad, examples[3]])
    assert (first.digit, middle.digit, last.digit) == (2, None, 3)
    assert middle.status == "error" and middle.reason
    row = middle.row("bad.png")
    assert row["status"] == "error" and row["error"] == middle.reason
    assert row["digit"] is row["confidence"] is row["p0"] is None


@pytest.mark.parametrize("colour", [0, 255, 128])
def test_a_blank_page_is_no_digit(predictor, colour):
    prediction = predictor.predict(np.full((60, 80), colour, np.uint8))
    assert (prediction.digit, prediction.status) == (None, "blank")
    assert prediction.probs == pytest.approx(0.1)
    assert prediction.reason


def test_an_empty_batch_is_empty(predictor):
    assert predictor.predict_batch([]) == []
    assert predictor.predict_proba(np.zeros((0, 28, 28), np.uint8)).shape == (0, 10)


def test_predict_proba_takes_ink(predictor, examples):
    ink = np.stack([to_ink(examples[digit]) for digit in range(10)])
    probabilities = predictor.predict_proba(ink)
    assert probabilities.shape == (10, 10) and probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert list(predictor.classes_[probabilities.argmax(axis=1)]) == list(range(10))
    assert predictor.predict_proba(ink[8]) == pytest.approx(probabilities[8:9], abs=1e-5)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint16, np.int64])
def test_ink_of_other_numbers_is_scaled_by_its_range(predictor, examples, kind):
    ink = np.stack([to_ink(examples[digit]) for digit in (4, 8)])
    wanted = predictor.predict_proba(ink)
    assert predictor.predict_proba(ink.astype(kind)) == pytest.approx(wanted, abs=1e-6)
    assert predictor.predict_proba(ink.reshape(2, -1).tolist()) == pytest.approx(wanted, abs=1e-6)
    if np.issubdtype(kind, np.floating):
        assert predictor.predict_proba(ink.astype(kind) / 255) == pytest.approx(wanted, abs=1e-6)
    assert predictor.predict_proba(ink > 127).argmax(axis=1).tolist() == [4, 8]


@pytest.mark.parametrize("level", [300, -1, np.nan, 65535, 1j, "7"])
def test_ink_out_of_range_is_refused(predictor, level):
    with pytest.raises(PictureError, match="ink goes from 0 to 255|is not a picture"):
        predictor.predict_proba(np.full((1, 28, 28), level))


def test_an_array_of_nothing_but_nan_is_no_blank_paper(predictor):
    with pytest.raises(PictureError, match="nan"):
        predictor.predict(np.full((28, 28), np.nan))


def test_ink_of_another_shape_is_refused(predictor):
    with pytest.raises(PictureError, match=r"shape \(2, 14, 56\) is not ink"):
        predictor.predict_proba(np.zeros((2, 14, 56), np.uint8))


def test_open_files_are_read(predictor, examples):
    wanted = predictor.predict(examples[7]).probs
    buffer = io.BytesIO()
    with Image.open(examples[7]) as image, examples[7].open("rb") as file:
        image.save(buffer, "PNG")  # which leaves it at its end
        for picture in (buffer, file, file):
            assert predictor.predict(picture).probs == pytest.approx(wanted, abs=1e-6)
        assert predictor.read_number(file).text == "7"


def test_what_is_no_picture_is_a_sentence_and_a_row(predictor, examples):
    closed = io.BytesIO()
    closed.close()
    for wrong, said in ((None, "NoneType is not a picture"), (7, "int is not a picture"), (closed, "cannot be read")):
        with pytest.raises(PictureError, match=said):
            predictor.predict(wrong)
        bad, good = predictor.predict_batch([wrong, examples[2]])
        assert (bad.status, good.digit) == ("error", 2) and said in bad.reason
    with examples[7].open(encoding="latin-1") as text, pytest.raises(PictureError, match="as text"):
        predictor.predict(text)


def test_a_thousand_inks_are_answered_as_singly(predictor):
    ink = np.random.default_rng(0).integers(0, 256, (1000, 28, 28), dtype=np.uint8)  # more than one batch
    together = predictor.predict_proba(ink)
    for i in (0, 255, 256, 999):
        assert together[i : i + 1] == pytest.approx(predictor.predict_proba(ink[i]), abs=1e-5)


def test_both_engines_agree(examples):
    files = list(examples.values())
    by_onnx, by_torch = (MNISTPredictor(engine=name).predict_batch(files) for name in ("onnx", "torch"))
    for one, other in zip(by_onnx, by_torch, strict=True):
        assert one.probs == pytest.approx(other.probs, abs=1e-4)
        assert (one.digit, one.status) == (other.digit, other.status)


def test_the_vote_of_a_model_with_itself_is_its_own(predictor, examples):
    twice = MNISTPredictor(["mnistnet", "mnistnet"])
    assert twice.predict(examples[6]).probs == pytest.approx(predictor.predict(examples[6]).probs, abs=1e-6)


@pytest.mark.parametrize("wrong", [
    {"model": "lenet"}, {"model": "nowhere/weights.pth"}, {"engine": "steam"}, {"model": []},
    {"device": "bogus"}, {"device": "cuda:99"}, {"threshold": 5}, {"threshold": float("nan")},
])  # fmt: skip
def test_what_is_not_there_is_said_in_one_sentence(wrong):
    with pytest.raises(UserError) as caught:
        MNISTPredictor(**wrong)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_checkpoint_is_said_in_one_sentence(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"w\.pth"):
        MNISTPredictor(tmp_path / "w.pth")


# ---------------------------------------------------------------- command line


def test_json_lines_have_the_reports_columns(examples, capsys):
    files = [str(examples[3]), str(examples[5])]
    assert predict.main([*files, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["path"] for row in rows] == files
    assert [row["digit"] for row in rows] == [3, 5]
    assert [key for key in rows[0] if key in COLUMNS] == COLUMNS
    assert rows[0]["error"] is None


def test_a_file_after_the_network_is_read(examples, capsys):
    assert predict.main(["--model", "models/mnist_cnn_best.pth", str(examples[7])]) == 0
    assert capsys.readouterr().out.startswith(f"{examples[7]}: 7")


def test_the_bare_command_reads_the_examples(capsys):
    assert predict.main([]) == 0
    assert [line.split(": ")[1][0] for line in capsys.readouterr().out.splitlines()] == list("0123456789")


def test_an_unreadable_file_is_a_line_and_status_1(examples, tmp_path, capsys):
    missing = str(tmp_path / "missing.png")
    assert predict.main([missing, str(examples[1]), "--json"]) == 1
    bad, good = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert bad["status"] == "error" and bad["error"]
    assert good["digit"] == 1


def test_an_unknown_model_is_status_2(examples, capsys):
    assert predict.main([str(examples[1]), "--model", "lenet"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_it_starts_without_the_heavy_packages(examples):
    code = (
        "import sys, predict; predict.main([sys.argv[1]]);"
        "heavy = {'torch', 'torchvision', 'gradio', 'ray', 'matplotlib', 'pandas'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code, examples[1]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_picture_of_several_digits_is_not_read_as_one_with_confidence():
    picture = np.full((120, 300), 255, np.uint8)
    for place, digit in enumerate("427"):
        cv2.putText(picture, digit, (20 + 90 * place, 95), cv2.FONT_HERSHEY_SIMPLEX, 2.8, 0, 6, cv2.LINE_AA)
    assert predict.MNISTPredictor().predict(picture).status in ("unsure", "not_a_digit")


def test_a_foreign_onnx_file_is_one_sentence(tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"not a network")
    with pytest.raises(UserError, match="other.onnx is not a network exported by model.py"):
        MNISTPredictor(tmp_path / "other.pth", engine="onnx")
    with pytest.raises(UserError, match=f"--export {tmp_path / 'none.pth'}"):
        MNISTPredictor(tmp_path / "none.pth", engine="onnx")


def test_one_look_of_a_vote_is_the_mean_of_its_networks(examples):
    ink = np.stack([to_ink(path) for path in examples.values()])
    names = ["mnistnet", "plaincnn"]
    alone = [MNISTPredictor(name)._look(ink)[0] for name in names]
    assert MNISTPredictor(names)._look(ink)[0] == pytest.approx(np.mean(alone, axis=0), abs=1e-6)


@pytest.mark.parametrize("radius", [4, 7, 12, 20, 28, 42, 70])
def test_a_filled_blob_is_no_digit(predictor, radius):
    """The paper estimated near by would make a ring of it, and of the ring a 0."""
    picture = np.full((280, 280), 255, np.uint8)
    cv2.circle(picture, (140, 140), radius, 17, -1, cv2.LINE_AA)
    assert predictor.predict(picture).status == "not_a_digit"


@pytest.mark.parametrize("noise", [0, 3])
@pytest.mark.parametrize("side", [60, 160, 500])
@pytest.mark.parametrize("shape", [(0.5, 0.8), (0.6, 0.6), (0.75, 0.4)])
def test_an_empty_box_is_no_digit(predictor, side, shape, noise):
    picture = np.full((side, side), 235, np.uint8)
    half = (np.array(shape) * side / 2).astype(int)
    corner, opposite = (int(v) for v in side // 2 - half), (int(v) for v in side // 2 + half)
    cv2.rectangle(picture, tuple(corner), tuple(opposite), 40, max(2, side // 50), cv2.LINE_AA)
    picture = np.clip(picture + np.random.default_rng(0).normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
    assert predictor.predict(picture).status != "ok"


def test_a_ring_is_still_a_zero(predictor):
    picture = np.full((280, 280), 255, np.uint8)
    cv2.ellipse(picture, (140, 140), (55, 80), 0, 0, 360, 17, 24, cv2.LINE_AA)
    assert (predictor.predict(picture).digit, predictor.predict(picture).status) == (0, "ok")


def test_strokes_too_thick_for_their_size_are_never_sure(predictor):
    """A 2 of 12 % of the sheet drawn with a thick pen: its loops close, and it looks like an 8."""
    sheet = np.full((1120, 1120), 255, np.uint8)
    points = np.int32([(-18, -18), (-10, -30), (5, -32), (16, -22), (12, -6), (-4, 12), (-20, 30), (22, 30)])
    cv2.polylines(sheet, [560 + 2 * points], False, 17, 95, cv2.LINE_AA)
    assert predictor.predict(cv2.resize(sheet, (280, 280), interpolation=cv2.INTER_AREA)).status != "ok"


def drawn(points: list[tuple[int, int]], dot: tuple[int, int] | None = None, pen: int = 20) -> np.ndarray:
    """Return a stroke through the points, and a dot, black on white, uint8 (280, 280)."""
    picture = np.full((280, 280), 255, np.uint8)
    cv2.polylines(picture, [np.int32(points)], False, 17, pen, cv2.LINE_AA)
    if dot:
        cv2.circle(picture, dot, pen // 2 + 2, 17, -1, cv2.LINE_AA)
    return picture


@pytest.mark.parametrize("pen", [8, 14, 20])
def test_an_exclamation_or_question_mark_is_not_surely_a_digit(predictor, pen):
    stem = [(140, 50), (138, 170)]
    curve = [(100, 90), (110, 60), (145, 50), (175, 70), (170, 105), (140, 130), (138, 170)]
    assert predictor.predict(drawn(stem, pen=pen)).digit == 1
    for points in (stem, curve):
        assert predictor.predict(drawn(points, (138, 215), pen)).status != "ok"
    assert predictor.predict(drawn(stem, (185, 165), pen)).digit == 1  # "1." is one: its point stands beside it


@pytest.mark.parametrize("share", [0.3, 0.45])
@pytest.mark.parametrize("side", ["top", "bottom", "left", "right"])
@pytest.mark.parametrize("digit", [0, 4, 6, 8, 9])
def test_a_digit_that_goes_on_beyond_the_border_is_never_sure(predictor, examples, digit, side, share):
    picture = cv2.copyMakeBorder(open_picture(examples[digit]), 60, 60, 60, 60, cv2.BORDER_REPLICATE)
    left, top, right, bottom = predictor.predict(picture).box
    across, down = round(share * (right - left)), round(share * (bottom - top))
    cut = {
        "top": picture[top + down :], "bottom": picture[: bottom - down],
        "left": picture[:, left + across :], "right": picture[:, : right - across],
    }[side]  # fmt: skip
    assert predictor.predict(cut).status != "ok"


def test_choose_device_takes_the_user_at_their_word():
    assert choose_device("cpu") == "cpu"
    assert choose_device() in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("one", ["assets/examples/7.png", b"...", ROOT / "assets" / "examples" / "7.png"])
def test_one_picture_is_no_batch(predictor, one):
    """A path would be read letter by letter."""
    with pytest.raises(PictureError, match="several pictures"):
        predictor.predict_batch(one)
