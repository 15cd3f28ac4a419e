/* A batch's report: summary, table, corrections to download. Written into assets/report.html together with the modules
   it imports, so that the page needs nothing but itself. */
import { isFixable } from "./rows.js";
import { save, showBars, Table } from "./table.js";
import { count, csv } from "./text.js";

const data = JSON.parse(document.getElementById("data").textContent);
const { summary, rows, columns } = data;
const isNumber = columns.includes("text");
const DIGITS = [..."0123456789"];

const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const share = (value, places = 1) => (typeof value === "number" ? `${(100 * value).toFixed(places)} %` : "");
const paragraph = (text) => make("p", { textContent: text });
const listed = (counts) =>
  Object.entries(counts)
    .filter(([, n]) => n)
    .map(([name, n]) => `${count(n)} ${name.replaceAll("_", " ")}`);

function bars(values, names) {
  const host = make("div", { className: "chart" });
  showBars(host, values, names);
  return host;
}

function card(title, ...children) {
  const box = make("section", { className: "card" }, make("h2", { textContent: title }), ...children);
  document.getElementById("cards").append(box);
  return box;
}

function confusion(counts) {
  const head = make("tr", {}, make("th", { textContent: "is \\ read" }));
  for (const name of [...DIGITS, "none", "right"]) head.append(make("th", { textContent: name }));
  const table = make("table", { className: "confusion" }, head);
  for (const [label, line] of counts.entries()) table.append(confusionLine(label, line));
  return make("div", { className: "scroll" }, table);
}

function confusionLine(label, line) {
  const total = Math.max(
    1,
    line.reduce((sum, n) => sum + n, 0),
  );
  const cells = line.map((n, answer) => {
    const cell = make("td", { textContent: n || "" });
    const isRight = answer === label;
    const strength = isRight ? 0.12 + (0.3 * n) / total : Math.min(0.75, 0.15 + (3 * n) / total);
    if (n) cell.style.background = `rgba(${isRight ? "29, 122, 70" : "200, 40, 30"}, ${strength})`;
    return cell;
  });
  return make(
    "tr",
    {},
    make("th", { textContent: label }),
    ...cells,
    make("td", { textContent: share(line[label] / total) }),
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
    make("div", { className: "big", textContent: count(summary.n_rows) }),
    paragraph(listed(summary.statuses).join(" · ")),
    paragraph(passed.length ? `passed over: ${passed.join(", ")}` : ""),
  );
  if (!isNumber) card("Digits", bars(Object.values(summary.digits), DIGITS));
  card(
    "Confidence",
    bars(
      data.histogram,
      data.histogram.map((_n, i) => `${i * 10}`),
    ),
  );
  if (summary.accuracy?.n) showAccuracy(summary.accuracy);
}

function showAccuracy(accuracy) {
  const interval = `95 % interval ${share(accuracy.low, 2)} to ${share(accuracy.high, 2)}`;
  const big = make("div", { className: "big", textContent: share(accuracy.share, 2) });
  card("Accuracy", big, paragraph(`${count(accuracy.n_right)} of ${count(accuracy.n)}; ${interval}`));
  if (accuracy.confusion) card("Confusions", confusion(accuracy.confusion)).style.gridColumn = "1 / -1";
}

function showTable() {
  const table = new Table(document.getElementById("table"), {
    isNumber,
    labelled: !isNumber || columns.includes("label"),
    keys: document,
    changed: showChecked,
  });
  table.show(rows);
  if (rows.length < summary.n_rows) {
    document.getElementById("more").textContent =
      `The ${count(rows.length)} rows that want a look most, of ${count(summary.n_rows)}; the other reports hold them all.`;
  }
}

const fromPage = !rows.some((row) => row.file); // its rows have names only; laid beside the pictures they are paths
const place = (row) => row.file ?? (fromPage ? row.path : null);
const checked = () => rows.filter((row) => place(row) && row.checked !== undefined && isFixable(row));

function showChecked() {
  const n = checked().length;
  const button = document.getElementById("download");
  button.disabled = !n;
  button.textContent = n ? `Download ${n} correction${n > 1 ? "s" : ""}` : "Download corrections";
}

function download() {
  const lines = checked().map((row) => [place(row), row.checked, row.digit, row.confidence]);
  const text = csv(["path", "label", "predicted", "confidence"], lines);
  save(new Blob([text], { type: "text/csv" }), `${data.title}_corrections.csv`);
}

document.getElementById("download").onclick = download;
document.getElementById("download").hidden = isNumber;
window.onbeforeunload = (event) => {
  if (checked().length) event.preventDefault();
};
showSummary();
showTable();
