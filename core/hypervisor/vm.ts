/**
 * One virtual machine on one host: its memory, vCPUs, console and device record, and the states that it
 * goes through. What runs when is the host's matter; this file knows no time but what it is told.
 *
 *   incoming → running ⇄ paused → handing-over → (destroyed, or running again)
 *   running → stopped (the guest asked for it) | failed (it cannot go on)
 *
 * Left out: memory hot-plug, more than 16 VMs on a host.
 */
import { assert, err, type Hash64, hashBytes, hashInteger, ok, type Result } from '../base/index.ts';
import type { HartStateError, Machine } from '../machine/index.ts';
import type { VmMemory } from '../memory/index.ts';
import type { VmSnapshot } from '../protocol/snapshot.ts';
import { EXIT_COSTS } from './cost-table.ts';
import { CONSOLE_INPUT_MAX, consoleBytes, DebugConsole } from './debug-console.ts';
import {
  type FieldRow,
  fieldsSize,
  readFields,
  type RecordError,
  writeFields,
} from '../base/device-record.ts';
import { hartState, type Vcpu } from './vcpu.ts';
import type { VmDevices } from './vm-devices.ts';
import { VmDisks } from './vm-disks.ts';

export type VmState = VmSnapshot['state'];

/** Grid and period of the throttle's duty cycle. Unit: ns. */
export const THROTTLE_PERIOD_NS = 10_000_000;
/** Largest share that a throttle takes. Unit: per cent. QEMU's max-cpu-throttle is 99 as well. */
export const THROTTLE_PERCENT_MAX = 99;

/** What a VM tells its host. */
export interface VmHooks {
  /** Something is about to change that the scheduler must see: state or throttle. */
  changing(): void;
  log(kind: string, text: string): void;
}

/** What a VM is made of. */
export interface VmParts {
  readonly id: number;
  readonly name: string;
  readonly guest: string;
  readonly memory: VmMemory;
  readonly vcpus: readonly Vcpu[];
  readonly machine: Machine;
  readonly hooks: VmHooks;
  readonly state: VmState;
}

/** Version 1 is a VM without devices, whose records and hashes stay what they were; version 2 has them. */
const RECORD_VERSION = { plain: 1, withDevices: 2 } as const;

// biome-ignore format: a table, one row a line
const DEVICE_HEADER = [
  { name: 'version',     width: 'u16', since: 1 },
  { name: 'vcpuCount',   width: 'u16', since: 1 },
  { name: 'inputCount',  width: 'u16', since: 1 }, // console input that waits for the guest; bytes follow the vCPUs
  { name: 'reserved',    width: 'u16', since: 1 },
  // since version 2 the record of VmDevices is the rest
] as const satisfies readonly FieldRow[];

// biome-ignore format: a table, one row a line
const DEVICE_VCPU = [
  { name: 'hartState',       width: 'u8',   since: 1 }, // SBI HSM state
  { name: 'waiting',         width: 'u8',   since: 1 }, // in wfi
  { name: 'timerDeadlineNs', width: 'time', since: 1 }, // SBI timer
  { name: 'softwareAtNs',    width: 'time', since: 1 }, // interprocessor interrupt on its way
  { name: 'startAtNs',       width: 'time', since: 1 }, // hart start on its way
  { name: 'startAddress',    width: 'u53',  since: 1 },
  { name: 'startOpaque',     width: 'u53',  since: 1 },
  { name: 'externalAtNs',    width: 'time', since: 2 }, // change of the external interrupt wire on its way
] as const satisfies readonly FieldRow[];

/** Whether the record of a VM is that of one with devices. */
export function hasDevices(record: Uint8Array): boolean {
  return record.length >= 2 && record[0]! + 256 * record[1]! >= RECORD_VERSION.withDevices;
}

const vcpuFields = (version: number) => DEVICE_VCPU.filter((field) => field.since <= version);

export class Vm {
  readonly id: number;
  readonly name: string;
  readonly guest: string;
  readonly memory: VmMemory;
  readonly vcpus: readonly Vcpu[];
  readonly debugConsole = new DebugConsole();
  /**
   * Names of devices that write this VM's memory without the writer seeing it (passed through, without
   * write faults of their own). None exist yet; what must see every write refuses while one is here.
   */
  readonly unseenWriters: string[] = [];
  /** Its disks as they move; none without devices. */
  readonly disks = new VmDisks(this);
  /** Its devices, when it was made with some. A reboot makes them anew. */
  devices: VmDevices | undefined;
  /** One sentence when paused, stopped or failed, else ''. */
  reason = '';
  private current: VmState;
  private throttle = 0;
  private readonly machine: Machine;
  private readonly hooks: VmHooks;

