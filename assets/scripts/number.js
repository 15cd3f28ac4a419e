/* Numbers on the page: the choice "one digit / a number" that all tabs share, the card that shows a number to copy and to
   correct, and the offer to read a picture the other way. */

import { make, makeChoice } from "./dom.js";
import known from "./known.js";
import { ask } from "./server.js";
import { choose, shared } from "./shared.js";
import { percent, sentence } from "./text.js";

const { texts } = known;
const LEAST = 0.5; // sure of each digit, for several to be told of

/** Read a picture, or one page of a file, as a number. */
export function readNumber(blob, { model = "", page, waiting, signal } = {}) {
  const form = new FormData();
  form.append("file", blob, blob.name ?? "drawing.png");
  const query = new URLSearchParams({ details: "steps" });
  if (page) query.append("page", page);
  for (const one of model.split("+").filter(Boolean)) query.append("model", one);
  return ask(`read-number?${query}`, { method: "POST", body: form, signal }, waiting);
}

/** Whether there are several digits in what was read as a number. */
export const isSeveral = ({ digits }) => digits.filter(({ confidence }) => confidence >= LEAST).length > 1;

let groups = 0; // radio buttons of one name are one group, so each choice has its own

/** Fill `host` with the choice; `changed` is called when it was made, here or on another tab. A tab that holds answers
    gives `chosen`, which hears of a choice made here instead, and `held`, what the choice says then. Returns what marks
    it anew. */
export function showChoice(host, changed, chosen = choose, held = () => shared.mode) {
  const group = `mode-${++groups}`;
  for (const mode of ["one", "number"]) host.append(makeChoice(group, mode, texts[mode], false, () => chosen(mode)));
  const mark = () => {
    host.querySelector(`[value=${held()}]`).checked = true;
  };
  document.addEventListener("mode", () => {
    mark();
    changed();
  });
  mark();
  return mark;
}

const OFFERS = { one: texts.offerOne, number: texts.offerNumber };

/** Offer in `host` to read the picture, or what `words` say, as `mode`; null takes the offer back. */
export function offer(host, mode, chosen = choose, words = OFFERS) {
  host.replaceChildren();
  if (!mode) return;
  const button = make(`<button type="button" class="tool">${words[mode]}</button>`);
  button.addEventListener("click", () => {
    offer(host, null);
    chosen(mode);
  });
  host.append(button);
}

const skeleton = `<div><p class="note number-says">${texts.readsNumber}</p>
  <p class="number-text" role="textbox" aria-multiline="true" contenteditable="plaintext-only" spellcheck="false"
    aria-label="${texts.numberEdit}"></p>
  <p class="number-why"></p>
  <p class="drop-buttons number-tools"><button type="button" class="tool copy">${texts.copy}</button>
    <span class="note copied" role="status"></span></p>
  <h2 class="digits-title" hidden>${texts.numberDigits}</h2><ol class="number-digits"></ol></div>`;

export class NumberCard {
  constructor(host) {
    this.host = host;
    host.replaceChildren(make(skeleton));
    const find = (name) => host.querySelector(`.${name}`);
    for (const name of ["says", "text", "tools", "why", "digits"]) this[name] = find(`number-${name}`);
    [this.title, this.copied] = [find("digits-title"), find("copied")];
    find("copy").addEventListener("click", () => this.#copy());
    this.text.addEventListener("input", () => {
      this.corrected = this.text.textContent;
      this.copied.textContent = this.text.textContent === this.read ? "" : texts.corrected;
    });
  }

  /** Another picture begins: what was corrected of the last one goes with it. */
  forget() {
    this.corrected = null;
  }

  /** Show what was read; what somebody has corrected in this picture stays. */
  show(answer) {
    this.read = answer.text;
    this.#say(answer.text || texts.noNumber, Boolean(answer.text));
    if (answer.text && (this.corrected ?? answer.text) !== answer.text) {
      this.text.textContent = this.corrected;
      this.copied.textContent = texts.corrected;
    }
    this.host.dataset.status = answer.text ? answer.status : "empty";
    this.says.textContent = answer.status === "unsure" ? texts.readsPerhaps : texts.readsNumber;
    this.why.textContent = answer.text ? sentence(answer.reason) : "";
    this.title.hidden = !answer.digits.length;
    this.digits.replaceChildren(
      ...answer.digits.map(({ digit, confidence, status }) =>
        make(
          `<li data-status="${status}"><b>${digit}</b><span>${percent(confidence)}</span><small>${texts.statusWord[status]}</small></li>`,
        ),
      ),
    );
  }

  /** Show a sentence in the place of a number. */
  tell(told) {
    this.show({ text: "", digits: [] });
    this.#say(told, false);
  }

  #say(text, isNumber) {
    this.text.textContent = text;
    this.text.classList.toggle("none", !isNumber);
    this.text.contentEditable = isNumber ? "plaintext-only" : "false";
    this.says.hidden = this.tools.hidden = !isNumber;
    this.copied.textContent = "";
  }

  async #copy() {
    await navigator.clipboard?.writeText(this.text.textContent);
    this.copied.textContent = navigator.clipboard ? texts.copied : texts.notCopied;
  }
}
