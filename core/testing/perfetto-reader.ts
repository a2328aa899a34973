/** Reads a Perfetto trace the way its importer does, strictly: a second opinion on core/formats/perfetto-trace.ts. Throws on what does not fit. */

/** A field of a message: number, wire type, and its value. */
interface Field {
  readonly field: number;
  readonly value: number | Uint8Array;
}

function readFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    let scale = 1;
    for (let count = 0; ; count++) {
      const byte = bytes[at++];
      if (byte === undefined || count === 10) throw new Error(`a varint breaks off at byte ${at}`);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const [field, wireType] = [Math.floor(key / 8), key % 8];
    if (wireType === 0) fields.push({ field, value: varint() });
    else if (wireType === 1) {
      if (at + 8 > bytes.length) throw new Error('a double breaks off');
      fields.push({ field, value: new DataView(bytes.buffer, bytes.byteOffset + at, 8).getFloat64(0, true) });
      at += 8;
    } else if (wireType === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new Error(`field ${field} is longer than its message`);
      fields.push({ field, value: bytes.subarray(at, at + length) });
      at += length;
    } else throw new Error(`wire type ${wireType} does not occur in traces`);
  }
  return fields;
}

const message = (fields: readonly Field[], field: number): Field[] | undefined => {
  const found = fields.find((it) => it.field === field)?.value;
  return found instanceof Uint8Array ? readFields(found) : undefined;
};
const number = (fields: readonly Field[], field: number): number | undefined => {
  const found = fields.find((it) => it.field === field)?.value;
  return typeof found === 'number' ? found : undefined;
};
/** UTF-8 as text; a byte that begins nothing is an error (URIError), as in any strict decoder. */
function utf8Text(bytes: Uint8Array): string {
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
}
const text = (fields: readonly Field[], field: number): string | undefined => {
  const found = fields.find((it) => it.field === field)?.value;
  return found instanceof Uint8Array ? utf8Text(found) : undefined;
};

export interface ReadSlice {
  readonly fromNs: number;
  readonly toNs: number;
  readonly name: string;
  readonly depth: number;
  readonly facts: Readonly<Record<string, string | number>>;
}

export interface ReadTrack {
  readonly name: string;
  readonly process: string;
  readonly unit: string | undefined; // of a counter
  readonly slices: ReadSlice[];
  readonly instants: { readonly atNs: number; readonly name: string }[];
  readonly points: { readonly atNs: number; readonly value: number }[];
}

/** All tracks of a trace that are not a process's own. */
export function readPerfettoTrace(bytes: Uint8Array): ReadTrack[] {
  const tracks = new Map<number, ReadTrack>();
  const processes = new Map<number, string>();
  const open = new Map<number, { fromNs: number; name: string; facts: Record<string, string | number> }[]>();
  let before = 0;
  let cleared = false;
  for (const { field, value } of readFields(bytes)) {
    if (field !== 1 || !(value instanceof Uint8Array)) throw new Error('a trace holds packets only');
    const packet = readFields(value);
    if (number(packet, 10) === undefined) throw new Error('a packet has no sequence');
    if (number(packet, 13) === 1) cleared = true;
    if (!cleared) throw new Error('the first packet must clear the incremental state');
    const descriptor = message(packet, 60);
    if (descriptor !== undefined) readDescriptor(descriptor, processes, tracks);
    const event = message(packet, 11);
    if (event === undefined) continue;
    const atNs = number(packet, 8);
    if (atNs === undefined || atNs < before) throw new Error(`the event at ${atNs} stands after one at ${before}`);
    before = atNs;
    readEvent(event, atNs, tracks, open);
  }
  for (const [uuid, slices] of open) if (slices.length > 0) throw new Error(`track ${uuid} has a slice without an end`);
  return [...tracks.values()];
}

function readDescriptor(descriptor: Field[], processes: Map<number, string>, tracks: Map<number, ReadTrack>): void {
  const uuid = number(descriptor, 1);
  if (uuid === undefined || processes.has(uuid) || tracks.has(uuid)) throw new Error(`the track number ${uuid} is missing or taken`);
  const process = message(descriptor, 3);
  if (process !== undefined) {
    processes.set(uuid, text(process, 6) ?? '');
    return;
  }
  const counter = message(descriptor, 8);
  const parent = processes.get(number(descriptor, 5) ?? -1);
  if (parent === undefined) throw new Error(`track ${uuid} has no process`);
  const name = text(descriptor, 2) ?? '';
  tracks.set(uuid, { name, process: parent, unit: counter === undefined ? undefined : (text(counter, 6) ?? ''), slices: [], instants: [], points: [] });
}

function readEvent(event: Field[], atNs: number, tracks: Map<number, ReadTrack>, open: Map<number, { fromNs: number; name: string; facts: Record<string, string | number> }[]>): void {
  const uuid = number(event, 11) ?? -1;
  const track = tracks.get(uuid);
  if (track === undefined) throw new Error(`an event names the unknown track ${uuid}`);
  const stack = open.get(uuid) ?? [];
  open.set(uuid, stack);
  switch (number(event, 9)) {
    case 1: {
      const facts: Record<string, string | number> = {};
      for (const { field, value } of event) {
        if (field !== 4 || !(value instanceof Uint8Array)) continue;
        const fact = readFields(value);
        facts[text(fact, 10) ?? ''] = text(fact, 6) ?? number(fact, 5) ?? '';
      }
      stack.push({ fromNs: atNs, name: text(event, 23) ?? '', facts });
      return;
    }
    case 2: {
      const slice = stack.pop();
      if (slice === undefined) throw new Error(`a slice ends at ${atNs} that never began`);
      track.slices.push({ ...slice, toNs: atNs, depth: stack.length });
      return;
    }
    case 3: track.instants.push({ atNs, name: text(event, 23) ?? '' }); return;
    case 4: {
      if (track.unit === undefined) throw new Error('a counter value on a track of slices');
      track.points.push({ atNs, value: number(event, 44) ?? Number.NaN });
      return;
    }
    default: throw new Error(`event type ${number(event, 9)} does not occur`);
  }
}
