/* Zip archives, read in the browser: only the members that are pictures, one at a time, nothing written anywhere. */
import known from "./known.js";
import { fill } from "./text.js";

const { texts } = known;
const [END, ENTRY] = [0x06054b50, 0x02014b50];

/** List the members of a zip file: [{name, size, blob()}]. Rejects if it is none, or encrypted. */
export async function unzip(file) {
  const tail = new DataView(await file.slice(Math.max(0, file.size - 65557)).arrayBuffer());
  let at = tail.byteLength - 22;
  while (at >= 0 && tail.getUint32(at, true) !== END) at--;
  if (at < 0) throw new Error(fill(texts.badZip, { name: file.name }));
  const [size, start] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
  const directory = new DataView(await file.slice(start, start + size).arrayBuffer());
  const members = [];
  for (let i = 0; i + 46 <= directory.byteLength && directory.getUint32(i, true) === ENTRY; ) {
    const [flags, method] = [directory.getUint16(i + 8, true), directory.getUint16(i + 10, true)];
    const [packed, full] = [directory.getUint32(i + 20, true), directory.getUint32(i + 24, true)];
    const lengths = [28, 30, 32].map((offset) => directory.getUint16(i + offset, true));
    const offset = directory.getUint32(i + 42, true);
    const name = new TextDecoder().decode(new Uint8Array(directory.buffer, i + 46, lengths[0]));
    if (!name.endsWith("/"))
      members.push({ name, size: full, blob: () => member(file, { flags, method, packed, offset, name }) });
    i += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  return members;
}

async function member(file, { flags, method, packed, offset, name }) {
  if (flags & 1 || ![0, 8].includes(method)) throw new Error(fill(texts.badMember, { name }));
  const header = new DataView(await file.slice(offset, offset + 30).arrayBuffer());
  const start = offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const data = file.slice(start, start + packed);
  if (method === 0) return data;
  return new Response(data.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
}
