// Goal: a paced run keeps its ratio to the wall, never races after a stall, and chunks settle at the wanted length.
// Method: a made-up wall clock and machines of known speed.
import { expect, test } from 'vitest';
import { makeChunk, nextChunkLength, paceTarget } from './pace.ts';

/** Looks every 4 ms for `wallMs` at a machine that does `machineSpeed` virtual ns a wall ns; gives where the run is. */
function runPaced(speed: number, machineSpeed: number, wallMs: number): number {
  const pace = { targetNs: 0, lookedAtMs: 0 };
  let limitNs = 0;
  let clockNs = 0;
  for (let nowMs = 4; nowMs <= wallMs; nowMs += 4) {
    clockNs = Math.min(limitNs, clockNs + machineSpeed * 4e6);
    limitNs = Math.max(limitNs, paceTarget(pace, { nowMs, speed, clockNs }));
  }
  return limitNs;
}

test('a fast machine keeps the ratio asked for, also a very slow one', () => {
  expect(runPaced(0.05, 10, 1000)).toBe(50_000_000);
  expect(runPaced(2, 10, 1000)).toBe(2_000_000_000);
  expect(runPaced(1e-6, 10, 1000)).toBeGreaterThanOrEqual(999);
});

test('on a machine that cannot keep up, the limit stays within 25 ms of work', () => {
  const speed = 4;
  const limitNs = runPaced(speed, 1, 1000);
  expect(limitNs).toBeLessThanOrEqual(1000e6 + 25e6 * speed);
  expect(limitNs).toBeGreaterThan(900e6);
});

test('a stall of ten seconds counts as a tenth of one', () => {
  const pace = { targetNs: 0, lookedAtMs: 0 };
  expect(paceTarget(pace, { nowMs: 10_000, speed: 0.2, clockNs: 1e9 })).toBe(20_000_000);
});

test('chunks settle between half and one and a half of 15 ms of work', () => {
  for (const nsAMs of [200, 1e5, 4e7]) {
    let nowMs = 0;
    const chunk = makeChunk(nowMs);
    let lengthNs = 0;
    for (let turn = 0; turn < 40; turn++) {
      lengthNs = nextChunkLength(chunk, nowMs);
      nowMs += lengthNs / nsAMs;
    }
    expect(lengthNs / nsAMs).toBeGreaterThan(15 / 2 - 1);
    expect(lengthNs / nsAMs).toBeLessThan(15 * 1.5 + 1);
  }
});
