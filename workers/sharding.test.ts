// Goal: work is spread evenly and short cables stay within a worker. Method: shapes of worlds, and random ones.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shard } from './sharding.ts';

const ring = (count: number, latencyNs = 50_000) =>
  Array.from({ length: count }, (_, a) => ({ a, b: (a + 1) % count, latencyNs }));

test('two hosts go to two workers, four to two', () => {
  expect(shard({ weights: [1, 1], links: [{ a: 0, b: 1, latencyNs: 5000 }], workerCount: 2 })).toEqual([0, 1]);
  expect(shard({ weights: [1, 1], links: [{ a: 0, b: 1, latencyNs: 5000 }], workerCount: 1 })).toEqual([0, 0]);
  const four = shard({ weights: [1, 1, 1, 1], links: ring(4), workerCount: 2 });
  expect(four.filter((it) => it === 0)).toHaveLength(2);
});

test('a ring is cut into arcs: as few cables cross as there are workers', () => {
  for (const workerCount of [2, 4]) {
    const links = ring(40);
    const owners = shard({ weights: links.map(() => 250), links, workerCount });
    expect(links.filter(({ a, b }) => owners[a] !== owners[b]).length).toBeLessThanOrEqual(2 * workerCount);
    for (let worker = 0; worker < workerCount; worker++) {
      expect(Math.abs(owners.filter((it) => it === worker).length - 40 / workerCount)).toBeLessThanOrEqual(1);
    }
  }
});

test('the shorter cable stays whole', () => {
  // Two racks of two hosts, 5 µs within and 1 ms between.
  const links = [{ a: 0, b: 2, latencyNs: 1_000_000 }, { a: 1, b: 3, latencyNs: 1_000_000 }, { a: 0, b: 1, latencyNs: 5000 }, { a: 2, b: 3, latencyNs: 5000 }];
  const owners = shard({ weights: [1, 1, 1, 1], links, workerCount: 2 });
  expect(owners[0]).toBe(owners[1]);
  expect(owners[2]).toBe(owners[3]);
  expect(owners[0]).not.toBe(owners[2]);
});

test('no worker has more than its share and one process more, and every process has a worker', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 30 }),
      fc.array(fc.tuple(fc.nat(29), fc.nat(29), fc.integer({ min: 5000, max: 1e6 })), { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      (weights, cables, workerCount) => {
        const links = cables
          .map(([a, b, latencyNs]) => ({ a: a % weights.length, b: b % weights.length, latencyNs }))
          .filter(({ a, b }) => a !== b);
        const owners = shard({ weights, links, workerCount });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        expect(owners).toHaveLength(weights.length);
        for (let worker = 0; worker < workerCount; worker++) {
          const load = weights.reduce((sum, weight, index) => sum + (owners[index] === worker ? weight : 0), 0);
          expect(load).toBeLessThanOrEqual(2.1 * (total / workerCount) + Math.max(...weights));
        }
      },
    ),
    { numRuns: 200 },
  );
});
