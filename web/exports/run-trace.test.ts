// Goal: the trace of a run holds its rounds, stop and counters at their virtual times. Method: a small run by hand, read back by the strict reader.
import { expect, test } from 'vitest';
import type { MetricRow } from '../../core/base/contract.ts';
import type { HostSnapshot, MigrationSnapshot } from '../../core/protocol/snapshot.ts';
import { readPerfettoTrace } from '../../core/testing/perfetto-reader.ts';
import { SampleSeries } from '../session/sample-series.ts';
import { runTrace } from './run-trace.ts';

test('rounds, stop, events and counters stand where they happened', () => {
  const series = new SampleSeries(['bytes-left']);
  series.append(10, [Number.NaN]);
  series.append(20, [4096]);
  const migration = {
    vm: 1, from: 0, to: 1, role: 'source', phase: 'done', startedAtNs: 100, endedAtNs: 900, stoppedAtNs: 800, resumedAtNs: 850,
    rounds: [{ startNs: 120, endNs: 800, pagesToSend: 5, pagesSent: 5, pagesDirtied: 2 }],
  } as unknown as MigrationSnapshot;
  const hosts = [{ id: 0, name: 'host-a', vms: [] }, { id: 1, name: 'host-b', vms: [{ id: 1, state: 'running' }] }] as unknown as HostSnapshot[];
  const facts = { hosts, migrations: [migration], baseline: [], nowNs: 1000, baselineNs: -1, seriesOf: (host: number) => (host === 0 ? series : undefined) };
  const metric: MetricRow = { id: 'bytes-left', title: 'Bytes left', unit: 'bytes', kind: 'gauge', better: 'lower', entity: 'migration', help: '' };
  const tracks = readPerfettoTrace(runTrace(facts, [{ timeNs: 800, kind: 'stop', entity: 'vm:1', text: 'web-1' }], [metric]));
  const find = (name: string) => tracks.find((track) => track.name === name)!;
  expect(find('rounds').slices).toMatchObject([{ fromNs: 120, toNs: 800, name: 'round 1' }]);
  expect(find('vCPU on host-a').slices.map((it) => it.name)).toEqual(['running', 'stands still']);
  expect(find('events').instants).toEqual([{ atNs: 800, name: 'stop: web-1' }]);
  expect(find('Bytes left')).toMatchObject({ process: 'host-a', unit: 'bytes', points: [{ atNs: 20, value: 4096 }] });
});
