/**
 * What an inspector shows of a board: a hart's mode and translation registers, a typed address walked as the hart would,
 * its interrupts with interrupt files and controllers, its devices with their queues. Looking changes nothing: no
 * accessed bit, no TLB entry, no claim.
 */
import { Aplic, aplicFacts, EmptyVirtioSlot, InterruptFilePages, interruptFileFacts, Plic, plicFacts } from '../devices/index.ts';
import { ringFacts, type VirtioCore, virtioFacts, VirtioPci } from '../devices/virtio/index.ts';
import { BARE_CSRS, interruptName, statusFields, translationRegister, trapFields } from '../machine/index.ts';
import { hexadecimal } from '../memory/index.ts';
import { INTERRUPT, MEMORY_MAP, RAM_ADDRESS, VIRTIO_SLOT_COUNT } from '../platform/memory-map.ts';
import type {
  ControllerFacts, DeviceFacts, InterruptFacts, InterruptFileFacts, InterruptRow, ProcessorFacts, RegisterField, RingFacts, TranslationFacts,
  WalkAccess, WalkFacts,
} from '../protocol/machine-inspection.ts';
import type { VirtMachine } from './virt-machine.ts';

/** Interrupts of a hart without and with guests, by their bits of mip; who raises each. */
const INTERRUPTS: readonly { readonly code: number; readonly source: string; readonly extension?: string }[] = [
  { code: 1, source: 'software' },
  { code: 2, source: 'hvip', extension: 'H' },
  { code: 3, source: 'the CLINT’s msip' },
  { code: 5, source: 'stimecmp, or machine mode' },
  { code: 6, source: 'vstimecmp, or hvip', extension: 'H' },
  { code: 7, source: 'the CLINT’s mtimecmp' },
  { code: 9, source: 'the interrupt controller' },
  { code: 10, source: 'a guest’s interrupt file, or hvip', extension: 'H' },
  { code: 11, source: 'the interrupt controller' },
  { code: 12, source: 'guests’ interrupt files', extension: 'H' },
];

const NUMBERS = new Map(BARE_CSRS.map(({ name, number }) => [name as string, number]));

/** A CSR by its name, 0 for one that the hart has not. */
function csr(machine: VirtMachine, hart: number, name: string): bigint {
  return machine.harts.readCsr(hart, NUMBERS.get(name) ?? -1) ?? 0n;
}

function hasExtension(machine: VirtMachine, hart: number, name: string): boolean {
  return (machine.harts.profile(hart).extensions as readonly string[]).includes(name);
}

/** Privilege mode of a hart by its name; S mode of a hart with the H extension is HS. */
export function modeName(machine: VirtMachine, hart: number): string {
  const { privilege, isVirtual } = machine.harts.mode(hart);
  if (privilege === 3) return 'M';
  if (isVirtual) return privilege === 0 ? 'VU' : 'VS';
  return privilege === 0 ? 'U' : hasExtension(machine, hart, 'H') ? 'HS' : 'S';
}

/** Mode, pc, translation registers, status and traps of a hart. `name`: of the board. */
export function processorFacts(machine: VirtMachine, hart: number, name: string): ProcessorFacts {
  const { isVirtual, privilege } = machine.harts.mode(hart);
  const level = privilege === 3 ? 'm' : isVirtual ? 'vs' : 's';
  const isEnded = machine.ended() !== undefined;
  return {
    view: 'processor', hart: `hart ${hart} of ${name}`, profile: machine.harts.profile(hart).id,
    privilege: modeName(machine, hart), virtual: isVirtual, pc: hexadecimal(machine.harts.readPc(hart), 16),
    state: isEnded ? 'stands: the program has ended' : machine.isWaiting(hart) ? 'waits for an interrupt (wfi)' : 'runs',
    translation: registersOf(machine, hart),
    status: [...(privilege === 3 ? machineFields(csr(machine, hart, 'mstatus')) : []), ...statusFields(csr(machine, hart, isVirtual ? 'vsstatus' : 'mstatus'))],
    traps: trapFields({ tvec: `${level}tvec`, epc: `${level}epc`, cause: `${level}cause`, tval: `${level}tval` }, (register) => csr(machine, hart, register)),
  };
}

function registersOf(machine: VirtMachine, hart: number) {
  const names = hasExtension(machine, hart, 'H') ? (['satp', 'vsatp', 'hgatp'] as const) : (['satp'] as const);
  return names.map((name) => translationRegister(name, csr(machine, hart, name), name === 'hgatp'));
}

