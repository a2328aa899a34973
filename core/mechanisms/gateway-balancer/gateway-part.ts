/**
 * What a gateway is at either site: a staging disk with update sets in the order in which they came, a processor that
 * takes one after the other, meters, a score that is reported each epoch, faults, and what is left after a loss of
 * power. What comes in, where it goes, and when it may be forgotten is a matter of the two sites' own gateways.
 */
import { type Hash64, hashInteger, hashText, NS_PER_SECOND } from '../../base/index.ts';
import { type ChannelOwner, type Message, type MessageChannel, message } from '../../storage/index.ts';
import type { EventArguments } from '../../sim/event-queue.ts';
import type { StreamConnection, StreamHandler } from '../host-ports.ts';
import type { NodePart, NodePorts } from '../node-ports.ts';
import { acceptedChannel, TCP_PORTS } from './channels.ts';
import { FlowMeter } from './flow-meter.ts';
import { GatewayFaults } from './gateway-faults.ts';
import { type GatewayFill, GatewayLoad } from './gateway-load.ts';
import { Staging, type StagingOwner } from './staging.ts';
import type { GatewayTold } from './told.ts';

/** Frames that wait for the network or their acknowledgement at most, before the processor rests: a gateway's memory. */
const MEMORY_BYTES = 1_000_000;

/** An update set that is here. */
export interface StagedSet {
  readonly workload: number;
  readonly term: number;
  readonly sequence: number;
  readonly sealedAtNs: number;
  readonly rawBytes: number;
  readonly file: string; //       on the staging disk
  state: 'syncing' | 'waiting' | 'working' | 'ready' | 'sent';
  frame: Uint8Array | undefined; // in memory; undefined before the processor has made it
}

/** See the file's head. */
export abstract class GatewayPart implements NodePart, ChannelOwner, StagingOwner {
  protected readonly ports: NodePorts;
  protected readonly staging: Staging;
  protected readonly load: GatewayLoad;
  protected site: MessageChannel | undefined; //  the taps' and the balancer's
  /** In the order in which they came. */
  protected sets: StagedSet[] = [];
  protected readonly came = new FlowMeter();
  private readonly side: 0 | 1;
  private readonly faults: GatewayFaults;
  private isWorking = false;
  private memoryBytes = 0; //      of frames
  private backlogBytes = 0; //     raw, of sets that are not applied
  private shippedBytes = 0; //     of frames, since the start
  private readonly shipped = new FlowMeter();

  constructor(ports: NodePorts, side: 0 | 1) {
    this.ports = ports;
    this.side = side;
    this.staging = new Staging(ports, this);
    this.load = new GatewayLoad(ports);
    this.faults = new GatewayFaults(ports, this.staging);
    ports.listen(TCP_PORTS.gateway, (connection) => this.acceptSite(connection));
    ports.schedule(ports.knob('epoch'), 'epoch', { epoch: 1 });
  }

  private acceptSite(connection: StreamConnection): StreamHandler {
    this.site?.end();
    const channel = acceptedChannel(this, connection);
    this.site = channel;
    return channel;
  }

  // ── What a site's own gateway does ────────────────────────────────────────────────────────────

  /** A message of the production site, or of another gateway or volume. */
  protected abstract onSaid(channel: MessageChannel, said: Message): void;
  abstract onChannelUp(channel: MessageChannel): void;
  abstract onChannelDown(channel: MessageChannel): void;
  abstract onStagingFailed(file: string): void;
  /** What the processor takes next; undefined when nothing is to be done now. */
  protected abstract findWork(): StagedSet | undefined;
  /** The processor is through with it. */
  protected abstract onWorkDone(set: StagedSet): void;
  /** The set is safe on the staging disk. */
  protected onStaged(_set: StagedSet): void {}
  /** A set that is whole on the disk after a loss of power; undefined when it is of no use. */
  protected abstract recovered(file: string): StagedSet | undefined;
  /** A connection is to be tried again. */
  protected abstract onCall(args: EventArguments): void;
  protected onEpochBegins(): void {}
  /** Whether a workload is just being moved to here or away. */
  protected isMoving(): boolean {
    return false;
  }
  /** Memory has been taken or is free again. */
  protected onMemory(): void {}
  protected hashOwn(_hash: Hash64): void {}
  protected forgetOwn(): void {}

  // ── Sets ──────────────────────────────────────────────────────────────────────────────────────

  onMessage(channel: MessageChannel, said: Message): void {
    this.load.received += said.payload.length + 40;
    if (said.name === 'ping' && channel === this.site) channel.post(message('pong', 0, 0, { first: said.first }));
    else this.onSaid(channel, said);
  }

  protected isMemoryFull(): boolean {
    return this.memoryBytes >= MEMORY_BYTES;
  }

  /** A set has come, or is here again after a loss of power. */
  protected take(set: StagedSet): void {
    this.sets.push(set);
    this.memoryBytes += set.frame?.length ?? 0;
    this.backlogBytes += set.rawBytes;
  }

  /** The processor has made a set's frame. */
  protected hold(set: StagedSet, frame: Uint8Array): void {
    set.frame = frame;
    this.memoryBytes += frame.length;
  }

  /** Sets that are over leave: their files and their memory are free. */
  protected release(isOver: (set: StagedSet) => boolean): void {
    const before = this.sets.length;
    this.sets = this.sets.filter((set) => {
      if (!isOver(set)) return true;
      this.staging.remove(set.file);
      this.memoryBytes -= set.frame?.length ?? 0;
      this.backlogBytes -= set.rawBytes;
      return false;
    });
    if (this.sets.length < before) this.onMemory();
  }

