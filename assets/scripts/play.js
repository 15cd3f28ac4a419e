/* Two games on one pad. Ten digits in thirty seconds: draw what is asked, the next comes when it is read. Fool it: draw
   what you can still read and the network cannot. Both end with a strip of the drawings to save. */

import { makeChoice, placeOn } from "./dom.js";
import { Sheet } from "./draw.js";
import known from "./known.js";
import { read } from "./server.js";
import { fill, percent } from "./text.js";

const { texts } = known;
const SECONDS = 30;
const ROUNDS = 10;
const PEN = 0.085;
const CELL = 140; // pixels of one drawing in the strip

const shuffled = (list) =>
  list
    .map((one) => [Math.random(), one])
    .sort((a, b) => a[0] - b[0])
    .map(([, one]) => one);

export class Play {
  constructor(root) {
    this.root = root.querySelector(".play");
    const part = (name) => root.querySelector(`.game-${name}`);
    this.part = part;
    this.canvas = root.querySelector(".game-paper canvas");
    this.sheet = new Sheet(this.canvas, 280);
    this.game = "ten";
    this.#offerGames();
    this.#bindPointer();
    part("start").addEventListener("click", () => this.#start());
    part("clear").addEventListener("click", () => this.#wipe());
    part("skip").addEventListener("click", () => this.#ask());
    part("done").addEventListener("click", () => this.#submit());
    part("stop").addEventListener("click", () => this.#end());
    this.#choose("ten");
  }

  #offerGames() {
    for (const [game, name] of Object.entries(texts.games)) {
      const label = makeChoice("game", game, name, game === this.game, () => this.#choose(game));
      this.root.querySelector(".games").append(label);
    }
  }

  #choose(game) {
    this.game = game;
    this.root.dataset.game = game;
    this.part("rules").textContent = texts.gameRules[game];
    this.#ready();
  }

  #ready() {
    clearInterval(this.clock);
    this.root.dataset.state = "ready";
    this.part("end").hidden = true;
    this.part("start").textContent = texts.gameStart;
    for (const name of ["ask", "left", "says"]) this.part(name).textContent = "";
    this.#wipe();
  }

  // ------------------------------------------------------------ a game

  #start() {
    this.drawings = []; // {picture, digit, verdict}
    this.asked = null;
    this.tries = 0;
    this.part("end").hidden = true;
    this.root.dataset.state = "playing";
    this.began = performance.now();
    if (this.game === "ten") this.clock = setInterval(() => this.#tick(), 200);
    this.#tick();
    this.#ask();
  }

  #ask() {
    if (!this.asked?.length) this.asked = shuffled([...Array(10).keys()]);
    this.digit = this.asked.pop();
    this.part("ask").textContent = fill(texts.gameDraw, { digit: this.digit });
    this.#wipe();
  }

  #tick() {
    const left = Math.max(0, SECONDS - (performance.now() - this.began) / 1000);
    const n = this.drawings.length;
    this.part("left").textContent =
      this.game === "ten"
        ? fill(texts.gameLeft, { seconds: Math.ceil(left), n })
        : fill(texts.gameFooled, { n, tries: this.tries });
    this.root.querySelector(".game-time i").style.transform = `scaleX(${left / SECONDS})`;
    if (this.game === "ten" && !left) this.#end();
  }

  #keep() {
    const picture = document.createElement("canvas");
    picture.width = picture.height = CELL;
    picture.getContext("2d").drawImage(this.canvas, 0, 0, CELL, CELL);
    this.drawings.push({ picture, digit: this.digit, verdict: this.part("says").textContent });
    this.#tick();
    if (this.drawings.length === ROUNDS) this.#end();
    else this.#ask();
  }

  /** Fool it: you say that you can read this; what does the network say? */
  #submit() {
    if (!this.row) return;
    this.tries++;
    const isFooled = this.row.digit !== this.digit;
    if (isFooled) this.#keep();
    else this.#tick();
  }

  #end() {
    clearInterval(this.clock);
    this.root.dataset.state = "over";
    const n = this.drawings.length;
    const seconds = Math.min(SECONDS, (performance.now() - this.began) / 1000).toFixed(0);
    const fooled = n === 1 ? texts.gameEndsFoolOne : texts.gameEndsFool;
    this.part("result").textContent = fill(this.game === "ten" ? texts.gameEndsTen : fooled, { n, seconds });
    this.part("start").textContent = texts.gameAgain;
    this.part("end").hidden = false;
    this.part("save").hidden = this.part("strip").hidden = !n;
    if (n) this.#drawStrip();
    this.part("ask").textContent = "";
    this.#wipe();
  }

  #drawStrip() {
    const strip = this.part("strip");
    [strip.width, strip.height] = [CELL * Math.min(5, this.drawings.length), 0];
    strip.height = (CELL + 24) * Math.ceil(this.drawings.length / 5);
    const context = strip.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, strip.width, strip.height);
    context.font = "13px system-ui, sans-serif";
    context.textAlign = "center";
    for (const [i, { picture, digit, verdict }] of this.drawings.entries()) {
      const [x, y] = [(i % 5) * CELL, Math.floor(i / 5) * (CELL + 24)];
      context.drawImage(picture, x, y);
      context.fillStyle = "#1c2230";
      context.fillText(this.game === "ten" ? digit : `${digit}: ${verdict}`, x + CELL / 2, y + CELL + 14, CELL - 8);
    }
    this.part("save").href = strip.toDataURL("image/png");
  }

  // ------------------------------------------------------------ the pad

  #bindPointer() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => this.#up());
  }

  #down(event) {
    if (this.root.dataset.state !== "playing" || event.button > 0) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = { width: PEN, points: [placeOn(this.canvas, event)] };
    this.sheet.extend(this.stroke);
  }

  #move(event) {
    if (!this.stroke) return;
    this.stroke.points.push(placeOn(this.canvas, event));
    this.sheet.extend(this.stroke);
  }

  #up() {
    if (!this.stroke) return;
    this.sheet.finish(this.stroke);
    this.stroke = null;
    this.#look();
  }

  #wipe() {
    this.version = (this.version ?? 0) + 1;
    this.row = this.stroke = null;
    this.sheet.redraw([]);
    this.part("says").textContent = "";
  }

  /** Ask what the network sees; an answer about an older drawing is dropped. */
  async #look() {
    const version = ++this.version;
    try {
      const row = await read(this.sheet.blob(), { urgent: true });
      if (version !== this.version || this.root.dataset.state !== "playing") return;
      this.row = row.status === "blank" ? null : row;
      const verdict = fill(texts.verdicts[row.status] ?? texts.verdicts.not_a_digit, {
        digit: row.digit,
        percent: percent(row.confidence),
      });
      this.part("says").textContent = fill(texts.gameSees, { verdict });
      if (this.game === "ten" && row.status === "ok" && row.digit === this.digit) this.#keep();
    } catch (error) {
      this.part("says").textContent = error.message;
    }
  }
}