/** Fields of mstatus that are machine mode's (Privileged §3.1.6). */
function machineFields(value: bigint): RegisterField[] {
  const bit = (place: bigint) => (value >> place) & 1n;
  const previous = ['U', 'S', 'reserved', 'M'][Number((value >> 11n) & 3n)]!;
  return [
    { name: 'MIE', value: String(bit(3n)), text: bit(3n) === 1n ? 'interrupts may be taken' : 'no interrupt is taken while in M mode' },
    { name: 'MPP', value: previous, text: `the last trap to M mode came from ${previous} mode${bit(39n) === 1n ? ', with V set' : ''}` },
    { name: 'MPRV', value: String(bit(17n)), text: bit(17n) === 1n ? `loads and stores are made as ${previous} mode` : 'loads and stores are made as M mode' },
  ];
}

/** An address (0 … 2^64 − 1) as the hart would reach it now. */
export function translationFacts(machine: VirtMachine, hart: number, name: string, address: bigint, access: WalkAccess): TranslationFacts {
  const walk = machine.harts.accountForWalk(hart, address, access);
  const { isVirtual } = machine.harts.mode(hart);
  const registers = registersOf(machine, hart).filter((it) => (isVirtual ? it.name !== 'satp' : it.name === 'satp'));
  return { view: 'translation', hart: `hart ${hart} of ${name}`, privilege: modeName(machine, hart), registers, ...walk, lands: landing(machine, walk) };
}

function landing(machine: VirtMachine, { end }: WalkFacts): string {
  if (end.ended !== 'translated') return '';
  const address = Number(BigInt(end.physical));
  const page = Math.floor((address - RAM_ADDRESS) / 4096);
  if (page >= 0 && page < machine.ram.pageCount) return `page ${page} of ${machine.ram.pageCount} of RAM`;
  const place = machine.devices.bus.find(address);
  if (place === undefined) return 'nothing answers: the hart gets an access fault';
  return `the device “${place.device.name}” on the bus, register 0x${(address - place.address).toString(16)}`;
}

/** Interrupts of a hart, its interrupt files, and the controllers. */
export function interruptFacts(machine: VirtMachine, hart: number, name: string): InterruptFacts {
  const read = (register: string) => csr(machine, hart, register);
  const [mip, mie, mideleg, hideleg] = ['mip', 'mie', 'mideleg', 'hideleg'].map(read) as [bigint, bigint, bigint, bigint];
  const is = (value: bigint, code: number) => ((value >> BigInt(code)) & 1n) === 1n;
  const hasGuests = hasExtension(machine, hart, 'H');
  const supervisor = hasGuests ? 'HS' : 'S';
  const rows = INTERRUPTS.filter(({ extension }) => extension === undefined || hasExtension(machine, hart, extension)).map(({ code, source }): InterruptRow => ({
    code, name: interruptName(code), pending: is(mip, code), enabled: is(mie, code), source,
    goesTo: !is(mideleg, code) ? 'M' : is(hideleg, code) ? 'VS' : supervisor,
    dueNs: code === 7 ? dueAt(machine, hart) : -1,
  }));
  const own = machine.devices.files[hart];
  const files = own === undefined ? [] : [
    interruptFileFacts('machine', own.machine), interruptFileFacts('supervisor', own.supervisor),
    ...own.guests.map((file, index) => interruptFileFacts(`guest ${index + 1}${chosenGuest(machine, hart) === index + 1 ? ' (hstatus.VGEIN)' : ''}`, file)),
  ] satisfies InterruptFileFacts[];
  const registers = ['mip', 'mie', 'mideleg', ...(hasGuests ? ['hideleg', 'hvip'] : []), ...(own !== undefined && hasGuests ? ['hgeip', 'hgeie'] : [])];
  return {
    view: 'interrupts', hart: `hart ${hart} of ${name}`, privilege: modeName(machine, hart),
    registers: registers.map((register) => ({ name: register, value: hexadecimal(read(register), 16) })),
    rows, next: nextSentence(machine, hart, mip & mie),
    files, noFiles: files.length === 0 ? 'This board has no incoming-MSI controllers: its harts have no interrupt files.' : '',
    controllers: controllersOf(machine),
  };
}

