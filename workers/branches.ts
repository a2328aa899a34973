/**
 * The branches of a run: a command given in the past leaves the future that was, which keeps its name and its
 * log and can be returned to by replay. Checkpoints are kept for the branch that runs only.
 */
import { assert } from '../core/base/assert.ts';
import type { LoggedCommand } from '../core/protocol/command.ts';

/** One course that a run took. The first is 0. */
export interface Branch {
  readonly id: number;
  readonly parent: number; //  −1 for the first
  readonly forkNs: number; //  from here on it differs from its parent
  readonly endNs: number; //   how far it has run
  readonly log: readonly LoggedCommand[]; // from the start of the run, also what is still to come
}

/** Most branches that are kept; the oldest that is nobody's present goes first. */
const BRANCH_COUNT_MAX = 64;

/** See the file's head. */
export class Branches {
  readonly #left = new Map<number, Branch>();
  #current = { id: 0, parent: -1, forkNs: 0 };
  #nextId = 1;
  #furthestNs = 0;

  /** Id of the branch that runs. */
  current(): number {
    return this.#current.id;
  }

  /** How far the present branch has run. Unit: ns. */
  furthestNs(): number {
    return this.#furthestNs;
  }

  /** The present branch has run to a time. */
  reach(timeNs: number): void {
    this.#furthestNs = Math.max(this.#furthestNs, timeNs);
  }

  /** A branch that was left. */
  find(id: number): Branch | undefined {
    return this.#left.get(id);
  }

  /** All branches by id; `log` and `nowNs` are those of the present one. */
  list(log: readonly LoggedCommand[], nowNs: number): Branch[] {
    const present = { ...this.#current, endNs: Math.max(nowNs, this.#furthestNs), log };
    return [...this.#left.values(), present].toSorted((left, right) => left.id - right.id);
  }

  /** Leaves the present branch, whose whole log is `log`, for a new one that differs from `atNs` on. */
  fork(atNs: number, log: readonly LoggedCommand[]): void {
    this.#leave(log);
    this.#current = { id: this.#nextId++, parent: this.#current.id, forkNs: atNs };
    this.#furthestNs = atNs;
  }

  /** Leaves the present branch for one that was left before. */
  enter(branch: Branch, log: readonly LoggedCommand[]): void {
    assert(this.#left.delete(branch.id), 'a branch that is entered was left');
    this.#leave(log);
    this.#current = { id: branch.id, parent: branch.parent, forkNs: branch.forkNs };
    this.#furthestNs = branch.endNs;
  }

  #leave(log: readonly LoggedCommand[]): void {
    const { id } = this.#current;
    this.#left.set(id, { ...this.#current, endNs: this.#furthestNs, log: log.slice() });
    const [oldest] = this.#left.keys();
    if (this.#left.size > BRANCH_COUNT_MAX && oldest !== undefined) this.#left.delete(oldest);
  }
}

/** The first time at which two logs differ; Infinity for equal ones. */
export function firstDifferenceNs(
  left: readonly LoggedCommand[],
  right: readonly LoggedCommand[],
): number {
  const count = Math.max(left.length, right.length);
  for (let index = 0; index < count; index++) {
    const [one, other] = [left[index], right[index]];
    if (isSame(one, other)) continue;
    return Math.min(one?.atNs ?? Number.POSITIVE_INFINITY, other?.atNs ?? Number.POSITIVE_INFINITY);
  }
  return Number.POSITIVE_INFINITY;
}

function isSame(one: LoggedCommand | undefined, other: LoggedCommand | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.atNs === other.atNs && JSON.stringify(one.command) === JSON.stringify(other.command);
}
