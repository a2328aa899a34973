/**
 * Test-only: random contents for a small VM and random hart states, made so that translation,
 * permissions, traps, interrupts, misaligned accesses and code that overwrites itself all occur
 * often. Everything comes from one generator, so a seed repeats a run.
 *
 *   pages    0 … 7 code · 8 trap handler · 9 … 11 page tables (root, middle, leaf)
 *            12 … 15 absent · 16 … 31 data
 *   virtual  0x4000_0000 + n · 4 KiB (n < 64): leaf n, random; again from 0xffff_ffff_c000_0000
 *            0x4020_0000: 2 MiB page over RAM · 0x8000_0000: 1 GiB page over RAM
 */
import { nextBelow, nextUint32, type Prng } from '../base/prng.ts';
import { encode } from '../isa/encode.ts';
import { randomFloat } from '../isa/random-float.ts';
import { randomValue, SKIP_HANDLER } from '../isa/random-program.ts';
import type { ReferenceHart } from '../isa/reference-step.ts';
import type { Extension } from '../isa/table/row.ts';
import { COMPRESSED, INSTRUCTIONS, type Row } from '../isa/table/index.ts';

/** Pages of the VM, and where things lie in it. */
export const randomGuestPage = {
  count: 32,
  handler: 8,
  root: 9,
  middle: 10,
  leaf: 11,
  absent: [12, 13, 14, 15],
  data: 16,
} as const;

const RAM = 0x8000_0000n;
const LEAVES = 64;
const WINDOWS = [0x4000_0000n, 0xffff_ffff_c000_0000n] as const;
/** CSRs of guests, some that they have not, and read-only ones. */
const CSR_NUMBERS = [
  0x100, 0x100, 0x100, 0x100, 0x104, 0x105, 0x106, 0x10a, 0x140, 0x141, 0x142, 0x143, 0x144, 0x144,
  0x180, 0xc00, 0xc01, 0xc02, 0x14d, 0x200, 0x300, 0x680, 0xc03, 0xc1f, 0x001, 0xf14,
  0x10a, 0x001, 0x002, 0x003, 0x003,
] as const;

function pick<T>(prng: Prng, from: readonly T[]): T {
  return from[nextBelow(prng, from.length)]!;
}

const chance = (prng: Prng, percent: number) => nextBelow(prng, 100) < percent;

/** Rows by what they do, so that a mix can be drawn. */
const rowsOf = (kinds: readonly string[]) =>
  INSTRUCTIONS.filter((row) => kinds.includes(row.effect.kind));
// biome-ignore format: a row a line
const MIX: readonly { readonly weight: number; readonly rows: readonly Row[] }[] = [
  { weight: 24, rows: rowsOf(['write']) },
  { weight: 20, rows: rowsOf(['load']) },
  { weight: 20, rows: rowsOf(['store']) },
  { weight: 8,  rows: rowsOf(['atomic']) },
  { weight: 8,  rows: rowsOf(['loadReserved', 'storeConditional']) },
  { weight: 8,  rows: rowsOf(['branch']) },
  { weight: 3,  rows: rowsOf(['jump']) },
  { weight: 6,  rows: INSTRUCTIONS.filter((row) => row.extension === 'Zicsr') },
  { weight: 2,  rows: rowsOf(['system', 'nothing']) },
  { weight: 3,  rows: INSTRUCTIONS.filter((row) => row.format === 'cacheBlock') },
  { weight: 16, rows: rowsOf(['float']) },
  { weight: 8,  rows: rowsOf(['loadFloat', 'storeFloat']) },
  { weight: 2,  rows: INSTRUCTIONS.filter((row) => ['ecall', 'wfi', 'sfence.vma'].includes(row.name)) },
];
const MIX_TOTAL = MIX.reduce((total, part) => total + part.weight, 0);

/** A random instruction word; a few are not instructions, or not such of `extensions`. */
export function randomWord(prng: Prng, extensions: readonly Extension[]): number {
  if (chance(prng, 1)) return nextUint32(prng);
  let row = pickRow(prng);
  while (!extensions.includes(row.extension) && chance(prng, 97)) row = pickRow(prng);
  return encodeRandom(prng, row);
}

function pickRow(prng: Prng): Row {
  let ticket = nextBelow(prng, MIX_TOTAL);
  let rows: readonly Row[] = [];
  for (const part of MIX) {
    rows = part.rows;
    ticket -= part.weight;
    if (ticket < 0) break;
  }
  return pick(prng, rows);
}

