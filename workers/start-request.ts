/**
 * What is checked before a run starts: numbers in range, a scenario for each lane, a log that can be replayed.
 * A refusal leaves the run that is there alone.
 */
import type { Result } from '../core/base/result.ts';
import { err, ok } from '../core/base/result.ts';
import type { LoggedCommand, Refusal } from '../core/protocol/command.ts';
import { readCommandLog, sentenceOfCommandLogError } from '../core/sim/command-log.ts';
import { WORKER_COUNT_MAX } from './run-plan.ts';
import type { BaselineChoice, Lane, StartOptions } from './session-api.ts';
import type { Planner, ScenarioFace } from './world-port.ts';

/** Most baselines beside a run: each is a world of its own, with memories as large as the run's. */
const BASELINE_COUNT_MAX = 4;

/** A scenario for the run itself and one for each baseline beside it. */
export interface LaneScenarios<S extends ScenarioFace> {
  readonly main: S;
  readonly baselines: readonly { readonly id: Lane; readonly scenario: S }[];
}

/** The scenarios of all lanes, or one sentence about what is wrong. */
export function scenariosOf<S extends ScenarioFace>(
  planner: Planner<S>,
  options: StartOptions,
): Result<LaneScenarios<S>, Refusal> {
  const { lab, seed, knobs, workerCount = 1 } = options;
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff) {
    return err({ kind: 'bad-seed', sentence: `The seed is ${seed}; it must be a whole number from 0 to 4294967295.` });
  }
  if (!Number.isInteger(workerCount) || workerCount < 1 || workerCount > WORKER_COUNT_MAX) {
    return err({ kind: 'bad-workers', sentence: `The number of workers is ${workerCount}; it must be from 1 to ${WORKER_COUNT_MAX}.` });
  }
  const { checkpointSpacing = 1, checkpointBytesMax = 1 } = options;
  if (!(checkpointSpacing >= 1) || !(checkpointBytesMax >= 0)) {
    return err({ kind: 'bad-checkpoints', sentence: `Checkpoints are ${checkpointSpacing} instructions apart and take ${checkpointBytesMax} bytes; the first must be 1 or more, the second 0 or more.` });
  }
  if (options.speed !== undefined && !(options.speed > 0)) {
    return err({ kind: 'bad-speed', sentence: `The speed is ${options.speed}; it must be above 0.` });
  }
  const guest =
    options.guest === undefined
      ? {}
      : { guest: options.guest.bytes, guestName: options.guest.name };
  const file = options.scenario === undefined ? {} : { file: options.scenario };
  const asked = { lab, seed, knobs, ...guest, ...file };
  const main = planner.scenarioOf({ ...asked, baseline: '' });
  if (!main.ok) return main;
  const refusal = findLogRefusal(planner, main.value, options.log ?? []);
  if (refusal !== undefined) return err(refusal);
  const chosen = chooseBaselines(planner.baselinesOf(main.value.lab), main.value.lab, options.baselines ?? []);
  if (!chosen.ok) return chosen;
  const baselines: { id: Lane; scenario: S }[] = [];
  for (const id of chosen.value) {
    const made = planner.scenarioOf({ ...asked, baseline: id });
    if (!made.ok) return made;
    baselines.push({ id, scenario: made.value });
  }
  return ok({ main: main.value, baselines });
}

/** The ids of a choice: each once, each one that the lab has. */
function chooseBaselines(
  known: readonly string[],
  lab: string,
  choice: BaselineChoice,
): Result<readonly string[], Refusal> {
  if (choice === 'all') return ok(known.slice(0, BASELINE_COUNT_MAX));
  const ids = [...new Set(choice)];
  const unknown = ids.find((id) => !known.includes(id));
  if (unknown !== undefined) {
    const there = known.length === 0 ? 'it has none' : `known are ${known.join(', ')}`;
    return err({ kind: 'unknown-baseline', sentence: `The lab '${lab}' has no baseline '${unknown}'; ${there}.` });
  }
  return ok(ids);
}

/** What is wrong with a log that is to be replayed; what depends on the moment is for the model to refuse. */
function findLogRefusal<S extends ScenarioFace>(
  planner: Planner<S>,
  scenario: S,
  log: readonly LoggedCommand[],
): Refusal | undefined {
  const read = readCommandLog(log);
  if (!read.ok) return { kind: 'bad-log', sentence: sentenceOfCommandLogError(read.error) };
  for (const { command, sequence } of read.value.entries) {
    if (command.kind !== 'set-knob' && command.kind !== 'inject-fault') continue;
    const refusal = planner.validateCommand(scenario, [], command);
    if (refusal === undefined) continue;
    const sentence = `Entry ${sequence} of the command log: ${refusal.sentence}`;
    return { kind: refusal.kind, sentence };
  }
  return undefined;
}
