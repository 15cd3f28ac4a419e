/* Look inside: where the network looks, what changes its mind, what its layers make of the picture.
   Shows the picture that was last drawn or uploaded. A stress curve is fetched once; the slider then moves at once. */

import { make, showExamples } from "./dom.js";
import known from "./known.js";
import { ask, fetchExample } from "./server.js";
import { receive, shared } from "./shared.js";
import { fill, percent } from "./text.js";

const texts = known.texts;
const [WIDTH, HEIGHT] = [400, 170];

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
      const checked = kind === this.kind ? "checked" : "";
      const label = make(
        `<label class="choice"><input type="radio" name="stress-kind" value="${kind}" ${checked}> ${name}</label>`,
      );
      label.addEventListener("change", () => {
        this.kind = kind;
        this.#stress();
      });
      kinds.append(label);
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
      return fetchExample(known.examples[known.examples.length - 2]).then((file) => {
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
    return new URLSearchParams({ ...(model ? { model } : {}), ...more });
  }

  #problem(sentence) {
    const line = this.root.querySelector(".inside-problem");
    line.hidden = !sentence;
    line.textContent = sentence;
    this.root.querySelector(".inside-body").hidden = Boolean(sentence);
  }

  // ------------------------------------------------------------ where it looks

  async #explain(digit) {
    const shown = this.shown;
    this.root.dataset.state = "reading";
    try {
      const told = await ask(`explain?${this.#query(digit === null ? {} : { digit })}`, this.#form());
      if (shown !== this.shown) return;
      this.#problem("");
      this.#showLook(told);
      this.#showLayers(told.layers);
    } catch (error) {
      if (shown === this.shown) this.#problem(error.message);
    }
    this.root.dataset.state = "done";
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
    const { strengths, probabilities, answer, flips_at: flipsAt, flips_to: flipsTo } = this.curve;
    const [low, high] = [strengths[0], strengths[strengths.length - 1]];
    const x = (strength) => ((strength - low) / (high - low)) * WIDTH;
    const y = (p) => 6 + (1 - p) * (HEIGHT - 12);
    const paths = [...Array(10).keys()].map((digit) => {
      const points = strengths.map(
        (strength, i) => `${x(strength).toFixed(1)},${y(probabilities[i][digit]).toFixed(1)}`,
      );
      return `<polyline class="curve d${digit} ${digit === answer ? "answer" : digit === flipsTo ? "rival" : ""}" points="${points.join(" ")}"/>`;
    });
    const flip =
      flipsAt === null ? "" : `<line class="flip" x1="${x(flipsAt)}" x2="${x(flipsAt)}" y1="0" y2="${HEIGHT}"/>`;
    this.curves.innerHTML = `<line class="axis" x1="0" x2="${WIDTH}" y1="${y(0)}" y2="${y(0)}"/>
      <line class="axis" x1="0" x2="${WIDTH}" y1="${y(1)}" y2="${y(1)}"/>${flip}${paths.join("")}<line class="now" y1="0" y2="${HEIGHT}"/>`;
    this.scale = x;
    const values = {
      kind: texts.kinds[this.kind].toLowerCase(),
      strength: this.#say(flipsAt ?? high),
      answer,
      digit: flipsTo,
    };
    const says = fill(flipsAt === null ? texts.neverFlips : texts.flips, values);
    this["stress-says"].textContent = says;
    this.curves.setAttribute("aria-label", says);
    this.root.querySelector(".curve-names").innerHTML =
      `<span class="answer">${answer}</span>` +
      (flipsTo === null ? "" : `<span class="rival">${flipsTo}</span>`) +
      `<span class="other">${texts.others}</span>`;
    this.strength.max = strengths.length - 1;
    this.strength.value = strengths.reduce((best, s, i) => (Math.abs(s) < Math.abs(strengths[best]) ? i : best), 0);
    this.#showStrength();
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
    const values = { strength: this.#say(this.curve.strengths[i]), digit, percent: percent(p[digit]) };
    this["stress-now"].textContent = fill(texts.stressNow, values);
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
      maps.append(
        make(
          `<button type="button" data-index="${index}" style="${place}" aria-label="${fill(texts.map, { index: index + 1 })}"></button>`,
        ),
      );
    }
    maps.style.setProperty("--sheet", `url(${layer.sheet})`);
    maps.addEventListener("click", (event) => this.#kernel(block, layer, event.target.closest("button")));
    return block;
  }

  #share(place, count) {
    return count > 1 ? `${(100 * place) / (count - 1)}%` : "0";
  }

  async #kernel(block, layer, button) {
    if (!button) return;
    block.querySelectorAll("button").forEach((one) => one.removeAttribute("aria-pressed"));
    button.setAttribute("aria-pressed", "true");
    const index = Number(button.dataset.index);
    const told = await ask(`kernels?${this.#query({ layer: layer.name, index })}`);
    const values = { index: index + 1, n: told.n_kernels };
    const note = fill(told.n_kernels === 1 ? texts.kernelOne : texts.kernel, values);
    const host = block.querySelector(".kernel");
    host.hidden = false;
    host.innerHTML = `<img src="${told.sheet}" alt="" style="--columns:${told.columns}"><p class="note">${note}</p>`;
  }
}
