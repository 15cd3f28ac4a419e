/* The batch tab: many files, a folder or a zip are sent a few at a time; rows appear as they are read.
   Same API and columns as a batch on the command line; the reports are written by the same code. */
(() => {
  "use strict";
  const D = window.DIGITS;
  const texts = D.texts;
  const CHUNK = 16; // files in one request, at most, and
  const CHUNK_BYTES = 4 * 2 ** 20;
  const AT_ONCE = 2; // requests under way
  const PAGE = 200; // rows added to the table at a time
  const PICTURES = /\.(png|jpe?g?|jfif|bmp|dib|gif|tiff?|webp|p[pgbn]m)$/i;
  const HIDDEN = /(^|\/)(\.|__MACOSX\/)/;
  const FILTERS = {
    all: () => true,
    look: (row) => !["ok", "error"].includes(row.status),
    error: (row) => row.status === "error",
    labelled: (row) => row.label !== undefined,
  };

  const escape = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

  D.Batch = class {
    constructor(root) {
      this.root = root;
      this.rows = [];
      this.filter = "all";
      this.body = root.querySelector("tbody");
      this.#bind();
    }

    #find(name) {
      return this.root.querySelector("." + name);
    }

    #bind() {
      const [files, folder] = [this.#find("files"), this.#find("folder")];
      this.#find("choose-files").addEventListener("click", () => files.click());
      this.#find("choose-folder").addEventListener("click", () => folder.click());
      files.addEventListener("change", () => this.#start([...files.files].map((file) => ({ name: file.name, file }))));
      folder.addEventListener("change", () => this.#start([...folder.files].map(
        (file) => ({ name: file.webkitRelativePath || file.name, file, found: true }))));
      const drop = this.#find("drop");
      drop.addEventListener("dragover", (event) => event.preventDefault());
      drop.addEventListener("drop", (event) => {
        event.preventDefault();
        this.#dropped(event.dataTransfer);
      });
      this.#find("cancel").addEventListener("click", () => this.stop?.abort());
      this.#find("more").addEventListener("click", () => this.#showMore());
      this.body.addEventListener("input", (event) => this.#label(event.target));
      this.body.addEventListener("focusin", (event) => event.target.select?.());
      for (const kind of ["csv", "json", "html", "parquet"]) {
        const button = D.make(`<button type="button" class="tool">${texts.kindsOfReport[kind]}</button>`);
        button.addEventListener("click", () => this.#save(kind));
        this.#find("saves").append(button);
      }
    }

    // ------------------------------------------------------------ what to read

    async #dropped(transfer) {
      const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      const found = [];
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
      for (let some; (some = await new Promise((done, fail) => reader.readEntries(done, fail))).length; ) {
        for (const one of some) await this.#walk(one, found, true);
      }
    }

    /** Open archives, pass over what is hidden or no picture in folders and archives; what was named is kept. */
    async #expand(named) {
      const jobs = [];
      for (const { name, file, found } of named) {
        if (/\.zip$/i.test(name)) {
          for (const member of await D.unzip(file)) jobs.push({ ...member, name: `${name}/${member.name}`, found: true });
        } else jobs.push({ name, size: file.size, found, blob: async () => file });
      }
      const wanted = jobs.filter((job) => !job.found || (PICTURES.test(job.name) && !HIDDEN.test(job.name)));
      wanted.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
      return [wanted, jobs.length - wanted.length];
    }

    #chunks(jobs) {
      const chunks = [];
      let [chunk, bytes] = [[], 0];
      for (const job of jobs) {
        if (chunk.length === CHUNK || (chunk.length && bytes + job.size > CHUNK_BYTES)) {
          chunks.push(chunk);
          [chunk, bytes] = [[], 0];
        }
        chunk.push(job);
        bytes += job.size;
      }
      return chunk.length ? [...chunks, chunk] : chunks;
    }

    // ------------------------------------------------------------ reading

    async #start(named) {
      this.root.querySelectorAll("input[type=file]").forEach((input) => (input.value = ""));
      if (!named.length || this.stop) return;
      this.stop = new AbortController();
      this.root.dataset.state = "reading";
      this.#find("running").hidden = false;
      this.#find("drop").hidden = true;
      this.#find("batch-done").hidden = true;
      this.#find("running-says").textContent = texts.working;
      let note = "";
      try {
        const [jobs, nPassed] = await this.#expand(named);
        if (!jobs.length) throw new Error(texts.batchNothing);
        await this.#readAll(jobs);
        const nRead = this.rows.length;
        note = D.fill(this.stop.signal.aborted ? texts.batchStopped : texts.batchDone, { n: nRead.toLocaleString("en"), total: jobs.length });
        if (nPassed) note += " " + D.fill(texts.batchPassed, { n: nPassed });
      } catch (error) {
        note = error.message;
      }
      this.stop = null;
      this.#find("drop").hidden = false;
      this.#find("running-says").textContent = note;
      this.root.dataset.state = "done";
      this.#find("cancel").hidden = true;
      this.#find("running").querySelector("progress").hidden = true;
      this.filter = "all";
      this.#find("batch-done").hidden = !this.rows.length;
      this.#showAll();
    }

    async #readAll(jobs) {
      const [chunks, answers, started] = [this.#chunks(jobs), [], performance.now()];
      let [next, nDone] = [0, 0];
      this.rows = [];
      this.#find("cancel").hidden = false;
      this.#find("running").querySelector("progress").hidden = false;
      const worker = async () => {
        while (next < chunks.length && !this.stop.signal.aborted) {
          const mine = next++;
          answers[mine] = await this.#readChunk(chunks[mine]);
          nDone += answers[mine].length;
          this.#progress(nDone, jobs.length, (performance.now() - started) / 1000);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      this.rows = answers.flat().filter(Boolean);
    }

    /** Read a few files; whatever goes wrong becomes rows, so that every file has one. */
    async #readChunk(jobs) {
      const form = new FormData();
      const rows = new Array(jobs.length);
      const sent = [];
      for (const [i, job] of jobs.entries()) {
        try {
          job.picture = await job.blob();
          form.append("files", job.picture, "picture");
          sent.push(i);
        } catch (error) {
          rows[i] = { status: "error", error: error.message };
        }
      }
      try {
        const told = sent.length ? await D.ask("predict?details=ink", { method: "POST", body: form, signal: this.stop.signal }) : { rows: [] };
        told.rows.forEach((row, k) => (rows[sent[k]] = row));
      } catch (error) {
        if (error.name === "AbortError") return [];
        if (jobs.length > 1) return (await Promise.all(jobs.map((job) => this.#readChunk([job])))).flat();
        rows[0] = { status: "error", digit: null, error: error.message };
      }
      return rows.map((row, i) => ({ ...row, path: jobs[i].name, picture: jobs[i].picture }));
    }

    #progress(n, total, seconds) {
      this.#find("running").querySelector("progress").value = n / total;
      const left = Math.ceil((seconds / n) * (total - n));
      const values = { n: n.toLocaleString("en"), total: total.toLocaleString("en"), left };
      this.#find("running-says").textContent = D.fill(texts.batchRunning, values);
    }

    // ------------------------------------------------------------ table

    #showAll() {
      this.#showFilters();
      this.#showCharts();
      this.#showTable();
      this.#showTruth();
    }

    #showFilters() {
      const host = this.#find("filters");
      host.replaceChildren();
      for (const [name, test] of Object.entries(FILTERS)) {
        const checked = name === this.filter ? "checked" : "";
        const choice = D.make(`<label class="choice"><input type="radio" name="batch-filter" ${checked}><span></span></label>`);
        choice.recount = () => {
          const n = this.rows.filter(test).length.toLocaleString("en");
          choice.querySelector("span").textContent = D.fill(texts.filters[name], { n });
        };
        choice.recount();
        choice.addEventListener("change", () => {
          this.filter = name;
          this.#showTable();
        });
        host.append(choice);
      }
    }

    #showTable() {
      const doubt = (row) => (row.status === "error" ? 2 : row.status === "ok" ? 1 + row.confidence / 10 : row.confidence ?? 0);
      this.shown = this.rows.filter(FILTERS[this.filter]).sort((a, b) => doubt(a) - doubt(b));
      this.body.replaceChildren();
      this.#showMore();
    }

    #showMore() {
      const some = this.shown.slice(this.body.children.length, this.body.children.length + PAGE);
      this.body.append(...some.map((row) => this.#line(row)));
      this.#find("more").hidden = this.body.children.length >= this.shown.length;
    }

    #line(row) {
      const name = escape(row.path);
      const second = row.status !== "blank" && row.runner_up_confidence >= 0.0005 ? `${row.runner_up} <small>${D.percent(row.runner_up_confidence)}</small>` : "";
      const cells = row.status === "error"
        ? `<td class="why" colspan="3">${escape(row.error)}</td><td></td>`
        : `<td class="said">${row.digit ?? "–"}</td><td>${texts.statusWord[row.status] || D.percent(row.confidence)}
            ${row.status === "unsure" ? `<small>${D.percent(row.confidence)}</small>` : ""}</td><td>${second}</td>
           <td><input class="truth" inputmode="numeric" maxlength="1" size="1" value="${row.label ?? ""}" aria-label="${D.fill(texts.truthOf, { name })}"></td>`;
      const line = D.make(`<table><tbody><tr data-status="${row.status}"><td>${row.ink ? `<img src="${row.ink}" alt="" width="28" height="28">` : ""}</td>
        <td class="name">${name}</td>${cells}</tr></tbody></table>`).querySelector("tr");
      line.row = row;
      return line;
    }

    /** A digit typed into a row is its truth, and the next row is up. */
    async #label(input) {
      const row = input.closest("tr").row;
      if (!/^\d?$/.test(input.value)) return (input.value = "");
      if (input.value === "") delete row.label;
      else row.label = Number(input.value);
      if (input.value !== "") input.closest("tr").nextElementSibling?.querySelector(".truth")?.focus();
      this.#showTruth();
      await this.#keep(row);
    }

    async #keep(row) {
      try {
        if (row.key) await D.ask("feedback/" + row.key, { method: "DELETE" });
        row.key = null;
        if (row.label === undefined || row.label === row.digit || !this.#find("keep-them").checked) return;
        const form = new FormData();
        form.append("file", row.picture, "picture.png");
        form.append("label", row.label);
        row.key = (await D.ask("feedback", { method: "POST", body: form })).key;
        this.#showTruth();
      } catch (error) {
        this.#find("batch-truth").textContent = error.message;
      }
    }

    #showTruth() {
      for (const choice of this.#find("filters").children) choice.recount();
      const known = this.rows.filter((row) => row.label !== undefined);
      const right = known.filter((row) => row.label === row.digit).length;
      const kept = this.rows.filter((row) => row.key).length;
      const values = { n: known.length, right, percent: known.length ? D.percent(right / known.length) : "", kept };
      this.#find("batch-truth").textContent = (known.length ? D.fill(texts.truthSays, values) : "") + (kept ? " " + D.fill(texts.truthKept, values) : "");
    }

    // ------------------------------------------------------------ charts, files

    #showCharts() {
      const read = this.rows.filter((row) => row.digit !== null && row.digit !== undefined);
      const digits = [...Array(10).keys()].map((d) => read.filter((row) => row.digit === d).length);
      const steps = [[0, 0.5], [0.5, 0.7], [0.7, 0.8], [0.8, 0.9], [0.9, 0.95], [0.95, 0.99], [0.99, 1.01]];
      const sure = steps.map(([low, high]) => read.filter((row) => row.confidence >= low && row.confidence < high).length);
      this.#bars(this.#find("chart-digits"), digits, digits.map((_n, d) => String(d)));
      this.#bars(this.#find("chart-confidence"), sure, ["< 50", "50", "70", "80", "90", "95", "99 %"]);
    }

    #bars(host, counts, names) {
      const top = Math.max(...counts, 1);
      host.setAttribute("aria-label", names.map((name, i) => `${name}: ${counts[i]}`).join(", "));
      host.innerHTML = counts.map((n, i) => `<span><small>${n || ""}</small><i style="height:${(80 * n) / top}px"></i><b>${names[i]}</b></span>`).join("");
    }

    async #save(kind) {
      const rows = this.rows.map(({ ink, picture, box, reason, key, ...row }) => row);
      const reply = await fetch(D.base + "api/report?kind=" + kind, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(rows),
      });
      if (!reply.ok) return (this.#find("batch-truth").textContent = (await reply.json()).error);
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await reply.blob()), download: "digits." + kind });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }
  };
})();
