/**
 * The devices of one VM, at the places of QEMU's `virt` machine: serial port, interrupt controller, clock, test
 * finisher, virtio slots. Only VMs that ask for them have any. Harts, time and the world outside are
 * behind ports; when something is due by itself, the host is asked to come back then.
 *
 * Each access, each service and each typed byte goes into a digest: a device's state follows from these and from the
 * memory that it was pointed at, so equal digests mean equal devices.
 */
import { assert } from '../base/assert.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import {
  decodeRecord, encodeRecord, type Hash64, hashInteger, hashUint32, makeHash, ok, type Recorded, type RecordError, type RecordShape,
  type Result, wrongField,
} from '../base/index.ts';
import { EmptyVirtioSlot, GoldfishRtc, Plic, TestFinisher, Uart16550 } from '../devices/index.ts';
import {
  VirtioBalloon, VirtioBlock, VirtioConsole, type VirtioDevice, VirtioEntropy, VirtioMmio, VirtioNet, type VirtioReport,
  VmBalloonPages, VmDma,
} from '../devices/virtio/index.ts';
import { type BlockImage, OverlayDisk } from '../formats/index.ts';
import { Bus, type BusDevice, type BusValue } from '../machine/bus.ts';
import type { VmMemory } from '../memory/index.ts';
import type { MacAddress } from '../network/index.ts';
import { INTERRUPT, MEMORY_MAP, SOURCE_COUNT, VIRTIO_SLOT_COUNT } from '../platform/memory-map.ts';

/** What devices a VM has beside the serial port, the interrupt controller, the clock and the finisher. */
export interface VmDeviceSpec {
  /** Disks, as vda, vdb, …: the first virtio slots. Those that are an OverlayDisk move with their VM. */
  readonly disks?: readonly BlockImage[];
  /** Time of one request of a disk beyond the one before; 0 when not given: done at once. Unit: ns. */
  readonly diskLatencyNs?: number;
  /** A network card. */
  readonly network?: { readonly mac: MacAddress };
  /** A virtio console, whose output goes to the VM's console, too. */
  readonly console?: boolean;
  /** A source of random bytes that repeat with the seed. */
  readonly entropy?: { readonly seed: number; readonly stream: number };
  readonly balloon?: boolean;
  /** What the clock shows at virtual time 0; 2026-01-01 when not given. Unit: ns since 1970. */
  readonly epochNs?: bigint;
}

/** Slots that a spec fills. */
export function slotCount(spec: VmDeviceSpec): number {
  const others = [spec.network !== undefined, spec.console === true, spec.entropy !== undefined, spec.balloon === true];
  return (spec.disks?.length ?? 0) + others.filter(Boolean).length;
}

/** What the devices need of their VM and host. */
export interface VmDevicePorts {
  /** Virtual time of the access or event under way. Unit: ns. */
  nowNs(): number;
  /** The external interrupt wire of a vCPU has this level now. */
  setExternal(vcpu: number, level: boolean): void;
  /** Text (Latin-1 code units) for the VM's console. */
  write(text: string): void;
  /** Bytes typed at the console and not yet taken: takes up to `count`. */
  read(count: number): number[];
  /** {@link VmDevices.service} is wanted then. Unit: ns, not before now. */
  wakeAt(timeNs: number): void;
  /** A frame leaves the network card. */
  transmit(frame: Uint8Array): void;
}

/** How the guest ended itself by the finisher. */
export interface Finish {
  readonly how: 'pass' | 'fail' | 'reset';
  readonly code: number;
}

/** A device at its place; `slot` is its virtio slot, −1 for others. */
export interface PlacedDevice {
  readonly name: string;
  readonly address: number;
  readonly slot: number;
  readonly device: BusDevice & Recorded;
}

