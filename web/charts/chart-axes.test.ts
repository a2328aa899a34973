// Goal: the axes show the whole migration and name round values; holes are where a VM stood still. Method: examples.
import { expect, test } from 'vitest';
import type { MigrationSnapshot } from '../../core/protocol/snapshot.ts';
import { pagesPerTile } from '../stage/pipe-painter.ts';
import { rootSplits, spanOf } from './chart-axes.ts';
import { findHole } from './ribbon-painter.ts';

const base: MigrationSnapshot = {
  vm: 1, from: 0, to: 1, role: 'source', mode: 'pre-copy', phase: 'copying', reason: '', startedAtNs: 1e9, endedAtNs: -1,
  stoppedAtNs: -1, resumedAtNs: -1, throttlePercent: 0, downtimePredictedNs: -1, bytesLeft: 0, pagesSent: 0, pagesZero: 0, bytesSent: 0, rounds: [],
};
const ended = { ...base, stoppedAtNs: 1.4e9, resumedAtNs: 1.43e9, endedAtNs: 1.43e9 };

test('the span follows the present while a migration runs and stands still afterwards', () => {
  expect(spanOf(base, undefined, 2e9).toNs).toBeCloseTo(2.08e9);
  expect(spanOf(base, undefined, 3e9).toNs).toBeGreaterThan(spanOf(base, undefined, 2e9).toNs);
  expect(spanOf(ended, undefined, 9e9)).toEqual(spanOf(ended, undefined, 99e9));
  expect(spanOf(ended, undefined, 9e9).fromNs).toBeLessThan(1e9);
});

test('a longer baseline widens the span, a much longer one does not swallow the picture', () => {
  const slow = { ...ended, mode: 'stop-and-copy' as const, resumedAtNs: 1.9e9, endedAtNs: 1.9e9 };
  expect(spanOf(ended, slow, 9e9).toNs).toBeGreaterThan(1.9e9);
  const endless = { ...slow, resumedAtNs: 100e9, endedAtNs: 100e9 };
  expect(spanOf(ended, endless, 9e9).toNs).toBeLessThan(3e9);
});

test('labels of the axis of bytes are round, ascending and within it', () => {
  for (const high of [1e6, 3.7e6, 67e6, 74e6, 5e8, 1e10]) {
    const splits = rootSplits(high);
    expect(splits[0]).toBe(0);
    for (let index = 1; index < splits.length; index++) expect(splits[index]!).toBeGreaterThan(splits[index - 1]!);
    expect(splits.at(-1)!).toBeLessThanOrEqual(high);
  }
});

test('a hole begins at the stop and ends at the resume, the failure, or now', () => {
  const ribbon = (migration: MigrationSnapshot | undefined, nowNs: number) => findHole({ lines: [], migration, nowNs });
  expect(ribbon(undefined, 5)).toBeUndefined();
  expect(ribbon(base, 2e9)).toBeUndefined();
  expect(ribbon(ended, 2e9)).toEqual({ fromNs: 1.4e9, toNs: 1.43e9 });
  expect(ribbon({ ...base, stoppedAtNs: 1.4e9 }, 1.5e9)).toEqual({ fromNs: 1.4e9, toNs: 1.5e9 });
  expect(ribbon({ ...base, stoppedAtNs: 1.4e9, endedAtNs: 1.6e9, phase: 'failed' }, 9e9)).toEqual({ fromNs: 1.4e9, toNs: 1.6e9 });
});

test('a tile stands for a nice number of pages, and keeps it while at most twelve tiles are needed', () => {
  expect(pagesPerTile(6, 1)).toBe(1);
  expect(pagesPerTile(150, 1)).toBe(20);
  expect(pagesPerTile(170, 20)).toBe(20);
  expect(pagesPerTile(250, 20)).toBe(50);
  for (const inFlight of [1, 50, 500, 5000, 100_000]) {
    expect(Math.ceil(inFlight / pagesPerTile(inFlight, 1))).toBeLessThanOrEqual(12);
  }
});
