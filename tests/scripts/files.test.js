import assert from "node:assert/strict";
import { test } from "node:test";
import { portions, sift } from "../../assets/scripts/files.js";

const found = (name) => ({ name, found: true });

test("files found are passed over by kind, files named are read whatever they are", () => {
  const jobs = ["b.PNG", "a.png", "notes.txt", ".c.png", "x/__MACOSX/d.png", "no-extension"].map(found);
  const [wanted, passed] = sift([...jobs, { name: "named.txt" }], [".png"]);
  assert.deepEqual(
    wanted.map((job) => job.name),
    ["a.png", "b.PNG", "named.txt"],
  );
  assert.deepEqual(passed, { "not a picture": ["notes.txt", "no-extension"], hidden: [".c.png", "x/__MACOSX/d.png"] });
});

test("portions hold so many files and bytes, a larger file goes alone", () => {
  const sizes = (parts) => parts.map((part) => part.map((job) => job.size));
  const jobs = [1, 1, 1, 9, 1].map((size) => ({ size }));
  assert.deepEqual(sizes(portions(jobs, 2, 5)), [[1, 1], [1], [9], [1]]);
  assert.deepEqual(portions([], 2, 5), []);
});
