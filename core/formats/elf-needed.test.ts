// Goal: the libraries and the loader that a program names, and one sentence for what is damaged. Method: a file made
// here; mutations of it; this machine's own programs, where readelf is there to say the same.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { readElfNeeds } from './elf-needed.ts';

/** A program: loader at 300, names at 400, dynamic section at 500; loaded from 0x10000 on. */
function makeProgram(): Uint8Array {
  const file = new Uint8Array(600);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setBigUint64(32, 64n, true);
  view.setUint16(56, 3, true);
  [[3, 300, 0x1012c, 14], [1, 0, 0x10000, 600], [2, 500, 0x101f4, 80]].forEach(([type, offset, address, size], index) => {
    view.setUint32(64 + index * 56, type!, true);
    [offset, address, address, size].forEach((value, at) => void view.setBigUint64(64 + index * 56 + 8 + at * 8, BigInt(value!), true));
  });
  file.set(Buffer.from('/lib/loader.so\0'), 300);
  file.set(Buffer.from('\0libc.so.6\0libssl.so.3\0'), 400);
  [[1, 1], [5, 0x10190], [1, 11], [0, 0]].forEach(([tag, value], index) => {
    view.setBigUint64(500 + index * 16, BigInt(tag!), true);
    view.setBigUint64(508 + index * 16, BigInt(value!), true);
  });
  return file;
}

test('libraries in their order, and the loader', () => {
  expect(readElfNeeds('program', makeProgram())).toEqual({ ok: true, value: { libraries: ['libc.so.6', 'libssl.so.3'], loader: '/lib/loader.so' } });
  const alone = makeProgram();
  alone[56] = 0; // no program headers
  expect(readElfNeeds('program', alone)).toEqual({ ok: true, value: { libraries: [], loader: undefined } });
});

test('a damaged file is one sentence or needs (2,000 mutations)', () => {
  const random = makePrng({ seed: 5, stream: 0 });
  const outcomes = new Set<string>();
  for (let round = 0; round < 2000; round++) {
    const file = makeProgram().slice(0, nextBelow(random, 6) === 0 ? nextBelow(random, 600) : undefined);
    for (let count = 0; count <= nextBelow(random, 4) && file.length > 0; count++) file[nextBelow(random, Math.min(file.length, 232))] = nextBelow(random, 256);
    const made = readElfNeeds('program', file);
    if (!made.ok) expect(made.error).toMatch(/^program.*\.$/);
    outcomes.add(String(made.ok));
  }
  expect(outcomes.size).toBe(2);
});

const judged = spawnSync('readelf', ['--version']).status === 0 && existsSync('/bin/sh') && readFileSync('/bin/sh')[4] === 2;
test.skipIf(!judged)('what this machine’s shell needs, as readelf says it', () => {
  const lines = spawnSync('readelf', ['-dW', '/bin/sh'], { encoding: 'utf8' }).stdout.split('\n');
  const named = lines.flatMap((line) => /\(NEEDED\).*\[(.*)\]/.exec(line)?.[1] ?? []);
  expect(readElfNeeds('sh', new Uint8Array(readFileSync('/bin/sh')))).toMatchObject({ value: { libraries: named } });
});
