import assert from "node:assert/strict";
import { test } from "node:test";
import { sharesOf } from "../../assets/scripts/shares.js";

test("what neither the shown maps nor the biases say is left for the others", () => {
  assert.deepEqual(sharesOf([0.5, -0.25], -0.1), { shown: [0.5, -0.25], told: 75, others: 15 });
  assert.equal(sharesOf([0.6, -0.3], 0.1).others, 0);
});