  onSafe(file: string): void {
    const set = this.sets.find((it) => it.file === file);
    if (set?.state !== 'syncing') return;
    set.state = 'waiting';
    this.onStaged(set);
    this.work();
  }

  /** The processor takes so many raw bytes a second, one set after the other. */
  protected work(): void {
    const set = this.isWorking ? undefined : this.findWork();
    if (set === undefined) return;
    this.isWorking = true;
    set.state = 'working';
    const takesNs = Math.max(1, Math.round((set.rawBytes * NS_PER_SECOND) / this.faults.capacity()));
    this.ports.schedule(this.ports.now() + takesNs, 'worked', { file: set.file });
  }

  private onWorked(file: string): void {
    this.isWorking = false;
    const set = this.sets.find((it) => it.file === file);
    if (set?.state === 'working') this.onWorkDone(set);
    this.work();
  }

  /** A finished frame goes on its way. */
  protected send(channel: MessageChannel, set: StagedSet, frame: Uint8Array): void {
    set.state = 'sent';
    this.shippedBytes += frame.length;
    this.shipped.onBytes(set.workload, frame.length);
    channel.post(message('set', set.workload, set.term, { first: set.sequence, payload: frame }));
  }

  // ── Events ────────────────────────────────────────────────────────────────────────────────────

  onEvent(kind: string, args: EventArguments, now: number): void {
    switch (kind) {
      case 'disk':
        this.staging.disk.onEvent(now);
        return;
      case 'worked':
        this.onWorked(String(args['file']));
        return;
      case 'call':
        this.onCall(args);
        return;
      case 'epoch':
        this.onEpoch(Number(args['epoch']), now);
        return;
      default:
        this.faults.onEvent(kind, now);
    }
  }

  private onEpoch(epoch: number, now: number): void {
    const { ports, faults, load } = this;
    ports.schedule(now + ports.knob('epoch'), 'epoch', { epoch: epoch + 1 });
    this.onEpochBegins();
    this.came.onEpoch(now, ports.knob('smoothing'));
    this.shipped.onEpoch(now, ports.knob('smoothing'));
    load.onEpoch(this.fill(), faults.capacity());
    const score = faults.reportedScore(load.score);
    if (score !== undefined) this.site?.post(load.report(epoch, this.fill(), faults.capacity(), score));
  }

  private fill(): GatewayFill {
    const oldest = this.sets[0];
    return {
      memoryUse: Math.min(1, this.memoryBytes / MEMORY_BYTES),
      stagingUse: this.staging.use(),
      backlogBytes: this.backlogBytes,
      backlogAgeNs: oldest === undefined ? 0 : Math.max(0, this.ports.now() - oldest.sealedAtNs),
    };
  }

  onFault(fault: string, target: string): void {
    this.faults.onFault(fault, target, this.isMoving());
  }

  onKnob(knob: string, value: number): void {
    if (knob === 'staging-capacity') this.staging.setCapacity(value);
  }

  onPowerLoss(): void {
    this.site = undefined;
    this.sets = [];
    this.isWorking = false;
    this.memoryBytes = 0;
    this.backlogBytes = 0;
    this.forgetOwn();
    this.staging.onCrash();
    this.faults.onPowerLoss();
    this.came.stop();
    this.shipped.stop();
    this.load.reset();
  }

  /** What is whole on the disk is there again. */
  onBoot(): void {
    for (const file of this.staging.recover()) {
      const set = this.recovered(file);
      if (set !== undefined) this.take(set);
    }
    const { ports } = this;
    const epochNs = ports.knob('epoch');
    const epoch = Math.floor(ports.now() / epochNs) + 1;
    ports.schedule(epoch * epochNs, 'epoch', { epoch });
  }

  // ── What is told ──────────────────────────────────────────────────────────────────────────────

  told(): GatewayTold {
    const { load, staging } = this;
    return {
      site: this.side,
      isUp: this.ports.isUp(),
      use: { ...load.use },
      score: load.score,
      capacityBytesPerSecond: this.faults.capacity(),
      workBytesPerSecond: load.workBytesPerSecond,
      memoryBytes: this.memoryBytes,
      memoryCapacityBytes: MEMORY_BYTES,
      stagingBytes: staging.disk.usedBytes(),
      stagingCapacityBytes: staging.disk.settings.capacityBytes,
      backlogBytes: this.backlogBytes,
      backlogAgeNs: this.fill().backlogAgeNs,
      backlogByWorkload: this.backlogByWorkload(),
      shippedBytes: this.shippedBytes,
      came: this.came.told(),
      shipped: this.shipped.told(),
      networkBytes: this.ports.wireBytes() + load.received,
      faults: this.faults.list(),
    };
  }

  private backlogByWorkload(): GatewayTold['backlogByWorkload'] {
    const bytes = new Map<number, number>();
    for (const set of this.sets) bytes.set(set.workload, (bytes.get(set.workload) ?? 0) + set.rawBytes);
    return [...bytes].map(([workload, byteCount]) => ({ workload, byteCount })).toSorted((left, right) => left.workload - right.workload);
  }

  hashInto(hash: Hash64): void {
    for (const value of this.staging.disk.fingerprint()) hashInteger(hash, value);
    for (const set of this.sets) {
      hashText(hash, set.file);
      hashText(hash, set.state);
    }
    this.hashOwn(hash);
    hashInteger(hash, this.memoryBytes);
    this.load.hashInto(hash);
    this.shipped.hashInto(hash);
    this.faults.hashInto(hash);
  }
}
