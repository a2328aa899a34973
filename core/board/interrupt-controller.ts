/**
 * Which controller joins the devices' wires to the harts' external interrupts: a PLIC; an APLIC with a
 * machine-level root and a supervisor-level child; or that APLIC sending messages to interrupt files of
 * the harts. All at QEMU's places, by the names of its option `aia`. The interrupt files have no guest
 * files beside them.
 */
import { Aplic, InterruptFile, InterruptFilePages, Plic } from '../devices/index.ts';
import type { Bus } from '../machine/bus.ts';
import { type AiaChoice, hartLine, IDENTITY_COUNT, MEMORY_MAP, SOURCE_COUNT } from '../platform/memory-map.ts';

/** A wire to a hart: `code` is a bit of mip. */
export type OnExternal = (hart: number, code: number, level: boolean) => void;

export interface InterruptController {
  /** The wire of a source, 1 … SOURCE_COUNT. */
  setLevel(source: number, level: boolean): void;
}

/** A hart's interrupt files. */
export interface HartFiles {
  readonly machine: InterruptFile;
  readonly supervisor: InterruptFile;
}

/** What attachController() made. `files` by hart; empty without incoming-MSI controllers. */
export interface Wiring {
  readonly controller: InterruptController;
  readonly files: readonly HartFiles[];
}

/** Makes it and puts its registers on the bus. */
export function attachController(bus: Bus, aia: AiaChoice, hartCount: number, onExternal: OnExternal): Wiring {
  if (aia === 'none') return { controller: attachPlic(bus, hartCount, onExternal), files: [] };
  const files = aia === 'aplic-imsic' ? attachFiles(bus, hartCount, onExternal) : [];
  const portsOf = (code: number) => ({
    onSignal: (hart: number, level: boolean) => onExternal(hart, code, level),
    // A message to where no device takes words is lost.
    sendMsi: (address: number, identity: number) => void bus.write(address, 4, identity, 0),
  });
  const delivery = aia === 'aplic-imsic' ? 'msi' : 'direct';
  const common = { delivery, sourceCount: SOURCE_COUNT, hartCount } as const;
  const child = new Aplic({ ...common, name: 'aplic (supervisor)', level: 'supervisor' }, portsOf(hartLine.supervisorExternal));
  const root = new Aplic({ ...common, name: 'aplic (machine)', level: 'machine', child }, portsOf(hartLine.machineExternal));
  bus.attach(MEMORY_MAP.aplicMachine.address, root);
  bus.attach(MEMORY_MAP.aplicSupervisor.address, child);
  return { controller: root, files };
}

function attachPlic(bus: Bus, hartCount: number, onExternal: OnExternal): Plic {
  const { machineExternal, supervisorExternal } = hartLine;
  const plic = new Plic({ sourceCount: SOURCE_COUNT, contextCount: 2 * hartCount }, {
    onNotification: (context, level) =>
      onExternal(context >> 1, context % 2 === 0 ? machineExternal : supervisorExternal, level),
  });
  bus.attach(MEMORY_MAP.plic.address, plic);
  return plic;
}

function attachFiles(bus: Bus, hartCount: number, onExternal: OnExternal): HartFiles[] {
  const make = (hart: number, code: number) => new InterruptFile(IDENTITY_COUNT, (level) => onExternal(hart, code, level));
  const files = Array.from({ length: hartCount }, (_, hart) => ({
    machine: make(hart, hartLine.machineExternal),
    supervisor: make(hart, hartLine.supervisorExternal),
  }));
  const pages = (name: string, of: (it: HartFiles) => InterruptFile) => new InterruptFilePages(name, files.map(of));
  bus.attach(MEMORY_MAP.imsicMachine.address, pages('imsics (machine)', (it) => it.machine));
  bus.attach(MEMORY_MAP.imsicSupervisor.address, pages('imsics (supervisor)', (it) => it.supervisor));
  return files;
}
