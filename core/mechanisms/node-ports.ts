/**
 * Processes that are no hosts: gateways, sites, switches, arrays, pods. A lab brings their kinds
 * ({@link ProcessKind}); core/world builds them and gives each what every process has: an event queue, ports
 * and a TCP stack, commands, samples, hash points, checkpoints, a capture. They have no WebAssembly memory.
 *
 * A part's state lies in its fields, for checkpoints walk them: no #private names, nothing in closures.
 */
import type { Hash64 } from '../base/index.ts';
import type { LinkEnd } from '../network/index.ts';
import type { MechanismRequest, Refusal } from '../protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../protocol/inspection.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { SampleRing } from '../metrics/index.ts';
import type { EventArguments } from '../sim/event-queue.ts';
import type { LogicalProcess } from '../sim/logical-process.ts';
import type { Acceptor, StreamConnection, StreamHandler } from './host-ports.ts';

/** A kind of process: what a node of it is made by, or a whole process of its own making. */
export type ProcessKind = NodeKind | OwnKind;

/** Built on the world's node: the usual way. */
export interface NodeKind {
  readonly kind: string; //         'gateway'; part of entities such as 'gateway:3'
  /** True: it passes on frames that are not for it ({@link NodePart.onFrame}), so ways may lead over it. */
  readonly passesOn: boolean;
  attach(ports: NodePorts): NodePart;
}

/** A process that keeps its own time, for what one node's event queue would be too slow. */
export interface OwnKind {
  readonly kind: string;
  readonly passesOn: false;
  build(options: OwnProcessOptions): LogicalProcess;
}

/** What a process of its own making is built from. */
export interface OwnProcessOptions {
  readonly scenario: Scenario;
  readonly id: number;
  readonly ring: SampleRing | undefined;
  readonly capture: boolean;
}

/** What a node does. See the file's head. */
export interface NodePart {
  /** A request of the lab's contract takes effect. Every process is told; each does its part. */
  onRequest?(request: MechanismRequest): void;
  onKnob?(knob: string, value: number): void;
  /** `target` is '' when none was named. */
  onFault?(fault: string, target: string): void;
  /** What {@link NodePorts.schedule} asked for is due. */
  onEvent?(kind: string, args: EventArguments, now: number): void;
  /** A frame for the process `to` has arrived here; only of kinds that pass frames on. */
  onFrame?(frame: Uint8Array, to: number, now: number): void;
  /** Power is gone: events and connections went with it. What was not durable must be forgotten here. */
  onPowerLoss?(): void;
  /** Power is back; ports listen again by themselves. */
  onBoot?(): void;
  /** Metrics by id, each millisecond; what is missing is not measured. Changes nothing but its own counters. */
  measure?(): Readonly<Record<string, number>>;
  /** What the screen is told: compact plain JSON. */
  told(): unknown;
  file?(name: string): Uint8Array | undefined;
  wantsSlowMotion?(): boolean;
  /** Why the request would be refused here and now; undefined when it would not. */
  findRefusal?(request: MechanismRequest): Refusal | undefined;
  /** What it can show beyond {@link told}; undefined for what it cannot. Changes nothing. */
  inspect?(request: InspectionRequest): InspectionReply | undefined;
  /** Mixes what decides the future into the run hash. */
  hashInto(hash: Hash64): void;
}

/** What a node may use. */
export interface NodePorts {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly scenario: Scenario;
  /** Of its row in the scenario. */
  readonly parameters: Readonly<Record<string, number>>;
  now(): number;
  /** An event of this node at `timeNs`; it comes to {@link NodePart.onEvent}, and into the hash. */
  schedule(timeNs: number, kind: string, args: EventArguments): void;
  /** Present value of a knob of the lab's contract. */
  knob(id: string): number;
  links(): readonly LinkEnd[];
  nameOf(process: number): string;
  /** Bytes of all frames that the ports have put on the wire. */
  wireBytes(): number;
  /** Puts a frame on the way to a process, as it is. */
  forward(frame: Uint8Array, to: number): void;
  /** Takes connections to a TCP port, also after each boot. */
  listen(port: number, accept: Acceptor): void;
  connect(to: number, port: number, handler: StreamHandler): StreamConnection;
  /** A tick on the timeline. */
  note(kind: string, entity: string, text: string): void;
  isUp(): boolean;
  /** Power is lost, and comes back after `bootNs`; Infinity: never. */
  losePower(bootNs: number): void;
}
