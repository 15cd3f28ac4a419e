/* Teach it here: train on the corrections that are kept, watch the loss fall, and go back if you like the earlier
   weights better. The server does it all and decides whether the result is used; see digits/serving/trainer.py. */
import { curve } from "./curve.js";
import { make } from "./dom.js";
import known from "./known.js";
import { ask } from "./server.js";
import { count, fill } from "./text.js";

const { texts } = known;
const LOOK_MS = 700; // between two looks at a training

const skeleton = () => `
  <div class="teach-body">
    <h2>${texts.teachTitle}</h2>
    <p class="teach-says" role="status"></p>
    <p class="teach-sets"></p>
    <figure class="teach-curve" hidden>
      <svg viewBox="0 0 300 80" preserveAspectRatio="none" aria-hidden="true"><polyline class="curve answer"/></svg>
      <figcaption></figcaption>
    </figure>
    <p class="teach-tools">
      <button type="button" class="tool teach-start">${texts.teachStart}</button>
      <button type="button" class="tool teach-stop">${texts.teachStop}</button>
      <button type="button" class="tool teach-back">${texts.teachBack}</button>
    </p>
  </div>`;

export class Teach {
  /** `changed` is called when other weights answer from now on. */
  constructor(root, changed) {
    if (!known.trains) return;
    this.root = root;
    this.changed = changed;
    root.replaceChildren(make(skeleton()));
    for (const name of ["says", "sets", "curve", "start", "stop", "back"])
      this[name] = root.querySelector(`.teach-${name}`);
    this.start.addEventListener("click", () => this.#act("training", "POST"));
    this.stop.addEventListener("click", () => this.#act("training", "DELETE"));
    this.back.addEventListener("click", () => {
      this.#say(texts.teachGoes);
      this.#act("training/back", "POST");
    });
    document.addEventListener("corrections", (event) => this.#counted(event.detail));
    this.#look();
  }

  /** Ask for something; what the server says against it is shown, and then how things are. */
  async #act(path, method) {
    for (const button of [this.start, this.stop, this.back]) button.disabled = true;
    try {
      this.#show(await ask(path, { method }));
    } catch (error) {
      await this.#look();
      this.says.textContent = error.message;
    }
    for (const button of [this.start, this.stop, this.back]) button.disabled = false;
  }

  async #look() {
    try {
      this.#show(await ask("training"));
    } catch (error) {
      this.says.textContent = error.message;
    }
  }

  #counted(n) {
    if (this.told && this.told.count !== n) this.#show({ ...this.told, count: n });
  }

  #show(told) {
    const before = this.told?.state;
    this.told = told;
    const runs = told.state === "training";
    this.root.hidden = !told.count && told.state === "ready" && !told.can_go_back;
    this.root.dataset.state = told.state;
    this.#say(this.#sentence(told));
    this.#showSets(told);
    this.#showCurve(told.losses);
    const learns = !runs && told.count >= told.least;
    this.start.hidden = !learns;
    this.start.textContent = fill(told.state === "used" ? texts.teachAgain : texts.teachStart, { n: told.count });
    this.stop.hidden = !runs;
    this.back.hidden = runs || !told.can_go_back;
    if (before && before !== told.state && ["used", "back"].includes(told.state)) {
      this.changed();
      document.dispatchEvent(new CustomEvent("weights"));
    }
    clearTimeout(this.timer);
    if (runs) this.timer = setTimeout(() => this.#look(), LOOK_MS);
  }

  /** Screen readers are told when the sentence is another. */
  #say(sentence) {
    if (this.says.textContent !== sentence) this.says.textContent = sentence;
  }

  #sentence({ state, count: n, least, why, round, rounds, seconds_left: seconds }) {
    if (state === "training") {
      if (!round) return texts.teachBegins;
      return round === rounds ? texts.teachCloses : fill(texts.teachRound, { round: round + 1, rounds, seconds });
    }
    const ended = {
      used: texts.teachUsed,
      not_used: texts.teachNotUsed,
      stopped: texts.teachStopped,
      failed: texts.teachFailed,
      back: texts.teachGone,
    };
    if (ended[state]) return fill(ended[state], { why });
    if (n < least) return fill(n === 1 ? texts.teachFewOne : texts.teachFew, { n, least });
    return fill(texts.teachReady, { n });
  }

  #showSets({ state, sets }) {
    const said = Object.entries(texts.teachSets).flatMap(([name, of]) =>
      sets
        .filter((set) => set.name === name)
        .map(({ n, served, new: now }) =>
          fill(texts.teachSet, { served: count(served), new: count(now), of: fill(of, { n: count(n) }) }),
        ),
    );
    const shows = ["used", "not_used"].includes(state) && said.length;
    this.sets.textContent = shows ? fill(texts.teachCompared, { sets: said.join("; ") }) : "";
  }

  #showCurve(losses) {
    this.curve.hidden = losses.length < 2 || ["stopped", "failed", "back"].includes(this.told.state);
    if (this.curve.hidden) return;
    const { points, first, last } = curve(losses, 300, 80);
    this.curve.querySelector("polyline").setAttribute("points", points);
    this.curve.querySelector("figcaption").textContent = fill(texts.teachLoss, { first, last });
  }
}
