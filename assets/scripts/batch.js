/* The batch tab: many files, a folder or a zip are sent a few at a time; rows appear as they are read.
   Same API and columns as a batch on the command line; the reports are written by the same code. */
import { make } from "./dom.js";
import { portions, sift } from "./files.js";
import known from "./known.js";
import { byDoubt, digitCounts, isWrong, progress, sureCounts } from "./rows.js";
import { ask, fetchAgain } from "./server.js";
import { receive } from "./shared.js";
import { save, showBars, Table } from "./table.js";
import { count, fill, percent } from "./text.js";
import { unzip } from "./unzip.js";

const { texts } = known;
const PORTION = 16; // files in one request, at most, and
const PORTION_BYTES = 4 * 2 ** 20;
const AT_ONCE = 2; // requests under way
const NAMES = 3; // of what was passed over, told of each kind
const STEPS = [0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99];

export class Batch {
  constructor(root) {
    this.root = root;
    this.rows = [];
    this.table = new Table(this.#find("answers"), { changed: (row) => this.#checked(row) });
    this.#bind();
  }

  #find(name) {
    return this.root.querySelector(`.${name}`);
  }

  #bind() {
    const [files, folder] = [this.#find("files"), this.#find("folder")];
    this.#find("choose-files").addEventListener("click", () => files.click());
    this.#find("choose-folder").addEventListener("click", () => folder.click());
    files.addEventListener("change", () => this.#start([...files.files].map((file) => ({ name: file.name, file }))));
    folder.addEventListener("change", () => this.#start([...folder.files].map(inFolder)));
    receive("batch", (parcel) => this.#dropped(parcel));
    addEventListener("beforeunload", (event) => this.unsaved && event.preventDefault());
    this.#find("cancel").addEventListener("click", () => this.stop?.abort());
    for (const kind of Object.keys(texts.kindsOfReport)) {
      const button = make(`<button type="button" class="tool">${texts.kindsOfReport[kind]}</button>`);
      button.addEventListener("click", () => this.#save(kind));
      this.#find("saves").append(button);
    }
  }

  // ------------------------------------------------------------ what to read

  async #dropped({ entries, files }) {
    const found = entries.length ? [] : files.map((file) => ({ name: file.name, file }));
    for (const entry of entries) await this.#walk(entry, found, entry.isDirectory);
    this.#start(found);
  }

  async #walk(entry, found, isFound) {
    if (entry.isFile) {
      const file = await new Promise((done, fail) => entry.file(done, fail));
      found.push({ name: entry.fullPath.replace(/^\//, ""), file, found: isFound });
      return;
    }
    const reader = entry.createReader();
    const some = () => new Promise((done, fail) => reader.readEntries(done, fail)); // a browser lists them in parts
    for (let part = await some(); part.length; part = await some()) {
      for (const one of part) await this.#walk(one, found, true);
    }
  }

  /** Open archives: return jobs, {name, size, found, blob()}, for all that was chosen. */
  async #open(named) {
    const jobs = [];
    for (const { name, file, found } of named) {
      if (/\.zip$/i.test(name)) {
        const members = await unzip(file);
        jobs.push(...members.map((member) => ({ ...member, name: `${name}/${member.name}`, found: true })));
      } else jobs.push({ name, size: file.size, found, blob: async () => file });
    }
    return jobs;
  }

  // ------------------------------------------------------------ reading

  async #start(named) {
    for (const input of this.root.querySelectorAll("input[type=file]")) input.value = "";
    if (!named.length || this.stop) return;
    this.stop = new AbortController();
    this.#showRunning(true);
    this.#forget();
    try {
      const [jobs, passed] = sift(await this.#open(named), known.extensions);
      this.passed = passed;
      if (!jobs.length) throw new Error(texts.batchNothing);
      await this.#readAll(jobs);
      this.#tell(this.stop.signal.aborted ? texts.batchStopped : texts.batchDone, jobs.length);
    } catch (error) {
      this.#find("running-says").textContent = error.message;
    }
    this.stop = null;
    this.#showRunning(false);
    this.#find("batch-done").hidden = !this.rows.length;
    this.table.show(this.rows.toSorted(byDoubt));
    this.#showCharts();
  }

  #forget() {
    for (const row of this.rows) if (row.original) URL.revokeObjectURL(row.original);
    this.rows = [];
    this.unsaved = false;
    this.passed = {};
    this.table.show([]);
    this.#showTruth();
    this.#find("batch-done").hidden = true;
  }

  #showRunning(isRunning) {
    this.root.dataset.state = isRunning ? "reading" : "done";
    this.#find("running").hidden = false;
    this.#find("drop").hidden = isRunning;
    this.#find("cancel").hidden = !isRunning;
    this.#find("running").querySelector("progress").hidden = !isRunning;
    if (isRunning) this.#find("running-says").textContent = texts.working;
  }

  async #readAll(jobs) {
    const parts = portions(jobs, PORTION, PORTION_BYTES);
    this.started = performance.now();
    let next = 0;
    const worker = async () => {
      while (next < parts.length && !this.stop.signal.aborted)
        this.#add(await this.#readPart(parts[next++]), jobs.length);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    this.seconds = (performance.now() - this.started) / 1000;
  }

  #add(rows, total) {
    this.rows.push(...rows);
    this.table.append(rows);
    this.#find("batch-done").hidden = !this.rows.length;
    this.#showCharts();
    this.#find("running").querySelector("progress").value = this.rows.length / total;
    this.#tell(texts.batchRunning, total);
  }

  /** Read a few files; what cannot be read becomes a row too, and each page of a PDF or TIFF. Of files not read before Stop there is none. */
  async #readPart(jobs) {
    const form = new FormData();
    const rows = jobs.map(() => []);
    const sent = [];
    for (const [i, job] of jobs.entries()) {
      try {
        job.picture = await job.blob();
        form.append("files", job.picture, "picture");
        sent.push(i);
      } catch (error) {
        rows[i] = [{ status: "error", digit: null, error: error.message }];
      }
    }
    try {
      const told = sent.length ? await this.#ask(form) : [];
      for (const [k, row] of told.entries()) rows[sent[row.file ?? k]].push(row);
    } catch (error) {
      if (error.name === "AbortError") return [];
      if (jobs.length > 1) return (await Promise.all(jobs.map((job) => this.#readPart([job])))).flat();
      rows[0] = [{ status: "error", digit: null, error: error.message }];
    }
    return rows.flatMap((pages, i) =>
      pages.map(({ file, page, ...row }) => ({
        ...row,
        path: page ? `${jobs[i].name}#${page}` : jobs[i].name,
        picture: jobs[i].picture,
        original: shown(row, jobs[i]),
      })),
    );
  }

  async #ask(form) {
    const told = await ask("predict?details=ink", { method: "POST", body: form, signal: this.stop.signal });
    this.model = told.model;
    return told.rows;
  }

  /** Say how many were read, could not be, and were passed over. */
  #tell(text, total) {
    const { n, bad } = progress(this.rows);
    const left = Math.ceil(((performance.now() - this.started) / 1000 / this.rows.length) * (total - this.rows.length));
    const parts = [fill(text, { n: count(n), total: count(total) })];
    if (bad) parts.push(fill(texts.batchBad, { n: count(bad) }));
    parts.push(...Object.entries(this.passed).map(([kind, names]) => fill(texts.batchPassed, passedOver(kind, names))));
    if (total > this.rows.length && !this.stop.signal.aborted && this.rows.length)
      parts.push(fill(texts.batchLeft, { left: count(left) }));
    this.#find("running-says").textContent = `${parts.join("; ")}.`;
  }

  // ------------------------------------------------------------ review

  /** A row was given its true digit, or that was taken back; kept for training only if asked for. */
  async #checked(row) {
    this.unsaved = true;
    this.#showTruth();
    row.keeping = (row.keeping ?? Promise.resolve()).then(() => this.#keep(row));
    await row.keeping;
    this.#showTruth();
  }

  async #keep(row) {
    const isWanted = isWrong(row) && row.checked !== undefined && this.#find("keep-them").checked;
    if (!isWanted && !row.key) return;
    try {
      if (isWanted) row.key = (await this.#correct(row)).key;
      else {
        await ask(`feedback/${row.key}`, { method: "DELETE" });
        row.key = null;
      }
    } catch (error) {
      this.#find("batch-truth").textContent = error.message;
    }
  }

  #correct(row) {
    const form = new FormData();
    form.append("file", row.picture, "picture.png");
    form.append("label", row.checked);
    if (row.key) form.append("replaces", row.key);
    return ask("feedback", { method: "POST", body: form });
  }

