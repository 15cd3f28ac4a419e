/* A batch's report: summary, table, corrections to download. Written into assets/report.html together with the modules
   it imports, so that the page needs nothing but itself. */
import { fromCsv, toCsv } from "./corrections.js";
import { Review } from "./review.js";
import { isFixable } from "./rows.js";
import { save, showBars, Table } from "./table.js";
import { count } from "./text.js";

const data = JSON.parse(document.getElementById("data").textContent);
const { summary, rows, kind } = data;
const ofTexts = kind !== "digit"; // of numbers or forms
const DIGITS = [..."0123456789"];

const element = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const share = (value, places = 1) => (typeof value === "number" ? `${(100 * value).toFixed(places)} %` : "");
const paragraph = (text) => element("p", { textContent: text });
const listed = (counts) =>
  Object.entries(counts)
    .filter(([, n]) => n)
    .map(([name, n]) => `${count(n)} ${name.replaceAll("_", " ")}`);

function bars(values, names) {
  const host = element("div", { className: "chart" });
  showBars(host, values, names);
  return host;
}

function card(title, ...children) {
  const box = element("section", { className: "card" }, element("h2", { textContent: title }), ...children);
  document.getElementById("cards").append(box);
  return box;
}

function confusion(counts) {
  const head = element("tr", {}, element("th", { textContent: "is \\ read" }));
  for (const name of [...DIGITS, "none", "right"]) head.append(element("th", { textContent: name }));
  const table = element("table", { className: "confusion" }, head);
  for (const [label, line] of counts.entries()) table.append(confusionLine(label, line));
  return element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Confusions" }, table);
}

function confusionLine(label, line) {
  const total = line.reduce((sum, n) => sum + n, 0);
  const cells = line.map((n, answer) => {
    const cell = element("td", { textContent: n || "" });
    const isRight = answer === label;
    const strength = isRight ? 0.12 + (0.3 * n) / total : Math.min(0.75, 0.15 + (3 * n) / total);
    if (n) cell.style.background = `rgba(${isRight ? "29, 122, 70" : "200, 40, 30"}, ${strength})`;
    return cell;
  });
  return element(
    "tr",
    {},
    element("th", { textContent: label }),
    ...cells,
    element("td", { textContent: total ? share(line[label] / total) : "" }), // a digit that no label names
  );
}

function showSummary() {
  document.title = data.title;
  document.getElementById("title").textContent = data.title.replaceAll("_", " ");
  const when = summary.started.slice(0, 16).replace("T", " ");
  const about = [
    summary.sources.join(", "),
    `model ${summary.model.join(" + ")}`,
    when,
    `${summary.seconds.toFixed(1)} s`,
  ];
  document.getElementById("about").textContent = about.join(" · ");
  const passed = listed(summary.skipped);
  card(
    "Pictures",
    element("div", { className: "big", textContent: count(summary.n_rows) }),
    paragraph(listed(summary.statuses).join(" · ")),
    paragraph(passed.length ? `skipped: ${passed.join(", ")}` : ""),
  );
  if (!ofTexts) card("Digits", bars(Object.values(summary.digits), DIGITS));
  card(
    ofTexts ? "Confidence of the least certain digit, %" : "Confidence, %",
    bars(
      data.histogram,
      data.histogram.map((_n, i) => `${i * 10}`),
    ),
  );
  if (summary.accuracy?.n) showAccuracy(summary.accuracy);
}

function showAccuracy(accuracy) {
  const interval = `95 % interval ${share(accuracy.low, 2)} to ${share(accuracy.high, 2)}`;
  const big = element("div", { className: "big", textContent: share(accuracy.share, 2) });
  card("Accuracy", big, paragraph(`${count(accuracy.n_right)} of ${count(accuracy.n)}; ${interval}`));
  if (accuracy.confusion) card("Confusions", confusion(accuracy.confusion)).style.gridColumn = "1 / -1";
}

// ---------------------------------------------------------------- rows

/** What a row was read as, or said to be by a reviewer: [{name, text, status, reason}], one for a number. */
function answersOf(row) {
  if (kind !== "form") return [{ name: "", text: row.checked === "-" ? "" : (row.checked ?? row.text ?? "") }];
  return Object.entries(row.fields ?? {}).map(([name, field]) => ({
    name,
    ...field,
    text: row.corrected?.[name] ?? field.text,
  }));
}

