// Goal: the ring shows exactly what waits, wherever the indices have wrapped to. Method: property against a slot-by-slot count.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ringPicture, ringSegments } from './ring-picture.ts';

test('segments count the waiting slots, around the end as well', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 700 }), fc.nat(5000), fc.nat(700), (capacity, consumed, ahead) => {
    const produced = consumed + Math.min(ahead, capacity);
    const segments = ringSegments({ title: 'r', entity: 'e', capacity, produced, consumed, unit: 'rows' });
    expect(segments.reduce((sum, it) => sum + it.count, 0)).toBe(capacity);
    const full = new Set(Array.from({ length: produced - consumed }, (_, index) => (consumed + index) % capacity));
    for (const segment of segments) {
      let count = 0;
      for (let slot = segment.first; slot < segment.first + segment.count; slot++) if (full.has(slot)) count++;
      expect(segment.waiting).toBe(count);
    }
  }), { seed: 5, numRuns: 100 });
});

test('the summary counts, and nothing is drawn outside the frame', () => {
  const picture = ringPicture({ title: 'Ring', entity: 'host:0', capacity: 256, produced: 300, consumed: 200, unit: 'descriptors' }, { width: 300, height: 260, text: 13 });
  expect(picture.summary).toContain('100 of 256 slots wait');
  for (const spot of picture.spots) expect(spot.x >= 0 && spot.y >= 0 && spot.x < 300 && spot.y < 260).toBe(true);
});
