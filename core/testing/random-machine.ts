/**
 * Test-only: random contents and random hart states for a bare-metal machine of a few pages, made so that all five
 * modes, both stages in all their schemes, PMP, traps, interrupts and devices occur often. A seed repeats a run.
 *
 *   pages    0 … 8 code · 9, 10, 11 Sv39 root, middle, leaf · 12 … 15 Sv39x4 root · 16, 17 its middle, leaf
 *            18 Sv48 root · 20 … 23 Sv48x4 root · 24 … 39 data
 *   virtual and guest physical addresses
 *            0x8000_0000: RAM itself by a large page · 0x4000_0000 + n · 4 KiB: leaf n, random ·
 *            0x4020_0000: RAM for U · 0x1000_0000: a device
 */
import { nextBelow, nextUint32, type Prng } from '../base/prng.ts';
import { encode } from '../isa/encode.ts';
import { randomFloat } from '../isa/random-float.ts';
import { randomValue } from '../isa/random-program.ts';
import { A, driveLines, makeReferenceFile } from '../isa/reference/bare/aia.ts';
import { type BareReferenceHart, get, type Mode, N, set } from '../isa/reference/bare/hart.ts';
import { write } from '../isa/reference/bare/csr.ts';
import { COMPRESSED, INSTRUCTIONS, type Row } from '../isa/table/index.ts';
import type { Extension } from '../isa/table/row.ts';
import { randomWord } from './random-guest.ts';

/** Pages of RAM, and which of them hold page tables. */
export const machinePage = { count: 40, code: 9, data: 24, root: 9, middle: 10, leaf: 11, guestRoot: 12, guestMiddle: 16, guestLeaf: 17, root48: 18, guestRoot48: 20 } as const;
export const TABLE_PAGES = [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23] as const;

const RAM = 0x8000_0000n;
const RAM_PAGE = 0x8_0000n;
export const DEVICE = 0x1000_0000n;

const pick = <T>(prng: Prng, from: readonly T[]): T => from[nextBelow(prng, from.length)]!;
const chance = (prng: Prng, percent: number) => nextBelow(prng, 100) < percent;

const CSR_ROWS = INSTRUCTIONS.filter((row) => row.extension === 'Zicsr');
const GUEST_ROWS = INSTRUCTIONS.filter((row) => row.format === 'guestLoad' || row.format === 'guestStore');
const CONTROL_ROWS = INSTRUCTIONS.filter((row) => ['mret', 'sret', 'sret', 'ecall', 'ebreak', 'wfi'].includes(row.name));
const FENCE_ROWS = INSTRUCTIONS.filter(
  (row) => row.effect.kind === 'system' && /fence|inval/.test(row.name) && row.format !== 'cacheBlock',
);
const NUMBERS: readonly number[] = [...Object.values(N), ...Object.values(N), 1, 2, 3, 0xf14, 0xc03, 0x323, ...Array.from({ length: 16 }, (_, index) => 0x3b0 + index), 0x3a1, 0xb03, 0x7a0, 0xda0];

/** The same for harts with the AIA. */
const AIA_NUMBERS: readonly number[] = [...NUMBERS, ...Object.values(A), ...Object.values(A), N.hstatus, N.hgeie, N.hgeip, N.hideleg];

function encodeSystem(prng: Prng, row: Row, numbers = NUMBERS): number {
  return encode(row, {
    rd: nextBelow(prng, 16),
    rs1: row.extension === 'H' ? 16 + nextBelow(prng, 16) : chance(prng, 25) ? 0 : nextBelow(prng, 32),
    rs2: nextBelow(prng, 32),
    immediate: row.format === 'csrImmediate' ? nextBelow(prng, 32) : 0,
    csr: pick(prng, numbers),
  });
}

/** What the code of a world is: of everything some, mostly accesses to CSRs, or little that leaves U and VU. */
export type CodeKind = 'mixed' | 'registers' | 'plain';

