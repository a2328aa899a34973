/**
 * Random schedules for replication gateways: a small world of two sites in which churn changes, workloads are moved,
 * everything that may fail fails, and at last the writers rest. Then every recovery volume must be the production
 * volume, byte for byte; and whenever a set was applied, it left the bytes that had been sealed.
 */
import { assert, makePrng, nextBelow, type Prng } from '../base/index.ts';
import { allKnobs } from '../mechanisms/lab.ts';
import { contract } from '../mechanisms/gateway-balancer/contract.ts';
import { numbersOf, type SitesPlan, sitesScenario } from '../mechanisms/gateway-balancer/scenario.ts';
import { ProductionSite } from '../mechanisms/gateway-balancer/site.ts';
import type { ProtectedWorkload } from '../mechanisms/gateway-balancer/protected-workload.ts';
import { RecoverySite } from '../mechanisms/gateway-balancer/recovery-site.ts';
import type { Command } from '../protocol/command.ts';
import type { SparseContent } from '../workload/sparse-content.ts';
import { NodeProcess } from '../world/node-process.ts';
import { WorldRun } from './run-world.ts';

const MS = 1_000_000;
/** Longest time that a world may take until nothing is on its way any more. Unit: ns. */
const REST_NS = 90_000 * MS;

/** The small world of the trials. */
export const TRIAL_PLAN: SitesPlan = {
  gatewaysPerSite: 3,
  workloads: [
    { name: 'a', churn: 9, gateway: 0 },
    { name: 'b', churn: 6, gateway: 0 },
    { name: 'c', churn: 4, gateway: 1 },
    { name: 'd', churn: 2, gateway: 2 },
  ],
  volumeBytes: 16 * 4096,
  isSeeded: true,
  bytesPerUnit: 10_000,
};

/** Knobs of the trials: short epochs and seals, so that much happens in little time. */
export const TRIAL_KNOBS = { epoch: 200 * MS, 'seal-interval': 100 * MS, 'cool-down': 1, 'gateway-capacity': 120_000, 'staging-capacity': 400_000, 'rpo-target': 1_000 * MS };

/** A world of that plan. */
export function trialRun(options: { readonly seed: number; readonly knobs?: Readonly<Record<string, number>>; readonly plan?: Partial<SitesPlan>; readonly baseline?: string }): WorldRun {
  const knobs = allKnobs(contract, { ...TRIAL_KNOBS, ...options.knobs });
  const scenario = sitesScenario({ ...TRIAL_PLAN, ...options.plan }, { seed: options.seed, knobs, baseline: options.baseline ?? '' });
  return new WorldRun({ scenario });
}

/** A part of the world by its class. */
function partOf<Part>(run: WorldRun, isPart: (part: unknown) => part is Part): Part {
  for (const it of run.all) if (it instanceof NodeProcess && isPart(it.part)) return it.part;
  assert(false, 'the world has such a process');
}

export function siteOf(run: WorldRun): ProductionSite {
  return partOf(run, (part) => part instanceof ProductionSite);
}

export function recoveryOf(run: WorldRun): RecoverySite {
  return partOf(run, (part) => part instanceof RecoverySite);
}

/** Lets the writers rest, and runs until everything has been shipped; false when that never comes. */
export function comeToRest(run: WorldRun): boolean {
  run.command(run.now(), { kind: 'set-knob', knob: 'churn', value: 0 });
  const untilNs = run.now() + REST_NS;
  while (run.now() < untilNs) {
    run.runTo(run.now() + 250 * MS);
    const { replicas } = recoveryOf(run);
    // Who was failed over without its site's knowing is told in the end.
    const isUnderWay = (it: ProtectedWorkload) => it.isMoving || it.tap.mode !== 'streaming' || !it.tap.changedBlocks().isEmpty() || replicas.get(it.id)?.volume.promoted === true;
    const waiting = [...siteOf(run).workloads.values()].some((it) => it.isReplicating() && isUnderWay(it));
    if (!waiting) return true;
  }
  return false;
}

function allOf(content: SparseContent): Uint8Array {
  return content.read(0, content.byteCount);
}

/** Position of the first byte that differs, −1 = none. Both have one length. */
function firstDifference(left: Uint8Array, right: Uint8Array): number {
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return at;
  return -1;
}

/**
 * Copies a production volume at each of its seals. When the workload is failed over, the recovery volume must be the copy
 * of the sequence that it stands at, byte for byte; after a planned fail-over also what the production volume is now.
 */
