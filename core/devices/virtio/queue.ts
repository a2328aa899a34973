/**
 * The device's side of a split virtqueue: takes chains of descriptors from the rings that the driver
 * keeps in guest memory, and returns them through the used ring. Nothing in guest memory is trusted:
 * each function answers with a value or with a {@link QueueFault}, does bounded work, and reaches
 * memory only through the port. State is a plain record.
 * Left out: packed virtqueues, in-order use.
 * Standard: Virtual I/O Device (VIRTIO) Version 1.2 §2.7.
 */
import type { DmaPort } from '../../machine/index.ts';

/** Guest memory as a device reaches it. */
export interface QueueMemory extends DmaPort {
  /**
   * Whether a range can be read (or written) now: false while a snapshot or a migration holds a page
   * of it. What is no RAM is ready, too: the access then fails. Always ready where this is missing.
   */
  isReady?(address: number, byteCount: number, writes: boolean): boolean;
  /** Whether the device may reach memory at all now (a PCI function that is no bus master may not). Always where missing. */
  isOpen?(): boolean;
}

/** Entries of a queue at most: what QEMU takes, too. The standard's bound is 32,768 (§2.7). */
export const QUEUE_SIZE_MAX = 1024;
/** Descriptors of one chain at most, those of an indirect table included. */
export const CHAIN_LENGTH_MAX = 1024;
/** Bytes of one chain at most: what a device may hold of it at once. */
export const CHAIN_BYTES_MAX = 16 << 20;

/** Descriptor flags (§2.7.5). */
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const DESCRIPTOR_BYTES = 16;
/** The driver wants no interrupts (§2.7.6); only without VIRTIO_F_EVENT_IDX. */
const NO_INTERRUPT = 1;

/** A queue as the driver set it up, and how far the device is. Addresses are guest physical. */
export interface QueueState {
  readonly sizeMax: number;
  size: number;
  ready: boolean;
  descriptorAddress: number;
  availableAddress: number;
  usedAddress: number;
  /** Next entry of the available ring, 0 … 65,535: counts on beyond the ring's size. */
  nextAvailable: number;
  /** Next entry of the used ring, likewise. */
  nextUsed: number;
  /** Entry at which the driver was last told or not told. */
  signalledUsed: number;
}

/** A buffer of guest memory. */
export interface Segment {
  readonly address: number;
  readonly byteCount: number;
}

/** A chain of descriptors that the driver made available. */
export interface Chain {
  /** Index of its first descriptor: names it in the used ring. */
  readonly head: number;
  readonly readable: readonly Segment[];
  readonly writable: readonly Segment[];
  readonly readableBytes: number;
  readonly writableBytes: number;
}

/** What a driver did that no driver may do: a sentence without its end. */
export interface QueueFault {
  readonly fault: string;
}

/** A queue that the driver has not touched. */
export function makeQueue(sizeMax: number): QueueState {
  return {
    sizeMax, size: sizeMax, ready: false, descriptorAddress: 0, availableAddress: 0, usedAddress: 0,
    nextAvailable: 0, nextUsed: 0, signalledUsed: 0,
  };
}

/** Puts a queue back to how {@link makeQueue} made it. */
export function resetQueue(queue: QueueState): void {
  Object.assign(queue, makeQueue(queue.sizeMax));
}

