/**
 * One virtual machine on one host: its memory, vCPUs, console and device record, and the states that it
 * goes through. What runs when is the host's matter; this file knows no time but what it is told.
 *
 *   incoming → running ⇄ paused → handing-over → (destroyed, or running again)
 *   running → stopped (the guest asked for it) | failed (it cannot go on)
 *
 * Left out: memory hot-plug, more than 16 VMs on a host.
 */
import { assert, type Hash64, hashBytes, hashInteger, ok, type Result } from '../base/index.ts';
import type { HartStateError, Machine } from '../machine/index.ts';
import type { VmMemory } from '../memory/index.ts';
import type { VmSnapshot } from '../protocol/snapshot.ts';
import { EXIT_COSTS } from './cost-table.ts';
import { consoleBytes, DebugConsole } from './debug-console.ts';
import type { RecordError } from '../base/device-record.ts';
import type { Vcpu } from './vcpu.ts';
import type { VmDevices } from './vm-devices.ts';
import { VmDisks } from './vm-disks.ts';
import { openVmRecord, saveVmRecord } from './vm-record.ts';

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
    return saveVmRecord({ vcpus: this.vcpus, input: this.debugConsole.waitingInput(), devices: this.devices });
  }

  /** Takes over a record that another host made. Changes nothing when it is refused. */
  loadDeviceRecord(bytes: Uint8Array): Result<undefined, RecordError> {
    const opened = openVmRecord(bytes, { vcpuCount: this.vcpus.length, devices: this.devices });
    if (!opened.ok) return opened;
    const { vcpus, input, loadDevices } = opened.value;
    // Devices drive their wires; when a change reaches a vCPU is in the vCPU's own fields.
    loadDevices();
    vcpus.forEach((fields, index) => {
      Object.assign(this.getVcpu(index), fields);
    });
    this.debugConsole.restoreInput([...input]);
    return ok(undefined);
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
