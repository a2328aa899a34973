/**
 * Exits of every VM by cause over virtual time, as snapshots tell them: what an interval on a chart needs
 * to say how many there were. Bounded: when full, every second entry goes. A jump back in time drops what
 * lies ahead.
 */
import type { HostSnapshot } from '../../core/protocol/snapshot.ts';

const ENTRIES_MAX = 4096;

interface Entry {
  readonly timeNs: number;
  readonly exits: Readonly<Record<string, number>>;
}

/** See the file's head. */
export class ExitHistory {
  #entries: Entry[] = [];

  record(timeNs: number, hosts: readonly HostSnapshot[]): void {
    const sums: Record<string, number> = {};
    for (const host of hosts) {
      for (const vm of host.vms) for (const [cause, count] of Object.entries(vm.exits)) sums[cause] = (sums[cause] ?? 0) + count;
    }
    while (this.#entries.length > 0 && this.#entries.at(-1)!.timeNs >= timeNs) this.#entries.pop();
    this.#entries.push({ timeNs, exits: sums });
    if (this.#entries.length > ENTRIES_MAX) this.#entries = this.#entries.filter((_, index) => index % 2 === 0);
  }

  /** Exits between two times by cause, as far as snapshots saw them; [] when there were none. Most first. */
  between(fromNs: number, toNs: number): readonly { readonly cause: string; readonly count: number }[] {
    const from = this.#at(fromNs);
    const to = this.#at(toNs);
    return Object.entries(to)
      .map(([cause, count]) => ({ cause, count: count - (from[cause] ?? 0) }))
      .filter((row) => row.count > 0)
      .sort((a, b) => b.count - a.count || (a.cause < b.cause ? -1 : 1));
  }

  #at(timeNs: number): Readonly<Record<string, number>> {
    let found: Readonly<Record<string, number>> = {};
    for (const entry of this.#entries) {
      if (entry.timeNs > timeNs) break;
      found = entry.exits;
    }
    return found;
  }
}
