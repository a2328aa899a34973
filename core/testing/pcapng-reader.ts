/**
 * Reads pcapng files for tests, independently of the writer: block by block, both lengths compared,
 * options walked. Throws at the first thing that the format forbids.
 * Standard: draft-ietf-opsawg-pcapng-03. Little-endian sections only.
 */

export interface ReadPacket {
  readonly interfaceIndex: number;
  readonly timeNs: number;
  readonly originalLength: number;
  readonly bytes: Uint8Array;
  readonly flags: number | undefined;
}

export interface ReadCapture {
  readonly interfaces: readonly {
    readonly linkType: number;
    readonly snapLength: number;
    readonly name: string;
    readonly resolution: number;
  }[];
  readonly packets: readonly ReadPacket[];
  readonly application: string;
}

function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`pcapng: ${what}`);
}

function readOptions(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const options = new Map<number, Uint8Array>();
  let at = 0;
  while (at < bytes.length) {
    must(at + 4 <= bytes.length, 'an option has a head of 4 bytes');
    const code = view.getUint16(at, true);
    const length = view.getUint16(at + 2, true);
    at += 4;
    if (code === 0) {
      must(length === 0 && at === bytes.length, 'the end of options is empty and last');
      return options;
    }
    must(at + length <= bytes.length, 'an option ends inside its block');
    options.set(code, bytes.slice(at, at + length));
    at += (length + 3) & ~3;
  }
  must(bytes.length === 0, 'options end with their end mark');
  return options;
}

/** See the file's head. */
export function readPcapng(file: Uint8Array): ReadCapture {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const interfaces: ReadCapture['interfaces'][number][] = [];
  const packets: ReadPacket[] = [];
  const ascii = (bytes: Uint8Array | undefined) => String.fromCharCode(...(bytes ?? []));
  let application = '';
  let at = 0;
  while (at < file.length) {
    const type = view.getUint32(at, true);
    const total = view.getUint32(at + 4, true);
    must(total % 4 === 0 && at + total <= file.length, 'a block ends inside the file, on 4 bytes');
    must(view.getUint32(at + total - 4, true) === total, 'both lengths of a block are equal');
    const body = file.subarray(at + 8, at + total - 4);
    const words = new DataView(body.buffer, body.byteOffset, body.length);
    must((at === 0) === (type === 0x0a0d0d0a), 'one section header begins the file');
    if (type === 0x0a0d0d0a) {
      must(words.getUint32(0, true) === 0x1a2b3c4d, 'the byte order mark is right');
      must(words.getUint16(4, true) === 1 && words.getUint16(6, true) === 0, 'the version is 1.0');
      application = ascii(readOptions(body.subarray(16)).get(4));
    } else if (type === 1) {
      const options = readOptions(body.subarray(8));
      const [linkType, snapLength] = [words.getUint16(0, true), words.getUint32(4, true)];
      interfaces.push({ linkType, snapLength, name: ascii(options.get(2)), resolution: options.get(9)?.[0] ?? 6 });
    } else if (type === 6) {
      const length = words.getUint32(12, true);
      const options = readOptions(body.subarray(20 + ((length + 3) & ~3)));
      const interfaceIndex = words.getUint32(0, true);
      must(interfaceIndex < interfaces.length, 'a packet belongs to a port that was described');
      packets.push({
        interfaceIndex,
        timeNs: words.getUint32(4, true) * 2 ** 32 + words.getUint32(8, true),
        originalLength: words.getUint32(16, true),
        bytes: body.slice(20, 20 + length),
        flags: options.get(2)?.[0],
      });
    } else throw new Error(`pcapng: a block of type ${type}`);
    at += total;
  }
  return { interfaces, packets, application };
}
