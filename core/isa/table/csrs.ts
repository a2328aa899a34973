/**
 * Control and status registers: names, numbers and the least privilege that may touch them
 * (Privileged ISA 20240411 §2.2). A number's bits 11..10 = 3 mean read-only and bits 9..8 give the
 * privilege (§2.1); the lint checks both. The machine's performance counters and the debug CSRs are
 * left out. Which of these a guest has is the machine's table.
 */

/** Least privilege: bits 9..8 of the number; 2 is HS, which also holds the VS copies. */
export type CsrPrivilege = 'U' | 'S' | 'HS' | 'M';

/** One CSR. */
export interface CsrRow {
  readonly name: string;
  readonly number: number; // 12 bits
  readonly privilege: CsrPrivilege;
  readonly section: string;
}

// biome-ignore format: a row a line
export const CSRS = [
  { name: 'fflags',        number: 0x001, privilege: 'U',  section: 'Unprivileged 20240411 §20.2' },
  { name: 'frm',           number: 0x002, privilege: 'U',  section: 'Unprivileged 20240411 §20.2' },
  { name: 'fcsr',          number: 0x003, privilege: 'U',  section: 'Unprivileged 20240411 §20.2' },
  { name: 'cycle',         number: 0xc00, privilege: 'U',  section: 'Unprivileged 20240411 §8.1' },
  { name: 'time',          number: 0xc01, privilege: 'U',  section: 'Unprivileged 20240411 §8.1' },
  { name: 'instret',       number: 0xc02, privilege: 'U',  section: 'Unprivileged 20240411 §8.1' },
  { name: 'sstatus',       number: 0x100, privilege: 'S',  section: 'Privileged 20240411 §10.1.1' },
  { name: 'sie',           number: 0x104, privilege: 'S',  section: 'Privileged 20240411 §10.1.3' },
  { name: 'stvec',         number: 0x105, privilege: 'S',  section: 'Privileged 20240411 §10.1.2' },
  { name: 'scounteren',    number: 0x106, privilege: 'S',  section: 'Privileged 20240411 §10.1.5' },
  { name: 'senvcfg',       number: 0x10a, privilege: 'S',  section: 'Privileged 20240411 §10.1.10' },
  { name: 'sscratch',      number: 0x140, privilege: 'S',  section: 'Privileged 20240411 §10.1.6' },
  { name: 'sepc',          number: 0x141, privilege: 'S',  section: 'Privileged 20240411 §10.1.7' },
  { name: 'scause',        number: 0x142, privilege: 'S',  section: 'Privileged 20240411 §10.1.8' },
  { name: 'stval',         number: 0x143, privilege: 'S',  section: 'Privileged 20240411 §10.1.9' },
  { name: 'sip',           number: 0x144, privilege: 'S',  section: 'Privileged 20240411 §10.1.3' },
  { name: 'satp',          number: 0x180, privilege: 'S',  section: 'Privileged 20240411 §10.1.11' },
  { name: 'stimecmp',      number: 0x14d, privilege: 'S',  section: 'Privileged 20240411, Sstc' },
  { name: 'hstatus',       number: 0x600, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'hedeleg',       number: 0x602, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'hideleg',       number: 0x603, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'hie',           number: 0x604, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'hcounteren',    number: 0x606, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'hgeie',         number: 0x607, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'hgeip',         number: 0xe12, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'htval',         number: 0x643, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'hip',           number: 0x644, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'hvip',          number: 0x645, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'htinst',        number: 0x64a, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'henvcfg',       number: 0x60a, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'hgatp',         number: 0x680, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'htimedelta',    number: 0x605, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'vsstatus',      number: 0x200, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'vsie',          number: 0x204, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'vstvec',        number: 0x205, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'vsscratch',     number: 0x240, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'vsepc',         number: 0x241, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'vscause',       number: 0x242, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'vstval',        number: 0x243, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'vsip',          number: 0x244, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'vstimecmp',     number: 0x24d, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'vsatp',         number: 0x280, privilege: 'HS', section: 'Privileged 20240411, H, table of CSRs (§2.2)' },
  { name: 'mvendorid',     number: 0xf11, privilege: 'M',  section: 'Privileged 20240411 §3.1.2' },
  { name: 'marchid',       number: 0xf12, privilege: 'M',  section: 'Privileged 20240411 §3.1.3' },
  { name: 'mimpid',        number: 0xf13, privilege: 'M',  section: 'Privileged 20240411 §3.1.4' },
  { name: 'mhartid',       number: 0xf14, privilege: 'M',  section: 'Privileged 20240411 §3.1.5' },
  { name: 'mconfigptr',    number: 0xf15, privilege: 'M',  section: 'Privileged 20240411 §3.1.17' },
  { name: 'mstatus',       number: 0x300, privilege: 'M',  section: 'Privileged 20240411 §3.1.6' },
  { name: 'misa',          number: 0x301, privilege: 'M',  section: 'Privileged 20240411 §3.1.1' },
  { name: 'medeleg',       number: 0x302, privilege: 'M',  section: 'Privileged 20240411 §3.1.8' },
  { name: 'mideleg',       number: 0x303, privilege: 'M',  section: 'Privileged 20240411 §3.1.8' },
  { name: 'mie',           number: 0x304, privilege: 'M',  section: 'Privileged 20240411 §3.1.9' },
  { name: 'mtvec',         number: 0x305, privilege: 'M',  section: 'Privileged 20240411 §3.1.7' },
  { name: 'mcounteren',    number: 0x306, privilege: 'M',  section: 'Privileged 20240411 §3.1.11' },
  { name: 'menvcfg',       number: 0x30a, privilege: 'M',  section: 'Privileged 20240411 §3.1.18' },
  { name: 'mcountinhibit', number: 0x320, privilege: 'M',  section: 'Privileged 20240411 §3.1.12' },
  { name: 'mscratch',      number: 0x340, privilege: 'M',  section: 'Privileged 20240411 §3.1.13' },
  { name: 'mepc',          number: 0x341, privilege: 'M',  section: 'Privileged 20240411 §3.1.14' },
  { name: 'mcause',        number: 0x342, privilege: 'M',  section: 'Privileged 20240411 §3.1.15' },
  { name: 'mtval',         number: 0x343, privilege: 'M',  section: 'Privileged 20240411 §3.1.16' },
  { name: 'mip',           number: 0x344, privilege: 'M',  section: 'Privileged 20240411 §3.1.9' },
  { name: 'siselect',      number: 0x150, privilege: 'S',  section: 'AIA 1.0 §2.2' },
  { name: 'sireg',         number: 0x151, privilege: 'S',  section: 'AIA 1.0 §2.2' },
  { name: 'stopei',        number: 0x15c, privilege: 'S',  section: 'AIA 1.0 §3.10' },
  { name: 'stopi',         number: 0xdb0, privilege: 'S',  section: 'AIA 1.0 §5.4.2' },
  { name: 'hvien',         number: 0x608, privilege: 'HS', section: 'AIA 1.0 §6.3.2' },
  { name: 'hvictl',        number: 0x609, privilege: 'HS', section: 'AIA 1.0 §6.3.2' },
  { name: 'hviprio1',      number: 0x646, privilege: 'HS', section: 'AIA 1.0 §6.3.1' },
  { name: 'hviprio2',      number: 0x647, privilege: 'HS', section: 'AIA 1.0 §6.3.1' },
  { name: 'vsiselect',     number: 0x250, privilege: 'HS', section: 'AIA 1.0 §2.3' },
  { name: 'vsireg',        number: 0x251, privilege: 'HS', section: 'AIA 1.0 §2.3' },
  { name: 'vstopei',       number: 0x25c, privilege: 'HS', section: 'AIA 1.0 §3.10' },
  { name: 'vstopi',        number: 0xeb0, privilege: 'HS', section: 'AIA 1.0 §6.3.3' },
  { name: 'mvien',         number: 0x308, privilege: 'M',  section: 'AIA 1.0 §5.3' },
  { name: 'mvip',          number: 0x309, privilege: 'M',  section: 'AIA 1.0 §5.3' },
  { name: 'miselect',      number: 0x350, privilege: 'M',  section: 'AIA 1.0 §2.1' },
  { name: 'mireg',         number: 0x351, privilege: 'M',  section: 'AIA 1.0 §2.1' },
  { name: 'mtopei',        number: 0x35c, privilege: 'M',  section: 'AIA 1.0 §3.10' },
  { name: 'mtopi',         number: 0xfb0, privilege: 'M',  section: 'AIA 1.0 §5.2.2' },
  { name: 'mtinst',        number: 0x34a, privilege: 'M',  section: 'Privileged 20240411 §2.2' },
  { name: 'mtval2',        number: 0x34b, privilege: 'M',  section: 'Privileged 20240411 §2.2' },
  { name: 'pmpcfg0',       number: 0x3a0, privilege: 'M',  section: 'Privileged 20240411 §3.7.1' },
  { name: 'pmpcfg2',       number: 0x3a2, privilege: 'M',  section: 'Privileged 20240411 §3.7.1' },
  { name: 'pmpaddr0',      number: 0x3b0, privilege: 'M',  section: 'Privileged 20240411 §3.7.1' },
  { name: 'pmpaddr1',      number: 0x3b1, privilege: 'M',  section: 'Privileged 20240411 §3.7.1' },
  { name: 'mcycle',        number: 0xb00, privilege: 'M',  section: 'Privileged 20240411 §3.1.10' },
  { name: 'minstret',      number: 0xb02, privilege: 'M',  section: 'Privileged 20240411 §3.1.10' },
] as const satisfies readonly CsrRow[];

