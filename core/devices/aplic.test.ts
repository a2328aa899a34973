// Goal: both delivery modes of an APLIC domain, delegation and every pending-bit rule of the AIA specification's
// chapter 4. Method: rule by rule over the bus; random wires and registers against the rules written as a table.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, nextUint32 } from '../base/index.ts';
import { Bus } from '../machine/bus.ts';
import { Aplic, sourceMode } from './aplic.ts';

const ROOT = 0xc00_0000;
const LEAF = 0xd00_0000;
const { detached, edge1, edge0, level1, level0 } = sourceMode;

function makeAplics(delivery: 'direct' | 'msi', sourceCount = 96) {
  const wires = { machine: [false, false], supervisor: [false, false] };
  const messages: [number, number][] = [];
  const portsOf = (level: 'machine' | 'supervisor') => ({
    onSignal: (hart: number, on: boolean) => { wires[level][hart] = on; },
    sendMsi: (address: number, identity: number) => void messages.push([address, identity]),
  });
  const common = { delivery, sourceCount, hartCount: 2 };
  const leaf = new Aplic({ ...common, name: 'leaf', level: 'supervisor' }, portsOf('supervisor'));
  const root = new Aplic({ ...common, name: 'root', level: 'machine', child: leaf }, portsOf('machine'));
  const bus = new Bus();
  bus.attach(ROOT, root);
  bus.attach(LEAF, leaf);
  const into = { low: 0, high: 0 };
  const read = (address: number) => {
    expect(bus.read(address, 4, into)).toBe(true);
    return into.low;
  };
  const write = (address: number, value: number) => expect(bus.write(address, 4, value | 0, 0)).toBe(true);
  return { root, leaf, bus, wires, messages, read, write };
}
const config = (source: number) => 4 * source;
const target = (source: number) => 0x3000 + 4 * source;
const [SETIP, SETIPNUM, CLRIP, CLRIPNUM, SETIE, SETIENUM, CLRIE, CLRIENUM] = [0x1c00, 0x1cdc, 0x1d00, 0x1ddc, 0x1e00, 0x1edc, 0x1f00, 0x1fdc];
const idc = (hart: number, register: number) => 0x4000 + 32 * hart + register;
const [IDELIVERY, IFORCE, ITHRESHOLD, TOPI, CLAIMI] = [0, 4, 8, 0x18, 0x1c];

test('domaincfg: only IE can be written; the mode shows', () => {
  const direct = makeAplics('direct');
  expect(direct.read(ROOT)).toBe(0x8000_0000);
  direct.write(ROOT, 0xffff_ffff);
  expect(direct.read(ROOT)).toBe(0x8000_0100);
  const msi = makeAplics('msi');
  msi.write(ROOT, 0x100);
  expect(msi.read(ROOT)).toBe(0x8000_0104);
});

test('sourcecfg: reserved modes are inactive, a leaf refuses to delegate, sources beyond the last are not there', () => {
  const { read, write } = makeAplics('direct');
  for (const mode of [0, 1, 2, 3, 4, 5, 6, 7]) {
    write(ROOT + config(1), mode);
    expect(read(ROOT + config(1))).toBe(mode === 2 || mode === 3 ? 0 : mode);
  }
  write(ROOT + config(97), 4);
  expect(read(ROOT + config(97))).toBe(0);
  write(ROOT + config(2), 0x400);
  expect(read(ROOT + config(2))).toBe(0x400);
  write(LEAF + config(2), 0x401);
  expect(read(LEAF + config(2))).toBe(0);
  write(LEAF + config(2), level1);
  write(LEAF + config(3), level1); // not delegated
  expect([read(LEAF + config(2)), read(LEAF + config(3))]).toEqual([level1, 0]);
  write(ROOT + config(2), level1); // taken back
  expect(read(LEAF + config(2))).toBe(0);
});

test('an inactive source has no pending, enable and target bits', () => {
  const { read, write } = makeAplics('direct');
  write(ROOT + SETIENUM, 5);
  write(ROOT + SETIPNUM, 5);
  write(ROOT + target(5), 7);
  expect([read(ROOT + SETIE), read(ROOT + SETIP), read(ROOT + target(5))]).toEqual([0, 0, 0]);
  write(ROOT + config(5), detached);
  write(ROOT + SETIE, 0xffff_ffff);
  write(ROOT + SETIP, 0xffff_ffff);
  expect([read(ROOT + SETIE), read(ROOT + SETIP), read(ROOT + target(5))]).toEqual([32, 32, 1]);
  write(ROOT + config(5), 0);
  expect([read(ROOT + SETIE), read(ROOT + SETIP), read(ROOT + target(5))]).toEqual([0, 0, 0]);
});

