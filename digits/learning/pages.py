"""Pages with numbers on them, and the truth of every place: a number, other writing, or neither.

    picture, truth = draw_page(writer, rng)    # uint8 (192, 256); uint8 (2, 48, 64): numbers, other writing
    page, truth = as_seen(picture, truth, rng) # what the network sees of it, likewise

Forms, tables, lists and single fields on bare, ruled and printed paper, flat or as a photo of a sheet on a desk; whole,
or cut out so closely that a picture ends at its number. Of a number's zone only the middle of its height counts, so
that the zones of two lines never touch. The truth is the share of each place that the zone covers, 0-255.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from digits.finding.strip import PAPER
from digits.learning.camera import any_ink, lay_on_desk, smooth_noise, take
from digits.learning.furniture import CELLS, FREE, Furniture, Sheet, in_box
from digits.learning.glyphs import Rng, choose
from digits.learning.pens import PENS, Pen, ballpoint
from digits.learning.texts import NUMBERS, WORDS, any_text
from digits.learning.typefaces import typeset
from digits.learning.writing import Hand, Writer, any_hand
from digits.reading.finder import TILE, to_page
from digits.reading.symbols import OTHER
from digits.reading.zones import CORE, STRIDE

PAGE = (192, 256)  # rows and columns
WHOLE = 0.6  # share of pages that are seen whole, not a piece of them
EDGE = TILE // STRIDE  # of the truth's places: the plain paper that the finder lays round a picture


@dataclass
class Page(Sheet):
    """A sheet with many lines, and the zones of its numbers and of its other writing, float32 (h, w)."""

    numbers: np.ndarray
    others: np.ndarray


def draw_page(writer: Writer, rng: Rng, pens: dict[Pen, float] = PENS) -> tuple[np.ndarray, np.ndarray]:
    """Draw one page, uint8 (192, 256), and its truth, uint8 (2, 48, 64): numbers, other writing."""
    # 1. Empty paper, and digits of some size.
    height = float(np.exp(rng.uniform(np.log(11), np.log(60))))
    writing, printed, numbers, others = np.zeros((4, *PAGE), np.float32)
    page = Page(writing, printed, height, 0.0, 0.0, 0.0, numbers, others)

    # 2. What is on it.
    choose(SCENES, rng)(page, writer, any_hand(rng, pens), rng)

    # 3. Turned, bent and photographed, now and then on a desk; the truth goes the same way.
    matrix = _view(rng)
    layers = [_warp(layer, matrix) for layer in (page.writing, page.print, page.numbers, page.others)]
    picture = take([(layers[1], any_ink(rng)), (layers[0], any_ink(rng))], rng, height)
    zones = np.stack(layers[2:])
    if rng.random() < 0.3:
        beyond = _beyond(matrix, rng)
        picture, zones = lay_on_desk(picture, beyond, rng), zones * (1 - beyond)
    size = PAGE[1] // STRIDE, PAGE[0] // STRIDE
    truth = np.stack([cv2.resize(zone, size, interpolation=cv2.INTER_AREA) for zone in zones])
    return picture, (255 * truth).round().astype(np.uint8)


# ---------------------------------------------------------------- what is on a page

Scene = Callable[[Page, Writer, Hand, Rng], None]


def as_list(page: Page, writer: Writer, hand: Hand, rng: Rng) -> None:
    """Numbers one below the other, more or less from the same column on; words between."""
    h = page.height
    left, pitch = rng.uniform(-1, 0.4 * PAGE[1]), rng.uniform(1.25, 3.0) * h
    furniture = None if rng.random() < 0.6 else choose(FREE, rng)
    for base in np.arange(rng.uniform(0.5, 2) * h, PAGE[0] + h, pitch):
        x = left + rng.normal(0, 0.3) * h
        if rng.random() < 0.2:
            x = write_word(page, writer, x, base, hand, rng) + rng.uniform(0.4, 2) * h
        if rng.random() < 0.88:
            write_number(page, writer, x, base, hand, furniture, rng)


def as_table(page: Page, writer: Writer, hand: Hand, rng: Rng) -> None:
    """Rows and columns, ruled or not, with printed or written words in some."""
    h = page.height
    wide, tall = rng.uniform(2.0, 6.0) * h, rng.uniform(1.2, 2.6) * h
    x0, y0 = rng.uniform(-wide, 0.3 * PAGE[1]), rng.uniform(-tall, 0.3 * PAGE[0])
    xs, ys = np.arange(x0, PAGE[1] + wide, wide), np.arange(y0, PAGE[0] + tall, tall)
    thick, words_at = rng.uniform(0.6, 2.5), int(rng.integers(0, 4))
    for x in xs if rng.random() < 0.8 else []:
        page.line((x, ys[0]), (x, ys[-1]), thick)
    for y in ys if rng.random() < 0.8 else []:
        page.line((xs[0], y), (xs[-1], y), thick)
    for row in ys[:-1]:
        for number, x in enumerate(xs[:-1]):
            base, left = row + (tall + h) / 2 + rng.normal(0, 0.06) * h, x + rng.uniform(0.1, 0.45) * wide
            if number == words_at or rng.random() < 0.06:
                print_words(page, x + 0.15 * h, base, 1, rng)
            elif rng.random() < 0.85:
                fits = max(1, int((x + wide - left) / (0.75 * h)))
                text = "".join(str(digit) for digit in rng.integers(0, 10, rng.integers(1, min(fits, 5) + 1)))
                write_number(page, writer, left, base, replace(hand, gap=min(hand.gap, 0.15)), None, rng, text)


def as_form(page: Page, writer: Writer, hand: Hand, rng: Rng) -> None:
    """Printed labels beside or above fields; headings and small print."""
    h = page.height
    x, below = rng.uniform(0, 0.4) * PAGE[1], rng.random() < 0.3
    for base in np.arange(rng.uniform(0, 2) * h, PAGE[0] + h, rng.uniform(1.8, 3.5) * h):
        way = rng.random()
        if way < 0.15:
            print_words(page, rng.uniform(0, 40), base, int(rng.integers(1, 7)), rng)
            continue
        end = print_words(page, rng.uniform(0, 10), base - (1.4 * h if below else 0), int(rng.integers(1, 3)), rng)
        if way < 0.85:
            left = x if below or x > end else end + rng.uniform(0.3, 1) * h
            write_number(page, writer, left, base, hand, choose({in_box: 1.0, **FREE}, rng), rng)
        else:
            page.box(end + 5, base - 1.2 * h, end + rng.uniform(2, 8) * h, base + 0.3 * h, rng.uniform(0.6, 2))


def as_field(page: Page, writer: Writer, hand: Hand, rng: Rng) -> None:
    """One number, anywhere, in some kind of field or on bare paper."""
    h = page.height
    base = rng.uniform(min(h, PAGE[0] - 2), PAGE[0])
    write_number(page, writer, rng.uniform(-0.1, 0.5) * PAGE[1], base, hand, choose(FREE, rng), rng)
    if rng.random() < 0.3:
        print_words(page, rng.uniform(0, 0.7) * PAGE[1], rng.uniform(10, PAGE[0]), int(rng.integers(1, 4)), rng)


def as_groups(page: Page, writer: Writer, hand: Hand, rng: Rng) -> None:
    """A few lines of one to three digits each time, far apart: a score, a code, a phone number; nothing beside."""
    h = page.height
    left = rng.uniform(-0.5 * h, 0.4 * PAGE[1])
    bases = np.arange(rng.uniform(0.6 * h, max(h, PAGE[0] - h)), PAGE[0] + h, rng.uniform(1.3, 2.4) * h)
    for base in bases[: rng.integers(1, 4)]:
        x, wide = left + rng.uniform(0, 1) * h, rng.uniform(0.3, 2.5) * h
        for _ in range(rng.integers(1, 6)):
            text = "".join(str(digit) for digit in rng.integers(0, 10, rng.choice([1, 1, 1, 2, 3])))
            x = write_number(page, writer, x, base + rng.normal(0, 0.06) * h, hand, None, rng, text)
            x += wide * rng.uniform(0.7, 1.3)


def as_sketch(page: Page, writer: Writer, hand: Hand, rng: Rng) -> None:
    """A few digits with a thick pen, uneven and apart: what somebody sketches on a pad or a board."""
    h = page.height
    pen, wide = rng.uniform(6, 24), rng.uniform(0.1, 1.2) * h
    hand = replace(hand, pen=pen, mixed=False, ink=ballpoint, uneven=rng.uniform(0.0, 0.25), touching=0.0)
    x, base = rng.uniform(-0.2 * h, 0.3 * PAGE[1]), rng.uniform(min(h, PAGE[0] - 2), PAGE[0])
    for _ in range(rng.integers(1, 5)):
        digit = str(rng.integers(0, 10))
        x = write_number(page, writer, x, base + rng.normal(0, 0.12) * h, hand, None, rng, digit)
        x += wide * rng.uniform(0.3, 1.7)


def as_close_up(page: Page, writer: Writer, hand: Hand, rng: Rng) -> None:
    """Digits so large that only a coarser look shows them: their strokes are no zones of their own."""
    height = np.exp(rng.uniform(np.log(110), np.log(320)))
    text = "".join(str(digit) for digit in rng.integers(0, 10, rng.integers(1, 4)))
    written = writer.write(text, height, rng, replace(hand, pen=rng.uniform(4, 24)))
    base = rng.uniform(0.2, 1.2) * max(PAGE[0], height)
    page.put(written.coverage, rng.uniform(-1.5, 0.5) * height, base - written.base, on_print=False)


def as_print(page: Page, _writer: Writer, _hand: Hand, rng: Rng) -> None:
    """Printed text, numbers in it too."""
    size = rng.uniform(0.35, 1.0)
    for base in np.arange(rng.uniform(0, 20), PAGE[0] + 20, max(8.0, 1.6 * size * page.height)):
        print_words(page, rng.uniform(-20, 30), base, 12, rng, size)


def as_words(page: Page, writer: Writer, hand: Hand, rng: Rng) -> None:
    """Handwritten words."""
    for base in np.arange(rng.uniform(0, 2) * page.height, PAGE[0] + page.height, rng.uniform(1.4, 3) * page.height):
        x = rng.uniform(-0.2, 0.5) * PAGE[1]
        for _ in range(rng.integers(1, 4)):
            x = write_word(page, writer, x, base, hand, rng) + rng.uniform(0.4, 1) * page.height


def as_nothing(page: Page, _writer: Writer, _hand: Hand, rng: Rng) -> None:
    """No writing: lines, boxes, stains, or nothing at all."""
    for _ in range(rng.integers(0, 6)):
        x, y = rng.uniform(0, PAGE[1], 2), rng.uniform(0, PAGE[0], 2)
        way = rng.random()
        if way < 0.5:
            page.box(min(x), min(y), max(x), max(y), rng.uniform(0.6, 4))
        elif way < 0.8:
            page.line((0, y[0]), (PAGE[1], y[0] + rng.normal(0, 4)), rng.uniform(0.6, 4))
        else:
            cv2.circle(
                page.print,
                (int(x[0]), int(y[0])),
                int(rng.uniform(2, 50)),
                rng.uniform(0.2, 1),
                int(rng.choice([-1, 1, 3])),
            )
    if rng.random() < 0.2:
        stain = smooth_noise(PAGE, rng, rng.uniform(4, 80))
        np.maximum(page.print, np.clip((stain - 0.5) * 3, 0, 1), out=page.print)


SCENES: dict[Scene, float] = {
    as_list: 0.19, as_table: 0.16, as_form: 0.17, as_field: 0.15, as_groups: 0.08, as_sketch: 0.07, as_close_up: 0.04,
    as_print: 0.05, as_words: 0.05, as_nothing: 0.05,
}  # fmt: skip


def write_number(
    page: Page,
    writer: Writer,
    left: float,
    base: float,
    hand: Hand,
    furniture: Furniture | None,
    rng: Rng,
    text: str = "",
) -> float:
    """Write a number from column `left` on, print a field round it, mark its zone; return where it ends."""
    text = text or any_text(rng, NUMBERS)
    if furniture and text.isdigit() and rng.random() < 0.3:
        hand, furniture = replace(hand, pitch=float(rng.uniform(0.85, 1.9))), choose(CELLS, rng)
    written = writer.write(text, page.height, rng, hand)
    start, end = min(m.left for m in written.marks), max(m.right for m in written.marks)
    page.put(written.coverage, left - start, base - written.base, on_print=False)
    page.base, page.left, page.right = base, left, left + end - start
    if furniture:
        marks = [replace(m, left=m.left + left - start, right=m.right + left - start) for m in written.marks]
        furniture(page, marks, hand, rng)
    alone = written.marks[0] if len(text) == 1 else None
    top, bottom = (alone.top, alone.bottom) if alone else (written.base - page.height, written.base)
    _mark(page.numbers, page.left, base - written.base + top, page.right, base - written.base + bottom)
    return page.right


def write_word(page: Page, writer: Writer, left: float, base: float, hand: Hand, rng: Rng) -> float:
    """Write a word or a scribble from column `left` on; return where it ends."""
    written = writer.write(OTHER, page.height, rng, replace(hand, pitch=0.0))
    mark = written.marks[0]
    page.put(written.coverage, left - mark.left, base - written.base, on_print=False)
    _mark(page.others, left, base - page.height, left + mark.right - mark.left, base)
    return left + mark.right - mark.left


def print_words(page: Page, left: float, base: float, n: int, rng: Rng, size: float = 0.0) -> float:
    """Print `n` words from column `left` on; return where they end."""
    words = " ".join(str(rng.integers(0, 10**6)) if rng.random() < 0.12 else w for w in rng.choice(WORDS, n))
    drawn = typeset(words, page.height * (size or rng.uniform(0.35, 0.9)), rng)
    page.put(drawn, left, base - drawn.shape[0])
    _mark(page.others, left, base - drawn.shape[0], left + drawn.shape[1], base)
    return left + drawn.shape[1]


def _mark(zone: np.ndarray, left: float, top: float, right: float, bottom: float) -> None:
    """Set the middle of a box's height in `zone` to 1; at least three rows, so that the truth has one."""
    middle, half = (top + bottom) / 2, max(1.5, CORE * (bottom - top) / 2)
    rows = slice(max(0, round(middle - half)), max(0, round(middle + half)))
    zone[rows, max(0, round(left)) : max(0, round(right))] = 1.0