  constructor(parts: VmParts) {
    this.id = parts.id;
    this.name = parts.name;
    this.guest = parts.guest;
    this.memory = parts.memory;
    this.vcpus = parts.vcpus;
    this.machine = parts.machine;
    this.hooks = parts.hooks;
    this.current = parts.state;
  }

  get state(): VmState {
    return this.current;
  }

  /** Slot of its guest frame map in the host's memory. */
  get slot(): number {
    return this.memory.slot;
  }

  /** RAM in 4 KiB pages. */
  get pageCount(): number {
    return this.memory.pageCount;
  }

  /** Stops all vCPUs at the present event. Only a running VM is paused. */
  pause(reason: string): void {
    assert(this.current === 'running', 'a running VM is paused');
    this.change('paused', reason);
  }

  /** Only for the run loop: the state changes at the vCPU's own time, the scheduler looks again at the next cut. */
  endWithin(state: 'stopped' | 'failed', reason: string): void {
    if (this.current === 'stopped' || this.current === 'failed') return;
    this.current = state;
    this.reason = reason;
  }

  /** Lets the vCPUs go on, from paused, handing-over (the token came back) or incoming (it arrived). */
  resume(): void {
    assert(
      this.current === 'paused' || this.current === 'handing-over' || this.current === 'incoming',
      'a VM that is resumed stands still',
    );
    this.change('running', '');
    this.devices?.onResume();
  }

  /** From paused: the right to run is on the wire. */
  beginHandOver(reason: string): void {
    assert(this.current === 'paused', 'a VM that is handed over is paused');
    this.change('handing-over', reason);
  }

  /** The guest asked for the end, or a person did. Final. */
  stop(reason: string): void {
    if (this.current === 'stopped' || this.current === 'failed') return;
    this.change('stopped', reason);
    this.hooks.log('stopped', reason);
  }

  /** It cannot go on. Final; other VMs are not touched. */
  fail(reason: string): void {
    if (this.current === 'stopped' || this.current === 'failed') return;
    this.change('failed', reason);
    this.hooks.log('failed', reason);
  }

  /** Share of time taken from the vCPUs, on an absolute grid of 10 ms. Whole per cent, 0 … 99. */
  setThrottle(percent: number): void {
    assert(
      Number.isInteger(percent) && percent >= 0 && percent <= THROTTLE_PERCENT_MAX,
      'a throttle is 0 … 99 %',
    );
    this.hooks.changing();
    this.throttle = percent;
  }

  get throttlePercent(): number {
    return this.throttle;
  }

  /** Puts text into the console's input; gives how many bytes were taken. */
  type(text: string): number {
    if (this.devices !== undefined) this.hooks.changing();
    const taken = this.debugConsole.type(consoleBytes(text));
    this.devices?.onTyped();
    return taken;
  }

  /** The declared record of a vCPU's hart: registers, CSRs, pc, mode. */
  saveVcpu(index: number): Uint8Array {
    return this.machine.saveHart(this.getVcpu(index).hartSlot);
  }

  /** Puts a record that {@link saveVcpu} gave elsewhere into a vCPU of this VM. Refused bytes change nothing. */
  loadVcpu(index: number, bytes: Uint8Array): Result<true, HartStateError> {
    return this.machine.loadHart(this.getVcpu(index).hartSlot, bytes, this.memory);
  }

  getVcpu(index: number): Vcpu {
    const vcpu = this.vcpus[index];
    assert(vcpu !== undefined, `VM ${this.name} has a vCPU ${index}`);
    return vcpu;
  }

  /** Console input, timers, hart states and all devices as one declared record. */
  deviceRecord(): Uint8Array {
    const input = this.debugConsole.waitingInput();
    const version = this.recordVersion();
    const fields = vcpuFields(version);
    const devices = this.devices?.saveRecord() ?? new Uint8Array(0);
    const fixed = fieldsSize(DEVICE_HEADER) + this.vcpus.length * fieldsSize(fields);
    const bytes = new Uint8Array(fixed + input.length + devices.length);
    const view = new DataView(bytes.buffer);
    let at = writeFields(view, 0, DEVICE_HEADER, {
      version,
      vcpuCount: this.vcpus.length,
      inputCount: input.length,
      reserved: 0,
    });
    for (const vcpu of this.vcpus) {
      at = writeFields(view, at, fields, { ...vcpu, waiting: vcpu.waiting ? 1 : 0 });
    }
    bytes.set(input, at);
    bytes.set(devices, at + input.length);
    return bytes;
  }

