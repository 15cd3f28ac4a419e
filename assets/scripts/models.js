/* The models tab: what each network says about itself, the figures of its training, and all of them on the examples. */

import { make } from "./dom.js";
import known from "./known.js";
import { ask, base, fetchExample } from "./server.js";
import { fill, percent } from "./text.js";

const { texts } = known;

const words = (key) => key.replaceAll("_", " ");

/** What was measured, as [name, value] for people; a share is told in percent. */
const measured = (metrics) =>
  Object.entries(metrics)
    .filter(([key, value]) => key in texts.metrics && typeof value === "number")
    .map(([key, value]) => [texts.metrics[key], `${(100 * value).toFixed(2)} %`]);

const list = (pairs) => {
  const host = make("<dl></dl>");
  for (const [name, value] of pairs) {
    const pair = make("<div><dt></dt><dd></dd></div>");
    pair.querySelector("dt").textContent = name;
    pair.querySelector("dd").textContent = value;
    host.append(pair);
  }
  return host;
};

export class Models {
  constructor(root) {
    this.root = root;
    this.#show();
    document.addEventListener("weights", () => this.#show());
  }

  async #show() {
    const problem = this.root.querySelector(".models-problem");
    try {
      const models = await ask("models");
      this.root
        .querySelector(".model-list")
        .replaceChildren(...models.map((model) => this.#card(model, models.length === 1)));
      problem.textContent = "";
      await this.#compare(models);
    } catch (error) {
      problem.textContent = error.message;
    }
  }

  #card(model, open) {
    const card = make(`<details class="card"><summary><h2></h2></summary></details>`);
    card.open = open;
    card.querySelector("h2").textContent = model.name;
    if (model.name in texts.modelFor)
      card.querySelector("h2").after(make(`<p class="note">${texts.modelFor[model.name]}</p>`));
    const size = fill(texts.megabytes, { n: (model.n_bytes / 1e6).toFixed(2) });
    const tested = Object.entries(this.#measured(model)).map(([key, value]) => [texts.measured[key], value]);
    card.querySelector("summary").append(list([...tested, [texts.size, size]]));
    const names = known.figures[model.name] ?? [];
    if (names.length) card.append(this.#figures(model.name, names));
    else card.append(make(`<p class="note">${texts.noFigures}</p>`));
    const rounds = model.config.epochs ? [[texts.rounds, String(model.config.epochs)]] : [];
    const facts = [...measured(model.metrics), ...rounds];
    if (facts.length) card.append(make(`<h3>${texts.training}</h3>`), list(facts));
    return card;
  }

  /** What was measured of these weights; of others by the same name nothing is. */
  #measured({ name, weights_sha256 }) {
    const { weights, ...figures } = known.measured[name] ?? {};
    return !weights || weights === weights_sha256 ? figures : { handwriting: texts.notMeasured };
  }

  #figures(model, names) {
    const host = make(`<div class="figure-list"></div>`);
    host.append(
      ...names.map((name) => {
        const address = `${base}figures/${encodeURIComponent(model)}/${name}`;
        const title = texts.figures[name] ?? words(name.replace(".png", ""));
        return make(`<figure><a href="${address}" target="_blank"><img loading="lazy" src="${address}" alt="${title}"></a>
        <figcaption>${title}</figcaption></figure>`);
      }),
    );
    return host;
  }

  async #compare(models) {
    if (!known.examples.length) return;
    this.root.querySelector(".compared").hidden = false;
    const table = this.root.querySelector(".compared table");
    const heads = known.examples.map((name) => {
      const alt = fill(texts.example, { name: name.replace(/\.\w+$/, "") });
      return `<th><img src="${base}examples/${name}" alt="${alt}"></th>`;
    });
    table.tHead.innerHTML = `<tr><th>${texts.model}</th>${heads.join("")}</tr>`;
    const files = await Promise.all(known.examples.map(fetchExample));
    const asked = models.map((model) => [model.name, [model.name]]);
    if (models.length > 1) asked.push([texts.vote, models.map((model) => model.name)]);
    table.tBodies[0].replaceChildren();
    const lines = asked.map(([name]) => this.#addLine(table.tBodies[0].insertRow(), name));
    for (const [i, [, names]] of asked.entries()) this.#fill(lines[i], await this.#ask(files, names));
  }

  async #ask(files, names) {
    const form = new FormData();
    files.forEach((file) => form.append("files", file, file.name));
    const query = new URLSearchParams(names.map((one) => ["model", one]));
    return (await ask(`predict?${query}`, { method: "POST", body: form })).rows;
  }

  /** Add a model's name and room for its answers, so that nothing moves when they come; return the room. */
  #addLine(line, name) {
    line.insertCell().textContent = name;
    return known.examples.map(() => Object.assign(line.insertCell(), { innerHTML: "<b>·</b><small>…</small>" }));
  }

  #fill(cells, rows) {
    rows.forEach((row, i) => {
      cells[i].dataset.status = row.status;
      cells[i].innerHTML = `<b>${row.digit ?? "?"}</b><small>${percent(row.confidence)}</small>`;
    });
  }
}
