// Goal: the parts of an interval add up to the whole, whatever the cut. Method: property over random samples and cuts; exits by hand.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MetricRow } from '../../core/base/contract.ts';
import type { HostSnapshot } from '../../core/protocol/snapshot.ts';
import { SampleSeries } from '../session/sample-series.ts';
import { brushDelta, clampRange, integral } from './brush-delta.ts';
import { ExitHistory } from './exit-history.ts';

test('an integral over two halves is the integral over both', () => {
  fc.assert(fc.property(fc.array(fc.nat(1e6), { minLength: 2, maxLength: 60 }), fc.nat(60_000_000), (rates, cut) => {
    const series = new SampleSeries(['rate']);
    for (const [index, rate] of rates.entries()) series.append(index * 1_000_000, [rate]);
    const end = (rates.length - 1) * 1_000_000;
    const middle = Math.min(cut, end);
    const whole = integral(series, 'rate', { fromNs: 0, toNs: end });
    const halves = integral(series, 'rate', { fromNs: 0, toNs: middle }) + integral(series, 'rate', { fromNs: middle, toNs: end });
    expect(halves).toBeCloseTo(whole, 5);
  }), { seed: 6, numRuns: 80 });
});

test('counters tell their change, rates their integral, with units and entities', () => {
  const series = new SampleSeries(['dirty-bytes-per-second', 'link-bytes-per-second', 'pages-sent']);
  for (let ms = 0; ms <= 100; ms++) series.append(ms * 1e6, [4_096_000, 1_000_000, ms * 3]);
  const metric = (id: string, kind: MetricRow['kind'], entity: string, unit: string): MetricRow => ({ id, title: id, unit, kind, better: 'neither', entity, help: '' });
  const metrics = [metric('dirty-bytes-per-second', 'gauge', 'vm', 'bytes/s'), metric('link-bytes-per-second', 'gauge', 'link', 'bytes/s'), metric('pages-sent', 'counter', 'migration', 'pages')];
  const rows = brushDelta({ series, range: { fromNs: 20e6, toNs: 70e6 }, metrics, entityOf: (row) => `${row.entity}:1` });
  expect(rows).toEqual([
    { id: 'dirtied', title: 'pages dirtied', value: 50, unit: 'pages', entity: 'vm:1' },
    { id: 'sent', title: 'sent over the link', value: 50_000, unit: 'bytes', entity: 'link:1' },
    { id: 'pages-sent', title: 'pages-sent', value: 150, unit: 'pages', entity: 'migration:1' },
  ]);
});

test('a brush drawn backwards or past the end is put right', () => {
  expect(clampRange({ fromNs: 50, toNs: 10 }, 40)).toEqual({ fromNs: 10, toNs: 40 });
  expect(clampRange({ fromNs: 50, toNs: 60 }, 40)).toBeNull();
});

test('exits of an interval by cause, also after a jump back', () => {
  const hosts = (ecall: number, timer: number) => [{ vms: [{ exits: { ecall, timer } }] }] as unknown as HostSnapshot[];
  const history = new ExitHistory();
  history.record(10, hosts(1, 0));
  history.record(20, hosts(5, 1));
  history.record(30, hosts(9, 1));
  expect(history.between(10, 30)).toEqual([{ cause: 'ecall', count: 8 }, { cause: 'timer', count: 1 }]);
  history.record(15, hosts(2, 0));
  expect(history.between(0, 100)).toEqual([{ cause: 'ecall', count: 2 }]);
});
