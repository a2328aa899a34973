/**
 * What the coordinator offers to whoever shows or drives a run: the page (through Comlink) and the command
 * line. Types only. Everything that crosses is plain data; what can fail returns a Result whose error has a
 * sentence; nothing domain-shaped is thrown.
 */
import type { Result } from '../core/base/result.ts';
import type { Command, LoggedCommand, Refusal } from '../core/protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../core/protocol/inspection.ts';
import type { ProcessSnapshot } from '../core/protocol/snapshot.ts';
import type { Branch } from './branches.ts';

export type { Branch } from './branches.ts';

/** The run that is shown is 'main'; each baseline that runs beside it has its id of the lab's contract. */
export type Lane = string;

/** Baselines to run beside a run: all that the lab has, or those of these ids, in that order. */
export type BaselineChoice = 'all' | readonly string[];

/** How to start a run. */
export interface StartOptions {
  readonly lab: string;
  readonly seed: number; //                               0 … 2^32 − 1
  readonly knobs: Readonly<Record<string, number>>; //    those that differ from the lab's defaults
  readonly baselines?: BaselineChoice; //                 which of the lab's baselines run beside it (default none)
  readonly playing: boolean; //                           false: stands at 0 until play() or a step
  readonly speed?: number; //                             virtual ns a wall ns; Infinity: as fast as it goes; else the lab's
  readonly workerCount?: number; //                       1 … 16; else as many as are useful
  readonly capture?: boolean; //                          keep a pcapng of every port (default: of the run's own, not of baselines)
  readonly guest?: { readonly name: string; readonly bytes: Uint8Array }; // an ELF in place of the lab's guest
  readonly log?: readonly LoggedCommand[]; //             commands to replay; of a scenario file: in place of its own
  readonly scenario?: string; //                          text of a scenario file, in place of the lab's own
  readonly checkpointSpacing?: number; //                 replay work between two checkpoints (default 4,000,000 instructions a worker)
  readonly checkpointBytesMax?: number; //                memory of all checkpoints of the run (default 256 MiB)
}

/** Where a process's bytes lie, for painters and charts. Only with cross-origin isolation. */
export interface SharedProcess {
  readonly lane: Lane;
  readonly process: number;
  /** Buffer of the host's WebAssembly.Memory, laid out by core/protocol/host-memory-layout.ts. */
  readonly memory?: SharedArrayBuffer;
  /** Ring of samples, laid out by core/metrics/sample-ring.ts at offset 0. */
  readonly samples: SharedArrayBuffer;
}

/** A run that has started. */
export interface StartedRun {
  readonly run: number; //            counts starts; events carry it
  readonly lab: string;
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>; // all, defaults filled in
  readonly speed: number;
  readonly isolated: boolean; //      false: `shared` is empty; use copyMemory and copySamples
  readonly workerCount: number;
  readonly processes: readonly { readonly id: number; readonly name: string; readonly sampleColumns: readonly string[] }[];
  readonly links: readonly { readonly a: number; readonly b: number }[];
  readonly baselines: readonly string[]; // ids of those that run beside it
  readonly shared: readonly SharedProcess[];
  /** Snapshots of all processes at time 0. */
  readonly snapshots: readonly ProcessSnapshot[];
}

/** Where a run stands. Sent some 20 times a second while it runs, and at every change. */
export interface RunState {
  readonly run: number;
  readonly timeNs: number; //         least clock of the main run
  readonly baselineTimesNs: Readonly<Record<Lane, number>>; // least clock of each baseline that runs
  readonly playing: boolean; //       also while it advances to a target
  readonly speed: number; //          as asked for
  readonly slowMotion: boolean; //    the pace is a tenth of `speed` now
  readonly measuredSpeed: number; //  virtual ns a wall ns over the last half second
  readonly commandCount: number; //   entries in the command log
  readonly replayLeft: number; //     commands of a replayed log still to come
  readonly furthestNs: number; //     how far this branch has run: beyond timeNs after a rewind
  readonly branch: number; //         id of the branch that runs
}

/** Why a run stopped by itself, with all that is needed to see it again. */
export interface FailureReport {
  readonly run: number;
  readonly lane: Lane;
  readonly modelVersion: string;
  readonly lab: string;
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>;
  readonly commandLog: readonly LoggedCommand[];
  readonly guestDigest: string; //    '' for the lab's own guest
  readonly process: number; //        −1: before there were any
  readonly virtualTimeNs: number;
  readonly message: string;
  readonly stack: string;
}

/** What goes up without being asked for. */
export type SessionEvent =
  | { readonly kind: 'state'; readonly state: RunState }
  | { readonly kind: 'snapshots'; readonly run: number; readonly lane: Lane; readonly snapshots: readonly ProcessSnapshot[] }
  | { readonly kind: 'logged'; readonly run: number; readonly logged: LoggedCommand }
  /**
   * The run stands at an earlier time, or at the fork of another branch. Whoever keeps what was told drops
   * console, timeline events, sample rows and logged commands of `timeNs` and later (of a baseline: of its
   * time in `baselineTimesNs`); the sample rings have been taken back as well. Snapshots follow.
   */
  | {
      readonly kind: 'rewound';
      readonly run: number;
      readonly timeNs: number;
      readonly baselineTimesNs: Readonly<Record<Lane, number>>;
      readonly branch: number;
    }
  | { readonly kind: 'failed'; readonly report: FailureReport };

