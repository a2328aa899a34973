/**
 * A virtio device as a PCI function: one register of memory that holds the common configuration, the
 * notifications, the interrupt status and the device's own configuration, each told by a capability.
 * While it is no bus master it does not reach guest memory, and waits.
 * Left out: MSI-X (the vector registers read as "none", and the interrupt pin serves), queue reset, the
 * legacy interface.
 * Standard: VIRTIO 1.2 §4.1.
 */
import { assert } from '../../base/assert.ts';
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type Recorded, type RecordError, type RecordShape, wrongField } from '../../base/record-shape.ts';
import { ok, type Result } from '../../base/result.ts';
import type { InterruptLine } from '../../machine/index.ts';
import { PciConfigSpace, pciCommand, type PciFunction } from '../../pcie/index.ts';
import { type TransportPort, VirtioCore, type VirtioDevice } from './core.ts';
import { readConfigField, withHalf } from './mmio.ts';
import type { QueueMemory, QueueState } from './queue.ts';

/** Vendor, and the device id of type 0 (§4.1.2). */
const VENDOR = 0x1af4;
const DEVICE_ID_BASE = 0x1040;
const VENDOR_CAPABILITY = 9;
/** Where the parts lie in register 0, each in a page. */
const COMMON = 0;
const ISR = 0x1000;
const DEVICE = 0x2000;
const NOTIFY = 0x3000;
const BAR_BYTES = 0x4000;
const NOTIFY_MULTIPLIER = 4;
const NO_VECTOR = 0xffff;
const USED_BUFFER = 1;
const CONFIG_CHANGE = 2;

/** cfg_type of the capabilities (§4.1.4). */
const part = { common: 1, notify: 2, isr: 3, device: 4, window: 5 } as const;

/** Class codes, as QEMU gives them; others: unclassified. */
const CLASS_CODES: Readonly<Record<number, number>> = { 1: 0x02_00_00, 2: 0x01_00_00, 3: 0x07_80_00 };

/** Offsets of the common configuration (§4.1.4.3). */
// biome-ignore format: a table
const common = {
  deviceFeatureSelect: 0, deviceFeature: 4, driverFeatureSelect: 8, driverFeature: 12,
  configVector: 16, queueCount: 18, status: 20, generation: 21, queueSelect: 22,
  queueSize: 24, queueVector: 26, queueEnable: 28, queueNotifyOffset: 30,
  descriptors: 32, driver: 40, device: 48,
} as const;

const RECORD = {
  name: 'virtioPci', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'isr',                 width: 'u8',    since: 1, max: USED_BUFFER | CONFIG_CHANGE },
    { name: 'deviceFeatureSelect', width: 'u32',   since: 1 },
    { name: 'driverFeatureSelect', width: 'u32',   since: 1 },
    { name: 'queueSelect',         width: 'u16',   since: 1 },
    { name: 'config',              width: 'bytes', since: 1 }, // what software may write of the configuration space
    { name: 'core',                width: 'bytes', since: 1 },
  ],
} as const satisfies RecordShape;

/** Guest memory as long as the function is a bus master. */
class MasterMemory implements QueueMemory {
  private readonly inner: QueueMemory;
  private readonly config: PciConfigSpace;

  constructor(inner: QueueMemory, config: PciConfigSpace) {
    this.inner = inner;
    this.config = config;
  }

  read(address: number, byteCount: number): Uint8Array | undefined {
    return this.inner.read(address, byteCount);
  }

  write(address: number, bytes: Uint8Array): boolean {
    return this.inner.write(address, bytes);
  }

  isReady(address: number, byteCount: number, writes: boolean): boolean {
    return this.inner.isReady?.(address, byteCount, writes) !== false;
  }

  isOpen(): boolean {
    return this.config.commands(pciCommand.busMaster) && this.inner.isOpen?.() !== false;
  }
}

