// Goal: the typed kernel takes events in exactly the order of their keys, whatever is scheduled, cancelled, saved and
// put back in between. Method: random actions against a list that is sorted anew at every step, with many ties, within a slot of
// the wheel, over some slots, and many turns of the wheel away.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashHex, makeHash } from '../base/hash.ts';
import { EventKernel, type EventHandle } from './event-kernel.ts';

interface Expected {
  readonly timeNs: number;
  readonly rank: number;
  readonly source: number;
  readonly sequence: number;
  readonly tag: number;
  readonly handle: EventHandle;
}

/** The sorted reference: all of the key, nothing clever. */
function inOrder(events: readonly Expected[]): Expected[] {
  return events.toSorted(
    (left, right) =>
      left.timeNs - right.timeNs || left.rank - right.rank || left.source - right.source || left.sequence - right.sequence,
  );
}

/** A slot of the wheel is 2^28 ns, a turn 2^36. */
const delay = fc.oneof(
  { weight: 4, arbitrary: fc.nat(4) },
  { weight: 2, arbitrary: fc.nat(6).map((it) => it * 2 ** 27) },
  { weight: 1, arbitrary: fc.nat(9).map((it) => it * 2 ** 35) },
  { weight: 1, arbitrary: fc.nat(2).map((it) => it * 2 ** 44) },
);

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('own' as const), delay, rank: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('foreign' as const), delay, rank: fc.nat(3), source: fc.integer({ min: -1, max: 4 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('take' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('save' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('back' as const) }) },
);

class Trial {
  readonly kernel = new EventKernel(2, 4); // grows soon
  waiting: Expected[] = [];
  gone: EventHandle[] = [];
  nowNs = 0;
  sequences = [0, 0, 0, 0, 0, 0, 0];
  tag = 0;
  saved = { kernel: this.kernel.save(), waiting: this.waiting, gone: this.gone, nowNs: 0, sequences: [...this.sequences] };

  add(delay: number, rank: number, source: number): void {
    const timeNs = this.nowNs + delay;
    const sequence = this.sequences[source + 1]!++;
    const tag = this.tag++;
    const handle =
      source === 2
        ? this.kernel.schedule(timeNs, rank, 7, tag, tag + 1)
        : this.kernel.scheduleForeign(timeNs, rank, source, sequence, 7, tag, tag + 1);
    this.waiting = [...this.waiting, { timeNs, rank, source, sequence, tag, handle }];
  }

  take(): void {
    const [first, ...rest] = inOrder(this.waiting);
    expect(this.kernel.nextTimeNs()).toBe(first?.timeNs ?? Number.POSITIVE_INFINITY);
    if (first === undefined) {
      expect(this.kernel.next(Number.MAX_SAFE_INTEGER)).toBe(false);
      return;
    }
    expect(this.kernel.next(first.timeNs)).toBe(false); // strictly before
    expect(this.kernel.next(first.timeNs + 1)).toBe(true);
    const { eventTimeNs, eventRank, eventSource, eventSequence, eventKind, eventA, eventB } = this.kernel;
    expect([eventTimeNs, eventRank, eventSource, eventSequence]).toEqual([first.timeNs, first.rank, first.source, first.sequence]);
    expect([eventKind, eventA, eventB]).toEqual([7, first.tag, first.tag + 1]);
    this.nowNs = first.timeNs;
    this.waiting = rest;
    this.gone = [...this.gone, first.handle];
  }

  cancel(which: number): void {
    for (const handle of this.gone) expect(this.kernel.cancel(handle)).toBe(false);
    const found = this.waiting[which % Math.max(1, this.waiting.length)];
    if (found === undefined) return;
    expect(this.kernel.cancel(found.handle)).toBe(true);
    expect(this.kernel.cancel(found.handle)).toBe(false);
    this.waiting = this.waiting.filter((it) => it !== found);
    this.gone = [...this.gone, found.handle];
  }

  save(): void {
    const { waiting, gone, nowNs, sequences } = this;
    this.saved = { kernel: this.kernel.save(), waiting, gone, nowNs, sequences: [...sequences] };
  }

  back(): void {
    const { kernel, waiting, gone, nowNs, sequences } = this.saved;
    this.kernel.restore(kernel);
    Object.assign(this, { waiting, gone, nowNs, sequences: [...sequences] });
  }
}

test('the order is that of the sorted keys, with ties, cancellations and journeys back', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
      const trial = new Trial();
      for (const it of actions) {
        if (it.kind === 'own') trial.add(it.delay, it.rank, 2);
        else if (it.kind === 'foreign') trial.add(it.delay, it.rank, it.source);
        else if (it.kind === 'take') trial.take();
        else if (it.kind === 'cancel') trial.cancel(it.which);
        else if (it.kind === 'save') trial.save();
        else trial.back();
        expect(trial.kernel.pendingCount()).toBe(trial.waiting.length);
      }
      while (trial.waiting.length > 0) trial.take();
    }),
    { numRuns: 200 },
  );
});

test('saved and put back at each step, in another kernel, a run gives the same hash', () => {
  const run = (hops: boolean): string => {
    let kernel = new EventKernel(0, 16);
    for (let index = 0; index < 200; index++) kernel.schedule(index % 17, index % 3, index % 5, index, 0);
    const hash = makeHash();
    const cancelled: EventHandle[] = [];
    for (let step = 0; step < 600; step++) {
      kernel.next(Number.MAX_SAFE_INTEGER);
      kernel.hashEvent(hash);
      const { eventTimeNs, eventKind, eventA } = kernel;
      const handle = kernel.schedule(eventTimeNs + ((eventA * 7) % 13), eventA % 3, eventKind, eventA + 1, step);
      if (step % 4 === 0) cancelled.push(handle);
      if (step % 9 === 0) for (const it of cancelled.splice(0)) kernel.cancel(it);
      if (kernel.pendingCount() < 20) for (let more = 0; more < 50; more++) kernel.schedule(eventTimeNs + more, 1, 2, more, step);
      if (!hops) continue;
      const other = new EventKernel(0, 4);
      other.restore(kernel.save());
      kernel = other;
    }
    return `${hashHex(hash)} ${kernel.dispatched}`;
  };
  expect(run(true)).toBe(run(false));
});

test('cancelled events do not pile up', () => {
  const kernel = new EventKernel(0, 8);
  kernel.schedule(1e9, 0, 0, 0, 0);
  for (let index = 0; index < 100_000; index++) kernel.cancel(kernel.schedule(1e6 + index, 0, 1, index, 0));
  expect(kernel.pendingCount()).toBe(1);
  expect(kernel.save().rows.length / 8).toBeLessThan(1024);
  for (let index = 0; index < 100_000; index++) kernel.cancel(kernel.schedule(1e12 + index * 1e9, 0, 1, index, 0));
  expect(kernel.pendingCount()).toBe(1);
  expect(kernel.save().rows.length / 8).toBeLessThan(1024);
  expect(kernel.nextTimeNs()).toBe(1e9);
});

test('canary: another order of two ties is another hash', () => {
  const hashOf = (ranks: readonly number[]): string => {
    const kernel = new EventKernel(0, 4);
    const hash = makeHash();
    for (const [index, it] of ranks.entries()) kernel.schedule(5, it, 1, index, 0);
    while (kernel.next(6)) kernel.hashEvent(hash);
    return hashHex(hash);
  };
  expect(hashOf([1, 2])).not.toBe(hashOf([2, 1]));
});
