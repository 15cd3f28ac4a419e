/* Look inside: where the network looks, what changes its mind, what its layers make of the picture.
   Shows the picture that was last drawn or uploaded. A stress curve is fetched once; the slider then moves at once. */

import { make, makeChoice } from "./dom.js";
import { showExamples } from "./examples.js";
import known from "./known.js";
import { showNearest } from "./nearest.js";
import { ask, fetchExample } from "./server.js";
import { receive, shared } from "./shared.js";
import { Slide } from "./slide.js";
import { fill, percent, sentence } from "./text.js";

const { texts } = known;
const [WIDTH, HEIGHT] = [400, 170];
const height = (p) => 6 + (1 - p) * (HEIGHT - 12); // of a probability, from the top

const image = (url) =>
  new Promise((done) => {
    const picture = new Image();
    picture.onload = () => done(picture);
    picture.src = url;
  });

export class Inside {
  constructor(root) {
    this.root = root;
    for (const name of [
      "look-ink",
      "look-cam",
      "look-occlusion",
      "strength",
      "curves",
      "stress-says",
      "stress-now",
      "layer-list",
    ]) {
      this[name] = root.querySelector(`.${name}`);
    }
    this.kind = "gaussian";
    this.turn = 0;
    this.#buildChoices();
    receive("inside", (file) => this.#take(file));
    this.strength.addEventListener("input", () => this.#showStrength());
    new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.#refresh()).observe(root);
  }

  #buildChoices() {
    const ten = this.root.querySelector(".ask-digit");
    for (let digit = 0; digit < 10; digit++) {
      const label = fill(texts.lookFor, { digit });
      const button = make(`<button type="button" data-digit="${digit}" aria-label="${label}">${digit}</button>`);
      button.addEventListener("click", () => this.#explain(digit));
      ten.append(button);
    }
    const kinds = this.root.querySelector(".kinds");
    for (const [kind, name] of Object.entries(texts.kinds)) {
      const choose = () => {
        this.kind = kind;
        this.#stress();
      };
      kinds.append(makeChoice("stress-kind", kind, name, kind === this.kind, choose));
    }
    showExamples(this.root.querySelector(".examples"), (file) => {
      this.#take(file, true);
    });
  }

  #take(file, isExample = false) {
    shared.current = { blob: file, model: "", isExample };
    this.#refresh();
  }

  #refresh() {
    if (!shared.current && known.examples.length) {
      return fetchExample(known.examples.at(-2)).then((file) => {
        shared.current = { blob: file, model: "", isExample: true };
        this.#refresh();
      });
    }
    if (!shared.current || this.shown === shared.current) return;
    this.shown = shared.current;
    this.root.querySelector(".inside-what").textContent = this.shown.isExample
      ? texts.insideExample
      : texts.insideYours;
    this.#explain(null);
    this.#stress();
  }

