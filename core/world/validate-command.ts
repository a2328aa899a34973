/**
 * Whether a command makes sense now: a pure check against what the processes last told. The model checks
 * again when the command takes effect, for the world may have moved on.
 */
import type { Contract, RequestRow } from '../base/contract.ts';
import { findVm, noSuchVm, refuse } from '../mechanisms/find.ts';
import type { LabDefinition } from '../mechanisms/lab.ts';
import { findLab, LABS } from '../mechanisms/labs.ts';
import {
  type Command,
  type MechanismRequest,
  type Refusal,
  requestOf,
} from '../protocol/command.ts';
import type { Scenario, ScenarioBoard } from '../protocol/scenario.ts';
import type { ProcessSnapshot } from '../protocol/snapshot.ts';
import { kindOf } from './process-kinds.ts';
import { findKnobError } from './scenario.ts';
import { sentenceOf } from './world-error.ts';

/** Console input of one command at most. As the console's own queue. */
const TEXT_LENGTH_MAX = 4096;
/** Targets that a refusal names. */
const TARGETS_SHOWN = 20;

/** Why `command` is refused; undefined when it may be logged. */
export function validateCommand(
  scenario: Scenario,
  snapshots: readonly ProcessSnapshot[],
  command: Command,
): Refusal | undefined {
  const contract = findLab(scenario.lab)?.contract;
  switch (command.kind) {
    case 'set-knob': {
      const error = findKnobError(contract?.knobs ?? [], command.knob, command.value);
      return error === undefined ? undefined : { kind: error.kind, sentence: sentenceOf(error) };
    }
    case 'inject-fault':
      return findFaultRefusal(scenario, contract, command);
    case 'console-input':
      if (findVm(snapshots, command.vm) === undefined) return noSuchVm(command.vm);
      if (command.text.length <= TEXT_LENGTH_MAX) return undefined;
      return refuse(
        'too-long',
        `Console input has ${command.text.length} characters; at most ${TEXT_LENGTH_MAX} are taken at once.`,
      );
    default: {
      const request = requestOf(command);
      return request === undefined
        ? undefined
        : findRequestRefusal({ scenario, snapshots }, request);
    }
  }
}

function findFaultRefusal(
  scenario: Scenario,
  contract: Contract | undefined,
  command: { readonly fault: string; readonly target?: string },
): Refusal | undefined {
  const known = (contract?.faults ?? []).map((fault) => fault.id);
  if (!known.includes(command.fault)) {
    return refuse(
      'unknown-fault',
      `There is no fault '${command.fault}'; known are ${known.join(', ') || 'none'}.`,
    );
  }
  const { target } = command;
  if (target === undefined) return undefined;
  const targets = [
    ...scenario.processes.map((it) => `${kindOf(it)}:${it.id}`),
    ...scenario.links.map(({ a, b }) => `link:${Math.min(a, b)}-${Math.max(a, b)}`),
    ...scenario.vms.map(({ id }) => `vm:${id}`),
    ...(scenario.workloads ?? []).map(({ id }) => `workload:${id}`),
  ];
  if (targets.includes(target) || findLab(scenario.lab)?.hasTarget?.(scenario, target)) return undefined;
  const more = targets.length > TARGETS_SHOWN ? ` and ${targets.length - TARGETS_SHOWN} more` : '';
  return refuse(
    'unknown-target',
    `There is no '${target}' for the fault '${command.fault}'; known are ${targets.slice(0, TARGETS_SHOWN).join(', ')}${more}.`,
  );
}

/** The mechanism whose contract has that request, in worlds of this lab. */
export function mechanismFor(scenario: Scenario, request: string): LabDefinition | undefined {
  return LABS.find(
    (lab) =>
      (lab.everywhere || lab.contract.id === scenario.lab) &&
      lab.contract.requests.some((row) => row.id === request),
  );
}

function findRequestRefusal(
  world: { readonly scenario: Scenario; readonly snapshots: readonly ProcessSnapshot[] },
  request: MechanismRequest,
): Refusal | undefined {
  const lab = mechanismFor(world.scenario, request.name);
  const row = lab?.contract.requests.find(({ id }) => id === request.name);
  if (lab === undefined || row === undefined) {
    return refuse('unknown-request', `There is nothing here that does '${request.name}'.`);
  }
  const board = world.scenario.boards?.find(({ vm }) => vm === request.arguments['vm']);
  if (board !== undefined) return bareMetalRefusal(board, request.name);
  const fault = argumentFault(row, request);
  return fault === undefined ? lab.findRefusal(world, request) : refuse('bad-argument', fault);
}

/** Whatever is asked of a mechanism is asked of a hypervisor. */
export function bareMetalRefusal({ name }: ScenarioBoard, request: string): Refusal {
  return refuse('bare-metal', `${name} is bare metal: it has no hypervisor that could do '${request}'.`);
}

/** What is wrong with the form of a request's arguments, as one sentence. */
function argumentFault(row: RequestRow, request: MechanismRequest): string | undefined {
  for (const { id, kind, optional } of row.arguments) {
    const found = request.arguments[id];
    if (found === undefined) {
      if (optional) continue;
      return `'${row.id}' needs the argument '${id}'.`;
    }
    if (kind === 'text') {
      if (typeof found !== 'string')
        return `The argument '${id}' of '${row.id}' must be a text, not ${String(found)}.`;
    } else if (
      typeof found !== 'number' ||
      !Number.isFinite(found) ||
      (kind !== 'number' && !Number.isInteger(found))
    ) {
      return `The argument '${id}' of '${row.id}' must be ${kind === 'number' ? 'a number' : `the number of a ${kind}`}, not '${String(found)}'.`;
    }
  }
  const known = row.arguments.map(({ id }) => id);
  const unknown = Object.keys(request.arguments).find((id) => !known.includes(id));
  return unknown === undefined
    ? undefined
    : `'${row.id}' has no argument '${unknown}'; known are ${known.join(', ')}.`;
}

/** Ids of a lab's baselines, the one to show first at the front. */
export function baselinesOf(lab: string): readonly string[] {
  return findLab(lab)?.contract.baselines.map(({ id }) => id) ?? [];
}

/** The same command as the lab's baselines take it; undefined: it does not exist there. */
export function baselineCommand(scenario: Scenario, command: Command): Command | undefined {
  const lab = findLab(scenario.lab);
  return lab?.forBaseline === undefined ? command : lab.forBaseline(command);
}