/** See the file's head. */
export class VirtioPci implements PciFunction, TransportPort, Recorded {
  static readonly [checkpointRules]: CheckpointRules = { pin: 'outside' };
  readonly name: string;
  readonly config: PciConfigSpace;
  readonly core: VirtioCore;
  private pin: InterruptLine | undefined;
  private isr = 0;
  private deviceFeatureSelect = 0;
  private driverFeatureSelect = 0;
  private queueSelect = 0;
  private readonly windowAt: number;

  constructor(options: { readonly device: VirtioDevice; readonly memory: QueueMemory }) {
    const { device, memory } = options;
    this.name = `virtio ${device.name}`;
    this.config = new PciConfigSpace({
      vendorId: VENDOR, deviceId: DEVICE_ID_BASE + device.deviceId,
      classCode: CLASS_CODES[device.deviceId] ?? 0x00_ff_00, revision: 1,
      subsystemVendorId: VENDOR, subsystemId: 0x1100, interruptPin: 1,
    });
    this.config.addMemoryBar(0, BAR_BYTES);
    this.addPart(part.common, COMMON, 56);
    this.addPart(part.notify, NOTIFY, device.queueSizes.length * NOTIFY_MULTIPLIER, NOTIFY_MULTIPLIER);
    this.addPart(part.isr, ISR, 1);
    this.addPart(part.device, DEVICE, Math.max(4, device.config().length));
    // §4.1.4.9: a window on the register for software that cannot map it; bar, offset, length and data are written.
    this.windowAt = this.addPart(part.window, 0, 0, 0);
    this.config.makeWritable(this.windowAt + 4, 1);
    this.config.makeWritable(this.windowAt + 8, 12);
    this.core = new VirtioCore(device, new MasterMemory(memory, this.config));
    this.core.connect(this);
  }

  private addPart(type: number, offset: number, length: number, extra?: number): number {
    const body = new Uint8Array(extra === undefined ? 14 : 18);
    const view = new DataView(body.buffer);
    view.setUint8(0, body.length + 2);
    view.setUint8(1, type);
    view.setUint32(6, offset, true);
    view.setUint32(10, length, true);
    if (extra !== undefined) view.setUint32(14, extra, true);
    return this.config.addCapability(VENDOR_CAPABILITY, body);
  }

  connect(pin: InterruptLine): void {
    assert(this.pin === undefined, 'a function sits in one place');
    this.pin = pin;
  }

  onUsed(): void {
    this.raise(USED_BUFFER);
  }

  onConfigChange(): void {
    this.raise(CONFIG_CHANGE);
  }

  private raise(cause: number): void {
    this.isr |= cause;
    this.pin?.set(true);
  }

  readConfig(offset: number, byteCount: number): number {
    if (offset === this.windowAt + 16) {
      const place = this.windowPlace();
      if (place !== undefined) this.config.write(offset, 4, this.readBar(0, place.offset, place.byteCount));
    }
    return this.config.read(offset, byteCount);
  }

  writeConfig(offset: number, byteCount: number, value: number): void {
    this.config.write(offset, byteCount, value);
    if (offset === this.windowAt + 16) {
      const place = this.windowPlace();
      if (place !== undefined) {
        this.writeBar(0, place.offset, place.byteCount, this.config.read(this.windowAt + 16, place.byteCount));
      }
    }
    if (offset <= 5 && this.config.commands(pciCommand.busMaster)) this.core.retry();
  }

  /** What the configuration window looks at; undefined: nothing that can be accessed. */
  private windowPlace(): { readonly offset: number; readonly byteCount: number } | undefined {
    const offset = this.config.read(this.windowAt + 8, 4);
    const byteCount = this.config.read(this.windowAt + 12, 4);
    const sound = (byteCount === 1 || byteCount === 2 || byteCount === 4) && offset % byteCount === 0;
    const inside = this.config.read(this.windowAt + 4, 1) === 0 && offset + byteCount <= BAR_BYTES;
    return sound && inside ? { offset, byteCount } : undefined;
  }

  readBar(_bar: number, offset: number, byteCount: number): number {
    if (offset >= NOTIFY) return 0;
    if (offset >= DEVICE) return readConfigField(this.core.device.config(), offset - DEVICE, byteCount);
    if (offset >= ISR) return offset === ISR ? this.takeInterrupt() : 0;
    return this.readCommon(offset);
  }

