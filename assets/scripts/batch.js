/* The batch tab: many files, a folder or a zip are sent a few at a time; rows appear as they are read.
   Same API and columns as a batch on the command line; the reports are written by the same code. */
import { make } from "./dom.js";
import { droppedFiles, opened } from "./dropped.js";
import { portions, sift } from "./files.js";
import { keep, recall } from "./kept.js";
import known from "./known.js";
import { offer, readNumber, showChoice } from "./number.js";
import { accepts, fit } from "./review.js";
import { byDoubt, digitCounts, isWrong, progress, sureCounts } from "./rows.js";
import { ask, fetchAgain, forEach } from "./server.js";
import { choose, receive, shared } from "./shared.js";
import { save, showBars, Table } from "./table.js";
import { count, fill, percent, sentence } from "./text.js";

const { texts } = known;
const PORTION = 16; // files in one request, at most, and
const PORTION_BYTES = 4 * 2 ** 20;
const GROWTH = 1.25; // of the rows, until a reload finds the new ones too: keeping them all each time would take long
const NAMES = 3; // of what was passed over, told of each kind
const NOTHING = "-"; // the label of what holds no number
const OFFERS = { one: texts.offerOnes, number: texts.offerNumbers };
const STEPS = [0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99];

export class Batch {
  constructor(root) {
    this.root = root;
    [this.rows, this.passed] = [[], {}];
    this.#bind();
    this.#ready(shared.mode);
    this.#recall();
  }

  /** Make room for rows of digits or of numbers. */
  #ready(mode) {
    const isNumber = mode === "number";
    this.isNumber = isNumber;
    this.markChoice();
    this.table = new Table(this.#find("answers"), { ofTexts: isNumber, changed: (row) => this.#checked(row) });
    for (const part of this.root.querySelectorAll(".of-digits, .keep, [data-kind=html]")) part.hidden = isNumber;
    this.#find("number-fix").hidden = !isNumber;
  }

  /** "one" or "number": what the table holds; without rows, what is chosen. */
  get mode() {
    if (!this.rows.length && !this.stop) return shared.mode;
    return this.isNumber ? "number" : "one";
  }

