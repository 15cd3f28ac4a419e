/* What was dropped or chosen -> files to read: folders are walked, archives opened. */
import { unzip } from "./unzip.js";

/** The files that were dropped, [{name, file, found}]; those of folders, in `entries`, are `found` there. */
export async function droppedFiles(entries, files) {
  const found = entries.length ? [] : files.map((file) => ({ name: file.name, file }));
  for (const entry of entries) await walk(entry, found, entry.isDirectory);
  return found;
}

async function walk(entry, found, isFound) {
  if (entry.isFile) {
    const file = await new Promise((done, fail) => entry.file(done, fail));
    found.push({ name: entry.fullPath.replace(/^\//, ""), file, found: isFound });
    return;
  }
  const reader = entry.createReader();
  const some = () => new Promise((done, fail) => reader.readEntries(done, fail)); // a browser lists them in parts
  for (let part = await some(); part.length; part = await some()) {
    for (const one of part) await walk(one, found, true);
  }
}

/** Open archives: return jobs, {name, size, found, blob()}, for all that was chosen. An archive that cannot be opened is
    a job that cannot be read; alone, it rejects. */
export async function opened(named) {
  const jobs = [];
  for (const { name, file, found } of named) {
    if (/\.zip$/i.test(name)) {
      const members = unzip(file).then(inArchive(name));
      jobs.push(...(await (named.length > 1 ? members.catch(unreadable(name)) : members)));
    } else jobs.push({ name, size: file.size, found, blob: async () => file });
  }
  return jobs;
}

const inArchive = (name) => (members) =>
  members.map((member) => ({ ...member, name: `${name}/${member.name}`, found: true }));

const unreadable = (name) => (error) => [{ name, size: 0, blob: () => Promise.reject(error) }];
