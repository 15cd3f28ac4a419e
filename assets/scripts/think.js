/* It thinks while you draw: the ink, the most active maps of each layer and the ten answers in one joined row. A digit
   that is pointed at shows which of the last maps speak for it, and how much; else the answer does. */
import { make } from "./dom.js";
import known from "./known.js";
import { showNearest } from "./nearest.js";
import { ask } from "./server.js";
import { sharesOf } from "./shares.js";
import { fill, percent, sentence } from "./text.js";

const { texts } = known;
const DIGITS = [...Array(10).keys()];
const firstOf = (model) => model.split("+")[0];

export class Think {
  constructor(root) {
    this.root = root;
    this.row = root.querySelector(".think-row");
    this.says = root.querySelector(".think-says");
    this.whose = make(`<p class="note think-whose"></p>`);
    this.row.before(this.whose);
    this.nearest = make(`<div class="nearest-host"></div>`);
    this.says.after(make(`<p class="note think-how">${texts.thinkHow}</p>`), this.nearest);
    this.button = root.querySelector(".think-on");
    this.button.addEventListener("click", () => this.#switch());
    for (const event of ["pointerover", "focusin", "click"])
      this.row.addEventListener(event, (one) => this.#point(one.target));
    this.row.addEventListener("pointerleave", () => this.#speak(null));
  }

  get isOn() {
    return this.button.ariaPressed === "true";
  }

  #switch() {
    this.button.ariaPressed = String(!this.isOn);
    this.root.querySelector(".think-body").hidden = !this.isOn;
    if (this.isOn) this.#look();
  }

  /** A drawing to think about, `seen` {blob, model}, or null if the sheet is empty. */
  see(seen) {
    this.seen = seen;
    if (!seen) this.#clear();
    else if (this.isOn) this.#look();
  }

  /** Ask about the newest drawing, one question at a time. */
  async #look() {
    if (this.looking) return;
    this.looking = true;
    while (this.isOn && this.seen && this.seen !== this.shown) {
      const { seen } = this;
      try {
        this.#show(await this.#ask(seen), seen);
      } catch (error) {
        this.#clear();
        this.says.textContent = sentence(error.message);
      }
      this.shown = seen;
    }
    this.looking = false;
  }

  #ask({ blob, model }) {
    const form = new FormData();
    form.append("file", blob, "drawing.png");
    const first = firstOf(model);
    return ask(`think?${new URLSearchParams(first ? { model: first } : {})}`, { method: "POST", body: form });
  }

  #clear() {
    this.shown = this.told = null;
    this.row.replaceChildren();
    this.nearest.replaceChildren();
    this.whose.textContent = "";
    this.says.textContent = texts.thinkAsk;
  }

  // ------------------------------------------------------------ the row

  #show(told, seen) {
    if (this.seen === null || (this.seen !== seen && !this.row.children.length)) return;
    this.told = told;
    if (!this.row.children.length || this.built !== firstOf(seen.model)) this.#build(told);
    this.built = firstOf(seen.model);
    this.whose.textContent = seen.model.includes("+") ? fill(texts.thinkWhose, { model: this.built }) : "";
    this.row.querySelector(".think-ink").src = told.ink;
    for (const [n, layer] of told.layers.entries()) this.#showLayer(this.row.children[n + 1], layer);
    for (const digit of DIGITS) {
      const bar = this.bars[digit];
      bar.querySelector("i").style.transform = `scaleX(${told.probabilities[digit]})`;
      bar.ariaLabel = fill(texts.bar, { digit, percent: percent(told.probabilities[digit]) });
    }
    showNearest(this.nearest, told.nearest);
    this.#speak(this.pointed ?? null);
  }

  #build(told) {
    const layers = told.layers.map(
      ({ shown }) => `<div class="think-maps">${shown.map(() => "<span><i></i><small></small></span>").join("")}</div>`,
    );
    const bars = DIGITS.map(
      (digit) => `<button type="button" data-digit="${digit}"><b>${digit}</b><span><i></i></span></button>`,
    );
    this.row.replaceChildren(
      make(`<img class="think-ink" alt="${texts.sees}">`),
      ...layers.map(make),
      make(`<div class="think-bars" role="group" aria-label="${texts.bars}">${bars.join("")}</div>`),
      make(`<svg class="think-lines" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"></svg>`),
    );
    this.row.style.setProperty("--columns", told.layers.length + 2);
    this.bars = [...this.row.querySelectorAll("button")];
    this.ends = [...this.row.querySelector(".think-bars").previousElementSibling.children];
    this.#join(told.layers.map(({ shown }) => shown.length));
  }

  #showLayer(host, { shown, sheet }) {
    host.title = "";
    for (const [i, map] of [...host.children].entries()) {
      const picture = map.querySelector("i").style;
      picture.backgroundImage = `url(${sheet})`;
      picture.backgroundSize = `100% ${100 * shown.length}%`;
      picture.backgroundPosition = `0 ${(100 * i) / Math.max(1, shown.length - 1)}%`;
    }
  }

  /** Draw a line from everything to everything in the next column. */
  #join(sizes) {
    const columns = [1, ...sizes, 10];
    const x = (column, gap) => ((column + 0.5 + gap) * 100) / columns.length;
    const [before, after] = [
      (column) => (column === columns.length - 1 ? -0.36 : -0.13),
      (column) => (column ? 0.13 : 0.26),
    ];
    const y = (i, n) => ((i + 0.5) * 100) / n;
    const lines = columns.slice(1).flatMap((n, column) =>
      Array.from({ length: columns[column] }, (_one, from) =>
        Array.from({ length: n }, (_other, to) => {
          const ends = column === columns.length - 2 ? `data-map="${from}" data-digit="${to}"` : "";
          return `<line x1="${x(column, after(column))}" x2="${x(column + 1, before(column + 1))}" y1="${y(from, columns[column])}" y2="${y(to, n)}" ${ends}/>`;
        }),
      ).flat(),
    );
    this.row.querySelector("svg").innerHTML = lines.join("");
  }

  // ------------------------------------------------------------ who speaks for a digit

  #point(target) {
    const digit = target.closest?.("button")?.dataset.digit;
    if (digit !== undefined) this.#speak(Number(digit));
  }

  #speak(digit) {
    this.pointed = digit;
    if (!this.told) return;
    const { probabilities, shares, biases, layers } = this.told;
    const of = digit ?? probabilities.indexOf(Math.max(...probabilities));
    const { shown, told, others } = sharesOf(shares[of], biases[of]);
    for (const bar of this.bars) bar.ariaPressed = String(Number(bar.dataset.digit) === of);
    for (const [i, map] of this.ends.entries()) {
      map.className = shown[i] > 0 ? "for" : "against";
      map.style.setProperty("--share", Math.abs(shown[i]));
      map.querySelector("small").textContent = `${shown[i] > 0 ? "+" : "−"}${Math.round(100 * Math.abs(shown[i]))} %`;
    }
    for (const line of this.row.querySelectorAll("[data-map]")) {
      const isOf = Number(line.dataset.digit) === of;
      line.setAttribute("class", isOf ? (shown[line.dataset.map] > 0 ? "for" : "against") : "");
      line.style.setProperty("--share", isOf ? Math.abs(shown[line.dataset.map]) : 0);
    }
    const n = layers.at(-1).n_maps - shown.length;
    this.says.textContent = fill(texts.thinkSays, {
      digit: of,
      share: told,
      n,
      others,
      biases: 100 - told - others,
    });
  }
}
