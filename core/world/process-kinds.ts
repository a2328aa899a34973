/** Kinds of processes: hosts and boards, which the world knows itself, and those that a scenario's lab brings. */
import { assert } from '../base/index.ts';
import { findLab } from '../mechanisms/labs.ts';
import type { ProcessKind } from '../mechanisms/node-ports.ts';
import type { Scenario, ScenarioProcess } from '../protocol/scenario.ts';

/** The kind of a process whose row says none. */
export const HOST = 'host';
/** The kind of a bare-metal board. */
export const BOARD = 'board';

export function kindOf(row: ScenarioProcess): string {
  return row.kind ?? HOST;
}

/** The row of a process. */
export function rowOf(scenario: Scenario, id: number): ScenarioProcess {
  const row = scenario.processes.find((it) => it.id === id);
  assert(row !== undefined, `the scenario has a process ${id}`);
  return row;
}

/** What makes processes of that kind; undefined for those that the world knows itself. */
export function findProcessKind(scenario: Scenario, kind: string): ProcessKind | undefined {
  if (kind === HOST || kind === BOARD) return undefined;
  const found = findLab(scenario.lab)?.processKinds?.find((it) => it.kind === kind);
  assert(found !== undefined, `the lab '${scenario.lab}' has processes of the kind '${kind}'`);
  return found;
}

/** Whether frames for others go on through it. */
export function passesOn(scenario: Scenario, row: ScenarioProcess): boolean {
  return findProcessKind(scenario, kindOf(row))?.passesOn ?? false;
}

export function nameOfProcess(scenario: Scenario, id: number): string {
  return scenario.processes.find((it) => it.id === id)?.name ?? `process ${id}`;
}
