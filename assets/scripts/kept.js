/* What a reload finds again, the batch and the form that is drawn: in the browser's IndexedDB, because pictures fit in
   nothing smaller. Shown to this window alone, and not kept at all where the browser has no room or forbids it. */
const WINDOW = "digits-window";
const STORES = ["batches", "forms"];
const WEEK_MS = 7 * 24 * 3600 * 1000;

/** This window's name; it begins with when it was opened, so that older ones can be told. */
const key = () => {
  if (!sessionStorage.getItem(WINDOW))
    sessionStorage.setItem(WINDOW, `${Date.now()}-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`);
  return sessionStorage.getItem(WINDOW);
};

const settled = (request) =>
  new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });

async function withStore(name, act) {
  try {
    const opening = indexedDB.open("digits", 2);
    opening.onupgradeneeded = () => {
      const { result } = opening;
      for (const store of STORES) if (!result.objectStoreNames.contains(store)) result.createObjectStore(store);
    };
    const db = await settled(opening);
    const answer = await settled(act(db.transaction(name, "readwrite").objectStore(name)));
    db.close();
    return answer;
  } catch {
    return undefined;
  }
}

export const recall = () => withStore("batches", (store) => store.get(key()));

/** Keep `thing` in the place of whatever was kept before, by this window or another. */
export const keep = (thing) =>
  withStore("batches", (store) => {
    store.clear();
    return store.put(thing, key());
  });

export const recallForm = () => withStore("forms", (store) => store.get(key()));

/** Keep the form that is drawn; other windows keep theirs, until they are a week old. */
export const keepForm = (form) =>
  withStore("forms", (store) => {
    store.delete(IDBKeyRange.upperBound(String(Date.now() - WEEK_MS)));
    return store.put(form, key());
  });
