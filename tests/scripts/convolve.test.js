import assert from "node:assert/strict";
import { test } from "node:test";
import { highest, open, partsAt, weightsOf, windowAt } from "../../assets/scripts/convolve.js";

const pack = (shape, numbers) => ({
  shape,
  data: Buffer.from(new Float32Array(numbers).buffer).toString("base64"),
});

const kernel = open({
  inputs: pack([2, 2, 2], [1, 2, 3, 4, 10, 20, 30, 40]),
  weights: pack([2, 3, 3], [0, 0, 0, 0, 1, 2, 0, 0, 0, ...Array(4).fill(0), 0.5, ...Array(4).fill(0)]),
  values: pack([2, 2], [0, 0, 7, 0]),
  bias: -1,
  scale: 2,
  shift: 0.5,
  has_relu: true,
  stride: 1,
  padding: 1,
});

test("outside of the map the window holds zeros", () => {
  assert.deepEqual(windowAt(kernel, 0, 0, 0), [0, 0, 0, 0, 1, 2, 0, 3, 4]);
  assert.deepEqual(weightsOf(kernel, 0), [0, 0, 0, 0, 1, 2, 0, 0, 0]);
});

test("the strongest map, the rest and the bias add up, and every step after it is told", () => {
  const parts = partsAt(kernel, 0, 0); // 1 + 2 * 2, and 10 / 2
  assert.equal(parts.part + parts.rest - 1, parts.sum);
  assert.deepEqual([parts.sum, parts.normed, parts.value, parts.stored], [9, 18.5, 18.5, 0]);
  const last = partsAt(kernel, 1, 1);
  assert.deepEqual([last.strongest, last.part, last.rest], [1, 20, 4]);
});

test("the highest value is found", () => assert.deepEqual(highest(kernel.values), [1, 0]));
