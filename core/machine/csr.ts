/**
 * The control and status registers of a guest (VS and VU mode), as a table: where each is kept,
 * which bits software can change, what else a write does. All others are illegal instructions to
 * the guest. A hart profile has the rows and bits of its extensions. henvcfg is as if it enabled
 * every cache-block operation. Left out: Sstc's stimecmp, events for the performance counters, which
 * read 0.
 */
import { HART_PROFILES, HPM_COUNTERS } from '../isa/table/index.ts';
import type { Extension } from '../isa/table/row.ts';
import { csrSlot } from '../protocol/host-memory-layout.ts';
import { sstatusBit } from './hart.ts';

/** What a register is besides storage. */
export type CsrBehaviour =
  | 'plain' //        storage under a mask
  | 'status' //       sstatus: may change permissions and unmask interrupts
  | 'enable' //       sie: may unmask interrupts
  | 'pending' //      sip: hvip shifted right by one; only SSIP is writable
  | 'translation' //  satp: ignored when MODE is unknown; new translations at once
  | 'cycle'
  | 'time'
  | 'instret' // read-only counters, computed
  | 'float' //        fflags, frm, fcsr: parts of record.fcsr, illegal while FS is Off
  | 'zero' //         a performance counter without an event
  | 'environment'; // senvcfg: CBIE keeps its value when written with the reserved 2

/** One register. Masks are 32-bit halves: a bit that is 0 keeps its value. */
export interface GuestCsr {
  readonly name: string;
  readonly number: number;
  /** Slot in the hart record, −1 for a computed counter. */
  readonly slot: number;
  readonly writeLow: number;
  readonly writeHigh: number;
  readonly behaviour: CsrBehaviour;
  readonly section: string;
  /** Extension that the register belongs to; none: every guest has it. */
  readonly extension?: Extension;
  /** Bits of the low half that can be written, too, when the hart has an extension. */
  readonly wider?: readonly { readonly extension: Extension; readonly low: number }[];
}

const ALL = 0xffff_ffff | 0;
const STATUS = sstatusBit.sie | sstatusBit.spie | sstatusBit.spp | sstatusBit.sum | sstatusBit.mxr;

// biome-ignore format: a row a line
export const GUEST_CSRS = [
  { name: 'sstatus',    number: 0x100, slot: csrSlot.vsstatus,   writeLow: STATUS, writeHigh: 0,   behaviour: 'status',      section: 'Privileged 20240411 §12.1.1', wider: [{ extension: 'F', low: sstatusBit.fs }] },
  { name: 'sie',        number: 0x104, slot: csrSlot.vsie,       writeLow: 0x222,  writeHigh: 0,   behaviour: 'enable',      section: 'Privileged 20240411 §12.1.3' },
  { name: 'stvec',      number: 0x105, slot: csrSlot.vstvec,     writeLow: ~2,     writeHigh: ALL, behaviour: 'plain',       section: 'Privileged 20240411 §12.1.2' },
  { name: 'scounteren', number: 0x106, slot: csrSlot.scounteren, writeLow: 7,      writeHigh: 0,   behaviour: 'plain',       section: 'Privileged 20240411 §12.1.5', wider: [{ extension: 'Zihpm', low: ~7 }] },
  { name: 'senvcfg',    number: 0x10a, slot: csrSlot.senvcfg,    writeLow: 1,      writeHigh: 0,   behaviour: 'environment', section: 'Privileged 20240411 §12.1.10', wider: [{ extension: 'Zicbom', low: 0x70 }, { extension: 'Zicboz', low: 0x80 }] },
  { name: 'sscratch',   number: 0x140, slot: csrSlot.vsscratch,  writeLow: ALL,    writeHigh: ALL, behaviour: 'plain',       section: 'Privileged 20240411 §12.1.6' },
  { name: 'sepc',       number: 0x141, slot: csrSlot.vsepc,      writeLow: ~3,     writeHigh: ALL, behaviour: 'plain',       section: 'Privileged 20240411 §12.1.7', wider: [{ extension: 'C', low: 2 }] },
  { name: 'scause',     number: 0x142, slot: csrSlot.vscause,    writeLow: ALL,    writeHigh: ALL, behaviour: 'plain',       section: 'Privileged 20240411 §12.1.8' },
  { name: 'stval',      number: 0x143, slot: csrSlot.vstval,     writeLow: ALL,    writeHigh: ALL, behaviour: 'plain',       section: 'Privileged 20240411 §12.1.9' },
  { name: 'sip',        number: 0x144, slot: csrSlot.hvip,       writeLow: 1 << 2, writeHigh: 0,   behaviour: 'pending',     section: 'Privileged 20240411 §12.1.3, §18.2.3' },
  { name: 'satp',       number: 0x180, slot: csrSlot.vsatp,      writeLow: ALL,    writeHigh: ALL, behaviour: 'translation', section: 'Privileged 20240411 §12.1.11' },
  { name: 'cycle',      number: 0xc00, slot: -1,                 writeLow: 0,      writeHigh: 0,   behaviour: 'cycle',       section: 'Unprivileged 20240411 §8.1' },
  { name: 'time',       number: 0xc01, slot: -1,                 writeLow: 0,      writeHigh: 0,   behaviour: 'time',        section: 'Unprivileged 20240411 §8.1' },
  { name: 'instret',    number: 0xc02, slot: -1,                 writeLow: 0,      writeHigh: 0,   behaviour: 'instret',     section: 'Unprivileged 20240411 §8.1' },
] as const satisfies readonly GuestCsr[];

