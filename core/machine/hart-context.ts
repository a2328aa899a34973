/**
 * What the slow paths of a host share: its memory, the walker, the decoded pages and what each hart
 * is doing.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { HART_COUNT_MAX } from '../protocol/host-memory-layout.ts';
import { type MemorySystem, TwoStageWalk, type VmMemory } from '../memory/index.ts';
import { DecodedPages } from './decoded-pages.ts';

/** What the machine needs from above. */
export interface MachinePorts {
  /**
   * Virtual time of the instruction that hart `hartSlot` executes, with `budgetLeft` instructions
   * of the present run() still to come after it. Unit: ns. Guests see it as `time`, in ticks of 100
   * ns.
   */
  timeNs(hartSlot: number, budgetLeft: number): number;
}

/** Counts of the run() a hart is in. Numbers below 2^53. */
export interface RunCounts {
  /** Budget that run() was given. */
  budget: number;
  /** Of the attempted instructions, those that did not retire. */
  notRetired: number;
}

export class HartContext {
  static readonly [checkpointRules]: CheckpointRules = { walk: 'outside', decoded: 'outside' };
  readonly system: MemorySystem;
  readonly words: Int32Array;
  readonly walk: TwoStageWalk;
  readonly decoded: DecodedPages;
  readonly ports: MachinePorts;
  readonly vms: (VmMemory | undefined)[] = new Array(HART_COUNT_MAX).fill(undefined);
  readonly counts: RunCounts[] = [];

  constructor(system: MemorySystem, ports: MachinePorts) {
    this.system = system;
    this.words = system.host.words;
    this.walk = new TwoStageWalk(system.host, system.writer);
    this.decoded = new DecodedPages(system);
    this.ports = ports;
    for (let slot = 0; slot < HART_COUNT_MAX; slot++)
      this.counts.push({ budget: 0, notRetired: 0 });
  }
}
