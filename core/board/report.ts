/** What a report tells of the board's harts and virtio devices. */
import { EXCEPTIONS, INTERRUPTS } from '../isa/table/index.ts';
import { EmptyVirtioSlot } from '../devices/index.ts';
import { VirtioPci, type VirtioReport } from '../devices/virtio/index.ts';
import type { BoardDevice } from '../protocol/snapshot.ts';
import { Rom } from './rom.ts';
import type { VirtMachine } from './virt-machine.ts';

/** One hart's work. */
export interface HartReport {
  readonly hart: number;
  readonly instructionsRetired: number;
  /** How often it trapped, by the manual's name of the cause; causes that did not occur are left out. */
  readonly traps: Readonly<Record<string, number>>;
}

/** All harts, in their order. */
export function hartReports(machine: VirtMachine): readonly HartReport[] {
  return Array.from({ length: machine.devices.hartCount }, (_, hart) => ({
    hart,
    instructionsRetired: machine.harts.instructionsRetired(hart),
    traps: trapsOf(machine, hart),
  }));
}

/** Virtio devices: those in slots, then those on the PCIe bus. */
export function deviceReports(machine: VirtMachine): readonly VirtioReport[] {
  const { slots, bridge } = machine.devices;
  const inSlots = slots.flatMap(({ core }) => (core === undefined ? [] : [core.report()]));
  const onBus = bridge.all().flatMap((it) => (it instanceof VirtioPci ? [it.core.report()] : []));
  return [...inSlots, ...onBus];
}

/** What is on the bus, by address; empty slots and the bus's own memory are left out. */
export function busDevices({ devices }: VirtMachine): readonly BoardDevice[] {
  return devices.bus.windows().flatMap(({ address, device }): BoardDevice[] => {
    if (device instanceof EmptyVirtioSlot || device instanceof Rom || device.name === 'pcie memory') return [];
    const core = devices.slots.find((slot) => slot === device)?.core;
    return [{ name: device.name, address, state: core === undefined ? 'there' : core.report().failure !== '' ? 'failed' : core.isLive() ? 'driven' : 'waits for a driver' }];
  });
}

function trapsOf(machine: VirtMachine, hart: number): Record<string, number> {
  const { exception, interrupt } = machine.harts.trapCounts(hart);
  return Object.fromEntries([...named(exception, EXCEPTIONS, 'exception'), ...named(interrupt, INTERRUPTS, 'interrupt')]);
}

function named(
  counts: ArrayLike<number>,
  rows: readonly { readonly code: number; readonly name: string }[],
  kind: string,
): (readonly [string, number])[] {
  return Array.from(counts).flatMap((count, code) =>
    count === 0 ? [] : [[rows.find((row) => row.code === code)?.name ?? `${kind} ${code}`, count] as const],
  );
}
