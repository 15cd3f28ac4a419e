/* The answer card: what the network says about one picture, and the click that corrects it.
   Shared by every tab; all words come from digits/serving/page/texts.py. */

import { make } from "./dom.js";
import known from "./known.js";
import { ask, base } from "./server.js";
import { fill, number, percent, sentence } from "./text.js";

const { texts } = known;
const DIGITS = [...Array(10).keys()];
const skeleton = () => `
  <section class="card answer" data-status="empty">
    <div class="answer-top">
      <div class="big" aria-hidden="true"></div>
      <div class="words"><p class="says"></p><p class="detail"></p></div>
      <figure class="sees"><img alt="" width="28" height="28"><figcaption>${texts.sees}</figcaption></figure>
    </div>
    <ol class="bars" aria-label="${texts.bars}">
      ${DIGITS.map(
        (d) => `<li data-digit="${d}"><span class="percent"></span>
        <span class="bar"><i></i></span><b>${d}</b></li>`,
      ).join("")}
    </ol>
    <div class="beside" hidden></div>
    <p class="only-heard" aria-live="polite"></p>
    <div class="correct" hidden>
      <p class="correct-ask">${texts.wrong}</p>
      <div class="ten" role="group" aria-label="${texts.wrong}">
        ${DIGITS.map(
          (d) =>
            `<button type="button" data-digit="${d}" aria-label="${fill(texts.right, { digit: d })}">${d}</button>`,
        ).join("")}
      </div>
      <p class="kept"><span class="kept-now" role="status"></span>
        <button type="button" class="link undo" hidden>${texts.undo}</button>
        <span class="kept-count"></span> <a class="export" hidden href="${base}api/feedback/export"
        download>${texts.export}</a></p>
    </div>
  </section>`;

const BLANK = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==";

export class Card {
  constructor(host, ask = texts.ask, askDetail = texts.askDetail) {
    this.root = make(skeleton());
    host.replaceChildren(this.root);
    this.empty = [ask, askDetail];
    this.source = null; // () => {blob, page, model}: what a correction would keep
    for (const part of ["big", "says", "detail", "correct", "undo", "export"])
      this[part] = this.root.querySelector(`.${part}`);
    this.seen = this.root.querySelector(".sees img");
    this.heard = this.root.querySelector(".only-heard");
    this.bars = [...this.root.querySelectorAll(".bars li")];
    this.root.querySelector(".ten").addEventListener("click", (event) => this.keep(event));
    this.undo.addEventListener("click", () => this.takeBack());
    this.clear();
  }

  clear() {
    this.root.dataset.status = "empty";
    this.#write("?", ...this.empty);
    this.#fillBars([], null);
    this.seen.src = BLANK;
    this.seen.alt = "";
    this.correct.hidden = true;
    this.showBeside([], []);
    this.heard.textContent = "";
    this.#forget();
  }

  /** There is no answer yet: say why where it will be. */
  wait(says = texts.offline) {
    this.#instead("waiting", "…", says, "");
  }

  /** What is drawn is too small for its strokes to be told apart. */
  askLarger() {
    this.#instead("small", "?", texts.small, texts.smallDetail);
  }

