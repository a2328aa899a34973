// Goal: interrupt files as the AIA specification's chapter 3 says, and no message lost. Method: register by
// register; random messages, enables, thresholds and claims against sets.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, nextUint32 } from '../base/index.ts';
import { Bus } from '../machine/bus.ts';
import { InterruptFile, InterruptFilePages } from './interrupt-file.ts';

function makeFile(identityCount = 255) {
  const wire = { level: false, changes: 0 };
  const file = new InterruptFile(identityCount, (level) => {
    expect(level).not.toBe(wire.level);
    wire.level = level;
    wire.changes++;
  });
  return { file, wire };
}
const [DELIVERY, THRESHOLD, EIP0, EIE0] = [0x70, 0x72, 0x80, 0xc0];

test('a message makes its identity pending; numbers that are none are ignored', () => {
  const { file } = makeFile(63);
  for (const identity of [0, 64, 2047, 0xffff_ffff, 5, 63]) file.receive(identity);
  expect(file.readRegister(EIP0)).toBe((1n << 5n) | (1n << 63n));
  expect(file.readRegister(EIP0 + 2)).toBe(0n);
});

test('delivered when pending, enabled, below the threshold, and delivery is on', () => {
  const { file, wire } = makeFile();
  file.receive(9);
  expect([wire.level, file.top()]).toEqual([false, 0]);
  file.writeRegister(EIE0, 1n << 9n);
  expect([wire.level, file.top()]).toEqual([false, 0x9_0009]);
  file.writeRegister(DELIVERY, 1n);
  expect(wire.level).toBe(true);
  file.writeRegister(THRESHOLD, 9n);
  expect([wire.level, file.top()]).toEqual([false, 0]);
  file.writeRegister(THRESHOLD, 10n);
  expect(wire.level).toBe(true);
  file.writeRegister(DELIVERY, 0x4000_0000n); // not supported: keeps its value
  expect([wire.level, file.readRegister(DELIVERY)]).toEqual([true, 1n]);
  file.writeRegister(DELIVERY, 0n);
  expect(wire.level).toBe(false);
});

test('claims take the lowest identity first; a claim of nothing changes nothing', () => {
  const { file, wire } = makeFile();
  file.writeRegister(DELIVERY, 1n);
  for (let word = 0; word < 4; word++) file.writeRegister(EIE0 + 2 * word, ~0n & 0xffff_ffff_ffff_ffffn);
  for (const identity of [255, 64, 63, 128, 1, 32, 31]) file.receive(identity);
  const claimed: number[] = [];
  while (file.top() !== 0) {
    claimed.push(file.top() >>> 16);
    file.claim();
  }
  expect(claimed).toEqual([1, 31, 32, 63, 64, 128, 255]);
  file.claim();
  expect([wire.level, wire.changes]).toEqual([false, 2]);
});

test('registers: odd ones are illegal, reserved ones read 0, bit 0 of the arrays stays 0', () => {
  const { file } = makeFile();
  for (let select = 0; select < 0x200; select++) {
    const exists = select >= 0x70 && select <= 0xff && !(select >= 0x80 && select % 2 === 1);
    expect(file.readRegister(select) !== undefined, `register ${select}`).toBe(exists);
    expect(file.writeRegister(select, 0xffff_ffff_ffff_ffffn)).toBe(exists);
  }
  expect(file.readRegister(EIP0)).toBe(0xffff_ffff_ffff_fffen);
  expect(file.readRegister(EIE0)).toBe(0xffff_ffff_ffff_fffen);
  expect(file.readRegister(EIE0 + 6)).toBe(0xffff_ffff_ffff_ffffn);
  expect(file.readRegister(EIE0 + 8)).toBe(0n); // identities 256 … are not there
  expect(file.readRegister(0x71)).toBe(0n);
});

test('doorbells: one a page, words only, reads 0', () => {
  const { file } = makeFile();
  const bus = new Bus();
  bus.attach(0x2400_0000, new InterruptFilePages('imsics', [undefined, file]));
  const into = { low: 1, high: 1 };
  for (const [offset, byteCount] of [[0x1000, 1], [0x1000, 2], [0x1000, 8], [0x1002, 4], [0x2000, 4]] as const) {
    expect(bus.write(0x2400_0000 + offset, byteCount, 7, 0)).toBe(false);
  }
  for (const offset of [0, 0x1004, 0x1008, 0x1ffc]) expect(bus.write(0x2400_0000 + offset, 4, 7, 0)).toBe(true);
  expect(file.readRegister(EIP0)).toBe(0n);
  bus.write(0x2400_1000, 4, 7, 0);
  expect(bus.read(0x2400_1000, 4, into) && into.low).toBe(0);
  expect(file.readRegister(EIP0)).toBe(1n << 7n);
});

test('random traffic: the top is the least pending enabled identity below the threshold', () => {
  const prng = makePrng({ seed: 9, stream: 3 });
  const { file, wire } = makeFile(191);
  const [pending, enabled] = [new Set<number>(), new Set<number>()];
  let [threshold, delivers, claims] = [0, false, 0];
  for (let step = 0; step < 5_000; step++) {
    const identity = 1 + nextBelow(prng, 191);
    const select = 2 * (identity >> 6);
    const bit = 1n << BigInt(identity & 63);
    switch (nextBelow(prng, 6)) {
      case 0:
        file.receive(identity);
        pending.add(identity);
        break;
      case 1:
        file.writeRegister(EIE0 + select, file.readRegister(EIE0 + select)! | bit);
        enabled.add(identity);
        break;
      case 2:
        file.writeRegister(EIE0 + select, file.readRegister(EIE0 + select)! & ~bit);
        enabled.delete(identity);
        break;
      case 3:
        threshold = nextBelow(prng, 2) === 0 ? 0 : identity;
        file.writeRegister(THRESHOLD, BigInt(threshold));
        break;
      case 4:
        delivers = nextUint32(prng) % 4 !== 0;
        file.writeRegister(DELIVERY, delivers ? 1n : 0n);
        break;
      default:
        pending.delete(file.top() >>> 16);
        claims += file.top() === 0 ? 0 : 1;
        file.claim();
    }
    const least = Math.min(...[...pending].filter((it) => enabled.has(it) && (threshold === 0 || it < threshold)), 4096);
    const expected = least === 4096 ? 0 : (least << 16) | least;
    if (file.top() !== expected || wire.level !== (delivers && expected !== 0)) throw new Error(`step ${step}: top ${file.top()}, not ${expected}`);
  }
  expect(claims).toBeGreaterThan(300);
});
