// Goal: ribbons keep one scale and order, boxes stay in their frame, nothing is NaN. Method: small sites, geometry read back.
import { expect, test } from 'vitest';
import type { FlowFacts } from './flow-facts.ts';
import { layoutFlow, scoreParts, tankBytes } from './flow-layout.ts';

function site(rates: readonly number[], homes: readonly number[]): FlowFacts {
  const gateways = ([0, 1] as const).flatMap((side) => [0, 1].map((it) => ({
    id: side * 2 + it, name: `gw-${it}`, entity: `gateway:${side * 2 + it}`, side, isUp: true, backlogBytes: 0, stagingBytes: 1e9,
    behindNs: 0, score: 0, isOverloaded: false, resources: [],
  })));
  const workloads = rates.map((_, id) => ({
    id, name: `vm-${id}`, entity: `workload:${id}`, gateway: homes[id]!, movingTo: -1, phase: '', rpoNs: 0, targetNs: 1, refusals: {},
  }));
  const ribbons = rates.flatMap((bytesPerSecond, workload) => {
    const way = [`workload:${workload}`, `gateway:${homes[workload]}`, 'wan', `gateway:${homes[workload]! + 2}`, `volume:${workload}`];
    return way.slice(1).map((to, index) => ({ from: way[index]!, to, workload, bytesPerSecond, totalBytes: 0 }));
  });
  return {
    sites: ['a', 'b'], workloads, gateways, ribbons, brackets: [], alarms: [],
    volumes: rates.map((_, id) => ({ id, name: `v-${id}`, entity: `volume:${id}` })),
    wan: { entity: 'link:wan', bytesPerSecond: 0, capacity: 100, isUp: true },
    rehome: { request: 're-home', workload: 'workload', gateway: 'gateway' },
  };
}
const FRAME = { x: 0, y: 0, width: 1200, height: 400 };

test('a ribbon is as high as its rate, on one scale for all', () => {
  const { ribbons, perByte } = layoutFlow(site([40, 10, 0], [0, 1, 1]), FRAME);
  for (const it of ribbons) expect(it.height).toBeCloseTo(it.facts.bytesPerSecond * perByte, 9);
  expect(ribbons).toHaveLength(12);
  for (const it of ribbons) expect(it.path).not.toContain('NaN');
});

test('boxes stay in the frame and never overlap in a column', () => {
  const { nodes } = layoutFlow(site([40, 15, 15, 10], [0, 0, 1, 1]), FRAME);
  const boxes = [...nodes.entries()].filter(([id]) => id !== 'wan').map(([, box]) => box);
  for (const box of boxes) {
    expect(box.y).toBeGreaterThanOrEqual(0);
    expect(box.y + box.height).toBeLessThanOrEqual(400.001);
    expect(box.x + box.width).toBeLessThanOrEqual(1200.001);
  }
  for (const a of boxes) for (const b of boxes) {
    if (a === b || a.x !== b.x) continue;
    expect(a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(true);
  }
});

test('a move bends ribbons and moves no box', () => {
  const before = layoutFlow(site([40, 15], [0, 1]), FRAME);
  const after = layoutFlow(site([40, 15], [1, 1]), FRAME);
  expect([...after.nodes.entries()].filter(([id]) => id !== 'wan')).toEqual([...before.nodes.entries()].filter(([id]) => id !== 'wan'));
  expect(after.ribbons.map((it) => it.path)).not.toEqual(before.ribbons.map((it) => it.path));
});

test('all idle: hairlines, no division by nothing', () => {
  const idle = site([0, 0], [0, 1]);
  const { ribbons } = layoutFlow({ ...idle, wan: { ...idle.wan, capacity: 0 } }, FRAME);
  for (const it of ribbons) expect(it.path).not.toMatch(/NaN|Infinity/);
});

test('parts of a score add up and stay within the bar', () => {
  const parts = scoreParts([{ use: 0.5, weight: 0.5 }, { use: 1, weight: 0.5 }], 100, 1);
  expect(parts).toEqual([25, 75]);
  expect(scoreParts([{ use: 5, weight: 1 }], 100, 1)).toEqual([100]);
});

test('all tanks have one scale, whose steps are 1, 2 and 5', () => {
  expect([0, 199_999, 200_001, 500_000, 500_001, 24_000_000].map((most) => tankBytes([10, most]))).toEqual([200_000, 200_000, 500_000, 500_000, 1_000_000, 50_000_000]);
  expect(tankBytes([])).toBe(200_000);
});

test('where there is less room for words, boxes get more of it and still do not touch', () => {
  const frame = { x: 0, y: 0, width: 872, height: 300 };
  const facts = site([40, 10, 0], [0, 1, 1]);
  for (const isTight of [false, true]) {
    const { nodes } = layoutFlow(facts, frame, isTight);
    const columns = [...new Map([...nodes.values()].map((box) => [box.x, box] as const)).values()].sort((a, b) => a.x - b.x);
    for (const [index, box] of columns.entries()) expect(box.x + box.width).toBeLessThanOrEqual((columns[index + 1]?.x ?? frame.width + 1));
  }
  const width = (isTight: boolean) => layoutFlow(facts, frame, isTight).nodes.get(facts.workloads[0]!.entity)!.width;
  expect(width(true)).toBeGreaterThan(width(false));
});
