/* The form tab: boxes are drawn on an empty form, that is its template, and filled forms are read by it. The same template
   works with batch_processor.py --fields, and the same code reads. */
import { Boxes } from "./boxes.js";
import { make } from "./dom.js";
import { droppedFiles, opened } from "./dropped.js";
import { cellOf, Field } from "./field.js";
import { sift } from "./files.js";
import { keepForm, recallForm } from "./kept.js";
import known from "./known.js";
import { ask, forEach } from "./server.js";
import { receive } from "./shared.js";
import { save } from "./table.js";
import { cellsOf, columnsOf, faultOf, freeName, fromJson, toJson } from "./template.js";
import { count, csv, escapeHtml, fill, sentence } from "./text.js";

const { texts } = known;
const SOON_MS = 300; // after the last of several changes the form is kept
const isTemplate = ({ name }) => /\.json$/i.test(name);

export class FormTab {
  constructor(root) {
    this.root = root;
    this.past = []; // boxes as they were, for Undo
    this.boxes = new Boxes(this.#find("form-sheet"), {
      drawn: (place, byHand) => this.#add(place, byHand),
      moving: () => this.field.show(this.boxes.current, this.boxes.at),
      changed: () => this.#commit(),
      picked: () => this.#showPicked(),
      removed: () => this.#remove(),
    });
    this.field = new Field(this.#find("form-keys-of"), (box, isDone) => this.#typed(box, isDone));
    this.#bind();
    this.#recall();
  }

