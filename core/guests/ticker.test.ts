// Goal: the ticker keeps time by interrupts, runs a user task, answers on the console.
// Method: it runs on the real machine; its console text is read, and its page tables through the inspector.
import { expect, test } from 'vitest';
import { inspectVm } from '../hypervisor/index.ts';
import { makeTestHost, runUntilText } from '../testing/test-host.ts';
import { GUEST_PROGRAMS, TICKER_PERIOD_NS } from './index.ts';

const MILLISECOND = 1_000_000;

function makeTicker() {
  return makeTestHost({ image: { kind: 'program', name: 'ticker' } });
}

test('a line every 100 ms, ten interrupts between two, primes from user mode', () => {
  const { host, vm } = makeTicker();
  host.run(1_050 * MILLISECOND);
  const lines = [...vm.debugConsole.text().matchAll(/^ticker ([\d.]+) s {2}tick (\d+) {2}user prime (\d+)$/gm)];
  expect(lines.map((line) => Number(line[1]))).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  expect(TICKER_PERIOD_NS).toBe(100 * MILLISECOND);
  expect(lines.map((line) => Number(line[2]))).toEqual(lines.map((_, index) => index * 10 + 1));
  expect(lines.slice(1, 5).map((line) => Number(line[3]))).toEqual([29, 71, 113, 173]);
  expect(vm.snapshot().instructionsRetired).toBeLessThan(200_000); // it sleeps the rest of the time
});

test('it repeats what is typed, and takes a new period', () => {
  const { host, vm } = makeTicker();
  host.run(5 * MILLISECOND);
  vm.type('hello there\nperiod 2000\n');
  host.run(60 * MILLISECOND);
  const text = vm.debugConsole.text();
  expect(text).toContain("ticker heard 'hello there'\n");
  expect(text).toContain('ticker period 2000 us\n');
  expect([...text.matchAll(/tick \d+/g)].length).toBeGreaterThan(20);
  vm.type('period 5\nperiod 99999999\n');
  host.run(70 * MILLISECOND);
  expect(vm.debugConsole.text()).toContain('ticker period 100 us\nticker period 10000000 us\n');
});

test('it runs under its own page tables, and the task in user mode', () => {
  const { host, vm } = makeTicker();
  expect(runUntilText(host, vm, 'tick 11', 200 * MILLISECOND)).toBe(true);
  const registers = inspectVm(host, { view: 'registers', vm: 1, vcpu: 0 });
  if (registers.view !== 'registers') throw new Error('registers are shown');
  expect(registers.pc.startsWith('0xffffffc080000')).toBe(true);
  expect(registers.csrs.find((csr) => csr.name === 'satp')!.value.startsWith('0x8000000000080')).toBe(true);
  const walk = inspectVm(host, { view: 'translation', vm: 1, vcpu: 0, address: registers.pc, access: 'fetch' });
  if (walk.view !== 'translation') throw new Error('a walk is shown');
  expect(walk.rows.map((row) => row.purpose)).toEqual(['table', 'table', 'page']); // root, 2 MiB page
  expect(walk.lands).toMatch(/^page \d of 256 of the VM’s memory, in frame \d+ of host test$/);
});

test('programs are listed once, with what they need', () => {
  expect(GUEST_PROGRAMS.map((program) => program.name)).toEqual(['dirtier', 'ticker']);
});
