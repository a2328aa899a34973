// Goal: rates are heights on one scale, ribbons of a node neither overlap nor leave it, a tank's fill is its share. Method: property over random trees; one case by hand.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Flow, type FlowNode, flowPicture, layoutFlows } from './sankey.ts';

const node = (id: string, column: number, tank?: FlowNode['tank']): FlowNode => ({ id, title: id, entity: id, column, ...(tank === undefined ? {} : { tank }) });
const flow = (from: string, to: string, rate: number): Flow => ({ from, to, rate, unit: 'bytes/s', token: 'dirty', title: `${from} to ${to}` });

test('height is proportional to rate and ribbons stay inside their nodes', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(2), fc.integer({ min: 1, max: 1e9 })), { minLength: 1, maxLength: 9 }), (edges) => {
    const unique = [...new Map(edges.map((edge) => [`${edge[0]} ${edge[1]}`, edge])).values()];
    const nodes = [0, 1, 2].flatMap((index) => [node(`a${index}`, 0), node(`b${index}`, 1)]);
    const flows = unique.map(([from, to, rate]) => flow(`a${from}`, `b${to}`, rate));
    const { boxes, ribbons } = layoutFlows({ nodes, flows, width: 600, height: 400, top: 40 });
    expect(ribbons).toHaveLength(flows.length);
    const per = ribbons[0]!.height / ribbons[0]!.flow.rate;
    for (const ribbon of ribbons) {
      expect(ribbon.height / ribbon.flow.rate).toBeCloseTo(per, 9);
      const box = boxes.find((it) => it.node.id === ribbon.flow.from)!;
      expect(ribbon.from.y - ribbon.height / 2).toBeGreaterThanOrEqual(box.y - 0.01);
      expect(ribbon.from.y + ribbon.height / 2).toBeLessThanOrEqual(box.y + box.height + 0.01);
    }
    for (const id of ['a0', 'a1', 'a2']) {
      const out = ribbons.filter((it) => it.flow.from === id).sort((a, b) => a.from.y - b.from.y);
      for (const [index, it] of out.slice(1).entries()) expect(it.from.y - it.height / 2).toBeGreaterThanOrEqual(out[index]!.from.y + out[index]!.height / 2 - 0.01);
    }
  }), { seed: 4, numRuns: 80 });
});

test('a tank is as full as its share, and says so', () => {
  const nodes = [node('guest', 0), node('waiting', 1, { held: 25e6, capacity: 100e6, unit: 'bytes', note: '0.2 s behind' }), node('link', 2)];
  const picture = flowPicture({ nodes, flows: [flow('guest', 'waiting', 30e6), flow('waiting', 'link', 100e6)], size: { width: 700, height: 240, text: 13 } });
  const tank = picture.spots.find((spot) => spot.key === 'waiting')!;
  const fill = picture.marks.find((mark) => mark.kind === 'rect' && mark.fill === 'dirty');
  expect(fill?.kind === 'rect' && fill.height).toBeCloseTo((tank.height - 4) / 4, 6);
  expect(tank.label).toBe('waiting: 25\u00a0MB, 0.2 s behind');
  expect(picture.summary).toContain('guest to waiting 30\u00a0MB/s');
});

test('nothing flows: a dashed line, no ribbon', () => {
  const picture = flowPicture({ nodes: [node('a', 0), node('b', 1)], flows: [flow('a', 'b', 0)], size: { width: 400, height: 200, text: 13 } });
  expect(picture.marks.some((mark) => mark.kind === 'path' && mark.dash !== undefined)).toBe(true);
  expect(JSON.stringify(picture)).not.toContain('NaN');
});
