/* A loss as a line. Pure; tested by tests/scripts/curve.test.js. */

const ENDS = 5; // values whose mean stands for the beginning or the end, for single ones jump

/** The points of an SVG polyline of `values` in a box, from 0 at its bottom, and what they begin and end with. */
export function curve(values, width, height) {
  const top = Math.max(...values);
  const x = (i) => ((i * width) / (values.length - 1)).toFixed(1);
  const y = (value) => (height - (value / top) * height).toFixed(1);
  const mean = (some) => (some.reduce((sum, one) => sum + one, 0) / some.length).toFixed(2);
  const points = values.map((value, i) => `${x(i)},${y(value)}`).join(" ");
  return { points, first: mean(values.slice(0, ENDS)), last: mean(values.slice(-ENDS)) };
}
