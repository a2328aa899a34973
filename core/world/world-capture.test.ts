// Goal: however many processes a world has, its captures keep no more than the one bound. Method: the same large frame, again and again, at all taps.
import { expect, test } from 'vitest';
import { CAPTURE_BYTES_MAX, makeWorldTap } from './world-capture.ts';

test('the captures of a world keep no more than one bound, whatever its number of processes', () => {
  const frame = new Uint8Array(9_000); // the same bytes each time: nothing is copied
  for (const count of [1, 2, 7]) {
    const processes = Array.from({ length: count }, (_, id) => ({ id, name: `process ${id}`, sampleColumns: [] }));
    const taps = processes.map(() => makeWorldTap({ processes }, true)!);
    for (const tap of taps) {
      const port = tap.addInterface({ name: 'x' });
      while (tap.droppedFrames === 0) tap.record(port, 'in', frame, tap.frameCount);
    }
    const kept = taps.reduce((sum, tap) => sum + tap.byteCount, 0);
    expect(kept).toBeLessThanOrEqual(CAPTURE_BYTES_MAX);
    expect(kept).toBeGreaterThan(CAPTURE_BYTES_MAX - count * frame.length - count);
  }
  expect(makeWorldTap({ processes: [] }, false)).toBeUndefined();
});
