// Goal: the map of a VM's pages fits its card, keys reach every page, and its table counts what its colours show. Method: shapes of
// all sizes, a walk by keys alone, states written by hand.
import { expect, test } from 'vitest';
import { PROTECTED, pageState } from '../page-states.ts';
import { countPages, mapShape, pageAfterKey, pageWords, PAGE_KINDS } from './page-kinds.ts';

test('every map fits its width in whole pixels and has room for every page', () => {
  for (const pageCount of [1, 512, 1_024, 4_096, 16_384]) {
    const { columns, rows, cell } = mapShape(pageCount, 288);
    expect(columns * cell).toBeLessThanOrEqual(288);
    expect(cell).toBeGreaterThanOrEqual(3);
    expect(columns * rows).toBeGreaterThanOrEqual(pageCount);
    expect(columns * (rows - 1)).toBeLessThan(pageCount);
  }
});

test('arrow keys reach every page from none, and stop at the ends', () => {
  const of = { columns: 32, pageCount: 70 };
  const seen = new Set<number>();
  const open = [pageAfterKey('ArrowRight', -1, of)!];
  while (open.length > 0) {
    const page = open.pop()!;
    if (seen.has(page)) continue;
    seen.add(page);
    for (const key of ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown']) open.push(pageAfterKey(key, page, of)!);
  }
  expect(seen.size).toBe(70);
  expect([pageAfterKey('ArrowUp', 5, of), pageAfterKey('ArrowDown', 65, of), pageAfterKey('End', 3, of), pageAfterKey('Home', 3, of)]).toEqual([0, 69, 69, 0]);
  expect(pageAfterKey('x', 3, of)).toBeUndefined();
});

test('each page counts once, as what its colour says', () => {
  const states = Uint8Array.from([
    pageState.heat, pageState.heat + 7, pageState.arrived, pageState.clean, pageState.missing, pageState.dirty, pageState.inFlight,
    pageState.merged, pageState.clean + PROTECTED, 255,
  ]);
  const counts = countPages(states, 9);
  expect(counts).toEqual({ written: 3, clean: 1, missing: 1, dirty: 1, 'in-flight': 1, shared: 1, protected: 1 });
  expect(Object.values(counts).reduce((sum, it) => sum + it, 0)).toBe(9);
  expect(pageWords(pageState.missing)).toBe('missing');
  expect(PAGE_KINDS.map(({ id }) => id).sort()).toEqual(Object.keys(counts).sort());
});