  /** Show a sentence in the place of an answer; a label that was given stays with the picture. */
  #instead(status, big, says, detail) {
    this.root.dataset.status = status;
    this.#write(big, says, detail);
    this.#fillBars([], null);
    this.showBeside([], []);
    this.correct.hidden = true;
    this.heard.textContent = `${says} ${detail}`;
  }

  /** Show one row of /api/predict; `spoken` also tells it to screen readers (at the end of a stroke, not during it). */
  show(row, spoken = true) {
    const [digit, p] = [row.digit, DIGITS.map((d) => row[`p${d}`] ?? 0)];
    const top = p.indexOf(Math.max(...p));
    const values = { digit: digit ?? top, percent: percent(row.confidence ?? 0) };
    this.root.dataset.status = row.status;
    this.#write(digit ?? "?", fill(texts[row.status], values), this.#detail(row, top));
    this.#fillBars(row.status === "blank" ? [] : p, digit);
    this.seen.src = row.ink || BLANK;
    this.seen.alt = row.ink ? texts.sees : "";
    if (this.correct.hidden !== (row.status === "blank")) this.correct.hidden = row.status === "blank";
    if (spoken) this.heard.textContent = `${this.says.textContent} ${this.detail.textContent}`;
    if (spoken) this.#askCount();
  }

  /** Below the answer, what each of several models says; hidden without any. */
  showBeside(names, rows) {
    const host = this.root.querySelector(".beside");
    host.hidden = !rows.length;
    host.replaceChildren(
      ...rows.map((row, i) =>
        make(`<div><span>${names[i]}</span><b>${row.digit ?? "?"}</b>
      <span>${percent(row.confidence)}</span><span class="mini">${DIGITS.map(
        (d) => `<i style="height:${100 * row[`p${d}`]}%"></i>`,
      ).join("")}</span></div>`),
      ),
    );
  }

  /** Say what went wrong, and whether it is the file's fault. */
  fail(error) {
    this.clear();
    this.root.dataset.status = "error";
    this.#write("!", error.isOfFile ? texts.unreadable : texts.error, error.message);
    this.heard.textContent = `${this.says.textContent} ${this.detail.textContent}`;
  }

  #detail(row, top) {
    if (row.status === "blank") return "";
    const guess = { digit: row.runner_up, percent: percent(row.runner_up_confidence) };
    if (row.digit === null) return fill(texts.closest, { digit: top, percent: percent(row.confidence) });
    const sure = fill(texts.sure, { percent: percent(row.confidence) });
    const second = row.runner_up_confidence >= 0.01 ? `, ${fill(texts.runnerUp, guess)}` : "";
    const why = row.status === "unsure" && row.reason && !row.reason.startsWith("could be") ? `${row.reason}; ` : "";
    return why + sure + second;
  }

  #write(big, says, detail) {
    this.big.textContent = big;
    this.says.textContent = says;
    this.detail.textContent = sentence(detail);
  }

  #fillBars(p, digit) {
    this.bars.forEach((bar, d) => {
      const value = p[d] ?? 0;
      bar.classList.toggle("top", d === digit);
      bar.querySelector("i").style.transform = `scaleY(${value})`;
      bar.querySelector(".percent").textContent = value >= 0.01 ? number(value) : "";
      bar.setAttribute("aria-label", fill(texts.bar, { digit: d, percent: percent(value) }));
    });
  }

  // ------------------------------------------------------------ corrections

  /** Keep what was clicked as the label of this picture, in the place of an earlier one; clicks wait for each other. */
  keep(event) {
    const { digit } = event.target.dataset;
    if (digit === undefined || !this.source) return;
    const [source, picture] = [this.source(), this.picture];
    this.#inTurn(() => this.#keep(digit, source, picture));
  }

  takeBack() {
    const { picture } = this;
    this.#inTurn(() => this.#takeBack(picture));
  }

  #inTurn(act) {
    this.acting = (this.acting ?? Promise.resolve()).then(act).catch((error) => {
      this.#tell(sentence(error.message), null);
      this.root.querySelector(".kept-count").textContent = "";
      this.counted = false;
    });
  }

  async #keep(label, { blob, page, model }, picture) {
    const form = new FormData();
    form.append("file", blob, "picture.png");
    form.append("label", label);
    if (picture.key) form.append("replaces", picture.key);
    const query = new URLSearchParams(model ? model.split("+").map((name) => ["model", name]) : []);
    if (page) query.append("page", page);
    const kept = await ask(`feedback?${query}`, { method: "POST", body: form });
    picture.key = kept.key;
    if (picture === this.picture) this.#tell(fill(texts.saved, { digit: label }), kept.count);
  }

  async #takeBack(picture) {
    if (!picture.key) return;
    const kept = await ask(`feedback/${picture.key}`, { method: "DELETE" });
    picture.key = null;
    if (picture === this.picture) this.#tell(texts.undone, kept.count);
  }

  /** Another picture begins: what was kept of the last one stays kept. */
  #forget() {
    this.picture = { key: null };
    this.#tell("", null);
  }

  #askCount() {
    if (!this.counted)
      ask("feedback").then(
        (kept) => this.#count(kept.count),
        () => {},
      );
    this.counted = true;
  }

  #tell(says, count) {
    this.root.querySelector(".kept-now").textContent = says;
    this.undo.hidden = !this.picture.key;
    if (count !== null) this.#count(count);
  }

  #count(n) {
    document.dispatchEvent(new CustomEvent("corrections", { detail: n }));
    const text =
      n === 0 ? texts.countNone : n === 1 ? texts.countOne : fill(texts.count, { n: n.toLocaleString("en") });
    this.root.querySelector(".kept-count").textContent = text;
    this.export.hidden = n === 0 || !known.exports;
  }
}
