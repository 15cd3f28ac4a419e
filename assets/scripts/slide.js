/* The kernel slides: a window over the input, the numbers in it times the kernel's, and the value they make. */
import { highest, open, partsAt, weightsOf, windowAt } from "./convolve.js";
import { make, placeOn } from "./dom.js";
import known from "./known.js";
import { fill } from "./text.js";

const { texts } = known;
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** A number as the page tells it, rounded to some places, with a true minus. */
const rounded = (value, places) =>
  (Math.abs(value) < 0.5 / 10 ** places ? "0" : value.toFixed(places)).replace("-", "−");
const say = (value) => rounded(value, 3);
const short = (value) => rounded(value, 2);
const signed = (value) => (value < 0 ? `− ${say(-value)}` : `+ ${say(value)}`);

export class Slide {
  /** `told` is what /api/kernel says of map `index`; `isInk` if the input is the ink itself. */
  constructor(host, told, index, isInk) {
    this.kernel = open(told);
    this.index = index;
    this.isInk = isInk;
    const out = fill(texts.slideOut, { index: index + 1 });
    host.replaceChildren(
      make(`<div class="slide"><h4>${fill(texts.slideTitle, { index: index + 1 })}</h4>
        <figure class="slide-in"><div class="framed"><canvas role="img" aria-label="${texts.slideInk}"></canvas><i></i></div><figcaption></figcaption></figure>
        <div class="slide-middle"><table><caption>${texts.slideTable}</caption><tbody></tbody></table></div>
        <figure class="slide-out"><div class="framed"><canvas tabindex="0" role="img" aria-label="${out}. ${texts.slideHow}"></canvas><i></i></div>
          <figcaption>${out}. ${texts.slideHow}</figcaption></figure>
        <dl class="slide-sum" aria-live="polite"></dl></div>`),
    );
    this.root = host.firstElementChild;
    [this.input, this.output] = this.root.querySelectorAll("canvas");
    this.output.addEventListener("pointermove", (event) => this.#follow(event));
    this.output.addEventListener("pointerdown", (event) => this.#follow(event));
    this.output.addEventListener("keydown", (event) => this.#key(event));
    this.moveTo(...highest(this.kernel.values));
  }

  #follow(event) {
    const [height, width] = this.kernel.values.shape;
    const [x, y] = placeOn(this.output, event);
    this.moveTo(Math.floor(y * height), Math.floor(x * width));
  }

  #key(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    this.moveTo(this.y + step[0], this.x + step[1]);
  }

  /** Look at the value in row `y` and column `x` of the map. */
  moveTo(y, x) {
    const [height, width] = this.kernel.values.shape;
    this.y = Math.max(0, Math.min(height - 1, y));
    this.x = Math.max(0, Math.min(width - 1, x));
    const parts = partsAt(this.kernel, this.y, this.x);
    this.#paint(parts.strongest);
    this.#tell(parts);
  }

  #paint(channel) {
    const { inputs, values, weights, stride, padding } = this.kernel;
    const [n, height, width] = inputs.shape;
    const size = height * width;
    const side = weights.shape[1];
    paint(this.input, inputs.data.subarray(channel * size, (channel + 1) * size), height, width, padding);
    mark(this.input, this.x * stride, this.y * stride, side);
    paint(this.output, values.data, ...values.shape, 0);
    mark(this.output, this.x, this.y, 1);
    this.root.querySelector(".slide-in figcaption").textContent = this.isInk
      ? texts.slideInk
      : fill(texts.slideMap, { index: channel + 1, n });
  }

  #tell(parts) {
    const { kernel } = this;
    const side = kernel.weights.shape[1];
    const numbers = windowAt(kernel, parts.strongest, this.y, this.x);
    const weights = weightsOf(kernel, parts.strongest);
    const most = Math.max(...weights.map(Math.abs));
    const cell = (number, i) =>
      `<td class="${weights[i] > 0 ? "for" : "against"}" style="--share:${(Math.abs(weights[i]) / most).toFixed(2)}">${short(number)} × <b>${short(weights[i])}</b></td>`;
    const rows = Array.from({ length: side }, (_row, y) => {
      const cells = numbers.slice(y * side, (y + 1) * side).map((number, x) => cell(number, y * side + x));
      return `<tr>${cells.join("")}</tr>`;
    });
    this.root.querySelector("tbody").innerHTML = rows.join("");
    this.root.querySelector(".slide-sum").innerHTML = this.#steps(parts)
      .map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`)
      .join("");
  }

  #steps({ part, rest, sum, normed, stored }) {
    const { weights, bias, scale, shift, has_relu: hasRelu } = this.kernel;
    const n = weights.shape[0] - 1;
    const isNormed = scale !== 1 || shift !== 0;
    return [
      [n ? texts.slideStrongest : texts.slideOnly, say(part)],
      ...(n ? [[fill(texts.slideRest, { n }), signed(rest)]] : []),
      [texts.slideBias, signed(bias)],
      [texts.slideSum, say(sum)],
      ...(isNormed ? [[fill(texts.slideNorm, { scale: say(scale), shift: signed(shift) }), say(normed)]] : []),
      ...(hasRelu ? [[texts.slideRelu, say(Math.max(0, normed))]] : []),
      [texts.slideHas, say(stored)],
    ];
  }
}

/** Paint values as grey, `padding` pixels of the edge around them. */
function paint(canvas, values, height, width, padding) {
  [canvas.width, canvas.height] = [width + 2 * padding, height + 2 * padding];
  const [low, high] = [Math.min(0, ...values), Math.max(...values, 1e-6)];
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  values.forEach((value, i) => {
    const grey = (255 * (value - low)) / (high - low);
    picture.data.set([grey, grey, grey, 255], 4 * i);
  });
  context.fillStyle = "#555"; // the padding
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.putImageData(picture, padding, padding);
}

/** Put the frame beside a canvas around `side` × `side` of its pixels. */
function mark(canvas, x, y, side) {
  const { width, height } = canvas;
  const frame = canvas.nextElementSibling.style;
  [frame.left, frame.top] = [`${(100 * x) / width}%`, `${(100 * y) / height}%`];
  [frame.width, frame.height] = [`${(100 * side) / width}%`, `${(100 * side) / height}%`];
}
