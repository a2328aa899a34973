/** What an attachment may use of its host process: one object a mechanism and host. No state of its own. */
import type { Host } from '../hypervisor/host.ts';
import type { Vm } from '../hypervisor/vm.ts';
import type {
  Acceptor,
  HostPorts,
  StreamConnection,
  StreamHandler,
} from '../mechanisms/host-ports.ts';
import type { LabDefinition } from '../mechanisms/lab.ts';
import type { MechanismRequest } from '../protocol/command.ts';
import type { LinkEnd } from '../network/index.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { EventArguments } from '../sim/event-queue.ts';
import { rank } from '../sim/rank.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import type { HostProcess } from './host-process.ts';

/** See the file's head. */
export class MechanismPorts implements HostPorts {
  static readonly [checkpointRules]: CheckpointRules = { scenario: 'value', lab: 'value' };
  readonly id: number;
  readonly name: string;
  readonly scenario: Scenario;
  readonly host: Host;
  private readonly owner: HostProcess;
  private readonly lab: LabDefinition;

  constructor(owner: HostProcess, lab: LabDefinition) {
    this.id = owner.id;
    this.name = owner.name;
    this.scenario = owner.scenario;
    this.host = owner.host;
    this.owner = owner;
    this.lab = lab;
  }

  now(): number {
    return this.host.now();
  }

  schedule(timeNs: number, kind: string, args: EventArguments): void {
    this.host.schedule(timeNs, rank.mechanism, `${this.lab.contract.id}.${kind}`, args);
  }

  knob(id: string): number {
    const { contract } = this.lab;
    const value = contract.id === this.scenario.lab ? this.owner.knobs[id] : undefined;
    return value ?? contract.knobs.find((knob) => knob.id === id)?.default ?? Number.NaN;
  }

  links(): readonly LinkEnd[] {
    return [...this.owner.links.values()];
  }

  sendFrame(to: number, frame: Uint8Array): void {
    this.owner.cabling.transmit(frame, to, this.host.now());
  }

  hostName(id: number): string {
    return this.owner.hostName(id);
  }

  isNeighbour(id: number): boolean {
    return this.owner.links.has(id);
  }

  wireByteCount(to: number): number {
    return this.owner.links.get(to)?.state.counters.sentBytes ?? 0;
  }

  wireBytes(): number {
    return this.owner.wireBytes();
  }

  writtenPagesPerSecond(): number {
    return this.owner.writtenPagesPerSecond();
  }

  listen(port: number, accept: Acceptor): void {
    this.owner.streams.listen(port, accept);
  }

  connect(to: number, port: number, handler: StreamHandler): StreamConnection {
    return this.owner.connect(to, port, handler);
  }

  note(kind: string, entity: string, text: string): void {
    this.host.log({ timeNs: this.host.now(), kind, entity, text });
  }

  typeInto(vm: number, text: string): void {
    this.owner.typeInto(vm, text);
  }

  vmRuns(vm: Vm, stoodSinceNs: number): void {
    this.owner.onRuns(vm, stoodSinceNs);
  }

  vmStands(vm: Vm): void {
    this.owner.onStands(vm);
  }

  vmLeaves(vm: Vm): void {
    this.owner.onLeaves(vm);
  }

  heldByOthers(vm: number): string | undefined {
    for (const { lab, attachment } of this.owner.mechanisms) {
      const held = lab === this.lab ? undefined : attachment.holds?.(vm);
      if (held !== undefined) return held;
    }
    return undefined;
  }

  ask(request: MechanismRequest): void {
    this.owner.attachmentFor(request.name)?.onRequest(request);
  }

  losePower(): void {
    this.owner.losePower();
  }

  takeAllFrames(): number {
    return this.owner.takeAllFrames();
  }
}
