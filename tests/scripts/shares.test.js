import assert from "node:assert/strict";
import { test } from "node:test";
import { sharesOf } from "../../assets/scripts/shares.js";

test("what the shown maps do not say is left for the others", () => {
  assert.deepEqual(sharesOf([0.5, -0.25]), { shown: [0.5, -0.25], others: 0.25 });
  assert.equal(sharesOf([0.6, -0.5]).others, 0);
});
