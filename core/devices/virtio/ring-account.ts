/**
 * A split virtqueue for inspectors: the rings as they lie in guest memory, how far driver and device are, and the
 * chains that wait, are in flight or were returned last. Nothing is trusted and nothing changes: work is bounded
 * whatever the guest wrote, and what no device could take is told as the device would tell it.
 *
 *   available ring   … returned │ in flight │ waiting │ free …
 *                               nextUsed    nextAvailable   index in memory
 *
 * Devices of this house return chains in the order in which they took them, so that those in flight are the entries
 * between the two. Standard: VIRTIO 1.2 §2.7.
 */
import { hexadecimal } from '../../memory/index.ts';
import type { DeviceFacts, QueueFacts, RingChain, RingDescriptor, RingFacts } from '../../protocol/machine-inspection.ts';
import { commonFeature, status, type VirtioCore } from './core.ts';
import { type QueueMemory, type QueueState, readChain } from './queue.ts';

/** Guest memory, to be read only. */
export type RingMemory = Pick<QueueMemory, 'read'>;

/** Chains of each place in one account, and descriptors shown of one chain. */
const CHAINS_MAX = 16;
const RETURNED_MAX = 8;
const LINKS_MAX = 32;
const [NEXT, WRITE, INDIRECT] = [1, 2, 4] as const;

/** Names of the queues of each kind of device, by the standard's chapters 5.1 to 5.5. */
const QUEUE_NAMES: Readonly<Record<string, readonly string[]>> = {
  net: ['receive', 'transmit'], block: ['requests'], console: ['receive', 'transmit'], entropy: ['requests'], balloon: ['inflate', 'deflate'],
};
const FEATURE_NAMES = { indirectDescriptors: 'indirect descriptors', eventIndex: 'event index', version1: 'version 1' } as const;

const queueName = (core: VirtioCore, queue: number): string => QUEUE_NAMES[core.device.name]?.[queue] ?? `queue ${queue}`;

function read16(memory: RingMemory, address: number): number {
  const bytes = memory.read(address, 2);
  return bytes === undefined ? -1 : bytes[0]! | (bytes[1]! << 8);
}

/** Indices of a queue: −1 where memory cannot be read. */
function indices(queue: QueueState, memory: RingMemory) {
  const availableIndex = queue.ready ? read16(memory, queue.availableAddress + 2) : -1;
  const usedIndex = queue.ready ? read16(memory, queue.usedAddress + 2) : -1;
  const inFlight = (queue.nextAvailable - queue.nextUsed) & 0xffff;
  const waiting = availableIndex < 0 ? 0 : (availableIndex - queue.nextAvailable) & 0xffff;
  let fault = '';
  if (queue.ready && availableIndex < 0) fault = 'the available ring lies outside RAM';
  else if (queue.ready && usedIndex < 0) fault = 'the used ring lies outside RAM';
  else if (waiting > queue.size) fault = `${waiting} entries are available in a queue of ${queue.size}`;
  else if (inFlight > queue.size) fault = `${inFlight} entries are in flight in a queue of ${queue.size}`;
  else if (queue.ready && usedIndex !== queue.nextUsed) fault = `the used ring's index is ${usedIndex}; the device left it at ${queue.nextUsed}`;
  return { availableIndex, usedIndex, waiting, inFlight, fault };
}

/** A device in brief. */
export function virtioFacts(core: VirtioCore, memory: RingMemory): Pick<DeviceFacts, 'status' | 'features' | 'failure' | 'queues' | 'counters'> {
  const queues = core.queues.map((queue, index): QueueFacts => {
    const { waiting, inFlight, fault } = indices(queue, memory);
    return { queue: index, name: queueName(core, index), size: queue.size, ready: queue.ready, waiting: Math.min(waiting, queue.size), inFlight: Math.min(inFlight, queue.size), fault };
  });
  const words = Object.entries({ acknowledge: 'acknowledged', driver: 'driver found', featuresOk: 'features agreed', driverOk: 'driver ready', needsReset: 'needs reset', failed: 'driver failed' });
  return {
    status: words.filter(([name]) => (core.status & status[name as keyof typeof status]) !== 0).map(([, text]) => text),
    features: (Object.keys(FEATURE_NAMES) as (keyof typeof FEATURE_NAMES)[]).filter((name) => core.has(commonFeature[name])).map((name) => FEATURE_NAMES[name]),
    failure: core.failure, queues,
    counters: Object.entries(core.report().counters).map(([name, value]) => ({ name, value })),
  };
}

/** One queue with its chains; undefined when the device has no such queue. */
export function ringFacts(core: VirtioCore, memory: RingMemory, slot: number, index: number): RingFacts | undefined {
  const queue = core.queues[index];
  if (queue === undefined) return undefined;
  const told = indices(queue, memory);
  const eventIndex = core.has(commonFeature.eventIndex);
  const indirect = core.has(commonFeature.indirectDescriptors);
  const waiting = Math.min(told.waiting, queue.size);
  const inFlight = Math.min(told.inFlight, queue.size);
  const heads = queue.ready && told.availableIndex >= 0 ? headsOf(queue, memory, waiting, inFlight) : [];
  const chains: RingChain[] = heads.map(({ head, place, at }) => chainFacts(queue, memory, { head, place, at }, indirect));
  const returned = queue.ready && told.usedIndex >= 0 ? returnedChains(queue, memory) : [];
  return {
    view: 'queue', device: core.device.name, slot, queue: index, name: queueName(core, index), size: queue.size, ready: queue.ready,
    descriptorAddress: hexadecimal(queue.descriptorAddress), availableAddress: hexadecimal(queue.availableAddress), usedAddress: hexadecimal(queue.usedAddress),
    availableIndex: told.availableIndex, nextAvailable: queue.nextAvailable, usedIndex: told.usedIndex, nextUsed: queue.nextUsed,
    usedEvent: queue.ready && eventIndex ? read16(memory, queue.availableAddress + 4 + queue.size * 2) : -1,
    availableFlags: queue.ready ? Math.max(0, read16(memory, queue.availableAddress)) : 0,
    usedFlags: queue.ready ? Math.max(0, read16(memory, queue.usedAddress)) : 0,
    waiting, inFlight, descriptorStates: descriptorStates(queue, memory, waiting, inFlight),
    chains: [...chains, ...returned], chainsLeftOut: waiting + inFlight - chains.length, fault: told.fault,
  };
}

