// Goal: the first minute goes on by what the run did, never by time. Method: chapters after made-up migrations.
import { expect, test } from 'vitest';
import type { MigrationSnapshot } from '../../../core/protocol/snapshot.ts';
import { story } from './story.tsx';

const migration = (phase: string, endedAtNs: number): MigrationSnapshot => ({
  vm: 1, from: 0, to: 1, role: 'source', mode: 'pre-copy', phase, reason: '', startedAtNs: 5, endedAtNs, stoppedAtNs: -1, resumedAtNs: -1,
  throttlePercent: 0, downtimePredictedNs: -1, bytesLeft: 0, pagesSent: 0, pagesZero: 0, bytesSent: 0, rounds: [],
});

test('from the first screen over the move to its result, and on to the slower link', () => {
  const after = (chapter: string, ...migrations: MigrationSnapshot[]) => story.chapterAfter(chapter, { migrations });
  expect(after('')).toBe('');
  expect(after('', migration('copying', -1))).toBe('migrating');
  expect(after('migrating', migration('done', 9))).toBe('moved');
  expect(after('migrating', migration('failed', 9))).toBe('');
  expect(after('slower', migration('done', 9))).toBe('slower');
  expect(after('slower', migration('copying', -1))).toBe('migrating');
});
