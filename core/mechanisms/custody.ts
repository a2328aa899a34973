/**
 * Who ran a VM when: spells of running, read from the timeline of every host. The hosts note `vm-
 * runs` and `vm-stands` at the moment at which a VM's vCPUs may run and may no longer.
 */
import type { ProcessSnapshot } from '../protocol/snapshot.ts';

/** Timeline kinds that custody is read from. */
export const RUNS = 'vm-runs';
export const STANDS = 'vm-stands';
/** A guest that ends by itself is noted by the hypervisor. */
const ENDS: readonly string[] = [STANDS, 'stopped', 'failed'];

/**
 * A time in which a VM ran on a host: from `startNs` until before `endNs` (Infinity: it still
 * does).
 */
export interface Spell {
  readonly process: number;
  readonly startNs: number;
  readonly endNs: number;
}

/** All spells of a VM, by start. */
export function custodyOf(snapshots: readonly ProcessSnapshot[], vm: number): Spell[] {
  const spells: Spell[] = [];
  for (const { process, events } of snapshots) {
    let startNs = -1;
    for (const event of events) {
      if (event.entity !== `vm:${vm}`) continue;
      if (event.kind === RUNS && startNs < 0) startNs = event.timeNs;
      if (ENDS.includes(event.kind) && startNs >= 0) {
        spells.push({ process, startNs, endNs: event.timeNs });
        startNs = -1;
      }
    }
    if (startNs >= 0) spells.push({ process, startNs, endNs: Number.POSITIVE_INFINITY });
  }
  return spells.toSorted((left, right) => left.startNs - right.startNs || left.endNs - right.endNs);
}

/** A sentence about the first two spells that overlap; undefined when none do. */
export function overlapOf(spells: readonly Spell[]): string | undefined {
  for (const [index, spell] of spells.entries()) {
    const next = spells[index + 1];
    if (next !== undefined && next.startNs < spell.endNs) {
      return `two copies ran at ${next.startNs} ns: on process ${spell.process} and on process ${next.process}`;
    }
  }
  return undefined;
}
