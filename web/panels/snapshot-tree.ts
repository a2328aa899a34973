/**
 * Snapshots of a run as a tree: each stands below the one that its VM's history went on from. Those that are being
 * taken are leaves; where a VM is now is marked. Pure.
 */
import type { FileTold, JobTold, LiveSnapshotTold } from '../../core/mechanisms/live-snapshot/told.ts';

/** A line of the tree, in the order in which it is read. */
export interface TreeLine {
  readonly name: string;
  readonly depth: number; //     0 = a root
  readonly position: number; //  among those of the same parent, from 1
  readonly siblings: number;
  readonly hasChildren: boolean;
  readonly vmName: string;
  readonly takenAtNs: number;
  readonly byteCount: number; // −1 while it is being taken
  readonly state: string; //     '' = can be restored; else how far it is
  readonly here: boolean; //     a VM's present goes on from it
}

interface Node {
  readonly name: string;
  readonly parent: string;
  readonly vmName: string;
  readonly takenAtNs: number;
  readonly byteCount: number;
  readonly state: string;
}

/** What all hosts tell, as lines. A parent that is gone or on no host counts as none. */
export function snapshotTree(told: readonly LiveSnapshotTold[], vmName: (vm: number) => string): TreeLine[] {
  const files: Node[] = told.flatMap((it) => it.files.map((file: FileTold) => ({ ...file, state: '' })));
  const going: Node[] = told.flatMap((it) => it.jobs.filter((job) => job.endedAtNs < 0).map((job: JobTold) => ({
    name: job.name, parent: job.parent, vmName: vmName(job.vm), takenAtNs: job.takenAtNs, byteCount: -1, state: job.state,
  })));
  const nodes = [...files, ...going].toSorted((left, right) => left.takenAtNs - right.takenAtNs);
  const names = new Set(nodes.map(({ name }) => name));
  const here = new Set(told.flatMap((it) => it.present.map(({ parent }) => parent)));
  const childrenOf = (parent: string) => nodes.filter((it) => (names.has(it.parent) && it.parent !== it.name ? it.parent : '') === parent);
  const lines: TreeLine[] = [];
  // A stack, not recursion: a chain of snapshots may be as long as a run.
  const open = childrenOf('').map((node, index, all) => ({ node, depth: 0, position: index + 1, siblings: all.length })).reverse();
  while (open.length > 0) {
    const { node, depth, position, siblings } = open.pop()!;
    const children = childrenOf(node.name);
    const { name, vmName: of, takenAtNs, byteCount, state } = node;
    lines.push({ name, depth, position, siblings, hasChildren: children.length > 0, vmName: of, takenAtNs, byteCount, state, here: here.has(name) });
    open.push(...children.map((child, index) => ({ node: child, depth: depth + 1, position: index + 1, siblings: children.length })).reverse());
  }
  return lines;
}

/** The line that an arrow key leads to from the line `at`; the same when there is none. */
export function lineAfterKey(lines: readonly TreeLine[], at: number, key: string): number {
  switch (key) {
    case 'ArrowDown': return Math.min(lines.length - 1, at + 1);
    case 'ArrowUp': return Math.max(0, at - 1);
    case 'Home': return 0;
    case 'End': return lines.length - 1;
    case 'ArrowRight': return lines[at]?.hasChildren === true ? at + 1 : at;
    case 'ArrowLeft': {
      for (let line = at - 1; line >= 0; line--) if (lines[line]!.depth < lines[at]!.depth) return line;
      return at;
    }
    default: return at;
  }
}
