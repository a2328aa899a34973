/**
 * What every virtio device does whatever it is and however it is reached: status, features, queues,
 * and the error state. A transport (mmio.ts, pci.ts) gives it registers; a device (block.ts, …) gives
 * it a meaning. Whatever a driver does wrong sets DEVICE_NEEDS_RESET: the device then touches guest
 * memory no more until it is reset, and nobody else notices.
 * Standard: VIRTIO 1.2 §2.1 status, §2.2 features, §2.4 reset, §2.7 split virtqueues, §3.1 initialization.
 */
import { assert } from '../../base/assert.ts';
import { decodeRecord, encodeRecord, type Recorded, type RecordError, type RecordShape, wrongField } from '../../base/record-shape.ts';
import { ok, type Result } from '../../base/result.ts';
import {
  advance,
  availableCount,
  type Chain,
  gather,
  isChainReady,
  makeQueue,
  peekHead,
  putUsed,
  type QueueFault,
  type QueueMemory,
  type QueueState,
  queueSetupFault,
  readChain,
  resetQueue,
  scatter,
  wantsInterrupt,
} from './queue.ts';

/** Bits of the device status (§2.1). */
export const status = {
  acknowledge: 1,
  driver: 2,
  driverOk: 4,
  featuresOk: 8,
  needsReset: 64,
  failed: 128,
} as const;

/** Feature bits that belong to no kind of device (§6). */
export const commonFeature = { indirectDescriptors: 28, eventIndex: 29, version1: 32 } as const;

/** Features as two words: bits 0 to 31 and 32 to 63. */
export type FeatureWords = readonly [number, number];

/** Words with the given bits set. */
export function featureWords(...bits: readonly number[]): FeatureWords {
  const words: [number, number] = [0, 0];
  for (const bit of bits) words[bit >> 5]! |= 1 << (bit & 31);
  return [words[0] >>> 0, words[1] >>> 0];
}

/** A kind of device. It holds its own state; queues and status are the core's. */
export interface VirtioDevice extends Recorded {
  /** 'block', 'console', …: for device trees, inspectors and error texts. */
  readonly name: string;
  /** Device type (§5). */
  readonly deviceId: number;
  /** Feature bits of its kind that it offers. */
  readonly featureBits: readonly number[];
  /** Most entries of each queue: powers of two. */
  readonly queueSizes: readonly number[];
  /** The device configuration space as it is now (§2.5). */
  config(): Uint8Array;
  /** The driver writes a field of it; offset and width as the driver chose. Most devices ignore it. */
  writeConfig(offset: number, byteCount: number, value: number): void;
  /** What it has done, for reports; a device without is told by its queues. */
  readonly counters?: object;
  /** Told once, before anything else. */
  attach(core: VirtioCore): void;
  /** The driver says that a queue has something new; also called again after a wait for pages. */
  onNotify(queue: number): void;
  /** The driver resets the device: forget all that belongs to the driver before. */
  onReset(): void;
  /** When it wants {@link service}; missing or Infinity: never. Unit: ns. */
  readonly dueNs?: number;
  /** Does what is due by itself. */
  service?(nowNs: number): void;
}

/** What an inspector or a report shows of a device. */
export interface VirtioReport {
  readonly name: string;
  readonly status: number;
  /** Why it needs a reset; '' when it does not. */
  readonly failure: string;
  /** Entries taken and returned count modulo 65,536. */
  readonly queues: readonly { readonly size: number; readonly ready: boolean; readonly taken: number; readonly returned: number }[];
  readonly counters: Readonly<Record<string, number>>;
}

/** Where a transport hears what the driver must be told. */
export interface TransportPort {
  /** Buffers of a queue were used. */
  onUsed(queue: number): void;
  /** The configuration space changed, or the device needs a reset. */
  onConfigChange(): void;
}

