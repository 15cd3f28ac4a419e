"""Numbers are found, read in order with their signs, and doubted where something in them is doubtful.

The pictures are set from the ten example drawings, so that the shipped network reads them.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from digits.finding.digit import find_digit
from digits.finding.pixels import bounding_box
from digits.learning.typefaces import typeset
from digits.reading.finder import NumberFinder
from digits.reading.line import DigitReading, NumberReaders, ReadLine, read_zone
from digits.reading.number import read_number
from digits.reading.strays import strays
from digits.reading.symbols import CTC_BLANK, OTHER, SYMBOLS
from digits.reading.verdict import NOT_A_DIGIT, OK, UNSURE
from digits.reading.zones import Zone

HEIGHT = 56


@pytest.fixture(scope="session")
def glyphs(examples) -> dict[int, np.ndarray]:
    """The example drawings, cut to their strokes: float32 (HEIGHT, w), 0-1."""
    cut = {}
    for digit, path in examples.items():
        found = find_digit(path)
        rows, columns = np.flatnonzero(found.mask.any(axis=1)), np.flatnonzero(found.mask.any(axis=0))
        strokes = np.clip(found.contrast * found.mask, 0, 1)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        width = max(4, round(strokes.shape[1] * HEIGHT / strokes.shape[0]))
        cut[digit] = cv2.resize(strokes.astype(np.float32), (width, HEIGHT), interpolation=cv2.INTER_AREA)
    return cut


def write(glyphs: dict[int, np.ndarray], text: str, gap: int = 14, pitch: int = 96, margin: int = 50) -> np.ndarray:
    """Return coverage, float32 (h, w), of lines of digits; a space is one digit wide."""
    lines = []
    for line in text.split("\n"):
        strip = np.zeros((pitch, margin), np.float32)
        for letter in line:
            block = np.zeros((pitch, HEIGHT), np.float32)
            if letter != " ":
                block = np.pad(glyphs[int(letter)], ((0, pitch - HEIGHT), (0, max(0, gap))))
            strip = np.hstack([strip, block])
        lines.append(strip)
    width = max(line.shape[1] for line in lines) + margin
    page = np.vstack([np.pad(line, ((0, 0), (0, width - line.shape[1]))) for line in lines])
    return np.pad(page, ((margin, max(0, margin - (pitch - HEIGHT))), (0, 0)))


def on_paper(coverage: np.ndarray, paper: float = 235, ink: float = 40) -> np.ndarray:
    return (paper + (ink - paper) * coverage).clip(0, 255).astype(np.uint8)


def tilt(picture: np.ndarray, degrees: float, border: int) -> np.ndarray:
    """Turn so that lines fall to the right by `degrees`."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    matrix[:, 2] += 40
    return cv2.warpAffine(picture, matrix, (width + 80, height + 80), borderValue=border)


