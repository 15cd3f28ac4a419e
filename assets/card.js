/* The answer card: what the network says about one picture, and the click that corrects it.
   Shared by every tab; all words come from digits/serving/page/texts.py. */
(() => {
  "use strict";
  const D = window.DIGITS;
  const texts = D.texts;
  const base = (D.base = location.pathname.replace(/[^/]*$/, ""));

  D.fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, key) => values[key]);

  /** A share in percent with one decimal; 100 and 0 are said only where they are meant. */
  D.number = (p) => (p === 0 || p === 1 ? 100 * p : Math.min(99.9, Math.max(0.1, 100 * p)).toFixed(1));
  D.percent = (p) => (p > 0 && p < 0.0005 ? "< 0.1 %" : D.number(p) + " %");

  D.make = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    return template.content.firstElementChild;
  };

  /** Ask the server; resolves to JSON, rejects with an Error whose message is a sentence for people. */
  D.ask = async (path, options = {}, attempts = 3) => {
    let reply;
    try {
      reply = await fetch(base + "api/" + path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error(texts.offline);
    }
    if (reply.status === 503 && attempts > 1) {
      await new Promise((done) => setTimeout(done, 1000 * Number(reply.headers.get("Retry-After") || 1)));
      return D.ask(path, options, attempts - 1);
    }
    const body = await reply.json().catch(() => ({ error: texts.error }));
    if (!reply.ok) throw new Error(body.error || texts.error);
    return body;
  };

  /** Read one picture. `urgent`: somebody draws and waits, so the server answers this before other work. */
  D.read = async (blob, { details = "ink", model = "", urgent = false, name = "drawing.png" } = {}) => {
    const form = new FormData();
    form.append("files", blob, name);
    const query = new URLSearchParams({ details });
    for (const one of model.split("+").filter(Boolean)) query.append("model", one);
    const headers = urgent ? { Priority: "u=0" } : {};
    return (await D.ask("predict?" + query, { method: "POST", body: form, headers })).rows[0];
  };

  D.fetchExample = async (name) => new File([await (await fetch(`${base}examples/${name}`)).blob()], name);

  /** Fill `host` with a button for each example drawing; `take` gets its file. */
  D.showExamples = (host, take) => {
    for (const name of D.examples) {
      const label = D.fill(texts.example, { name: name.replace(/\.\w+$/, "") });
      const button = D.make(`<button type="button" aria-label="${label}"><img src="${base}examples/${name}" alt=""></button>`);
      button.addEventListener("click", async () => take(await D.fetchExample(name)));
      host.append(button);
    }
  };

  const skeleton = () => `
    <section class="card answer" data-status="empty">
      <div class="answer-top">
        <div class="big" aria-hidden="true"></div>
        <div class="words"><p class="says"></p><p class="detail"></p></div>
        <figure class="sees"><img alt="" width="28" height="28"><figcaption>${texts.sees}</figcaption></figure>
      </div>
      <ol class="bars" aria-label="${texts.bars}">
        ${[...Array(10).keys()].map((d) => `<li data-digit="${d}"><span class="percent"></span>
          <span class="bar"><i></i></span><b>${d}</b></li>`).join("")}
      </ol>
      <div class="beside" hidden></div>
      <p class="only-heard" aria-live="polite"></p>
      <div class="correct" hidden>
        <p class="correct-ask">${texts.wrong}</p>
        <div class="ten" role="group" aria-label="${texts.wrong}">
          ${[...Array(10).keys()].map((d) => `<button type="button" data-digit="${d}" aria-label="${D.fill(
            texts.right, { digit: d })}">${d}</button>`).join("")}
        </div>
        <p class="kept"><span class="kept-now" role="status"></span>
          <button type="button" class="link undo" hidden>${texts.undo}</button>
          <span class="kept-count"></span> <a class="export" hidden href="${base}api/feedback/export"
          download>${texts.export}</a></p>
      </div>
    </section>`;

  const BLANK = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==";

  D.Card = class {
    constructor(host, ask = texts.ask, askDetail = texts.askDetail) {
      this.root = D.make(skeleton());
      host.replaceChildren(this.root);
      this.empty = [ask, askDetail];
      this.source = null; // () => {blob, model}: what a correction would keep
      for (const part of ["big", "says", "detail", "correct", "undo", "export"]) this[part] = this.root.querySelector("." + part);
      this.seen = this.root.querySelector(".sees img");
      this.heard = this.root.querySelector(".only-heard");
      this.bars = [...this.root.querySelectorAll(".bars li")];
      this.root.querySelector(".ten").addEventListener("click", (event) => this.keep(event));
      this.undo.addEventListener("click", () => this.takeBack());
      this.clear();
    }

    clear() {
      this.root.dataset.status = "empty";
      this.#write("?", ...this.empty);
      this.#fillBars([], null);
      this.seen.src = BLANK;
      this.seen.alt = "";
      this.correct.hidden = true;
      this.showBeside([], []);
      this.heard.textContent = "";
    }

    /** Show one row of /api/predict; `spoken` also tells it to screen readers (at the end of a stroke, not during it). */
    show(row, spoken = true) {
      const [digit, p] = [row.digit, [...Array(10).keys()].map((d) => row["p" + d] ?? 0)];
      const top = p.indexOf(Math.max(...p));
      const values = { digit: digit ?? top, percent: D.percent(row.confidence ?? 0) };
      this.root.dataset.status = row.status;
      this.#write(digit ?? (row.status === "blank" ? "?" : "–"), D.fill(texts[row.status], values), this.#detail(row, top));
      this.#fillBars(row.status === "blank" ? [] : p, digit);
      this.seen.src = row.ink || BLANK;
      this.seen.alt = row.ink ? texts.sees : "";
      if (this.correct.hidden !== (row.status === "blank")) this.correct.hidden = row.status === "blank";
      if (spoken) this.heard.textContent = this.says.textContent + " " + this.detail.textContent;
      if (spoken) this.#forget();
    }

    /** Below the answer, what each of several models says; hidden without any. */
    showBeside(names, rows) {
      const host = this.root.querySelector(".beside");
      host.hidden = !rows.length;
      host.replaceChildren(...rows.map((row, i) => D.make(`<div><span>${names[i]}</span><b>${row.digit ?? "–"}</b>
        <span>${D.percent(row.confidence)}</span><span class="mini">${[...Array(10).keys()].map(
          (d) => `<i style="height:${100 * row["p" + d]}%"></i>`).join("")}</span></div>`)));
    }

    fail(sentence) {
      this.clear();
      this.root.dataset.status = "error";
      this.#write("!", texts.error, sentence);
      this.heard.textContent = sentence;
    }

    #detail(row, top) {
      if (row.status === "blank") return "";
      const guess = { digit: row.runner_up, percent: D.percent(row.runner_up_confidence) };
      if (row.digit === null) return D.fill(texts.closest, { digit: top, percent: D.percent(row.confidence) });
      const sure = D.fill(texts.sure, { percent: D.percent(row.confidence) });
      const second = row.runner_up_confidence >= 0.0005 ? ", " + D.fill(texts.runnerUp, guess) : "";
      const why = row.status === "unsure" && row.reason && !row.reason.startsWith("could be") ? row.reason + "; " : "";
      return why + sure + second;
    }

    #write(big, says, detail) {
      this.big.textContent = big;
      this.says.textContent = says;
      this.detail.textContent = detail;
    }

    #fillBars(p, digit) {
      this.bars.forEach((bar, d) => {
        const value = p[d] ?? 0;
        bar.classList.toggle("top", d === digit);
        bar.querySelector("i").style.transform = `scaleY(${value})`;
        bar.querySelector(".percent").textContent = value >= 0.01 ? D.number(value) : "";
        bar.setAttribute("aria-label", D.fill(texts.bar, { digit: d, percent: D.percent(value) }));
      });
    }

    // ------------------------------------------------------------ corrections

    async keep(event) {
      const label = event.target.dataset.digit;
      if (label === undefined || !this.source) return;
      const { blob, model } = this.source();
      const form = new FormData();
      form.append("file", blob, "picture.png");
      form.append("label", label);
      const query = new URLSearchParams(model ? model.split("+").map((name) => ["model", name]) : []);
      try {
        const kept = await D.ask("feedback?" + query, { method: "POST", body: form });
        this.key = kept.key;
        this.#tell(D.fill(texts.saved, { digit: label }), kept.count);
      } catch (error) {
        this.#tell(error.message, null);
      }
    }

    async takeBack() {
      try {
        const kept = await D.ask("feedback/" + this.key, { method: "DELETE" });
        this.key = null;
        this.#tell(texts.undone, kept.count);
      } catch (error) {
        this.#tell(error.message, null);
      }
    }

    #forget() {
      this.key = null;
      this.#tell("", null);
      if (!this.counted) D.ask("feedback").then((kept) => this.#count(kept.count), () => {});
      this.counted = true;
    }

    #tell(sentence, count) {
      this.root.querySelector(".kept-now").textContent = sentence;
      this.undo.hidden = !this.key;
      if (count !== null) this.#count(count);
    }

    #count(n) {
      const text = n === 0 ? texts.countNone : n === 1 ? texts.countOne : D.fill(texts.count, { n: n.toLocaleString("en") });
      this.root.querySelector(".kept-count").textContent = text;
      this.export.hidden = n === 0 || !D.exports;
    }
  };
})();