/** What the clock shows at virtual time 0 where nobody says: 2026-01-01T00:00:00Z. Unit: ns since 1970. */
export const EPOCH_NS = 1_767_225_600_000_000_000n;
/** Bytes from the serial port wait so long for more, so that the console keeps pieces and not single bytes. Unit: ns. */
const CONSOLE_DELAY_NS = 200_000;
const CONSOLE_PIECE_MAX = 128;
/** When a queue waits for pages of a snapshot, it is tried again after this time. Unit: ns. */
const RETRY_NS = 20_000;
const NEWLINE = 10;
const RECORD = {
  name: 'devices', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'line',        width: 'bytes', since: 1, max: CONSOLE_PIECE_MAX }, // from the serial port, on its way to the console
    { name: 'lineSinceNs', width: 'u53',   since: 1 },
    { name: 'digestLow',   width: 'u32',   since: 1 },
    { name: 'digestHigh',  width: 'u32',   since: 1 },
  ],
  // biome-ignore format: a table, one row a line
  lists: [{ name: 'devices', since: 1, max: 64, rows: [
    { name: 'address', width: 'u53',   since: 1 },
    { name: 'record',  width: 'bytes', since: 1 },
  ] },
  { name: 'disks', since: 1, max: 8, rows: [{ name: 'storeBytes', width: 'u53', since: 1 }] }], // of those that move
} as const satisfies RecordShape;

export class VmDevices implements Recorded {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside', spec: 'outside' };
  readonly spec: VmDeviceSpec;
  readonly bus = new Bus();
  readonly serial: Uart16550;
  readonly plic: Plic;
  readonly rtc: GoldfishRtc;
  readonly finisher: TestFinisher;
  /** Filled virtio slots, in their order. */
  readonly slots: readonly VirtioMmio[];
  readonly card: VirtioNet | undefined;
  readonly balloon: VirtioBalloon | undefined;
  /** Disks that move with the VM, in the order of their slots. */
  readonly disks: readonly OverlayDisk[];
  /** Level of each vCPU's external interrupt wire. */
  private readonly levels: Uint8Array;
  private readonly ports: VmDevicePorts;
  private readonly digest: Hash64 = makeHash();
  private line = ''; //         from the serial port, on its way to the console
  private lineSinceNs = 0;
  private finish: Finish | undefined;
  private wakeNs = Infinity; // what the host was asked for

  constructor(options: { readonly spec: VmDeviceSpec; readonly vcpuCount: number; readonly memory: VmMemory }, ports: VmDevicePorts) {
    const { spec, vcpuCount, memory } = options;
    assert(slotCount(spec) <= VIRTIO_SLOT_COUNT, `a VM has ${VIRTIO_SLOT_COUNT} virtio slots`);
    this.spec = spec;
    this.disks = (spec.disks ?? []).filter((image) => image instanceof OverlayDisk);
    this.ports = ports;
    this.levels = new Uint8Array(vcpuCount);
    this.plic = new Plic({ sourceCount: SOURCE_COUNT, contextCount: vcpuCount }, {
      onNotification: (vcpu, level) => {
        this.levels[vcpu] = level ? 1 : 0;
        this.ports.setExternal(vcpu, level);
      },
    });
    this.serial = new Uart16550({ transmit: (byte) => this.transmit(byte), line: this.wire(INTERRUPT.serial) });
    this.rtc = new GoldfishRtc({ nowNs: () => this.ports.nowNs(), line: this.wire(INTERRUPT.rtc) }, spec.epochNs ?? EPOCH_NS);
    this.finisher = new TestFinisher({
      onFinish: (how, code) => {
        this.finish = { how, code };
      },
    });
    this.card = spec.network === undefined ? undefined : new VirtioNet(spec.network, { transmit: (frame) => this.ports.transmit(frame) });
    this.balloon = spec.balloon === true ? new VirtioBalloon(new VmBalloonPages(memory)) : undefined;
    this.slots = this.kinds().map(
      (device, slot) => new VirtioMmio({ device, memory: new VmDma(memory), interrupt: this.wire(INTERRUPT.virtio + slot) }),
    );
    for (const { address, device } of this.list()) this.bus.attach(address, device);
    for (let slot = this.slots.length; slot < VIRTIO_SLOT_COUNT; slot++) {
      this.bus.attach(MEMORY_MAP.virtio.address + slot * MEMORY_MAP.virtio.size, new EmptyVirtioSlot());
    }
  }

