/* The table of answers, with filters and keys to review it: on the page's Batch tab and in a batch's report, which
   carries this module within itself. Its words are here, not in the page's texts, because the report is no page of it. */
import { make } from "./dom.js";
import { byColumn, FILTERS, isFixable, isWrong, matches, said, tally, truth } from "./rows.js";
import { count, escapeHtml, percent, roughly } from "./text.js";

const FILTER_WORDS = {
  all: "All",
  look: "To check",
  blank: "Blank",
  error: "Unreadable",
  wrong: "Wrong",
  checked: "Checked",
};
const STATUS_WORDS = { unsure: "unsure", blank: "blank", not_a_digit: "no digit", error: "unreadable" };
const PAGE = 200; // rows added at a time
const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };

const skeleton = (ofTexts) => `
  <div class="review">
    <div class="review-tools">
      <div class="filters" role="group" aria-label="Show"></div>
      ${ofTexts ? "" : `<select class="of-digit" aria-label="Answer"><option value="">any answer</option>${[..."0123456789"].map((d) => `<option>${d}</option>`).join("")}</select>`}
      <input class="of-path" type="search" placeholder="part of the path" aria-label="Part of the path">
    </div>
    <p class="review-note"><span class="row-count" role="status"></span>${ofTexts ? "" : " <span class='review-keys'><kbd>↑</kbd> <kbd>↓</kbd> move, <kbd>Enter</kbd> right, <kbd>0</kbd>–<kbd>9</kbd> correct digit, <kbd>Del</kbd> undo</span>"}</p>
    <div class="table-host" role="region" tabindex="0" aria-label="Table of answers"><table class="rows${ofTexts ? " of-texts" : ""}">
      <thead><tr></tr></thead><tbody></tbody></table></div>
    <p class="review-more" hidden><button type="button" class="tool more">Show more</button></p>
    ${
      ofTexts
        ? ""
        : `<div class="label-pad" role="group" aria-label="Correct digit of the selected row">
      <button type="button" class="tool" data-key="Enter">Right</button>${[..."0123456789"].map((d) => `<button type="button" class="tool" data-key="${d}">${d}</button>`).join("")}</div>`
    }
    <p class="only-heard" aria-live="polite"></p>
  </div>`;

export class Table {
  /** Fill `host` with rows of digits or, `ofTexts`, of numbers or forms. `changed(row)` hears of each label, `marked(row)`
      of each move (undefined: nothing is shown); `keys` is where keys are listened to, the table unless given. */
  constructor(host, { ofTexts = false, changed = () => {}, marked = () => {}, keys } = {}) {
    this.root = make(skeleton(ofTexts));
    host.replaceChildren(this.root);
    this.ofTexts = ofTexts;
    this.changed = changed;
    this.marked = marked;
    this.body = this.#find("tbody");
    this.wanted = { filter: "all", digit: "", text: "" };
    this.rows = [];
    this.visible = [];
    this.at = -1;
    this.changes = []; // made since the reviewer last went elsewhere, for undo
    this.#buildHead();
    this.#bind(keys ?? this.#find(".table-host"));
  }

