/**
 * The one door between what people see and the run: commands go down, snapshots and samples come up,
 * and host memories are looked at in place. Everything else in web/ knows this interface only.
 */
import type { Command, LoggedCommand, Refusal } from '../../core/protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../../core/protocol/inspection.ts';
import type { ProcessSnapshot } from '../../core/protocol/snapshot.ts';
import type { RunHistory, StepKind } from '../../workers/session-api.ts';
import type { SampleTail } from './branch-samples.ts';
import type { HostBoard } from '../../core/protocol/host-board.ts';
import type { HostView } from './host-view.ts';
import type { SampleSeries } from './sample-series.ts';

/** What to run. */
export interface RunSpec {
  readonly lab: string;
  readonly seed: number;
  /** Only what differs from the contract's defaults (of a scenario file: from the file's). */
  readonly knobs: Readonly<Record<string, number>>;
  /** false: stands at time 0 until told to play. Default true. */
  readonly autoplay?: boolean;
  /** Commands that the run is to be given at their times. */
  readonly log?: readonly LoggedCommand[];
  /** Text of a run file to repeat; `lab`, `seed` and `knobs` are then the file's. Stands at 0 until told to play. */
  readonly runFile?: string;
  /** Text of a scenario file: its world in place of the lab's own, with its commands; `knobs` over the file's. */
  readonly scenario?: string;
  /** An ELF that runs as the VM's guest instead of the lab's own. */
  readonly guest?: { readonly name: string; readonly bytes: Uint8Array };
}

/** Everything needed to repeat a run that broke. */
export interface FailureReport {
  readonly sentence: string;
  readonly report: string; // the replayable report as JSON text
}

/** How virtual time goes now. `ratio` is virtual seconds per wall second as asked for, 0 = as fast as possible. */
export interface Pace {
  readonly paused: boolean;
  readonly pausedBecause: string; // one sentence when the page itself paused, else ''
  readonly ratio: number;
  readonly slowed: boolean; //       a hand-over is being shown in slow motion
}

export type { RunHistory, StepKind } from '../../workers/session-api.ts';

/** What a session tells its listener. Several may arrive between two frames. */
export type SessionUpdate =
  | { readonly kind: 'snapshot'; readonly timeNs: number; readonly processes: readonly ProcessSnapshot[] }
  | { readonly kind: 'pace'; readonly pace: Pace }
  | { readonly kind: 'baseline'; readonly lane: string; readonly timeNs: number; readonly processes: readonly ProcessSnapshot[] }
  /** How far the branch that runs has come, and which one it is. Told when it changes. */
  | { readonly kind: 'place'; readonly furthestNs: number; readonly branch: number }
  /** The run stands at an earlier time, or on another branch: what was told of `timeNs` and later is void. Snapshots follow. */
  | { readonly kind: 'rewound'; readonly timeNs: number; readonly baselineTimesNs: Readonly<Record<string, number>>; readonly branch: number }
  | { readonly kind: 'failed'; readonly failure: FailureReport };

/** A running lab. Made by a {@link SessionFactory}; one at a time. */
export interface Session {
  /** Virtual time as last published by the slowest process; cheap, read every frame. Unit: ns. */
  timeNs(): number;
  /** Memories to paint from, one per host, in host order. The arrays stay the same while the run lives. */
  hostViews(): readonly HostView[];
  /** Boards of processes that hold many hosts, in order of their hosts. The same array while the run lives. */
  boards(): readonly HostBoard[];
  /** Brings the samples up to date; once a frame. */
  drainSamples(): void;
  /** Ids of the baselines that run beside it, the lab's first one at the front. */
  readonly baselines: readonly string[];
  /** Samples of a host so far; `lane` is 'main' (when it is left out) or a baseline's id. */
  samplesOf(host: number, lane?: string): SampleSeries;
  /** Samples of times that the run has left on a branch, of the host of a series of the main run: what lies ahead, or another course. */
  tailOf(branch: number, series: SampleSeries): SampleTail | undefined;
  /** The branch left last of which there are samples, other than `branch`; −1 without one. */
  branchToCompare(branch: number): number;
  /** Grows when {@link tailOf} would give something else. */
  tailVersion(): number;
  /** The ring of samples of a host in shared memory: slots, rows written and rows read here; undefined when it is not shared. */
  ringOf(host: number): { readonly capacity: number; readonly written: number; readonly read: number } | undefined;
  /** False without cross-origin isolation: views are copies then. */
  readonly isolated: boolean;

  play(): void;
  pause(): void;
  setRatio(ratio: number): void;
  /** Runs one instruction of the VM's first vCPU, then pauses. */
  stepInstruction(): Promise<void>;
  /** Runs to the next event of any process, then pauses. */
  stepEvent(): Promise<void>;
  /** Runs to a virtual time, as fast as possible, then pauses; gives '' or why not. */
  advanceTo(timeNs: number): Promise<string>;
  /** Travels to a time and stands there, back or forward; gives '' or why not. A later call takes over. */
  rewindTo(timeNs: number): Promise<string>;
  /** To just after the last event before the present, or to just before the VM's last instruction; then stands. */
  stepBack(kind: StepKind): Promise<void>;
  /** Returns to a branch that was left, to `atNs` or to where it was left; gives '' or why not. */
  returnTo(branch: number, atNs?: number): Promise<string>;
  /** Where the run can travel to; undefined when it is over. */
  history(): Promise<RunHistory | undefined>;
  /** Resolves to a refusal, or to null when the command was accepted and logged. `atNs` −1 = now. */
  command(command: Command, atNs?: number): Promise<Refusal | null>;
  inspect(request: InspectionRequest): Promise<InspectionReply>;
  runHash(): Promise<string>;
  /** A snapshot as an ELF core, by its name; empty when no host keeps one of that name. */
  snapshotFile(name: string): Promise<Uint8Array>;
  /** The packets at all ports so far as a pcapng file. */
  capture(): Promise<Uint8Array>;
  /** The run's report and command log as JSON text. */
  exportRun(): Promise<string>;
  dispose(): void;
}

/** Starts a run. Resolves to a sentence when the spec cannot be run; nothing is changed then. With a report when the model itself broke. */
export type SessionFactory = (
  spec: RunSpec,
  listener: (update: SessionUpdate) => void,
) => Promise<{ readonly ok: true; readonly session: Session } | { readonly ok: false; readonly sentence: string; readonly failure?: FailureReport }>;
