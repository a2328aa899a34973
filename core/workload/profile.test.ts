// Goal: the tables of profiles make sense, draws are even, and the expected number of written pages is that of real
// writes. Method: check every row; count; throw writes at pages.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/prng.ts';
import { distinctPages, pagesWritten } from './distinct-pages.ts';
import { drawOf, type Phase, PROFILES, phaseAt, pickPhase, pickProfile, type Range, within, workingSet } from './profile.ts';

const RANGES = ['seconds', 'millicores', 'writesPerSecond', 'transfersPerMinute', 'transferKib'] as const satisfies readonly (keyof Phase)[];

test('every row is in range', () => {
  expect(new Set(PROFILES.map(({ id }) => id)).size).toBe(PROFILES.length);
  expect(PROFILES.reduce((sum, { share }) => sum + share, 0)).toBe(100);
  for (const { id, phases, memoryMib } of PROFILES) {
    for (const size of memoryMib) expect(size, id).toBeGreaterThan(0);
    for (const phase of phases) {
      for (const name of RANGES) {
        const [least, most]: Range = phase[name];
        expect(least, `${id} ${phase.id} ${name}`).toBeGreaterThanOrEqual(0);
        expect(most, `${id} ${phase.id} ${name}`).toBeGreaterThanOrEqual(least);
      }
      for (const percent of [phase.workingSetPercent, phase.hotSetPercent, phase.hotWritesPercent]) {
        expect(percent).toBeGreaterThan(0);
        expect(percent).toBeLessThanOrEqual(100);
      }
      expect(phase.weight).toBeGreaterThan(0);
      expect(phase.seconds[0]).toBeGreaterThan(0);
      expect(phase.transferKib[0]).toBeGreaterThan(0);
    }
  }
});

test('draws are even over entities and over numbers', () => {
  for (const draw of [(index: number) => drawOf(1, index, 0), (index: number) => drawOf(1, 5, index)]) {
    const counts = new Array<number>(64).fill(0);
    for (let index = 0; index < 64_000; index++) counts[draw(index) >>> 26]! += 1;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(110); // 63 degrees of freedom: 104 is one in a thousand
  }
});

test('profiles and phases come as often as their shares say, and ranges are reached at both ends', () => {
  const counts = PROFILES.map(() => 0);
  for (let index = 0; index < 20_000; index++) counts[pickProfile(drawOf(3, index, 0))]! += 1;
  for (const [index, { share }] of PROFILES.entries()) expect(Math.abs(counts[index]! / 200 - share)).toBeLessThan(1.5);
  expect(pickPhase(0, 0)).toBe(0);
  expect(pickPhase(0, 0xffff_ffff)).toBe(1);
  expect([within([3, 9], 0), within([3, 9], 0xffff_ffff)]).toEqual([3, 9]);
});

test.each([
  [10, 10], [1000, 100], [100, 1000], [5000, 5000], [200_000, 100_000], [3_000_000, 1_000_000],
])('%i writes on %i pages hit as many different pages as real ones', (writes, pages) => {
  const prng = makePrng({ seed: 4, stream: pages });
  const rounds = writes < 10_000 ? 40 : 1;
  let hit = 0;
  for (let round = 0; round < rounds; round++) {
    const seen = new Uint8Array(pages);
    for (let write = 0; write < writes; write++) seen[nextBelow(prng, pages)] = 1;
    hit += seen.reduce((sum, it) => sum + it, 0);
  }
  const real = hit / rounds;
  expect(Math.abs(distinctPages(writes, pages) - real)).toBeLessThan(Math.max(1, real / 50));
});

test('a hot spot is hit over and over: fewer different pages', () => {
  const phase = phaseAt(1, 0); // a database, 70 % of whose writes go to 5 % of its working set
  const { pages, hotPages } = workingSet(phase, 1_000_000);
  expect([pages, hotPages]).toEqual([300_000, 15_000]);
  expect(pagesWritten(phase, 1_000_000, 200_000)).toBeLessThan(distinctPages(200_000, pages));
  expect(pagesWritten(phase, 1_000_000, 0)).toBe(0);
});
