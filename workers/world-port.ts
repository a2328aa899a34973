/**
 * What the adapters ask of a world, so that they know no model: core/world is one, the toys of the tests
 * another. The real one is put together in world.ts.
 */
import type { Result } from '../core/base/result.ts';
import type { SampleRing } from '../core/metrics/sample-ring.ts';
import type { Command, Refusal } from '../core/protocol/command.ts';
import type { ProcessSnapshot } from '../core/protocol/snapshot.ts';
import type { PageShelf } from '../core/sim/checkpoint/part.ts';
import type { LogicalProcess } from '../core/sim/logical-process.ts';

/** A run's mode: with the mechanism, or the baseline that it is shown against. */
export type Mode = 'mechanism' | 'baseline';

/** The part of a scenario that the adapters read; the rest is the world's own. Plain JSON. */
export interface ScenarioFace {
  readonly lab: string;
  readonly mode: Mode;
  readonly baseline: string; // id of the lab's baseline, '' for the mechanism
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>;
  readonly processes: readonly {
    readonly id: number;
    readonly name: string;
    readonly sampleColumns: readonly string[];
    readonly weight?: number; // work beside the others', 1 when missing
  }[];
  readonly links: readonly { readonly a: number; readonly b: number; readonly latencyNs?: number }[];
  readonly speed: number;
}

/** What scenarios are made from. */
export interface ScenarioRequest {
  readonly lab: string;
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>;
  readonly baseline: string; // id of one of the lab's baselines, '' for the mechanism
  readonly guest?: Uint8Array;
  /** Text of a scenario file, in place of a lab's own scenario; seed and knobs over those of the file. */
  readonly file?: string;
  /** What errors call that file: the name that it was opened under. */
  readonly guestName?: string;
}

/** The coordinator's side. `S` is the world's own scenario type. */
export interface Planner<S extends ScenarioFace = ScenarioFace> {
  readonly modelVersion: string;
  /** A scenario, or one sentence that says what was wrong and where. */
  scenarioOf(request: ScenarioRequest): Result<S, Refusal>;
  /** Commands that the scenario itself brings, in order of time. */
  scriptOf(scenario: S): readonly { readonly atNs: number; readonly command: Command }[];
  /** Ids of a lab's baselines, the one to show first at the front; none for what has none. */
  baselinesOf(lab: string): readonly string[];
  /** Why the command would be refused, as far as the snapshots tell. */
  validateCommand(scenario: S, snapshots: readonly ProcessSnapshot[], command: Command): Refusal | undefined;
  /** The command as the baseline takes it; undefined: there is no such thing there. */
  baselineCommand(scenario: S, command: Command): Command | undefined;
}

/** What a host worker builds its processes from. */
export interface BuildOptions<S extends ScenarioFace = ScenarioFace> {
  readonly scenario: S;
  readonly processIds: readonly number[];
  readonly guest?: Uint8Array;
  readonly sampleRings: ReadonlyMap<number, SampleRing>;
  readonly capture: boolean;
  /** Where copies of old checkpoints go when memory is short. */
  readonly shelf?: PageShelf;
}

/** The host worker's side. */
export interface Builder<S extends ScenarioFace = ScenarioFace> {
  buildWorld(options: BuildOptions<S>): LogicalProcess[];
}
