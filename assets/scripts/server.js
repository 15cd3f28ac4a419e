/* Questions to this page's own server. While it cannot be reached every question waits and is asked again by itself. */
import known from "./known.js";

const { texts } = known;
const AT_ONCE = 2; // requests of one batch under way
const AGAIN_MS = 1000; // between two looks whether the server is back
const OF_FILE = [413, 422]; // too large, or no picture
const GATEWAY = [502, 504]; // what a proxy says of a server that is off

export const base = location.pathname.replace(/[^/]*$/, "");

const rest = (ms) => new Promise((done) => setTimeout(done, ms));

const isThere = () =>
  fetch(`${base}api/health`, { signal: AbortSignal.timeout(4000), cache: "no-store" }).then(
    (reply) => !GATEWAY.includes(reply.status),
    () => false,
  );

let back = null; // a promise while the server is away, the same for all who wait

/** Wait until the server answers; say meanwhile that it does not. Resolves at once if it does. */
function whenBack() {
  back ??= waitForServer().finally(() => {
    back = null;
  });
  return back;
}

async function waitForServer() {
  if (await isThere()) return;
  const line = Object.assign(document.createElement("p"), { className: "offline", role: "status" });
  document.body.append(line);
  line.textContent = texts.offline;
  while (!(await isThere())) await rest(AGAIN_MS);
  line.remove();
}

const aborted = (signal) =>
  new Promise((_done, fail) => signal?.addEventListener("abort", () => fail(new DOMException("", "AbortError"))));

/** Fetch what lies at `path`, again and again while the server is away; `waiting` is called when that begins. */
export async function fetchAgain(path, options = {}, waiting = () => {}) {
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      const reply = await fetch(base + path, options);
      const { status, headers } = reply;
      if (!GATEWAY.includes(status)) return new Response(await reply.blob(), { status, headers }); // whole, or not at all
    } catch (error) {
      if (error.name === "AbortError") throw error;
    }
    waiting();
    await Promise.race([whenBack(), aborted(options.signal)]);
  }
  throw new Error(texts.notSent); // the server is there, but this request does not get through
}

/** Ask the server; resolves to JSON, rejects with an Error whose message is a sentence for people; `isOfFile` if what
    was sent cannot be read. */
export async function ask(path, options = {}, waiting = () => {}, attempts = 3) {
  const reply = await fetchAgain(`api/${path}`, options, waiting);
  if (reply.status === 503 && attempts > 1) {
    await rest(1000 * Number(reply.headers.get("Retry-After") || 1));
    return ask(path, options, waiting, attempts - 1);
  }
  const body = await reply.json().catch(() => ({ error: texts.error }));
  if (!reply.ok)
    throw Object.assign(new Error(body.error || texts.error), { isOfFile: OF_FILE.includes(reply.status) });
  return body;
}

/** Read one picture. `urgent`: somebody draws and waits, so the server answers this before other work. */
export async function read(
  blob,
  { details = "ink", model = "", urgent = false, name = "drawing.png", page, waiting } = {},
) {
  const form = new FormData();
  form.append("files", blob, name);
  const query = new URLSearchParams({ details });
  if (page) query.append("page", page);
  for (const one of model.split("+").filter(Boolean)) query.append("model", one);
  const headers = urgent ? { Priority: "u=0" } : {};
  return (await ask(`predict?${query}`, { method: "POST", body: form, headers }, waiting)).rows[0];
}

/** Do `act(item, i)` for each of the items, a few at once, until the signal says stop. */
export async function forEach(items, signal, act) {
  const left = [...items.entries()];
  const worker = async () => {
    while (left.length && !signal.aborted) {
      const [i, item] = left.shift();
      await act(item, i);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

export async function fetchExample(name) {
  return new File([await (await fetchAgain(`examples/${name}`)).blob()], name);
}
