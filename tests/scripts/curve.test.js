import assert from "node:assert/strict";
import { test } from "node:test";
import { curve } from "../../assets/scripts/curve.js";

test("the highest loss is at the top, none at the bottom, and the line spans the box", () => {
  assert.equal(curve([4, 2, 0], 300, 80).points, "0.0,0.0 150.0,40.0 300.0,80.0");
});

test("it begins and ends with means, since single losses jump", () => {
  const { first, last } = curve([3, 1, 3, 1, 2, 9, 0.5, 0.3, 0.5, 0.3, 0.4], 300, 80);
  assert.deepEqual([first, last], ["2.00", "0.40"]);
});
