/* What a reviewer said, as a table: out, and in again. Pure; tested by tests/scripts/corrections.test.js. `kind` is
   digit, number or form; a form's rows have `corrected`, a text for each field. */
import { csv } from "./text.js";

const isChecked = (row) => row.checked !== undefined;

/** The checked rows as CSV; `place(row)` is what a row's picture is called in it, null to leave it out. */
export function toCsv(kind, rows, place) {
  const told = rows.filter((row) => isChecked(row) && place(row) !== null);
  if (kind === "form")
    return csv(
      ["path", "field", "label", "predicted"],
      told.flatMap((row) => fieldsOf(row, place)),
    );
  const lines = told.map((row) => [place(row), row.checked, row.text ?? row.digit, row.confidence]);
  return csv(["path", "label", "predicted", "confidence"], lines);
}

const fieldsOf = (row, place) =>
  Object.entries(row.corrected).map(([name, text]) => [place(row), name, text, row.fields[name].text]);

/** What a table of corrections says: [{path, label, field}, …]. Throws an Error with a sentence for any other table. */
export function fromCsv(text) {
  const [titles = [], ...rows] = cells(text);
  const [path, label, field] = ["path", "label", "field"].map((name) => titles.indexOf(name));
  if (path < 0 || label < 0) throw new Error("The table needs the columns path and label.");
  return rows
    .filter((row) => row.length > Math.max(path, label))
    .map((row) => ({ path: armed(row[path]), label: armed(row[label]), field: field < 0 ? null : row[field] }));
}

/** The cells of a table with commas, semicolons or tabs, row by row. */
function cells(text) {
  const whole = text.replace(/^\uFEFF/, "");
  const first = whole.split("\n", 1)[0];
  const count = (mark) => first.split(mark).length;
  const mark = [",", ";", "\t"].sort((a, b) => count(b) - count(a))[0];
  const next = new RegExp(`("(?:[^"]|"")*"|(?!")[^${mark}\\r\\n]*)(${mark}|\\r?\\n|$)`, "y");
  const rows = [[]];
  while (next.lastIndex < whole.length) {
    const found = next.exec(whole);
    if (!found) throw new Error("This is no table of corrections.");
    rows.at(-1).push(found[1].startsWith('"') ? found[1].slice(1, -1).replaceAll('""', '"') : found[1]);
    if (found[2] !== mark) rows.push([]);
  }
  return rows.filter((row) => row.length);
}

/** A text without the apostrophe that keeps spreadsheets from running it. */
const armed = (text) => (/^'+[=+\-@\t\r\n＝＋－＠]/.test(text) ? text.slice(1) : text);
