/**
 * The control and status registers of a bare-metal hart as a table: where each is kept, which bits it shows
 * and which a write changes, what else it does. Numbers that have no row are illegal instructions. A profile has
 * the rows and bits of its extensions. Bits that no mask names read as the row's `fixed` bits say, else 0.
 *
 * Left out: debug and trigger registers, Smepmp, Smstateen, events of the performance counters (they read 0); guest
 * external interrupts without the AIA (GEILEN is 0 then). PMP has a grain of 4 KiB.
 */
import { HART_PROFILES } from '../../isa/table/index.ts';
import type { Extension } from '../../isa/table/row.ts';
import { bareSlot, GUEST_EXTERNAL, guestControl, hstatusLow, PMP_COUNT, PMPADDR_SLOT, statusHigh, statusLow } from './registers.ts';

/** What a register is besides bits of a slot. */
export type BareBehaviour =
  | 'plain'
  | 'status' //          mstatus, sstatus, vsstatus: legal MPP, SD, FS, permissions
  | 'hypervisorStatus'
  | 'misa'
  | 'hartId'
  | 'enable' //          mie and its views
  | 'pending' //         mip and its views
  | 'delegation' //      mideleg, hideleg: views of mip and mie change
  | 'translation' //     satp, vsatp, hgatp
  | 'environment' //     menvcfg, henvcfg, senvcfg
  | 'inhibit' //         mcountinhibit
  | 'cycle'
  | 'instret'
  | 'time'
  | 'comparator' //      stimecmp, vstimecmp
  | 'float'
  | 'guestExternal' //   hgeip
  | 'guestPriority' //   hvictl, hviprio1: what vstopi says changes
  | 'window' //          mireg, sireg, vsireg
  | 'topExternal' //     mtopei, stopei, vstopei
  | 'topInterrupt' //    mtopi, stopi, vstopi
  | 'pmpConfiguration'
  | 'pmpAddress';

/** A mask of 64 bits as its halves: low, high. */
export type Halves = readonly [low: number, high: number];

/** One register. */
export interface BareCsr {
  readonly name: string;
  readonly number: number;
  /** Slot in the record, −1 when it has none. */
  readonly slot: number;
  readonly read: Halves;
  readonly write: Halves;
  readonly fixed?: Halves;
  readonly behaviour: BareBehaviour;
  readonly section: string;
  readonly extension?: Extension;
  /** A second extension without which there is no such register. */
  readonly needs?: Extension;
  /** Bits that come with an extension, to be seen and written. */
  readonly wider?: readonly { readonly extension: Extension; readonly bits: Halves }[];
}

const NONE: Halves = [0, 0];
const ALL: Halves = [-1, -1];
const low = (bits: number): Halves => [bits, 0];
const S = statusLow.sie | statusLow.spie | statusLow.spp | statusLow.sum | statusLow.mxr;
const M = S | statusLow.mie | statusLow.mpie | statusLow.mpp | statusLow.mprv | statusLow.tvm | statusLow.tw | statusLow.tsr;
const FLOAT = [{ extension: 'F', bits: low(statusLow.fs) }] as const;
const UXL = 2; //            bits 33 … 32
const SXL_UXL = 2 | (2 << 2);
const HSTATUS = hstatusLow.gva | hstatusLow.spv | hstatusLow.spvp | hstatusLow.hu | hstatusLow.vtvm | hstatusLow.vtw | hstatusLow.vtsr;
const TVEC: Halves = [~2, -1];
const EPC: Halves = [~3, -1];
const SHORT = [{ extension: 'C', bits: low(2) }] as const;
const COUNTERS = [{ extension: 'Zihpm', bits: low(~7) }] as const;
const EXCEPTIONS = 0xb3ff;
const GUEST_EXCEPTIONS = 0xf0_0400;
const CBO = [{ extension: 'Zicbom', bits: low(0x70) }, { extension: 'Zicboz', bits: low(0x80) }] as const;
const { vti, iid, dpr, ipriom, iprio } = guestControl;
const HVICTL = vti | iid | dpr | ipriom | iprio;
/** Priorities of interrupts 1 and 5; all others of hviprio1 and hviprio2 are read-only zeros. */
const HVIPRIO1 = 0xff00_ff00 | 0;
const ENVIRONMENT = [
  ...CBO,
  { extension: 'Svadu', bits: [0, 1 << 29] },
  { extension: 'Svpbmt', bits: [0, 1 << 30] },
  { extension: 'Sstc', bits: [0, 0x8000_0000 | 0] },
] as const;
const { csr, sm, hyp } = {
  csr: 'Privileged 20240411 §3.1',
  sm: 'Privileged 20240411 §12.1',
  hyp: 'Privileged 20240411 §18.2',
};

