/**
 * The register block of a virtio device on a memory bus. Registers take 32-bit accesses; others read
 * as 0 and write nothing, as on QEMU. The configuration space from 0x100 takes 8, 16 and 32 bits.
 * Left out: shared memory regions (their length reads as −1: there is none), the legacy interface.
 * Standard: VIRTIO 1.2 §4.2.2, §4.2.3.
 */
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type Recorded, type RecordError, type RecordShape } from '../../base/record-shape.ts';
import { ok, type Result } from '../../base/result.ts';
import type { BusDevice, InterruptLine } from '../../machine/index.ts';
import { type TransportPort, VirtioCore, type VirtioDevice } from './core.ts';
import type { QueueMemory, QueueState } from './queue.ts';

/** Bytes of the register block in the memory map: one page, as on QEMU's `virt` board. */
export const MMIO_BYTES = 0x1000;
const CONFIG = 0x100;
const MAGIC = 0x7472_6976; // 'virt'
/** 'GLAS' as a vendor: §4.2.2 leaves the number free. */
const VENDOR = 0x5341_4c47;
const USED_BUFFER = 1;
const CONFIG_CHANGE = 2;

/** Offsets of the registers (§4.2.2, table 4.1). */
// biome-ignore format: a table
const register = {
  magic: 0x00, version: 0x04, deviceId: 0x08, vendorId: 0x0c,
  deviceFeatures: 0x10, deviceFeaturesSelect: 0x14, driverFeatures: 0x20, driverFeaturesSelect: 0x24,
  queueSelect: 0x30, queueSizeMax: 0x34, queueSize: 0x38, queueReady: 0x44, queueNotify: 0x50,
  interruptStatus: 0x60, interruptAcknowledge: 0x64, status: 0x70,
  descriptorLow: 0x80, descriptorHigh: 0x84, driverLow: 0x90, driverHigh: 0x94, deviceLow: 0xa0, deviceHigh: 0xa4,
  sharedLengthLow: 0xb0, sharedLengthHigh: 0xb4, sharedBaseLow: 0xb8, sharedBaseHigh: 0xbc,
  configGeneration: 0xfc,
} as const;

const RECORD = {
  name: 'virtioMmio', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'interruptStatus',      width: 'u8',    since: 1, max: USED_BUFFER | CONFIG_CHANGE },
    { name: 'deviceFeaturesSelect', width: 'u32',   since: 1 },
    { name: 'driverFeaturesSelect', width: 'u32',   since: 1 },
    { name: 'queueSelect',          width: 'u32',   since: 1 },
    { name: 'core',                 width: 'bytes', since: 1 },
  ],
} as const satisfies RecordShape;

/** What a device on a memory bus is made from. */
export interface MmioOptions {
  readonly device: VirtioDevice;
  readonly memory: QueueMemory;
  /** Level-triggered: high while a cause is not acknowledged. */
  readonly interrupt: InterruptLine;
}

/** Replaces one half of a 64-bit address. */
export function withHalf(address: number, high: boolean, value: number): number {
  return high ? value * 2 ** 32 + (address % 2 ** 32) : Math.floor(address / 2 ** 32) * 2 ** 32 + value;
}

/** Reads a field of a device's configuration space, 0 behind its end. */
export function readConfigField(config: Uint8Array, offset: number, byteCount: number): number {
  let value = 0;
  for (let at = byteCount - 1; at >= 0; at--) value = value * 256 + (config[offset + at] ?? 0);
  return value;
}

/** See the file's head. */
export class VirtioMmio implements BusDevice, TransportPort, Recorded {
  static readonly [checkpointRules]: CheckpointRules = { interrupt: 'outside' };
  readonly name: string;
  readonly size = MMIO_BYTES;
  readonly widths = 7;
  readonly core: VirtioCore;
  private readonly interrupt: InterruptLine;
  private interruptStatus = 0;
  private deviceFeaturesSelect = 0;
  private driverFeaturesSelect = 0;
  private queueSelect = 0;

  constructor(options: MmioOptions) {
    this.name = `virtio ${options.device.name}`;
    this.core = new VirtioCore(options.device, options.memory);
    this.interrupt = options.interrupt;
    this.core.connect(this);
  }

  /** When the device wants {@link service}; Infinity: never. Unit: ns. */
  get dueNs(): number {
    return this.core.device.dueNs ?? Infinity;
  }

  /** Does what the device has due by itself. */
  service(nowNs: number): void {
    this.core.device.service?.(nowNs);
  }

