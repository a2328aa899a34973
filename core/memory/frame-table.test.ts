// Goal: frames are given out lowest first, never twice, and full of zeroes. Method: random
// allocation against a set.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameField, frameKind } from '../protocol/host-memory-layout.ts';
import { FrameTable } from './frame-table.ts';
import { frameAddress, makeHostMemory } from './host-memory.ts';

test('a frame entry holds owner, kind and flags side by side', () => {
  const frames = new FrameTable(makeHostMemory(8));
  const frame = frames.allocate(200, frameKind.private);
  frames.setHeat(frame, 77);
  frames.setFlag(frame, frameField.dirty, true);
  frames.setFlag(frame, frameField.code, true);
  frames.setFlag(frame, frameField.code, false);
  expect(frames.entry(frame)).toEqual({
    owner: 200,
    kind: frameKind.private,
    dirty: true,
    inFlight: false,
    code: false,
    heat: 77,
  });
});

test('all free frames can be taken and given back', () => {
  const frames = new FrameTable(makeHostMemory(100));
  frames.allocate(1, frameKind.private);
  expect(frames.takeAllFree(0, frameKind.pinned)).toBe(99);
  expect(frames.allocate(1, frameKind.private)).toBe(-1);
  expect(frames.releaseAll(0, frameKind.pinned)).toBe(99);
  expect(frames.freeCount()).toBe(99);
});

test('random allocation and release agree with a set of free frames', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 150 }),
      fc.array(fc.record({ what: fc.constantFrom('one', 'four', 'release'), pick: fc.nat() }), {
        maxLength: 300,
      }),
      (frameCount, steps) => {
        const host = makeHostMemory(frameCount);
        const frames = new FrameTable(host);
        const free = new Set(Array.from({ length: frameCount }, (_, frame) => frame));
        const taken: number[] = [];
        for (const step of steps) {
          if (step.what === 'release') {
            if (taken.length === 0) continue;
            const [frame] = taken.splice(step.pick % taken.length, 1);
            frames.release(frame!);
            free.add(frame!);
            continue;
          }
          const size = step.what === 'one' ? 1 : 4;
          const expected = [...free]
            .sort((a, b) => a - b)
            .find(
              (first) =>
                first % size === 0 &&
                Array.from({ length: size }, (_, i) => free.has(first + i)).every(Boolean),
            );
          const found =
            size === 1
              ? frames.allocate(1, frameKind.private)
              : frames.allocateFour(1, frameKind.table);
          expect(found).toBe(expected ?? -1);
          for (let index = 0; found >= 0 && index < size; index++) {
            const address = frameAddress(host, found + index);
            expect(host.bytes.subarray(address, address + 4096).every((byte) => byte === 0)).toBe(
              true,
            );
            host.bytes[address + (step.pick % 4096)] = 255;
            free.delete(found + index);
            taken.push(found + index);
          }
          expect(frames.freeCount()).toBe(free.size);
        }
      },
    ),
    { seed: 1, numRuns: 25 },
  );
});
