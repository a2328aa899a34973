/**
 * Where a mechanism meets a host: what one host's share of a mechanism is told ({@link Attachment}) and what
 * it may use ({@link HostPorts}). core/world puts both together for every host; it knows no mechanism by name.
 *
 * An attachment's state lies in its fields, for checkpoints walk them: no #private names, nothing in closures.
 */
import type { Hash64 } from '../base/index.ts';
import type { Host } from '../hypervisor/host.ts';
import type { Vm } from '../hypervisor/vm.ts';
import type { LinkEnd } from '../network/index.ts';
import type { MechanismRequest, Refusal } from '../protocol/command.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { MigrationSnapshot } from '../protocol/snapshot.ts';
import type { EventArguments } from '../sim/event-queue.ts';

/** One TCP connection. All calls are synchronous; the handlers are called inside events. */
export interface StreamConnection {
  /** Copies bytes into the send buffer; gives how many fitted. */
  send(bytes: Uint8Array): number;
  /** Free bytes of the send buffer. */
  sendSpace(): number;
  /** Bytes taken by `send` so far, and how many of them the peer has acknowledged. */
  sentByteCount(): number;
  acknowledgedByteCount(): number;
  /** Takes received bytes that are in order and lie together; empty when there are no more. */
  receive(): Uint8Array;
  close(): void;
  abort(): void;
}

/** What a connection tells its user. */
export interface StreamHandler {
  onConnected(): void;
  onReadable(): void;
  onAcknowledged(): void;
  onClosed(why: string): void;
}

/** Who is asked for a handler when a connection is accepted. */
export type Acceptor = (connection: StreamConnection) => StreamHandler;

/** One host's share of a mechanism. See the file's head. */
export interface Attachment {
  /** A request of the contract takes effect. Every host is told; each does its part. */
  onRequest(request: MechanismRequest): void;
  /** A knob of the contract has this value now. Only in worlds of this mechanism's lab. */
  onKnob?(knob: string, value: number): void;
  /** A fault of the contract happens; `target` is '' when none was named. Only in worlds of its lab. */
  onFault?(fault: string, target: string): void;
  /** A frame that is no IP has arrived from a neighbour, at a host that has power. */
  onFrame?(frame: Uint8Array, from: number, now: number): void;
  /** What {@link HostPorts.schedule} asked for is due. */
  onEvent?(kind: string, args: EventArguments, now: number): void;
  /** The VM's vCPUs run from now on, may run no longer, or it leaves this host. Whoever did it. */
  onVmRuns?(vm: Vm, stoodSinceNs: number): void;
  onVmStands?(vm: Vm): void;
  onVmLeaves?(vm: Vm): void;
  /** Power is gone: events, connections and VMs went with it; what is on disk stays. */
  onPowerLoss?(): void;
  /** Power is back; ports listen again by themselves. */
  onBoot?(): void;
  /** Metrics by id, each millisecond; what is missing is not measured. Changes nothing but its own counters. */
  measure?(): Readonly<Record<string, number>>;
  /** Why no other mechanism may start on this VM now, as one sentence; undefined when any may. */
  holds?(vm: number): string | undefined;
  /** Moves of VMs from and to this host. */
  migrations?(): readonly MigrationSnapshot[];
  /** Anything else for the screen: plain JSON, under the mechanism's id in the snapshot. */
  told?(): unknown;
  /** A file for people: what is kept under that name, in a form that other tools open. */
  file?(name: string): Uint8Array | undefined;
  /** True while something happens that slow motion should show. */
  wantsSlowMotion?(): boolean;
  /** Why the request would be refused here and now; undefined when it would not. */
  findRefusal?(request: MechanismRequest): Refusal | undefined;
  /** Mixes what decides the future into the run hash. */
  hashInto(hash: Hash64): void;
}

/** What an attachment may use of its host. */
export interface HostPorts {
  readonly id: number;
  readonly name: string;
  readonly scenario: Scenario;
  /** The hypervisor's host: VMs, memory, machine. */
  readonly host: Host;
  now(): number;
  /** An event of this mechanism at `timeNs`; it comes to {@link Attachment.onEvent}, and into the hash. */
  schedule(timeNs: number, kind: string, args: EventArguments): void;
  /** Present value of a knob of the contract: the world's in its own lab, the default elsewhere. */
  knob(id: string): number;
  links(): readonly LinkEnd[];
  hostName(id: number): string;
  isNeighbour(id: number): boolean;
  /** Bytes of all frames that the port towards `to`, and all ports, have put on the wire. */
  wireByteCount(to: number): number;
  wireBytes(): number;
  /** Pages that guests wrote in the last hash period, scaled to a second. Costs the model nothing. */
  writtenPagesPerSecond(): number;
  /** Puts a frame that is no IP on the way to a process. */
  sendFrame(to: number, frame: Uint8Array): void;
  /** Takes connections to a TCP port, also after each boot. A port has one mechanism. */
  listen(port: number, accept: Acceptor): void;
  connect(to: number, port: number, handler: StreamHandler): StreamConnection;
  /** A tick on the timeline. `entity`: 'vm:1', 'host:0', 'link:0-1', 'migration:1'. */
  note(kind: string, entity: string, text: string): void;
  /** Types into a VM's console; into one that stands or arrives once it runs here. */
  typeInto(vm: number, text: string): void;
  /** Tells the world and every attachment of this host what the mechanism has just done to a VM. */
  vmRuns(vm: Vm, stoodSinceNs: number): void;
  vmStands(vm: Vm): void;
  vmLeaves(vm: Vm): void;
  /** What another mechanism of this host has against a start on this VM; undefined when nothing. */
  heldByOthers(vm: number): string | undefined;
  /** Asks another mechanism of this host, as a command would. Nothing happens when none has that request. */
  ask(request: MechanismRequest): void;
  /** Power is lost, and comes back after the boot time. */
  losePower(): void;
  /** Every free frame goes to another tenant; gives how many. */
  takeAllFrames(): number;
}