  onUsed(): void {
    this.raise(USED_BUFFER);
  }

  onConfigChange(): void {
    this.raise(CONFIG_CHANGE);
  }

  read(offset: number, byteCount: number): number {
    if (offset >= CONFIG) return readConfigField(this.core.device.config(), offset - CONFIG, byteCount);
    return byteCount === 4 ? this.readRegister(offset) : 0;
  }

  write(offset: number, byteCount: number, value: number): boolean {
    if (offset >= CONFIG) this.core.device.writeConfig(offset - CONFIG, byteCount, value);
    else if (byteCount === 4) this.writeRegister(offset, value);
    return true;
  }

  private get queue(): QueueState | undefined {
    return this.core.queues[this.queueSelect];
  }

  private readRegister(offset: number): number {
    const { core } = this;
    switch (offset) {
      case register.magic:
        return MAGIC;
      case register.version:
        return 2;
      case register.deviceId:
        return core.device.deviceId;
      case register.vendorId:
        return VENDOR;
      case register.deviceFeatures:
        return core.deviceFeatures(this.deviceFeaturesSelect);
      case register.queueSizeMax:
        return this.queue?.sizeMax ?? 0;
      case register.queueReady:
        return this.queue?.ready === true ? 1 : 0;
      case register.interruptStatus:
        return this.interruptStatus;
      case register.status:
        return core.status;
      case register.sharedLengthLow:
      case register.sharedLengthHigh:
      case register.sharedBaseLow:
      case register.sharedBaseHigh:
        return 0xffff_ffff;
      case register.configGeneration:
        return core.configGeneration;
      default:
        return 0;
    }
  }

  private writeRegister(offset: number, value: number): void {
    const { core } = this;
    switch (offset) {
      case register.deviceFeaturesSelect:
        this.deviceFeaturesSelect = value;
        return;
      case register.driverFeaturesSelect:
        this.driverFeaturesSelect = value;
        return;
      case register.driverFeatures:
        core.setDriverFeatures(this.driverFeaturesSelect, value);
        return;
      case register.queueSelect:
        this.queueSelect = value;
        return;
      case register.queueReady:
        if ((value & 1) !== 0) core.enableQueue(this.queueSelect);
        else if (this.queue !== undefined) this.queue.ready = false;
        return;
      case register.queueNotify:
        core.notify(value);
        return;
      case register.interruptAcknowledge:
        this.interruptStatus &= ~value;
        this.interrupt.set(this.interruptStatus !== 0);
        return;
      case register.status:
        core.setStatus(value);
        if (value === 0) this.afterReset();
        return;
      default:
        this.writeQueueRegister(offset, value);
    }
  }

  /** Registers of the selected queue; fixed while it is ready (§4.2.2.2). */
  private writeQueueRegister(offset: number, value: number): void {
    const { queue } = this;
    if (queue === undefined || queue.ready) return;
    const high = (offset & 4) !== 0;
    switch (offset) {
      case register.queueSize:
        queue.size = value;
        return;
      case register.descriptorLow:
      case register.descriptorHigh:
        queue.descriptorAddress = withHalf(queue.descriptorAddress, high, value);
        return;
      case register.driverLow:
      case register.driverHigh:
        queue.availableAddress = withHalf(queue.availableAddress, high, value);
        return;
      case register.deviceLow:
      case register.deviceHigh:
        queue.usedAddress = withHalf(queue.usedAddress, high, value);
        return;
    }
  }

  private raise(cause: number): void {
    this.interruptStatus |= cause;
    this.interrupt.set(true);
  }

  private afterReset(): void {
    this.interruptStatus = 0;
    this.queueSelect = 0;
    this.deviceFeaturesSelect = 0;
    this.driverFeaturesSelect = 0;
    this.interrupt.set(false);
  }

  saveRecord(): Uint8Array {
    const { interruptStatus, deviceFeaturesSelect, driverFeaturesSelect, queueSelect } = this;
    return encodeRecord(RECORD, { interruptStatus, deviceFeaturesSelect, driverFeaturesSelect, queueSelect, core: this.core.saveRecord() });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { core: coreBytes, ...registers } = read.value;
    const core = this.core.openRecord(coreBytes);
    if (!core.ok) return core;
    return ok(() => {
      Object.assign(this, registers);
      core.value();
      this.interrupt.set(this.interruptStatus !== 0);
    });
  }
}
