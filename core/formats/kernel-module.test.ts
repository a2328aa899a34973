// Goal: a slimmed module relocates as the module does, and a damaged file is one sentence. Method: a module made here
// with needed and unneeded symbols; what each relocation names, before and after; mutations.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { moduleName, readModuleFacts, slimModule } from './kernel-module.ts';

interface Part {
  readonly name: string;
  readonly type: number;
  readonly content: Uint8Array;
  readonly link?: number;
  readonly info?: number;
  readonly align?: number;
}

const text = (...words: string[]) => Uint8Array.from(Buffer.from(words.map((word) => `${word}\0`).join('')));
const NAMES = ['', '.L1', '.L2', 'helper', 'printk', 'init_module', '.L3'];
/** name, info (binding * 16 + type), section, value */
const SYMBOLS = [[0, 0, 0, 0], [0, 3, 1, 0], [1, 0, 1, 4], [2, 0, 1, 8], [3, 2, 1, 12], [6, 0, 1, 20], [4, 16, 0, 0], [5, 18, 1, 16]] as const;
/** offset, symbol, type, addend */
const RELOCATIONS = [[0, 3, 23, 0], [4, 6, 19, 0], [8, 1, 2, 16]] as const;

function symbolTable(): Uint8Array {
  const bytes = new Uint8Array(SYMBOLS.length * 24);
  const view = new DataView(bytes.buffer);
  SYMBOLS.forEach(([name, info, section, value], index) => {
    view.setUint32(index * 24, NAMES.slice(0, name).reduce((sum, it) => sum + it.length + 1, 0), true);
    bytes[index * 24 + 4] = info;
    view.setUint16(index * 24 + 6, section, true);
    view.setBigUint64(index * 24 + 8, BigInt(value), true);
  });
  return bytes;
}

function relocationTable(): Uint8Array {
  const bytes = new Uint8Array(RELOCATIONS.length * 24);
  const view = new DataView(bytes.buffer);
  RELOCATIONS.forEach(([offset, symbol, type, addend], index) => {
    view.setBigUint64(index * 24, BigInt(offset), true);
    view.setBigUint64(index * 24 + 8, (BigInt(symbol) << 32n) | BigInt(type), true);
    view.setBigUint64(index * 24 + 16, BigInt(addend), true);
  });
  return bytes;
}

const FACTS = text('license=GPL', 'softdep=pre: crypto-crc32c post: late', 'depends=jbd2,mb-cache', 'name=ext4', 'vermagic=6.12 SMP');
const PARTS: readonly Part[] = [
  { name: '', type: 0, content: new Uint8Array(0) },
  { name: '.text', type: 1, content: new Uint8Array(24).fill(0x13), align: 4 },
  { name: '.rela.text', type: 4, content: relocationTable(), link: 5, info: 1, align: 8 },
  { name: '.modinfo', type: 1, content: FACTS },
  { name: '.BTF', type: 1, content: new Uint8Array(500).fill(1) },
  { name: '.symtab', type: 2, content: symbolTable(), link: 6, info: 6, align: 8 },
  { name: '.strtab', type: 3, content: text(...NAMES) },
  { name: '.bss', type: 8, content: new Uint8Array(0), align: 64 },
  { name: '.shstrtab', type: 3, content: new Uint8Array(0) },
];

/** A relocatable RISC-V object of these sections. */
function makeModule(): Uint8Array {
  const names = text(...PARTS.map(({ name }) => name));
  const contents = PARTS.map((part) => (part.name === '.shstrtab' ? names : part.content));
  const pieces: { at: number; bytes: Uint8Array }[] = [];
  let end = 64;
  const offsets = contents.map((bytes, index) => {
    end = Math.ceil(end / 8) * 8;
    pieces.push({ at: end, bytes });
    end += bytes.length;
    return pieces[index]!.at;
  });
  const table = Math.ceil(end / 8) * 8;
  const file = new Uint8Array(table + PARTS.length * 64);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 1, true);
  view.setUint16(18, 243, true);
  view.setBigUint64(40, BigInt(table), true);
  view.setUint16(58, 64, true);
  view.setUint16(60, PARTS.length, true);
  view.setUint16(62, PARTS.length - 1, true);
  for (const { at, bytes } of pieces) file.set(bytes, at);
  PARTS.forEach((part, index) => {
    const at = table + index * 64;
    view.setUint32(at, PARTS.slice(0, index).reduce((sum, { name }) => sum + name.length + 1, 0), true);
    view.setUint32(at + 4, part.type, true);
    view.setBigUint64(at + 24, BigInt(offsets[index]!), true);
    view.setBigUint64(at + 32, BigInt(part.name === '.bss' ? 77 : contents[index]!.length), true);
    view.setUint32(at + 40, part.link ?? 0, true);
    view.setUint32(at + 44, part.info ?? 0, true);
    view.setBigUint64(at + 48, BigInt(part.align ?? 1), true);
  });
  return file;
}