/** A checkpoint of the main run, as the timeline shows it. */
export interface CheckpointMark {
  readonly timeNs: number;
  readonly hash: string; // the run hash there
}

/** Where a run can travel to. */
export interface RunHistory {
  /** In order of time; rewinding near one is quick. */
  readonly checkpoints: readonly CheckpointMark[];
  /** Memory of all checkpoints of all lanes, and its bound. Unit: byte. */
  readonly checkpointBytes: number;
  readonly checkpointBytesMax: number;
  /** What of the checkpoints lies on the disk, besides; 0 without such a place. Unit: byte. */
  readonly checkpointBytesSpilled: number;
  /** Every course that the run took, by id; the log of the present one holds what is still to come, too. */
  readonly branches: readonly Branch[];
  readonly branch: number;
  readonly furthestNs: number;
}

/** A run as a file: small, and enough to repeat it (house, decision 17). */
export interface RunFile {
  readonly format: 'glasshouse-run';
  readonly version: 1;
  readonly modelVersion: string;
  readonly lab: string;
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>;
  readonly guestDigest: string; //    '' for the lab's own guest
  readonly guestName: string;
  readonly endNs: number; //          where the run stood when it was exported
  readonly log: readonly LoggedCommand[];
  readonly scenario?: string; //      text of the scenario file that it was started from
}

/** A named step of a run. */
export type StepKind = 'event' | 'instruction';

/** A range of bytes of a host's memory. */
export interface MemoryRange {
  readonly byteOffset: number;
  readonly byteCount: number;
}

/** The one surface between the page's session and the coordinator. Times in virtual ns. */
export interface SessionApi {
  /** Events from now on go to `listener`; one listener at a time. */
  subscribe(listener: (event: SessionEvent) => void): Promise<void>;
  /** Ends the run that is there, and starts another; a refusal leaves the old one alone. */
  start(options: StartOptions): Promise<Result<StartedRun, Refusal>>;
  stop(): Promise<void>;
  play(): Promise<void>;
  /** Resolves at the cut, after the snapshots of all processes there have been sent. */
  pause(): Promise<number>;
  /** Virtual ns a wall ns, above 0; Infinity: as fast as it goes. */
  setSpeed(speed: number): Promise<void>;
  /** One event of any process, or one instruction of `vm`; resolves at the cut with its time. */
  step(kind: StepKind, vm?: number): Promise<number>;
  /** Runs as fast as it goes to `timeNs`, then stands; resolves at the cut. Refused when it is past. */
  advanceTo(timeNs: number): Promise<Result<number, Refusal>>;
  /**
   * Travels to `timeNs` of the present branch and stands there: back by the nearest checkpoint and replay
   * with the same commands; forward as advanceTo. Commands after it are still to come: play() repeats them; a new
   * command forks a branch, and they stay in the log of the one that was left. A later call takes over
   * from one that is under way. Tells 'rewound'. Resolves at the cut with its time.
   */
  rewindTo(timeNs: number): Promise<Result<number, Refusal>>;
  /** To just after the last event before the present (the inverse of step), or to just before `vm`'s last instruction. */
  stepBack(kind: StepKind, vm?: number): Promise<number>;
  /** Returns to a branch that was left, and replays to `atNs` or to where it was left. */
  returnTo(branch: number, atNs?: number): Promise<Result<number, Refusal>>;
  history(): Promise<RunHistory | undefined>;
  /** Validates, stamps, logs. `atNs`: at that time, if no process has passed it, else refused. */
  command(command: Command, atNs?: number): Promise<Result<LoggedCommand, Refusal>>;
  /** Would the command be refused now, and why. Changes nothing. */
  wouldRefuse(command: Command): Promise<Refusal | undefined>;
  inspect(request: InspectionRequest, lane?: Lane): Promise<InspectionReply>;
  /** Hash of the main run at the cut it reaches next. */
  runHash(): Promise<{ readonly timeNs: number; readonly hash: string }>;
  /** pcapng file of a process's ports so far, or of the ports of all; empty when none is kept. */
  capture(process: number | 'all', lane?: Lane): Promise<Uint8Array>;
  /** A snapshot as an ELF core, by its name; empty when no host keeps one of that name. */
  snapshotFile(name: string, lane?: Lane): Promise<Uint8Array>;
  /** Copies of ranges of a host's memory (without cross-origin isolation); empty when there is none. */
  copyMemory(process: number, ranges: readonly MemoryRange[], lane?: Lane): Promise<Uint8Array[]>;
  /** Sample rows from number `from` on (core/metrics/sample-ring.ts, SampleRange). */
  copySamples(process: number, from: number, lane?: Lane): Promise<{ readonly first: number; readonly next: number; readonly values: Float64Array }>;
  state(): Promise<RunState | undefined>;
  exportRun(): Promise<RunFile | undefined>;
  /** Starts a run file's text from the beginning, paused; advanceTo(endNs) repeats it. */
  importRun(text: string, guest?: { readonly name: string; readonly bytes: Uint8Array }): Promise<Result<StartedRun, Refusal>>;
}
