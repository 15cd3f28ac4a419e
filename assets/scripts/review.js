/* One row of numbers at large: the picture with what was found drawn on it, and what it really says to be typed. Part of
   a batch's report, which carries this module within itself. */
import { isFixable } from "./rows.js";
import { escapeHtml, percent } from "./text.js";

const SPELT = /^[\d\s.,\-+/:]*$/;
const STEPS = { PageDown: 1, PageUp: -1, ArrowDown: 1, ArrowUp: -1 };

const PANEL = `
  <div class="sheet"></div>
  <form class="answer">
    <p class="of"><b class="path"></b> <span class="place"></span></p>
    <p class="state" role="status"></p>
    <div class="inputs"></div>
    <div class="buttons">
      <button type="submit" class="main">Accept</button>
      <button type="button" data-move="-1">Back</button>
      <button type="button" data-move="1">Next</button>
      <button type="button" class="undo">Undo</button>
    </div>
    <p class="review-note"><span>Correct what is wrong, then accept; leave it empty if nothing is written.</span>
      <span class="review-keys"><kbd>Enter</kbd> accept and continue, <kbd>Page ↓</kbd> <kbd>Page ↑</kbd> next and back
      without accepting, <kbd>Shift</kbd> <kbd>Enter</kbd> one more line</span></p>
  </form>`;

/** Give a field as many rows as it has lines, and say what does not belong in it. */
export function fit(field) {
  field.rows = field.value.split("\n").length;
  const told = SPELT.test(field.value) ? "" : "Digits, spaces and the signs . , - + / : are what can be learnt here.";
  field.setCustomValidity(told);
}

/** Whether a key accepts what is typed: Enter does, with Shift it begins another line. */
export function accepts(event) {
  if (event.key !== "Enter" || event.shiftKey) return false;
  event.preventDefault();
  event.target.form.requestSubmit();
  return true;
}

export class Review {
  /** Fill `host`; `check(row, texts)` hears of what is accepted, texts by field, or undefined; `move(by)` of moves. */
  constructor(host, { check, move }) {
    host.innerHTML = PANEL;
    this.host = host;
    this.check = check;
    this.#find("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#accept();
    });
    for (const button of host.querySelectorAll("[data-move]")) {
      button.addEventListener("click", () => move(Number(button.dataset.move)));
    }
    this.#find(".undo").addEventListener("click", () => this.check(this.row, undefined));
    this.#find(".inputs").addEventListener("keydown", (event) => this.#press(event, move));
    this.#find(".inputs").addEventListener("input", (event) => fit(event.target));
  }

  #find(selector) {
    return this.host.querySelector(selector);
  }

  /** Show a row, the `place`th of `n`; `answers` are [{name, text, status, reason}], one for a number. */
  show(row, place, n, answers) {
    this.row = row;
    this.host.hidden = !row;
    if (!row) return;
    const hadFocus = this.#find(".inputs").contains(document.activeElement);
    this.#find(".sheet").innerHTML = sheet(row);
    this.#find(".path").textContent = row.path;
    this.#find(".place").textContent = `${place} of ${n}`;
    this.#find(".state").innerHTML = state(row);
    this.#find(".inputs").replaceChildren(...(isFixable(row) ? answers.map(input) : []));
    for (const field of this.host.querySelectorAll("textarea")) fit(field);
    this.#find("[type=submit]").disabled = !isFixable(row);
    this.#find(".undo").disabled = row.checked === undefined;
    if (hadFocus) this.focus();
  }

  /** Set the cursor into what is to be typed, everything marked, so that typing replaces it. */
  focus() {
    this.host.querySelector("textarea")?.select();
  }

  #accept() {
    if (!isFixable(this.row)) return;
    const fields = [...this.host.querySelectorAll("textarea")];
    this.check(this.row, Object.fromEntries(fields.map((field) => [field.name, field.value.trim()])));
  }

  #press(event, move) {
    if (accepts(event)) return;
    if (event.key in STEPS && (event.key.startsWith("Page") || event.target.rows === 1)) {
      event.preventDefault();
      move(STEPS[event.key]);
    }
  }
}

function state(row) {
  const share = typeof row.confidence === "number" ? `, ${percent(row.confidence)}` : "";
  const why = row.error || row.reason;
  const copy = row.copy_of ? `<br>The same file as ${escapeHtml(row.copy_of)}.` : "";
  const word = row.status === "error" ? "not read" : row.status.replaceAll("_", " ");
  return `<b data-status="${row.status}">${word}</b>${share}${why ? `: ${escapeHtml(why)}` : ""}${copy}`;
}

function input({ name, text, status, reason }) {
  const label = document.createElement("label");
  const title = name || "What it says";
  const note = name && status !== "ok" ? ` <small data-status="${status}">${escapeHtml(reason || status)}</small>` : "";
  label.innerHTML = `<span>${escapeHtml(title)}${note}</span><textarea rows="1" spellcheck="false" autocomplete="off"></textarea>`;
  const field = label.querySelector("textarea");
  field.name = name;
  field.value = text;
  return label;
}

/** The picture with boxes over it: of a number's digits, or of a form's fields. */
function sheet(row) {
  if (!row.thumbnail)
    return `<p>${row.status === "error" ? "There is no picture to show." : "The picture is gone."}</p>`;
  const { width, height } = row;
  const fields = Object.entries(row.fields ?? {}).map(([name, field]) => ({ ...field, name }));
  const drawn = [...(row.digits ?? []).map(digitBox), ...fields.map(fieldBox)].join("");
  return `<div class="picture" style="--shape: ${width / height}"><img src="${row.thumbnail}" alt="">
    <svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${drawn}</svg></div>`;
}

function digitBox({ digit, status, box: [left, top, right, bottom] }) {
  const size = Math.max(8, 0.45 * (bottom - top));
  return `<rect data-status="${status}" x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"/>
    <text data-status="${status}" x="${left}" y="${Math.max(size, top - 0.1 * size)}" font-size="${size}">${digit}</text>`;
}

function fieldBox({ status, corners, name }) {
  const points = corners.map((corner) => corner.join(",")).join(" ");
  return `<polygon data-status="${status}" points="${points}"><title>${escapeHtml(name)}</title></polygon>`;
}
