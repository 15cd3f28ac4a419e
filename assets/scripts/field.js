/* What one box of a form may hold, and where it lies, to be typed: the keys of docs/forms.md. */
import { make } from "./dom.js";
import known from "./known.js";
import { lengthOf, resized } from "./template.js";
import { escapeHtml } from "./text.js";

const { texts } = known;
const FIRST = ["name", "kind", "cells", "required"];
const MORE = ["length", "min", "max", "order", "check", "prefix", "pattern"]; // folded away until one is wanted
const CHOICES = { kind: texts.formKinds, order: texts.formOrders, check: texts.formChecks };
const USUAL = { kind: "number", order: "dmy" }; // said by saying nothing
const LEAST = 0.001; // of the page

export class Field {
  /** Fill `host`; `changed(box, isDone)` hears of the box with what was typed, while typing and after. */
  constructor(host, changed) {
    this.host = host;
    this.changed = changed;
    host.addEventListener("submit", (event) => event.preventDefault());
    for (const kind of ["input", "change"])
      host.addEventListener(kind, ({ target }) => this.#take(target, kind === "change"));
  }

  /** Show `box`, the one at `at`, or nothing; what is being typed in is left alone. */
  show(box, at) {
    const isSame = this.box && box && this.at === at && this.kind === box.field.kind;
    this.at = at;
    if (!isSame) this.#build(box);
    this.box = box;
    this.#fill();
  }

  focusName() {
    this.#input("name")?.select();
  }

  #input(name) {
    return this.host.querySelector(`[name=${name}]`);
  }

  #build(box) {
    this.kind = box?.field.kind;
    this.box = null; // an input that goes while it is typed in is told as changed, and is another box's
    if (!box) return this.host.replaceChildren();
    const isOpen = MORE.some((name) => box.field[name] !== undefined) || this.host.querySelector("details")?.open;
    const isDate = this.kind === "date";
    const html = (names) => names.filter((name) => name !== "order" || isDate).map((name) => this.#label(name));
    const edges = Object.entries(texts.formEdges).map(
      ([name, word]) => `<label>${word}<input type="number" name="${name}" min="0" max="100" step="0.1"></label>`,
    );
    this.host.replaceChildren(
      make(`<div class="form-keys-list">${html(FIRST).join("")}
        <details ${isOpen ? "open" : ""}><summary>${texts.formMore}</summary>${html(MORE).join("")}</details>
        <fieldset><legend>${texts.formWhere}</legend>${edges.join("")}</fieldset></div>`),
    );
  }

  #label(name) {
    const word = texts.formKeys[name];
    if (name === "required") return `<label class="form-tick"><input type="checkbox" name="required"> ${word}</label>`;
    if (CHOICES[name]) {
      const options = Object.entries(CHOICES[name]).map(([key, said]) => `<option value="${key}">${said}</option>`);
      return `<label>${word}<select name="${name}">${options.join("")}</select></label>`;
    }
    const kinds = { cells: 'type="number" min="1" max="100"', min: this.#limit(), max: this.#limit() };
    return `<label>${word}<input name="${name}" ${kinds[name] ?? 'type="text" autocomplete="off"'}></label>`;
  }

  #limit() {
    return this.kind === "date" ? 'type="date"' : 'type="number" step="any"';
  }

  #fill() {
    if (!this.box) return;
    for (const input of this.host.querySelectorAll("[name]")) {
      if (input === document.activeElement && input.type !== "checkbox") continue;
      const value = this.box.field[input.name] ?? USUAL[input.name];
      if (input.name in texts.formEdges) input.value = (100 * this.box[input.name]).toFixed(1);
      else if (input.type === "checkbox") input.checked = value === true;
      else input.value = Array.isArray(value) ? value.join("-") : (value ?? "");
    }
  }

  #take({ name, value, type, checked }, isDone) {
    if (!this.box || !name) return;
    const box =
      name in texts.formEdges ? this.#placed(name, value) : this.#said(name, type === "checkbox" ? checked : value);
    this.box = box;
    this.changed(box, isDone);
    if (isDone) this.show(box, this.at);
  }

  #placed(name, value) {
    const { box } = this;
    const share = Number(value) / 100;
    if (value === "" || !Number.isFinite(share)) return box;
    if (name === "left") return { ...box, left: Math.max(0, Math.min(1 - box.width, share)) };
    if (name === "top") return { ...box, top: Math.max(0, Math.min(1 - box.height, share)) };
    const edges = name === "width" ? { right: box.left + share } : { bottom: box.top + share };
    return resized(box, edges, LEAST);
  }

  /** The box with one key said anew; a key that says nothing is left out, as by hand. */
  #said(name, value) {
    const read = {
      name: (text) => text.trim(),
      cells: (text) => (text ? Number(text) : undefined),
      length: lengthOf,
      min: (text) => this.#toLimit(text),
      max: (text) => this.#toLimit(text),
    };
    const said = read[name] ? read[name](value) : value;
    const field = { ...this.box.field, [name]: said };
    if (name !== "name" && (said === undefined || said === "" || said === false || said === USUAL[name]))
      delete field[name];
    if (name === "kind") for (const key of ["min", "max", "order"]) delete field[key]; // a date's are no number's
    return { ...this.box, field };
  }

  #toLimit(text) {
    if (text === "") return undefined;
    return this.kind === "date" ? text : Number(text);
  }
}

/** A form's field in a table: its little picture, what was read, and why that wants a look. */
export const cellOf = (field) => {
  if (!field) return "<td></td>";
  const { text, status, reason, picture } = field;
  const word = texts.statusWord[status];
  const why = status === "ok" || status === "blank" ? word : `${word}: ${reason}`;
  return `<td data-status="${status}">${picture ? `<img src="${picture}" alt="">` : ""}<b>${escapeHtml(text)}</b>
    ${why ? `<small>${escapeHtml(why)}</small>` : ""}</td>`;
};
