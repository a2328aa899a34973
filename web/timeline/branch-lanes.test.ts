// Goal: lanes tell the past, what lies ahead and what was left apart, whatever was forked and returned to. Method: cases and a property over random forks.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BranchMark } from '../session/store.ts';
import { branchAt, differNs, layOutBranches } from './branch-lanes.ts';

const BRANCHES: readonly BranchMark[] = [
  { id: 0, parent: -1, forkNs: 0, endNs: 100 },
  { id: 1, parent: 0, forkNs: 40, endNs: 90 },
  { id: 2, parent: 1, forkNs: 60, endNs: 80 },
];

test('the present course goes through the rows of its ancestors', () => {
  const lanes = layOutBranches({ branches: BRANCHES, branch: 2, nowNs: 70, furthestNs: 80, rowsMax: 6 });
  expect(lanes.segments.map(({ row, fromNs, toNs, kind }) => `${row} ${fromNs}–${toNs} ${kind}`)).toEqual([
    '0 0–40 past', '0 40–100 left', '1 40–60 past', '1 60–90 left', '2 60–70 past', '2 70–80 ahead',
  ]);
  expect(lanes.forks).toEqual([
    { atNs: 40, fromRow: 0, toRow: 1, onCourse: true }, { atNs: 60, fromRow: 1, toRow: 2, onCourse: true },
  ]);
  expect([0, 39, 40, 59, 60, 500].map((timeNs) => branchAt(lanes, timeNs))).toEqual([0, 0, 1, 1, 2, 2]);
});

test('a run that stands before its fork has its whole branch ahead', () => {
  const lanes = layOutBranches({ branches: BRANCHES, branch: 1, nowNs: 20, furthestNs: 90, rowsMax: 6 });
  expect(lanes.segments.map(({ row, fromNs, toNs, kind }) => `${row} ${fromNs}–${toNs} ${kind}`)).toEqual([
    '0 0–20 past', '0 20–40 ahead', '0 40–100 left', '1 40–90 ahead', '2 60–80 left',
  ]);
});

test('before anything is known of branches there is one row; beyond the bound the course and the newest stay', () => {
  expect(layOutBranches({ branches: [], branch: 0, nowNs: 5, furthestNs: 9, rowsMax: 6 }).segments).toHaveLength(2);
  const many = Array.from({ length: 20 }, (_, id): BranchMark => ({ id, parent: id === 0 ? -1 : 0, forkNs: id, endNs: 50 }));
  const lanes = layOutBranches({ branches: many, branch: 3, nowNs: 30, furthestNs: 50, rowsMax: 5 });
  expect(lanes.rows.map(({ id }) => id)).toEqual([0, 3, 17, 18, 19]);
  expect(lanes.hiddenCount).toBe(15);
});

test('two branches differ from the earliest fork on the ways to their common ancestor', () => {
  expect(differNs(BRANCHES, 0, 1)).toBe(40);
  expect(differNs(BRANCHES, 0, 2)).toBe(40);
  expect(differNs(BRANCHES, 2, 1)).toBe(60);
  expect(differNs([...BRANCHES, { id: 3, parent: 0, forkNs: 10, endNs: 20 }], 2, 3)).toBe(10);
});

test('property: the pieces of the course cover it once, without a gap', () => {
  const fork = fc.record({ parent: fc.nat(), forkNs: fc.nat(1000), endNs: fc.nat(1000) });
  fc.assert(
    fc.property(fc.array(fork, { maxLength: 8 }), fc.nat(), fc.nat(1000), (forks, pick, now) => {
      const branches: BranchMark[] = [{ id: 0, parent: -1, forkNs: 0, endNs: 2000 }];
      for (const { parent, forkNs, endNs } of forks) {
        const from = branches[parent % branches.length]!;
        const atNs = Math.max(from.forkNs, forkNs);
        branches.push({ id: branches.length, parent: from.id, forkNs: atNs, endNs: atNs + endNs });
      }
      const present = branches[pick % branches.length]!;
      const nowNs = Math.min(now, present.endNs);
      const { segments } = layOutBranches({ branches, branch: present.id, nowNs, furthestNs: present.endNs, rowsMax: 20 });
      const course = segments.filter(({ kind }) => kind !== 'left').toSorted((a, b) => a.fromNs - b.fromNs);
      let at = 0;
      for (const { fromNs, toNs, kind } of course) {
        expect(fromNs).toBe(at);
        expect(kind).toBe(fromNs < nowNs ? 'past' : 'ahead');
        at = toNs;
      }
      expect(at).toBe(present.endNs);
    }),
    { seed: 9, numRuns: 300 },
  );
});
