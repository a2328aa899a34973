// Goal: files get their places in RAM, or one sentence says why not. Method: ELF files made by our writer, kernels
// and RAM disks around the limits. Damaged files: hostile-files.property.test.ts.
import { expect, test } from 'vitest';
import { parseDeviceTree, writeElf } from '../formats/index.ts';
import { type BootRequest, layOutBoot, renderBootError } from './boot-image.ts';
import { RAM_ADDRESS } from '../platform/memory-map.ts';

const MIB = 1024 * 1024;
const bytes = (count: number) => new Uint8Array(count).fill(0x13);

function makeElf(...segments: readonly { address: number; bytes: Uint8Array; memorySize?: number }[]): Uint8Array {
  return writeElf({
    entry: segments[0]!.address,
    segments: segments.map(({ address, ...rest }) => ({ physicalAddress: address, ...rest })),
    symbols: [{ name: 'tohost', address: RAM_ADDRESS + 64 }],
  });
}

const PROGRAM = { name: 'program.elf', bytes: makeElf({ address: RAM_ADDRESS, bytes: bytes(256) }) };
const BASE: BootRequest = { program: PROGRAM, ramBytes: 128 * MIB, hartCount: 2, profile: 'rv64gc' };

function laidOut(request: Partial<BootRequest>) {
  const image = layOutBoot({ ...BASE, ...request });
  if (!image.ok) throw new Error(renderBootError(image.error));
  return image.value;
}
function sentence(request: Partial<BootRequest>): string {
  const image = layOutBoot({ ...BASE, ...request });
  if (image.ok) throw new Error('it fits');
  return renderBootError(image.error);
}

test('a program alone: its segments, and the tree where QEMU puts it', () => {
  const image = laidOut({});
  expect(image.entry).toBe(RAM_ADDRESS);
  expect(image.treeAddress).toBe(0x87e0_0000); // a1 in QEMU 7.2 with -m 128M
  expect(image.symbols.map(({ name }) => name)).toEqual(['tohost']);
  const tree = image.pieces.find(({ address }) => address === image.treeAddress);
  expect(parseDeviceTree(tree!.bytes).ok).toBe(true);
});

test('segments anywhere in RAM, zeroes behind them', () => {
  const far = RAM_ADDRESS + 100 * MIB;
  const elf = makeElf({ address: far, bytes: bytes(16), memorySize: 4096 }, { address: RAM_ADDRESS + 64, bytes: bytes(8) });
  const image = laidOut({ program: { name: 'far.elf', bytes: elf } });
  expect(image.entry).toBe(far);
  expect(image.pieces.map(({ address, size }) => [address, size])).toContainEqual([far, 4096]);
});

test('firmware linked at 0 that relocates itself lies at the beginning of RAM; other files at 0 are refused', () => {
  const elf = writeElf({
    entry: 8,
    segments: [{ physicalAddress: 0, bytes: bytes(256) }, { physicalAddress: 0x1000, bytes: bytes(16) }],
    symbols: [{ name: 'tohost', address: 0x1000 }],
  });
  expect(sentence({ program: { name: 'low.elf', bytes: elf } })).toContain('outside RAM');
  elf[16] = 3; // ET_DYN
  const image = laidOut({ program: { name: 'movable.elf', bytes: elf } });
  expect(image.entry).toBe(RAM_ADDRESS + 8);
  expect(image.pieces.slice(0, 2).map(({ address }) => address)).toEqual([RAM_ADDRESS, RAM_ADDRESS + 0x1000]);
  expect(image.symbols).toMatchObject([{ address: BigInt(RAM_ADDRESS + 0x1000) }]);
});

test('in small RAM the tree lies in its last pages', () => {
  const image = laidOut({ ramBytes: 64 * 1024 });
  expect(image.treeAddress % 4096).toBe(0);
  expect(image.treeAddress + image.tree.length).toBeLessThanOrEqual(RAM_ADDRESS + 64 * 1024);
});

