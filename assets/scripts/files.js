/* Which files are read, and in which portions. Pure; tested by tests/scripts/files.test.js. */

export const HIDDEN = "hidden";
export const NOT_A_PICTURE = "not a picture"; // the kinds that batch_processor.py counts, too

const extension = (name) => /\.[^./]*$/.exec(name)?.[0].toLowerCase() ?? "";

/** Why a file found in a folder or an archive is passed over, or "". */
export function unwanted(name, extensions) {
  if (name.split("/").some((part) => part.startsWith(".") || part === "__MACOSX")) return HIDDEN;
  return extensions.includes(extension(name)) ? "" : NOT_A_PICTURE;
}

/** Part jobs, {name, found}, into those to read, by name, and the names passed over by kind; what was named is read. */
export function sift(jobs, extensions) {
  const [wanted, passed] = [[], {}];
  for (const job of jobs) {
    const kind = job.found ? unwanted(job.name, extensions) : "";
    if (!kind) wanted.push(job);
    else passed[kind] = [...(passed[kind] ?? []), job.name];
  }
  return [wanted.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name))), passed];
}

/** Jobs, {size}, in portions of at most `most` files and, but for a single larger one, `bytes`. */
export function portions(jobs, most, bytes) {
  const parts = [];
  let size = Number.POSITIVE_INFINITY;
  for (const job of jobs) {
    if (size + job.size > bytes || parts.at(-1).length === most) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1).push(job);
    size += job.size;
  }
  return parts;
}
