/* The training pictures that the network takes for most alike to what it sees. */
import { make } from "./dom.js";
import known from "./known.js";
import { count, fill } from "./text.js";

const { texts } = known;

/** Fill `host` with what /api/explain and /api/think call `nearest`; null if none are kept for these weights. */
export function showNearest(host, nearest) {
  if (!host.children.length) {
    host.append(
      make(`<h3>${texts.nearestTitle}</h3>`),
      make(`<ol class="nearest"></ol>`),
      make(`<p class="note"></p>`),
    );
  }
  const [, list, note] = host.children;
  note.textContent = nearest ? fill(texts.nearestSays, { n: count(nearest.n) }) : texts.nearestNone;
  list.replaceChildren(...(nearest?.labels ?? []).map((digit, i) => picture(nearest, digit, i)));
}

function picture({ sheet, labels }, digit, i) {
  const place = `background-image:url(${sheet});background-size:${100 * labels.length}% 100%;background-position:${(100 * i) / (labels.length - 1)}% 0`;
  return make(`<li><i role="img" aria-label="${fill(texts.nearestOne, { digit })}" style="${place}"></i>${digit}</li>`);
}
