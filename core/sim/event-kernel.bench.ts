/**
 * How fast the event queues are in the hold model (Jones 1986): with N events waiting, take the next one and
 * schedule another after a random time, again and again. The typed kernel and the heap of objects are measured in
 * turns in the same run, with the same times, so that what else the machine does falls on both. Uniform increments;
 * the kernel also with every event mixed into a hash, as a pod of hosts does. Called by `bench events`.
 */
import { makeHash } from '../base/hash.ts';
import { makePrng, nextUint32, type Prng } from '../base/prng.ts';
import { EventKernel } from './event-kernel.ts';
import { makeEventQueue, popEvent, pushEvent } from './event-queue.ts';
import { rank } from './rank.ts';

/** One row: N, and millions of events a second, medians of several rounds. */
export interface EventMeasurement {
  readonly pending: number;
  readonly kernel: number;
  readonly kernelHashed: number;
  readonly objects: number;
}

/** Events that wait, row by row. */
export const HOLD_SIZES = [1_000, 3_000, 10_000, 30_000, 100_000] as const;

const ROUNDS = 7;
const EVENTS_PER_ROUND = 400_000;
const KIND = 1;

/** Times between events: 1 … 2^20 ns, drawn beforehand so that chance is not what is measured. */
function drawIncrements(prng: Prng): Float64Array {
  return Float64Array.from({ length: 1 << 16 }, () => 1 + (nextUint32(prng) >>> 12));
}

/** Measures all sizes; takes about ten seconds. `clockMs`: processor time of this thread, or wall time. */
export function benchmarkEvents(clockMs: () => number, sizes: readonly number[] = HOLD_SIZES): EventMeasurement[] {
  const increments = drawIncrements(makePrng({ seed: 1, stream: 6 }));
  return sizes.map((pending) => {
    const works = [
      holdKernel(pending, increments, false),
      holdKernel(pending, increments, true),
      holdObjects(pending, increments),
    ] as const;
    const times: number[][] = works.map(() => []);
    for (const work of works) work(Math.max(EVENTS_PER_ROUND, 3 * pending)); // warm-up
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, work] of works.entries()) {
        const start = clockMs();
        work(EVENTS_PER_ROUND);
        times[index]!.push(clockMs() - start);
      }
    }
    const [kernel, kernelHashed, objects] = times.map((list) => {
      return EVENTS_PER_ROUND / list.sort((left, right) => left - right)[ROUNDS >> 1]! / 1000;
    });
    return { pending, kernel: kernel!, kernelHashed: kernelHashed!, objects: objects! };
  });
}

function holdKernel(pending: number, increments: Float64Array, hashed: boolean) {
  const kernel = new EventKernel(0, pending);
  const hash = makeHash();
  let at = 0;
  const increment = () => increments[at++ & 0xffff]!;
  for (let index = 0; index < pending; index++) kernel.schedule(increment(), rank.timer, KIND, index, 0);
  return (count: number) => {
    for (let index = 0; index < count; index++) {
      kernel.next(Number.MAX_SAFE_INTEGER);
      if (hashed) kernel.hashEvent(hash);
      kernel.schedule(kernel.eventTimeNs + increment(), rank.timer, KIND, kernel.eventA, kernel.eventB);
    }
  };
}

function holdObjects(pending: number, increments: Float64Array) {
  const queue = makeEventQueue();
  let at = 0;
  let sequence = 0;
  const increment = () => increments[at++ & 0xffff]!;
  const push = (timeNs: number, a: number, b: number) =>
    pushEvent(queue, { timeNs, rank: rank.timer, source: 0, sequence: sequence++, kind: 'hold', arguments: { a, b } });
  for (let index = 0; index < pending; index++) push(increment(), index, 0);
  return (count: number) => {
    for (let index = 0; index < count; index++) {
      const event = popEvent(queue);
      if (event === undefined) return;
      push(event.timeNs + increment(), Number(event.arguments['a']), Number(event.arguments['b']));
    }
  };
}