/** Sections, symbols and what relocations name, read anew. */
function look(file: Uint8Array) {
  const view = new DataView(file.buffer, file.byteOffset);
  const word = (at: number) => Number(view.getBigUint64(at, true));
  const table = word(40);
  const section = (index: number) => {
    const at = table + index * 64;
    return { size: word(at + 32), info: view.getUint32(at + 44, true), bytes: file.subarray(word(at + 24), word(at + 24) + word(at + 32)), offset: word(at + 24) };
  };
  const name = (at: number) => Buffer.from(section(6).bytes.subarray(at)).toString('latin1').split('\0')[0];
  const { offset, size } = section(5);
  const symbols = Array.from({ length: size / 24 }, (_, index) => {
    const at = offset + index * 24;
    return { name: name(view.getUint32(at, true)), info: file[at + 4], section: view.getUint16(at + 6, true), value: word(at + 8) };
  });
  const relocations = RELOCATIONS.map((_, index) => {
    const at = section(2).offset + index * 24;
    return { offset: word(at), type: view.getUint32(at + 8, true), symbol: symbols[view.getUint32(at + 12, true)], addend: word(at + 16) };
  });
  return { symbols, relocations, section };
}

function slim(file: Uint8Array): Uint8Array {
  const made = slimModule('ext4.ko', file);
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

test('what a module says of itself', () => {
  expect(readModuleFacts('ext4.ko', makeModule())).toEqual({
    ok: true, value: { name: 'ext4', depends: ['jbd2', 'mb_cache'], before: ['crypto_crc32c'], kernel: '6.12 SMP' },
  });
  expect(moduleName('virtio-rng.ko')).toBe('virtio_rng');
});

test('relocations name the same symbols; what nobody names is gone, globals and sections stay', () => {
  const before = look(makeModule());
  const after = look(slim(makeModule()));
  expect(after.relocations).toEqual(before.relocations);
  expect(after.symbols.map(({ name }) => name)).toEqual(['', '', '.L2', 'printk', 'init_module']);
  expect(after.section(5).info).toBe(3); // the first that is not local
  expect([after.section(4).size, after.section(7).size]).toEqual([0, 77]);
  expect(after.section(1).bytes).toEqual(before.section(1).bytes);
  expect(after.section(3).bytes).toEqual(FACTS);
});

test('slimming a slim module changes nothing', () => {
  const once = slim(makeModule());
  expect(slim(once)).toEqual(once);
  expect(once.length).toBeLessThan(makeModule().length - 500);
});

test('a damaged module is one sentence or a module (2,000 mutations)', () => {
  const random = makePrng({ seed: 11, stream: 0 });
  const outcomes = new Set<string>();
  for (let round = 0; round < 2000; round++) {
    const file = makeModule().slice(0, nextBelow(random, 8) === 0 ? nextBelow(random, 1400) : undefined);
    for (let count = 0; count <= nextBelow(random, 4) && file.length > 0; count++) file[nextBelow(random, file.length)] = nextBelow(random, 256);
    for (const made of [slimModule('m.ko', file), readModuleFacts('m.ko', file)]) {
      if (!made.ok) expect(made.error).toMatch(/^m\.ko.*\.$/);
      outcomes.add(String(made.ok));
    }
  }
  expect(outcomes.size).toBe(2);
});