  #showTruth() {
    const checked = this.rows.filter((row) => row.checked !== undefined);
    const right = checked.filter((row) => !isWrong(row)).length;
    const kept = this.rows.filter((row) => row.key).length;
    const values = {
      n: count(checked.length),
      right: count(right),
      percent: percent(right / checked.length),
      kept: count(kept),
    };
    const says = [checked.length ? fill(texts.truthSays, values) : "", kept ? fill(texts.truthKept, values) : ""];
    this.#find("batch-truth").textContent = says.join(" ");
  }

  // ------------------------------------------------------------ charts, files

  #showCharts() {
    showBars(this.#find("chart-digits"), digitCounts(this.rows), [..."0123456789"]);
    showBars(this.#find("chart-confidence"), sureCounts(this.rows, STEPS), [
      "< 50",
      "50",
      "70",
      "80",
      "90",
      "95",
      "99 %",
    ]);
  }

  async #save(kind) {
    const rows = this.rows.map(({ original, picture, box, reason, key, keeping, checked, ...row }) => ({
      ...row,
      label: checked,
    }));
    const query = new URLSearchParams([
      ["kind", kind],
      ["seconds", this.seconds],
      ...this.model.map((name) => ["model", name]),
    ]);
    const reply = await fetchAgain(`api/report?${query}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(rows),
    });
    if (reply.ok) {
      save(await reply.blob(), `digits.${kind}`);
      this.unsaved = false;
    } else this.#find("batch-truth").textContent = (await reply.json()).error;
  }
}

const inFolder = (file) => ({ name: file.webkitRelativePath || file.name, file, found: true });

const shown = (row, job) => (job.picture && row.status !== "error" ? URL.createObjectURL(job.picture) : null);

const passedOver = (kind, names) => {
  const told = names.slice(0, NAMES).map((name) => name.split("/").at(-1));
  const more = names.length > NAMES ? ", …" : "";
  return { n: count(names.length), kind: texts.passedKinds[kind] ?? kind, names: told.join(", ") + more };
};