test('a kernel lies 2 MiB into RAM, firmware is told so in ROM; a RAM disk is in the tree', () => {
  const kernel = bytes(0x1000);
  new DataView(kernel.buffer).setUint32(56, 0x0543_5352, true);
  new DataView(kernel.buffer).setBigUint64(16, 0x3000n, true);
  const image = laidOut({ kernel: { name: 'Image', bytes: kernel }, initrd: { name: 'initrd', bytes: bytes(5000) }, bootArguments: 'quiet' });
  expect(image.pieces.find(({ what }) => what === 'Image')).toMatchObject({ address: 0x8020_0000, size: 0x3000 });
  expect(image.pieces.find(({ what }) => what === 'initrd')).toMatchObject({ address: 0x8420_0000, size: 5000 });
  const record = new DataView(image.rom.bytes.buffer);
  expect([0, 8, 16, 24, 32, 40].map((at) => record.getBigUint64(at, true))).toEqual([0x4942_534fn, 2n, 0x8020_0000n, 1n, 0n, 0n]);
  expect(image.nextStageAddress).toBe(0x1000 + image.rom.offset);
  expect(Buffer.from(image.tree).includes('linux,initrd-end')).toBe(true);
});

test.each([
  ['a segment below RAM', { program: { name: 'low.elf', bytes: makeElf({ address: 0x1000, bytes: bytes(4) }) } }, 'low.elf: low.elf takes 4 bytes at 0x1000, outside RAM (0x80000000 to 0x88000000).'],
  ['a segment beyond RAM', { program: { name: 'high.elf', bytes: makeElf({ address: RAM_ADDRESS, bytes: bytes(4), memorySize: 129 * MIB }) } }, 'outside RAM'],
  ['no room for the tree', { ramBytes: 4096 }, 'the device tree'],
  ['a kernel larger than RAM', { kernel: { name: 'Image', bytes: bytes(64) }, ramBytes: 2 * MIB }, 'Image takes 64 bytes at 0x80200000'],
  ['an empty kernel', { kernel: { name: 'Image', bytes: bytes(0) } }, 'Image: the file is empty.'],
  ['a RAM disk beyond RAM', { initrd: { name: 'initrd', bytes: bytes(9 * MIB) }, ramBytes: 16 * MIB }, 'initrd takes'],
  ['a kernel over the program', { program: { name: 'big.elf', bytes: makeElf({ address: RAM_ADDRESS, bytes: bytes(4), memorySize: 3 * MIB }) }, kernel: { name: 'Image', bytes: bytes(64) } }, 'big.elf and Image overlap at 0x80200000'],
  ['a text file', { program: { name: 'a.txt', bytes: new TextEncoder().encode('hello') } }, 'not an ELF file'],
  ['a 32-bit program', { program: { name: 'rv32.elf', bytes: with32Bit(PROGRAM.bytes) } }, 'a 32-bit ELF file'],
] as const)('%s: one sentence', (_, request, words) => {
  expect(sentence(request)).toContain(words);
});

function with32Bit(elf: Uint8Array): Uint8Array {
  const copy = elf.slice();
  copy[4] = 1;
  return copy;
}

test('a device tree that is given is handed over as it is, or refused by name', () => {
  const mine = { name: 'mine.dtb', bytes: laidOut({ bootArguments: 'of my own' }).tree };
  const image = laidOut({ deviceTree: mine, bootArguments: 'of the board' });
  expect(Buffer.from(image.tree).includes('of my own')).toBe(true);
  expect(image.pieces.find(({ what }) => what === 'mine.dtb')).toMatchObject({ address: image.treeAddress });
  expect(sentence({ deviceTree: { name: 'mine.dtb', bytes: bytes(64) } })).toBe('mine.dtb: no device tree blob: expected 0xd00dfeed at byte 0, found 0x13131313.');
});
