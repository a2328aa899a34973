/**
 * `headless bench rewind`: what time travel costs at the default spacing, on a lab in the middle of a
 * migration with a guest that writes as fast as it can: steps back near the present, journeys to random
 * instants, memory, and how much slower the run is for its checkpoints.
 */
import { makePrng, nextBelow } from '../../core/base/prng.ts';
import type { StartOptions } from '../session-api.ts';
import { startHeadlessRun } from './run-session.ts';
import type { HeadlessRun } from './run-session.ts';

const UNTIL_NS = 2_000_000_000;
const STEP_COUNT = 20;
const JOURNEY_COUNT = 20;

/** One line of the bench. */
export interface RewindLine {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly worst?: number;
}

/** Runs it; undefined when a run could not be started. */
export async function benchRewind(workers: number): Promise<RewindLine[] | undefined> {
  const without = await begin(workers, { checkpointSpacing: Number.MAX_SAFE_INTEGER });
  if (without === undefined) return undefined;
  const bareMs = await timed(() => without.coordinator.advanceTo(UNTIL_NS));
  await without.stop();
  const run = await begin(workers, {});
  if (run === undefined) return undefined;
  const { coordinator } = run;
  const keptMs = await timed(() => coordinator.advanceTo(UNTIL_NS));
  const events: number[] = [];
  const instructions: number[] = [];
  for (let count = 0; count < STEP_COUNT; count++) {
    events.push(await timed(() => coordinator.stepBack('event')));
    instructions.push(await timed(() => coordinator.stepBack('instruction', 1)));
  }
  await coordinator.advanceTo(UNTIL_NS);
  const history = await coordinator.history();
  const random = makePrng({ seed: 1, stream: 0 });
  const journeys: number[] = [];
  for (let count = 0; count < JOURNEY_COUNT; count++) {
    const targetNs = nextBelow(random, UNTIL_NS);
    journeys.push(await timed(() => coordinator.rewindTo(targetNs)));
    await coordinator.advanceTo(UNTIL_NS);
  }
  await run.stop();
  return [
    { name: 'step back by an event', unit: 'ms', ...summary(events) },
    { name: 'step back by an instruction', unit: 'ms', ...summary(instructions) },
    { name: 'journey to a random instant', unit: 'ms', ...summary(journeys) },
    { name: 'checkpoints kept', value: history?.checkpoints.length ?? 0, unit: 'checkpoints' },
    { name: 'memory of checkpoints', value: (history?.checkpointBytes ?? 0) / 2 ** 20, unit: 'MiB' },
    { name: 'run without checkpoints', value: bareMs, unit: 'ms' },
    { name: 'run with checkpoints', value: keptMs, unit: 'ms' },
  ];
}

async function begin(workers: number, changes: Partial<StartOptions>): Promise<HeadlessRun | undefined> {
  const begun = await startHeadlessRun(
    {
      lab: 'precopy-migration', seed: 1, knobs: { 'dirty-rate': 200_000, bandwidth: 1e9 },
      playing: false, speed: Number.POSITIVE_INFINITY, workerCount: workers, ...changes,
    },
    { inline: false },
  );
  if (!begun.ok) return undefined;
  await begun.value.coordinator.command({ kind: 'migrate', vm: 1, to: 1 }, 1_700_000_000);
  return begun.value;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganAtMs = performance.now();
  await work();
  return performance.now() - beganAtMs;
}

/** Median and worst. */
function summary(times: readonly number[]): { readonly value: number; readonly worst: number } {
  const sorted = times.toSorted((left, right) => left - right);
  return { value: sorted[sorted.length >> 1]!, worst: sorted.at(-1)! };
}
