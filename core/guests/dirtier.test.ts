// Goal: the dirtier writes at its rate, checks its own memory truly, and its clock tells what happened to it.
// Method: it runs on the real machine; its console text is read as a person reads it. Canaries: a byte flipped behind its
// back, in several places of a page, must be reported; its sums are compared with sums computed here from its memory.
import { expect, test } from 'vitest';
import type { Vm } from '../hypervisor/index.ts';
import { rank } from '../sim/rank.ts';
import { makeTestHost, readLong, runUntilText } from '../testing/test-host.ts';
import { DIRTIER_REGION_FIRST_PAGE, DIRTIER_SAMPLING_NS } from './index.ts';

const MILLISECOND = 1_000_000;

function makeDirtier(ramMegabytes: number) {
  return makeTestHost({
    image: { kind: 'program', name: 'dirtier' },
    ramBytes: ramMegabytes << 20,
    frameCount: ramMegabytes * 256 + 300,
  });
}

interface Status {
  readonly seconds: number;
  readonly rate: number;
  readonly set: number;
  readonly written: number;
  readonly verified: number;
  readonly gapMs: number;
  readonly verdict: string;
}

function statusLines(vm: Vm): Status[] {
  const pattern = /^dirtier ([\d.]+) s {2}(\d+) pages\/s {2}set (\d+) {2}written (\d+) {2}verified (\d+) {2}gap ([\d.]+) ms {2}(.+)$/gm;
  return [...vm.debugConsole.text().matchAll(pattern)].map((match) => ({
    seconds: Number(match[1]),
    rate: Number(match[2]),
    set: Number(match[3]),
    written: Number(match[4]),
    verified: Number(match[5]),
    gapMs: Number(match[6]),
    verdict: match[7]!,
  }));
}

test('64 MiB: 12,288 pages filled, steady within 100 ms, a status line every 10 ms, every line short', () => {
  const { host, vm } = makeDirtier(64);
  host.run(150 * MILLISECOND);
  const text = vm.debugConsole.text();
  expect(text.startsWith('dirtier: 12288 of 16384 pages filled\n')).toBe(true);
  const lines = statusLines(vm);
  expect(lines[0]!.seconds).toBeLessThan(0.1);
  for (let index = 1; index < lines.length; index++) {
    expect(lines[index]!.seconds - lines[index - 1]!.seconds).toBeCloseTo(0.01, 6);
    expect(lines[index]!.written - lines[index - 1]!.written).toBe(30);
    expect(lines[index]!.verdict).toBe('ok');
  }
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(100);
  let zeroes = 0;
  for (let page = 0; page < vm.pageCount; page++) if (vm.memory.isZero(page)) zeroes++;
  expect(zeroes).toBeGreaterThan(3_700); // the rest of RAM, elided by a migration
});

test('its table holds the true sums of its pages', () => {
  const { host, vm } = makeDirtier(2);
  vm.type('rate 50000\nset 40\n');
  host.run(20 * MILLISECOND);
  while (!vm.vcpus[0]!.waiting) host.run(host.now() + 10_000); // no page is in the middle of a write
  const pages = Number(/(\d+) of/.exec(vm.debugConsole.text())![1]);
  expect(pages).toBe(240);
  let versions = 0n;
  for (let page = 0; page < pages; page++) {
    const entry = 0x8004_0000 + 16 * page;
    versions += readLong(vm, entry + 8);
    let sum = 0n;
    for (let word = 0; word < 512; word++) {
      sum += readLong(vm, 0x8000_0000 + (DIRTIER_REGION_FIRST_PAGE + page) * 4096 + word * 8);
    }
    expect(BigInt.asUintN(64, sum)).toBe(readLong(vm, entry));
  }
  expect(versions).toBeGreaterThan(700n);
});

