/* The example drawings, to be tried with a click. */
import { make } from "./dom.js";
import known from "./known.js";
import { base, fetchExample } from "./server.js";
import { fill } from "./text.js";

/** Fill `host` with a button for each example drawing; `take` gets its file. */
export const showExamples = (host, take) => {
  for (const name of known.examples) {
    const label = fill(known.texts.example, { name: name.replace(/\.\w+$/, "") });
    const image = `<img src="${base}examples/${name}" alt="">`;
    const button = make(`<button type="button" aria-label="${label}">${image}</button>`);
    button.addEventListener("click", async () => take(await fetchExample(name)));
    button.firstChild.addEventListener("error", (event) => showAgain(event.target, name), { once: true });
    host.append(button);
  }
};

/** Show an example that did not load, as soon as the server is back. */
const showAgain = async (image, name) => {
  image.src = URL.createObjectURL(await fetchExample(name));
};
