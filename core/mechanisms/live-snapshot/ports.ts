/** What a snapshot needs of the layers around it, and the words for its ways and states. */
import type { Vcpu } from '../../hypervisor/vcpu.ts';
import type { Vm } from '../../hypervisor/vm.ts';

/** How a snapshot is taken; see mechanism.ts. */
export type SnapshotMode = 'live' | 'synchronous' | 'stop-and-copy';

/** Where a snapshot stands; see mechanism.ts. */
export type JobState = 'requested' | 'freezing' | 'capturing' | 'draining' | 'committed' | 'aborted';

/** Values of the codec knob. */
export const codecChoice = { none: 0, zeroElision: 1, deflate: 2 } as const;

/** What can be turned while a snapshot is under way. Shared by all of a host. */
export interface SnapshotSettings {
  queueBytes: number;
  reservePercent: number; //         of the queue, for faults only
  sweepPagesPerSecond: number;
  /** One of {@link codecChoice}. */
  codec: number;
  /** Neighbouring pages that a fault keeps at once; 1 … 64. */
  pagesPerFault: number;
}

/** A host as a snapshot sees it. */
export interface JobPorts {
  now(): number;
  /** When what a guest does at this moment takes effect outside its vCPU; now() outside of guests. */
  effectNs(): number;
  /** Whether several vCPUs share the present stretch of time. */
  takesTurns(): boolean;
  /** An event for the job of that serial number. */
  schedule(timeNs: number, kind: string, serial: number, value: number): void;
  /** The guest that faults pays for one more copy. */
  chargeNeighbour(): void;
  /** Ends a vCPU's wait; gives how long it lasted. */
  wake(vcpu: Vcpu): number;
  /** The VM's vCPUs may run no longer, or run again. */
  stands(vm: Vm): void;
  runs(vm: Vm, stoodSinceNs: number): void;
  /** A tick on the timeline. */
  note(kind: string, text: string): void;
}