class FailOverWatch {
  count = 0;
  fault = '';
  private readonly sealed = new Map<number, Uint8Array>();

  constructor(run: WorldRun, workload: ProtectedWorkload, isPlanned: boolean) {
    const { tap, content } = workload;
    const replica = recoveryOf(run).replicas.get(workload.id);
    assert(replica !== undefined, 'each workload has a replica');
    const { volume } = replica;
    this.sealed.set(0, allOf(content));
    const seal = tap.seal.bind(tap);
    tap.seal = (now) => {
      const isSealed = seal(now);
      if (isSealed) this.sealed.set(tap.nextSequence - 1, allOf(content));
      return isSealed;
    };
    let promoted = false;
    Object.defineProperty(volume, 'promoted', {
      get: () => promoted,
      set: (value: boolean) => {
        if (value && !promoted) this.onPromoted(volume.applied, allOf(replica.content), isPlanned ? allOf(content) : undefined);
        promoted = value;
      },
    });
  }

  private onPromoted(sequence: number, found: Uint8Array, production: Uint8Array | undefined): void {
    this.count++;
    const copy = this.sealed.get(sequence);
    const at = copy === undefined ? 0 : firstDifference(copy, found);
    if (at >= 0) this.fault = `what was failed over differs at byte ${at} from sequence ${sequence}`;
    else if (production !== undefined && firstDifference(production, found) >= 0) this.fault = 'a planned fail-over lost something';
  }
}

/** The first difference between the two sites; undefined when every byte agrees. */
export function findDifference(run: WorldRun): string | undefined {
  const { replicas } = recoveryOf(run);
  for (const workload of siteOf(run).workloads.values()) {
    const replica = replicas.get(workload.id);
    assert(replica !== undefined, 'each workload has a replica');
    if (replica.volume.mismatches > 0) return `workload ${workload.id}: ${replica.volume.mismatches} sets left other bytes than were sealed`;
    if (!workload.isReplicating() || replica.volume.promoted) continue;
    const at = firstDifference(allOf(workload.content), allOf(replica.content));
    if (at >= 0) return `workload ${workload.id} differs at byte ${at} (sequence ${replica.volume.applied} of ${workload.tap.nextSequence - 1})`;
  }
  return undefined;
}

/** Everything that a schedule may do at a moment. */
function randomCommand(random: Prng, plan: SitesPlan): Command {
  const at = numbersOf(plan);
  const gateway = () => {
    const index = nextBelow(random, plan.gatewaysPerSite);
    return nextBelow(random, 3) === 0 ? at.recoveryGateway(index) : at.primaryGateway(index);
  };
  const workload = () => 1 + nextBelow(random, plan.workloads.length);
  const fault = (id: string, target: string): Command => ({ kind: 'inject-fault', fault: id, target });
  const choice = nextBelow(random, 24);
  if (choice < 6) return { kind: 'ask', ask: 're-home', arguments: { workload: workload(), gateway: gateway() } };
  if (choice < 10) return fault('gateway-crash', `gateway:${gateway()}`);
  if (choice < 12) return { kind: 'inject-fault', fault: 'crash-mid-move' };
  if (choice < 14) return { kind: 'set-knob', knob: 'churn', value: nextBelow(random, 61) * 5 };
  if (choice < 15) return fault('site-power', `site:${at.site}`);
  if (choice < 17) return { kind: 'inject-fault', fault: nextBelow(random, 2) === 0 ? 'wan-cut' : 'wan-burst' };
  if (choice < 18) return fault('staging-full', `gateway:${gateway()}`);
  if (choice < 19) return fault('stale-score', `gateway:${gateway()}`);
  if (choice < 20) return fault('bad-score', `gateway:${gateway()}`);
  if (choice < 21) return fault('churn-burst', `workload:${workload()}`);
  if (choice < 22) return fault('recovery-overload', `gateway:${at.recoveryGateway(nextBelow(random, plan.gatewaysPerSite))}`);
  if (choice < 23) return { kind: 'set-knob', knob: 'wan-loss', value: nextBelow(random, 3) };
  return { kind: 'set-knob', knob: 'balancing', value: nextBelow(random, 2) };
}

/** What a random schedule came to. */
export interface TrialOutcome {
  readonly seed: number;
  /** '' when everything held. */
  readonly fault: string;
  readonly moves: number;
  readonly failedMoves: number;
  readonly appliedSets: number;
  readonly repeatedSets: number;
  readonly refusedSets: number;
  readonly crashes: number;
  readonly resyncBlocks: number;
  readonly unplannedFailOvers: number;
  readonly plannedFailOvers: number;
}

