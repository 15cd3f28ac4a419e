/* Who speaks for a digit. Pure; tested by tests/scripts/shares.test.js. */

/** The shares of the shown maps, and what is left for all others: without their signs all add up to 1. */
export function sharesOf(shown) {
  const told = shown.reduce((sum, share) => sum + Math.abs(share), 0);
  return { shown, others: Math.max(0, 1 - told) };
}
