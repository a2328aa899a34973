/**
 * What a mechanism's folder exports for the world, as `lab` in its scenario.ts: how its worlds are built, what
 * it checks, how a run is judged, and its share on each host. labs.ts lists them all.
 */
import type { Contract } from '../base/contract.ts';
import type { SampleRows } from '../metrics/index.ts';
import type { Command, LoggedCommand, MechanismRequest, Refusal } from '../protocol/command.ts';
import type { Scenario, ScenarioBoot } from '../protocol/scenario.ts';
import type { ProcessSnapshot } from '../protocol/snapshot.ts';
import type { Attachment, HostPorts } from './host-ports.ts';
import type { ProcessKind } from './node-ports.ts';

/** One check of a judgement: what was looked for is named by `id`, what was seen is in `found`. */
export interface Check {
  readonly id: string;
  readonly holds: boolean;
  readonly found: string;
}

/** What a judgement is made from. `console` and `events` of each snapshot hold everything since the start. */
export interface JudgeOptions {
  readonly scenario: Scenario;
  readonly snapshots: readonly ProcessSnapshot[];
  readonly commands: readonly LoggedCommand[];
  /** Sampled rows of a process, as far back as they are kept; missing: none were kept. */
  readonly samplesOf?: (process: number) => SampleRows | undefined;
}

/** What a lab says of a run, besides what the world says of every run. */
export interface LabFindings {
  /** By metric id of the contract; what was not measured is undefined or missing. */
  readonly metrics: Readonly<Record<string, number | undefined>>;
  readonly checks: readonly Check[];
  readonly outcome: string; // one line
}

/** What a lab's scenario is made from; everything was checked before. */
export interface LabScenarioOptions {
  readonly seed: number;
  /** All knobs of the contract. */
  readonly knobs: Readonly<Record<string, number>>;
  /** Id of one of the contract's baselines, '' for the mechanism itself. */
  readonly baseline: string;
  /** Name of the file that replaces the guest. */
  readonly guestFile?: string | undefined;
  /** What that file boots when it holds several. */
  readonly boot?: ScenarioBoot | undefined;
}

/** See the file's head. */
export interface LabDefinition {
  readonly contract: Contract;
  /** True: a product feature that every host of every world has. False: only hosts of its own lab. */
  readonly everywhere: boolean;
  /** The VM that `--guest` replaces: RAM in pages, vCPUs. */
  readonly guest: { readonly pageCount: number; readonly vcpuCount: number };
  /** Kinds of processes besides hosts that worlds of this lab have. */
  readonly processKinds?: readonly ProcessKind[];
  scenario(options: LabScenarioOptions): Scenario;
  attach(ports: HostPorts): Attachment;
  /** A request of the contract, its arguments of the right kinds: why it is refused as far as is known. */
  findRefusal(
    world: { readonly scenario: Scenario; readonly snapshots: readonly ProcessSnapshot[] },
    request: MechanismRequest,
  ): Refusal | undefined;
  /** Whether a fault may name this target, besides hosts, links, VMs and processes of the scenario: 'machine:4711'. */
  hasTarget?(scenario: Scenario, target: string): boolean;
  /** The command as a baseline world of this lab takes it; undefined: it does not exist there. The same when missing. */
  forBaseline?(command: Command): Command | undefined;
  judge(options: JudgeOptions): LabFindings;
}

/** All knobs of a contract: `given` over the defaults. */
export function allKnobs(
  contract: Contract,
  given: Readonly<Record<string, number>> = {},
): Record<string, number> {
  return { ...Object.fromEntries(contract.knobs.map((knob) => [knob.id, knob.default])), ...given };
}