  /** All devices, in a fixed order: for records, hashes and inspectors. */
  list(): readonly PlacedDevice[] {
    const { plic, serial, rtc, test, virtio } = MEMORY_MAP;
    const at = (address: number, device: BusDevice & Recorded, slot = -1) => ({ name: device.name, address, slot, device });
    return [
      at(plic.address, this.plic),
      at(serial.address, this.serial),
      at(rtc.address, this.rtc),
      at(test.address, this.finisher),
      ...this.slots.map((device, slot) => at(virtio.address + slot * virtio.size, device, slot)),
    ];
  }

  /** A vCPU reads 1, 2, 4 or 8 bytes at a guest physical address; false: nothing answers. */
  read(address: number, byteCount: number, into: BusValue): boolean {
    const answered = this.bus.read(address, byteCount, into);
    this.note(address, byteCount, answered ? into.low : 0);
    this.settle();
    return answered;
  }

  /** A vCPU writes likewise. */
  write(address: number, byteCount: number, value: BusValue): boolean {
    const taken = this.bus.write(address, byteCount, value.low, value.high);
    this.note(address, byteCount + 16, value.low);
    this.settle();
    return taken;
  }

  /** Does what is due. Called at times that {@link VmDevicePorts.wakeAt} was told, and at others. */
  service(nowNs: number): void {
    hashInteger(this.digest, nowNs);
    if (nowNs >= this.wakeNs) this.wakeNs = Infinity;
    if (this.rtc.nextEventNs() <= nowNs) this.rtc.settle();
    for (const slot of this.slots) {
      if (slot.dueNs <= nowNs) slot.service(nowNs);
      if (slot.core.isStalled()) slot.core.retry();
    }
    if (this.line !== '' && nowNs >= this.lineSinceNs + CONSOLE_DELAY_NS) this.flush();
    this.settle();
  }

  /** The VM goes on after it stood, perhaps on another host: what became due meanwhile is asked for again. */
  onResume(): void {
    this.wakeNs = Infinity;
    this.balloon?.giveUp();
    this.settle();
  }

  /** Whether all of its disks can be had on another host, too. */
  canMove(): boolean {
    return this.disks.length === (this.spec.disks?.length ?? 0);
  }

  /** Somebody typed: the serial port takes what it has room for, the rest waits. */
  onTyped(): void {
    this.settle();
  }

  /** A frame arrives at the network card. */
  receive(frame: Uint8Array): void {
    hashUint32(this.digest, frame.length);
    this.card?.receive(frame);
    this.settle();
  }

  /** Level of a vCPU's external interrupt wire. */
  isExternal(vcpu: number): boolean {
    return this.levels[vcpu] === 1;
  }

  /** Brings what waits for more to the console: something else is about to write there. */
  flush(): void {
    if (this.line !== '') this.ports.write(this.line);
    this.line = '';
  }

  /** How the guest ended itself since the call before; undefined: it did not. */
  takeFinish(): Finish | undefined {
    const { finish } = this;
    this.finish = undefined;
    return finish;
  }

  /** The virtio devices as they stand. */
  reports(): readonly VirtioReport[] {
    return this.slots.map(({ core }) => core.report());
  }

  /** All devices, and what is on its way to the console. Nothing is due between two accesses that it lacks. */
  saveRecord(): Uint8Array {
    return encodeRecord(RECORD, {
      line: Uint8Array.from(this.line, (it) => it.charCodeAt(0)), lineSinceNs: this.lineSinceNs,
      digestLow: this.digest.low >>> 0, digestHigh: this.digest.high >>> 0,
      devices: this.list().map(({ address, device }) => ({ address, record: device.saveRecord() })),
      disks: this.disks.map(({ store }) => ({ storeBytes: store.size() })),
    });
  }

