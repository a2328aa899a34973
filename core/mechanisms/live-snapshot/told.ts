/** What the mechanism tells the screen, as plain data: under `live-snapshot` in a process's snapshot. */
import type { JobState, SnapshotMode } from './ports.ts';

/** One snapshot that is under way or was. Times in ns, −1 = not yet. */
export interface JobTold {
  readonly name: string;
  readonly parent: string;
  readonly vm: number;
  readonly mode: SnapshotMode;
  readonly state: JobState;
  readonly reason: string; //          one sentence's worth when aborted
  readonly startedAtNs: number;
  readonly takenAtNs: number; //       the instant it shows
  readonly resumedAtNs: number;
  readonly sweptAtNs: number; //       every page had left the VM
  readonly endedAtNs: number;
  readonly pageCount: number;
  readonly protectedPages: number;
  readonly queuedPages: number;
  readonly storedPages: number;
  readonly zeroPages: number;
  readonly faults: number;
  readonly retries: number;
  readonly stalls: number;
  readonly stallNs: number;
  readonly queueBytes: number;
  readonly queueBytesMost: number;
  readonly queueCapBytes: number;
  readonly fileBytes: number; //       of the finished file
}

/** A snapshot that can be restored. `parent`: the one that its VM's history goes on from, '' = none. */
export interface FileTold {
  readonly name: string;
  readonly parent: string;
  readonly vm: number;
  readonly vmName: string;
  readonly takenAtNs: number;
  readonly pageCount: number;
  readonly byteCount: number;
}

/** Latency of the session: from a line typed to its echo. Unit: ns. */
export interface EchoTold {
  readonly answered: number;
  readonly p50Ns: number; //    −1 when nothing was answered
  readonly p99Ns: number;
  readonly worstNs: number;
}

/** All of one host. */
export interface LiveSnapshotTold {
  readonly jobs: readonly JobTold[];
  readonly files: readonly FileTold[];
  /** By VM: the snapshot that its history goes on from, of those that are still there. */
  readonly present: readonly { readonly vm: number; readonly parent: string }[];
  readonly disk: {
    readonly bandwidthBytesPerSecond: number;
    readonly latencyNs: number;
    readonly capacityBytes: number;
    readonly usedBytes: number;
    readonly writtenBytes: number;
  };
  /** Time that guests have waited for snapshots on this host since the start, also of those not listed any more. */
  readonly stallNs: number;
  /** Of what was typed while the last snapshot was under way. */
  readonly echo: EchoTold;
  /** The last answers, oldest first: for the ribbon. */
  readonly recentEchoes: readonly { readonly sentNs: number; readonly latencyNs: number }[];
}
