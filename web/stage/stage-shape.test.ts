// Goal: every knob of every lab has exactly one place, and its mark stands in the lab's picture. Method: all labs of the house.
import { expect, test } from 'vitest';
import { CATALOG } from '../../core/mechanisms/catalog.ts';
import { loadLab } from '../labs/load-lab.ts';
import { findSide, hostAt, placeKnobs, shapeOf, shapeWith } from './stage-shape.ts';

test.each(CATALOG)('$id: its view loads, names itself, and all its knobs have one place', async ({ id, knobs }) => {
  const lab = await loadLab(id);
  expect(lab?.view.lab).toBe(id);
  expect(lab?.walkthrough.lab).toBe(id);
  const placed = Object.values(placeKnobs(lab!)).flat().map((row: { readonly id: string }) => row.id);
  expect(placed.sort()).toEqual(knobs.map((row) => row.id).sort());
  const metrics = lab!.contract.metrics.map((row) => row.id);
  for (const part of [...lab!.view.strip, ...lab!.view.charts]) {
    const named = part.view === 'time-chart' ? part.metrics : part.view === 'latency-ribbons' ? [part.metric] : [];
    for (const metric of named) expect(metrics).toContain(metric);
    const units = new Set(named.map((metric) => lab!.contract.metrics.find((row) => row.id === metric)?.unit));
    expect(units.size, 'curves of one chart have one unit').toBeLessThanOrEqual(1);
  }
});

test('knobs stand at the mark that they name', async () => {
  const ids = async (slug: string) => Object.fromEntries(Object.entries(placeKnobs((await loadLab(slug))!)).map(([place, rows]) => [place, rows.map((row: { readonly id: string }) => row.id)]));
  expect(await ids('precopy-migration')).toEqual({
    vm: ['dirty-rate', 'working-set', 'request-rate', 'keys'], file: [], between: ['bandwidth', 'latency', 'loss'], strip: ['downtime-limit', 'round-limit', 'throttle'],
  });
  expect((await ids('live-snapshot'))['file']).toEqual(['disk-bandwidth', 'disk-latency', 'disk-capacity']);
  // Those of one guest stand there at once, not those of all that a lab can run on.
  expect(shapeOf((await loadLab('precopy-migration'))!).sideKnobs).toBe(2);
  expect(shapeOf((await loadLab('live-snapshot'))!).sideKnobs).toBe(3);
});

test('sides know their hosts', async () => {
  const shape = shapeOf((await loadLab('precopy-migration'))!);
  expect([hostAt(shape, 0), hostAt(shape, 1), findSide(shape, 1), findSide(shape, 7)]).toEqual([0, 1, 1, undefined]);
  const single = shapeOf((await loadLab('skeleton'))!);
  expect([hostAt(single, 1), findSide(single, 0)]).toEqual([-1, 0]);
});

test('a wall whose host the datacenter has not is not drawn, nor what leads to it', async () => {
  const pair = shapeOf((await loadLab('precopy-migration'))!);
  expect(shapeWith(pair, [])).toBe(pair); // nothing told yet
  expect(shapeWith(pair, [0, 1])).toBe(pair);
  expect(shapeWith(pair, [0])).toEqual({ ...pair, right: 'nothing', between: 'nothing', betweenKnobs: 0 });
  const snapshot = shapeOf((await loadLab('live-snapshot'))!);
  expect(shapeWith(snapshot, [0])).toBe(snapshot); // its file is on the same host
});

test('an unknown lab is not there', async () => {
  expect(await loadLab('teleportation')).toBeUndefined();
});
