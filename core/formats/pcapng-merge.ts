/**
 * Captures of several ports as one file: one section header, every interface once, all packets by virtual time
 * (at one time, in the order of the captures given). Reads what pcapng.ts writes: one section each,
 * little-endian, times in ns. Standard: draft-ietf-opsawg-pcapng-03, §3, §4.1–4.3.
 */
import { assert } from '../base/assert.ts';
import { ENHANCED_PACKET, INTERFACE_DESCRIPTION, SECTION_HEADER, sectionHeaderBlock } from './pcapng.ts';

interface Block {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** One file of all captures; empty ones are left out. `text` heads it. */
export function mergeCaptures(
  captures: readonly Uint8Array[],
  text: { readonly application: string; readonly comment?: string },
): Uint8Array {
  const interfaces: Uint8Array[] = [];
  const packets: { readonly timeNs: number; readonly bytes: Uint8Array }[] = [];
  for (const capture of captures) {
    const first = interfaces.length;
    for (const { type, bytes } of blocksOf(capture)) {
      if (type === INTERFACE_DESCRIPTION) interfaces.push(bytes);
      else if (type === ENHANCED_PACKET) packets.push(renumbered(bytes, first));
    }
  }
  packets.sort((left, right) => left.timeNs - right.timeNs); // stable: equal times stay in order
  return joined([sectionHeaderBlock(text), ...interfaces, ...packets.map(({ bytes }) => bytes)]);
}

function blocksOf(capture: Uint8Array): Block[] {
  const view = new DataView(capture.buffer, capture.byteOffset, capture.byteLength);
  const blocks: Block[] = [];
  for (let at = 0; at < capture.length; ) {
    const type = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    assert(length >= 12 && at + length <= capture.length, 'a capture consists of whole blocks');
    assert((at === 0) === (type === SECTION_HEADER), 'a capture is one section');
    blocks.push({ type, bytes: capture.subarray(at, at + length) });
    at += length;
  }
  return blocks;
}

/** A packet block whose interfaces begin at number `first` now. */
function renumbered(block: Uint8Array, first: number): { timeNs: number; bytes: Uint8Array } {
  const bytes = block.slice();
  const view = new DataView(bytes.buffer);
  view.setUint32(8, first + view.getUint32(8, true), true);
  return { timeNs: view.getUint32(12, true) * 0x1_0000_0000 + view.getUint32(16, true), bytes };
}

function joined(blocks: readonly Uint8Array[]): Uint8Array {
  const file = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    file.set(block, at);
    at += block.length;
  }
  return file;
}