/** Why a queue that the driver enables cannot be used; undefined: it can (§2.7: power of 2, alignments). */
export function queueSetupFault(queue: QueueState): string | undefined {
  const { size } = queue;
  if (size < 1 || size > queue.sizeMax || (size & (size - 1)) !== 0) {
    return `a queue has ${size} entries; a power of two up to ${queue.sizeMax} was expected`;
  }
  if (queue.descriptorAddress % 16 !== 0) return 'a descriptor table is not aligned to 16 bytes';
  if (queue.availableAddress % 2 !== 0) return 'an available ring is not aligned to 2 bytes';
  if (queue.usedAddress % 4 !== 0) return 'a used ring is not aligned to 4 bytes';
  return undefined;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function read16(memory: QueueMemory, address: number): number | undefined {
  const bytes = memory.read(address, 2);
  return bytes === undefined ? undefined : bytes[0]! | (bytes[1]! << 8);
}

/** Entries that the driver made available and the device has not taken. */
export function availableCount(queue: QueueState, memory: QueueMemory): number | QueueFault {
  const index = read16(memory, queue.availableAddress + 2);
  if (index === undefined) return { fault: 'an available ring lies outside RAM' };
  const count = (index - queue.nextAvailable) & 0xffff;
  if (count <= queue.size) return count;
  return { fault: `${count} entries are available in a queue of ${queue.size}` };
}

/** Head of the entry that is taken next; the caller knows that there is one. */
export function peekHead(queue: QueueState, memory: QueueMemory): number | QueueFault {
  const head = read16(memory, queue.availableAddress + 4 + (queue.nextAvailable % queue.size) * 2);
  if (head === undefined) return { fault: 'an available ring lies outside RAM' };
  if (head < queue.size) return head;
  return { fault: `a chain begins at descriptor ${head} of ${queue.size}` };
}

/** Moves past the entry that was taken, and, with VIRTIO_F_EVENT_IDX, asks to hear of the next one (§2.7.10). */
export function advance(queue: QueueState, memory: QueueMemory, eventIndex: boolean): QueueFault | undefined {
  queue.nextAvailable = (queue.nextAvailable + 1) & 0xffff;
  if (!eventIndex) return undefined;
  const { nextAvailable } = queue;
  const bytes = new Uint8Array([nextAvailable & 0xff, nextAvailable >> 8]);
  if (memory.write(queue.usedAddress + 4 + queue.size * 8, bytes)) return undefined;
  return { fault: 'a used ring lies outside RAM' };
}

interface Table {
  readonly address: number;
  readonly entries: number;
}

/** Collects the segments of a chain under way. */
interface Collected {
  readonly readable: Segment[];
  readonly writable: Segment[];
  readableBytes: number;
  writableBytes: number;
}

function collect(into: Collected, address: number, byteCount: number, writes: boolean): string | undefined {
  if (!writes && into.writable.length > 0) return 'a buffer to read follows one to write';
  if (into.readableBytes + into.writableBytes + byteCount > CHAIN_BYTES_MAX) {
    return `a chain has more than ${CHAIN_BYTES_MAX} bytes`;
  }
  (writes ? into.writable : into.readable).push({ address, byteCount });
  if (writes) into.writableBytes += byteCount;
  else into.readableBytes += byteCount;
  return undefined;
}

/** A 64-bit address; what does not fit 53 bits is no RAM anyway. */
function addressAt(bytes: DataView, at: number): number {
  return bytes.getUint32(at + 4, true) * 2 ** 32 + bytes.getUint32(at, true);
}

/**
 * Follows the chain that begins at `head`. §2.7.5: next stays in the table, readable buffers come first;
 * §2.7.5.3: an indirect table is whole, not nested, and ends the chain. A loop is a chain that is too long.
 */
export function readChain(queue: QueueState, memory: QueueMemory, head: number, indirectAllowed: boolean): Chain | QueueFault {
  const found: Collected = { readable: [], writable: [], readableBytes: 0, writableBytes: 0 };
  let table: Table = { address: queue.descriptorAddress, entries: queue.size };
  let isIndirect = false;
  let index = head;
  for (let length = 0; length < CHAIN_LENGTH_MAX; length++) {
    const bytes = memory.read(table.address + index * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
    if (bytes === undefined) return { fault: 'a descriptor lies outside RAM' };
    const descriptor = view(bytes);
    const address = addressAt(descriptor, 0);
    const byteCount = descriptor.getUint32(8, true);
    const flags = descriptor.getUint16(12, true);
    const next = descriptor.getUint16(14, true);
    if (flags & INDIRECT) {
      if (!indirectAllowed || isIndirect) return { fault: 'an indirect table was not agreed on, or lies in another' };
      if (flags & NEXT) return { fault: 'an indirect table does not end its chain' };
      const entries = byteCount / DESCRIPTOR_BYTES;
      if (!Number.isInteger(entries) || entries < 1 || entries > CHAIN_LENGTH_MAX) {
        return { fault: `an indirect table has ${byteCount} bytes` };
      }
      table = { address, entries };
      isIndirect = true;
      index = 0;
      continue;
    }
    const fault = collect(found, address, byteCount, (flags & WRITE) !== 0);
    if (fault !== undefined) return { fault };
    if ((flags & NEXT) === 0) return { head, ...found };
    if (next >= table.entries) return { fault: `a chain goes on at descriptor ${next} of ${table.entries}` };
    index = next;
  }
  return { fault: `a chain has more than ${CHAIN_LENGTH_MAX} descriptors, or goes in a circle` };
}

/** Whether all that serving a chain touches can be touched now. */
export function isChainReady(queue: QueueState, memory: QueueMemory, chain: Chain): boolean {
  if (memory.isReady === undefined) return true;
  const { usedAddress, size } = queue;
  const ready = (segments: readonly Segment[], writes: boolean): boolean =>
    segments.every(({ address, byteCount }) => memory.isReady?.(address, byteCount, writes) !== false);
  return memory.isReady(usedAddress, 6 + size * 8, true) && ready(chain.readable, false) && ready(chain.writable, true);
}

/** Bytes `start` … `start + byteCount` of a chain's readable part, as one; fewer when it ends before. */
export function gather(memory: QueueMemory, chain: Chain, start: number, byteCount: number): Uint8Array | QueueFault {
  const all = new Uint8Array(Math.max(0, Math.min(byteCount, chain.readableBytes - start)));
  let at = -start;
  for (const segment of chain.readable) {
    const skip = Math.max(0, -at);
    const count = Math.min(segment.byteCount - skip, all.length - Math.max(0, at));
    if (count > 0) {
      const bytes = memory.read(segment.address + skip, count);
      if (bytes === undefined) return { fault: 'a buffer lies outside RAM' };
      all.set(bytes, Math.max(0, at));
    }
    at += segment.byteCount;
  }
  return all;
}

/** Writes `bytes` into a chain's writable part from byte `start`; what does not fit is left. */
export function scatter(memory: QueueMemory, chain: Chain, start: number, bytes: Uint8Array): QueueFault | undefined {
  let at = -start;
  for (const segment of chain.writable) {
    const skip = Math.max(0, -at);
    const from = Math.max(0, at);
    const count = Math.min(segment.byteCount - skip, bytes.length - from);
    if (count > 0 && !memory.write(segment.address + skip, bytes.subarray(from, from + count))) {
      return { fault: 'a buffer lies outside RAM' };
    }
    at += segment.byteCount;
  }
  return undefined;
}

/** Returns a chain to the driver: `written` bytes of its writable part hold something new (§2.7.8). */
export function putUsed(queue: QueueState, memory: QueueMemory, head: number, written: number): QueueFault | undefined {
  const element = new Uint8Array(8);
  view(element).setUint32(0, head, true);
  view(element).setUint32(4, written, true);
  const slot = queue.usedAddress + 4 + (queue.nextUsed % queue.size) * 8;
  const next = (queue.nextUsed + 1) & 0xffff;
  const done = memory.write(slot, element) && memory.write(queue.usedAddress + 2, new Uint8Array([next & 0xff, next >> 8]));
  if (!done) return { fault: 'a used ring lies outside RAM' };
  queue.nextUsed = next;
  return undefined;
}

/** Whether the driver wants to hear of what was put since it was last asked (§2.7.7, §2.7.10). */
export function wantsInterrupt(queue: QueueState, memory: QueueMemory, eventIndex: boolean): boolean | QueueFault {
  const { nextUsed, signalledUsed } = queue;
  queue.signalledUsed = nextUsed;
  if (nextUsed === signalledUsed) return false;
  if (!eventIndex) {
    const flags = read16(memory, queue.availableAddress);
    return flags === undefined ? { fault: 'an available ring lies outside RAM' } : (flags & NO_INTERRUPT) === 0;
  }
  const event = read16(memory, queue.availableAddress + 4 + queue.size * 2);
  if (event === undefined) return { fault: 'an available ring lies outside RAM' };
  return ((nextUsed - event - 1) & 0xffff) < ((nextUsed - signalledUsed) & 0xffff);
}
