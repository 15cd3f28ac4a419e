/* Small helpers for the page's elements. */
import known from "./known.js";
import { base, fetchExample } from "./server.js";
import { fill } from "./text.js";

/** The element that a piece of HTML describes; values of others go in by `textContent` or `escape`. */
export const make = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
};

/** A radio button of the `group` with its words; `chosen` hears of a visitor's choice. */
export const makeChoice = (group, value, words, isChecked, chosen) => {
  const label = make(
    `<label class="choice"><input type="radio" name="${group}" value="${value}" ${isChecked ? "checked" : ""}> ${words}</label>`,
  );
  label.addEventListener("change", chosen);
  return label;
};

/** Where a pointer is on an element, [x, y] in shares of its size. */
export const placeOn = (element, { clientX, clientY }) => {
  const area = element.getBoundingClientRect();
  return [(clientX - area.left) / area.width, (clientY - area.top) / area.height];
};

/** Fill `host` with a button for each example drawing; `take` gets its file. */
export const showExamples = (host, take) => {
  for (const name of known.examples) {
    const label = fill(known.texts.example, { name: name.replace(/\.\w+$/, "") });
    const image = `<img src="${base}examples/${name}" alt="">`;
    const button = make(`<button type="button" aria-label="${label}">${image}</button>`);
    button.addEventListener("click", async () => take(await fetchExample(name)));
    host.append(button);
  }
};
