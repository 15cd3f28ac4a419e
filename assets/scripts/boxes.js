/* Boxes drawn on the picture of a form: by mouse, pen, finger or keys. Two fingers zoom the page. */
import { make, placeOn } from "./dom.js";
import known from "./known.js";
import { between, moved, resized } from "./template.js";
import { fill } from "./text.js";

const { texts } = known;
const LEAST = 0.004; // of the page, a box's sides
const DRAWN = 0.01; // what is drawn smaller was a click
const STEP = 0.002; // of the page, an arrow key's
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CORNERS = { nw: ["left", "top"], ne: ["right", "top"], sw: ["left", "bottom"], se: ["right", "bottom"] };
const NEW = { left: 0.35, top: 0.45, width: 0.3, height: 0.04 }; // of a box that is added without a pointer

export class Boxes {
  /** `host` holds the picture. `drawn(place, byHand)` hears of a new box's place, `moving()` of each move,
      `changed()` of the end of a change, `picked()` of another box at hand, `removed()` of a key that asks for that. */
  constructor(host, told) {
    this.host = host;
    this.told = told;
    this.all = [];
    this.at = -1; // which is at hand
    host.addEventListener("pointerdown", (event) => this.#grab(event));
    host.addEventListener("keydown", (event) => this.#key(event));
    host.addEventListener("focusin", ({ target }) => this.pick(this.#indexOf(target)));
  }

  show(boxes, at = -1) {
    this.all = boxes;
    this.at = at;
    this.redraw();
    this.told.picked();
  }

  get current() {
    return this.all[this.at];
  }

  pick(at) {
    if (at === this.at) return;
    this.at = at;
    this.redraw();
    this.told.picked();
  }

  /** Add a box in the middle of what is seen, to be moved from there. */
  add() {
    const area = this.host.getBoundingClientRect();
    const middle = (Math.max(0, area.top) + Math.min(innerHeight, area.bottom)) / 2;
    const top = Math.max(0, Math.min(1 - NEW.height, (middle - area.top) / area.height));
    this.told.drawn({ ...NEW, top }, false);
  }

  focus() {
    this.#elements()[this.at]?.focus();
  }

  #elements() {
    return [...this.host.querySelectorAll(".form-box")];
  }

  #indexOf(target) {
    return this.#elements().indexOf(target.closest(".form-box"));
  }

  /** Bring the elements in line with the boxes; they stay the same, so that a drag and the focus go on. */
  redraw() {
    const elements = this.#elements();
    for (const extra of elements.splice(this.all.length)) extra.remove();
    while (elements.length < this.all.length) {
      const element = make(
        `<button type="button" class="form-box" aria-describedby="form-keys"><span></span></button>`,
      );
      this.host.append(element);
      elements.push(element);
    }
    for (const [i, box] of this.all.entries()) this.#place(elements[i], box, i === this.at);
  }

  #place(element, { left, top, width, height, field }, isAt) {
    const share = (value) => `${100 * value}%`;
    Object.assign(element.style, { left: share(left), top: share(top), width: share(width), height: share(height) });
    element.style.setProperty("--cells", field.cells ?? 1);
    element.firstElementChild.textContent = field.name;
    element.setAttribute("aria-label", fill(texts.formBox, { name: field.name }));
    element.setAttribute("aria-pressed", isAt);
    if (isAt && element.children.length === 1)
      for (const corner of Object.keys(CORNERS)) element.append(make(`<i data-corner="${corner}"></i>`));
    if (!isAt) for (const handle of element.querySelectorAll("i")) handle.remove();
  }

  // ------------------------------------------------------------ by hand

  #toPage(event) {
    return placeOn(this.host, event).map((share) => Math.max(0, Math.min(1, share)));
  }

  #grab(event) {
    if (event.button || !event.isPrimary) return;
    const start = this.#toPage(event);
    const { corner } = event.target.dataset;
    const at = this.#indexOf(event.target);
    if (at < 0)
      return this.#follow(
        event,
        (end) => this.#sketch(start, end),
        (end) => this.#finish(start, end, event),
      );
    event.preventDefault(); // no text is marked, no picture dragged
    this.pick(at);
    this.focus();
    const before = this.current;
    this.#follow(event, ([x, y]) => {
      const [across, along] = CORNERS[corner] ?? [];
      const edges = { [across]: x, [along]: y };
      this.#change(corner ? resized(before, edges, LEAST) : moved(before, x - start[0], y - start[1]));
    });
  }

  /** Call `move` with each place until the pointer is lifted, then `end`; a gesture that the browser takes ends nothing. */
  #follow(event, move, end = () => this.told.changed()) {
    event.preventDefault();
    const stop = new AbortController();
    const { pointerId } = event;
    this.host.setPointerCapture(pointerId);
    const on = (kind, act) =>
      this.host.addEventListener(kind, (one) => one.pointerId === pointerId && act(one), { signal: stop.signal });
    on("pointermove", (one) => move(this.#toPage(one)));
    on("pointerup", (one) => {
      stop.abort();
      end(this.#toPage(one));
    });
    on("pointercancel", () => {
      stop.abort();
      this.sketch?.remove();
      this.told.changed();
    });
  }

  #sketch(start, end) {
    if (!this.sketch?.isConnected) {
      this.sketch = make(`<div class="form-sketch"></div>`);
      this.host.append(this.sketch);
    }
    const place = Object.entries(between(start, end)).map(([name, value]) => [name, `${100 * value}%`]);
    Object.assign(this.sketch.style, Object.fromEntries(place));
  }

  #finish(start, end, { pointerType }) {
    this.sketch?.remove();
    const place = between(start, end);
    if (place.width >= DRAWN && place.height >= DRAWN / 2) this.told.drawn(place, pointerType !== "touch");
    else this.pick(-1);
  }

  #change(box) {
    this.all[this.at] = box;
    this.redraw();
    this.told.moving();
  }

  // ------------------------------------------------------------ by keys

  #key(event) {
    const arrow = ARROWS[event.key];
    if (!this.current || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Delete" || event.key === "Backspace") this.told.removed();
    else if (arrow) {
      const [dx, dy] = arrow.map((step) => STEP * step);
      const box = this.current;
      const edges = { right: box.left + box.width + dx, bottom: box.top + box.height + dy };
      this.#change(event.shiftKey ? resized(box, edges, LEAST) : moved(box, dx, dy));
      this.told.changed();
    } else return;
    event.preventDefault();
  }
}
