import assert from "node:assert/strict";
import { test } from "node:test";
import { csv, escapeHtml, fill, percent, roughly } from "../../assets/scripts/text.js";

test("probabilities are told in one way", () => {
  const told = [0, 0.0002, 0.012, 0.45, 0.9985, 0.99996, 1].map(percent);
  assert.deepEqual(told, ["0 %", "< 0.1 %", "1.2 %", "45.0 %", "99.9 %", "99.9 %", "100 %"]);
});

test("braces are filled in", () => assert.equal(fill("{n} of {total}", { n: 1, total: 2 }), "1 of 2"));

test("it is an 8, but a 3 and a batch of 80", () => {
  const told = [8, 3, 80].map((digit) => fill("This is a {digit}.", { digit }));
  assert.deepEqual(told, ["This is an 8.", "This is a 3.", "This is a 80."]);
});

test("a count above a bar takes at most five characters", () => {
  assert.deepEqual([0, 331, 9999, 12345, 123456, 1234567].map(roughly), [
    "0",
    "331",
    "9,999",
    "12.3K",
    "123K",
    "1.23M",
  ]);
});

test("a file's name is never markup", () => {
  assert.equal(escapeHtml(`<b title="x">'&`), "&lt;b title=&quot;x&quot;&gt;&#39;&amp;");
});

test("CSV quotes texts, disarms formulas and leaves numbers alone", () => {
  const rows = [
    ['a "b", c', 3, null],
    ["=1+1", 0.5, undefined],
  ];
  assert.equal(csv(["path", "label", "more"], rows), `path,label,more\n"a ""b"", c",3,\n"'=1+1",0.5,\n`);
});

test("a negative amount is no formula, and a heading with a comma is one cell", () => {
  assert.equal(csv(["a, b"], [["-64,444.60"], ["-1-2"]]), `"a, b"\n"-64,444.60"\n"'-1-2"\n`);
});
