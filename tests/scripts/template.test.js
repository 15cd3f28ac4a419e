import assert from "node:assert/strict";
import { test } from "node:test";
import {
  between,
  cellsOf,
  columnsOf,
  faultOf,
  freeName,
  fromJson,
  lengthOf,
  moved,
  resized,
  toJson,
} from "../../assets/scripts/template.js";
import { fill } from "../../assets/scripts/text.js";

const texts = {
  formNoJson: "no JSON",
  formNoTemplate: "no template",
  formNoBoxes: "off the page",
  formNone: "none",
  formUnnamed: "unnamed",
  formTwice: "twice {name}",
};
const PICTURE = "data:image/png;base64,AA==";
const box = (name, more = {}) => ({ left: 0.1, top: 0.2, width: 0.3, height: 0.05, field: { name, ...more } });

test("a template is written as people write it, and comes back as it was", () => {
  const form = { picture: PICTURE, pageMm: undefined, boxes: [box("total", { kind: "amount", min: 0 }), box("n")] };
  const text = toJson(form);
  assert.deepEqual(JSON.parse(text).fields[0], { name: "total", box: [0.1, 0.2, 0.4, 0.25], kind: "amount", min: 0 });
  assert.equal(text.split("\n").length, 6, "a field a line");
  assert.equal(toJson(fromJson(text, texts)), text);
});

test("millimetres stay millimetres", () => {
  const told = { picture: PICTURE, page_mm: [210, 297], fields: [{ name: "a", box: [20, 62, 108, 73], cells: 8 }] };
  const form = fromJson(JSON.stringify(told), texts);
  assert.ok(form.boxes[0].left < 0.1);
  assert.deepEqual(JSON.parse(toJson(form)), told);
});

test("a template that only names its picture says which", () => {
  const told = { picture: "empty.png", fields: [{ name: "a", box: [0, 0, 0.5, 0.5] }] };
  assert.equal(fromJson(JSON.stringify(told), texts).named, "empty.png");
});

test("what is no template gets a sentence", () => {
  const field = (value) => JSON.stringify({ picture: "a", fields: [value] });
  const bad = { "{": "no JSON", 3: "no template", null: "no template", "[]": "no template" };
  for (const value of [
    null,
    {},
    { box: [0, 0, 1] },
    { box: [0, 0, "1", 1] },
    { box: [0.5, 0, 0.4, 1] },
    { box: [0, 0, 2, 1] },
  ])
    bad[field(value)] = "off the page";
  for (const [text, sentence] of Object.entries(bad)) assert.throws(() => fromJson(text, texts), { message: sentence });
});

test("boxes want names of their own", () => {
  const said = [[], [box(" ")], [box("a"), box("b"), box("a ")], [box("a"), box("b")]];
  assert.deepEqual(
    said.map((boxes) => faultOf(boxes, texts, fill)),
    ["none", "unnamed", "twice a", ""],
  );
  assert.equal(freeName([box("field_1"), box("field_3")]), "field_2");
});

test("a box stays on the page, however it is pulled", () => {
  assert.deepEqual(between([0.6, 0.1], [0.2, 0.4]).left, 0.2);
  assert.equal(moved(box("a"), 5, -5).left, 0.7);
  assert.equal(moved(box("a"), 5, -5).top, 0);
  const small = resized(box("a"), { right: 0, bottom: 0 }, 0.01);
  assert.deepEqual([small.width.toFixed(3), small.height.toFixed(3)], ["0.010", "0.010"]);
  const large = resized(box("a"), { left: -1, bottom: 9 }, 0.01);
  assert.deepEqual([large.left, large.top, large.left + large.width, large.top + large.height], [0, 0.2, 0.4, 1]);
});

test("lengths are read as people write them", () => {
  assert.deepEqual(["8", "4-6", "4 – 6", ""].map(lengthOf), [8, [4, 6], [4, 6], undefined]);
});

test("the table has the batch's columns", () => {
  assert.deepEqual(columnsOf(["a"]), ["path", "status", "a", "a_status", "reason", "error"]);
  const row = { path: "1.png", status: "ok", fields: { a: { text: "07", status: "ok" } }, reason: "", error: null };
  assert.deepEqual(cellsOf(row, ["a"]), ["1.png", "ok", "07", "ok", "", null]);
});
