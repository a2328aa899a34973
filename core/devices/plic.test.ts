// Goal: gateways, enables, priorities, thresholds, claims and completions as the PLIC specification says, and no
// interrupt lost or taken twice. Method: chapter by chapter over the bus; then random traffic on a small
// controller against a model written from the specification's flow of one source at a time.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, nextUint32 } from '../base/index.ts';
import { Bus } from '../machine/bus.ts';
import { Plic } from './plic.ts';

const BASE = 0xc00_0000;

function makePlic(sourceCount = 96, contextCount = 4) {
  const wires = new Array<boolean>(contextCount).fill(false);
  let changes = 0;
  const plic = new Plic({ sourceCount, contextCount }, {
    onNotification(context, level) {
      expect(wires[context]).not.toBe(level);
      wires[context] = level;
      changes++;
    },
  });
  const bus = new Bus();
  bus.attach(BASE, plic);
  const into = { low: 0, high: 0 };
  const read = (offset: number) => {
    expect(bus.read(BASE + offset, 4, into)).toBe(true);
    return into.low;
  };
  const write = (offset: number, value: number) => expect(bus.write(BASE + offset, 4, value | 0, 0)).toBe(true);
  const enable = (context: number, source: number) => {
    const at = 0x2000 + 0x80 * context + 4 * (source >> 5);
    write(at, read(at) | (1 << (source & 31)));
  };
  const threshold = (context: number, value: number) => write(0x20_0000 + 0x1000 * context, value);
  const claim = (context: number) => read(0x20_0004 + 0x1000 * context);
  const complete = (context: number, source: number) => write(0x20_0004 + 0x1000 * context, source);
  return { plic, bus, wires, read, write, enable, threshold, claim, complete, changeCount: () => changes };
}

test('priorities and thresholds keep three bits; source 0 and sources beyond the last do not exist', () => {
  const { read, write, threshold } = makePlic();
  for (const source of [0, 1, 96, 97, 1023]) write(4 * source, 0xffff_ffff);
  expect([0, 1, 96, 97, 1023].map((source) => read(4 * source))).toEqual([0, 7, 7, 0, 0]);
  threshold(3, 0xffff_fffd);
  expect([read(0x20_3000), read(0x20_4000)]).toEqual([5, 0]);
});

test('enable bits exist for sources only, each context has its own', () => {
  const { read, write } = makePlic();
  for (const offset of [0, 4, 8, 12, 16, 0x7c]) write(0x2080 + offset, 0xffff_ffff);
  expect([0, 4, 8, 12, 16, 0x7c].map((offset) => read(0x2080 + offset))).toEqual([0xffff_fffe, 0xffff_ffff, 0xffff_ffff, 1, 0, 0]);
  expect([read(0x2000), read(0x2100), read(0x2200)]).toEqual([0, 0, 0]);
});

test('a source asks, is claimed, completed, and asks again while its level stays', () => {
  const { plic, read, write, enable, claim, complete, wires } = makePlic();
  write(4 * 10, 1);
  enable(1, 10);
  plic.setLevel(10, true);
  expect([wires[0], wires[1], read(0x1000)]).toEqual([false, true, 1 << 10]);
  expect(claim(1)).toBe(10);
  expect([wires[1], read(0x1000), claim(1)]).toEqual([false, 0, 0]);
  complete(1, 10);
  expect(wires[1]).toBe(true); // still asserted
  expect(claim(1)).toBe(10);
  plic.setLevel(10, false);
  complete(1, 10);
  expect([wires[1], claim(1)]).toEqual([false, 0]);
});

test('a request that was forwarded is not taken back when the level falls', () => {
  const { plic, write, enable, claim, wires } = makePlic();
  write(4 * 3, 2);
  enable(0, 3);
  plic.setLevel(3, true);
  plic.setLevel(3, false);
  expect([wires[0], claim(0), wires[0]]).toEqual([true, 3, false]);
});

test('the highest priority is claimed first, of equal ones the lowest number; priority 0 never', () => {
  const { plic, write, enable, claim, wires } = makePlic();
  const priorities = [[7, 3], [95, 7], [32, 7], [64, 3], [5, 0]] as const;
  for (const [source, priority] of priorities) {
    write(4 * source, priority);
    enable(2, source);
    plic.setLevel(source, true);
  }
  expect([0, 1, 2, 3, 4].map(() => claim(2))).toEqual([32, 95, 7, 64, 0]);
  expect(wires[2]).toBe(false);
});

