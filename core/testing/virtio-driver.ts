/**
 * A driver of virtio devices that does what a guest's would: it writes registers, keeps rings in guest
 * memory and reads them back. For tests of the devices; it can also be told to be wrong.
 */
import { assert } from '../base/index.ts';
import { commonFeature, type QueueMemory, VirtioMmio, type VirtioDevice, VmDma, virtioStatus } from '../devices/virtio/index.ts';
import type { BusDevice, InterruptLine } from '../machine/index.ts';
import { GUEST_RAM_ADDRESS, MemorySystem, type VmMemory } from '../memory/index.ts';

/** Registers of VIRTIO 1.2 §4.2.2 that the driver uses. */
const reg = {
  magic: 0, version: 4, deviceId: 8, deviceFeatures: 0x10, deviceFeaturesSelect: 0x14, driverFeatures: 0x20,
  driverFeaturesSelect: 0x24, queueSelect: 0x30, queueSizeMax: 0x34, queueSize: 0x38, queueReady: 0x44,
  queueNotify: 0x50, interruptStatus: 0x60, interruptAcknowledge: 0x64, status: 0x70,
  descriptors: 0x80, driverArea: 0x90, deviceArea: 0xa0, configGeneration: 0xfc, config: 0x100,
} as const;
export { reg as mmioRegister };

/** A queue as the driver keeps it. Addresses are guest physical. */
export interface DriverQueue {
  readonly index: number;
  readonly size: number;
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
  readonly free: number[];
  readonly chains: Map<number, { readonly writable: readonly { readonly address: number; readonly byteCount: number }[]; readonly descriptors: readonly number[] }>;
  nextAvailable: number;
  nextUsed: number;
}

/** What came back of a chain. */
export interface Completed {
  readonly head: number;
  /** Bytes that the device says it wrote. */
  readonly written: number;
  /** The writable buffers joined. */
  readonly bytes: Uint8Array;
}

/** A VM's memory of its own system, all allocated. */
export function makeGuestMemory(pageCount: number): VmMemory {
  const made = new MemorySystem(pageCount + 64).createVm({ vmId: 1, pageCount, allocated: true });
  assert(made.ok, 'the system has room for one VM');
  return made.value;
}

/** Makes a transport with the register layout of MMIO. */
export type MakeTransport = (device: VirtioDevice, memory: QueueMemory, interrupt: InterruptLine) => BusDevice;
const overMmio: MakeTransport = (device, memory, interrupt) => new VirtioMmio({ device, memory, interrupt });

/** See the file's head. */
export class VirtioDriver {
  readonly device: BusDevice;
  readonly memory: VmMemory;
  readonly queues: DriverQueue[] = [];
  /** Level of the interrupt line now, and how often it rose. */
  line = false;
  rises = 0;
  private place: number;

  /** The driver's own memory begins 64 KiB into RAM. */
  constructor(device: VirtioDevice, memory: VmMemory, make: MakeTransport = overMmio) {
    this.memory = memory;
    this.place = GUEST_RAM_ADDRESS + 0x1_0000;
    const set = (level: boolean) => {
      if (level && !this.line) this.rises++;
      this.line = level;
    };
    this.device = make(device, new VmDma(memory), { set });
  }

  read(offset: number): number {
    return this.device.read(offset, 4) ?? 0;
  }

  write(offset: number, value: number): void {
    assert(this.device.write(offset, 4, value >>> 0), 'the register block takes every word');
  }

  /** Room in guest memory, aligned to 16 bytes. */
  room(byteCount: number): number {
    const address = this.place;
    this.place += Math.ceil(byteCount / 16) * 16;
    assert(this.memory.isPresent(address, byteCount), 'the driver has memory left');
    return address;
  }

  /** The whole initialization (§3.1.1) with all that is offered but `without`. Gives the last status. */
  start(options: { readonly without?: readonly number[]; readonly queueSize?: number; readonly beforeOk?: () => void } = {}): number {
    this.write(reg.status, 0);
    this.write(reg.status, virtioStatus.acknowledge);
    this.write(reg.status, virtioStatus.acknowledge | virtioStatus.driver);
    for (const word of [0, 1]) {
      this.write(reg.deviceFeaturesSelect, word);
      let features = this.read(reg.deviceFeatures);
      for (const bit of options.without ?? []) if (bit >> 5 === word) features &= ~(1 << (bit & 31));
      this.write(reg.driverFeaturesSelect, word);
      this.write(reg.driverFeatures, features);
    }
    this.write(reg.status, this.read(reg.status) | virtioStatus.featuresOk);
    this.queues.length = 0;
    for (let index = 0; ; index++) {
      this.write(reg.queueSelect, index);
      const sizeMax = this.read(reg.queueSizeMax);
      if (sizeMax === 0) break;
      this.queues.push(this.setUpQueue(index, Math.min(sizeMax, options.queueSize ?? 16)));
    }
    options.beforeOk?.();
    this.write(reg.status, this.read(reg.status) | virtioStatus.driverOk);
    return this.read(reg.status);
  }

  private setUpQueue(index: number, size: number): DriverQueue {
    const queue: DriverQueue = {
      index, size,
      descriptors: this.room(size * 16),
      available: this.room(6 + size * 2),
      used: this.room(6 + size * 8),
      free: Array.from({ length: size }, (_, at) => size - 1 - at),
      chains: new Map(), nextAvailable: 0, nextUsed: 0,
    };
    this.put(queue.available, new Uint8Array(6 + size * 2));
    this.put(queue.used, new Uint8Array(6 + size * 8));
    this.write(reg.queueSize, size);
    for (const [low, address] of [[reg.descriptors, queue.descriptors], [reg.driverArea, queue.available], [reg.deviceArea, queue.used]] as const) {
      this.write(low, address % 2 ** 32);
      this.write(low + 4, Math.floor(address / 2 ** 32));
    }
    this.write(reg.queueReady, 1);
    return queue;
  }