test('rate and set commands are answered and obeyed; the rate is kept by the clock', () => {
  const { host, vm } = makeDirtier(8);
  expect(runUntilText(host, vm, 'pages filled', 50 * MILLISECOND)).toBe(true);
  host.run(30 * MILLISECOND);
  vm.type('rate 20000\nset 64\n');
  host.run(140 * MILLISECOND);
  const text = vm.debugConsole.text();
  expect(text).toContain('dirtier rate 20000 pages/s\n');
  expect(text).toContain('dirtier set 64 pages\n');
  const lines = statusLines(vm);
  const [from, to] = [lines.at(-6)!, lines.at(-1)!];
  expect((to.written - from.written) / (to.seconds - from.seconds)).toBeCloseTo(20_000, -3);
  expect(to.set).toBe(64);
  // Only the set is written from now on.
  vm.memory.dirtyLog.arm();
  host.run(170 * MILLISECOND);
  const bitmap = new Uint32Array(vm.memory.dirtyLog.wordCount());
  vm.memory.dirtyLog.takeAndRearm(bitmap);
  const dirty: number[] = [];
  for (let page = 0; page < vm.pageCount; page++) {
    if (((bitmap[page >>> 5]! >>> (page & 31)) & 1) !== 0) dirty.push(page - DIRTIER_REGION_FIRST_PAGE);
  }
  const region = dirty.filter((page) => page >= 0);
  expect(region).toEqual(Array.from({ length: 64 }, (_, index) => index));
  expect(dirty.length - region.length).toBeLessThan(16);

  vm.type('rate 0\nset 0\nset 999999\nbogus\n\nrate 1');
  host.run(200 * MILLISECOND);
  const stopped = statusLines(vm).at(-1)!.written;
  host.run(230 * MILLISECOND);
  expect(statusLines(vm).at(-1)!.written).toBe(stopped);
  expect(vm.debugConsole.text()).toContain('dirtier set 1 pages\ndirtier set 1536 pages\n');
  expect(vm.debugConsole.text()).toContain("dirtier does not know 'bogus'\n");
  vm.type('000\n'); // the rest of the line comes later
  host.run(260 * MILLISECOND);
  expect(vm.debugConsole.text()).toContain('dirtier rate 1000 pages/s\n');
});

test('no input is lost: a long paste of commands is answered line by line', () => {
  const { host, vm } = makeDirtier(2);
  const rates = Array.from({ length: 300 }, (_, index) => 100 + index);
  vm.type(rates.map((rate) => `rate ${rate}\n`).join(''));
  host.run(60 * MILLISECOND);
  const answers = [...vm.debugConsole.text().matchAll(/^dirtier rate (\d+) pages/gm)].map((it) => Number(it[1]));
  expect(answers).toEqual(rates);
  expect(vm.debugConsole.overflowCount).toBe(0);
});

test('the gap it sees equals an imposed pause within its sampling period; it says so at once and catches up', () => {
  const { host, vm } = makeDirtier(4);
  host.registerHandler('test', (kind) => {
    if (kind === 'test.pause') vm.pause('a test');
    else vm.resume();
  });
  vm.type('rate 10000\n');
  host.run(50 * MILLISECOND);
  vm.type('gap\n');
  host.run(60 * MILLISECOND);
  host.schedule(60_123_456, rank.mechanism, 'test.pause');
  host.schedule(60_123_456 + 23_456_000, rank.mechanism, 'test.resume');
  host.run(130 * MILLISECOND);
  const text = vm.debugConsole.text();
  const stepped = Number(/clock stepped ([\d.]+) ms/.exec(text)![1]) * MILLISECOND;
  expect(stepped).toBeGreaterThanOrEqual(23_456_000);
  expect(stepped).toBeLessThanOrEqual(23_456_000 + DIRTIER_SAMPLING_NS);
  const last = statusLines(vm).at(-1)!;
  expect(last.gapMs * MILLISECOND).toBe(stepped);
  const early = statusLines(vm)[2]!;
  const rate = (last.written - early.written) / (last.seconds - early.seconds);
  expect(Math.abs(rate - 10_000)).toBeLessThan(150);
  vm.type('gap\n');
  host.run(150 * MILLISECOND);
  expect(vm.debugConsole.text()).toContain(`dirtier gap ${(stepped / MILLISECOND).toFixed(3)} ms\n`);
  expect(statusLines(vm).at(-1)!.gapMs).toBeLessThanOrEqual(1);
});