/** hpmcounter3 … hpmcounter31 (Zihpm); the event counters count nothing and read 0. */
export const HPM_COUNTERS: readonly CsrRow[] = Array.from({ length: 29 }, (_, index) => ({
  name: `hpmcounter${index + 3}`,
  number: 0xc03 + index,
  privilege: 'U',
  section: 'Unprivileged 20240411 §8.2',
}));

const ALL_CSRS: readonly CsrRow[] = [...CSRS, ...HPM_COUNTERS];

const numberOfName: ReadonlyMap<string, number> = new Map(
  ALL_CSRS.map((row) => [row.name, row.number]),
);
const nameOfNumber: ReadonlyMap<number, string> = new Map(
  ALL_CSRS.map((row) => [row.number, row.name]),
);

/** The number of the CSR called `name`, or undefined. */
export function findCsrNumber(name: string): number | undefined {
  return numberOfName.get(name);
}

/** The name of CSR `number` (0 … 0xfff), or undefined. */
export function findCsrName(number: number): string | undefined {
  return nameOfNumber.get(number);
}

/** Numbers of the CSRs, for code that refers to one by name. */
export const csr = Object.fromEntries(CSRS.map((row) => [row.name, row.number])) as {
  readonly [Name in (typeof CSRS)[number]['name']]: number;
};
