/**
 * Event queue of one logical process: a binary heap ordered by (timeNs, rank, source, sequence).
 * Events are data, so a queue can be saved; the key is total, so no two orders are possible.
 * What an event means is the business of whoever pops it.
 */
import { assert } from '../base/assert.ts';

/** What an event carries: plain values and bytes, no functions and no references into the model. */
export type EventArguments = Readonly<Record<string, number | string | boolean | Uint8Array>>;

/** A thing that happens at an instant of virtual time. (timeNs, rank, source, sequence) is unique in a queue. */
export interface SimulationEvent {
  readonly timeNs: number;
  readonly rank: number; //     see rank.ts
  readonly source: number; //   process that caused it; −1 for the command log
  readonly sequence: number; // per source, increasing
  readonly kind: string; //     'link-arrival', 'precopy.round' …
  readonly arguments: EventArguments;
}

/** The heap: `events[0]` is the least, children of i are 2i + 1 and 2i + 2. */
export interface EventQueue {
  readonly events: SimulationEvent[];
}

/** Most events that one process may have waiting; more is a leak in the model. */
const EVENT_COUNT_MAX = 4_000_000;

/** An empty queue. */
export function makeEventQueue(): EventQueue {
  return { events: [] };
}

/** Negative when `left` happens before `right`, 0 only for the same key. */
export function compareEvents(left: SimulationEvent, right: SimulationEvent): number {
  return (
    left.timeNs - right.timeNs ||
    left.rank - right.rank ||
    left.source - right.source ||
    left.sequence - right.sequence
  );
}

/** Adds `event`. O(log n). */
export function pushEvent(queue: EventQueue, event: SimulationEvent): void {
  assert(event.timeNs >= 0 && event.timeNs < Number.MAX_SAFE_INTEGER, 'an event has a virtual time');
  assert(Number.isInteger(event.timeNs), 'an event happens at a whole nanosecond');
  const events = queue.events;
  assert(events.length < EVENT_COUNT_MAX, 'the event queue does not leak');
  let index = events.length;
  events.push(event);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = events[parent]!;
    if (compareEvents(above, event) <= 0) break;
    events[index] = above;
    index = parent;
  }
  events[index] = event;
}

/** Time of the least event, Infinity for an empty queue. Unit: ns. */
export function peekTime(queue: EventQueue): number {
  const first = queue.events[0];
  return first === undefined ? Number.POSITIVE_INFINITY : first.timeNs;
}

/** The least event without removing it. */
export function findFirstEvent(queue: EventQueue): SimulationEvent | undefined {
  return queue.events[0];
}

/** Removes and returns the least event, undefined for an empty queue. O(log n). */
export function popEvent(queue: EventQueue): SimulationEvent | undefined {
  const events = queue.events;
  const first = events[0];
  const last = events.pop();
  if (first === undefined || last === undefined || events.length === 0) return first;
  sink(events, 0, last);
  return first;
}

/** Removes every event for which `matches` holds and says how many they were. O(n). */
export function removeEvents(
  queue: EventQueue,
  matches: (event: SimulationEvent) => boolean,
): number {
  const events = queue.events;
  const kept = events.filter((event) => !matches(event));
  const removedCount = events.length - kept.length;
  if (removedCount === 0) return 0;
  events.length = 0;
  for (const event of kept) events.push(event);
  for (let index = (events.length >> 1) - 1; index >= 0; index--) sink(events, index, events[index]!);
  return removedCount;
}

/** Puts `event` into the subtree at `index`, whose root is free, and restores the heap's order. */
function sink(events: SimulationEvent[], start: number, event: SimulationEvent): void {
  const count = events.length;
  let index = start;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= count) break;
    if (child + 1 < count && compareEvents(events[child + 1]!, events[child]!) < 0) child++;
    const below = events[child]!;
    if (compareEvents(event, below) <= 0) break;
    events[index] = below;
    index = child;
  }
  events[index] = event;
}
