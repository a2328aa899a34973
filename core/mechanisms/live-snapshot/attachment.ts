/**
 * Snapshots as one host has them: requests, knobs and faults of the contract turned into calls of the service.
 * In its own lab somebody types as well (session.ts), and the lab's baselines take their own ways.
 */
import type { Hash64 } from '../../base/index.ts';
import { decodeSnapshot } from '../../formats/snapshot-file.ts';
import { encodeCore } from '../../hypervisor/core-file.ts';
import { saveMachine } from '../../hypervisor/machine-record.ts';
import type { Vm } from '../../hypervisor/vm.ts';
import type { MechanismRequest, Refusal } from '../../protocol/command.ts';
import type { EventArguments } from '../../sim/event-queue.ts';
import { TELL_GUESTS, tellKnob } from '../guest-words.ts';
import type { Attachment, HostPorts } from '../host-ports.ts';
import type { SnapshotJob } from './mechanism.ts';
import type { SnapshotMode } from './ports.ts';
import { SnapshotService } from './service.ts';
import { echoOf, TypingSession } from './session.ts';
import type { LiveSnapshotTold } from './told.ts';

const SAMPLES_PER_SECOND = 1_000;
/** Answers that the ribbon shows. */
const RECENT_MAX = 256;
/** The host whose disk and power the lab's faults mean when they name none. */
const FAULTY_HOST = 'host:0';

export class LiveSnapshotAttachment implements Attachment {
  readonly service: SnapshotService;
  readonly session: TypingSession;
  private readonly ports: HostPorts;
  private readonly isLab: boolean;
  private writtenBefore = 0;

  constructor(ports: HostPorts) {
    this.ports = ports;
    this.isLab = ports.scenario.lab === 'live-snapshot';
    this.service = new SnapshotService(ports, {
      queueBytes: Math.round(ports.knob('queue-cap')),
      reservePercent: Math.round(ports.knob('queue-reserve')),
      sweepPagesPerSecond: Math.round(ports.knob('sweep-rate')),
      codec: Math.round(ports.knob('codec')),
      pagesPerFault: Math.round(ports.knob('page-size')),
    }, {
      bandwidthBytesPerSecond: Math.round(ports.knob('disk-bandwidth')),
      latencyNs: Math.round(ports.knob('disk-latency')),
      capacityBytes: Math.round(ports.knob('disk-capacity')),
    });
    this.session = new TypingSession(ports);
    if (this.isLab) this.session.schedule();
  }

  onRequest(request: MechanismRequest): void {
    const vm = Number(request.arguments['vm']);
    const name = String(request.arguments['name'] ?? '');
    const { service } = this;
    if (request.name === 'take-snapshot') {
      if (this.isHere(vm)) service.take(vm, name, this.mode());
      return;
    }
    if (!service.files().some((file) => file.name === name)) return;
    if (request.name === 'restore-snapshot') service.restore(name, vm);
    else if (request.name === 'fork-snapshot') service.fork(name, String(request.arguments['as'] ?? ''));
    else service.delete(name);
  }

  findRefusal(request: MechanismRequest): Refusal | undefined {
    const vm = Number(request.arguments['vm']);
    const name = String(request.arguments['name'] ?? '');
    if (request.name === 'take-snapshot') return this.service.findTakeRefusal(vm, name);
    if (request.name === 'delete-snapshot') return undefined;
    return this.service.findRestoreRefusal(name, vm, request.name === 'fork-snapshot');
  }

  onKnob(knob: string, value: number): void {
    const { settings, disk } = this.service;
    const whole = Math.round(value);
    switch (knob) {
      case 'disk-bandwidth':
        disk.settings.bandwidthBytesPerSecond = whole;
        break;
      case 'disk-latency':
        disk.settings.latencyNs = whole;
        break;
      case 'disk-capacity':
        disk.settings.capacityBytes = whole;
        break;
      case 'queue-cap':
        settings.queueBytes = whole;
        break;
      case 'queue-reserve':
        settings.reservePercent = whole;
        break;
      case 'sweep-rate':
        settings.sweepPagesPerSecond = whole;
        break;
      case 'codec':
        settings.codec = whole;
        break;
      case 'page-size':
        settings.pagesPerFault = whole;
        break;
      default:
        tellKnob(this.ports, knob);
    }
    this.service.onSettings();
  }

  onFault(fault: string, target: string): void {
    const { ports, service } = this;
    const { disk } = service;
    if (fault === 'second-snapshot' || fault === 'migration-start') {
      this.onAskedMeanwhile(fault);
      return;
    }
    if ((target === '' ? FAULTY_HOST : target) !== `host:${ports.id}` || ports.host.state !== 'up') return;
    switch (fault) {
      case 'disk-full':
        disk.settings.capacityBytes = disk.usedBytes();
        break;
      case 'disk-error':
        // Half a page further: in the middle of whatever is written next.
        disk.failAfterBytes = disk.writtenBytes + 2048;
        break;
      case 'disk-slow':
        disk.settings.bandwidthBytesPerSecond = Math.max(1, Math.round(disk.settings.bandwidthBytesPerSecond / 10));
        break;
      case 'disk-mend':
        disk.settings.bandwidthBytesPerSecond = Math.round(ports.knob('disk-bandwidth'));
        disk.settings.capacityBytes = Math.round(ports.knob('disk-capacity'));
        disk.failAfterBytes = Number.POSITIVE_INFINITY;
        break;
      case 'host-crash':
        ports.note(fault, `host:${ports.id}`, `${ports.name} loses power`);
        ports.losePower();
        return;
    }
    ports.note(fault, `host:${ports.id}`, `the disk of ${ports.name}`);
  }

