/* Who speaks for a digit. Pure; tested by tests/scripts/shares.test.js. */

/** The shares of the shown maps, and in whole percent what they and all other maps say; the biases have the rest. */
export function sharesOf(shown, bias) {
  const sum = shown.reduce((all, share) => all + Math.abs(share), 0);
  const told = Math.round(100 * sum);
  return { shown, told, others: Math.max(0, 100 - told - Math.round(100 * Math.abs(bias))) };
}
