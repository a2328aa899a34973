// Goal: lanes say what the run did: no overlap, no hole but the stop, on the right host. Method: a migration by hand; the picture's boxes.
import { expect, test } from 'vitest';
import type { HostSnapshot, MigrationSnapshot } from '../../core/protocol/snapshot.ts';
import { SampleSeries } from '../session/sample-series.ts';
import { ganttPicture, ganttTable } from './gantt.ts';
import { busySlices, runLanes } from './run-lanes.ts';

const vm = { id: 1, name: 'vm', state: 'running' } as HostSnapshot['vms'][number];
const hosts = [{ id: 0, name: 'host-a', vms: [] }, { id: 1, name: 'host-b', vms: [vm] }] as unknown as HostSnapshot[];
const move: MigrationSnapshot = {
  vm: 1, from: 0, to: 1, role: 'source', mode: 'pre-copy', phase: 'done', reason: '', startedAtNs: 100, endedAtNs: 900, stoppedAtNs: 800, resumedAtNs: -1,
  throttlePercent: 0, downtimePredictedNs: -1, bytesLeft: 0, pagesSent: 7, pagesZero: 1, bytesSent: 1,
  rounds: [{ startNs: 120, endNs: 600, pagesToSend: 5, pagesSent: 5, pagesDirtied: 2 }, { startNs: 600, endNs: 800, pagesToSend: 2, pagesSent: 2, pagesDirtied: 0 }],
};
const there: MigrationSnapshot = { ...move, role: 'destination', resumedAtNs: 850, rounds: [] };
const facts = { hosts, migrations: [move, there], baseline: [], nowNs: 1000, baselineNs: -1, seriesOf: () => undefined };

test('the vCPU runs here, stands still, runs there', () => {
  const lanes = runLanes(facts);
  expect(lanes.map((lane) => lane.title)).toEqual(['vCPU on host-a', 'vCPU on host-b', 'move', 'rounds']);
  expect(lanes[0]!.slices).toMatchObject([{ fromNs: 0, toNs: 800, title: 'running' }, { fromNs: 800, toNs: 850, hatched: true }]);
  expect(lanes[1]!.slices).toMatchObject([{ fromNs: 850, toNs: 1000, title: 'running' }]);
  expect(lanes[2]!.slices.map((slice) => [slice.fromNs, slice.toNs])).toEqual([[100, 120], [120, 800], [800, 850]]);
  for (const lane of lanes) for (const [index, slice] of lane.slices.slice(1).entries()) expect(slice.fromNs).toBeGreaterThanOrEqual(lane.slices[index]!.toNs);
});

test('a cancelled move leaves the vCPU where it ran', () => {
  const lanes = runLanes({ ...facts, migrations: [{ ...move, phase: 'cancelled', stoppedAtNs: -1, endedAtNs: 500 }] });
  expect(lanes[0]).toMatchObject({ title: 'vCPU on host-a', slices: [{ fromNs: 0, toNs: 1000 }] });
});

test('busy stretches follow the samples', () => {
  const series = new SampleSeries(['link-bytes-per-second']);
  for (const [index, value] of [0, 5, 5, 0, 5, 0, 0, 7].entries()) series.append(index * 10, [value]);
  expect(busySlices(series, 'link-bytes-per-second', 'sends').map((it) => [it.fromNs, it.toNs])).toEqual([[0, 40], [60, 70]]);
});

test('every slice of the range is a spot with its time and unit, inside the frame', () => {
  const lanes = runLanes(facts);
  const picture = ganttPicture({ lanes, range: { fromNs: 0, toNs: 1000 }, brush: { fromNs: 100, toNs: 200 }, size: { width: 600, height: 200, text: 13 } });
  expect(picture.spots).toHaveLength(ganttTable(lanes, 't').rows.length);
  expect(picture.spots.every((spot) => spot.x >= 0 && spot.x + spot.width <= 600 && /\d\u00a0(ns|µs)/.test(spot.label))).toBe(true);
});
