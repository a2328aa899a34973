/**
 * What passes between the coordinator and a host worker: records down the command ring (JSON), messages
 * up. A record is taken between two slices, when every process of the worker stands at a time.
 */
import type { LoggedCommand } from '../core/protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../core/protocol/inspection.ts';
import type { ProcessSnapshot } from '../core/protocol/snapshot.ts';
import type { Lane, MemoryRange } from './session-api.ts';

/** Something asked of every worker of a lane; each answers for its processes. */
export type HostRequest =
  | { readonly what: 'snapshot'; readonly knownNs?: number } // what was before that time is known already
  /** At a cut: saves checkpoint `id`, or compares with it when it is known. */
  | { readonly what: 'checkpoint'; readonly id: number; readonly known: boolean }
  /** At a cut: back to checkpoint `id`; nothing of times before `knownNs` is told again. */
  | { readonly what: 'restore'; readonly id: number; readonly knownNs: number }
  | { readonly what: 'drop'; readonly ids: readonly number[] }
  /** Copies of old checkpoints go to the shelf until so much memory is free, if there is one. Unit: byte. */
  | { readonly what: 'spill'; readonly byteCount: number }
  | { readonly what: 'previous'; readonly beforeNs: number; readonly vm: number | undefined }
  | { readonly what: 'hash' }
  | { readonly what: 'next'; readonly vm: number | undefined }
  | { readonly what: 'inspect'; readonly request: InspectionRequest }
  | { readonly what: 'capture'; readonly process: number | 'all' }
  | { readonly what: 'snapshot-file'; readonly name: string }
  | { readonly what: 'memory'; readonly process: number; readonly ranges: readonly MemoryRange[] };

/** A record in a command ring. */
export type HostRecord =
  | { readonly kind: 'command'; readonly logged: LoggedCommand }
  | { readonly kind: 'request'; readonly id: number; readonly request: HostRequest };

/** Times of what a process would do next; −1 for never (JSON knows no Infinity). Unit: ns. */
export interface NextTimes {
  readonly eventNs: number;
  readonly instructionNs: number;
}

/** A worker's answer for one process; only the field that was asked for is there. */
export interface ProcessReply {
  readonly process: number;
  readonly hash?: string;
  readonly next?: NextTimes;
  /** The last event that has happened, and the start of the VM's last instruction; −1 for none. */
  readonly previous?: NextTimes;
  /** Of a checkpoint: the process's hash, and the hash of its whole state. */
  readonly checkpoint?: { readonly hash: string; readonly state: string };
  /** Memory that the process's checkpoints take. Unit: byte. */
  readonly checkpointBytes?: number;
  /** What of them lies on the shelf beside memory. Unit: byte. */
  readonly spilledBytes?: number;
  readonly inspection?: InspectionReply;
  readonly bytes?: readonly Uint8Array[];
}

/** What a worker tells. */
export type HostMessage =
  | {
      readonly kind: 'started';
      readonly lane: Lane;
      readonly worker: number;
      readonly memories: readonly { readonly process: number; readonly buffer: ArrayBufferLike }[];
    }
  | { readonly kind: 'snapshots'; readonly lane: Lane; readonly snapshots: readonly ProcessSnapshot[] }
  | { readonly kind: 'at-limit'; readonly lane: Lane; readonly worker: number }
  | {
      readonly kind: 'reply';
      readonly lane: Lane;
      readonly worker: number;
      readonly id: number;
      readonly replies: readonly ProcessReply[];
    }
  | {
      readonly kind: 'failed';
      readonly lane: Lane;
      readonly process: number; //       −1: before there were any, or the whole worker
      readonly virtualTimeNs: number;
      readonly message: string;
      readonly stack: string;
    };