function anyWord(prng: Prng, extensions: readonly Extension[], kind: CodeKind): number {
  const numbers = extensions.includes('Smaia') ? AIA_NUMBERS : NUMBERS;
  if (kind === 'registers' && chance(prng, 80)) return encodeSystem(prng, pick(prng, CSR_ROWS), numbers);
  if (kind === 'plain' && chance(prng, 85)) return randomWord(prng, extensions);
  const ticket = nextBelow(prng, 100);
  if (ticket < 12) return encodeSystem(prng, pick(prng, CSR_ROWS), numbers);
  if (ticket < 17) return encodeSystem(prng, pick(prng, GUEST_ROWS));
  if (ticket < 24) return encodeSystem(prng, pick(prng, CONTROL_ROWS));
  if (ticket < 26) return encodeSystem(prng, pick(prng, FENCE_ROWS));
  return randomWord(prng, extensions);
}

/** Bytes of all pages. Tables are valid more often than not. */
export function randomMachineMemory(prng: Prng, extensions: readonly Extension[], kind: CodeKind): Uint8Array {
  const bytes = new Uint8Array(machinePage.count * 4096);
  const view = new DataView(bytes.buffer);
  const hasShort = extensions.includes('C');
  for (let at = 0; at < machinePage.code * 4096; ) {
    if (hasShort && (chance(prng, kind === 'registers' ? 3 : 30) || at === machinePage.code * 4096 - 2)) {
      const row = pick(prng, COMPRESSED);
      view.setUint16(at, (nextBelow(prng, 0x1_0000) & ~row.mask) | row.match, true);
      at += 2;
    } else {
      view.setUint32(at, anyWord(prng, extensions, kind), true);
      at += 4;
    }
  }
  for (let at = machinePage.data * 4096; at < bytes.length; at += 4) view.setUint32(at, nextUint32(prng), true);
  const entry = (page: number, index: number, target: bigint, flags: number) =>
    view.setBigUint64(page * 4096 + index * 8, (target << 10n) | BigInt(flags), true);
  const table = (page: number) => RAM_PAGE + BigInt(page);
  fillStage(prng, entry, { root: 9, middle: 10, leaf: 11, isGuest: false });
  fillStage(prng, entry, { root: 12, middle: 16, leaf: 17, isGuest: true });
  entry(machinePage.root48, 0, table(machinePage.root), 1);
  entry(machinePage.root48, 511, table(machinePage.root), 1);
  entry(machinePage.guestRoot48, 0, table(machinePage.guestRoot), 1);
  for (let count = nextBelow(prng, 4); count > 0; count--) {
    const at = pick(prng, TABLE_PAGES) * 4096 + 8 * nextBelow(prng, 64);
    view.setBigUint64(at, view.getBigUint64(at, true) ^ (1n << BigInt(nextBelow(prng, 64))), true);
  }
  return bytes;
}

type Entry = (page: number, index: number, target: bigint, flags: number) => void;

