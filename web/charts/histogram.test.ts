// Goal: no value is lost or counted twice, and percentiles are values that occur. Method: property over random values; cases by hand.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { histogramOf, histogramPicture, percentile } from './histogram.ts';

test('bins hold every value once, in order, without holes', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 40 }), { minLength: 1, maxLength: 300 }), (values) => {
    const { bins, count, marks } = histogramOf(values);
    expect(bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(values.length);
    expect(count).toBe(values.length);
    for (const [index, bin] of bins.slice(1).entries()) expect(bin.from).toBeCloseTo(bins[index]!.to, 6);
    for (const mark of marks) expect(values).toContain(mark.value);
  }), { seed: 3, numRuns: 100 });
});

test('percentiles by nearest rank', () => {
  const sorted = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(percentile(sorted, 0.5)).toBe(50);
  expect(percentile(sorted, 0.99)).toBe(99);
  expect(percentile(sorted, 1)).toBe(100);
  expect(percentile([], 0.5)).toBeNaN();
});

test('one outlier of a hundred stands alone at the far end of a logarithmic axis', () => {
  const { bins } = histogramOf([...new Array<number>(99).fill(1e6), 1e9]);
  expect(bins[0]!.count).toBe(99);
  expect(bins.at(-1)!.count).toBe(1);
});

test('the picture says its percentiles with units and stays inside its frame', () => {
  const picture = histogramPicture({ histogram: histogramOf([1e6, 2e6, 3e6]), size: { width: 400, height: 160, text: 13 }, unit: 'ns', entity: 'vm:1', what: 'gaps' });
  expect(picture.summary).toBe('3 gaps: p50 2\u00a0ms, p99 3\u00a0ms, longest 3\u00a0ms.');
  for (const mark of picture.marks) if (mark.kind === 'rect') expect(mark.x + mark.width).toBeLessThanOrEqual(400);
  expect(picture.spots.every((spot) => spot.entity === 'vm:1')).toBe(true);
});
