// Goal: zoom and pan keep the time under the pointer, stay inside the run, and come back to all of it. Method: cases and a property.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { panSpan, revealTime, type TimeSpan, wholeSpan, zoomSpan } from './time-axis.ts';

const END = 1_000_000;

test('zooming keeps the time it goes around in place, and out far enough shows all', () => {
  expect(zoomSpan(wholeSpan(END), { factor: 2, aroundNs: 500_000, endNs: END })).toEqual({ fromNs: 250_000, toNs: 750_000 });
  expect(zoomSpan(wholeSpan(END), { factor: 2, aroundNs: 0, endNs: END })).toEqual({ fromNs: 0, toNs: 500_000 });
  expect(zoomSpan({ fromNs: 250_000, toNs: 750_000 }, { factor: 0.5, aroundNs: 500_000, endNs: END })).toBeNull();
  expect(zoomSpan({ fromNs: 100, toNs: 160 }, { factor: 100, aroundNs: 130, endNs: END })).toEqual({ fromNs: 105, toNs: 155 });
});

test('panning stops at both ends, and a time is brought into view only when it is outside', () => {
  const span = { fromNs: 400_000, toNs: 600_000 };
  expect(panSpan(span, 0.5, END)).toEqual({ fromNs: 500_000, toNs: 700_000 });
  expect(panSpan(span, 9, END)).toEqual({ fromNs: 800_000, toNs: 1_000_000 });
  expect(panSpan(span, -9, END)).toEqual({ fromNs: 0, toNs: 200_000 });
  expect(revealTime(span, 500_000, END)).toBe(span);
  expect(revealTime(span, 700_000, END)).toEqual({ fromNs: 680_000, toNs: 880_000 });
  expect(revealTime(span, 100_000, END)).toEqual({ fromNs: 0, toNs: 200_000 });
});

test('property: whatever is done, the span lies in the run and is never empty', () => {
  const step = fc.record({ kind: fc.nat(2), amount: fc.double({ min: -3, max: 3, noNaN: true }), at: fc.nat(END) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let span: TimeSpan = wholeSpan(END);
      for (const { kind, amount, at } of steps) {
        if (kind === 0) span = zoomSpan(span, { factor: 2 ** amount, aroundNs: at, endNs: END }) ?? wholeSpan(END);
        else if (kind === 1) span = panSpan(span, amount, END);
        else span = revealTime(span, at, END);
        expect(span.toNs - span.fromNs).toBeGreaterThanOrEqual(50);
        expect(span.fromNs).toBeGreaterThanOrEqual(0);
        if (kind === 2) expect(span.fromNs <= at && at <= span.toNs).toBe(true);
        else expect(span.toNs).toBeLessThanOrEqual(2 * END);
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});
