/* What the tabs know of each other: the picture that was last drawn or chosen, whether pictures hold one digit or a
   number, and what one tab hands to another. */
const MODE = "digits-mode";

export const shared = { current: null, mode: sessionStorage.getItem(MODE) ?? "one" }; // {blob, page, model, isExample}; one, number

/** Let every tab read pictures as "one" digit or as a "number". */
export function choose(mode) {
  if (mode === shared.mode) return;
  shared.mode = mode;
  sessionStorage.setItem(MODE, mode);
  document.dispatchEvent(new CustomEvent("mode"));
}

const waiting = {}; // tab -> what has come for it before it was shown

export const openTab = (name) => document.dispatchEvent(new CustomEvent("open-tab", { detail: name }));

/** Hand something to a tab, and open it. */
export function arrived(name, parcel) {
  waiting[name] = parcel;
  openTab(name);
  document.dispatchEvent(new CustomEvent("parcel"));
}

/** Let `take` have what arrives for the tab `name`, now and later. */
export function receive(name, take) {
  const look = () => {
    const parcel = waiting[name];
    delete waiting[name];
    if (parcel) take(parcel);
  };
  document.addEventListener("parcel", look);
  look();
}