  writeBar(_bar: number, offset: number, byteCount: number, value: number): void {
    if (offset >= NOTIFY) this.core.notify((offset - NOTIFY) / NOTIFY_MULTIPLIER);
    else if (offset >= DEVICE) this.core.device.writeConfig(offset - DEVICE, byteCount, value);
    else if (offset < ISR) this.writeCommon(offset, value);
  }

  /** Reading the interrupt status acknowledges it (§4.1.4.5). */
  private takeInterrupt(): number {
    const { isr } = this;
    this.isr = 0;
    this.pin?.set(false);
    return isr;
  }

  private get queue(): QueueState | undefined {
    return this.core.queues[this.queueSelect];
  }

  private readCommon(offset: number): number {
    const { core, queue } = this;
    switch (offset) {
      case common.deviceFeatureSelect:
        return this.deviceFeatureSelect;
      case common.deviceFeature:
        return core.deviceFeatures(this.deviceFeatureSelect);
      case common.driverFeatureSelect:
        return this.driverFeatureSelect;
      case common.driverFeature:
        return core.acceptedFeatures(this.driverFeatureSelect);
      case common.configVector:
      case common.queueVector:
        return NO_VECTOR;
      case common.queueCount:
        return core.queues.length;
      case common.status:
        return core.status;
      case common.generation:
        return core.configGeneration;
      case common.queueSelect:
        return this.queueSelect;
      case common.queueSize:
        return queue?.size ?? 0;
      case common.queueEnable:
        return queue?.ready === true ? 1 : 0;
      case common.queueNotifyOffset:
        return this.queueSelect;
      default:
        return this.readAddress(offset);
    }
  }

  private readAddress(offset: number): number {
    const { queue } = this;
    if (queue === undefined || offset < common.descriptors || offset >= common.device + 8) return 0;
    const which = [queue.descriptorAddress, queue.availableAddress, queue.usedAddress][(offset - common.descriptors) >> 3]!;
    return (offset & 4) !== 0 ? Math.floor(which / 2 ** 32) : which % 2 ** 32;
  }

  private writeCommon(offset: number, value: number): void {
    const { core, queue } = this;
    switch (offset) {
      case common.deviceFeatureSelect:
        this.deviceFeatureSelect = value;
        return;
      case common.driverFeatureSelect:
        this.driverFeatureSelect = value;
        return;
      case common.driverFeature:
        core.setDriverFeatures(this.driverFeatureSelect, value);
        return;
      case common.status:
        core.setStatus(value & 0xff);
        if ((value & 0xff) === 0) this.takeInterrupt();
        return;
      case common.queueSelect:
        this.queueSelect = value & 0xffff;
        return;
      case common.queueEnable:
        if ((value & 0xffff) === 1) core.enableQueue(this.queueSelect);
        return;
    }
    if (queue === undefined || queue.ready) return;
    const high = (offset & 4) !== 0;
    if (offset === common.queueSize) queue.size = value & 0xffff;
    else if ((offset & ~4) === common.descriptors) queue.descriptorAddress = withHalf(queue.descriptorAddress, high, value);
    else if ((offset & ~4) === common.driver) queue.availableAddress = withHalf(queue.availableAddress, high, value);
    else if ((offset & ~4) === common.device) queue.usedAddress = withHalf(queue.usedAddress, high, value);
  }

  saveRecord(): Uint8Array {
    const { isr, deviceFeatureSelect, driverFeatureSelect, queueSelect } = this;
    return encodeRecord(RECORD, {
      isr, deviceFeatureSelect, driverFeatureSelect, queueSelect, config: this.config.written(), core: this.core.saveRecord(),
    });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { config, core: coreBytes, ...registers } = read.value;
    if (!this.config.fits(config)) return wrongField(RECORD, 'config', config.length);
    const core = this.core.openRecord(coreBytes);
    if (!core.ok) return core;
    return ok(() => {
      Object.assign(this, registers);
      this.config.putWritten(config);
      core.value();
      this.pin?.set(this.isr !== 0);
    });
  }
}
