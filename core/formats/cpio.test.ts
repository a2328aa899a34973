// Goal: a kernel and cpio read what we write, and the same entries give the same bytes. Method: a reader made from the
// format's description gives the entries back, whatever their order; cpio, where it is installed, lists the same.
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { type CpioEntry, writeCpio } from './cpio.ts';

const ENTRIES: readonly CpioEntry[] = [
  { kind: 'folder', name: 'bin', mode: 0o755 },
  { kind: 'file', name: 'bin/busybox', bytes: Uint8Array.from([1, 2, 3, 4, 5]), mode: 0o755 },
  { kind: 'link', name: 'bin/sh', target: 'busybox' },
  { kind: 'folder', name: 'dev', mode: 0o755 },
  { kind: 'character-device', name: 'dev/console', mode: 0o600, major: 5, minor: 1 },
  { kind: 'file', name: 'init', bytes: new Uint8Array(4096).fill(0x41), mode: 0o755 },
];

/** Name, mode, size, device and content of each entry, as buffer-format.rst lays them out. */
function read(archive: Uint8Array) {
  const text = Buffer.from(archive).toString('latin1');
  const found: { name: string; mode: number; device: [number, number]; content: string }[] = [];
  for (let at = 0; ; ) {
    expect([at % 4, text.slice(at, at + 6)]).toEqual([0, '070701']);
    const field = (index: number) => Number.parseInt(text.slice(at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const nameEnd = at + 110 + field(11);
    const name = text.slice(at + 110, nameEnd - 1);
    const begin = Math.ceil(nameEnd / 4) * 4;
    if (name === 'TRAILER!!!') {
      expect(begin).toBe(archive.length);
      return found;
    }
    expect([field(2), field(3), field(4), field(5)]).toEqual([0, 0, 1, 0]); // owner, group, links, time
    found.push({ name, mode: field(1), device: [field(9), field(10)], content: text.slice(begin, begin + field(6)) });
    at = Math.ceil((begin + field(6)) / 4) * 4;
  }
}

test('entries come back, sorted, with types, modes, devices and contents', () => {
  expect(read(writeCpio(ENTRIES))).toEqual([
    { name: 'bin', mode: 0o040755, device: [0, 0], content: '' },
    { name: 'bin/busybox', mode: 0o100755, device: [0, 0], content: '\u0001\u0002\u0003\u0004\u0005' },
    { name: 'bin/sh', mode: 0o120777, device: [0, 0], content: 'busybox' },
    { name: 'dev', mode: 0o040755, device: [0, 0], content: '' },
    { name: 'dev/console', mode: 0o020600, device: [5, 1], content: '' },
    { name: 'init', mode: 0o100755, device: [0, 0], content: 'A'.repeat(4096) },
  ]);
});

test('the order of the entries changes nothing; a byte of a content changes the archive', () => {
  const random = makePrng({ seed: 7, stream: 0 });
  const expected = writeCpio(ENTRIES);
  for (let round = 0; round < 20; round++) {
    const shuffled = [...ENTRIES];
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = nextBelow(random, index + 1);
      [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
    }
    expect(writeCpio(shuffled)).toEqual(expected);
  }
  const changed = ENTRIES.map((it) => (it.kind === 'file' && it.name === 'init' ? { ...it, bytes: it.bytes.with(7, 0) } : it));
  expect(writeCpio(changed)).not.toEqual(expected);
});

test.each([
  ['a file whose folder is not there', { kind: 'file', name: 'lib/a', bytes: new Uint8Array(1), mode: 0o644 }],
  ['a name twice', { kind: 'folder', name: 'bin', mode: 0o755 }],
  ['a name from the root', { kind: 'folder', name: '/etc', mode: 0o755 }],
  ['a name that leaves', { kind: 'folder', name: 'bin/..', mode: 0o755 }],
] as const)('%s is refused', (_, entry) => {
  expect(() => writeCpio([...ENTRIES, entry])).toThrow();
});

const cpio = spawnSync('cpio', ['--version']).status === 0;
test.skipIf(!cpio)('cpio lists the same names', () => {
  const done = spawnSync('cpio', ['-t', '--quiet'], { input: writeCpio(ENTRIES), encoding: 'utf8' });
  expect(done.stdout.trim().split('\n')).toEqual(ENTRIES.map(({ name }) => name));
});