  #find(selector) {
    return this.root.querySelector(selector);
  }

  /** Show `rows`, in their order until a column is asked for. */
  show(rows) {
    this.rows = rows;
    this.order = null;
    this.changes = [];
    this.wanted = { filter: "all", digit: "", text: "" };
    this.#find(".of-path").value = "";
    if (!this.ofTexts) this.#find(".of-digit").value = "";
    this.redraw();
  }

  /** Add rows that have just been read, at the end. */
  append(rows) {
    this.rows = [...this.rows, ...rows];
    this.visible.push(...rows.filter((row) => matches(row, this.wanted)));
    if (this.body.children.length < PAGE) this.#showMore();
    this.#showCounts();
    if (this.at < 0 && this.visible.length) this.mark(0, false);
  }

  redraw() {
    this.visible = this.rows.filter((row) => matches(row, this.wanted));
    if (this.order) this.visible.sort(byColumn(this.order.key, this.order.down));
    this.body.replaceChildren();
    this.at = -1;
    this.#showMore();
    this.#showCounts();
    if (this.visible.length) this.mark(0, false);
    else {
      this.#enablePad();
      this.marked(undefined);
    }
  }

  // ------------------------------------------------------------ filters, order

  #showCounts() {
    this.#showFilters();
    const n = this.visible.length;
    this.#find(".row-count").textContent = `${count(n)} ${n === 1 ? "row" : "rows"}.`;
    this.#find(".review-more").hidden = this.body.children.length >= n;
  }

  #showFilters() {
    const n = tally(this.rows);
    const names = Object.keys(FILTERS).filter((name) => name === "all" || name === this.wanted.filter || n[name]);
    const buttons = names.map((name) =>
      make(
        `<button type="button" class="tool" data-filter="${name}" aria-pressed="${name === this.wanted.filter}">${FILTER_WORDS[name]} ${count(n[name])}</button>`,
      ),
    );
    const at = buttons.findIndex((button) => button.dataset.filter === document.activeElement?.dataset?.filter);
    const host = this.#find(".filters");
    const hadFocus = host.contains(document.activeElement);
    host.replaceChildren(...buttons);
    if (hadFocus) buttons[at]?.focus();
  }

  #buildHead() {
    const answer = this.ofTexts ? ["text", "Text"] : ["digit", "Answer"];
    const second = this.ofTexts ? [] : [["runner_up_confidence", "Second guess"]];
    const columns = [["", ""], answer, ["confidence", "Confidence"], ...second, ["path", "File"], ["label", "Truth"]];
    for (const [key, name] of columns) {
      const button = key
        ? `<button type="button" data-key="${key}">${name}</button>`
        : `<span class="only-heard">Picture</span>`;
      this.#find("thead tr").append(
        make(`<table><tr><th scope="col" class="of-${key}">${button}</th></tr></table>`).querySelector("th"),
      );
    }
  }

  #sort(key) {
    this.order = { key, down: this.order?.key === key && !this.order.down };
    for (const button of this.root.querySelectorAll("thead button")) {
      const direction = this.order.down ? "descending" : "ascending";
      button.parentElement.ariaSort = button.dataset.key === key ? direction : "none";
    }
    this.redraw();
  }

  // ------------------------------------------------------------ rows

  #showMore() {
    const from = this.body.children.length;
    this.body.append(...this.visible.slice(from, from + PAGE).map((row) => this.#line(row)));
  }

  #line(row) {
    const pictures = [row.original, row.ink ?? row.thumbnail].filter(Boolean);
    const images = pictures.map((url) => `<img src="${escapeHtml(url)}" alt="" loading="lazy">`).join("");
    const why = row.error || (row.status === "unsure" && row.reason) || "";
    const copy = row.copy_of ? `the same file as ${row.copy_of}` : "";
    const notes = [why, copy].filter(Boolean).map((note) => `<small>${escapeHtml(note)}</small>`);
    return make(`<table><tbody><tr data-status="${row.status}"><td class="picture">${images}</td>
      <td class="said">${escapeHtml(said(row) ?? "")}</td><td class="sure">${this.#sure(row)}</td>
      ${this.ofTexts ? "" : `<td class="second">${this.#second(row)}</td>`}
      <td class="name"><span title="${escapeHtml(row.path)}">${escapeHtml(row.path)}</span>${notes.join("")}</td>
      <td class="truth">${this.#truth(row)}</td></tr></tbody></table>`).querySelector("tr");
  }

  #sure(row) {
    const word = STATUS_WORDS[row.status] ?? "";
    const share = typeof row.confidence === "number" && row.status !== "blank" ? percent(row.confidence) : "";
    return word ? `${word} <small>${share}</small>` : share;
  }

  #second(row) {
    const isTold = row.status !== "blank" && row.runner_up_confidence >= 0.01;
    return isTold ? `${row.runner_up} <small>${percent(row.runner_up_confidence)}</small>` : "";
  }

  #truth(row) {
    const known = truth(row);
    if (known === null) return "";
    const word = known === "-" ? `no ${this.ofTexts ? "number" : "digit"}` : escapeHtml(known);
    return isWrong(row) ? `<b class="bad">✗ ${word}</b>` : `<b class="good">✓ ${word}</b>`;
  }

  // ------------------------------------------------------------ review

  #bind(keys) {
    this.#find(".filters").addEventListener("click", (event) => this.#want({ filter: event.target.dataset.filter }));
    this.#find(".of-digit")?.addEventListener("change", (event) => this.#want({ digit: event.target.value }));
    this.#find(".of-path").addEventListener("input", (event) => this.#want({ text: event.target.value.toLowerCase() }));
    this.#find("thead").addEventListener(
      "click",
      (event) => event.target.dataset.key && this.#sort(event.target.dataset.key),
    );
    this.#find(".more").addEventListener("click", () => {
      this.#showMore();
      this.#showCounts();
    });
    this.body.addEventListener("click", (event) =>
      this.#go([...this.body.children].indexOf(event.target.closest("tr"))),
    );
    this.#find(".label-pad")?.addEventListener("click", (event) => this.#press(event.target.dataset.key));
    keys.addEventListener("keydown", (event) => {
      const isOther =
        event.target.matches?.("input, select, textarea, button") || event.ctrlKey || event.metaKey || event.altKey;
      if (!isOther && this.#press(event.key)) event.preventDefault();
    });
  }

  #want(change) {
    if (Object.values(change)[0] === undefined) return;
    Object.assign(this.wanted, change);
    this.redraw();
  }

  /** Do what a key asks for; whether it asked for anything. */
  #press(key) {
    if (key in MOVES) this.#go(this.at + MOVES[key]);
    else if (this.ofTexts) return false;
    else if (/^[0-9]$/.test(key)) this.check(Number(key));
    else if (key === "Enter" && typeof this.visible[this.at]?.digit === "number")
      this.check(this.visible[this.at].digit);
    else if (key === "Backspace" || key === "Delete") this.#undo();
    else return false;
    return true;
  }

  #go(i) {
    this.changes = [];
    this.mark(i);
  }

  mark(i, scroll = true) {
    const at = Math.max(0, Math.min(this.visible.length - 1, i));
    if (at >= this.body.children.length) this.#showMore();
    this.body.children[this.at]?.classList.remove("at");
    this.at = at;
    const line = this.body.children[at];
    line?.classList.add("at");
    if (scroll) this.#scrollTo(line);
    this.#enablePad();
    this.marked(this.visible[at]);
  }

  /** Scroll within the table alone where the marked row is shown at large above it. */
  #scrollTo(line) {
    if (!line) return;
    if (!this.ofTexts) return line.scrollIntoView({ block: "nearest" });
    const host = this.#find(".table-host");
    const [seen, at] = [host.getBoundingClientRect(), line.getBoundingClientRect()];
    if (at.top < seen.top + 40) host.scrollTop += at.top - seen.top - 40;
    else if (at.bottom > seen.bottom) host.scrollTop += at.bottom - seen.bottom;
  }

  #enablePad() {
    const row = this.visible[this.at];
    for (const button of this.root.querySelectorAll(".label-pad button")) {
      button.disabled = !row || !isFixable(row) || (button.dataset.key === "Enter" && typeof row.digit !== "number");
    }
  }

  /** Say what the marked row really is, or with undefined take that back; the next row is then up. */
  check(answer) {
    const row = this.visible[this.at];
    if (!row || !isFixable(row)) return;
    if (answer !== undefined) this.changes.push({ row, before: row.checked });
    this.#set(row, answer);
    if (answer === undefined) this.marked(row);
    else this.mark(this.at + 1);
  }

  /** Take the last change back; where the reviewer went elsewhere since, what the marked row was given. */
  #undo() {
    const change = this.changes.pop();
    if (!change) return this.check(undefined);
    this.#set(change.row, change.before);
    const at = this.visible.indexOf(change.row);
    if (at >= 0) this.mark(at);
  }

  #set(row, answer) {
    if (answer === undefined) delete row.checked;
    else row.checked = answer;
    const cell = this.body.children[this.visible.indexOf(row)]?.querySelector(".truth");
    if (cell) cell.innerHTML = this.#truth(row);
    this.#find("[aria-live]").textContent = answer === undefined ? "taken back" : `${row.path}: ${answer}`;
    this.#showFilters();
    this.changed(row);
  }
}

/** Bars over names, as the report and the page show counts: `host` gets role img and the figures as its name. */
export function showBars(host, counts, names) {
  const top = Math.max(...counts, 1);
  host.setAttribute("role", "img");
  host.setAttribute("aria-label", names.map((name, i) => `${name}: ${counts[i]}`).join(", "));
  host.innerHTML = counts
    .map(
      (n, i) =>
        `<span><small>${n ? roughly(n) : ""}</small><i style="height:${(80 * n) / top}px"></i><b>${names[i]}</b></span>`,
    )
    .join("");
}

/** Hand the visitor a file. */
export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