function chosenGuest(machine: VirtMachine, hart: number): number {
  return Number((csr(machine, hart, 'hstatus') >> 12n) & 0x3fn);
}

function dueAt(machine: VirtMachine, hart: number): number {
  const dueNs = machine.devices.clint.nextTimerNs(hart, machine.timeNs());
  return Number.isFinite(dueNs) ? dueNs : -1;
}

function nextSentence(machine: VirtMachine, hart: number, ready: bigint): string {
  const due = machine.harts.dueInterrupt(hart);
  if (due !== undefined) return `The ${interruptName(due.code)} is taken before the next instruction, to ${due.to} mode.`;
  if (ready === 0n) return 'Nothing is both pending and enabled.';
  return 'What is pending and enabled waits: the mode that would take it has masked its interrupts.';
}

function controllersOf(machine: VirtMachine): ControllerFacts[] {
  const { devices } = machine;
  const names = new Map<number, string>([[INTERRUPT.serial, 'serial port'], [INTERRUPT.rtc, 'clock']]);
  for (const [slot, { name }] of devices.slots.entries()) names.set(INTERRUPT.virtio + slot, name);
  for (const [pin, letter] of ['A', 'B', 'C', 'D'].entries()) names.set(INTERRUPT.pcie + pin, `PCIe INT${letter}`);
  const source = (number: number) => names.get(number) ?? '';
  return devices.bus.windows().flatMap(({ address, device }): ControllerFacts[] => {
    if (device instanceof Plic) {
      const context = (index: number) => `hart ${index >> 1}, ${index % 2 === 0 ? 'M' : 'S'} mode`;
      return [plicFacts(device, { name: 'PLIC', address, source, context })];
    }
    if (device instanceof Aplic) return [aplicFacts(device, { name: device.name.replace('aplic', 'APLIC'), address, source, context: (index) => `hart ${index}` })];
    return [];
  });
}

interface VirtioPlace {
  readonly slot: number;
  readonly name: string;
  readonly core: VirtioCore;
  readonly address: number;
  readonly byteCount: number;
  readonly source: number;
}

/** virtio devices: those in slots, then functions on the PCIe bus under numbers behind the last slot. */
function virtioPlaces(machine: VirtMachine): VirtioPlace[] {
  const { slots, bridge } = machine.devices;
  const { virtio, pcieConfiguration } = MEMORY_MAP;
  const inSlots = slots.flatMap(({ name, core, size }, slot) =>
    core === undefined ? [] : [{ slot, name, core, byteCount: size, address: virtio.address + slot * virtio.size, source: INTERRUPT.virtio + slot }]);
  const onBus = bridge.all().flatMap((it, index) =>
    it instanceof VirtioPci
      ? [{ slot: VIRTIO_SLOT_COUNT + index, name: `virtio ${it.core.device.name}`, core: it.core, byteCount: 4096, address: pcieConfiguration.address + ((index + 1) << 15), source: INTERRUPT.pcie + ((index + 1) & 3) }]
      : []);
  return [...inSlots, ...onBus];
}

/** All devices of the board. */
export function deviceFacts(machine: VirtMachine): DeviceFacts[] {
  const sources: Readonly<Record<string, number>> = { serial: INTERRUPT.serial, rtc: INTERRUPT.rtc };
  const virtio = virtioPlaces(machine).map(({ core, ...it }): DeviceFacts => ({ ...virtioFacts(core, machine.ram), ...it, address: hexadecimal(it.address) }));
  const inSlots = new Set<unknown>(machine.devices.slots);
  const others = machine.devices.bus.windows().flatMap(({ address, device }): DeviceFacts[] => {
    if (inSlots.has(device) || device instanceof EmptyVirtioSlot) return [];
    const name = device instanceof InterruptFilePages ? `interrupt files: ${device.name}` : device.name;
    return [{
      name, address: hexadecimal(address), byteCount: device.size, source: sources[device.name] ?? 0, slot: -1,
      status: [], features: [], failure: '', queues: [], counters: [],
    }];
  });
  return [...virtio, ...others];
}

/** One queue of a virtio device; undefined: there is none. */
export function queueFacts(machine: VirtMachine, slot: number, queue: number): RingFacts | undefined {
  const place = virtioPlaces(machine).find((it) => it.slot === slot);
  return place === undefined ? undefined : ringFacts(place.core, machine.ram, slot, queue);
}
