// Goal: ribbons are as thick as what was measured, have a hole exactly where the VM stood, and share one scale.
// Method: small sample series.
import { expect, test } from 'vitest';
import { SampleSeries } from '../session/sample-series.ts';
import { fullLatency, latencySpan, ribbonRoom, ribbonShape, ribbonsPicture, thickness } from './latency-picture.ts';

const MS = 1_000_000;

function seriesOf(rows: readonly (readonly [number, number])[]): SampleSeries {
  const series = new SampleSeries(['echo']);
  for (const [ms, value] of rows) series.append(ms * MS, [value]);
  return series;
}

test('each column has the greatest latency of its time, and the newest answer stands until the next', () => {
  const series = seriesOf([[0, 50], [1, 80], [2, 60], [6, 900], [9, 70]]);
  const shape = ribbonShape({ series, pauses: [], nowNs: 9 * MS }, 'echo', { fromNs: 0, toNs: 10 * MS }, 5);
  expect([...shape.columns]).toEqual([80, 60, 60, 900, 70]);
  expect(shape.worstNs).toBe(900);
  expect(shape.untilNs).toBe(9 * MS);
});

test('what lies outside the span counts for nothing; a lane that is behind ends where it is', () => {
  const series = seriesOf([[0, 5_000], [4, 10], [5, 20]]);
  const shape = ribbonShape({ series, pauses: [], nowNs: 6 * MS }, 'echo', { fromNs: 4 * MS, toNs: 14 * MS }, 10);
  expect(shape.worstNs).toBe(20);
  expect([...shape.columns.slice(0, 2)]).toEqual([10, 20]);
  expect(shape.columns.slice(2).every(Number.isNaN)).toBe(true);
  const empty = ribbonShape({ series: undefined, pauses: [], nowNs: -1 }, 'echo', { fromNs: 0, toNs: MS }, 3);
  expect(empty.worstNs).toBe(-1);
});

test('what was waited before the snapshot is drawn, and not counted as its worst', () => {
  const series = seriesOf([[1, 9_000], [4, 10], [5, 20]]);
  const shape = ribbonShape({ series, pauses: [], nowNs: 6 * MS, sinceNs: 3 * MS }, 'echo', { fromNs: 0, toNs: 10 * MS }, 10);
  expect(shape.worstNs).toBe(20);
  expect(shape.columns[1]).toBe(9_000);
});

test('a pause is a hole, cut to the span, open-ended while it lasts', () => {
  const lane = { series: undefined, nowNs: 8 * MS, pauses: [{ fromNs: MS, toNs: 3 * MS }, { fromNs: 6 * MS, toNs: -1 }, { fromNs: 0, toNs: MS / 2 }] };
  expect(ribbonShape(lane, 'echo', { fromNs: 2 * MS, toNs: 10 * MS }, 4).holes).toEqual([
    { fromNs: 2 * MS, toNs: 3 * MS }, { fromNs: 6 * MS, toNs: 8 * MS },
  ]);
});

test('the span begins a little before the snapshot and then rolls', () => {
  expect(latencySpan(50 * MS, -1)).toEqual({ fromNs: 0, toNs: 120 * MS });
  const during = latencySpan(400 * MS, 200 * MS);
  expect(during.fromNs).toBeLessThan(200 * MS);
  expect(during.toNs).toBeGreaterThan(400 * MS);
  const later = latencySpan(9_000 * MS, 200 * MS);
  expect(later.toNs).toBe(9_000 * MS);
  expect(later.toNs - later.fromNs).toBe(3_000 * MS);
});

test('one scale for all: the worst fills its band, and calm stays thin', () => {
  const shapes = [60_000, 300 * MS].map((worstNs) => ({ columns: new Float64Array(0), holes: [], untilNs: 0, worstNs }));
  expect(fullLatency(shapes)).toBe(300 * MS);
  expect(thickness(300 * MS, fullLatency(shapes))).toBe(1);
  expect(thickness(60_000, fullLatency(shapes))).toBeLessThan(0.02);
  expect(fullLatency(shapes.slice(0, 1))).toBe(4 * MS);
});

test('the picture: a band for each lane, an empty place with two posts where the VM stood, words for both', () => {
  const size = { width: 1000, height: 150, text: 13 };
  const span = { fromNs: 0, toNs: 100 * MS };
  const { columns, left, width } = ribbonRoom(size);
  const calm = seriesOf(Array.from({ length: 100 }, (_, ms) => [ms, 60_000] as const));
  const lanes = [
    { series: calm, pauses: [{ fromNs: 50 * MS, toNs: 50 * MS + 600_000 }], nowNs: 100 * MS },
    { series: seriesOf([[0, 60_000], [80, 40 * MS]]), pauses: [{ fromNs: 50 * MS, toNs: 80 * MS }], nowNs: 100 * MS },
  ];
  const ribbons = lanes.map((lane, index) => ({
    title: index === 0 ? 'Live' : 'Stop', entity: 'vm:1', shape: ribbonShape(lane, 'echo', span, columns),
  }));
  const picture = ribbonsPicture(ribbons, span, size);
  expect(picture.summary).toBe('Live: waits 60\u00a0µs at most, stood 600\u00a0µs; Stop: waits 40\u00a0ms at most, stood 30\u00a0ms.');
  const holes = picture.marks.flatMap((mark) => (mark.kind === 'rect' && mark.fill === 'stage' ? [mark] : []));
  expect(holes).toHaveLength(2);
  expect(holes[0]!.width).toBeCloseTo(0.006 * width);
  expect(holes[1]!.x).toBeCloseTo(left + width / 2);
  expect(holes[1]!.width).toBeCloseTo(0.3 * width);
  expect(picture.spots.map(({ entity }) => entity)).toEqual(['vm:1', 'vm:1']);
  const text = JSON.stringify(picture);
  expect(text).not.toContain('NaN');
  expect(ribbonsPicture([], span, size).summary).toBe('Nothing was answered yet.');
});