interface Head {
  readonly head: number;
  readonly place: 'waiting' | 'in flight';
  readonly at: number; // slot of the available ring
}

/** The first entries in flight and the first that wait. */
function headsOf(queue: QueueState, memory: RingMemory, waiting: number, inFlight: number, most = CHAINS_MAX): Head[] {
  const range = (first: number, count: number, place: Head['place']) =>
    Array.from({ length: Math.min(count, most) }, (_, offset): Head => {
      const at = ((first + offset) & 0xffff) % queue.size;
      return { head: read16(memory, queue.availableAddress + 4 + at * 2), place, at };
    });
  return [...range(queue.nextUsed, inFlight, 'in flight'), ...range(queue.nextAvailable, waiting, 'waiting')];
}

function chainFacts(queue: QueueState, memory: RingMemory, { head, place, at }: Head, indirect: boolean): RingChain {
  const none = { head, place, slot: at, written: -1, readableBytes: 0, writableBytes: 0 };
  if (head < 0 || head >= queue.size) return { ...none, descriptors: [], fault: `a chain begins at descriptor ${head} of ${queue.size}` };
  // The device's own reader judges; a port that cannot write keeps it from touching anything.
  const read = readChain(queue, { read: (address, byteCount) => memory.read(address, byteCount), write: () => false }, head, indirect);
  const descriptors = linksOf(queue, memory, head);
  if ('fault' in read) return { ...none, descriptors, fault: read.fault };
  return { ...none, descriptors, readableBytes: read.readableBytes, writableBytes: read.writableBytes, fault: '' };
}

/** The first descriptors of a chain as they lie in memory, sound or not. */
function linksOf(queue: QueueState, memory: RingMemory, head: number): RingDescriptor[] {
  const links: RingDescriptor[] = [];
  let table = { address: queue.descriptorAddress, entries: queue.size, indirect: false };
  let index = head;
  while (links.length < LINKS_MAX && index < table.entries) {
    const bytes = memory.read(table.address + index * 16, 16);
    if (bytes === undefined) break;
    const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
    const flags = view.getUint16(12, true);
    const address = view.getBigUint64(0, true);
    const byteCount = view.getUint32(8, true);
    const names = [(flags & NEXT) !== 0 ? 'NEXT' : '', (flags & WRITE) !== 0 ? 'WRITE' : '', (flags & INDIRECT) !== 0 ? 'INDIRECT' : ''].filter((name) => name !== '');
    const next = (flags & NEXT) === 0 ? -1 : view.getUint16(14, true);
    links.push({ index, address: hexadecimal(address), byteCount, flags: names.join(' '), next, indirect: table.indirect });
    if ((flags & INDIRECT) !== 0) {
      if (table.indirect) break;
      table = { address: Number(address), entries: Math.floor(byteCount / 16), indirect: true };
      index = 0;
    } else if (next < 0) {
      break;
    } else {
      index = next;
    }
  }
  return links;
}

/** What came back last, as the used ring tells it. */
function returnedChains(queue: QueueState, memory: RingMemory): RingChain[] {
  return Array.from({ length: Math.min(RETURNED_MAX, queue.size, queue.nextUsed) }, (_, offset): RingChain => {
    const slot = ((queue.nextUsed - 1 - offset) & 0xffff) % queue.size;
    const bytes = memory.read(queue.usedAddress + 4 + slot * 8, 8);
    const view = bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset, 8);
    const head = view?.getUint32(0, true) ?? -1;
    const fault = view === undefined ? 'the used ring lies outside RAM' : head >= queue.size ? `a chain of descriptor ${head} of ${queue.size} was returned` : '';
    return { head, place: 'returned', slot, descriptors: [], readableBytes: 0, writableBytes: 0, written: view?.getUint32(4, true) ?? 0, fault };
  });
}

/**
 * The descriptor table, a letter a descriptor: 'w' of a chain that waits, 'f' of one in flight, '.' free. Each is
 * counted once, so a circle ends where it began.
 */
function descriptorStates(queue: QueueState, memory: RingMemory, waiting: number, inFlight: number): string {
  const states = new Array<string>(queue.size).fill('.');
  if (!queue.ready) return states.join('');
  for (const { head, place } of headsOf(queue, memory, waiting, inFlight, queue.size)) {
    let index = head;
    while (index >= 0 && index < queue.size && states[index] === '.') {
      states[index] = place === 'waiting' ? 'w' : 'f';
      const bytes = memory.read(queue.descriptorAddress + index * 16 + 12, 4);
      index = bytes === undefined || (bytes[0]! & NEXT) === 0 ? -1 : bytes[2]! | (bytes[3]! << 8);
    }
  }
  return states.join('');
}
