/** What the coordinator needs of the place it runs in: threads, memory that they share, a clock for pacing. */
import type { HostMessage } from './host-message.ts';
import type { HostPlan } from './run-plan.ts';

/** A started host worker. */
export interface HostHandle {
  /** Something has been put into shared memory. Threads wake by themselves; an inline host needs this. */
  wake(): void;
  stop(): void;
}

/** See the file's head. */
export interface Platform {
  /** May memory be shared between threads and posted? Without: one worker, inside the coordinator. */
  readonly isolated: boolean;
  /** Workers that are of use here when nobody says how many. */
  readonly workerCountDefault: number;
  makeBuffer(byteCount: number): ArrayBufferLike;
  startHost(plan: HostPlan, onMessage: (message: HostMessage) => void): HostHandle;
  nowMs(): number;
  /** Calls back once after `delayMs`; returns how to call it off. */
  setTimer(callback: () => void, delayMs: number): () => void;
}
