/* The template of a form as the page holds it, and as the JSON of docs/forms.md. Pure; tested by
   tests/scripts/template.test.js.

   A drawn form is {picture, pageMm, boxes}; a box {left, top, width, height, field}, in shares of the page, where `field`
   has the JSON's other keys: name, kind, cells, … */

const IN_ITSELF = /^data:image\//;
const DIGITS = 4; // of a share: a fifth of a pixel of 2000
const MM_DIGITS = 2;

const round = (value, digits) => Number(value.toFixed(digits));

/** The template as JSON, a field a line and the long picture last. */
export function toJson({ picture, pageMm, boxes }) {
  const [width, height] = pageMm ?? [1, 1];
  const digits = pageMm ? MM_DIGITS : DIGITS;
  const lines = boxes.map(({ left, top, width: w, height: h, field }) => {
    const { name, ...others } = field;
    const edges = [left * width, top * height, (left + w) * width, (top + h) * height];
    return `  ${JSON.stringify({ name, box: edges.map((edge) => round(edge, digits)), ...others })}`;
  });
  const page = pageMm ? `"page_mm": ${JSON.stringify(pageMm)}, ` : "";
  return `{${page}"fields": [\n${lines.join(",\n")}\n],\n"picture": ${JSON.stringify(picture)}}\n`;
}

/** What a template says: {boxes, pageMm, picture} if its picture stands in it, else {…, named}. Throws a sentence. */
export function fromJson(text, texts) {
  let told;
  try {
    told = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    throw new Error(texts.formNoJson);
  }
  if (typeof told?.picture !== "string" || !Array.isArray(told.fields)) throw new Error(texts.formNoTemplate);
  const pageMm = told.page_mm;
  const boxes = told.fields.map((field) => toBox(field, pageMm ?? [1, 1]));
  if (boxes.includes(null)) throw new Error(texts.formNoBoxes);
  const isWhole = IN_ITSELF.test(told.picture);
  return { boxes, pageMm, picture: isWhole ? told.picture : null, named: isWhole ? null : told.picture };
}

function toBox(told, [width, height]) {
  const { box, ...field } = told ?? {};
  if (!Array.isArray(box) || box.length !== 4 || !box.every(Number.isFinite)) return null;
  const [left, top, right, bottom] = [box[0] / width, box[1] / height, box[2] / width, box[3] / height];
  const isOnPage = 0 <= left && left < right && right <= 1.0001 && 0 <= top && top < bottom && bottom <= 1.0001;
  return isOnPage ? { left, top, width: right - left, height: bottom - top, field } : null;
}

/** Why a form cannot be used yet, as a sentence, or "". */
export function faultOf(boxes, texts, fill) {
  if (!boxes.length) return texts.formNone;
  const names = boxes.map(({ field }) => field.name?.trim() ?? "");
  if (names.includes("")) return texts.formUnnamed;
  const twice = names.find((name, i) => names.indexOf(name) < i);
  return twice === undefined ? "" : fill(texts.formTwice, { name: twice });
}

/** The first of field_1, field_2, … that no box has. */
export function freeName(boxes) {
  const taken = new Set(boxes.map(({ field }) => field.name));
  let n = 1;
  while (taken.has(`field_${n}`)) n++;
  return `field_${n}`;
}

/** The box between two places on the page, wherever they lie. */
export function between([x, y], [u, v]) {
  const [left, top] = [Math.min(x, u), Math.min(y, v)];
  return { left, top, width: Math.abs(u - x), height: Math.abs(v - y) };
}

/** A box moved by shares of the page, and still on it. */
export function moved(box, dx, dy) {
  const clamp = (value, most) => Math.max(0, Math.min(most, value));
  return { ...box, left: clamp(box.left + dx, 1 - box.width), top: clamp(box.top + dy, 1 - box.height) };
}

/** A box with other edges, in its page and no smaller than `least`. */
export function resized(box, { left, top, right, bottom }, least) {
  const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
  const [r, b] = [box.left + box.width, box.top + box.height];
  const x = left === undefined ? box.left : clamp(left, 0, r - least);
  const y = top === undefined ? box.top : clamp(top, 0, b - least);
  const u = right === undefined ? r : clamp(right, x + least, 1);
  const v = bottom === undefined ? b : clamp(bottom, y + least, 1);
  return { ...box, left: x, top: y, width: u - x, height: v - y };
}

/** "8" or "4-6", as people write how many digits there may be -> 8, [4, 6]; nothing of nothing. */
export function lengthOf(text) {
  const numbers = text.match(/\d+/g)?.map(Number);
  return numbers && (numbers.length === 1 ? numbers[0] : numbers.slice(0, 2));
}

/** The columns of a report of forms with fields of these names, as the batch has them. */
export const columnsOf = (names) => [
  "path",
  "status",
  ...names.flatMap((name) => [name, `${name}_status`]),
  "reason",
  "error",
];

/** A form's row, as the server tells it, in these columns. */
export const cellsOf = (row, names) => [
  row.path,
  row.status,
  ...names.flatMap((name) => [row.fields[name]?.text, row.fields[name]?.status]),
  row.reason,
  row.error,
];