  #find(name) {
    return this.root.querySelector(`.${name}`);
  }

  #bind() {
    const click = (name, act) => this.#find(name).addEventListener("click", act);
    for (const name of ["empty", "template", "filled"]) {
      click(`choose-${name}`, () => this.#find(name).click());
      this.#find(name).addEventListener("change", ({ target }) => {
        const files = [...target.files];
        target.value = "";
        if (name === "filled") this.#read(files.map((file) => ({ name: file.name, file })));
        else this.#open(files);
      });
    }
    click("add", () => this.boxes.add());
    click("delete", () => this.#remove());
    click("undo", () => this.#undo());
    click("download", () => this.#download());
    click("again", () => this.#mayLeave() && this.#show(null));
    click("cancel", () => this.stop?.abort());
    click("save", () => this.#save());
    this.#find("form-page").addEventListener("change", ({ target }) =>
      this.#openEmpty(this.file, Number(target.value)),
    );
    this.#find("form-work").addEventListener("keydown", (event) => {
      const isUndo = event.key === "z" && (event.ctrlKey || event.metaKey) && !event.target.matches("input");
      if (isUndo) this.#undo();
    });
    receive("form", (parcel) => this.#dropped(parcel));
    addEventListener("beforeunload", (event) => {
      this.#keep();
      if (this.unsaved || this.stop) event.preventDefault();
    });
  }

  #say(told, isProblem = false) {
    const says = this.#find("form-says");
    says.textContent = sentence(told);
    says.classList.remove("settled");
    says.classList.toggle("problem", isProblem);
    if (told) says.scrollIntoView({ block: "nearest" });
  }

  // ------------------------------------------------------------ an empty form, a template

  async #dropped({ entries, files }) {
    if (!this.form || this.waiting || files.some(isTemplate)) this.#open(files);
    else this.#read(await droppedFiles(entries, files));
  }

  /** Open what was chosen: a template, its picture, both, or a picture alone. */
  async #open(files) {
    const [told, picture] = [files.find(isTemplate), files.find((file) => !isTemplate(file))];
    if (!told && !picture) return;
    if (!this.#mayLeave()) return;
    this.#say(texts.working);
    try {
      if (told) {
        this.waiting = null; // a template that cannot be opened leaves nothing behind
        this.waiting = { ...fromJson(await told.text(), texts), name: told.name };
      }
      if (this.waiting?.picture) await this.#openTemplate(this.waiting.picture);
      else if (!picture) this.#say(fill(texts.formNamed, { name: this.waiting.named }));
      else await this.#openEmpty(picture);
    } catch (error) {
      this.#say(error.message, true);
    }
  }

  async #openEmpty(file, page) {
    const body = new FormData();
    body.append("file", file, file.name);
    try {
      const told = await ask(`empty-form${page ? `?page=${page}` : ""}`, { method: "POST", body });
      this.file = file;
      if (this.waiting) return await this.#openTemplate(told.picture);
      this.#show({ picture: told.picture, boxes: [], name: file.name, pages: told.pages ?? [], page: page ?? 1 });
    } catch (error) {
      this.#say(error.message, true);
    }
  }

  /** Go on with a template that was opened, once its picture is there; the server says whether it is sound. */
  async #openTemplate(picture) {
    const { boxes, pageMm, name } = this.waiting;
    const form = { picture, pageMm, boxes, name };
    this.waiting = null;
    await this.#check(form);
    this.#show(form);
    this.isSaved = true;
  }

  /** Show a form, {picture, pageMm, boxes, name}, or with null the question for one. */
  #show(form) {
    this.form = form;
    this.past = [];
    this.isSaved = !form?.boxes.length;
    this.waiting = null;
    this.#say("");
    this.stop?.abort();
    this.#find("form-ask").hidden = Boolean(form);
    this.#find("form-work").hidden = !form;
    this.#forgetRows();
    this.#find("form-sheet").querySelector("img").src = form?.picture ?? "";
    this.boxes.show([...(form?.boxes ?? [])]);
    this.#showTools();
    this.#keep();
  }

  #showTools() {
    const { pages = [], page } = this.form ?? {};
    this.#find("form-page").hidden = pages.length < 2 || this.boxes.all.length > 0;
    const options = pages.map((n) => `<option ${n === page ? "selected" : ""}>${n}</option>`);
    this.#find("form-page").querySelector("select").innerHTML = options.join("");
    this.#find("undo").disabled = !this.past.length;
    this.#find("delete").disabled = !this.boxes.current;
  }

  #mayLeave() {
    return (this.isSaved !== false || confirm(texts.formDiscard)) && this.#mayForgetRows();
  }

  #mayForgetRows() {
    return !this.unsaved || confirm(texts.formUnsaved);
  }

  // ------------------------------------------------------------ boxes

  #add(place, byHand) {
    const boxes = this.boxes.all;
    this.boxes.show([...boxes, { ...place, field: { name: freeName(boxes) } }], boxes.length);
    this.#commit();
    if (byHand) this.field.focusName();
    else this.boxes.focus();
  }

  #remove() {
    if (!this.boxes.current) return;
    this.boxes.show(this.boxes.all.filter((_box, i) => i !== this.boxes.at));
    this.#commit();
  }

  /** What was typed of the box at hand is shown at once, and is a change when it is done. */
  #typed(box, isDone) {
    this.boxes.all[this.boxes.at] = box;
    this.boxes.redraw();
    if (isDone) this.#commit();
    else this.#keepSoon();
  }

  #showPicked() {
    this.field.show(this.boxes.current, this.boxes.at);
    if (this.form) this.#commit(); // what was typed last of another box
    this.#showTools();
  }

  /** A change is complete: Undo leads back to before it, and a reload finds it. */
  #commit() {
    const before = this.form.boxes;
    if (JSON.stringify(before) === JSON.stringify(this.boxes.all)) return;
    this.past.push(before);
    this.form.boxes = this.boxes.all.map((box) => ({ ...box }));
    this.isSaved = false;
    this.#find("form-says").classList.add("settled"); // out of sight; what stands below must not move under a click
    this.#showTools();
    this.#keepSoon();
  }

  #undo() {
    if (!this.past.length) return;
    this.form.boxes = this.past.pop();
    this.boxes.show(this.form.boxes.map((box) => ({ ...box })));
    this.isSaved = false;
    this.#keepSoon();
  }

  #keepSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.#keep(), SOON_MS);
  }

  #keep() {
    clearTimeout(this.soon);
    return keepForm(this.form && { ...this.form, boxes: this.boxes.all, isSaved: this.isSaved });
  }

  async #recall() {
    const kept = await recallForm();
    if (!kept || this.form) return;
    const { isSaved, ...form } = kept;
    this.#show({ ...form, pages: [] });
    this.isSaved = isSaved;
  }

  // ------------------------------------------------------------ the template

  /** Ask the server whether a template is sound; rejects with a sentence. */
  async #check(form) {
    const fault = faultOf(form.boxes, texts, fill);
    if (fault) throw new Error(fault);
    return ask("read-form", { method: "POST", body: this.#question(form) });
  }

  #question({ name, ...form }) {
    const body = new FormData();
    body.append("template", new Blob([toJson(form)]), templateName(name));
    return body;
  }

  get drawn() {
    return { ...this.form, boxes: this.boxes.all };
  }

  async #download() {
    try {
      await this.#check(this.drawn);
      save(new Blob([toJson(this.drawn)], { type: "application/json" }), templateName(this.form.name));
      this.isSaved = true;
      this.#say("");
      await this.#keep();
    } catch (error) {
      this.#say(error.message, true);
    }
  }

  // ------------------------------------------------------------ filled forms

  async #read(named) {
    if (!named.length) return;
    if (this.stop) return this.#say(texts.batchBusy);
    if (!this.#mayForgetRows()) return;
    const stop = new AbortController();
    this.stop = stop;
    try {
      const { names } = await this.#check(this.drawn);
      const [jobs] = sift(await opened(named), known.extensions);
      if (!jobs.length) throw new Error(texts.batchNothing);
      this.#begin(names, jobs.length);
      const form = this.drawn;
      await forEach(jobs, stop.signal, async (job, i) => this.#addRows(i, await this.#readOne(job, form, stop.signal)));
      this.#say("");
    } catch (error) {
      this.#say(error.message, true);
    }
    this.stop = null;
    this.#find("cancel").hidden = true;
    this.#find("running").querySelector("progress").hidden = true;
    this.#find("save").hidden = !this.rows.length;
  }

  /** Read one file; what cannot be read becomes a row too. Of a file not read before Stop there is none. */
  async #readOne(job, form, signal) {
    try {
      const body = this.#question(form);
      body.append("files", await job.blob(), job.name.split("/").at(-1));
      const { rows } = await ask("read-form?pictures=true", { method: "POST", body, signal });
      return rows.map((row) => ({ ...row, path: job.name + (/#\d+$/.exec(row.path)?.[0] ?? "") }));
    } catch (error) {
      if (error.name === "AbortError") return [];
      return [{ path: job.name, status: "error", fields: {}, error: error.message }];
    }
  }

  #forgetRows() {
    this.rows = [];
    this.unsaved = false;
    for (const name of ["running", "table-host", "save"]) this.#find(name).hidden = true;
  }

  #begin(names, total) {
    this.#forgetRows();
    [this.names, this.total, this.seen] = [names, total, 0];
    for (const name of ["running", "cancel", "table-host"]) this.#find(name).hidden = false;
    this.#find("running").querySelector("progress").hidden = false;
    const heads = names.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join("");
    this.#find("table-host").replaceChildren(
      make(`<table class="rows form-rows"><thead><tr><th scope="col">${texts.formFile}</th>${heads}</tr></thead>
        <tbody></tbody></table>`),
    );
    this.#tell();
  }

  /** Add the rows of file `i`, where the file stands among the others. */
  #addRows(i, rows) {
    this.seen++;
    this.rows.push(...rows.map((row) => ({ ...row, at: i })));
    this.unsaved = this.rows.length > 0;
    this.rows.sort((a, b) => a.at - b.at);
    this.#find("table-host").querySelector("tbody").innerHTML = this.rows.map((row) => this.#line(row)).join("");
    this.#tell();
  }

  #line({ path, status, fields, error }) {
    const cells = error
      ? `<td colspan="${this.names.length}" class="form-error"><span>${escapeHtml(sentence(error))}</span></td>`
      : this.names.map((name) => cellOf(fields[name])).join("");
    return `<tr data-status="${status}"><th scope="row">${escapeHtml(path)}</th>${cells}</tr>`;
  }

  #tell() {
    const bad = new Set(this.rows.filter(({ error }) => error).map(({ at }) => at)).size;
    const doubts = this.rows.filter(({ status, error }) => status !== "ok" && !error).length;
    const parts = [fill(texts.formRead, { n: count(this.seen - bad), total: count(this.total) })];
    if (bad) parts.push(fill(texts.batchBad, { n: count(bad) }));
    if (doubts) parts.push(fill(texts.formDoubts, { n: count(doubts) }));
    this.#find("running").querySelector("progress").value = this.seen / this.total;
    this.#find("running-says").textContent = `${parts.join("; ")}.`;
  }

  #save() {
    const rows = this.rows.map((row) => cellsOf(row, this.names));
    save(new Blob([csv(columnsOf(this.names), rows)]), "forms.csv");
    this.unsaved = false;
  }
}

const templateName = (name) => `${(name ?? "form").replace(/\.\w+$/, "")}.json`;
