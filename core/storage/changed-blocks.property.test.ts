// Goal: the bitmap is a set of block numbers. Method: random range operations against a Set; save and restore.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHANGED_BLOCK_BYTES, ChangedBlocks, readChangedBlocks } from './changed-blocks.ts';

const range = (blocks: number) =>
  fc.tuple(fc.nat(blocks - 1), fc.nat(blocks)).map(([first, count]) => ({ first, count: Math.min(count, blocks - first) }));

const history = fc.integer({ min: 1, max: 200 }).chain((blocks) =>
  fc.record({
    blocks: fc.constant(blocks),
    steps: fc.array(fc.record({ act: fc.constantFrom('mark', 'clear', 'bytes'), at: range(blocks) }), { maxLength: 30 }),
  }),
);

test('any marks and clears of ranges give what a set of numbers gives', () => {
  fc.assert(
    fc.property(history, ({ blocks, steps }) => {
      const bitmap = new ChangedBlocks(blocks);
      const set = new Set<number>();
      for (const { act, at } of steps) {
        const numbers = Array.from({ length: at.count }, (_, index) => at.first + index);
        if (act === 'mark') bitmap.markBlocks(at.first, at.count);
        else if (act === 'clear') bitmap.clearBlocks(at.first, at.count);
        else bitmap.markBytes(at.first * CHANGED_BLOCK_BYTES + 17, Math.max(0, (at.count - 1) * CHANGED_BLOCK_BYTES));
        for (const number of act === 'bytes' && at.count === 1 ? [] : numbers) act === 'clear' ? set.delete(number) : set.add(number);
      }
      const marked = [...set].sort((left, right) => left - right);
      expect(bitmap.count()).toBe(set.size);
      expect(bitmap.isEmpty()).toBe(set.size === 0);
      const found: number[] = [];
      for (let next = bitmap.findNext(0); next >= 0; next = next + 1 < blocks ? bitmap.findNext(next + 1) : -1) found.push(next);
      expect(found).toEqual(marked);
      const runs: number[] = [];
      for (let run = bitmap.findRun(0, 7); run !== undefined; run = run.first + run.count < blocks ? bitmap.findRun(run.first + run.count, 7) : undefined) {
        expect(run.count).toBeLessThanOrEqual(7);
        for (let index = 0; index < run.count; index++) runs.push(run.first + index);
      }
      expect(runs).toEqual(marked);
      const read = readChangedBlocks(bitmap.save(), blocks)!;
      expect(read.save()).toEqual(bitmap.save());
      const other = new ChangedBlocks(blocks);
      other.markBlocks(0, 1);
      other.addAll(bitmap);
      expect(other.count()).toBe(set.has(0) ? set.size : set.size + 1);
    }),
    { seed: 11, numRuns: 300 },
  );
});

test('bytes of another length, or with a block beyond the end, are no bitmap', () => {
  expect(readChangedBlocks(new Uint8Array(2), 8)).toBeUndefined();
  expect(readChangedBlocks(Uint8Array.of(0x80), 7)).toBeUndefined();
  expect(readChangedBlocks(Uint8Array.of(0x40), 7)?.isMarked(6)).toBe(true);
  expect(() => new ChangedBlocks(7).markBlocks(6, 2)).toThrow(/lie within/);
});