// biome-ignore format: a row a line
const ROWS: readonly BareCsr[] = [
  { name: 'mvendorid',     number: 0xf11, slot: -1,                  read: NONE, write: NONE, behaviour: 'plain',   section: `${csr}.2` },
  { name: 'marchid',       number: 0xf12, slot: -1,                  read: NONE, write: NONE, behaviour: 'plain',   section: `${csr}.3` },
  { name: 'mimpid',        number: 0xf13, slot: -1,                  read: NONE, write: NONE, behaviour: 'plain',   section: `${csr}.4` },
  { name: 'mhartid',       number: 0xf14, slot: -1,                  read: NONE, write: NONE, behaviour: 'hartId',  section: `${csr}.5` },
  { name: 'mconfigptr',    number: 0xf15, slot: -1,                  read: NONE, write: NONE, behaviour: 'plain',   section: `${csr}.17` },
  { name: 'mstatus',       number: 0x300, slot: bareSlot.mstatus,    read: low(M), write: low(M), fixed: [0, SXL_UXL], behaviour: 'status', section: `${csr}.6`, wider: [...FLOAT, { extension: 'H', bits: [0, statusHigh.gva | statusHigh.mpv] }] },
  { name: 'misa',          number: 0x301, slot: -1,                  read: NONE, write: NONE, behaviour: 'misa',    section: `${csr}.1` },
  { name: 'medeleg',       number: 0x302, slot: bareSlot.medeleg,    read: low(EXCEPTIONS), write: low(EXCEPTIONS), behaviour: 'plain', section: `${csr}.8`, wider: [{ extension: 'H', bits: low(GUEST_EXCEPTIONS) }] },
  { name: 'mideleg',       number: 0x303, slot: bareSlot.mideleg,    read: ALL, write: low(0x222), behaviour: 'delegation', section: `${csr}.8` },
  { name: 'mie',           number: 0x304, slot: bareSlot.mie,        read: low(0xaaa), write: low(0xaaa), behaviour: 'enable', section: `${csr}.9`, wider: [{ extension: 'H', bits: low(0x1444) }] },
  { name: 'mtvec',         number: 0x305, slot: bareSlot.mtvec,      read: ALL, write: TVEC,  behaviour: 'plain',   section: `${csr}.7` },
  { name: 'mcounteren',    number: 0x306, slot: bareSlot.mcounteren, read: low(-1), write: low(7), behaviour: 'plain', section: `${csr}.11`, wider: COUNTERS },
  { name: 'menvcfg',       number: 0x30a, slot: bareSlot.menvcfg,    read: low(1), write: low(1), behaviour: 'environment', section: `${csr}.18`, wider: ENVIRONMENT },
  { name: 'mcountinhibit', number: 0x320, slot: bareSlot.mcountinhibit, read: low(5), write: low(5), behaviour: 'inhibit', section: `${csr}.12` },
  { name: 'mscratch',      number: 0x340, slot: bareSlot.mscratch,   read: ALL, write: ALL,   behaviour: 'plain',   section: `${csr}.13` },
  { name: 'mepc',          number: 0x341, slot: bareSlot.mepc,       read: ALL, write: EPC,   behaviour: 'plain',   section: `${csr}.14`, wider: SHORT },
  { name: 'mcause',        number: 0x342, slot: bareSlot.mcause,     read: ALL, write: ALL,   behaviour: 'plain',   section: `${csr}.15` },
  { name: 'mtval',         number: 0x343, slot: bareSlot.mtval,      read: ALL, write: ALL,   behaviour: 'plain',   section: `${csr}.16` },
  { name: 'mip',           number: 0x344, slot: bareSlot.mip,        read: low(0xaaa), write: low(0x222), behaviour: 'pending', section: `${csr}.9`, wider: [{ extension: 'H', bits: low(0x1444) }] },
  { name: 'mtinst',        number: 0x34a, slot: bareSlot.mtinst,     read: ALL, write: ALL,   behaviour: 'plain',   section: `${hyp}`, extension: 'H' },
  { name: 'mtval2',        number: 0x34b, slot: bareSlot.mtval2,     read: ALL, write: ALL,   behaviour: 'plain',   section: `${hyp}`, extension: 'H' },
  { name: 'mcycle',        number: 0xb00, slot: bareSlot.cycleOffset, read: ALL, write: ALL,  behaviour: 'cycle',   section: `${csr}.10` },
  { name: 'minstret',      number: 0xb02, slot: bareSlot.instretOffset, read: ALL, write: ALL, behaviour: 'instret', section: `${csr}.10` },
  { name: 'sstatus',       number: 0x100, slot: bareSlot.mstatus,    read: low(S), write: low(S), fixed: [0, UXL], behaviour: 'status', section: `${sm}.1`, wider: FLOAT },
  { name: 'sie',           number: 0x104, slot: bareSlot.mie,        read: low(0x222), write: low(0x222), behaviour: 'enable', section: `${sm}.3` },
  { name: 'stvec',         number: 0x105, slot: bareSlot.stvec,      read: ALL, write: TVEC,  behaviour: 'plain',   section: `${sm}.2` },
  { name: 'scounteren',    number: 0x106, slot: bareSlot.scounteren, read: low(-1), write: low(7), behaviour: 'plain', section: `${sm}.5`, wider: COUNTERS },
  { name: 'senvcfg',       number: 0x10a, slot: bareSlot.senvcfg,    read: low(1), write: low(1), behaviour: 'environment', section: `${sm}.10`, wider: CBO },
  { name: 'sscratch',      number: 0x140, slot: bareSlot.sscratch,   read: ALL, write: ALL,   behaviour: 'plain',   section: `${sm}.6` },
  { name: 'sepc',          number: 0x141, slot: bareSlot.sepc,       read: ALL, write: EPC,   behaviour: 'plain',   section: `${sm}.7`, wider: SHORT },
  { name: 'scause',        number: 0x142, slot: bareSlot.scause,     read: ALL, write: ALL,   behaviour: 'plain',   section: `${sm}.8` },
  { name: 'stval',         number: 0x143, slot: bareSlot.stval,      read: ALL, write: ALL,   behaviour: 'plain',   section: `${sm}.9` },
  { name: 'sip',           number: 0x144, slot: bareSlot.mip,        read: low(0x222), write: low(0x2), behaviour: 'pending', section: `${sm}.3` },
  { name: 'stimecmp',      number: 0x14d, slot: bareSlot.stimecmp,   read: ALL, write: ALL,   behaviour: 'comparator', section: 'Privileged 20240411, Sstc', extension: 'Sstc' },
  { name: 'satp',          number: 0x180, slot: bareSlot.satp,       read: ALL, write: ALL,   behaviour: 'translation', section: `${sm}.11` },
  { name: 'hstatus',       number: 0x600, slot: bareSlot.hstatus,    read: low(HSTATUS), write: low(HSTATUS), fixed: [0, UXL], behaviour: 'hypervisorStatus', section: `${hyp}.1`, extension: 'H', wider: [{ extension: 'Smaia', bits: low(hstatusLow.vgein) }] },
  { name: 'hedeleg',       number: 0x602, slot: bareSlot.hedeleg,    read: low(0xb1ff), write: low(0xb1ff), behaviour: 'plain', section: `${hyp}.2`, extension: 'H' },
  { name: 'hideleg',       number: 0x603, slot: bareSlot.hideleg,    read: low(0x444), write: low(0x444), behaviour: 'delegation', section: `${hyp}.2`, extension: 'H' },
  { name: 'hie',           number: 0x604, slot: bareSlot.mie,        read: low(0x1444), write: low(0x1444), behaviour: 'enable', section: `${hyp}.3`, extension: 'H' },
  { name: 'htimedelta',    number: 0x605, slot: bareSlot.htimedelta, read: ALL, write: ALL,   behaviour: 'comparator', section: `${hyp}.7`, extension: 'H' },
  { name: 'hcounteren',    number: 0x606, slot: bareSlot.hcounteren, read: low(-1), write: low(7), behaviour: 'plain', section: `${hyp}.6`, extension: 'H', wider: COUNTERS },
  { name: 'hgeie',         number: 0x607, slot: bareSlot.hgeie,      read: NONE, write: NONE, behaviour: 'enable',  section: `${hyp}.4`, extension: 'H', wider: [{ extension: 'Smaia', bits: low(GUEST_EXTERNAL) }] },
  { name: 'henvcfg',       number: 0x60a, slot: bareSlot.henvcfg,    read: low(1), write: low(1), behaviour: 'environment', section: `${hyp}.5`, extension: 'H', wider: ENVIRONMENT },
  { name: 'htval',         number: 0x643, slot: bareSlot.htval,      read: ALL, write: ALL,   behaviour: 'plain',   section: `${hyp}.8`, extension: 'H' },
  { name: 'hip',           number: 0x644, slot: bareSlot.mip,        read: low(0x1444), write: low(0x4), behaviour: 'pending', section: `${hyp}.3`, extension: 'H' },
  { name: 'hvip',          number: 0x645, slot: bareSlot.mip,        read: low(0x444), write: low(0x444), behaviour: 'pending', section: `${hyp}.3`, extension: 'H' },
  { name: 'htinst',        number: 0x64a, slot: bareSlot.htinst,     read: ALL, write: ALL,   behaviour: 'plain',   section: `${hyp}.9`, extension: 'H' },
  { name: 'hgatp',         number: 0x680, slot: bareSlot.hgatp,      read: ALL, write: ALL,   behaviour: 'translation', section: `${hyp}.10`, extension: 'H' },
  { name: 'hgeip',         number: 0xe12, slot: -1,                  read: low(GUEST_EXTERNAL), write: NONE, behaviour: 'guestExternal', section: `${hyp}.4`, extension: 'H' },
  { name: 'vsstatus',      number: 0x200, slot: bareSlot.vsstatus,   read: low(S), write: low(S), fixed: [0, UXL], behaviour: 'status', section: `${hyp}.11`, extension: 'H', wider: FLOAT },
  { name: 'vsie',          number: 0x204, slot: bareSlot.mie,        read: low(0x222), write: low(0x222), behaviour: 'enable', section: `${hyp}.12`, extension: 'H' },
  { name: 'vstvec',        number: 0x205, slot: bareSlot.vstvec,     read: ALL, write: TVEC,  behaviour: 'plain',   section: `${hyp}.13`, extension: 'H' },
  { name: 'vsscratch',     number: 0x240, slot: bareSlot.vsscratch,  read: ALL, write: ALL,   behaviour: 'plain',   section: `${hyp}.14`, extension: 'H' },
  { name: 'vsepc',         number: 0x241, slot: bareSlot.vsepc,      read: ALL, write: EPC,   behaviour: 'plain',   section: `${hyp}.15`, extension: 'H', wider: SHORT },
  { name: 'vscause',       number: 0x242, slot: bareSlot.vscause,    read: ALL, write: ALL,   behaviour: 'plain',   section: `${hyp}.16`, extension: 'H' },
  { name: 'vstval',        number: 0x243, slot: bareSlot.vstval,     read: ALL, write: ALL,   behaviour: 'plain',   section: `${hyp}.17`, extension: 'H' },
  { name: 'vsip',          number: 0x244, slot: bareSlot.mip,        read: low(0x222), write: low(0x2), behaviour: 'pending', section: `${hyp}.12`, extension: 'H' },
  { name: 'vstimecmp',     number: 0x24d, slot: bareSlot.vstimecmp,  read: ALL, write: ALL,   behaviour: 'comparator', section: 'Privileged 20240411, Sstc', extension: 'Sstc', needs: 'H' },
  { name: 'vsatp',         number: 0x280, slot: bareSlot.vsatp,      read: ALL, write: ALL,   behaviour: 'translation', section: `${hyp}.18`, extension: 'H' },
  { name: 'cycle',         number: 0xc00, slot: bareSlot.cycleOffset, read: ALL, write: NONE, behaviour: 'cycle',   section: 'Unprivileged 20240411 §8.1' },
  { name: 'time',          number: 0xc01, slot: -1,                  read: NONE, write: NONE, behaviour: 'time',    section: 'Unprivileged 20240411 §8.1' },
  { name: 'instret',       number: 0xc02, slot: bareSlot.instretOffset, read: ALL, write: NONE, behaviour: 'instret', section: 'Unprivileged 20240411 §8.1' },
  { name: 'fflags',        number: 0x001, slot: -1,                  read: NONE, write: NONE, behaviour: 'float',   section: 'Unprivileged 20240411 §21.2', extension: 'F' },
  { name: 'frm',           number: 0x002, slot: -1,                  read: NONE, write: NONE, behaviour: 'float',   section: 'Unprivileged 20240411 §21.2', extension: 'F' },
  { name: 'fcsr',          number: 0x003, slot: -1,                  read: NONE, write: NONE, behaviour: 'float',   section: 'Unprivileged 20240411 §21.2', extension: 'F' },
  { name: 'mvien',         number: 0x308, slot: -1,                  read: NONE, write: NONE, behaviour: 'plain',   section: 'AIA 1.0 §5.3', extension: 'Smaia' },
  { name: 'mvip',          number: 0x309, slot: bareSlot.mip,        read: low(0x222), write: low(0x222), behaviour: 'pending', section: 'AIA 1.0 §5.3', extension: 'Smaia' },
  { name: 'miselect',      number: 0x350, slot: bareSlot.miselect,   read: low(0xff), write: low(0xff), behaviour: 'plain', section: 'AIA 1.0 §2.1', extension: 'Smaia' },
  { name: 'mireg',         number: 0x351, slot: bareSlot.miselect,   read: ALL, write: ALL,   behaviour: 'window',  section: 'AIA 1.0 §2.1', extension: 'Smaia' },
  { name: 'mtopei',        number: 0x35c, slot: -1,                  read: ALL, write: ALL,   behaviour: 'topExternal', section: 'AIA 1.0 §3.10', extension: 'Smaia' },
  { name: 'mtopi',         number: 0xfb0, slot: -1,                  read: ALL, write: NONE,  behaviour: 'topInterrupt', section: 'AIA 1.0 §5.2.2', extension: 'Smaia' },
  { name: 'siselect',      number: 0x150, slot: bareSlot.siselect,   read: low(0x1ff), write: low(0x1ff), behaviour: 'plain', section: 'AIA 1.0 §2.2', extension: 'Smaia' },
  { name: 'sireg',         number: 0x151, slot: bareSlot.siselect,   read: ALL, write: ALL,   behaviour: 'window',  section: 'AIA 1.0 §2.2', extension: 'Smaia' },
  { name: 'stopei',        number: 0x15c, slot: -1,                  read: ALL, write: ALL,   behaviour: 'topExternal', section: 'AIA 1.0 §3.10', extension: 'Smaia' },
  { name: 'stopi',         number: 0xdb0, slot: -1,                  read: ALL, write: NONE,  behaviour: 'topInterrupt', section: 'AIA 1.0 §5.4.2', extension: 'Smaia' },
  { name: 'hvien',         number: 0x608, slot: -1,                  read: NONE, write: NONE, behaviour: 'plain',   section: 'AIA 1.0 §6.3.2', extension: 'Smaia', needs: 'H' },
  { name: 'hvictl',        number: 0x609, slot: bareSlot.hvictl,     read: low(HVICTL), write: low(HVICTL), behaviour: 'guestPriority', section: 'AIA 1.0 §6.3.2', extension: 'Smaia', needs: 'H' },
  { name: 'hviprio1',      number: 0x646, slot: bareSlot.hviprio1,   read: low(HVIPRIO1), write: low(HVIPRIO1), behaviour: 'guestPriority', section: 'AIA 1.0 §6.3.1', extension: 'Smaia', needs: 'H' },
  { name: 'hviprio2',      number: 0x647, slot: -1,                  read: NONE, write: NONE, behaviour: 'plain',   section: 'AIA 1.0 §6.3.1', extension: 'Smaia', needs: 'H' },
  { name: 'vsiselect',     number: 0x250, slot: bareSlot.vsiselect,  read: low(0x1ff), write: low(0x1ff), behaviour: 'plain', section: 'AIA 1.0 §2.3', extension: 'Smaia', needs: 'H' },
  { name: 'vsireg',        number: 0x251, slot: bareSlot.vsiselect,  read: ALL, write: ALL,   behaviour: 'window',  section: 'AIA 1.0 §2.3', extension: 'Smaia', needs: 'H' },
  { name: 'vstopei',       number: 0x25c, slot: -1,                  read: ALL, write: ALL,   behaviour: 'topExternal', section: 'AIA 1.0 §3.10', extension: 'Smaia', needs: 'H' },
  { name: 'vstopi',        number: 0xeb0, slot: -1,                  read: ALL, write: NONE,  behaviour: 'topInterrupt', section: 'AIA 1.0 §6.3.3', extension: 'Smaia', needs: 'H' },
  { name: 'pmpcfg0',       number: 0x3a0, slot: bareSlot.pmpcfg0,    read: ALL, write: ALL,   behaviour: 'pmpConfiguration', section: 'Privileged 20240411 §3.7.1' },
  { name: 'pmpcfg2',       number: 0x3a2, slot: bareSlot.pmpcfg2,    read: ALL, write: ALL,   behaviour: 'pmpConfiguration', section: 'Privileged 20240411 §3.7.1' },
];

