// Goal: thinning keeps the first, the last and the base, and gaps in proportion to distance. Method: long lines thinned to a bound as they grow, for many spacings.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { findVictim } from './thinning.ts';

test('a line that grows far beyond its bound stays dense near the present and reaches back to the start', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 500, maxLength: 2000 }), fc.integer({ min: 20, max: 60 }), (steps, countMax) => {
      const line: { work: number; isBase: boolean }[] = [{ work: 0, isBase: false }];
      let work = 0;
      for (const step of steps) {
        work += step;
        for (const it of line) it.isBase = false;
        line.push({ work, isBase: true });
        while (line.length > countMax) line.splice(findVictim(line, work), 1);
      }
      expect(line.length).toBe(countMax);
      expect(line[0]!.work).toBe(0);
      expect(line.at(-1)).toEqual({ work, isBase: true });
      for (let index = 1; index < line.length; index++) {
        const age = work - line[index]!.work;
        const gap = line[index]!.work - line[index - 1]!.work;
        // Logarithmic spacing of that many points over that age, with room for what whole steps cost.
        expect(gap).toBeLessThanOrEqual(20 + (age * 40) / countMax);
      }
    }),
    { seed: 5, numRuns: 20 },
  );
});

test('nothing is dropped when nothing may be', () => {
  expect(findVictim([], 0)).toBe(-1);
  expect(findVictim([{ work: 0, isBase: true }, { work: 5, isBase: false }], 5)).toBe(-1);
  expect(findVictim([{ work: 0, isBase: false }, { work: 5, isBase: true }, { work: 9, isBase: false }], 5)).toBe(-1);
});