/** A tree of three levels over the addresses that states use. */
function fillStage(prng: Prng, entry: Entry, at: { root: number; middle: number; leaf: number; isGuest: boolean }): void {
  const user = at.isGuest ? 0x10 : 0;
  const flags = () => pick(prng, [0xcf, 0xcf, 0xcf, 0xdf, 0x0f, 0x4f, 0xc7, 0xc3, 0xc9]) | user;
  entry(at.root, 2, RAM_PAGE, pick(prng, [0xcf, 0xcf, 0xcf, 0xcf, 0x0f, 0xc7]) | user);
  entry(at.root, 1, RAM_PAGE + BigInt(at.middle), 1);
  entry(at.root, 0, 0n, 0xc7 | user); //          devices
  entry(at.root, 511, RAM_PAGE + BigInt(at.middle), 1);
  entry(at.root, 3, 1n, 0xcf | user); //          misaligned
  if (chance(prng, at.isGuest ? 50 : 20)) entry(at.root, 2, RAM_PAGE + BigInt(at.middle), 1); // RAM by small pages
  entry(at.middle, 0, RAM_PAGE + BigInt(at.leaf), 1);
  entry(at.middle, 1, RAM_PAGE, pick(prng, [0xdf, 0xdf, 0x1f, 0xd7, 0xd9]));
  entry(at.middle, 2, RAM_PAGE + BigInt(at.leaf), pick(prng, [0x11, 0x41, 0x81, 0x01]));
  for (let index = 0; index < 64; index++) {
    const isRam = index < machinePage.count && chance(prng, 75);
    const target = isRam ? index : nextBelow(prng, machinePage.count);
    entry(at.leaf, index, RAM_PAGE + BigInt(target), chance(prng, 60) ? flags() : flags() ^ 0x10);
    if (chance(prng, 5)) entry(at.leaf, index, RAM_PAGE + BigInt(target), nextBelow(prng, 1024));
    if (chance(prng, 2)) entry(at.leaf, index, DEVICE >> 12n, 0xc7 | user);
    if (chance(prng, 2)) entry(at.leaf, index, RAM_PAGE + BigInt(target) + (1n << BigInt(51 + nextBelow(prng, 2))), 0xcf);
  }
}

/** `isUser`: where U and VU have access more often than not. */
function randomAddress(prng: Prng, first: number, count: number, isUser = false): bigint {
  const offset = BigInt(chance(prng, 20) ? 4096 - nextBelow(prng, 9) : 8 * nextBelow(prng, 512));
  const page = BigInt((first + nextBelow(prng, count)) * 4096);
  switch (nextBelow(prng, 12)) {
    case 0:
    case 1:
      return 0x4020_0000n + page + offset;
    case 2:
    case 3:
    case 4:
      return 0x4000_0000n + BigInt(nextBelow(prng, 64) * 4096) + offset;
    case 5:
      return DEVICE + BigInt(8 * nextBelow(prng, 600));
    case 6:
      return chance(prng, 50) ? 0xffff_ffff_c000_0000n + page + offset : chance(prng, 50) ? (1n << 39n) + page : randomValue(prng);
    default:
      return (isUser && chance(prng, 75) ? 0x4020_0000n : RAM) + page + offset;
  }
}

const ALL = (1n << 64n) - 1n;

/** Modes in which hart states begin. Registers are mostly M's and HS's; plain code is mostly of U and VU. */
const MODES: Readonly<Record<CodeKind, readonly Mode[]>> = {
  mixed: ['M', 'HS', 'HS', 'U', 'U', 'VS', 'VS', 'VS', 'VS', 'VU', 'VU', 'VU'],
  registers: ['M', 'M', 'M', 'M', 'HS', 'HS', 'HS', 'U', 'VS', 'VS', 'VU'],
  plain: ['HS', 'U', 'U', 'U', 'VS', 'VS', 'VU', 'VU', 'VU', 'VU'],
};

/** Where code begins that the hart's mode can mostly fetch. */
export function randomStart(prng: Prng, hart: BareReferenceHart): bigint {
  const isUser = hart.mode === 'U' || hart.mode === 'VU';
  const isGuest = hart.mode === 'VS' || hart.mode === 'VU';
  const isTranslated = get(hart, isGuest ? N.vsatp : N.satp) >> 60n !== 0n;
  const shift = isUser && isTranslated && chance(prng, 95) ? 0x4020_0000n - RAM : 0n;
  const parcel = hart.profile.extensions.includes('C') ? ~1n : ~3n;
  return ((RAM + BigInt(2 * nextBelow(prng, machinePage.code * 2048))) & parcel) + shift;
}