test('direct delivery: priority, number, threshold, claim', () => {
  const { root, read, write, wires } = makeAplics('direct');
  write(ROOT, 0x100);
  for (const [source, priority] of [[10, 5], [20, 3], [30, 3], [40, 200]] as const) {
    write(ROOT + config(source), edge1);
    write(ROOT + target(source), (1 << 18) | priority);
    write(ROOT + SETIENUM, source);
    root.setLevel(source, true);
  }
  expect(wires.machine).toEqual([false, false]);
  write(ROOT + idc(1, IDELIVERY), 1);
  expect(wires.machine).toEqual([false, true]);
  expect(read(ROOT + idc(0, TOPI))).toBe(0);
  write(ROOT + idc(1, ITHRESHOLD), 5);
  const claims = Array.from({ length: 3 }, () => read(ROOT + idc(1, CLAIMI)));
  expect(claims).toEqual([(20 << 16) | 3, (30 << 16) | 3, 0]);
  expect(wires.machine[1]).toBe(false);
  write(ROOT + idc(1, ITHRESHOLD), 0);
  expect([wires.machine[1], read(ROOT + idc(1, TOPI))]).toEqual([true, (10 << 16) | 5]);
  write(ROOT + idc(1, IDELIVERY), 0);
  expect(wires.machine[1]).toBe(false);
});

test('a level in direct delivery is a copy of its input: neither claim nor write changes it', () => {
  const { root, read, write, wires } = makeAplics('direct');
  write(ROOT, 0x100);
  write(ROOT + idc(0, IDELIVERY), 1);
  write(ROOT + config(3), level1);
  write(ROOT + SETIENUM, 3);
  write(ROOT + SETIPNUM, 3);
  expect(wires.machine[0]).toBe(false);
  root.setLevel(3, true);
  write(ROOT + CLRIPNUM, 3);
  expect([read(ROOT + idc(0, CLAIMI)), read(ROOT + idc(0, CLAIMI)), wires.machine[0]]).toEqual([0x3_0001, 0x3_0001, true]);
  root.setLevel(3, false);
  expect([read(ROOT + idc(0, CLAIMI)), wires.machine[0]]).toEqual([0, false]);
});

test('iforce makes a spurious interrupt; the claim of nothing ends it', () => {
  const { read, write, wires } = makeAplics('direct');
  write(ROOT, 0x100);
  write(ROOT + idc(0, IFORCE), 1);
  write(ROOT + idc(0, IDELIVERY), 1);
  expect([wires.machine[0], read(ROOT + idc(0, TOPI)), wires.machine[0]]).toEqual([true, 0, true]);
  expect([read(ROOT + idc(0, CLAIMI)), wires.machine[0], read(ROOT + idc(0, IFORCE))]).toEqual([0, false, 0]);
});

test('delegated sources act at the child only', () => {
  const { root, read, write, wires } = makeAplics('direct');
  write(ROOT, 0x100);
  write(LEAF, 0x100);
  write(ROOT + idc(0, IDELIVERY), 1);
  write(LEAF + idc(0, IDELIVERY), 1);
  write(ROOT + config(8), 0x400);
  write(LEAF + config(8), level1);
  write(LEAF + SETIENUM, 8);
  root.setLevel(8, true);
  expect([wires.machine[0], wires.supervisor[0]]).toEqual([false, true]);
  write(ROOT + config(8), level1);
  write(ROOT + SETIENUM, 8);
  expect([wires.machine[0], wires.supervisor[0], read(LEAF + SETIE)]).toEqual([true, false, 0]);
});

test('messages: sent once an edge or rise, to the address of the formula, and again by software while the level is high', () => {
  const { root, write, messages } = makeAplics('msi');
  write(ROOT + 0x1bc0, 0x2_4000); // base page of the machine files
  write(ROOT + 0x1bc4, (1 << 12) | 0); // one bit of hart index
  write(ROOT + 0x1bc8, 0x2_8000);
  write(ROOT + 0x1bcc, 1 << 20); // two pages a hart: its own and one guest's
  write(ROOT, 0x100);
  write(LEAF, 0x100);
  write(ROOT + config(5), level1);
  write(ROOT + target(5), (1 << 18) | 33);
  write(ROOT + SETIENUM, 5);
  root.setLevel(5, true);
  root.setLevel(5, true);
  expect(messages).toEqual([[0x2400_1000, 33]]);
  write(ROOT + SETIPNUM, 5);
  expect(messages).toHaveLength(2);
  root.setLevel(5, false);
  write(ROOT + SETIPNUM, 5); // low: cannot pend
  expect(messages).toHaveLength(2);
  write(ROOT + config(6), 0x400);
  write(LEAF + config(6), edge0);
  write(LEAF + target(6), (1 << 18) | (1 << 12) | 12);
  write(LEAF + SETIENUM, 6);
  root.setLevel(6, true);
  expect(messages).toHaveLength(2);
  root.setLevel(6, false); // the falling edge
  expect(messages[2]).toEqual([0x2800_3000, 12]);
  write(LEAF + 0x3000, (0 << 18) | 77); // by software, whatever IE says
  expect(messages[3]).toEqual([0x2800_0000, 77]);
  write(ROOT + 0x1bc4, 0x8000_1000);
  write(ROOT + 0x1bc0, 1); // locked
  write(ROOT + 0x3000, 78);
  expect(messages[4]).toEqual([0x2400_0000, 78]);
});

