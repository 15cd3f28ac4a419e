/* What can be said of rows of answers: which want a look, in which order, how many. Pure; tested by tests/scripts/rows.test.js.
   A row has a report's columns; `checked` is what a reviewer gave it, undefined before. */

/** What was read: a digit, or the text of a report of numbers or forms. */
export const said = (row) => (row.text === undefined ? row.digit : row.text);

/** What a row really shows, as far as anybody said: a digit or a text, "-" for none, or null. */
export const truth = (row) => row.checked ?? row.label ?? null;

export const isFixable = (row) => row.status !== "error";

const withoutSpaces = (value) => String(value ?? "").replace(/[^\S\n]+/g, "") || "-"; // lines are told apart

export const isWrong = (row) => {
  if (row.checked !== undefined) return withoutSpaces(row.checked) !== withoutSpaces(said(row));
  return row.correct === 0;
};

export const FILTERS = {
  all: () => true,
  look: (row) => row.status === "unsure" || row.status === "not_a_digit",
  blank: (row) => row.status === "blank",
  error: (row) => row.status === "error",
  wrong: isWrong,
  checked: (row) => row.checked !== undefined,
};

/** How many rows pass each filter: {all: 300, look: 12, …}. */
export const tally = (rows) =>
  Object.fromEntries(Object.entries(FILTERS).map(([name, test]) => [name, rows.filter(test).length]));

/** How many were read and could not be read: {n, bad}. */
export const progress = (rows) => {
  const bad = rows.filter(FILTERS.error).length;
  return { n: rows.length - bad, bad };
};

const RANK = { unsure: 0, not_a_digit: 0, ok: 1, blank: 2, error: 3 };

/** Compare two rows: what is doubtful first, the least sure first; blanks and what could not be read last. */
export const byDoubt = (a, b) => RANK[a.status] - RANK[b.status] || (a.confidence ?? 0) - (b.confidence ?? 0);

const shown = (row, key) => (key === "label" ? truth(row) : (row[key] ?? null));

/** Compare two rows by a column as it is shown, numbers as numbers, names with numbers as people count, nothing last. */
export const byColumn = (key, down) => (a, b) => {
  const [x, y] = [shown(a, key), shown(b, key)];
  if (x === null || y === null) return Number(x === null) - Number(y === null);
  const order =
    typeof x === "number" && typeof y === "number"
      ? x - y
      : String(x).localeCompare(String(y), "en", { numeric: true });
  return down ? -order : order;
};

/** Whether a row passes: a filter's name, an answer ("" for any), a part of its path in small letters. */
export const matches = (row, { filter = "all", digit = "", text = "" }) =>
  FILTERS[filter](row) && (digit === "" || String(row.digit) === digit) && row.path.toLowerCase().includes(text);

/** How many rows have each digit, 0 to 9. */
export const digitCounts = (rows) =>
  [...Array(10).keys()].map((digit) => rows.filter((row) => row.digit === digit).length);

/** How many digits are surer than each step and not than the next. */
export const sureCounts = (rows, steps) => {
  const sure = rows.filter((row) => typeof row.digit === "number").map((row) => row.confidence);
  return steps.map((low, i) => sure.filter((p) => p >= low && (i === steps.length - 1 || p < steps[i + 1])).length);
};
