/* The drawing pad: strokes kept as lines, so that undo is exact; the answer follows the pen.
   Nothing is sent but the drawing itself, and only to /api/predict of this server. */

import { Card } from "./card.js";
import { placeOn } from "./dom.js";
import known from "./known.js";
import { isSeveral, NumberCard, offer, readNumber, showChoice } from "./number.js";
import { read } from "./server.js";
import { shared } from "./shared.js";
import { Teach } from "./teach.js";
import { sentence } from "./text.js";
import { Think } from "./think.js";

const { texts } = known;
const SHOWN = 560; // pixels of the canvas on the page, and of the one that is sent
const SENT = 280;
const STROKES = "digits-strokes";
const LIVE_GAP_MS = 80; // between two questions while the pen is down

const LEAST_SIDE = 0.28; // of the sheet: below, a pen of usual width closes every loop

const isSmall = ({ box }) => Boolean(box) && Math.max(box[2] - box[0], box[3] - box[1]) < LEAST_SIDE;

/** The longer side of all that is drawn, from the middle of its outermost lines. */
function reach(strokes) {
  const points = strokes.flatMap((stroke) => stroke.points);
  const span = (axis) => {
    const along = points.map((point) => point[axis]);
    return along.reduce((a, b) => Math.max(a, b)) - along.reduce((a, b) => Math.min(a, b));
  };
  return Math.max(span(0), span(1));
}

export class Sheet {
  constructor(canvas, side) {
    canvas.width = canvas.height = side;
    this.canvas = canvas;
    this.side = side;
    this.context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    this.redraw([]);
  }

  /** Draw the last part of a stroke: a curve through the middles between its points. */
  extend(stroke) {
    const { context: c, side } = this;
    const p = stroke.points.map(([x, y]) => [x * side, y * side]).slice(-3);
    const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    c.strokeStyle = stroke.erases ? "#fff" : "#111";
    c.lineWidth = stroke.width * side;
    c.lineCap = c.lineJoin = "round";
    c.beginPath();
    if (p.length < 3) {
      c.moveTo(...p[0]);
      c.lineTo(...(p.length === 1 ? [p[0][0] + 0.01, p[0][1]] : middle(p[0], p[1])));
    } else {
      c.moveTo(...middle(p[0], p[1]));
      c.quadraticCurveTo(...p[1], ...middle(p[1], p[2]));
    }
    c.stroke();
  }

  finish(stroke) {
    const p = stroke.points.slice(-2);
    if (p.length < 2) return;
    const c = this.context;
    c.beginPath();
    c.moveTo(((p[0][0] + p[1][0]) / 2) * this.side, ((p[0][1] + p[1][1]) / 2) * this.side);
    c.lineTo(p[1][0] * this.side, p[1][1] * this.side);
    c.stroke();
  }

  redraw(strokes) {
    this.context.fillStyle = "#fff";
    this.context.fillRect(0, 0, this.side, this.side);
    for (const stroke of strokes) {
      const growing = { ...stroke, points: [] };
      for (const point of stroke.points) {
        growing.points.push(point);
        this.extend(growing);
      }
      this.finish(growing);
    }
  }

  /** The sheet as a PNG. toBlob would wait for an idle moment of the browser; this takes about a millisecond. */
  blob() {
    const bytes = atob(this.canvas.toDataURL("image/png").split(",")[1]);
    return new Blob([Uint8Array.from(bytes, (letter) => letter.charCodeAt(0))], { type: "image/png" });
  }
}

export class Pad {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.sheets = [new Sheet(this.canvas, SHOWN), new Sheet(document.createElement("canvas"), SENT)];
    this.card = new Card(root.querySelector(".answer-host"));
    this.card.source = () => ({ blob: this.sheets[1].blob(), model: this.model });
    this.number = new NumberCard(root.querySelector(".number"));
    this.offer = root.querySelector(".offer");
    this.think = new Think(root.querySelector(".think"));
    this.teach = new Teach(root.querySelector(".teach"), () => this.#changed());
    this.strokes = [];
    this.version = this.answered = this.epoch = 0;
    this.erases = false;
    this.chooser = root.querySelector("select");
    this.#offerModels();
    this.#bindPointer();
    this.#bindTools();
    this.#recall();
    root.dataset.live = "";
  }