  /** The same devices at the same places, or nothing of it. */
  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { line, lineSinceNs, digestLow, digestHigh, devices, disks } = read.value;
    const own = this.list();
    if (devices.length !== own.length) return wrongField(RECORD, 'devices', devices.length);
    if (disks.length !== this.disks.length) return wrongField(RECORD, 'disks', disks.length);
    const loads: (() => void)[] = [];
    for (const [index, { address, record }] of devices.entries()) {
      const place = own[index]!;
      if (address !== place.address) return wrongField(RECORD, 'address', address);
      const opened = place.device.openRecord(record);
      if (!opened.ok) return opened;
      loads.push(opened.value);
    }
    // The pages of disks came before their devices' records.
    for (const [index, { storeBytes }] of disks.entries()) {
      const disk = this.disks[index]!;
      const opened = disk.store.couldHaveSize(storeBytes) ? disk.reopen() : undefined;
      if (opened?.ok !== true) return wrongField(RECORD, 'storeBytes', storeBytes);
      loads.push(opened.value, () => disk.store.setSize(storeBytes));
    }
    return ok(() => {
      // The interrupt controller comes last: what the others' wires did to it is in its own record.
      for (const load of loads.slice(1)) load();
      loads[0]!();
      this.line = String.fromCharCode(...line);
      this.lineSinceNs = lineSinceNs;
      this.digest.low = digestLow | 0;
      this.digest.high = digestHigh | 0;
      this.finish = undefined;
    });
  }

  /** Mixes all that ever happened here into a hash. */
  hashInto(hash: Hash64): void {
    hashUint32(hash, this.digest.low);
    hashUint32(hash, this.digest.high);
  }

  private kinds(): VirtioDevice[] {
    const { spec, card, balloon } = this;
    return [
      ...(spec.disks ?? []).map((image) => new VirtioBlock({ image, latencyNs: spec.diskLatencyNs ?? 0, nowNs: () => this.ports.nowNs() })),
      ...(card === undefined ? [] : [card]),
      ...(spec.console === true ? [new VirtioConsole({ onOutput: (bytes) => this.writeBytes(bytes) })] : []),
      ...(spec.entropy === undefined ? [] : [new VirtioEntropy(spec.entropy)]),
      ...(balloon === undefined ? [] : [balloon]),
    ];
  }

  private wire(source: number): { set(level: boolean): void } {
    return { set: (level) => this.plic.setLevel(source, level) };
  }

  private note(address: number, access: number, value: number): void {
    hashUint32(this.digest, address);
    hashUint32(this.digest, access);
    hashUint32(this.digest, value);
  }

  /** Typed bytes go to the serial port; then the host is told when something is due. */
  private settle(): void {
    const room = this.serial.room();
    if (room > 0) {
      for (const byte of this.ports.read(room)) {
        hashUint32(this.digest, byte);
        this.serial.receive(byte);
      }
    }
    let dueNs = this.rtc.nextEventNs();
    if (this.line !== '') dueNs = Math.min(dueNs, this.lineSinceNs + CONSOLE_DELAY_NS);
    for (const slot of this.slots) {
      dueNs = Math.min(dueNs, slot.dueNs, slot.core.isStalled() ? this.ports.nowNs() + RETRY_NS : Infinity);
    }
    if (dueNs >= this.wakeNs) return;
    this.wakeNs = dueNs;
    this.ports.wakeAt(dueNs);
  }

  private transmit(byte: number): void {
    if (this.line === '') this.lineSinceNs = this.ports.nowNs();
    this.line += String.fromCharCode(byte);
    if (byte === NEWLINE || this.line.length >= CONSOLE_PIECE_MAX) this.flush();
  }

  private writeBytes(bytes: Uint8Array): void {
    this.flush();
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    this.ports.write(text);
  }
}
