/* The models tab: what each network says about itself, the figures of its training, and all of them on the examples. */
(() => {
  "use strict";
  const D = window.DIGITS;
  const texts = D.texts;

  const figure = (value) => {
    if (typeof value === "boolean" || typeof value === "string") return String(value);
    if (typeof value !== "number") return JSON.stringify(value);
    return Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(4)));
  };

  D.Models = class {
    constructor(root) {
      this.root = root;
      this.#show();
    }

    async #show() {
      const problem = this.root.querySelector(".models-problem");
      try {
        const models = await D.ask("models");
        this.root.querySelector(".model-list").append(...models.map((model) => this.#card(model)));
        this.#figures();
        await this.#compare(models);
        problem.textContent = "";
      } catch (error) {
        problem.textContent = error.message;
      }
    }

    #card(model) {
      const shares = /accuracy|share|rate/;
      const facts = Object.entries(model.metrics).filter(([, value]) => ["number", "string"].includes(typeof value))
        .map(([key, value]) => [key.replaceAll("_", " "), shares.test(key) && value <= 1 ? (100 * value).toFixed(2) + " %" : figure(value)]);
      const training = Object.entries(model.config).map(([key, value]) => `${key.replaceAll("_", " ")}: ${figure(value)}`).join(" · ");
      const list = [
        [texts.architecture, model.architecture], [texts.size, D.fill(texts.megabytes, { n: (model.n_bytes / 1e6).toFixed(2) })],
        [texts.engine, texts.engines[model.engine] ?? model.engine], ...facts,
      ];
      const card = D.make(`<section class="card"><h2></h2><dl></dl><p class="note"></p></section>`);
      card.querySelector("h2").textContent = model.name;
      for (const [name, value] of list) {
        const pair = D.make("<div><dt></dt><dd></dd></div>");
        pair.querySelector("dt").textContent = name;
        pair.querySelector("dd").textContent = value ?? "–";
        card.querySelector("dl").append(pair);
      }
      card.querySelector(".note").textContent = training && `${texts.training}: ${training}`;
      return card;
    }

    #figures() {
      this.root.querySelector(".figures").hidden = !D.figures.length;
      this.root.querySelector(".figure-list").append(...D.figures.map((name) => D.make(
        `<figure><a href="${D.base}figures/${name}" target="_blank"><img loading="lazy" src="${D.base}figures/${name}" alt="${texts.figures[name] ?? name}"></a>
         <figcaption>${texts.figures[name] ?? name}</figcaption></figure>`)));
    }

    async #compare(models) {
      if (!D.examples.length) return;
      const files = await Promise.all(D.examples.map(D.fetchExample));
      const table = this.root.querySelector(".compared table");
      table.tHead.append(D.make(`<table><thead><tr><th>${texts.model}</th>${D.examples.map(
        (name) => `<th><img src="${D.base}examples/${name}" alt="${D.fill(texts.example, { name: name.replace(/\.\w+$/, "") })}"></th>`).join("")}</tr></thead></table>`).querySelector("tr"));
      const asked = models.map((model) => [model.name, [model.name]]);
      if (models.length > 1) asked.push([texts.vote, models.map((model) => model.name)]);
      for (const [name, names] of asked) {
        const form = new FormData();
        files.forEach((file) => form.append("files", file, file.name));
        const told = await D.ask("predict?" + new URLSearchParams(names.map((one) => ["model", one])), { method: "POST", body: form });
        const cells = told.rows.map((row) => `<td data-status="${row.status}"><b>${row.digit ?? "–"}</b><small>${D.percent(row.confidence)}</small></td>`);
        table.tBodies[0].append(D.make(`<table><tbody><tr><td>${name}</td>${cells.join("")}</tr></tbody></table>`).querySelector("tr"));
      }
      this.root.querySelector(".compared").hidden = false;
    }
  };
})();
