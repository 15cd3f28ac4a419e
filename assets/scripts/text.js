/* Words and figures for people. Pure: no page, no server, no state; tested by tests/scripts/text.test.js. */

/** Fill the {braces} of a text; of the digits only 8 is "an 8". */
export const fill = (text, values) =>
  text.replace(/\{(\w+)\}/g, (_all, key) => values[key]).replace(/\b([Aa]) 8(?!\d)/g, "$1n 8");

/** A share in percent with one decimal; 100 and 0 are said only where they are meant. */
export const number = (p) => (p === 0 || p === 1 ? 100 * p : Math.min(99.9, Math.max(0.1, 100 * p)).toFixed(1));

export const percent = (p) => (p > 0 && p < 0.0005 ? "< 0.1 %" : `${number(p)} %`);

/** A sentence as it stands alone: with a capital letter. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const count = (n) => n.toLocaleString("en");

/** A count where there is little room: 9,999, but 10K and 1.2M. */
export const roughly = (n) =>
  n < 10000 ? count(n) : n.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 3 });

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** A text as HTML shows it: what somebody called a file is never markup. */
export const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (letter) => ENTITIES[letter]);

const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/; // what a spreadsheet would run; as the reports written in Python have it
const NUMBER = /^[+-]?[\d.,]*\d$/; // which is no formula, whatever its sign

const cell = (value) => {
  if (typeof value !== "string") return String(value ?? "");
  const safe = FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return `"${safe.replaceAll('"', '""')}"`;
};

const heading = (name) => (/^[\w ]*$/.test(name) ? name : cell(name));

/** Rows of values as CSV with a line of `columns` on top. */
export const csv = (columns, rows) =>
  `${[columns.map(heading), ...rows.map((row) => row.map(cell))].map((row) => row.join(",")).join("\n")}\n`;