  /** Asked for while something else may be under way: refused by name, or carried out. */
  private onAskedMeanwhile(fault: string): void {
    const { ports, service } = this;
    for (const vm of ports.host.vms()) {
      if (vm.state === 'incoming') continue;
      if (fault === 'migration-start') {
        const to = ports.scenario.hosts.find((host) => ports.isNeighbour(host.id))?.id;
        if (to !== undefined) ports.ask({ name: 'migrate', arguments: { vm: vm.id, to } });
      } else if (service.findActive(vm.id) !== undefined) service.take(vm.id, 'a second one', this.mode());
    }
  }

  onEvent(kind: string, args: EventArguments, now: number): void {
    if (kind === 'type') this.session.onType();
    else if (kind === TELL_GUESTS) tellKnob(this.ports, String(args['knob']));
    else this.service.onEvent(kind, Number(args['serial']), Number(args['value']), now);
  }

  onVmLeaves(vm: Vm): void {
    this.session.forget(vm);
    this.service.onVmLeaves(vm);
  }

  onPowerLoss(): void {
    this.service.onPowerLoss();
  }

  onBoot(): void {
    this.service.onBoot();
    if (this.isLab) this.session.schedule();
  }

  holds(vm: number): string | undefined {
    return this.service.holds(vm);
  }

  /** A snapshot as an ELF core; of a VM with devices it brings what these are made of, and the files of its disks. */
  file(name: string): Uint8Array | undefined {
    const bytes = this.service.read(name);
    const image = bytes === undefined ? undefined : decodeSnapshot(bytes);
    if (image?.ok !== true) return undefined;
    const devices = this.ports.host.devices.specs.get(image.value.head.vm)?.();
    const machine = devices === undefined ? undefined : saveMachine(devices);
    return encodeCore(machine === undefined ? image.value : { ...image.value, machine });
  }

  wantsSlowMotion(): boolean {
    return this.service.jobs.some((job) => job.state === 'freezing');
  }

  measure(): Readonly<Record<string, number>> {
    this.session.read();
    const { disk, jobs } = this.service;
    const diskRate = (disk.writtenBytes - this.writtenBefore) * SAMPLES_PER_SECOND;
    this.writtenBefore = disk.writtenBytes;
    const latest = this.session.answers.at(-1);
    const values: Record<string, number> = { 'disk-bytes-per-second': diskRate };
    const longestNs = this.session.takeLongest();
    if (latest !== undefined) {
      values['echo-latest'] = latest.latencyNs;
      values['echo-longest'] = longestNs < 0 ? latest.latencyNs : longestNs;
    }
    const job = jobs.at(-1);
    return job === undefined ? values : { ...values, ...this.measureJob(job) };
  }

  private measureJob(job: SnapshotJob): Record<string, number> {
    const told = job.told();
    const echo = this.echo();
    return {
      pause: told.resumedAtNs < 0 ? Number.NaN : told.resumedAtNs - told.takenAtNs,
      'echo-p50': echo.answered > 0 ? echo.p50Ns : Number.NaN,
      'echo-p99': echo.answered > 0 ? echo.p99Ns : Number.NaN,
      'total-time': told.endedAtNs < 0 ? Number.NaN : told.endedAtNs - told.startedAtNs,
      'stall-time': told.stallNs,
      faults: told.faults,
      'queue-bytes': told.queueBytes,
      'extra-memory': told.queueBytesMost,
      'pages-protected': job.active() ? told.protectedPages : 0,
      'pages-stored': told.storedPages,
      'pages-zero': told.zeroPages,
      'file-bytes': told.fileBytes,
    };
  }

  /** Of what was typed while the last snapshot was under way. */
  private echo(): LiveSnapshotTold['echo'] {
    const job = this.service.jobs.at(-1);
    const fromNs = job?.startedAtNs ?? 0;
    const untilNs = job === undefined || job.endedAtNs < 0 ? Number.POSITIVE_INFINITY : job.endedAtNs;
    return echoOf(this.session.answers, fromNs, untilNs);
  }

  told(): LiveSnapshotTold {
    if (this.isLab) this.session.read();
    const { disk, jobs, picture } = this.service;
    picture.paintAll(jobs.at(-1)); // after a journey in time, what is there is of another time
    return {
      jobs: jobs.map((job) => job.told()),
      files: this.service.files(),
      present: this.service.present(),
      disk: { ...disk.settings, usedBytes: disk.usedBytes(), writtenBytes: disk.writtenBytes },
      stallNs: this.service.stallNs(),
      echo: this.echo(),
      recentEchoes: this.session.answers.slice(-RECENT_MAX),
    };
  }

  hashInto(hash: Hash64): void {
    this.service.hashInto(hash);
  }

  /** Whether this host has the copy of a VM that holds the right to run. */
  private isHere(vm: number): boolean {
    const found = this.ports.host.findVm(vm);
    return found !== undefined && found.state !== 'incoming';
  }

  private mode(): SnapshotMode {
    const { baseline } = this.ports.scenario;
    if (!this.isLab || baseline === '') return 'live';
    return baseline === 'synchronous' ? 'synchronous' : 'stop-and-copy';
  }
}