const RECORD = {
  name: 'virtio', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'deviceId',         width: 'u32',   since: 1 },
    { name: 'status',           width: 'u8',    since: 1 },
    { name: 'configGeneration', width: 'u8',    since: 1 },
    { name: 'failure',          width: 'bytes', since: 1, max: 255 }, // ASCII
    { name: 'driverFeatures0',  width: 'u32',   since: 1 },
    { name: 'driverFeatures1',  width: 'u32',   since: 1 },
    { name: 'stalled',          width: 'u32',   since: 1 }, // queues that wait for pages, a bit each
    { name: 'device',           width: 'bytes', since: 1 }, // the record of its kind
  ],
  // biome-ignore format: a table, one row a line
  lists: [{ name: 'queues', since: 1, max: 32, rows: [
    { name: 'size',              width: 'u32',     since: 1 },
    { name: 'ready',             width: 'flag',    since: 1 },
    { name: 'descriptorAddress', width: 'address', since: 1 },
    { name: 'availableAddress',  width: 'address', since: 1 },
    { name: 'usedAddress',       width: 'address', since: 1 },
    { name: 'nextAvailable',     width: 'u16',     since: 1 },
    { name: 'nextUsed',          width: 'u16',     since: 1 },
    { name: 'signalledUsed',     width: 'u16',     since: 1 },
  ] }],
} as const satisfies RecordShape;

/** See the file's head. */
export class VirtioCore implements Recorded {
  readonly device: VirtioDevice;
  readonly queues: readonly QueueState[];
  /** Status register as the driver reads it. */
  status = 0;
  /** Counts changes of the configuration space, 0 … 255. */
  configGeneration = 0;
  /** Why the device needs a reset; '' when it does not. */
  failure = '';
  private readonly memory: QueueMemory;
  private readonly offered: FeatureWords;
  private driverFeatures: [number, number] = [0, 0];
  private transport: TransportPort | undefined;
  /** Queues whose next chain waits for pages, a bit each. */
  private stalled = 0;

  constructor(device: VirtioDevice, memory: QueueMemory) {
    this.device = device;
    this.memory = memory;
    this.queues = device.queueSizes.map(makeQueue);
    const { indirectDescriptors, eventIndex, version1 } = commonFeature;
    this.offered = featureWords(...device.featureBits, indirectDescriptors, eventIndex, version1);
    device.attach(this);
  }

  /** Connects the transport; once. */
  connect(transport: TransportPort): void {
    assert(this.transport === undefined, 'a device has one transport');
    this.transport = transport;
  }

  /** The device as it stands. */
  report(): VirtioReport {
    const { device, status: bits, failure } = this;
    const queues = this.queues.map(({ size, ready, nextAvailable, nextUsed }) => ({ size, ready, taken: nextAvailable, returned: nextUsed }));
    return { name: device.name, status: bits, failure, queues, counters: { ...device.counters } };
  }

  // What the driver does, through the transport.

  /** Word 0 or 1 of what is offered; 0 for others. */
  deviceFeatures(word: number): number {
    return this.offered[word] ?? 0;
  }

  /** Sets a word of what the driver accepts. Ignored once FEATURES_OK is set (§3.1.1). */
  setDriverFeatures(word: number, value: number): void {
    if (this.status & status.featuresOk) return;
    if (word === 0 || word === 1) this.driverFeatures[word] = value >>> 0;
    else if (value !== 0) this.driverFeatures[1] |= 0x8000_0000; // beyond what exists: never a subset
  }

  /** Word 0 or 1 of what the driver accepted. */
  acceptedFeatures(word: number): number {
    return (this.driverFeatures[word] ?? 0) >>> 0;
  }

