/**
 * The migration service as one host has it: requests, knobs and faults of the contract turned into calls of
 * the mechanism. Of what happens to the whole lab, each host does its part.
 */
import type { Hash64 } from '../../base/index.ts';
import type { Vm } from '../../hypervisor/vm.ts';
import type { MechanismRequest, Refusal } from '../../protocol/command.ts';
import type { MigrationSnapshot } from '../../protocol/snapshot.ts';
import type { EventArguments } from '../../sim/event-queue.ts';
import type { Attachment, HostPorts } from '../host-ports.ts';
import { TELL_GUESTS, tellKnob } from '../guest-words.ts';
import { MIGRATION_PORT, MigrationPort } from './host-port.ts';
import { MigrationMeasurement } from './measurement.ts';
import { PrecopyMigration } from './mechanism.ts';

/** The host that the lab's faults call the destination, when they name none. */
const DESTINATION = 'host:1';

/** See the file's head. */
export class MigrationAttachment implements Attachment {
  readonly service: PrecopyMigration;
  private readonly ports: HostPorts;
  private readonly measurement: MigrationMeasurement;

  constructor(ports: HostPorts) {
    this.ports = ports;
    this.service = new PrecopyMigration(new MigrationPort(ports), {
      downtimeLimitNs: Math.round(ports.knob('downtime-limit')),
      roundLimit: Math.round(ports.knob('round-limit')),
      throttleAllowed: ports.knob('throttle') === 1,
    });
    this.measurement = new MigrationMeasurement(ports.host, this.service, ports);
    ports.listen(MIGRATION_PORT, (connection) => this.service.accept(connection));
  }

  onRequest(request: MechanismRequest): void {
    const vm = Number(request.arguments['vm']);
    if (!this.holdsRight(vm)) return;
    if (request.name === 'migrate')
      this.service.migrate(vm, Number(request.arguments['to']), this.mode());
    else this.service.cancel(vm);
  }

  findRefusal(request: MechanismRequest): Refusal | undefined {
    if (request.name !== 'migrate') return undefined;
    return this.service.findRefusal(
      Number(request.arguments['vm']),
      Number(request.arguments['to']),
    );
  }

  onKnob(knob: string, value: number): void {
    const { ports } = this;
    const { settings } = this.service;
    switch (knob) {
      case 'bandwidth':
        for (const link of ports.links()) link.setBandwidth(Math.round(value));
        break;
      case 'latency':
        for (const link of ports.links()) link.setLatency(Math.round(value));
        break;
      case 'loss':
        for (const link of ports.links()) link.setLoss(Math.round(value * 10_000));
        break;
      case 'downtime-limit':
        settings.downtimeLimitNs = Math.round(value);
        break;
      case 'round-limit':
        settings.roundLimit = Math.round(value);
        break;
      case 'throttle':
        settings.throttleAllowed = value === 1;
        break;
      default:
        tellKnob(ports, knob);
    }
    this.service.onSettings();
  }

  onFault(fault: string, target: string): void {
    const { ports } = this;
    const isDestination = (target === '' ? DESTINATION : target) === `host:${ports.id}`;
    switch (fault) {
      case 'cut-link':
      case 'mend-link':
        this.onCable(fault, target);
        break;
      case 'destination-memory':
        if (isDestination && ports.host.state === 'up') {
          const count = ports.takeAllFrames();
          ports.note('fault', `host:${ports.id}`, `another tenant took ${count} frames`);
        }
        break;
      case 'destination-crash':
        if (isDestination) {
          ports.note('fault', `host:${ports.id}`, `${ports.name} loses power`);
          ports.losePower();
        }
        break;
      case 'second-migration':
        this.askAgain();
        break;
      case 'cancel':
        for (const it of this.service.activeOutgoing()) this.service.cancel(it.vm.id);
        break;
    }
  }

  onEvent(kind: string, args: EventArguments): void {
    if (kind === TELL_GUESTS) tellKnob(this.ports, String(args['knob']));
    else this.service.onEvent(kind, Number(args['serial']), Number(args['value']));
  }

  onVmRuns(vm: Vm): void {
    this.measurement.resetGap(vm.id);
  }

  onVmStands(vm: Vm): void {
    this.measurement.resetGap(vm.id);
  }

  onVmLeaves(vm: Vm): void {
    this.measurement.forgetVm(vm.id);
  }

  onPowerLoss(): void {
    this.service.onPowerLoss();
  }

  measure(): Readonly<Record<string, number>> {
    return this.measurement.measure();
  }

  holds(vm: number): string | undefined {
    const going = this.service.findOutgoing(vm);
    if (going !== undefined)
      return `VM ${vm} '${going.vm.name}' is migrating to ${this.ports.hostName(going.to)}.`;
    return this.service.findIncoming(vm)
      ? `VM ${vm} is still arriving on ${this.ports.name}.`
      : undefined;
  }

  migrations(): readonly MigrationSnapshot[] {
    return this.service.snapshots();
  }

  wantsSlowMotion(): boolean {
    return this.service.handsOver();
  }

  hashInto(hash: Hash64): void {
    this.service.hashInto(hash);
  }

  /** Whether this host has the copy of a VM that holds the right to run. */
  private holdsRight(vm: number): boolean {
    const found = this.ports.host.findVm(vm);
    return found !== undefined && found.state !== 'incoming';
  }

  private mode(): 'pre-copy' | 'stop-and-copy' {
    const { lab, baseline } = this.ports.scenario;
    return lab === 'precopy-migration' && baseline !== '' ? 'stop-and-copy' : 'pre-copy';
  }

  /** Cuts or mends this host's end of the cable that is meant, of all its cables when none is. The lower end tells. */
  private onCable(fault: 'cut-link' | 'mend-link', target: string): void {
    const { id } = this.ports;
    for (const link of this.ports.links()) {
      const [low, high] = [Math.min(id, link.destination), Math.max(id, link.destination)];
      if (target !== '' && target !== `link:${low}-${high}`) continue;
      if (fault === 'cut-link') link.cut();
      else link.mend();
      if (id !== low) continue;
      this.ports.note(
        'fault',
        `link:${low}-${high}`,
        fault === 'cut-link' ? 'the link is cut' : 'the link is mended',
      );
    }
  }

  /** A second migration of a VM that is migrating: refused by name. Of one that is not, nothing is asked. */
  private askAgain(): void {
    const { ports } = this;
    const going = this.service.activeOutgoing();
    for (const it of going) this.service.migrate(it.vm.id, it.to, this.mode());
    if (going.length === 0 && ports.host.vms().some((vm) => vm.state === 'running')) {
      ports.note(
        'refused',
        `host:${ports.id}`,
        'no migration is going on, so there is no second one to ask for',
      );
    }
  }
}