  /** Writes guest memory as the guest would. */
  put(address: number, bytes: Uint8Array): void {
    assert(this.memory.write(address, bytes, 'hypervisor'), 'the address is RAM');
  }

  put16(address: number, value: number): void {
    this.put(address, new Uint8Array([value & 0xff, (value >> 8) & 0xff]));
  }

  get(address: number, byteCount: number): Uint8Array {
    const bytes = this.memory.read(address, byteCount);
    assert(bytes !== undefined, 'the address is RAM');
    return bytes;
  }

  get16(address: number): number {
    const bytes = this.get(address, 2);
    return bytes[0]! | (bytes[1]! << 8);
  }

  /** Writes a descriptor of a table. */
  putDescriptor(table: number, index: number, it: { readonly address: number; readonly byteCount: number; readonly flags: number; readonly next: number }): void {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, it.address % 2 ** 32, true);
    view.setUint32(4, Math.floor(it.address / 2 ** 32), true);
    view.setUint32(8, it.byteCount, true);
    view.setUint16(12, it.flags, true);
    view.setUint16(14, it.next, true);
    this.put(table + index * 16, bytes);
  }

  /** Makes a chain of fresh buffers available, without telling the device. Gives its head. */
  add(queueIndex: number, readable: readonly Uint8Array[], writable: readonly number[], indirect = false): number {
    const queue = this.queues[queueIndex]!;
    const segments = [
      ...readable.map((bytes) => {
        const address = this.room(bytes.length);
        this.put(address, bytes);
        return { address, byteCount: bytes.length, writes: 0 };
      }),
      ...writable.map((byteCount) => ({ address: this.room(byteCount), byteCount, writes: 2 })),
    ];
    const own = Array.from({ length: indirect ? 1 : segments.length }, () => queue.free.pop()!);
    assert(own.every((index) => index !== undefined), 'the queue has free descriptors');
    const table = indirect ? this.room(segments.length * 16) : queue.descriptors;
    segments.forEach(({ address, byteCount, writes }, at) => {
      const last = at === segments.length - 1;
      const index = indirect ? at : own[at]!;
      const next = last ? 0 : indirect ? at + 1 : own[at + 1]!;
      this.putDescriptor(table, index, { address, byteCount, flags: writes | (last ? 0 : 1), next });
    });
    const head = own[0]!;
    if (indirect) this.putDescriptor(queue.descriptors, head, { address: table, byteCount: segments.length * 16, flags: 4, next: 0 });
    const given = segments.filter(({ writes }) => writes !== 0);
    queue.chains.set(head, { writable: given, descriptors: own });
    this.offer(queueIndex, head);
    return head;
  }

  /** Puts a head into the available ring. */
  offer(queueIndex: number, head: number): void {
    const queue = this.queues[queueIndex]!;
    this.put16(queue.available + 4 + (queue.nextAvailable % queue.size) * 2, head);
    queue.nextAvailable = (queue.nextAvailable + 1) & 0xffff;
    this.put16(queue.available + 2, queue.nextAvailable);
  }

  notify(queueIndex: number): void {
    this.write(reg.queueNotify, queueIndex);
  }

  /** Takes what the device has used. */
  collect(queueIndex: number): Completed[] {
    const queue = this.queues[queueIndex]!;
    const done: Completed[] = [];
    for (const end = this.get16(queue.used + 2); queue.nextUsed !== end; queue.nextUsed = (queue.nextUsed + 1) & 0xffff) {
      const element = new DataView(this.get(queue.used + 4 + (queue.nextUsed % queue.size) * 8, 8).buffer);
      const head = element.getUint32(0, true);
      const chain = queue.chains.get(head);
      assert(chain !== undefined, 'the device returns what it was given');
      queue.chains.delete(head);
      queue.free.push(...chain.descriptors);
      const parts = chain.writable.map(({ address, byteCount }) => this.get(address, byteCount));
      done.push({ head, written: element.getUint32(4, true), bytes: Uint8Array.from(parts.flatMap((part) => [...part])) });
    }
    return done;
  }

  /** One chain, told to the device and awaited. */
  request(queueIndex: number, readable: readonly Uint8Array[], writable: readonly number[], indirect = false): Completed {
    this.add(queueIndex, readable, writable, indirect);
    this.notify(queueIndex);
    const [done] = this.collect(queueIndex);
    assert(done !== undefined, 'the device served the chain at once');
    return done;
  }
}

/** Header of a block request (VIRTIO 1.2 §5.2.6). */
export function blockHeader(type: number, sector: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(8, sector % 2 ** 32, true);
  view.setUint32(12, Math.floor(sector / 2 ** 32), true);
  return bytes;
}

/** Ranges of a discard or write-zeroes request. */
export function blockRanges(...ranges: readonly { readonly sector: number; readonly sectors: number; readonly flags?: number }[]): Uint8Array {
  const bytes = new Uint8Array(ranges.length * 16);
  const view = new DataView(bytes.buffer);
  ranges.forEach(({ sector, sectors, flags = 0 }, index) => {
    view.setUint32(index * 16, sector % 2 ** 32, true);
    view.setUint32(index * 16 + 4, Math.floor(sector / 2 ** 32), true);
    view.setUint32(index * 16 + 8, sectors, true);
    view.setUint32(index * 16 + 12, flags, true);
  });
  return bytes;
}

/** The common features by name, for `without`. */
export const without = { indirect: commonFeature.indirectDescriptors, eventIndex: commonFeature.eventIndex, version1: commonFeature.version1 } as const;