test('what pends while the domain is off or the source disabled is sent when that ends', () => {
  const { root, write, messages } = makeAplics('msi');
  write(ROOT + config(7), edge1);
  write(ROOT + target(7), 9);
  root.setLevel(7, true);
  write(ROOT, 0x100);
  expect(messages).toEqual([]);
  write(ROOT + SETIE, 1 << 7);
  expect(messages).toEqual([[0, 9]]);
  write(ROOT + CLRIE, 1 << 7);
  root.setLevel(7, false);
  root.setLevel(7, true);
  write(ROOT + CLRIP, 1 << 7);
  write(ROOT + SETIENUM, 7);
  write(ROOT + CLRIENUM, 7);
  expect(messages).toHaveLength(1);
});

test('every word answers, other widths are refused, random words never throw', () => {
  const prng = makePrng({ seed: 2, stream: 6 });
  for (const delivery of ['direct', 'msi'] as const) {
    const { root, bus, read, write } = makeAplics(delivery);
    const into = { low: 0, high: 0 };
    for (let offset = 0; offset < 0x8000; offset += 4 * 7) read(ROOT + offset);
    for (const [offset, byteCount] of [[0, 1], [4, 2], [0, 8], [2, 4], [0x8000, 4]] as const) expect(bus.read(ROOT + offset, byteCount, into)).toBe(false);
    for (let step = 0; step < 3_000; step++) {
      write((nextBelow(prng, 2) === 0 ? ROOT : LEAF) + 4 * nextBelow(prng, 0x2000), nextUint32(prng));
      root.setLevel(1 + nextBelow(prng, 96), nextBelow(prng, 2) === 0);
    }
  }
});

/** §4.7 as a table: pending after an event, by mode and delivery. `undefined`: as before. */
function pendingAfter(mode: number, delivery: 'direct' | 'msi', event: 'rise' | 'fall' | 'set' | 'clear', input: boolean): boolean | undefined {
  const isLevel = mode === level1 || mode === level0;
  if (isLevel && delivery === 'direct') return input;
  if (isLevel && !input) return false;
  if (event === 'rise') return mode === detached ? undefined : true;
  if (event === 'fall') return undefined;
  return event === 'set';
}

test('random wires and writes: pending bits follow the rules of each mode', () => {
  const prng = makePrng({ seed: 21, stream: 2 });
  for (const delivery of ['direct', 'msi'] as const) {
    const { root, read, write } = makeAplics(delivery, 40);
    const model = Array.from({ length: 41 }, () => ({ mode: 0, wire: false, pending: false }));
    const inputOf = (it: { mode: number; wire: boolean }) => it.mode >= edge1 && it.wire !== (it.mode === edge0 || it.mode === level0);
    for (let step = 0; step < 6_000; step++) {
      const source = 1 + nextBelow(prng, 40);
      const it = model[source]!;
      const before = inputOf(it);
      const apply = (event: 'rise' | 'fall' | 'set' | 'clear') => {
        if (it.mode !== 0) it.pending = pendingAfter(it.mode, delivery, event, inputOf(it)) ?? it.pending;
      };
      const kind = nextBelow(prng, 4);
      if (kind === 0) {
        it.wire = nextUint32(prng) % 2 === 0;
        root.setLevel(source, it.wire);
        if (inputOf(it) !== before) apply(before ? 'fall' : 'rise');
      } else if (kind === 1) {
        const modes = [0, detached, edge1, edge0, level1, level0];
        it.mode = modes[nextBelow(prng, modes.length)]!;
        write(ROOT + config(source), it.mode);
        if (it.mode === 0) it.pending = false;
        else if (it.mode >= level1) it.pending = inputOf(it);
      } else {
        apply(kind === 2 ? 'set' : 'clear');
        write(ROOT + (kind === 2 ? SETIPNUM : CLRIPNUM), source);
      }
      const word = ROOT + 4 * (source >> 5);
      const [shown, input] = [SETIP, CLRIP].map((register) => ((read(word + register) >>> (source & 31)) & 1) === 1);
      if (shown !== it.pending || input !== inputOf(it)) throw new Error(`${delivery} step ${step}: source ${source} mode ${it.mode} pends ${shown}, not ${it.pending}`);
    }
  }
});
