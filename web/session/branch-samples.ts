/**
 * Samples of times that the run has left: what lies ahead after a rewind, and the courses of branches that
 * were left. Kept by branch and host, so that charts can draw them beside the present course. Bounded: the
 * branches touched last stay, and a long course is thinned.
 */

/** Rows of one branch and host, times ascending. Shape: as of a SampleSeries. */
export interface SampleTail {
  readonly timeNs: Float64Array;
  readonly columns: readonly Float64Array[];
}

/** Rows kept for a branch and host: 16 columns of them are 1 MiB. */
const ROWS_MAX = 8_192;
/** Branches kept: the present one's future and a few to compare with. */
const BRANCHES_MAX = 4;

/** See the file's head. */
export class BranchSamples {
  /** In order of use, the latest last. */
  readonly #byBranch = new Map<number, Map<number, SampleTail>>();
  /** Grows with every change, so that a chart knows whether to draw. */
  version = 0;

  /** Takes in the rows of a branch that the run has just left behind; those known of later times stay. */
  keep(branch: number, host: number, cut: SampleTail): void {
    if (cut.timeNs.length === 0) return;
    const tails = this.#byBranch.get(branch) ?? new Map<number, SampleTail>();
    this.#byBranch.delete(branch);
    this.#byBranch.set(branch, tails);
    tails.set(host, thinned(joined(cut, tails.get(host))));
    const [oldest] = this.#byBranch.keys();
    if (this.#byBranch.size > BRANCHES_MAX && oldest !== undefined) this.#byBranch.delete(oldest);
    this.version++;
  }

  find(branch: number, host: number): SampleTail | undefined {
    return this.#byBranch.get(branch)?.get(host);
  }

  /** The branch, other than the present one, that was left last; −1 when none is kept. */
  latestBut(branch: number): number {
    return [...this.#byBranch.keys()].findLast((id) => id !== branch) ?? -1;
  }
}

/** `first`, then the rows of `then` that are later. */
function joined(first: SampleTail, then: SampleTail | undefined): SampleTail {
  if (then === undefined) return first;
  const endNs = first.timeNs.at(-1)!;
  let from = 0;
  while (from < then.timeNs.length && then.timeNs[from]! <= endNs) from++;
  const join = (left: Float64Array, right: Float64Array) => {
    const all = new Float64Array(left.length + right.length - from);
    all.set(left);
    all.set(right.subarray(from), left.length);
    return all;
  };
  return {
    timeNs: join(first.timeNs, then.timeNs),
    columns: first.columns.map((column, index) => join(column, then.columns[index]!)),
  };
}

function thinned(tail: SampleTail): SampleTail {
  if (tail.timeNs.length <= ROWS_MAX) return tail;
  const stride = Math.ceil(tail.timeNs.length / (ROWS_MAX / 2));
  const pick = (column: Float64Array) => column.filter((_, row) => row % stride === 0);
  return { timeNs: pick(tail.timeNs), columns: tail.columns.map(pick) };
}