test('the threshold masks the notification, not the claim', () => {
  const { plic, write, enable, threshold, claim, wires } = makePlic();
  write(4 * 9, 4);
  enable(0, 9);
  threshold(0, 4);
  plic.setLevel(9, true);
  expect(wires[0]).toBe(false);
  threshold(0, 3);
  expect(wires[0]).toBe(true);
  threshold(0, 7);
  expect([wires[0], claim(0)]).toEqual([false, 9]);
});

test('a completion of a source that the context does not enable, or that is none, is ignored', () => {
  const { plic, write, enable, claim, complete, wires } = makePlic();
  write(4 * 9, 4);
  enable(0, 9);
  plic.setLevel(9, true);
  expect(claim(0)).toBe(9);
  for (const source of [0, 97, 0xffff_ffff, 0x8000_0009]) complete(0, source);
  complete(1, 9);
  expect(wires[0]).toBe(false);
  complete(0, 9);
  expect(wires[0]).toBe(true);
});

test('both contexts are notified, one gets the claim', () => {
  const { plic, write, enable, claim, wires } = makePlic();
  write(4 * 1, 1);
  enable(0, 1);
  enable(3, 1);
  plic.setLevel(1, true);
  expect(wires).toEqual([true, false, false, true]);
  expect([claim(3), claim(0)]).toEqual([1, 0]);
  expect(wires).toEqual([false, false, false, false]);
});

test('every word of the window answers, other widths are refused', () => {
  const { bus, read } = makePlic();
  const into = { low: 0, high: 0 };
  for (let offset = 0; offset < 0x60_0000; offset += 4 * 1021) expect(read(offset)).toBe(0);
  for (const [offset, byteCount] of [[0, 1], [0, 2], [0, 8], [2, 4], [0x60_0000, 4]] as const) {
    expect(bus.read(BASE + offset, byteCount, into)).toBe(false);
    expect(bus.write(BASE + offset, byteCount, -1, -1)).toBe(false);
  }
});

test('random traffic: what is claimed was asked for, and a level that stays is served again and again', () => {
  const prng = makePrng({ seed: 3, stream: 8 });
  const [sources, contexts] = [40, 3];
  const { plic, write, enable, threshold, claim, complete, wires } = makePlic(sources, contexts);
  type Source = { level: boolean; state: 'idle' | 'pending' | 'claimed'; priority: number; enabled: Set<number> };
  const model: Source[] = Array.from({ length: sources + 1 }, () => ({ level: false, state: 'idle', priority: 0, enabled: new Set() }));
  const thresholds = [0, 0, 0];
  const best = (context: number, above: number) => {
    let found = 0;
    for (let source = sources; source > 0; source--) {
      const it = model[source]!;
      if (it.state !== 'pending' || !it.enabled.has(context) || it.priority <= above) continue;
      if (found === 0 || it.priority >= model[found]!.priority) found = source;
    }
    return found;
  };
  const raise = (it: Source) => {
    if (it.level && it.state === 'idle') it.state = 'pending';
  };
  let claims = 0;
  for (let step = 0; step < 6_000; step++) {
    const source = 1 + nextBelow(prng, sources);
    const context = nextBelow(prng, contexts);
    const it = model[source]!;
    switch (nextBelow(prng, 6)) {
      case 0:
        it.level = nextUint32(prng) % 2 === 0;
        raise(it);
        plic.setLevel(source, it.level);
        break;
      case 1:
        it.priority = nextBelow(prng, 8);
        write(4 * source, it.priority);
        break;
      case 2:
        it.enabled.add(context);
        enable(context, source);
        break;
      case 3:
        thresholds[context] = nextBelow(prng, 8);
        threshold(context, thresholds[context]!);
        break;
      case 4: {
        const expected = best(context, 0);
        expect(claim(context)).toBe(expected);
        if (expected !== 0) model[expected]!.state = 'claimed';
        claims += expected === 0 ? 0 : 1;
        break;
      }
      default:
        if (it.enabled.has(context)) {
          // Completing what was not claimed changes nothing; the request stays.
          if (it.state === 'claimed') it.state = 'idle';
          raise(it);
        }
        complete(context, source);
    }
    for (let each = 0; each < contexts; each++) {
      const expected = best(each, thresholds[each]!) !== 0;
      if (wires[each] !== expected) throw new Error(`step ${step}: context ${each} should be told ${expected}`);
    }
  }
  expect(claims).toBeGreaterThan(200);
});