interface Trial {
  readonly run: WorldRun;
  readonly plan: SitesPlan;
  /** Ascending. */
  readonly commands: readonly { readonly atNs: number; readonly command: Command }[];
  readonly failOver: { readonly workload: number; readonly isPlanned: boolean } | undefined;
}

/** World and commands of that seed. */
function makeTrial(seed: number, mayFailOver: boolean): Trial {
  const random = makePrng({ seed, stream: 77 });
  const base: SitesPlan = { ...TRIAL_PLAN, isSeeded: nextBelow(random, 4) > 0, gatewaysPerSite: 2 + nextBelow(random, 2) };
  const plan = { ...base, workloads: base.workloads.map((it) => ({ ...it, gateway: nextBelow(random, base.gatewaysPerSite) })) };
  const run = trialRun({ seed, plan, knobs: { 'wan-loss': nextBelow(random, 2) } });
  const commands: { atNs: number; command: Command }[] = [];
  const count = 3 + nextBelow(random, 8);
  let timeNs = 0;
  for (let index = 0; index < count; index++) {
    timeNs += 20 * MS + nextBelow(random, 400 * MS);
    commands.push({ atNs: timeNs, command: randomCommand(random, plan) });
  }
  // A kill for good, of one of three: the others must do.
  if (plan.gatewaysPerSite > 2 && nextBelow(random, 5) === 0) {
    commands.push({ atNs: timeNs + 1, command: { kind: 'inject-fault', fault: 'gateway-death', target: `gateway:${1 + nextBelow(random, plan.gatewaysPerSite)}` } });
    commands.push({ atNs: timeNs + 2, command: { kind: 'set-knob', knob: 'balancing', value: 1 } });
  }
  // In every second schedule a workload is failed over at any moment of it, mostly at once.
  const fails = mayFailOver && nextBelow(random, 2) === 0;
  const failOver = fails ? { workload: 1 + nextBelow(random, plan.workloads.length), isPlanned: nextBelow(random, 3) === 0 } : undefined;
  if (failOver !== undefined) {
    const ask = failOver.isPlanned ? 'fail-over-planned' : 'fail-over-unplanned';
    commands.push({ atNs: 1 + nextBelow(random, timeNs), command: { kind: 'ask', ask, arguments: { workload: failOver.workload } } });
  }
  return { run, plan, commands: commands.toSorted((left, right) => left.atNs - right.atNs), failOver };
}

/** Runs the schedule of that seed. `spoil` may break something in the world, for canaries. */
export function runGatewayTrial(seed: number, options: { readonly spoil?: (run: WorldRun) => void; readonly mayFailOver?: boolean } = {}): TrialOutcome {
  const { run, commands, failOver } = makeTrial(seed, options.mayFailOver ?? true);
  const site = siteOf(run);
  const watch = failOver === undefined ? undefined : new FailOverWatch(run, site.workloads.get(failOver.workload)!, failOver.isPlanned);
  options.spoil?.(run);
  for (const { atNs, command } of commands) run.command(atNs, command);
  run.runTo(commands.at(-1)!.atNs + 100 * MS);
  run.command(run.now(), { kind: 'set-knob', knob: 'wan-loss', value: 0 });
  const rested = comeToRest(run);
  const volumes = [...recoveryOf(run).replicas.values()].map(({ volume }) => volume);
  const sum = (of: (volume: (typeof volumes)[number]) => number) => volumes.reduce((total, it) => total + of(it), 0);
  const failOvers = watch?.count ?? 0;
  return {
    seed,
    fault: findDifference(run) ?? (watch !== undefined && watch.fault !== '' ? watch.fault : rested ? '' : 'it never came to rest'),
    moves: site.moves.doneCount,
    failedMoves: site.moves.failedCount,
    appliedSets: sum((it) => it.appliedSets),
    repeatedSets: sum((it) => it.repeatedSets),
    refusedSets: sum((it) => it.refusedSets),
    crashes: run.snapshots().reduce((total, it) => total + it.events.filter(({ kind }) => kind === 'boot').length, 0),
    resyncBlocks: [...site.workloads.values()].reduce((total, it) => total + it.tap.resyncBlocks, 0),
    unplannedFailOvers: failOver?.isPlanned === false ? failOvers : 0,
    plannedFailOvers: failOver?.isPlanned === true ? failOvers : 0,
  };
}
