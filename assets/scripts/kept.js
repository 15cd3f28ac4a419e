/* One thing, the batch, that a reload finds again: in the browser's IndexedDB, because pictures fit in nothing smaller.
   Shown to this window alone, and not kept at all where the browser has no room or forbids it. */
const WINDOW = "digits-window";
const STORE = "batches";

const key = () => {
  if (!sessionStorage.getItem(WINDOW))
    sessionStorage.setItem(WINDOW, crypto.getRandomValues(new Uint32Array(2)).join("-"));
  return sessionStorage.getItem(WINDOW);
};

const settled = (request) =>
  new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });

async function withStore(act) {
  try {
    const opening = indexedDB.open("digits", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    const db = await settled(opening);
    const answer = await settled(act(db.transaction(STORE, "readwrite").objectStore(STORE)));
    db.close();
    return answer;
  } catch {
    return undefined;
  }
}

export const recall = () => withStore((store) => store.get(key()));

/** Keep `thing` in the place of whatever was kept before, by this window or another. */
export const keep = (thing) =>
  withStore((store) => {
    store.clear();
    return store.put(thing, key());
  });

export const forget = () => withStore((store) => store.delete(key()));