function encodeRandom(prng: Prng, row: Row): number {
  const memory =
    row.format === 'cacheBlock' ||
    ['load', 'store', 'atomic', 'loadReserved', 'storeConditional', 'loadFloat', 'storeFloat'].includes(
      row.effect.kind,
    );
  return encode(row, {
    // x16 … x31 hold addresses and are seldom written.
    rd: chance(prng, 90) ? nextBelow(prng, 16) : nextBelow(prng, 32),
    rs1: memory && chance(prng, 95) ? 16 + nextBelow(prng, 16) : nextBelow(prng, 32),
    rs2: nextBelow(prng, 32),
    immediate: randomImmediate(prng, row),
    csr: pick(prng, CSR_NUMBERS),
    aq: nextBelow(prng, 2),
    rl: nextBelow(prng, 2),
    rs3: nextBelow(prng, 32),
    rm: pick(prng, [0, 7, 7, 7, 1, 1, 2, 3, 4]),
  });
}

function randomImmediate(prng: Prng, row: Row): number {
  switch (row.format) {
    case 'I':
      return row.effect.kind.startsWith('load') && chance(prng, 70)
        ? 8 * (nextBelow(prng, 16) - 8)
        : nextBelow(prng, 4096) - 2048;
    case 'S':
      return chance(prng, 70) ? 8 * (nextBelow(prng, 16) - 8) : nextBelow(prng, 4096) - 2048;
    case 'B':
    case 'J':
      return chance(prng, 95) ? 4 * (nextBelow(prng, 40) - 16) : 2 * (nextBelow(prng, 80) - 40);
    case 'U':
      return (nextUint32(prng) & ~0xfff) | 0;
    case 'shift64':
      return nextBelow(prng, 64);
    case 'shift32':
    case 'csrImmediate':
      return nextBelow(prng, 32);
    case 'fence':
      return nextBelow(prng, 256);
    default:
      return 0;
  }
}

/** Instructions in the pages of code, with C of both lengths, so that some lie over a page's end. */
function fillCode(prng: Prng, view: DataView, extensions: readonly Extension[]): void {
  const hasShort = extensions.includes('C');
  for (let at = 0; at < 9 * 4096; ) {
    if (hasShort && (chance(prng, 50) || at === 9 * 4096 - 2)) {
      view.setUint16(at, randomHalfword(prng), true);
      at += 2;
    } else {
      view.setUint32(at, randomWord(prng, extensions), true);
      at += 4;
    }
  }
}

/** A 16-bit instruction, most of the time. */
function randomHalfword(prng: Prng): number {
  const row = pick(prng, COMPRESSED);
  const bits = nextBelow(prng, 0x1_0000);
  return chance(prng, 97) ? (bits & ~row.mask) | row.match : bits;
}

/** Bytes of all pages. Page tables are valid more often than not. */
export function randomMemory(prng: Prng, extensions: readonly Extension[]): Uint8Array {
  const bytes = new Uint8Array(randomGuestPage.count * 4096);
  const view = new DataView(bytes.buffer);
  const entry = (page: number, index: number, target: number, flags: number) =>
    view.setBigUint64(
      page * 4096 + index * 8,
      (BigInt(0x80000 + target) << 10n) | BigInt(flags),
      true,
    );
  fillCode(prng, view, extensions);
  for (const [index, word] of SKIP_HANDLER.entries()) {
    view.setUint32(randomGuestPage.handler * 4096 + index * 4, word, true);
  }
  for (let at = randomGuestPage.data * 4096; at < bytes.length; at += 4)
    view.setUint32(at, nextUint32(prng), true);
  for (const index of [1, 511]) entry(randomGuestPage.root, index, randomGuestPage.middle, 1);
  const huge = chance(prng, 80) ? 0x0f : 0xcf;
  entry(randomGuestPage.root, 2, 0, chance(prng, 90) ? huge : huge & ~4);
  entry(randomGuestPage.root, 3, 1, 0xcf); // misaligned 1 GiB page
  entry(randomGuestPage.middle, 0, randomGuestPage.leaf, 1);
  entry(randomGuestPage.middle, 1, 0, pick(prng, [0xdf, 0x1f, 0x0f, 0x57, 0x5b, 0x19]));
  entry(randomGuestPage.middle, 2, randomGuestPage.leaf, pick(prng, [0x11, 0x41, 0x81, 0x01]));
  for (let index = 0; index < LEAVES; index++) {
    const target = chance(prng, 50)
      ? nextBelow(prng, 9)
      : randomGuestPage.data + nextBelow(prng, 16);
    const flags = pick(
      prng,
      [0xdf, 0xcf, 0x1f, 0x0f, 0x17, 0x13, 0x19, 0xd7, 0x09, 0x1b, 0x5f, 0x9f],
    );
    entry(
      randomGuestPage.leaf,
      index,
      chance(prng, 5) ? pick(prng, randomGuestPage.absent) : target,
      flags,
    );
    if (chance(prng, 4)) entry(randomGuestPage.leaf, index, target, nextBelow(prng, 1024));
    if (chance(prng, 2))
      view.setBigUint64(randomGuestPage.leaf * 4096 + index * 8, randomValue(prng), true);
  }
  return bytes;
}