/** Gives `hart` a random state from which something happens. `now`: mtime. */
export function randomizeMachineHart(prng: Prng, hart: BareReferenceHart, now: bigint, kind: CodeKind): void {
  const hasGuests = hart.profile.extensions.includes('H');
  const parcel = hart.profile.extensions.includes('C') ? ~1n : ~3n;
  const code = () => (RAM + BigInt(2 * nextBelow(prng, machinePage.code * 2048))) & parcel;
  hart.csr.clear();
  if (hasGuests) set(hart, N.mideleg, 0x1444n);
  hart.fcsr = 0n;
  for (const number of Object.values(N)) randomizeCsr(prng, hart, number, code);
  if (hart.profile.extensions.includes('Smaia')) for (const number of STORED_AIA) randomizeCsr(prng, hart, number, code);
  const openPmp = () => {
    set(hart, N.pmpaddr0, (1n << 54n) - 1n);
    set(hart, N.pmpcfg0, 0x1fn);
  };
  if (chance(prng, 85)) openPmp();
  else randomizePmp(prng, hart);
  for (const number of [N.satp, ...(hasGuests ? [N.vsatp, N.hgatp] : [])]) write(hart, number, randomRoot(prng, number));
  const times = hart.profile.extensions.includes('Sstc') ? [N.stimecmp, N.vstimecmp] : [];
  for (const number of times) set(hart, number, chance(prng, 70) ? now + BigInt(nextBelow(prng, 200)) - 20n : randomValue(prng));
  if (hasGuests && chance(prng, 70)) set(hart, N.htimedelta, BigInt(nextBelow(prng, 3)));
  hart.mode = pick(prng, MODES[kind]);
  // Guests that keep their own exceptions stay guests for a while.
  if (hasGuests && chance(prng, 70)) for (const number of [N.medeleg, N.hedeleg]) write(hart, number, ALL);
  if (!hasGuests && (hart.mode === 'VS' || hart.mode === 'VU')) hart.mode = hart.mode === 'VS' ? 'HS' : 'U';
  const isUser = hart.mode === 'U' || hart.mode === 'VU';
  const isGuest = hart.mode === 'VS' || hart.mode === 'VU';
  const isTranslated = get(hart, isGuest ? N.vsatp : N.satp) >> 60n !== 0n;
  for (let index = 1; index < 16; index++) hart.x[index] = randomValue(prng);
  for (let index = 16; index < 32; index++) {
    const first = chance(prng, 90) ? machinePage.data : 0;
    hart.x[index] = randomAddress(prng, first, machinePage.count - first, isUser && isTranslated);
    if (hart.mode === 'M' && chance(prng, 60)) hart.x[index] = RAM + (hart.x[index]! & 0x1_fff8n);
    if (index > 16 && chance(prng, 40)) hart.x[index] = hart.x[index - 1]! ^ BigInt(8 * nextBelow(prng, 16));
  }
  if (parcel === ~1n) for (const index of [2, 8, 9, 10]) hart.x[index] = randomAddress(prng, machinePage.data, 16, isUser && isTranslated);
  hart.pc = randomStart(prng, hart);
  for (let index = 0; index < 32; index++) hart.f[index] = randomFloat(prng, chance(prng, 50) ? 4 : 8);
  hart.lines = chance(prng, 70) ? 0n : BigInt(nextUint32(prng) & 0xa88);
  hart.files = hart.profile.extensions.includes('Smaia') ? randomFiles(prng) : [];
  driveLines(hart);
  hart.reservation = undefined;
}

/** Greatest identity of the interrupt files. */
export const IDENTITIES = 127;

/** Of M, HS and three guests. Most deliver, with a few identities in each set. */
function randomFiles(prng: Prng): BareReferenceHart['files'] {
  return [0, 1, 2, 3, 4].map(() => {
    const file = makeReferenceFile(IDENTITIES);
    for (let count = nextBelow(prng, 4); count > 0; count--) file.pending.add(1 + nextBelow(prng, IDENTITIES));
    for (const identity of file.pending) if (chance(prng, 50)) file.enabled.add(identity);
    for (let count = nextBelow(prng, 12); count > 0; count--) file.enabled.add(1 + nextBelow(prng, IDENTITIES));
    file.delivers = chance(prng, 80);
    file.threshold = chance(prng, 80) ? 0 : nextBelow(prng, IDENTITIES + 1);
    return file;
  });
}

