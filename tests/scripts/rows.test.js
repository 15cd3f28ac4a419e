import assert from "node:assert/strict";
import { test } from "node:test";
import {
  byColumn,
  byDoubt,
  digitCounts,
  isWrong,
  matches,
  progress,
  sureCounts,
  tally,
  truth,
} from "../../assets/scripts/rows.js";

const row = (path, status, digit, confidence, more = {}) => ({ path, status, digit, confidence, ...more });
const ROWS = [
  row("10.png", "ok", 3, 0.99),
  row("9.png", "ok", 3, 0.9, { checked: 5 }),
  row("8.png", "unsure", 4, 0.55),
  row("7.png", "not_a_digit", null, 0.3),
  row("6.png", "blank", null, 0.1),
  row("5.png", "error", null, null),
  row("4.png", "ok", 1, 0.999, { label: "1", correct: 1 }),
];
const paths = (rows) => rows.map((one) => one.path.replace(".png", "")).join(" ");

test("each filter is counted", () => {
  assert.deepEqual(tally(ROWS), { all: 7, look: 2, blank: 1, error: 1, wrong: 1, checked: 1 });
  assert.deepEqual(progress(ROWS), { n: 6, bad: 1 });
});

test("what is doubtful comes first, what is blank or unreadable last", () => {
  assert.equal(paths(ROWS.toSorted(byDoubt)), "7 8 9 10 4 6 5");
});

test("columns are sorted as people count, and what has no value stays last", () => {
  assert.equal(paths(ROWS.toSorted(byColumn("path", false))), "4 5 6 7 8 9 10");
  assert.equal(paths(ROWS.toSorted(byColumn("confidence", true))), "4 10 9 8 7 6 5");
});

test("the truth is sorted as it is shown", () => {
  const rows = [
    { path: "a" },
    { path: "b", checked: 7 },
    { path: "c", label: "2" },
    { path: "d", label: "9", checked: 1 },
  ];
  assert.equal(paths(rows.toSorted(byColumn("label", false))), "d c b a");
});

test("a reviewer's word counts more than a label", () => {
  assert.equal(truth(ROWS[6]), "1");
  assert.equal(truth({ ...ROWS[6], checked: 7 }), 7);
  assert.equal(isWrong({ ...ROWS[6], checked: 7 }), true);
  assert.equal(isWrong({ ...ROWS[6], checked: 1 }), false);
});

test("filters add up", () => {
  const wanted = { filter: "all", digit: "3", text: "10" };
  assert.equal(paths(ROWS.filter((one) => matches(one, wanted))), "10");
});

test("charts count digits and steps", () => {
  assert.deepEqual(digitCounts(ROWS), [0, 1, 0, 2, 1, 0, 0, 0, 0, 0]);
  assert.deepEqual(sureCounts(ROWS, [0, 0.5, 0.95]), [0, 2, 2]);
});

test("a text is wrong by its signs and lines, not by its spaces", () => {
  const number = { path: "a", status: "ok", text: "1 2\n3" };
  assert.equal(isWrong({ ...number, checked: "12\n 3" }), false);
  assert.equal(isWrong({ ...number, checked: "12\n4" }), true);
  assert.equal(isWrong({ ...number, checked: "123" }), true);
  assert.equal(isWrong({ ...number, text: "", checked: "-" }), false);
});