  /** A reload keeps the drawing; the browser forgets it with its tab. */
  #recall() {
    this.strokes = JSON.parse(sessionStorage.getItem(STROKES) ?? "[]");
    addEventListener("pagehide", () => sessionStorage.setItem(STROKES, JSON.stringify(this.strokes)));
    this.#redraw();
  }

  #offerModels() {
    const all = known.models.join("+");
    const choices = known.models.map((name) => [name, name]);
    if (choices.length > 1) choices.push([all, texts.vote], [`${all}+|`, texts.compare]);
    for (const [value, name] of choices) this.chooser.append(new Option(name, value));
    this.root.querySelector(".model-of").hidden = choices.length === 1;
  }

  /** The chosen model, or several joined by "+", which vote. */
  get model() {
    return this.chooser.value.replace("+|", "");
  }

  get comparing() {
    return this.chooser.value.endsWith("|");
  }

  // ------------------------------------------------------------ strokes

  #bindPointer() {
    const canvas = this.canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    // A finger that draws is no tap, double tap or long press: without this, a tap right after it can be lost.
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => this.#up(event));
    }
  }

  #down(event) {
    if (this.stroke || event.button > 0) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    const width = Number(this.root.querySelector(".width").value) / 100;
    const erases = this.erases || event.buttons === 32; // the other end of a pen
    this.stroke = {
      pointer: event.pointerId,
      erases,
      width: erases ? 2 * width : width,
      points: [placeOn(this.canvas, event)],
    };
    this.strokes.push(this.stroke);
    this.sheets.forEach((sheet) => sheet.extend(this.stroke));
    this.root.classList.add("drawn");
    this.number.forget();
    this.#changed();
  }

  #move(event) {
    if (!this.stroke || event.pointerId !== this.stroke.pointer) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) {
      this.stroke.points.push(placeOn(this.canvas, move));
      this.sheets.forEach((sheet) => sheet.extend(this.stroke));
    }
    this.#changed();
  }

  #up(event) {
    if (!this.stroke || event.pointerId !== this.stroke.pointer) return;
    this.sheets.forEach((sheet) => sheet.finish(this.stroke));
    this.stroke = null;
    this.#changed();
  }

  // ------------------------------------------------------------ tools

  #bindTools() {
    const on = (name, act) => this.root.querySelector(name).addEventListener("click", act);
    on(".pen", () => this.#choose(false));
    on(".eraser", () => this.#choose(true));
    on(".undo-stroke", () => this.undo());
    on(".clear", () => this.clear());
    this.chooser.addEventListener("change", () => this.#changed());
    showChoice(this.root.querySelector(".mode"), () => this.#redraw());
    this.keys = (event) => this.#key(event);
    document.addEventListener("keydown", this.keys);
  }

  #choose(erases) {
    this.erases = erases;
    this.root.querySelector(".pen").setAttribute("aria-pressed", String(!erases));
    this.root.querySelector(".eraser").setAttribute("aria-pressed", String(erases));
  }

  #key(event) {
    if (!this.root.isConnected) return document.removeEventListener("keydown", this.keys);
    const elsewhere =
      this.root.offsetParent === null ||
      event.target.matches?.("input[type=text], textarea, select, [contenteditable]");
    if (elsewhere || this.stroke) return;
    if (event.key === "Escape") this.clear();
    else if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z") {
      event.preventDefault();
      this.undo();
    }
  }

  /** Take the last stroke back, or Clear itself. */
  undo() {
    if (this.strokes.length) this.strokes.pop();
    else if (this.cleared) [this.strokes, this.cleared] = [this.cleared, null];
    else return;
    this.number.forget();
    this.#redraw();
  }

  clear() {
    if (this.strokes.length) this.cleared = this.strokes;
    this.strokes = [];
    this.stroke = null;
    this.#choose(false);
    this.number.forget();
    this.#redraw();
  }

  #redraw() {
    this.epoch++;
    this.sheets.forEach((sheet) => sheet.redraw(this.strokes));
    this.root.classList.toggle("drawn", this.strokes.length > 0);
    this.root.querySelector(".hint").textContent = shared.mode === "number" ? texts.hintNumber : texts.hint;
    this.#changed();
  }

  // ------------------------------------------------------------ answers

  #changed() {
    this.root.dataset.drawn = ++this.version;
    if (!this.strokes.length) {
      this.card.clear();
      this.#showNumber(shared.mode === "number" ? texts.askNumber : null);
      offer(this.offer, null);
      this.think.see(null);
      this.#settled(this.version);
    } else if (!this.asking) this.#answer();
    else if (!this.stroke) this.wake?.();
  }

  #settled(version) {
    this.answered = version;
    this.root.dataset.answered = version;
  }

  /** Ask until the answer is about the newest drawing; an answer that arrives after undo or clear is dropped. */
  async #answer() {
    this.asking = true;
    while (this.answered !== this.version && this.strokes.length) {
      const { version, epoch, model } = this;
      const ended = !this.stroke;
      const blob = this.sheets[1].blob();
      shared.current = { blob, model };
      this.think.see(shared.current);
      const show = await (shared.mode === "number" ? this.#askNumber(blob, model) : this.#askDigit(blob, model));
      if (epoch !== this.epoch || !this.strokes.length) continue;
      show(ended);
      if (ended && shared.mode === "one") this.#offerNumber(blob, version);
      this.#settled(version);
      if (this.stroke) await this.#rest();
    }
    this.asking = false;
  }

  /** Ask for the one digit; resolves to what shows the answer. */
  #askDigit(blob, model) {
    const models = [model, ...(this.comparing ? known.models : [])];
    const waiting = () => this.strokes.length && this.card.wait();
    this.#showNumber(null);
    return Promise.all(models.map((one) => read(blob, { model: one, urgent: true, waiting }))).then(
      ([row, ...each]) =>
        (ended) =>
          this.#show(row, each, ended),
      (error) => () => this.card.fail(error),
    );
  }

  /** Ask for a number; resolves to what shows it. */
  #askNumber(blob, model) {
    const waiting = () => this.#showNumber(texts.offline);
    return readNumber(blob, { model, waiting }).then(
      (answer) => (ended) => {
        this.#showNumber(answer);
        offer(this.offer, ended && answer.digits.length === 1 ? "one" : null);
      },
      (error) => () => this.#showNumber(sentence(error.message)),
    );
  }

  /** While the pen is down what is still small waits; afterwards it is to be drawn larger, unless there is more. */
  #show(row, each, ended) {
    if (isSmall(row) && reach(this.strokes) < LEAST_SIDE) {
      if (ended) this.card.askLarger();
      return;
    }
    this.card.show(row, ended);
    this.card.showBeside(known.models, each);
  }

  /** Show a number, or a sentence in its place; null shows the card of one digit instead. */
  #showNumber(answer) {
    this.root.querySelector(".answer-host").hidden = answer !== null;
    this.root.querySelector(".number").hidden = answer === null;
    if (typeof answer === "string") this.number.tell(answer);
    else if (answer) this.number.show(answer);
  }

  /** Of more than one stroke: offer to read them as a number, if they are several digits. */
  async #offerNumber(blob, version) {
    offer(this.offer, null);
    if (this.strokes.length < 2) return;
    const answer = await readNumber(blob, { model: this.model }).catch(() => ({ digits: [] }));
    if (version === this.version && shared.mode === "one") offer(this.offer, isSeveral(answer) ? "number" : null);
  }

  /** Wait a little while the pen is down, but not past the end of the stroke. */
  #rest() {
    return new Promise((done) => {
      this.wake = done;
      setTimeout(done, LIVE_GAP_MS);
    });
  }
}
