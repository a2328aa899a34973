/**
 * A world of toy processes (toy-process.ts) with the surface that the workers expect of a world: for
 * tests of the coordinator without hosts. Labs: 'ring' (four processes in a ring), 'pair' (two), and
 * 'broken' (cannot be built).
 */
import { SampleHistory } from '../world/sample-history.ts';
import { AssertionError } from '../base/assert.ts';
import type { Result } from '../base/result.ts';
import { err, ok } from '../base/result.ts';
import type { SampleRing } from '../metrics/sample-ring.ts';
import { appendSample } from '../metrics/sample-ring.ts';
import type { Command, Refusal } from '../protocol/command.ts';
import type { ProcessSnapshot } from '../protocol/snapshot.ts';
import { ToyProcess } from './toy-process.ts';

/** The toy's scenario. */
export interface ToyScenario {
  readonly lab: string;
  readonly mode: 'mechanism' | 'baseline';
  readonly baseline: string;
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>;
  readonly processes: readonly { readonly id: number; readonly name: string; readonly sampleColumns: readonly string[] }[];
  readonly links: readonly { readonly a: number; readonly b: number }[];
  readonly speed: number;
}

/** Its baselines: the same ring from other seeds. */
const BASELINES: readonly string[] = ['toy', 'other'];

/** Its planner. Refuses unknown labs, knobs and faults, and a latency out of range. */
export const toyPlanner = {
  modelVersion: 'toy-1',
  scenarioOf(request: {
    readonly lab: string;
    readonly seed: number;
    readonly knobs: Readonly<Record<string, number>>;
    readonly baseline: string;
  }): Result<ToyScenario, Refusal> {
    const { lab, seed, baseline } = request;
    const mode = baseline === '' ? 'mechanism' : 'baseline';
    const count = { ring: 4, pair: 2, broken: 2 }[lab];
    if (count === undefined) return err({ kind: 'unknown-lab', sentence: `There is no lab "${lab}".` });
    const knobs = { latency: 20_000, ...request.knobs };
    const processes = Array.from({ length: count }, (_, id) => ({
      id,
      name: `toy-${id}`,
      sampleColumns: ['sent', 'received'],
    }));
    const links = processes.slice(lab === 'ring' ? 0 : 1).map(({ id }) => ({ a: id, b: (id + 1) % count }));
    return ok({ lab, mode, baseline, seed, knobs, processes, links, speed: 0.05 });
  },
  validateCommand(
    _scenario: ToyScenario,
    _snapshots: readonly ProcessSnapshot[],
    command: Command,
  ): Refusal | undefined {
    if (command.kind === 'set-knob' && command.knob === 'latency' && !(command.value >= 5000)) {
      return { kind: 'out-of-range', sentence: `latency is ${command.value} ns; at least 5000 ns.` };
    }
    if (command.kind === 'migrate') return { kind: 'no-such-vm', sentence: `There is no VM ${command.vm}.` };
    return undefined;
  },
  scriptOf: (): readonly { readonly atNs: number; readonly command: Command }[] => [],
  baselinesOf: (): readonly string[] => BASELINES,
  baselineCommand(_scenario: ToyScenario, command: Command): Command | undefined {
    return command.kind === 'inject-fault' ? undefined : command;
  },
};

function historyOf(ring: SampleRing | undefined): readonly SampleHistory[] {
  return ring === undefined ? [] : [new SampleHistory(ring)];
}

/** Its builder. */
export const toyBuilder = {
  buildWorld(options: {
    readonly scenario: Omit<ToyScenario, never>;
    readonly processIds: readonly number[];
    readonly sampleRings: ReadonlyMap<number, SampleRing>;
  }): ToyProcess[] {
    const { scenario, processIds, sampleRings } = options;
    if (scenario.lab === 'broken') throw new AssertionError('a broken lab cannot be built');
    return processIds.map(
      (id) =>
        new ToyProcess({
          id,
          neighbours: scenario.links.flatMap(({ a, b }) => (a === id ? [b] : b === id ? [a] : [])),
          seed: scenario.seed + 1 + BASELINES.indexOf(scenario.baseline),
          latencyNs: scenario.knobs['latency'] ?? 20_000,
          frameBytesMax: 70_000,
          parts: historyOf(sampleRings.get(id)),
          onSample: (timeNs, values) => {
            const ring = sampleRings.get(id);
            if (ring !== undefined) appendSample(ring, timeNs, values);
          },
        }),
    );
  },
};