def photograph(coverage: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the writing on a shaded, noisy sheet of paper that lies a little askew on a dark desk."""
    sheet = tilt(np.pad(on_paper(coverage).astype(np.int16), 20, constant_values=235) + 1, 4, border=0)
    page = np.where(sheet == 0, 70, sheet).astype(np.float32)
    page *= np.linspace(1.0, 0.75, page.shape[1])
    return (page + np.random.default_rng(seed).normal(0, 3, page.shape)).clip(0, 255).astype(np.uint8)


def test_a_line_is_read_from_left_to_right(glyphs, predictor):
    assert predictor.read_number(on_paper(write(glyphs, "4071"))).text == "4071"


def test_lines_come_from_top_to_bottom_and_groups_keep_their_spaces(glyphs, predictor):
    reading = predictor.read_number(on_paper(write(glyphs, "20 14\n573\n96")))
    assert reading.lines == ["20 14", "573", "96"]
    assert [digit.line for digit in reading.digits] == [0] * 4 + [1] * 3 + [2] * 2


def test_wide_writing_without_groups_has_no_spaces(glyphs, predictor):
    assert predictor.read_number(on_paper(write(glyphs, "2735", gap=34))).text == "2735"


@pytest.mark.parametrize("paper, ink", [(255, 0), (15, 240), (200, 120)])
def test_either_polarity_and_faint_ink(glyphs, predictor, paper, ink):
    assert predictor.read_number(on_paper(write(glyphs, "538\n204"), paper, ink)).text == "538\n204"


@pytest.mark.parametrize("degrees", [-10, -4, 6, 10])
def test_slanted_lines_stay_lines(glyphs, predictor, degrees):
    coverage = write(glyphs, "27305\n40253")
    assert predictor.read_number(tilt(on_paper(coverage), degrees, 235)).text == "27305\n40253"


@pytest.mark.parametrize("degrees", [-9, 9])
def test_groups_set_far_apart_stay_one_line_on_a_slanting_page(glyphs, predictor, degrees):
    """None of them is long enough to show the slant by itself."""
    coverage = write(glyphs, "27  5  30")
    assert predictor.read_number(tilt(on_paper(coverage), degrees, 235)).text == "27 5 30"


def test_boxes_lie_on_the_digits_of_a_large_picture(glyphs, predictor):
    coverage = write(glyphs, "35")
    large = cv2.resize(on_paper(coverage), None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    first, second = (digit.box for digit in predictor.read_number(large).digits)
    for box, left in ((first, 50), (second, 50 + glyphs[3].shape[1] + 14)):
        width = glyphs[3 if box is first else 5].shape[1]
        expected = (6 * left, 6 * 50, 6 * (left + width), 6 * (50 + HEIGHT))
        assert np.abs(np.subtract(box, expected)).max() <= 18


def test_ruled_lines_are_not_read(glyphs, predictor):
    page = on_paper(write(glyphs, "358\n720"))
    page[30::48] = np.minimum(page[30::48], 150)
    assert predictor.read_number(page).text == "358\n720"


def test_a_sheet_on_a_desk_is_found_and_only_the_sheet_is_read(glyphs, predictor):
    picture = photograph(write(glyphs, "3582\n720"))
    assert predictor.read_number(picture).text == "3582\n720"


def touching(glyphs: dict[int, np.ndarray], left: int, right: int, overlap: int = 2) -> np.ndarray:
    """Return two digits pushed together until their strokes overlap by some pixels."""
    a, b = glyphs[left], glyphs[right]
    rows = np.flatnonzero((a > 0.5).any(axis=1) & (b > 0.5).any(axis=1))
    reach = [np.flatnonzero(a[row] > 0.5)[-1] - np.flatnonzero(b[row] > 0.5)[0] for row in rows]
    x = int(max(reach)) + 1 - overlap
    pair = np.zeros((HEIGHT, max(a.shape[1], x + b.shape[1])), np.float32)
    pair[:, : a.shape[1]] = a
    pair[:, x : x + b.shape[1]] = np.maximum(pair[:, x : x + b.shape[1]], b)
    return pair


@pytest.mark.parametrize("left, right", [(3, 5), (2, 0), (6, 4)])
def test_touching_digits_are_cut(glyphs, predictor, left, right):
    pair = np.pad(touching(glyphs, left, right), 40)
    n_parts, _labels = cv2.connectedComponents((pair > 0.3).astype(np.uint8))
    assert n_parts == 2  # the ground and one part: they do touch
    assert predictor.read_number(on_paper(pair)).text == f"{left}{right}"


def test_a_broken_stroke_is_one_digit(glyphs, predictor):
    coverage = write(glyphs, "352")
    coverage[50 + 30 : 50 + 33] = 0  # a pen that skips, right across the line
    assert predictor.read_number(on_paper(coverage)).text == "352"


def test_one_digit_reads_as_predict_reads_it(examples, predictor):
    for digit, path in examples.items():
        reading, prediction = predictor.read_number(path), predictor.predict(path)
        assert reading.text == str(digit)
        (only,) = reading.digits
        assert only.confidence == pytest.approx(prediction.confidence, abs=1e-6)
        assert only.box == prediction.found.box


@pytest.mark.parametrize(("score", "text"), [(1.5, "7"), (-1.5, "")])
def test_a_digit_that_no_line_shows_is_doubtful_not_gone(examples, predictor, monkeypatch, score, text):
    """The line reader sees nothing in it; `predict` takes it for a 7 or a 1, and for a digit or rather not."""
    doubtful = replace(predictor.predict(examples[7]), status=UNSURE, reason="could be 7 or 1", score=score)
    reading = read_number(np.full((200, 200), 255, np.uint8), predictor.number_readers(), lambda: doubtful)
    assert (reading.text, reading.status) == ((text, UNSURE) if text else ("", NOT_A_DIGIT))


def test_nothing_written_is_an_empty_reading(predictor):
    noise = np.random.default_rng(0).normal(200, 3, (300, 400)).clip(0, 255).astype(np.uint8)
    for blank in (np.full((200, 300), 255, np.uint8), np.zeros((200, 300, 3), np.uint8), noise):
        reading = predictor.read_number(blank)
        assert (reading.text, reading.lines, reading.digits) == ("", [], [])


def test_the_row_is_plain_json(glyphs, predictor):
    import json

    row = json.loads(json.dumps(predictor.read_number(on_paper(write(glyphs, "35\n8"))).row("a.png")))
    assert (row["path"], row["text"], row["lines"]) == ("a.png", "35\n8", ["35", "8"])
    assert [digit["digit"] for digit in row["digits"]] == [3, 5, 8]
    assert all(len(digit["box"]) == 4 and len(digit["probs"]) == 10 for digit in row["digits"])


def test_the_command_line_prints_the_number(glyphs, tmp_path, capsys):
    from predict import main

    path, bad = tmp_path / "number.png", tmp_path / "bad.png"
    cv2.imwrite(str(path), on_paper(write(glyphs, "35\n82")))
    bad.write_bytes(b"")
    assert main(["--number", str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: 35 / 82  ok")
    assert main(["--number", "--json", str(path), str(bad)]) == 1
    assert '"error": "the file is empty"' in capsys.readouterr().out.splitlines()[1]


def test_a_sharp_shadow_across_the_page_hides_no_digit(glyphs, predictor):
    page = on_paper(write(glyphs, "3582\n720")).astype(np.float32)
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    page[x - 0.3 * y > 0.4 * page.shape[1]] *= 0.6
    noisy = page + np.random.default_rng(0).normal(0, 3, page.shape)
    assert predictor.read_number(noisy.clip(0, 255).astype(np.uint8)).text == "3582\n720"


def test_squared_paper_leaves_no_dots(glyphs, predictor):
    page = on_paper(write(glyphs, "358\n720"))
    page[7::40] = np.minimum(page[7::40], 150)
    page[:, 7::40] = np.minimum(page[:, 7::40], 150)
    assert predictor.read_number(page).text == "358\n720"


def test_a_word_is_no_sure_number(predictor):
    for word in ("MINI", "Hello", "North"):
        page = np.full((200, 700), 255, np.uint8)
        cv2.putText(page, word, (60, 140), cv2.FONT_HERSHEY_SIMPLEX, 3, 0, 8, cv2.LINE_AA)
        assert not [digit for digit in predictor.read_number(page).digits if digit.status == "ok"]


def test_numbers_beside_each_other_are_one_line(glyphs, predictor):
    left, right = write(glyphs, "35"), write(glyphs, "82")
    page = on_paper(np.hstack([left, np.zeros((left.shape[0], 200)), right]))
    assert predictor.read_number(page).lines == ["35 82"]


def test_a_box_round_a_number_is_not_read(glyphs, predictor):
    page = on_paper(write(glyphs, "4071"))
    cv2.rectangle(page, (20, 20), (page.shape[1] - 20, page.shape[0] - 20), 60, 3)
    assert predictor.read_number(page).text == "4071"


@pytest.mark.parametrize("certainty, status", [(0.95, UNSURE), (0.5, OK)])
def test_what_surely_is_a_number_and_cannot_be_read_is_not_passed_over(
    glyphs, predictor, monkeypatch, certainty, status
):
    """Two lines, of which one cannot be read: the other alone would be a wrong answer."""

    def read(_grey, zone, _readers):
        if zone.x == 0:
            unread = "something at columns 0–80 was not read"
            return ReadLine(replace(zone, certainty=certainty), "", [], [], 0.3, unread)
        digit = DigitReading(7, 0.99, np.eye(10, dtype=np.float32)[7], (90, 0, 120, 40), OK, 0)
        return ReadLine(zone, "77", [(0.0, 0.5), (0.6, 1.1)], [digit, digit], 0.99, "")

    monkeypatch.setattr("digits.reading.number.read_zone", read)
    monkeypatch.setattr("digits.reading.number.strays", lambda *_page: [])
    zones = [Zone(0, 20, 80, 40, 0, 0.9), Zone(90, 20, 80, 40, 0, 0.9)]
    monkeypatch.setattr("digits.reading.finder.NumberFinder.looks", lambda _self, _grey: ([zones], zones))
    reading = predictor.read_number(on_paper(write(glyphs, "77")))
    assert (reading.text, reading.status) == ("77", status)


def with_the_first_zone_alone(monkeypatch):
    """Let the finder see the line furthest to the left, and no other."""
    look = NumberFinder.looks

    def looks(finder, grey):
        zones = [min(zones, key=lambda zone: zone.x) for zones in look(finder, grey)[0]]
        return [zones[:1]], zones[:1]

    monkeypatch.setattr(NumberFinder, "looks", looks)


@pytest.mark.parametrize("text", ["35    1", "35    27"])
def test_what_the_finder_did_not_see_is_read_and_doubted(glyphs, predictor, monkeypatch, text):
    page = on_paper(write(glyphs, text))
    with_the_first_zone_alone(monkeypatch)
    reading = predictor.read_number(page)
    assert (reading.text.split(), reading.status) == (text.split(), UNSURE)
    assert "was hardly seen" in reading.reason


def test_rules_frames_and_print_are_no_stray_ink(glyphs, predictor):
    finder = predictor.number_readers().finder
    page = on_paper(write(glyphs, "35        ", margin=90))
    zones = finder.looks(page)[0][0]
    for step in range(4):  # a comb and a table, faint here and there
        cv2.line(page, (380 + 60 * step, 0), (380 + 60 * step, page.shape[0]), 120 + 20 * step, 2)
    cv2.rectangle(page, (70, 60), (page.shape[1] - 20, page.shape[0] - 40), 60, 3)
    assert strays(page, zones, finder) == []
    word = typeset("Summe", 50, np.random.default_rng(0))
    printed = on_paper(write(glyphs, "35          ", margin=90))
    place = printed[80 : 80 + word.shape[0], 420 : 420 + word.shape[1]]
    np.minimum(place, on_paper(word), out=place)
    assert strays(printed, zones, finder) == []


def test_a_reading_that_is_not_ok_says_why(glyphs, predictor):
    page = on_paper(write(glyphs, "3582"))
    page[:, : page.shape[1] // 5] = 235  # half of the first digit is gone
    reading = predictor.read_number(page)
    assert (reading.status == OK) == (reading.reason == "")
    assert reading.row()["status"] == reading.status


def test_an_empty_box_is_no_number(predictor):
    for width in (180, 400):
        box = np.full((100, width), 245, np.uint8)
        cv2.rectangle(box, (12, 12), (width - 12, 88), 40, 2)
        assert predictor.read_number(box).text == ""


def zone_read(text: str, zone: Zone, doubt: str = "") -> ReadLine:
    digits = [
        DigitReading(int(t), 0.99, np.eye(10, dtype=np.float32)[int(t)], (0, 0, 9, 9), OK, 0)
        for t in text
        if t.isdigit()
    ]
    certainty = 0.4 if not digits else 0.7 if doubt == "hardly read" else 0.99
    spans = [(place, place + 0.8) for place in range(len(text))]
    return ReadLine(zone, text, spans, digits, certainty, doubt, not doubt)


FINE, COARSE = Zone(10, 20, 40, 40, 0, 0.9), Zone(10, 20, 120, 40, 0, 0.9)  # of two looks, the second reaches further


@pytest.mark.parametrize(
    "fine, coarse, text, status",
    [
        (("12", ""), ("12", ""), "12", OK),
        (("12", ""), ("123", ""), "123", UNSURE),  # a fine look that has overlooked a digit
        (("12", ""), ("123", "doubtful"), "12", UNSURE),
        (("12", ""), ("123", "hardly read"), "12", UNSURE),
        (("1.2", ""), ("12", ""), "1.2", UNSURE),
        (("123", "doubtful"), ("40", ""), "40", UNSURE),  # a coarse one that runs lines together
        (("", ""), ("88", ""), "88", OK),  # pieces of large strokes
    ],
)
def test_a_number_is_ok_only_if_no_other_look_says_more(glyphs, predictor, monkeypatch, fine, coarse, text, status):
    monkeypatch.setattr("digits.reading.finder.NumberFinder.looks", lambda _self, _grey: ([[FINE], [COARSE]], []))
    monkeypatch.setattr("digits.reading.number.strays", lambda *_page: [])
    said = {FINE: fine, COARSE: coarse}
    monkeypatch.setattr(
        "digits.reading.number.read_zone", lambda _grey, zone, _readers: zone_read(said[zone][0], zone, said[zone][1])
    )
    reading = predictor.read_number(on_paper(write(glyphs, "77")))
    assert (reading.text, reading.status) == (text, status)


def test_a_line_that_a_look_reads_twice_says_no_more_than_once(glyphs, predictor, monkeypatch):
    twice, whole = [replace(FINE, certainty=0.6), replace(FINE, x=30, certainty=0.6)], [COARSE]
    monkeypatch.setattr("digits.reading.finder.NumberFinder.looks", lambda _self, _grey: ([twice, whole], []))
    monkeypatch.setattr("digits.reading.number.strays", lambda *_page: [])
    said = {30: ("8", "a doubt"), 10: ("185", "")}

    def read(_grey, zone, _readers):
        text, doubt = ("1185", "a doubt") if zone is COARSE else said[int(zone.x)]
        return zone_read(text, zone, doubt)

    monkeypatch.setattr("digits.reading.number.read_zone", read)
    reading = predictor.read_number(on_paper(write(glyphs, "1185")))
    assert reading.text == "1185" and reading.status == UNSURE


@pytest.mark.parametrize("text, seen", [("350824", slice(4, 6)), ("350824", slice(0, 2)), ("35082413", slice(3, 4))])
def test_reading_goes_on_beyond_a_zone_that_shows_only_a_part_of_a_number(glyphs, predictor, text, seen):
    page = on_paper(write(glyphs, text))
    readers = predictor.number_readers()
    ((whole,), *_), _seen = readers.finder.looks(page)
    assert read_zone(page, whole, readers).text == text
    digit = whole.length / len(text)
    part = replace(whole, x=whole.x + seen.start * digit, length=(seen.stop - seen.start) * digit)
    assert read_zone(page, part, readers).text == text


def test_a_line_so_neat_that_it_may_be_print_is_read_but_not_ok(glyphs, predictor, monkeypatch):
    monkeypatch.setattr("digits.reading.finder.NumberFinder.looks", lambda _self, _grey: ([], []))
    reading = predictor.read_number(on_paper(write(glyphs, "3582")))
    assert (reading.text, reading.status) == ("3582", UNSURE) and reading.reason
    word = np.pad(typeset("Summe", 30, np.random.default_rng(0)), 12)
    assert predictor.read_number(on_paper(word)).text == ""
    two = on_paper(write(glyphs, "35\n82"))  # no single line: a page of print is not read
    assert predictor.read_number(two).text == ""


@pytest.mark.parametrize("text", ["4702", "1538", "96"])
@pytest.mark.parametrize(("rise", "width"), [(0, 3), (6, 7), (-8, 5)])
def test_a_number_that_is_crossed_out_is_not_ok_and_says_so(glyphs, predictor, text, rise, width):
    coverage = write(glyphs, text)
    assert predictor.read_number(on_paper(coverage)).status == OK
    tall, wide = coverage.shape
    cv2.line(coverage, (35, tall // 2 - rise), (wide - 35, tall // 2 + rise), 1.0, width)
    reading = predictor.read_number(on_paper(coverage))
    assert reading.status != OK
    assert reading.reason == "it may be crossed out" or "was not read" in reading.reason


@pytest.mark.parametrize("text", ["1748", "5412", "81118"])
@pytest.mark.parametrize("side", ["left", "middle"])
def test_one_digit_a_cell_is_one_number_without_spaces(glyphs, predictor, text, side):
    """A 1 is narrow: beside it the gaps are wide, though the cells are not."""
    pitch, coverage = 88, np.zeros((96, 88 * len(text) + 20), np.float32)
    for i, digit in enumerate(text):
        ink = np.ones((HEIGHT, 6), np.float32) if digit == "1" else glyphs[int(digit)]
        height, width = ink.shape
        left = 10 + i * pitch + (8 if side == "left" else (pitch - width) // 2)
        coverage[20 : 20 + height, left : left + width] = ink
        cv2.rectangle(coverage, (10 + i * pitch, 5), (10 + (i + 1) * pitch, 90), 0.6, 2)
    assert predictor.read_number(on_paper(coverage)).text == text


def test_half_a_digit_at_the_border_is_not_passed_over(glyphs, predictor):
    for text in ("57", "31", "84", "60"):
        page = on_paper(write(glyphs, text))
        columns = np.flatnonzero((page < 150).any(axis=0))
        last = columns[np.flatnonzero(np.diff(columns) > 5)[-1] + 1]  # where the second digit begins
        reading = predictor.read_number(page[:, : last + (columns[-1] - last) // 2])
        assert reading.status != OK, text


@pytest.mark.parametrize("text", ["1719", "61", "498"])
@pytest.mark.parametrize("at", ["the top", "the foot"])
def test_a_number_that_may_go_on_beyond_the_border_is_not_ok(glyphs, predictor, text, at):
    written = write(glyphs, text)
    rows = np.flatnonzero(written.any(axis=1))
    middle = (rows[0] + rows[-1]) // 2
    cut = written[middle:] if at == "the top" else written[:middle]
    assert predictor.read_number(on_paper(cut)).status != OK
    close = written[rows[0] - 2 :] if at == "the top" else written[: rows[-1] + 3]
    assert predictor.read_number(on_paper(close)).status == OK


def test_a_number_of_another_size_is_not_passed_over(glyphs, predictor):
    rows = write(glyphs, "\n".join(["35 82"] * 4))
    large = cv2.resize(write(glyphs, "48"), None, fx=4.5, fy=4.5)
    page = np.zeros((max(len(rows), len(large)), rows.shape[1] + large.shape[1]), np.float32)
    page[: len(rows), : rows.shape[1]], page[: len(large), rows.shape[1] :] = rows, large
    reading = predictor.read_number(on_paper(page))
    assert reading.status != OK or "48" in reading.text


@pytest.mark.parametrize("filled, status", [(False, OK), (True, UNSURE)])
def test_a_smudge_between_two_groups_is_not_passed_over(glyphs, predictor, filled, status):
    page = write(glyphs, "35  82")
    left, top, right, bottom = bounding_box(page > 0.3)
    middle, wide = (left + right) // 2, (bottom - top) // 2
    page[top:bottom, middle - wide : middle + wide] = 0.8 * filled
    reading = predictor.read_number(on_paper(page))
    assert (reading.text.replace(" ", ""), reading.status) == ("3582", status)


def test_two_digits_far_apart_are_two_numbers(glyphs, predictor):
    assert predictor.read_number(on_paper(write(glyphs, "6   9"))).text == "6 9"


@pytest.mark.parametrize("blur, n_looks", [(1, 1), (10, 2)])
def test_a_clear_line_is_read_once_and_a_blurred_one_at_two_heights(glyphs, predictor, blur, n_looks):
    grey = cv2.GaussianBlur(on_paper(write(glyphs, "35271")), (0, 0), blur)
    readers, seen = predictor.number_readers(), []

    class Heard:
        def run(self, strips: np.ndarray) -> np.ndarray:
            seen.append(strips.shape[2])
            return readers.lines.run(strips)

    zone = readers.finder.looks(grey)[0][0][0]
    read_zone(grey, zone, replace(readers, lines=Heard()))
    assert len(seen) == n_looks == len(set(seen))


def test_reading_on_comes_to_an_end():
    """A strip that shows a digit at its very end, however long it is."""
    looks = []

    class SaysOneAtTheEnd:
        def run(self, strips: np.ndarray) -> np.ndarray:
            looks.append(strips.shape)
            said = np.full((strips.shape[2] // 2, len(SYMBOLS) + 1), 1e-6)
            said[:, CTC_BLANK], said[-6] = 1.0, 1e-6
            said[-6, 1] = 1.0
            return np.log(said / said.sum(axis=1, keepdims=True))[None]

    readers = NumberReaders(finder=None, lines=SaysOneAtTheEnd())
    line = read_zone(np.full((60, 4000), 235, np.uint8), Zone(20, 30, 30, 30, 0, 0.9), readers)
    assert len(looks) < 20 and line.text == "1" and line.doubt.endswith("was not read")


class SaysOneOrElse:
    """A line reader that always sees a 4 and then a 1, or perhaps something else."""

    def __init__(self, otherwise: str) -> None:
        self._otherwise = (SYMBOLS + "\0").index(otherwise)

    def run(self, strips: np.ndarray) -> np.ndarray:
        said = np.full((strips.shape[2] // 2, len(SYMBOLS) + 1), 1e-6)
        said[:, CTC_BLANK] = 1.0
        said[20], said[30] = 1e-6, 1e-6
        said[20, 4], said[30, 1], said[30, self._otherwise] = 1.0, 0.7, 0.3
        return np.log(said / said.sum(axis=1, keepdims=True))[None]


@pytest.mark.parametrize("otherwise, named", [("-", "-"), ("7", "7"), (OTHER, "other writing"), ("\0", "nothing")])
def test_what_else_a_symbol_may_be_is_named(otherwise, named):
    readers = NumberReaders(finder=None, lines=SaysOneOrElse(otherwise))
    line = read_zone(np.full((60, 120), 235, np.uint8), Zone(20, 30, 70, 30, 0, 0.9), readers)
    assert line.text == "41" and line.doubt.startswith("the 1 at columns ") and line.doubt.endswith(f"could be {named}")
    assert [digit.status for digit in line.digits] == [OK, UNSURE]


class SaysForCertain:
    """A line reader that always sees one text, and has no doubt of it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def run(self, strips: np.ndarray) -> np.ndarray:
        said = np.full((strips.shape[2] // 2, len(SYMBOLS) + 1), 1e-6)
        said[:, CTC_BLANK] = 1.0
        for place, symbol in enumerate(self._text):
            said[10 + 6 * place, [CTC_BLANK, SYMBOLS.index(symbol)]] = 1e-6, 1.0
        return np.log(said / said.sum(axis=1, keepdims=True))[None]


@pytest.mark.parametrize(
    "text, is_doubted", [("12/7", False), ("9/14/17", False), ("190/556", True), ("190556", False)]
)
def test_a_slash_where_few_people_write_one_may_be_a_1(text, is_doubted):
    readers = NumberReaders(finder=None, lines=SaysForCertain(text))
    line = read_zone(np.full((60, 160), 235, np.uint8), Zone(8, 30, 130, 30, 0, 0.9), readers)
    assert (line.text, line.doubt.endswith("could be 1")) == (text, is_doubted)


def beside(*parts: np.ndarray, gap: int = 16) -> np.ndarray:
    """Return coverages of one height side by side, with some paper round them all."""
    return np.pad(np.hstack([np.pad(part, ((0, 0), (0, gap))) for part in parts]), 50)


def strokes(width: int, *lines: tuple[int, int, int, int]) -> np.ndarray:
    """Return the coverage, float32 (HEIGHT, width), of straight pen strokes: x, y to x, y."""
    drawn = np.zeros((HEIGHT, width), np.uint8)
    for x, y, end_x, end_y in lines:
        cv2.line(drawn, (x, y), (end_x, end_y), 255, 5, cv2.LINE_AA)
    return drawn.astype(np.float32) / 255


def test_an_equals_sign_is_not_surely_a_minus(glyphs, predictor):
    minus = strokes(30, (3, 28, 27, 28))
    equals = strokes(30, (3, 21, 27, 21), (3, 36, 27, 36))
    assert predictor.read_number(on_paper(beside(minus, glyphs[4], glyphs[2]))).text == "-42"
    for parts in ((equals, glyphs[4], glyphs[2]), (glyphs[5], equals, glyphs[2], glyphs[7])):
        assert predictor.read_number(on_paper(beside(*parts))).status == UNSURE


@pytest.mark.parametrize("radius", [16, 22, 27])
def test_a_hole_punched_in_a_number_is_not_surely_a_digit(glyphs, predictor, radius):
    hole = np.zeros((HEIGHT, 2 * radius + 2), np.float32)
    cv2.circle(hole, (radius, HEIGHT // 2), radius, 1, -1, cv2.LINE_AA)
    reading = predictor.read_number(on_paper(beside(glyphs[4], hole, glyphs[7], glyphs[2])))
    assert reading.status != OK


@pytest.mark.parametrize(("x", "status"), [(60, OK), (450, UNSURE)])
def test_holes_punched_in_the_margin_are_no_writing_and_among_numbers_they_are(glyphs, predictor, x, status):
    lines = np.vstack([np.hstack([write(glyphs, text, margin=60) for text in row]) for row in (["258", "471"],) * 2])
    page = np.pad(lines, ((0, 0), (140, 0)))
    for y in (90, 260):
        cv2.circle(page, (x, y), 22, 1, -1, cv2.LINE_AA)
    reading = predictor.read_number(on_paper(page))
    assert ["".join(line.split()) for line in reading.lines] == ["258471"] * 2
    assert reading.status == status, reading.reason


@pytest.mark.parametrize("text", ["4071", "258", "63"])
@pytest.mark.parametrize("turn", [360, 350])
def test_a_ring_round_a_number_is_not_read(glyphs, predictor, text, turn):
    written = np.pad(write(glyphs, text, margin=10), ((60, 60), (70, 70)))
    height, width = written.shape
    cv2.ellipse(written, (width // 2, height // 2 - 20), (width // 2 - 12, 75), 0, 20, 20 + turn, 1, 4, cv2.LINE_AA)
    reading = predictor.read_number(on_paper(written))
    assert (reading.text, reading.status) == (text, OK)
    plain = predictor.read_number(on_paper(np.pad(write(glyphs, text, margin=10), ((60, 60), (70, 70)))))
    for digit, same in zip(reading.digits, plain.digits, strict=True):
        assert digit.box == pytest.approx(same.box, abs=8)


@pytest.mark.parametrize("unit", ["kg", "cm", "h"])
def test_a_digit_beside_a_unit_is_doubtful_not_gone(glyphs, predictor, unit):
    drawn = np.zeros((HEIGHT, 40 * len(unit)), np.uint8)
    cv2.putText(drawn, unit, (2, HEIGHT - 14), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 255, 4, cv2.LINE_AA)
    reading = predictor.read_number(on_paper(beside(glyphs[5], drawn.astype(np.float32) / 255)))
    assert (reading.text, reading.status) == ("5", UNSURE)


def test_ditto_marks_are_not_surely_an_eleven(glyphs, predictor):
    page = np.pad(write(glyphs, "4071", margin=30), ((0, 60), (0, 0)))
    for x in (80, 92, 180, 192):
        cv2.line(page, (x, 130), (x - 2, 147), 1, 4, cv2.LINE_AA)
    assert predictor.read_number(on_paper(page)).status != OK
    assert predictor.read_number(on_paper(write(glyphs, "4071\n11"))).status == OK


def test_a_small_digit_above_a_number_is_not_surely_a_line_of_its_own(glyphs, predictor):
    page = np.pad(write(glyphs, "4071", margin=50), ((20, 0), (0, 0)))
    page[28:56, 150:168] = cv2.resize(glyphs[3], (18, 28), interpolation=cv2.INTER_AREA)
    reading = predictor.read_number(on_paper(page))
    assert (reading.lines, reading.status) == (["3", "4071"], UNSURE)
    assert "may belong to the 4071" in reading.reason


def small(glyph: np.ndarray, up: int, high: int = 30, within: int = 72) -> np.ndarray:
    """Return a glyph `high` pixels high and `up` pixels above the foot of a space `within` pixels high."""
    width = max(4, round(glyph.shape[1] * high / HEIGHT))
    return np.pad(cv2.resize(glyph, (width, high), interpolation=cv2.INTER_AREA), ((within - high - up, up), (0, 0)))


@pytest.mark.parametrize("up", [41, 36, 0])
@pytest.mark.parametrize("text, digit", [("27", 5), ("40", 3), ("8", 2)])
def test_small_cents_exponents_and_indices_are_not_surely_digits_of_the_line(glyphs, predictor, up, text, digit):
    first = [np.pad(glyphs[int(letter)], ((4, 12), (0, 0))) for letter in text]
    last = np.pad(glyphs[digit], ((4, 12), (0, 0)))
    assert predictor.read_number(on_paper(beside(*first, last, gap=10))).status == OK
    assert predictor.read_number(on_paper(beside(*first, small(glyphs[digit], up), gap=10))).status != OK


def test_a_line_below_small_cents_does_not_hide_that_they_are_raised(glyphs, predictor):
    page = beside(np.pad(glyphs[7], ((8, 8), (0, 0))), small(glyphs[3], 34), small(glyphs[2], 34), gap=8)
    left = 50 + glyphs[7].shape[1] + 6
    cv2.line(page, (left, 50 + 72 - 24), (page.shape[1] - 52, 50 + 72 - 24), 1, 4)
    reading = predictor.read_number(on_paper(page))
    assert reading.status != OK or reading.text != "732"


@pytest.mark.parametrize("crossed", [(0,), (3,), (1, 2)])
def test_a_line_through_an_empty_cell_is_not_surely_a_1(glyphs, predictor, crossed):
    side = 88
    page = np.zeros((side + 60, 4 * side + 60), np.float32)
    for i, digit in enumerate((4, 2, 8, 5)):
        left, top = 30 + i * side, 30
        cv2.rectangle(page, (left, top), (left + side, top + side), 0.6, 2)
        if i in crossed:
            cv2.line(page, (left + 8, top + side - 8), (left + side - 8, top + 8), 1, 5, cv2.LINE_AA)
        else:
            ink = glyphs[digit]
            at = left + (side - ink.shape[1]) // 2
            page[top + 16 : top + 16 + HEIGHT, at : at + ink.shape[1]] = ink
    assert predictor.read_number(on_paper(page)).status != OK


@pytest.mark.parametrize("at, digit, up", [(2, 3, 24), (3, 7, 16), (3, 7, 24)])
def test_a_digit_squeezed_in_between_the_others_is_not_passed_over(glyphs, predictor, at, digit, up):
    page = write(glyphs, "4071", gap=24)
    assert predictor.read_number(on_paper(page)).status == OK
    low = cv2.resize(glyphs[digit], None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    left = 50 + sum(glyphs[int(other)].shape[1] + 24 for other in "4071"[:at]) - 12 - low.shape[1] // 2
    place = page[90 - up - low.shape[0] : 90 - up, left : left + low.shape[1]]
    np.maximum(place, low, out=place)
    reading = predictor.read_number(on_paper(page))
    assert reading.status != OK and reading.reason


@pytest.mark.parametrize("width, height, n_found", [(30, 20, 0), (14, 20, 1)])
def test_what_is_squeezed_in_is_no_bar_of_a_5(glyphs, predictor, width, height, n_found):
    finder = predictor.number_readers().finder
    page = write(glyphs, "4071", gap=60)
    zones = finder.looks(on_paper(page))[0][0]
    left = 50 + glyphs[4].shape[1] + 30 - width // 2
    cv2.line(page, (left + 3, 49 + height), (left + width - 3, 55), 1, 6, cv2.LINE_AA)
    assert len(strays(on_paper(page), zones, finder)) == n_found


@pytest.mark.parametrize("strength, status", [(0.2, UNSURE), (0.6, OK)])
def test_a_line_much_fainter_than_another_may_be_wiped_out(glyphs, predictor, strength, status):
    page = write(glyphs, "4071\n2953", margin=30)
    page[118:] *= strength
    reading = predictor.read_number(on_paper(page))
    assert (reading.lines, reading.status) == (["4071", "2953"], status)