  #form() {
    const form = new FormData();
    form.append("file", this.shown.blob, "picture.png");
    return { method: "POST", body: form };
  }

  #query(more) {
    const model = (this.shown.model || "").split("+")[0];
    const page = this.shown.page ? { page: this.shown.page } : {};
    return new URLSearchParams({ ...(model ? { model } : {}), ...page, ...more });
  }

  #problem(says) {
    const line = this.root.querySelector(".inside-problem");
    line.hidden = !says;
    line.textContent = sentence(says);
    this.#wait(false);
    this.root.querySelector(".inside-body").hidden = Boolean(says);
  }

  #wait(isOpening) {
    this.root.querySelector(".inside-wait").hidden = !isOpening;
  }

  // ------------------------------------------------------------ where it looks

  async #explain(digit) {
    const shown = this.shown;
    this.root.dataset.state = "reading";
    if (!this.isOpen) this.#wait(true);
    try {
      const told = await ask(`explain?${this.#query(digit === null ? {} : { digit })}`, this.#form());
      if (shown !== this.shown) return;
      this.isOpen = true;
      this.#problem("");
      this.#showVerdict(told);
      this.#showLook(told);
      showNearest(this.root.querySelector(".nearest-host"), told.nearest);
      if (this.layersOf !== shown) this.#showLayers(told.layers);
      this.layersOf = shown;
    } catch (error) {
      if (shown === this.shown) this.#problem(error.message);
    }
    this.root.dataset.state = "done";
  }

  /** The verdict of Draw and Upload, in their words, and which network gave it. */
  #showVerdict({ model, status, reason, answer, digit, probabilities }) {
    const values = { digit: answer, percent: percent(probabilities[answer]) };
    const isRefused = status === "not_a_digit";
    const why = isRefused ? `${fill(texts.closest, values)}. ${fill(texts.insideRefused, { digit })}` : "";
    const says = fill(texts[status], values);
    const more = reason ? sentence(`${reason}.`) : "";
    const detail = `${more && more !== says ? `${more} ` : ""}${sentence(why || fill(texts.sure, values))}`;
    this.root.querySelector(".inside-says").textContent = fill(texts.insideSays, { model, says, detail });
  }

  #showLook(told) {
    this["look-ink"].src = told.ink;
    this["look-cam"].src = told.grad_cam;
    this["look-occlusion"].src = told.occlusion;
    const digit = told.digit;
    for (const name of ["cam", "occlusion"]) {
      const caption = fill(texts[name], { digit });
      this.root.querySelector(`.${name}-caption`).textContent = caption;
      this[`look-${name}`].alt = caption;
    }
    this.root.querySelectorAll(".ask-digit button").forEach((button, d) => {
      button.setAttribute("aria-pressed", String(d === digit));
      button.title = percent(told.probabilities[d]);
    });
  }

  // ------------------------------------------------------------ stress

  async #stress() {
    const [shown, kind, turn] = [this.shown, this.kind, ++this.turn];
    if (!shown) return;
    try {
      const curve = await ask(`stress?${this.#query({ kind })}`, this.#form());
      const sheet = await image(curve.sheet);
      if (turn !== this.turn || shown !== this.shown) return;
      this.curve = curve;
      this.sheet = sheet;
      this.#drawCurves();
    } catch {
      return; // the same fault is told above, where the picture is explained
    }
  }

  #drawCurves() {
    const { strengths, answer, flips } = this.curve;
    const [low, high] = [strengths[0], strengths.at(-1)];
    this.scale = (strength) => ((strength - low) / (high - low)) * WIDTH;
    const rival = flips.find(({ digit }) => digit !== null && digit !== answer)?.digit ?? null;
    this.curves.innerHTML = `${this.#shades()}${this.#levelsAndFlips()}${this.#lines(rival)}<line class="now" y1="0" y2="${HEIGHT}"/>`;
    this.root.querySelector(".axis-x").innerHTML = [low, (low + high) / 2, high]
      .map((strength) => `<span>${this.#say(strength)}</span>`)
      .join("");
    this["stress-says"].textContent = this.#tellFlips();
    this.curves.setAttribute("aria-label", this["stress-says"].textContent);
    this.#nameCurves(rival);
    this.strength.max = strengths.length - 1;
    this.strength.value = this.#undamaged();
    this.#showStrength();
  }

  /** Where the verdict would be none, or doubtful. */
  #shades() {
    const { strengths, statuses } = this.curve;
    const half = WIDTH / (strengths.length - 1) / 2;
    const shade = (status, i) =>
      status === "ok"
        ? ""
        : `<rect class="${status}" x="${this.scale(strengths[i]) - half}" y="0" width="${2 * half}" height="${HEIGHT}"/>`;
    return statuses.map(shade).join("");
  }

  #levelsAndFlips() {
    const levels = [0, 0.5, 1].map(
      (p) => `<line class="axis" x1="0" x2="${WIDTH}" y1="${height(p)}" y2="${height(p)}"/>`,
    );
    const flips = this.curve.flips
      .map(({ strength }) => this.scale(strength))
      .map((x) => `<line class="flip" x1="${x}" x2="${x}" y1="0" y2="${HEIGHT}"/>`);
    return [...levels, ...flips].join("");
  }

  /** A line for the probability of each digit. */
  #lines(rival) {
    const { strengths, probabilities, answer } = this.curve;
    const line = (digit) => {
      const role = digit === answer ? "answer" : digit === rival ? "rival" : "";
      const points = strengths.map(
        (s, i) => `${this.scale(s).toFixed(1)},${height(probabilities[i][digit]).toFixed(1)}`,
      );
      return `<polyline class="curve d${digit} ${role}" points="${points.join(" ")}"/>`;
    };
    return [...Array(10).keys()].map(line).join("");
  }

  #nameCurves(rival) {
    const { answer, statuses } = this.curve;
    const names = [
      ["answer", answer],
      ["rival", rival],
      ["other", texts.others],
      ["refused", statuses.includes("not_a_digit") ? texts.wouldRefuse : null],
      ["doubted", statuses.includes("unsure") ? texts.wouldDoubt : null],
    ];
    this.root.querySelector(".curve-names").innerHTML = names
      .filter(([, name]) => name !== null)
      .map(([kind, name]) => `<span class="${kind}">${name}</span>`)
      .join("");
  }

  #undamaged() {
    const { strengths } = this.curve;
    return strengths.reduce((best, s, i) => (Math.abs(s) < Math.abs(strengths[best]) ? i : best), 0);
  }

  /** Every change of the verdict, in words. */
  #tellFlips() {
    const { strengths, statuses, answer, flips } = this.curve;
    const isRefused = statuses[this.#undamaged()] === "not_a_digit";
    const start = isRefused ? texts.startsRefused : fill(texts.startsAs, { digit: answer });
    const told = flips.map(({ strength, digit }) =>
      fill(digit === null ? texts.flipsRefused : texts.flipsTo, { strength: this.#say(strength), digit }),
    );
    if (!told.length) told.push(fill(texts.neverFlips, { strength: this.#say(strengths.at(-1)) }));
    return `${start}, ${told.join(", ")}.`;
  }

  #say(strength) {
    const text = Math.abs(strength) >= 10 ? strength.toFixed(0) : strength.toFixed(2).replace(/\.?0+$/, "");
    return this.kind === "rotation"
      ? `${text.replace("-", "−")}°`
      : text + (texts.units[this.kind] ? ` ${texts.units[this.kind]}` : "");
  }

  #showStrength() {
    if (!this.curve) return;
    const i = Number(this.strength.value);
    const p = this.curve.probabilities[i];
    const digit = p.indexOf(Math.max(...p));
    const context = this.root.querySelector(".stress-ink").getContext("2d");
    context.drawImage(this.sheet, 28 * i, 0, 28, 28, 0, 0, 28, 28);
    const verdict = fill(texts.verdicts[this.curve.statuses[i]], { digit, percent: percent(p[digit]) });
    this["stress-now"].textContent = fill(texts.stressNow, { strength: this.#say(this.curve.strengths[i]), verdict });
    this.strength.setAttribute("aria-valuetext", this["stress-now"].textContent);
    const line = this.curves.querySelector(".now");
    line.setAttribute("x1", this.scale(this.curve.strengths[i]));
    line.setAttribute("x2", this.scale(this.curve.strengths[i]));
  }

  // ------------------------------------------------------------ layers

  #showLayers(layers) {
    this["layer-list"].replaceChildren(...layers.map((layer, n) => this.#layer(layer, n)));
  }

  #layer(layer, n) {
    const rows = Math.ceil(layer.n_maps / layer.columns);
    const title = fill(texts.layer, { n: n + 1, maps: layer.n_maps, side: layer.side });
    const block = make(`<div class="layer"><h3>${title}</h3>
      <div class="maps" style="--columns:${layer.columns};--rows:${rows}"></div><div class="kernel" hidden></div></div>`);
    const maps = block.querySelector(".maps");
    for (let index = 0; index < layer.n_maps; index++) {
      const place = `background-position:${this.#share(index % layer.columns, layer.columns)} ${this.#share(Math.floor(index / layer.columns), rows)}`;
      const label = fill(texts.map, { index: index + 1 });
      const tab = index ? "-1" : "0"; // one stop for all of them; arrow keys lead on
      maps.append(
        make(
          `<button type="button" tabindex="${tab}" data-index="${index}" style="${place}" aria-label="${label}"></button>`,
        ),
      );
    }
    maps.style.setProperty("--sheet", `url(${layer.sheet})`);
    maps.addEventListener("click", (event) => this.#slide(block, layer, n, event.target.closest("button")));
    maps.addEventListener("keydown", (event) => this.#moveAlong(maps, event));
    return block;
  }

  #share(place, count) {
    return count > 1 ? `${(100 * place) / (count - 1)}%` : "0";
  }

  #moveAlong(maps, event) {
    const columns = getComputedStyle(maps).gridTemplateColumns.split(" ").length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const next = step && maps.children[Number(event.target.dataset.index) + step];
    if (step) event.preventDefault();
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  async #slide(block, layer, n, button) {
    if (!button) return;
    block.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
    const index = Number(button.dataset.index);
    const told = await ask(`kernel?${this.#query({ layer: layer.name, index })}`, this.#form());
    const host = block.querySelector(".kernel");
    host.hidden = false;
    new Slide(host, told, index, n === 0);
  }
}