  /** Takes over a record that another host made. Changes nothing when it is refused. */
  loadDeviceRecord(bytes: Uint8Array): Result<undefined, RecordError> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const expected = this.recordVersion();
    const rows = vcpuFields(expected);
    const fixed = fieldsSize(DEVICE_HEADER) + this.vcpus.length * fieldsSize(rows);
    if (bytes.length < fixed) {
      return err({ kind: 'record-size', found: bytes.length, expected: fixed });
    }
    const header = readFields(view, 0, DEVICE_HEADER);
    if (!header.ok) return header;
    const { version, vcpuCount, inputCount } = header.value;
    if (version !== expected) {
      return err({ kind: 'record-version', found: version, expected });
    }
    if (vcpuCount !== this.vcpus.length) {
      return err({ kind: 'record-value', field: 'vcpuCount', found: vcpuCount });
    }
    if (inputCount > CONSOLE_INPUT_MAX) {
      return err({ kind: 'record-value', field: 'inputCount', found: inputCount });
    }
    if (this.devices === undefined ? bytes.length !== fixed + inputCount : bytes.length < fixed + inputCount) {
      return err({ kind: 'record-size', found: bytes.length, expected: fixed + inputCount });
    }
    const loaded = [];
    let at = fieldsSize(DEVICE_HEADER);
    for (let index = 0; index < vcpuCount; index++, at += fieldsSize(rows)) {
      const fields = readFields(view, at, rows);
      if (!fields.ok) return fields;
      const known = (Object.values(hartState) as number[]).includes(fields.value.hartState);
      if (!known || fields.value.waiting > 1) {
        return err({ kind: 'record-value', field: 'hartState', found: fields.value.hartState });
      }
      loaded.push(fields.value);
    }
    const devices = this.devices?.openRecord(bytes.subarray(at + inputCount));
    if (devices?.ok === false) return devices;
    // Devices drive their wires; when a change reaches a vCPU is in the vCPU's own fields.
    devices?.value();
    loaded.forEach((fields, index) => {
      Object.assign(this.getVcpu(index), fields, { waiting: fields.waiting === 1 });
    });
    this.debugConsole.restoreInput([...bytes.subarray(at, at + inputCount)]);
    return ok(undefined);
  }

  private recordVersion(): number {
    return this.devices === undefined ? RECORD_VERSION.plain : RECORD_VERSION.withDevices;
  }

  /** Mixes vCPUs, devices and state into the run hash; pages come through the memory's written log. */
  hashInto(hash: Hash64): void {
    hashInteger(hash, this.id);
    hashInteger(hash, STATES.indexOf(this.current));
    hashInteger(hash, this.debugConsole.byteCount);
    for (const vcpu of this.vcpus) {
      hashInteger(hash, vcpu.timeNs);
      hashInteger(hash, vcpu.timePs);
      hashInteger(hash, vcpu.instructionCount);
      hashBytes(hash, this.saveVcpu(vcpu.index));
    }
    hashBytes(hash, this.deviceRecord());
    this.devices?.hashInto(hash);
  }

  snapshot(): VmSnapshot {
    const exits: Record<string, number> = {};
    EXIT_COSTS.forEach((row, index) => {
      const count = this.vcpus.reduce((sum, vcpu) => sum + vcpu.exitCounts[index]!, 0);
      if (count > 0) exits[row.cause] = count;
    });
    return {
      id: this.id,
      name: this.name,
      guest: this.guest,
      state: this.current,
      reason: this.reason,
      slot: this.slot,
      hartSlots: this.vcpus.map((vcpu) => vcpu.hartSlot),
      pageCount: this.pageCount,
      instructionsRetired: this.vcpus.reduce(
        (sum, vcpu) => sum + this.machine.instructionsRetired(vcpu.hartSlot),
        0,
      ),
      exits,
      throttlePercent: this.throttle,
      consoleLength: this.debugConsole.byteCount,
    };
  }

  private change(state: VmState, reason: string): void {
    this.hooks.changing();
    this.current = state;
    this.reason = reason;
  }
}

const STATES: readonly VmState[] = [
  'running',
  'paused',
  'incoming',
  'handing-over',
  'stopped',
  'failed',
];
