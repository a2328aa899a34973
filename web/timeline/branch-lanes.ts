/**
 * The courses that a run took, laid out as lanes: each branch has a row and begins where it left its parent. The
 * present course goes through the rows of its ancestors; what lies ahead of the present and what was left are
 * told apart. Pure.
 */
import type { BranchMark } from '../session/store.ts';

/** A piece of a course on a row. Unit: ns. */
export interface Segment {
  readonly row: number;
  readonly branch: number;
  readonly fromNs: number;
  readonly toNs: number;
  readonly kind: 'past' | 'ahead' | 'left';
}

/** A step from a parent's row to a branch's row. */
export interface Fork {
  readonly atNs: number;
  readonly fromRow: number;
  readonly toRow: number;
  readonly onCourse: boolean; // the present course takes it
}

export interface BranchLanes {
  /** Branches that have a row, from the top. */
  readonly rows: readonly BranchMark[];
  readonly segments: readonly Segment[];
  readonly forks: readonly Fork[];
  /** Branches without a row, for want of room. */
  readonly hiddenCount: number;
  /** The present course: each branch from the top of its line, and until when the course stays on it. */
  readonly course: readonly { readonly branch: number; readonly untilNs: number }[];
}

/** Lays out at most `rowsMax` branches: those of the present course, then the newest. */
export function layOutBranches(options: {
  readonly branches: readonly BranchMark[];
  readonly branch: number;
  readonly nowNs: number;
  readonly furthestNs: number;
  readonly rowsMax: number;
}): BranchLanes {
  const { branch, nowNs, furthestNs, rowsMax } = options;
  const known = options.branches.some(({ id }) => id === branch)
    ? options.branches
    : [...options.branches, { id: branch, parent: -1, forkNs: 0, endNs: furthestNs }];
  const course = courseOf(known, branch, furthestNs);
  const onCourse = new Set(course.map((it) => it.branch));
  const others = known.filter(({ id }) => !onCourse.has(id)).toSorted((a, b) => b.id - a.id);
  const near = known.filter(({ id }) => onCourse.has(id)).toSorted((a, b) => b.id - a.id);
  const rows = [...near, ...others].slice(0, Math.max(1, rowsMax)).toSorted((a, b) => a.id - b.id);
  const rowOf = new Map(rows.map(({ id }, row) => [id, row]));
  const segments = rows.flatMap((mark, row): Segment[] => {
    const until = course.find((it) => it.branch === mark.id)?.untilNs ?? -1;
    const pieces: Segment[] = [
      { row, branch: mark.id, fromNs: mark.forkNs, toNs: Math.min(until, nowNs), kind: 'past' },
      { row, branch: mark.id, fromNs: Math.max(mark.forkNs, nowNs), toNs: until, kind: 'ahead' },
      { row, branch: mark.id, fromNs: Math.max(mark.forkNs, until), toNs: mark.endNs, kind: 'left' },
    ];
    return pieces.filter(({ fromNs, toNs }) => toNs > fromNs);
  });
  const forks = rows.flatMap(({ id, parent, forkNs }): Fork[] => {
    const fromRow = rowOf.get(parent);
    return fromRow === undefined ? [] : [{ atNs: forkNs, fromRow, toRow: rowOf.get(id)!, onCourse: onCourse.has(id) }];
  });
  return { rows, segments, forks, hiddenCount: known.length - rows.length, course };
}

/** From the first ancestor that is known to the present branch. */
function courseOf(branches: readonly BranchMark[], branch: number, furthestNs: number): BranchLanes['course'] {
  const course: { branch: number; untilNs: number }[] = [];
  let id = branch;
  let untilNs = furthestNs;
  for (let steps = 0; steps <= branches.length; steps++) {
    const mark = branches.find((it) => it.id === id);
    if (mark === undefined) break;
    course.unshift({ branch: id, untilNs });
    id = mark.parent;
    untilNs = mark.forkNs;
  }
  return course;
}

/** The branch on which the present course goes at a time. */
export function branchAt(lanes: Pick<BranchLanes, 'course'>, timeNs: number): number {
  return (lanes.course.find((it) => timeNs < it.untilNs) ?? lanes.course.at(-1))?.branch ?? 0;
}

/** From when on two branches differ: the earliest fork on the ways to their common ancestor. Unit: ns. */
export function differNs(branches: readonly BranchMark[], one: number, other: number): number {
  const way = (branch: number) => courseOf(branches, branch, Number.POSITIVE_INFINITY);
  const [left, right] = [way(one), way(other)];
  let common = 0;
  while (common < left.length && common < right.length && left[common]!.branch === right[common]!.branch) common++;
  if (common === 0) return 0;
  return Math.min(left[common - 1]!.untilNs, right[common - 1]!.untilNs);
}
