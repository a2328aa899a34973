/**
 * Which controller joins the devices' wires to the harts' external interrupts: a PLIC; an APLIC with a
 * machine-level root and a supervisor-level child; or that APLIC sending messages to interrupt files of
 * the harts. All at QEMU's places, by the names of its option `aia`. Harts with the H extension have guest interrupt
 * files behind their own, as QEMU's option `aia-guests` makes them.
 */
import { Aplic, InterruptFile, InterruptFilePages, Plic } from '../devices/index.ts';
import type { Bus } from '../machine/bus.ts';
import { type FileLevel, GUEST_LINE } from '../machine/index.ts';
import { type AiaChoice, guestIndexBits, hartLine, IDENTITY_COUNT, MEMORY_MAP, SOURCE_COUNT } from '../platform/memory-map.ts';

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
  /** Of guests 1, 2, … */
  readonly guests: readonly InterruptFile[];
}

/** What attachController() made. `files` by hart; empty without incoming-MSI controllers. */
export interface Wiring {
  readonly controller: InterruptController;
  readonly files: readonly HartFiles[];
}

/** Makes it and puts its registers on the bus. */
export function attachController(
  bus: Bus,
  aia: AiaChoice,
  harts: { readonly hartCount: number; readonly guestFileCount: number },
  onExternal: OnExternal,
): Wiring {
  const { hartCount } = harts;
  if (aia === 'none') return { controller: attachPlic(bus, hartCount, onExternal), files: [] };
  const files = aia === 'aplic-imsic' ? attachFiles(bus, harts, onExternal) : [];
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

/** The file of a hart at a level of its CSRs. */
export function fileAt(files: HartFiles | undefined, level: FileLevel): InterruptFile | undefined {
  return typeof level === 'number' ? files?.guests[level - 1] : files?.[level];
}

function attachFiles(
  bus: Bus,
  { hartCount, guestFileCount }: { readonly hartCount: number; readonly guestFileCount: number },
  onExternal: OnExternal,
): HartFiles[] {
  const make = (hart: number, code: number) => new InterruptFile(IDENTITY_COUNT, (level) => onExternal(hart, code, level));
  const files = Array.from({ length: hartCount }, (_, hart) => ({
    machine: make(hart, hartLine.machineExternal),
    supervisor: make(hart, hartLine.supervisorExternal),
    guests: Array.from({ length: guestFileCount }, (_none, index) => make(hart, GUEST_LINE + 1 + index)),
  }));
  const pages = (name: string, of: (it: HartFiles) => readonly (InterruptFile | undefined)[]) =>
    new InterruptFilePages(name, files.flatMap(of));
  // A hart's pages are a power of two: its own, its guests', then such without a file (AIA 1.0 §3.6).
  const vacant = new Array<undefined>((1 << guestIndexBits(guestFileCount)) - 1 - guestFileCount).fill(undefined);
  bus.attach(MEMORY_MAP.imsicMachine.address, pages('imsics (machine)', (it) => [it.machine]));
  bus.attach(MEMORY_MAP.imsicSupervisor.address, pages('imsics (supervisor)', (it) => [it.supervisor, ...it.guests, ...vacant]));
  return files;
}