# ---------------------------------------------------------------- how it is seen


def _view(rng: Rng) -> np.ndarray:
    """Return a (3, 3) matrix: turned by a few degrees; now and then a sheet seen aslant."""
    tall, wide = PAGE
    angle = rng.normal(0, 1.5) if rng.random() < 0.7 else rng.uniform(-13, 13)
    matrix = np.vstack([cv2.getRotationMatrix2D((wide / 2, tall / 2), float(angle), 1.0), [0, 0, 1]])
    if rng.random() < 0.25:
        corners = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
        moved = corners + rng.normal(0, 0.05 * tall, (4, 2)).astype(np.float32)
        matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32)) @ matrix
    return matrix


def _warp(layer: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return cv2.warpPerspective(layer, matrix, PAGE[::-1], flags=cv2.INTER_LINEAR)


def as_seen(picture: np.ndarray, truth: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Return a page in even contrast, uint8 (192, 256), and its truth: whole, or a piece of it amid plain paper."""
    if rng.random() < WHOLE:
        return to_page(picture), truth
    rows, columns = _any_piece(truth[0] > 127, rng)
    up_close = picture[STRIDE * rows.start : STRIDE * rows.stop, STRIDE * columns.start : STRIDE * columns.stop]
    page = _amid(np.full_like(picture, PAPER), to_page(up_close), STRIDE * EDGE)
    return page, np.stack([_amid(np.zeros_like(layer), layer[rows, columns], EDGE) for layer in truth])


def _any_piece(numbers: np.ndarray, rng: Rng) -> tuple[slice, slice]:
    """Return the rows and columns of the truth round one of its numbers, or anywhere if there are none.

    Two sides in five are so near that they may cut into the number; `numbers` is bool (48, 64).
    """
    tall, wide = numbers.shape
    n, _labels, stats, _middles = cv2.connectedComponentsWithStats(numbers.astype(np.uint8))
    if n > 1:
        left, top, width, height, _area = stats[rng.integers(1, n)]
    else:
        left, top, width, height = rng.integers(wide - 12), rng.integers(tall - 8), 12, 6
    margins = np.where(rng.random(4) < 0.4, rng.uniform(0.25, 0.5, 4), rng.uniform(0.4, 2.2, 4)) * height / CORE
    margins[[1, 3]] -= 0.3 * height / CORE  # a zone ends where its digits do, but is lower than they
    y, x = min(max(0, round(top - margins[0])), tall - 3), min(max(0, round(left - margins[1])), wide - 3)
    bottom, right = round(top + height + margins[2]), round(left + width + margins[3])
    bottom, right = (
        min(tall, y + tall - 2 * EDGE, max(bottom, y + 3)),
        min(wide, x + wide - 2 * EDGE, max(right, x + 3)),
    )
    return slice(y, bottom), slice(x, right)


def _amid(paper: np.ndarray, piece: np.ndarray, edge: int) -> np.ndarray:
    paper[edge : edge + piece.shape[0], edge : edge + piece.shape[1]] = piece
    return paper


def _beyond(matrix: np.ndarray, rng: Rng) -> np.ndarray:
    """Return what lies beyond one to four edges of the paper, float32 (192, 256) in 0-1."""
    beyond, depth = np.zeros(PAGE, np.float32), int(rng.uniform(4, 40))
    sides = (np.s_[:depth], np.s_[-depth:], np.s_[:, :depth], np.s_[:, -depth:])
    for side in rng.choice(4, rng.integers(1, 5), replace=False):
        beyond[sides[side]] = 1.0
    return cv2.warpPerspective(beyond, matrix, PAGE[::-1], flags=cv2.INTER_LINEAR)