const FLOAT_CSRS: readonly GuestCsr[] = ['fflags', 'frm', 'fcsr'].map((name, index) => ({
  name,
  number: index + 1,
  slot: -1,
  writeLow: 0,
  writeHigh: 0,
  behaviour: 'float',
  section: 'Unprivileged 20240411 §21.2',
  extension: 'F',
}));

const COUNTERS: readonly GuestCsr[] = HPM_COUNTERS.map(({ name, number, section }) => ({
  name,
  number,
  slot: -1,
  writeLow: 0,
  writeHigh: 0,
  behaviour: 'zero',
  section,
  extension: 'Zihpm',
}));

/** Rows of each profile, by the profile's number, with the masks that its extensions give. */
const ROWS: readonly ReadonlyMap<number, GuestCsr>[] = HART_PROFILES.map(({ extensions }) => {
  const has = (extension: Extension | undefined) =>
    extension === undefined || (extensions as readonly Extension[]).includes(extension);
  const all: readonly GuestCsr[] = [...GUEST_CSRS, ...FLOAT_CSRS, ...COUNTERS];
  const rows = all.filter((row) => has(row.extension));
  return new Map(
    rows.map((row) => {
      const more = (row.wider ?? []).filter((each) => has(each.extension));
      const writeLow = more.reduce((mask, each) => mask | each.low, row.writeLow);
      return [row.number, { ...row, writeLow }];
    }),
  );
});

/** The row of a CSR number that a guest with the profile of number `profile` has, or undefined. */
export function findGuestCsr(number: number, profile: number): GuestCsr | undefined {
  return ROWS[profile]?.get(number);
}

/** Whether a CSR number is a user counter, 0xc00 … 0xc1f, that scounteren must enable in VU. */
export function isCounter(number: number): boolean {
  return number >>> 5 === 0x60;
}

/** Whether a CSR number denotes a read-only register (bits 11…10 are 3, Privileged §2.1). */
export function isReadOnly(number: number): boolean {
  return number >>> 10 === 3;
}

/** Least privilege for a CSR number: 0 U, 1 S (bits 9…8, Privileged §2.1). */
export function leastPrivilege(number: number): number {
  return (number >>> 8) & 3;
}