test('undisturbed, the gap stays within the sampling period at every rate', () => {
  for (const rate of [0, 500, 3_000, 60_000, 200_000]) {
    const { host, vm } = makeDirtier(4);
    vm.type(`rate ${rate}\ngap\n`);
    host.run(30 * MILLISECOND);
    vm.type('gap\n');
    host.run(120 * MILLISECOND);
    const line = statusLines(vm).at(-1)!;
    expect(line.gapMs * MILLISECOND).toBeLessThanOrEqual(DIRTIER_SAMPLING_NS + 10_000);
    expect(line.verdict).toBe('ok');
    expect(vm.debugConsole.text()).not.toContain('stepped');
  }
});

test('canary: a byte flipped behind its back is reported, wherever it lies in the page, and goes on being reported', () => {
  for (const { page, offset } of [{ page: 3, offset: 0 }, { page: 100, offset: 4095 }, { page: 239, offset: 2049 }]) {
    const { host, vm } = makeDirtier(2);
    vm.type('rate 0\n');
    host.run(20 * MILLISECOND);
    const address = 0x8000_0000 + (DIRTIER_REGION_FIRST_PAGE + page) * 4096 + offset;
    const byte = vm.memory.read(address, 1)!;
    vm.memory.write(address, Uint8Array.of(byte[0]! ^ 0x10), 'hypervisor');
    host.run(600 * MILLISECOND);
    const reports = [...vm.debugConsole.text().matchAll(/^CORRUPT page (\d+) expected ([0-9a-f]{16}) found ([0-9a-f]{16})$/gm)];
    expect(reports.length).toBeGreaterThanOrEqual(2);
    for (const report of reports) {
      expect(Number(report[1])).toBe(page);
      expect(report[2]).not.toBe(report[3]);
    }
    expect(statusLines(vm).at(-1)!.verdict).toBe(`CORRUPT ${reports.length}`);
  }
});

test('a page put back to an older version is reported (a lost dirty page)', () => {
  const { host, vm } = makeDirtier(2);
  vm.type('rate 100000\nset 16\n');
  host.run(20 * MILLISECOND);
  const page = DIRTIER_REGION_FIRST_PAGE + 5;
  const old = vm.memory.readPage(page)!.slice();
  host.run(40 * MILLISECOND);
  vm.type('rate 0\n');
  host.run(50 * MILLISECOND);
  vm.memory.writePage(page, old, 'hypervisor');
  host.run(400 * MILLISECOND);
  expect(vm.debugConsole.text()).toContain('CORRUPT page 5 expected ');
});

test('too little RAM is said in one line', () => {
  const { host, vm } = makeTestHost({
    image: { kind: 'program', name: 'dirtier' }, ramBytes: 2 << 20, frameCount: 2_000,
  });
  host.run(MILLISECOND);
  expect(vm.state).toBe('running');
  const refused = makeTestHost({ image: { kind: 'program', name: 'ticker' } });
  const error = refused.host.createVm({
    id: 2, name: 'small', image: { kind: 'program', name: 'dirtier' }, ramBytes: 1 << 20,
  });
  expect(error).toEqual({
    ok: false,
    error: { kind: 'ram-too-small', vm: 'small', found: 1 << 20, needed: 2 << 20 },
  });
});

test('an idle dirtier costs little: below 5 million instructions a second with nothing to write', () => {
  const { host, vm } = makeDirtier(4);
  vm.type('rate 0\n');
  host.run(100 * MILLISECOND);
  const before = vm.snapshot().instructionsRetired;
  host.run(300 * MILLISECOND);
  expect(vm.snapshot().instructionsRetired - before).toBeLessThan(1_000_000);
});