  /** Whether a feature was agreed on. */
  has(bit: number): boolean {
    return ((this.driverFeatures[bit >> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  /**
   * The driver writes the status. 0 resets. Bits are never cleared otherwise (§2.1.1). FEATURES_OK
   * stays clear when the features are no subset of the offer, or lack VERSION_1 (§3.1.1, §6.1).
   */
  setStatus(value: number): void {
    if (value === 0) {
      this.reset();
      return;
    }
    const before = this.status;
    let next = before | (value & 0xff & ~status.needsReset);
    if (next & status.featuresOk & ~before && !this.featuresAreSound()) next &= ~status.featuresOk;
    this.status = next;
    if ((next & status.driverOk) !== 0 && (next & status.featuresOk) === 0) {
      this.fail('the driver set DRIVER_OK without FEATURES_OK');
      return;
    }
    // Whatever was made available before counts from now on.
    if ((next & status.driverOk & ~before) === 0) return;
    for (let index = 0; index < this.queues.length; index++) this.notify(index);
  }

  private featuresAreSound(): boolean {
    return this.areSound(...this.driverFeatures);
  }

  /** A subset of what is offered, with VERSION_1. */
  private areSound(low: number, high: number): boolean {
    const foreign = (low & ~this.offered[0]) | (high & ~this.offered[1]);
    return foreign === 0 && (high & (1 << (commonFeature.version1 & 31))) !== 0;
  }

  private reset(): void {
    this.status = 0;
    this.failure = '';
    this.driverFeatures = [0, 0];
    this.stalled = 0;
    for (const queue of this.queues) resetQueue(queue);
    this.device.onReset();
  }

  /** The driver enables a queue that it has set up. What cannot be a queue is an error. */
  enableQueue(index: number): void {
    const queue = this.queues[index];
    if (queue === undefined || queue.ready) return;
    const fault = queueSetupFault(queue);
    if (fault !== undefined) this.fail(fault);
    else queue.ready = true;
  }

  /** The driver says that a queue has something new. */
  notify(index: number): void {
    if (this.isLive() && this.queues[index]?.ready === true) this.device.onNotify(index);
  }

  // What the device does.

  /** Whether the driver is ready and nothing is wrong. */
  isLive(): boolean {
    return (this.status & status.driverOk) !== 0 && (this.status & status.needsReset) === 0;
  }

  /** Enters the error state; the driver is told when it listens (§2.1.2). */
  fail(reason: string): void {
    if (this.status & status.needsReset) return;
    this.status |= status.needsReset;
    this.failure = reason;
    this.stalled = 0;
    if (this.status & status.driverOk) this.transport?.onConfigChange();
  }

  /** The configuration space changed. */
  configChanged(): void {
    this.configGeneration = (this.configGeneration + 1) & 0xff;
    if (this.isLive()) this.transport?.onConfigChange();
  }

  /**
   * Whether something of the kind of a {@link QueueFault} happened: then the device is in its error
   * state.
   */
  private isFault(value: unknown): value is QueueFault {
    if (typeof value !== 'object' || value === null || !('fault' in value)) return false;
    this.fail(String(value.fault));
    return true;
  }

  /** How many chains wait in a queue; 0 when it does not work. */
  waiting(index: number): number {
    const queue = this.queues[index];
    if (queue === undefined || !queue.ready || !this.isLive()) return 0;
    if (this.memory.isOpen?.() === false) {
      this.stalled |= 1 << index;
      return 0;
    }
    const count = availableCount(queue, this.memory);
    return this.isFault(count) ? 0 : count;
  }

  /** The next chain of a queue, not yet taken; undefined: none, or its pages are not ready, or a fault. */
  peek(index: number): Chain | undefined {
    if (this.waiting(index) === 0) return undefined;
    const head = peekHead(this.queues[index]!, this.memory);
    if (this.isFault(head)) return undefined;
    return this.chainAt(index, head);
  }

  /** The chain that begins at a descriptor of a queue; undefined as for {@link peek}. */
  chainAt(index: number, head: number): Chain | undefined {
    const queue = this.queues[index]!;
    const chain = readChain(queue, this.memory, head, this.has(commonFeature.indirectDescriptors));
    if (this.isFault(chain)) return undefined;
    if (isChainReady(queue, this.memory, chain)) return chain;
    this.stalled |= 1 << index;
    return undefined;
  }

  /** Takes the chain that {@link peek} showed. False: a fault. */
  take(index: number): boolean {
    return !this.isFault(advance(this.queues[index]!, this.memory, this.has(commonFeature.eventIndex)));
  }

  /** Bytes of a chain's readable part; undefined on a fault. Fewer than asked when it is shorter. */
  read(chain: Chain, start: number, byteCount: number): Uint8Array | undefined {
    const bytes = gather(this.memory, chain, start, byteCount);
    return this.isFault(bytes) ? undefined : bytes;
  }

  /** Writes into a chain's writable part. False: a fault. */
  write(chain: Chain, start: number, bytes: Uint8Array): boolean {
    return !this.isFault(scatter(this.memory, chain, start, bytes));
  }

  /** Returns a chain to the driver. False: a fault. {@link signal} follows after the last one. */
  put(index: number, head: number, written: number): boolean {
    return !this.isFault(putUsed(this.queues[index]!, this.memory, head, written));
  }

  /** Tells the driver of what was put, when it wants to know. */
  signal(index: number): void {
    if (!this.isLive() || this.memory.isOpen?.() === false) return;
    const wants = wantsInterrupt(this.queues[index]!, this.memory, this.has(commonFeature.eventIndex));
    if (!this.isFault(wants) && wants) this.transport?.onUsed(index);
  }

  /** Whether a queue waits for pages: {@link retry} is due later. */
  isStalled(): boolean {
    return this.stalled !== 0;
  }

  /** Tries again what waited for pages. */
  retry(): void {
    const { stalled } = this;
    this.stalled = 0;
    for (let index = 0; index < this.queues.length; index++) {
      if ((stalled & (1 << index)) !== 0) this.notify(index);
    }
  }

  /**
   * Serves the chains of a queue one after another, as many as it can hold: what a device's own writes
   * make available in its ring waits for the next call. `serve` gives the bytes written, or undefined
   * when a fault ended it.
   */
  drain(index: number, serve: (chain: Chain) => number | undefined): void {
    const most = this.queues[index]?.size ?? 0;
    for (let count = 0; count < most; count++) {
      const chain = this.peek(index);
      if (chain === undefined || !this.take(index)) break;
      const written = serve(chain);
      if (written === undefined || !this.put(index, chain.head, written)) break;
    }
    this.signal(index);
  }

  /** The core's state with that of its kind of device. The transport's registers are in the transport's record. */
  saveRecord(): Uint8Array {
    const { device, status: bits, configGeneration, failure, stalled, queues } = this;
    const [driverFeatures0, driverFeatures1] = this.driverFeatures;
    return encodeRecord(RECORD, {
      deviceId: device.deviceId, status: bits, configGeneration, failure: Uint8Array.from(failure.slice(0, 255), (it) => it.charCodeAt(0) & 127),
      driverFeatures0: driverFeatures0 >>> 0, driverFeatures1: driverFeatures1 >>> 0, stalled, device: device.saveRecord(), queues,
    });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { deviceId, status: bits, configGeneration, failure, driverFeatures0, driverFeatures1, stalled, queues } = read.value;
    if (deviceId !== this.device.deviceId) return wrongField(RECORD, 'deviceId', deviceId);
    const needsReset = (bits & status.needsReset) !== 0;
    const isAgreed = (bits & status.featuresOk) !== 0;
    const works = (bits & status.driverOk) !== 0 && !needsReset;
    if (works && !isAgreed) return wrongField(RECORD, 'status', bits);
    if (needsReset !== failure.length > 0 || failure.some((it) => it < 32 || it > 126)) return wrongField(RECORD, 'failure', failure.length);
    if (isAgreed && !this.areSound(driverFeatures0, driverFeatures1)) return wrongField(RECORD, 'driverFeatures0', driverFeatures0);
    if (queues.length !== this.queues.length) return wrongField(RECORD, 'queues', queues.length);
    if (stalled >= 2 ** queues.length) return wrongField(RECORD, 'stalled', stalled);
    for (const [index, queue] of queues.entries()) {
      const { sizeMax } = this.queues[index]!;
      if (queue.ready && queueSetupFault({ ...queue, sizeMax }) !== undefined) return wrongField(RECORD, 'queues', index);
    }
    const device = this.device.openRecord(read.value.device);
    if (!device.ok) return device;
    return ok(() => {
      this.status = bits;
      this.configGeneration = configGeneration;
      this.failure = String.fromCharCode(...failure);
      this.driverFeatures = [driverFeatures0, driverFeatures1];
      this.stalled = stalled;
      for (const [index, queue] of queues.entries()) Object.assign(this.queues[index]!, queue);
      device.value();
    });
  }
}
