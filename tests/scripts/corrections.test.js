import assert from "node:assert/strict";
import { test } from "node:test";
import { fromCsv, toCsv } from "../../assets/scripts/corrections.js";

const path = (row) => row.path;

test("what is saved is what is loaded, whatever the names and the numbers", () => {
  const rows = [
    { path: 'a "b", c.png', text: "12", checked: "-348", confidence: 0.5 },
    { path: "=cmd.png", text: "", checked: "1 2\n00420", confidence: null },
    { path: "not looked at.png", text: "7" },
    { path: "none.png", text: "7", checked: "-", confidence: 0.9 },
  ];
  const told = fromCsv(toCsv("number", rows, path));
  assert.deepEqual(
    told.map((row) => [row.path, row.label]),
    [
      ['a "b", c.png', "-348"],
      ["=cmd.png", "1 2\n00420"],
      ["none.png", "-"],
    ],
  );
});

test("a form's corrections name their fields", () => {
  const row = {
    path: "a.png",
    checked: "…",
    corrected: { total: "5", day: "" },
    fields: { total: { text: "6" }, day: { text: "" } },
  };
  assert.deepEqual(fromCsv(toCsv("form", [row], path)), [
    { path: "a.png", label: "5", field: "total" },
    { path: "a.png", label: "", field: "day" },
  ]);
});

test("tables that a spreadsheet saved are read, others refused", () => {
  const want = [{ path: "ä.png", label: "00420", field: null }];
  assert.deepEqual(fromCsv("\uFEFFpath;label\r\nä.png;00420\r\n"), want);
  assert.deepEqual(fromCsv("label\tpath\n00420\tä.png"), want);
  for (const text of ["", "name,value\na,1\n", 'path,label\n"a"b,1\n']) assert.throws(() => fromCsv(text), /table/);
});
