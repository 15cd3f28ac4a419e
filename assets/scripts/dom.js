/* Small helpers for elements, of the page and of a batch's report, which carries this module within itself. */

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