/** A form's fields in one text, as the table shows them. */
const inOneText = (texts) =>
  Object.entries(texts)
    .map(([name, text]) => `${name}: ${text || "–"}`)
    .join("\n");

const textsOf = (row) => Object.fromEntries(Object.entries(row.fields ?? {}).map(([name, { text }]) => [name, text]));

/** A reviewer's answer as the table takes it. */
function answer(row, texts) {
  if (kind !== "form") return texts[""] || "-";
  row.corrected = texts;
  return inOneText(texts);
}

let table;
let review;

function showTable() {
  if (kind === "form") for (const row of rows) row.text = inOneText(textsOf(row));
  const host = document.getElementById("review");
  if (ofTexts) {
    review = new Review(host, {
      check: (row, texts) => table.check(texts && answer(row, texts)),
      move: (by) => table.mark(table.at + by),
    });
  }
  table = new Table(document.getElementById("table"), {
    ofTexts,
    keys: document,
    changed: showChecked,
    marked: (row) =>
      review?.show(row, table ? table.at + 1 : 1, table ? table.visible.length : 0, row ? answersOf(row) : []),
  });
  table.show(rows);
  if (ofTexts) table.mark(Math.max(0, rows.findIndex(isFixable)));
  if (matchMedia("(pointer: fine)").matches) review?.focus();
}

/** Say which rows these are, and link the files with the others. */
function showPages() {
  const last = data.first + rows.length;
  const those = `Rows ${count(data.first + 1)}–${count(last)} of ${count(summary.n_rows)}; what wants a look comes first.`;
  const host = document.getElementById("pages");
  if (rows.length === summary.n_rows) return;
  if (data.files.length < 2) {
    host.textContent = `${those} The other reports hold them all.`;
    return;
  }
  const links = data.files.map((name, i) =>
    i === data.page
      ? element("b", { textContent: i + 1 })
      : element("a", { textContent: i + 1, href: encodeURIComponent(name), title: name }),
  );
  host.append(`${those} Files: `, ...links.flatMap((link) => [link, " "]));
}

// ---------------------------------------------------------------- corrections

const fromPage = !rows.some((row) => row.file); // its rows have names only; laid beside the pictures they are paths
const place = (row) => (ofTexts || fromPage ? row.path : row.file);
const checked = () => rows.filter((row) => place(row) && row.checked !== undefined && isFixable(row));
let saved = true; // whether all of it was downloaded

function showChecked() {
  const n = checked().length;
  const button = document.getElementById("download");
  saved = false;
  button.disabled = !n;
  button.textContent = n ? `Download ${n} correction${n > 1 ? "s" : ""}` : "Download corrections";
}

function download() {
  const text = toCsv(kind, checked(), (row) => place(row) ?? null);
  save(new Blob([text], { type: "text/csv" }), `${data.title}_corrections.csv`);
  saved = true;
}

/** Take in corrections that were downloaded before; say how many are of rows that this page has. */
async function load(file) {
  const told = document.getElementById("told");
  try {
    const lines = fromCsv(await file.text());
    const n = lines.filter(takeIn).length;
    const others = lines.length - n;
    told.textContent = `${count(n)} taken in${others ? `, ${count(others)} of rows that are not on this page` : ""}.`;
    showChecked();
    table.redraw();
  } catch (error) {
    told.textContent = error.message;
  }
}

function takeIn({ path, label, field }) {
  const row = rows.find((one) => isFixable(one) && (one.path === path || one.file === path));
  if (!row || !isTaken(row, label, field)) return false;
  if (kind === "form") row.checked = answer(row, { ...textsOf(row), ...row.corrected, [field]: label });
  else row.checked = ofTexts ? label : Number(label);
  return true;
}

const isTaken = (row, label, field) =>
  kind === "form" ? field in (row.fields ?? {}) : ofTexts ? label !== "" : /^[0-9]$/.test(label);

document.getElementById("download").onclick = download;
document.getElementById("load").onchange = (event) => {
  if (event.target.files[0]) load(event.target.files[0]);
  event.target.value = "";
};
window.onbeforeunload = (event) => {
  if (!saved && checked().length) event.preventDefault();
};
showSummary();
showTable();
showPages();