  /** A reload brings back what was read and what was checked; the browser keeps it until another batch has rows. */
  async #recall() {
    const batch = await recall();
    if (!batch?.rows.length || this.stop || this.rows.length) return;
    Object.assign(this, batch);
    this.#ready(batch.isNumber ? "number" : "one");
    this.named = this.rows.filter(({ picture }) => picture).map(asNamed);
    this.named = this.named.filter(({ name }, i) => this.named.findIndex((one) => one.name === name) === i);
    for (const row of this.rows) row.original = shown(row, row);
    this.#find("running").hidden = false;
    this.#find("cancel").hidden = true;
    this.#find("running").querySelector("progress").hidden = true;
    this.#find("running-says").textContent = batch.said;
    this.#finish();
  }

  /** Let a reload find the batch as it is now; of a very large one the browser may keep nothing. */
  #remember() {
    if (!this.rows.length) return;
    this.remembered = this.rows.length;
    const rows = this.rows.map(({ original, keeping, problem, ...row }) => row);
    const { model, seconds, passed, isNumber, unsaved, said } = this;
    return keep({ rows, model, seconds, passed, isNumber, unsaved, said });
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
    addEventListener("beforeunload", (event) => (this.unsaved || this.stop) && event.preventDefault());
    this.#find("cancel").addEventListener("click", () => this.stop?.abort());
    this.markChoice = showChoice(
      this.#find("mode"),
      () => {},
      (mode) => this.#want(mode),
      () => this.mode,
    );
    for (const done of ["click", "keyup"]) this.#find("answers").addEventListener(done, () => this.#showMarked());
    this.#find("number-fix").addEventListener("submit", (event) => this.#fix(event));
    this.#find("fix-text").addEventListener("keydown", accepts);
    this.#find("fix-text").addEventListener("input", ({ target }) => fit(target));
    this.#find("copy-all").addEventListener("click", () => this.#copy());
    for (const kind of Object.keys(texts.kindsOfReport)) {
      const button = make(
        `<button type="button" class="tool" data-kind="${kind}">${texts.kindsOfReport[kind]}</button>`,
      );
      button.addEventListener("click", () => this.#save(kind));
      this.#find("saves").append(button);
    }
  }

  // ------------------------------------------------------------ what to read

  async #dropped({ entries, files }) {
    this.#start(await droppedFiles(entries, files));
  }

  // ------------------------------------------------------------ reading

  #start(named) {
    for (const input of this.root.querySelectorAll("input[type=file]")) input.value = "";
    if (!named.length) return;
    if (this.stop) this.#find("running-says").textContent = texts.batchBusy;
    else if (this.#mayLeave()) this.reading = this.#run(named, this.mode);
  }

  #mayLeave() {
    return !this.unsaved || confirm(texts.batchUnsaved);
  }

  /** Read the same files the other way; the choice says what the table holds, so it waits for that. */
  async #want(mode) {
    const { named } = this;
    if (this.mode === mode || (this.rows.length && !named?.length) || !this.#mayLeave()) return this.markChoice();
    this.stop?.abort();
    await this.reading;
    choose(mode);
    if (named) this.reading = this.#run(named, mode);
  }

  /** Read files; a batch that was read before stays until there is something to read. */
  async #run(named, mode) {
    this.stop = new AbortController();
    this.#showRunning(true);
    try {
      const [jobs, passed] = sift(await opened(named), known.extensions);
      if (!jobs.length) throw new Error(texts.batchNothing);
      this.#forget(mode);
      Object.assign(this, { named, passed, total: jobs.length });
      await this.#readAll(jobs);
      this.#tell(this.stop.signal.aborted ? texts.batchStopped : texts.batchRead);
      this.#finish();
    } catch (error) {
      this.#find("running-says").textContent = error.message;
    }
    this.stop = null;
    this.#showRunning(false);
    this.markChoice();
    await this.#remember();
  }

  #finish() {
    this.#find("batch-done").hidden = !this.rows.length;
    this.table.show(this.rows.toSorted(byDoubt));
    this.#showCharts();
    this.#showTruth();
    this.#showMarked();
    this.#offerOther();
  }

  /** Offer to read the same files the other way, where what was read speaks for it. */
  #offerOther() {
    const several = this.rows.some((row) => row.reason?.endsWith(known.asNumber));
    const single = this.rows.filter((row) => /^\d$/.test(row.text)).length;
    const isOther = this.isNumber ? single > this.rows.length / 2 : several;
    const other = isOther && this.named ? (this.isNumber ? "one" : "number") : null;
    offer(this.#find("offer"), other, (mode) => this.#want(mode), OFFERS);
  }

  #toSay(says) {
    this.#find("batch-truth").textContent = says;
  }

  #forget(mode) {
    for (const row of this.rows) if (row.original) URL.revokeObjectURL(row.original);
    this.rows = [];
    this.unsaved = false;
    this.passed = {};
    this.seen = this.seconds = this.remembered = 0;
    this.#ready(mode);
    this.#showTruth();
    this.#find("batch-done").hidden = true;
  }

  #showRunning(isRunning) {
    this.root.dataset.state = isRunning ? "reading" : "done";
    this.#find("running").hidden = false;
    this.#find("cancel").hidden = !isRunning;
    this.#find("running").querySelector("progress").hidden = !isRunning;
    if (isRunning) this.#find("running-says").textContent = texts.working;
  }

  async #readAll(jobs) {
    for (const [at, job] of jobs.entries()) job.at = at;
    const parts = portions(jobs, PORTION, PORTION_BYTES);
    this.started = performance.now();
    await forEach(parts, this.stop.signal, async (part) => this.#add(await this.#readPart(part)));
    this.seconds = (performance.now() - this.started) / 1000;
  }

  #add(rows) {
    this.seen += new Set(rows.map((row) => row.job)).size;
    this.total += rows.filter(({ page, pages }) => page && page !== pages[0]).length; // a file of pages is so many pictures
    this.seen += rows.filter(({ page, pages }) => page && page !== pages[0]).length;
    const added = rows.map(({ job, pages, ...row }) => row);
    this.rows.push(...added);
    this.rows.sort((a, b) => a.at - b.at || a.page - b.page); // answers come in any order
    this.table.append(added);
    this.#find("batch-done").hidden = !this.rows.length;
    this.#showCharts();
    this.#find("running").querySelector("progress").value = this.seen / this.total;
    this.#tell(texts.batchRead, true);
    if (this.rows.length >= GROWTH * this.remembered) this.#remember();
  }

  /** Read a few files; what cannot be read becomes a row too, and each page of a PDF or TIFF. Of files not read before Stop there is none. */
  async #readPart(jobs) {
    if (this.isNumber) return (await Promise.all(jobs.map((job) => this.#readNumbers(job)))).flat();
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
    return rows.flatMap((pages, i) => pages.map(({ file, ...row }) => ({ ...row, ...this.#place(row, jobs[i]) })));
  }

  #place(row, job) {
    const path = row.page ? `${job.name}#${row.page}` : job.name;
    return { path, job, at: job.at, picture: job.picture, original: shown(row, job) };
  }

  /** Read one file as a number, or a number a page. */
  async #readNumbers(job, page = 1) {
    try {
      job.picture = await job.blob();
      const { picture, width, height, model, ...row } = await readNumber(job.picture, {
        page,
        signal: this.stop.signal,
      });
      this.model = model;
      if (row.pages) row.page = page;
      const next = row.pages?.[row.pages.indexOf(page) + 1];
      return [{ ...row, ...this.#place(row, job) }, ...(next ? await this.#readNumbers(job, next) : [])];
    } catch (error) {
      if (error.name === "AbortError") return [];
      const row = { status: "error", text: "", error: error.message };
      return [{ ...row, ...this.#place(row, job) }];
    }
  }

  async #ask(form) {
    const told = await ask("predict?details=ink", { method: "POST", body: form, signal: this.stop.signal });
    this.model = told.model;
    return told.rows;
  }

  /** Say how many were read, could not be, and were passed over. */
  #tell(text, hasMore = false) {
    const { n, bad } = progress(this.rows);
    const { seen, total } = this;
    const left = Math.ceil(((performance.now() - this.started) / 1000 / seen) * (total - seen));
    const of = { n: count(n), total: count(total) };
    const parts = bad ? [fill(texts.batchBad, { n: count(bad) })] : [];
    parts.push(...Object.entries(this.passed).map(([kind, names]) => fill(texts.batchPassed, passedOver(kind, names))));
    this.said = joined(fill(hasMore ? texts.batchStopped : text, of), ...parts); // what a reload finds ends there
    if (hasMore && total > seen && seen) parts.push(fill(texts.batchLeft, { left: count(left) }));
    this.#find("running-says").textContent = joined(fill(text, of), ...parts);
  }

  // ------------------------------------------------------------ review

  /** A row was given its true digit, or that was taken back; kept for training only if asked for. */
  async #checked(row) {
    this.unsaved = true;
    this.#showTruth();
    row.keeping = (row.keeping ?? Promise.resolve()).then(() => this.#keep(row));
    await row.keeping;
    this.#showTruth();
    clearTimeout(this.soon); // once after several keys in a row
    this.soon = setTimeout(() => this.#remember(), 300);
  }

  // ------------------------------------------------------------ numbers: corrected and copied

  get marked() {
    return this.table.visible[this.table.at];
  }

  #showMarked() {
    if (!this.isNumber || !this.marked) return;
    const says = this.marked.checked ?? this.marked.text;
    this.#find("fix-text").value = says === NOTHING ? "" : says;
    fit(this.#find("fix-text"));
  }

  /** The marked row says what stands in the field. */
  #fix(event) {
    event.preventDefault();
    if (this.marked) this.table.check(this.#find("fix-text").value.trim() || NOTHING);
    this.#showMarked();
  }

  async #copy() {
    const lines = this.rows
      .filter((row) => row.status !== "error")
      .map((row) => `${row.path}\t${(row.checked ?? row.text).replaceAll("\n", " ")}`);
    await navigator.clipboard?.writeText(lines.join("\n"));
    this.#toSay(navigator.clipboard ? texts.copied : texts.notCopied);
  }

  async #keep(row) {
    const isWanted = !this.isNumber && isWrong(row) && row.checked !== undefined && this.#find("keep-them").checked;
    if (!isWanted && !row.key) return;
    try {
      if (isWanted) row.key = (await this.#correct(row)).key;
      else {
        await ask(`feedback/${row.key}`, { method: "DELETE" });
        row.key = null;
      }
      row.problem = "";
    } catch (error) {
      row.problem = `${row.path}: ${sentence(error.message)}.`;
    }
  }

  #correct(row) {
    const form = new FormData();
    form.append("file", row.picture, "picture.png");
    form.append("label", row.checked);
    if (row.key) form.append("replaces", row.key);
    return ask(row.page ? `feedback?page=${row.page}` : "feedback", { method: "POST", body: form });
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
    const problem = this.rows.find((row) => row.problem)?.problem ?? "";
    const says = [
      problem,
      checked.length ? fill(texts.truthSays, values) : "",
      kept ? fill(texts.truthKept, values) : "",
    ];
    this.#find("batch-truth").textContent = says.filter(Boolean).join(" ");
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
    const rows = this.rows.map(({ original, picture, box, key, keeping, problem, checked, at, page, ...row }) => ({
      ...row,
      label: checked,
    }));
    const query = new URLSearchParams([
      ["kind", kind],
      ["seconds", this.seconds],
      ...Object.entries(this.passed).map(([what, names]) => ["skipped", `${what}:${names.length}`]),
      ...this.model.map((name) => ["model", name]),
    ]);
    const reply = await fetchAgain(`api/report?${query}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(rows),
    });
    if (reply.ok) {
      save(await reply.blob(), `${this.isNumber ? "numbers" : "digits"}.${kind}`);
      this.unsaved = false;
      await this.#remember();
    } else this.#toSay((await reply.json()).error);
  }
}

const joined = (...parts) => `${parts.join("; ")}.`;

/** A row's file, as it was once chosen. */
const asNamed = ({ path, page, picture }) => ({ name: page ? path.replace(/#\d+$/, "") : path, file: picture });

const inFolder = (file) => ({ name: file.webkitRelativePath || file.name, file, found: true });

const FOREIGN = /\.(pdf|tiff?|hei[cf])(#\d+)?$/i; // what browsers do not show

const shown = (row, { picture, name = row.path }) =>
  picture && row.status !== "error" && !FOREIGN.test(name) ? URL.createObjectURL(picture) : null;

const passedOver = (kind, names) => {
  const told = names.slice(0, NAMES).map((name) => name.split("/").at(-1));
  const more = names.length > NAMES ? ", …" : "";
  return { n: count(names.length), kind: texts.passedKinds[kind] ?? kind, names: told.join(", ") + more };
};
