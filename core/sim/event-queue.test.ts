// Goal: the queue hands out events in the order of their key and loses none. Method: property test against a sorted array.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SimulationEvent } from './event-queue.ts';
import {
  compareEvents,
  findFirstEvent,
  makeEventQueue,
  peekTime,
  popEvent,
  pushEvent,
  removeEvents,
} from './event-queue.ts';

const keys = fc.array(
  fc.record({ time: fc.nat(20), rank: fc.nat(9), source: fc.integer({ min: -1, max: 3 }) }),
  { maxLength: 200 },
);

function eventsOf(list: readonly { time: number; rank: number; source: number }[]): SimulationEvent[] {
  return list.map((key, sequence) => ({
    timeNs: key.time,
    rank: key.rank,
    source: key.source,
    sequence,
    kind: 'tick',
    arguments: {},
  }));
}

test('at one time and rank the source goes before the sequence', () => {
  const at = (source: number, sequence: number): SimulationEvent => ({
    timeNs: 5,
    rank: 2,
    source,
    sequence,
    kind: 'tick',
    arguments: {},
  });
  expect(compareEvents(at(1, 9), at(2, 3))).toBeLessThan(0);
  expect(compareEvents(at(2, 3), at(2, 4))).toBeLessThan(0);
  expect(compareEvents(at(-1, 9), at(0, 0))).toBeLessThan(0);
});

test('events leave in the order of the key', () => {
  fc.assert(
    fc.property(keys, (list) => {
      const queue = makeEventQueue();
      const events = eventsOf(list);
      for (const event of events) pushEvent(queue, event);
      const sorted = events.toSorted(compareEvents);
      expect(peekTime(queue)).toBe(sorted[0]?.timeNs ?? Number.POSITIVE_INFINITY);
      expect(findFirstEvent(queue)).toBe(sorted[0]);
      for (const event of sorted) expect(popEvent(queue)).toBe(event);
      expect(popEvent(queue)).toBeUndefined();
    }),
  );
});

test('removal keeps the order of the rest, also when pushes and pops are mixed in', () => {
  fc.assert(
    fc.property(keys, fc.nat(9), fc.nat(50), (list, removedRank, popCount) => {
      const queue = makeEventQueue();
      const events = eventsOf(list);
      for (const event of events) pushEvent(queue, event);
      const gone = new Set<SimulationEvent>();
      for (let index = 0; index < popCount; index++) {
        const event = popEvent(queue);
        if (event !== undefined) gone.add(event);
      }
      const rest = events.filter((event) => !gone.has(event)).toSorted(compareEvents);
      const removed = removeEvents(queue, (event) => event.rank === removedRank);
      const kept = rest.filter((event) => event.rank !== removedRank);
      expect(removed).toBe(rest.length - kept.length);
      for (const event of kept) expect(popEvent(queue)).toBe(event);
      expect(popEvent(queue)).toBeUndefined();
    }),
  );
});

test('an event between nanoseconds or before the start is a programmer error', () => {
  const queue = makeEventQueue();
  const event = { rank: 2, source: 0, sequence: 0, kind: 'tick', arguments: {} };
  expect(() => pushEvent(queue, { ...event, timeNs: 1.5 })).toThrow('whole nanosecond');
  expect(() => pushEvent(queue, { ...event, timeNs: -1 })).toThrow('virtual time');
});
