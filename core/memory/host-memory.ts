/**
 * One host's WebAssembly.Memory with typed views over it, laid out by
 * core/protocol/host-memory-layout. The memory is created at its full size and never grows, so the
 * views stay valid for its whole life. Left out: NUMA nodes, memory above the declared maximum,
 * ECC.
 */
import { assert } from '../base/assert.ts';
import {
  FRAME_COUNT_MAX,
  HART_ADDRESS,
  HART_COUNT_MAX,
  HART_STRIDE,
  HEADER_ADDRESS,
  HOST_MEMORY_MAXIMUM_PAGES,
  type HostMemoryLayout,
  headerWord,
  hostMemoryLayout,
  TLB_TABLE_SIZE,
  tlbOffset,
} from '../protocol/host-memory-layout.ts';

/** A host's memory and its views. All views cover the whole buffer. */
export interface HostMemory {
  readonly memory: WebAssembly.Memory;
  readonly layout: HostMemoryLayout;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly unsigned: Uint32Array;
  readonly view: DataView;
  readonly longs: BigInt64Array;
}

/**
 * Heat epoch of a new host: frames never written (stamp 0) are then half a circle old, that is
 * cold.
 */
export const HEAT_EPOCH_INITIAL = 128;

/**
 * Makes the memory of a host with `frameCount` frames (1 … FRAME_COUNT_MAX) and its header, with
 * empty TLBs; or puts views over `existing`, which a host of the same size has made before.
 */
export function makeHostMemory(frameCount: number, existing?: WebAssembly.Memory): HostMemory {
  assert(
    Number.isInteger(frameCount) && frameCount >= 1 && frameCount <= FRAME_COUNT_MAX,
    `a host has 1 … ${FRAME_COUNT_MAX} frames, not ${frameCount}`,
  );
  const layout = hostMemoryLayout(frameCount);
  const memory =
    existing ??
    new WebAssembly.Memory({
      initial: layout.pageCount,
      maximum: HOST_MEMORY_MAXIMUM_PAGES,
      shared: true,
    });
  const buffer = memory.buffer;
  assert(buffer.byteLength === layout.pageCount * 0x10000, 'the memory has the size of its layout');
  const host: HostMemory = {
    memory,
    layout,
    bytes: new Uint8Array(buffer),
    words: new Int32Array(buffer),
    unsigned: new Uint32Array(buffer),
    view: new DataView(buffer),
    longs: new BigInt64Array(buffer),
  };
  if (existing === undefined) writeHeader(host);
  return host;
}

function writeHeader(host: HostMemory): void {
  const header = HEADER_ADDRESS >> 2;
  host.words[header + headerWord.frameCount] = host.layout.frameCount;
  host.words[header + headerWord.ramAddress] = host.layout.ramAddress;
  host.words[header + headerWord.guestMapAddress] = host.layout.guestMapAddress;
  host.words[header + headerWord.heatEpoch] = HEAT_EPOCH_INITIAL;
  for (let slot = 0; slot < HART_COUNT_MAX; slot++) {
    const tables = (HART_ADDRESS + slot * HART_STRIDE + tlbOffset.read) >> 2;
    host.words.fill(-1, tables, tables + (6 * TLB_TABLE_SIZE) / 4);
  }
}

/** Address in the memory of a host frame's first byte. */
export function frameAddress(host: HostMemory, frame: number): number {
  return host.layout.ramAddress + frame * 4096;
}

/** Host frame that holds the byte at `address`, which lies in the RAM part of the memory. */
export function frameOfAddress(host: HostMemory, address: number): number {
  return (address - host.layout.ramAddress) >>> 12;
}