function randomizeCsr(prng: Prng, hart: BareReferenceHart, number: number, code: () => bigint): void {
  if (number === N.mcycle || number === N.minstret || number >> 10 === 3) return;
  const isHypervisor = ((number >> 8) & 3) === 2 || number === N.mtinst || number === N.mtval2;
  if (isHypervisor && !hart.profile.extensions.includes('H')) return;
  write(hart, number, randomContent(prng, number, code));
}

const STORED_AIA = [A.miselect, A.siselect, A.vsiselect, A.hvictl, A.hviprio1];

/** A value that `number` may be given. */
function randomContent(prng: Prng, number: number, code: () => bigint): bigint {
  const random = randomValue(prng);
  const many = BigInt(nextUint32(prng)) | BigInt(nextUint32(prng)) | (BigInt(nextUint32(prng)) << 32n);
  switch (number) {
    case N.mepc:
    case N.sepc:
    case N.vsepc:
      return chance(prng, 60) ? code() : code() - RAM + 0x4020_0000n;
    case N.mtvec:
    case N.stvec:
    case N.vstvec:
      return (code() & ~3n) | BigInt(nextBelow(prng, 2));
    case N.menvcfg:
    case N.henvcfg:
      return many | (chance(prng, 60) ? 1n << 61n : 0n); // with Svadu a guest's walk writes, too
    case A.miselect:
    case A.siselect:
    case A.vsiselect:
      return BigInt(pick(prng, [0x30, 0x31, 0x3e, 0x40, 0x70, 0x70, 0x71, 0x72, 0x72, 0x80, 0x80, 0x81, 0x82, 0x84, 0xc0, 0xc0, 0xc2, 0xfe, 0x1ff]));
    case A.hvictl:
      return chance(prng, 60) ? many & 0x3ff_03ffn : BigInt(pick(prng, [0, 9, 1, 5, 13, 47]) << 16) | (many & 0x4000_03ffn);
    case A.hviprio1:
      return chance(prng, 50) ? 0n : many & 0x3f00_7f00n;
    case N.mip:
    case N.hvip:
      return chance(prng, 75) ? 0n : random;
    case N.mstatus:
      return chance(prng, 60) ? many & ~0x72_0000n : many; // TVM, TW, TSR and MPRV only sometimes
    case N.mcounteren:
    case N.hcounteren:
    case N.medeleg:
    case N.hedeleg:
    case N.mideleg:
    case N.hideleg:
      return many;
    default:
      return random;
  }
}

function randomRoot(prng: Prng, number: number): bigint {
  const scheme = pick(prng, [0n, 8n, 8n, 8n, 9n, 9n]);
  const wide = scheme === 9n;
  const page = number === N.hgatp ? (wide ? machinePage.guestRoot48 : machinePage.guestRoot) : wide ? machinePage.root48 : machinePage.root;
  return (scheme << 60n) | (BigInt(nextBelow(prng, 16)) << 44n) | (RAM_PAGE + BigInt(page));
}

/** A few regions with page-sized ends over RAM and devices. */
function randomizePmp(prng: Prng, hart: BareReferenceHart): void {
  let address = 0n;
  for (let index = 0; index < 4; index++) {
    address = chance(prng, 20) ? DEVICE >> 2n : (RAM + BigInt(nextBelow(prng, machinePage.count + 8) * 4096)) >> 2n;
    if (chance(prng, 40)) address |= (1n << BigInt(9 + nextBelow(prng, 8))) - 1n;
    set(hart, N.pmpaddr0 + index, address);
  }
  set(hart, N.pmpaddr0 + 4, (1n << 54n) - 1n);
  const bytes = [...Array.from({ length: 4 }, () => nextUint32(prng) & (chance(prng, 20) ? 0x9f : 0x1f)), chance(prng, 90) ? 0x1f : 0x1b];
  write(hart, N.pmpcfg0, bytes.reduce((sum, byte, index) => sum | (BigInt(byte) << BigInt(8 * index)), 0n));
}
