/**
 * The contract between the simulation kernel and whatever advances in virtual time: hosts now; switches,
 * arrays and gateways later. A process is synchronous and deterministic; between processes only wire
 * messages travel, each at least one link latency into the future (conservative parallel simulation,
 * Chandy–Misra–Bryant).
 */
import type { CheckpointPart } from './checkpoint/part.ts';
import type { LoggedCommand } from '../protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../protocol/inspection.ts';
import type { ProcessSnapshot } from '../protocol/snapshot.ts';

/** Small integer, unique in its world; also the tie-breaker `sourceId` of the ordering key. */
export type ProcessId = number;

/** Bytes on a link. Ordered at the receiver by (arrivalTimeNs, rank of a link arrival, source, sequence). */
export interface WireMessage {
  readonly source: ProcessId;
  readonly destination: ProcessId;
  readonly arrivalTimeNs: number;
  readonly sequence: number; //    per source, increasing
  readonly linkEpoch: number; //   cut counter of the cable at departure; a receiver drops other epochs
  readonly bytes: Uint8Array; //   one Ethernet frame
}

/** A neighbour and the least time that anything sent to it takes. Unit: ns, at least 5,000. */
export interface Lookahead {
  readonly neighbour: ProcessId;
  readonly latencyNs: number;
}

/** See the file's head. */
export interface LogicalProcess {
  readonly id: ProcessId;
  readonly name: string;
  /** Virtual time up to which everything has happened. */
  now(): number;
  /**
   * Does everything that happens strictly before `until`, then stands at `until`. The caller guarantees
   * that no message that arrives before `until` is still to be delivered. Splitting a run into several
   * calls at any times changes nothing.
   */
  run(until: number): void;
  /** Hands over a message from a neighbour; its arrival is not before now(), and may be far ahead of it. */
  deliver(message: WireMessage): void;
  /** Messages sent since the last call, in order of departure. Their bytes are not changed any more. */
  takeOutgoing(): WireMessage[];
  /**
   * Lookahead towards each neighbour at the present latencies. Always names every neighbour, also while
   * a cable is cut or the host is down; changes only when a command takes effect.
   */
  lookahead(): readonly Lookahead[];
  /**
   * Nothing that has not been sent yet arrives at `neighbour` before this time, if nothing comes in before `inputNs`. Not
   * less than now() plus the latency, which is what holds for a process that does not say. Not below an answer that was
   * given before, but for a command. Unit: ns.
   */
  earliestArrival?(neighbour: ProcessId, inputNs: number): number;
  /** Schedules a logged command; `atNs` is not before now(). Every process gets every command. */
  command(logged: LoggedCommand): void;
  /** Time of the next thing this process would do by itself; Infinity when it only waits. */
  nextEventTime(): number;
  /**
   * Nothing leaves this process before that time unless something arrives; now() when missing. At least the
   * time of its next event for a process that acts at events only.
   */
  nextSendTime?(): number;
  /** True while something happens that slow motion should show (a hand-over). Not part of the model. */
  wantsSlowMotion(): boolean;
  snapshot(): ProcessSnapshot;
  inspect(request: InspectionRequest): InspectionReply;
  /** This process's hash so far: 16 hexadecimal digits. Equal for equal histories, however they were cut. */
  hash(): string;
  /**
   * Least time t > now() such that run(t) completes at least one more instruction of that VM; Infinity
   * when it is not here or does not run. For stepping.
   */
  nextInstructionTime?(vm: number): number;
  /** Buffer of the host's WebAssembly.Memory, for the screen's painters; undefined when it has none. */
  memory?(): ArrayBufferLike | undefined;
  /** Checkpoints of this process: everything of its state, taken at a cut. Without, it cannot be rewound. */
  readonly checkpoints?: CheckpointPart;
  /** Hash of the whole state at this cut, more than {@link hash} at its last hash point. Changes nothing. */
  stateHash?(): string;
  /** What repeating the history so far costs. Unit: guest instructions. Part of the state. */
  work?(): number;
  /** Time of the last event before `beforeNs` (now() or one less), and start of a VM's last instruction here; −1 for none. */
  lastEventTime?(beforeNs: number): number;
  lastInstructionTime?(vm: number): number;
  /** All frames seen by this process's tap so far, as one pcapng file; undefined when none is kept. */
  capture?(): Uint8Array | undefined;
  /** A file that a mechanism of this process keeps under that name (a snapshot as an ELF core); undefined when there is none. */
  snapshotFile?(name: string): Uint8Array | undefined;
}