/** An address at which something lies, often just before a page's end. */
function randomAddress(
  prng: Prng,
  pages: { readonly first: number; readonly count: number },
): bigint {
  const offset = BigInt(
    chance(prng, 30)
      ? 4096 - nextBelow(prng, 9)
      : chance(prng, 80)
        ? 8 * nextBelow(prng, 512)
        : nextBelow(prng, 4096),
  );
  const inRam = BigInt((pages.first + nextBelow(prng, pages.count)) * 4096) + offset;
  switch (nextBelow(prng, 10)) {
    case 0:
    case 1:
    case 2:
      return RAM + inRam;
    case 3:
      return 0x4020_0000n + inRam;
    case 4:
      return chance(prng, 90) ? pick(prng, WINDOWS) + 0x40_0000n + offset : 0xc000_0000n + inRam;
    default:
      return BigInt.asUintN(
        64,
        pick(prng, WINDOWS) + BigInt(nextBelow(prng, LEAVES) * 4096) + offset,
      );
  }
}

/** Gives `hart` a random state from which something happens: pc in code, addresses in x16 … x31. */
export function randomizeHart(prng: Prng, hart: ReferenceHart): void {
  const data = { first: randomGuestPage.data, count: 16 };
  const code = { first: 0, count: 8 };
  for (let index = 1; index < 16; index++) hart.x[index] = randomValue(prng);
  for (let index = 16; index < 32; index++) {
    hart.x[index] = randomAddress(prng, chance(prng, 92) ? data : { first: 0, count: 12 });
    if (chance(prng, 3)) hart.x[index] = randomValue(prng);
    if (index > 16 && chance(prng, 45))
      hart.x[index] = hart.x[index - 1]! ^ BigInt(8 * nextBelow(prng, 16));
  }
  const parcel = hart.profile.extensions.includes('C') ? ~1n : ~3n;
  for (const index of [3, 4]) hart.x[index] = randomAddress(prng, code) & parcel;
  if (parcel === ~1n) for (const index of [2, 8, 9, 10]) hart.x[index] = randomAddress(prng, data);
  hart.privilege = chance(prng, 60) ? 1 : 0;
  hart.pc = randomAddress(prng, code) & parcel;
  const home = hart.privilege === 1 ? RAM : 0x4020_0000n;
  if (chance(prng, 80)) hart.pc = (home + BigInt(2 * nextBelow(prng, 16 * 1024))) & parcel;
  const bits = nextUint32(prng);
  hart.sstatus = BigInt(bits & ((1 << 1) | (1 << 5) | (1 << 8) | (1 << 18) | (1 << 19)));
  hart.sie = BigInt(nextUint32(prng) & 0x222);
  hart.hvip = chance(prng, 80) ? 0n : BigInt(nextUint32(prng) & 0x444);
  hart.scounteren = BigInt(nextBelow(prng, 8));
  const environment = nextBelow(prng, 256) & 0xf1; // FIOM, and with Zicbom, Zicboz CBIE, CBCFE, CBZE
  const hasBlocks = hart.profile.extensions.includes('Zicbom');
  hart.senvcfg = BigInt(hasBlocks ? environment & (environment & 0x10 ? ~0 : ~0x20) : environment & 1);
  const handler = RAM + BigInt(randomGuestPage.handler * 4096);
  hart.stvec = chance(prng, 95)
    ? handler + BigInt(chance(prng, 10) ? 1 : 0)
    : randomValue(prng) & ~2n;
  hart.sscratch = randomValue(prng);
  hart.sepc = randomAddress(prng, code) & parcel;
  hart.scause = randomValue(prng);
  hart.stval = randomValue(prng);
  hart.satp = chance(prng, 85) ? (8n << 60n) | (0x80000n + BigInt(randomGuestPage.root)) : 0n;
  hart.reservation = undefined;
  randomizeFloat(prng, hart);
}

/** Float registers, fcsr and sstatus.FS of a hart that has them. */
function randomizeFloat(prng: Prng, hart: ReferenceHart): void {
  if (!hart.profile.extensions.includes('F')) return;
  for (let index = 0; index < 32; index++) hart.f[index] = randomFloat(prng, chance(prng, 50) ? 4 : 8);
  const mode = chance(prng, 60) ? 0 : nextBelow(prng, 8);
  hart.fcsr = BigInt((mode << 5) | (chance(prng, 50) ? nextBelow(prng, 32) : 0));
  if (chance(prng, 85)) hart.sstatus |= BigInt((1 + nextBelow(prng, 3)) << 13);
}