const PMP_ADDRESSES: readonly BareCsr[] = Array.from({ length: PMP_COUNT }, (_, index) => ({
  name: `pmpaddr${index}`,
  number: 0x3b0 + index,
  slot: PMPADDR_SLOT + index,
  read: [-1, 0x3f_ffff],
  write: [-1, 0x3f_ffff],
  behaviour: 'pmpAddress',
  section: 'Privileged 20240411 §3.7.1',
}));

/** Performance counters and their events: 3 … 31, all 0. */
const EVENTS: readonly BareCsr[] = Array.from({ length: 29 }, (_, index) => index + 3).flatMap((index) => [
  event(`mhpmcounter${index}`, 0xb00 + index, `${csr}.10`),
  event(`mhpmevent${index}`, 0x320 + index, `${csr}.10`),
  event(`hpmcounter${index}`, 0xc00 + index, 'Unprivileged 20240411 §8.2'),
]);

function event(name: string, number: number, section: string): BareCsr {
  return { name, number, slot: -1, read: NONE, write: NONE, behaviour: 'plain', section, extension: 'Zihpm' };
}

/** All rows of all extensions. */
export const BARE_CSRS: readonly BareCsr[] = [...ROWS, ...PMP_ADDRESSES, ...EVENTS];

const BY_PROFILE: readonly ReadonlyMap<number, BareCsr>[] = HART_PROFILES.map(({ extensions }) => {
  const has = (extension: Extension | undefined) =>
    extension === undefined || (extensions as readonly Extension[]).includes(extension);
  return new Map(
    BARE_CSRS.filter((row) => has(row.extension) && has(row.needs)).map((row) => [row.number, widened(row, has)]),
  );
});

function widened(row: BareCsr, has: (extension: Extension) => boolean): BareCsr {
  const more = (row.wider ?? []).filter(({ extension }) => has(extension)).map(({ bits }) => bits);
  const join = (start: Halves): Halves =>
    more.reduce<Halves>((sum, bits) => [sum[0] | bits[0], sum[1] | bits[1]], start);
  // Views of mip show more with H, but only hvip and hip write it; GVA and MPV are plain bits of mstatus.
  const write = row.name === 'mip' && has('H') ? ([row.write[0] | 4, 0] as const) : row.behaviour === 'pending' ? row.write : join(row.write);
  return { ...row, read: join(row.read), write };
}

/** The row of a CSR number for the profile of number `profile`, or undefined. */
export function findBareCsr(number: number, profile: number): BareCsr | undefined {
  return BY_PROFILE[profile]?.get(number);
}
