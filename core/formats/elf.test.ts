// Goal: executables are read right and every bad file gets one true sentence. Method: files from our own
// writer, damaged field by field; GNU binutils, where installed, judge the writer's bytes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ElfError, parseElf, renderElfError } from './elf.ts';
import { writeElf } from './elf-writer.ts';

const program = {
  entry: 0x8020_0004,
  segments: [
    { physicalAddress: 0x8020_0000, bytes: Uint8Array.from({ length: 37 }, (_, index) => index), flags: 5 },
    { physicalAddress: 0x8020_1000, bytes: Uint8Array.of(9, 8, 7), memorySize: 4096, flags: 6 },
  ],
  symbols: [
    { name: 'start', address: 0x8020_0000 },
    { name: 'counter', address: 0x8020_1000 },
  ],
};

function patched(change: (view: DataView) => void): Uint8Array {
  const bytes = writeElf(program);
  change(new DataView(bytes.buffer));
  return bytes;
}

function refusal(bytes: Uint8Array): { kind: string; sentence: string } {
  const parsed = parseElf(bytes, { name: 'guest.elf' });
  if (parsed.ok) throw new Error('expected a refusal');
  return { kind: parsed.error.kind, sentence: renderElfError(parsed.error) };
}

test('what the writer wrote is read back', () => {
  const parsed = parseElf(writeElf(program), { name: 'guest.elf' });
  expect(parsed).toEqual({
    ok: true,
    value: {
      name: 'guest.elf',
      entry: 0x8020_0004,
      segments: program.segments.map((segment) => ({
        physicalAddress: segment.physicalAddress,
        virtualAddress: BigInt(segment.physicalAddress),
        bytes: segment.bytes,
        memorySize: segment.memorySize ?? segment.bytes.length,
        flags: segment.flags,
      })),
      symbols: program.symbols.map(({ name, address }) => ({ name, address: BigInt(address), size: 0 })),
      usesCompressed: false,
      floatAbi: 'soft',
    },
  });
});

test('an entry in a segment linked high becomes its physical address', () => {
  const virtualAddress = 0xffff_ffff_8000_0000n;
  const bytes = writeElf({ entry: 0, segments: [{ physicalAddress: 0x8020_0000, virtualAddress, bytes: new Uint8Array(64) }] });
  new DataView(bytes.buffer).setBigUint64(24, virtualAddress + 16n, true);
  expect(parseElf(bytes, { name: 'k' })).toMatchObject({ ok: true, value: { entry: 0x8020_0010 } });
});

test('bytes may start anywhere in their buffer', () => {
  const bytes = writeElf(program);
  const moved = new Uint8Array(bytes.length + 13);
  moved.set(bytes, 13);
  expect(parseElf(moved.subarray(13), { name: 'a' })).toEqual(parseElf(bytes, { name: 'a' }));
});

// biome-ignore format: a table
const refusals: readonly (readonly [ElfError['kind'], string, (view: DataView) => void])[] = [
  ['not-elf',                     'found 23 21 2f 62',               (v) => v.setUint32(0, 0x23212f62)],
  ['not-64-bit',                  '32-bit',                          (v) => v.setUint8(4, 1)],
  ['big-endian',                  'big-endian',                      (v) => v.setUint8(5, 2)],
  ['bad-byte-order',              'byte order',                      (v) => v.setUint8(5, 7)],
  ['bad-version',                 'version 1 at offset 6, found 9',              (v) => v.setUint8(6, 9)],
  ['other-machine',               'x86-64 (e_machine 62',            (v) => v.setUint16(18, 62, true)],
  ['other-machine',               'AArch64',                         (v) => v.setUint16(18, 183, true)],
  ['other-machine',               'machine 4711',                    (v) => v.setUint16(18, 4711, true)],
  ['not-executable',              'relocatable object',              (v) => v.setUint16(16, 1, true)],
  ['needs-interpreter',           'program header 0',                (v) => v.setUint32(64, 3, true)],
  ['bad-header-size',             '32 bytes (at offset 54), expected 56',           (v) => v.setUint16(54, 32, true)],
  ['too-many',                    '60000 program headers',           (v) => v.setUint16(56, 60_000, true)],
  ['too-many',                    '60000 section headers',           (v) => v.setUint16(60, 60_000, true)],
  ['no-loadable-segment',         'none of the 0 program headers',   (v) => v.setUint16(56, 0, true)],
  ['segment-file-exceeds-memory', 'segment 0 has 37 bytes',          (v) => v.setBigUint64(64 + 40, 36n, true)],
  ['truncated',                   'segment 1',                       (v) => v.setBigUint64(120 + 8, 0xffffn, true)],
  ['truncated',                   'beyond any file',                 (v) => v.setBigUint64(120 + 8, 2n ** 63n, true)],
  ['truncated',                   'the program headers',             (v) => v.setBigUint64(32, 5_000n, true)],
  ['truncated',                   'the section headers',             (v) => v.setBigUint64(40, 5_000n, true)],
  ['address-out-of-range',        'segment 0 lies at 0x20000000000', (v) => v.setBigUint64(64 + 24, 2n ** 41n, true)],
  ['address-out-of-range',        'segment 0',                       (v) => v.setBigUint64(64 + 40, 2n ** 60n, true)],
  ['overlapping-segments',        'overlap at physical address 0x80200024', (v) => v.setBigUint64(120 + 24, 0x8020_0024n, true)],
  ['entry-outside-segments',      '0x80300000',                      (v) => v.setBigUint64(24, 0x8030_0000n, true)],
];

test.each(refusals)('%s: %s', (kind, part, change) => {
  const found = refusal(patched(change));
  expect(found.kind).toBe(kind);
  expect(found.sentence).toContain(part);
  expect(found.sentence).toMatch(/^guest\.elf: [^\n]+\.$/);
});

test('every truncation is refused, an empty file as empty', () => {
  const bytes = writeElf(program);
  for (let length = 1; length < bytes.length; length++) {
    expect(refusal(bytes.subarray(0, length)).kind).toBe('truncated');
  }
  expect(refusal(new Uint8Array(0)).sentence).toBe(
    'guest.elf: the file is empty; expected an ELF executable for RISC-V.',
  );
});

test('readelf finds nothing wrong with a written file', ({ skip }) => {
  const tool = ['readelf', 'riscv64-unknown-elf-readelf'].find(
    (name) => spawnSync(name, ['--version']).status === 0,
  );
  if (tool === undefined) return skip('no readelf on PATH; our own reader has checked the bytes above');
  const folder = mkdtempSync(join(tmpdir(), 'elf-'));
  try {
    const path = join(folder, 'guest.elf');
    writeFileSync(path, writeElf(program));
    const run = spawnSync(tool, ['--all', '--wide', path], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(run.stdout).toMatch(/Machine:\s+RISC-V/);
    expect(run.stdout).toMatch(/LOAD\s+0x[0-9a-f]+ 0x0000000080201000 0x0000000080201000 0x000003 0x001000 RW/);
    expect(run.stdout).toMatch(/0000000080201000\s+0 NOTYPE\s+GLOBAL DEFAULT\s+ABS counter/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
