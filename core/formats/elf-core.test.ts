// Goal: registers of both kinds come back from a core file. Method: round trip, and readelf's reading
// of the notes where it is installed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCore, writeCore } from './elf-core.ts';

const x = Array.from({ length: 31 }, (_, index) => BigInt(index + 1) << 32n);
const f = Array.from({ length: 32 }, (_, index) => 0xffff_ffff_0000_0000n + BigInt(index));
const CORE = {
  threads: [
    { id: 1, pc: 0x8000_0000n, x, float: { f, fcsr: 0x61 } },
    { id: 2, pc: 0x8000_0004n, x },
  ],
  notes: [],
  segments: [{ physicalAddress: 0x8000_0000, pieces: [new Uint8Array(4096)], memorySize: 4096 }],
};

test('float registers belong to their thread, and a thread may have none', () => {
  const read = readCore(writeCore(CORE));
  expect(read.ok && read.value.threads).toEqual(CORE.threads);
});

test.skipIf(!existsSync('/usr/bin/readelf'))('readelf sees one NT_FPREGSET', () => {
  const folder = mkdtempSync(join(tmpdir(), 'core-'));
  try {
    const path = join(folder, 'x.core');
    writeFileSync(path, writeCore(CORE));
    const text = execFileSync('/usr/bin/readelf', ['-n', path], { encoding: 'utf8' });
    expect(text.match(/NT_FPREGSET/g)).toHaveLength(1);
    expect(text).toMatch(/CORE\s+0x00000108\s+NT_FPREGSET/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
