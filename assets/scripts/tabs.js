/* The door: gradio's frame asks for a tab's class by name when it shows the tab. The address names the tab (#inside), so
   that Back and Reload keep it; what is dropped or pasted anywhere goes to the tab that can read it. */
import { Batch } from "./batch.js";
import { Pad } from "./draw.js";
import { FormTab } from "./form.js";
import { Inside } from "./inside.js";
import known from "./known.js";
import { Models } from "./models.js";
import { Play } from "./play.js";
import { arrived } from "./shared.js";
import { Upload } from "./upload.js";

const TABS = { draw: Pad, upload: Upload, inside: Inside, play: Play, batch: Batch, form: FormTab, models: Models };
const NAMES = Object.keys(TABS);

/** Bring the tab `name`, whose content is `element`, to life. */
export function start(name, element) {
  new TABS[name](element);
  if (name === NAMES[0]) watchFrame();
}

const button = (name) =>
  [...document.querySelectorAll("button[role=tab]")].find((one) => one.textContent.trim() === known.tabs[name]);

const current = () => NAMES.find((name) => button(name)?.ariaSelected === "true") ?? NAMES[0];

const select = (name) => current() !== name && button(name)?.click();

/** Only the tab that is open is a stop of the Tab key. */
function markOpen() {
  for (const name of NAMES) button(name)?.setAttribute("tabindex", name === current() ? "0" : "-1");
}

function watchFrame() {
  const opened = new MutationObserver(markOpen);
  opened.observe(button(NAMES[0]).parentElement, { subtree: true, attributeFilter: ["aria-selected"] });
  markOpen();
  document.addEventListener("click", (event) => {
    const name = NAMES.find((one) => button(one)?.contains(event.target));
    if (name && location.hash !== `#${name}`) history.pushState(null, "", `#${name}`);
  });
  addEventListener("popstate", followAddress);
  document.addEventListener("keydown", moveAlong);
  document.addEventListener("open-tab", (event) => select(event.detail));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", drop);
  document.addEventListener("paste", paste);
  followAddress();
}

function followAddress() {
  const name = location.hash.slice(1);
  select(NAMES.includes(name) ? name : NAMES[0]);
}

/** Arrow keys, Home and End lead from tab to tab, as the pattern for tabs has it. */
function moveAlong(event) {
  const at = NAMES.findIndex((name) => button(name) === event.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: NAMES.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  const next = button(NAMES.at(to % NAMES.length));
  next.focus();
  next.click();
}

// ------------------------------------------------------------ what is dropped or pasted

function drop(event) {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [...event.dataTransfer.files];
  const isMany = files.length > 1 || entries.some((entry) => entry.isDirectory) || /\.zip$/i.test(files[0]?.name);
  if (current() === "form") arrived("form", { entries, files });
  else if (isMany || current() === "batch") arrived("batch", { entries, files });
  else arrived(current() === "inside" ? "inside" : "upload", files[0]);
}

function paste(event) {
  const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
  if (file && current() === "form") arrived("form", { entries: [], files: [file] });
  else if (file) arrived(current() === "inside" ? "inside" : "upload", file);
}
