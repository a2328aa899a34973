/**
 * A gateway of the recovery site. Update sets are checked and staged as they come, wait for the processor (which
 * checks and unpacks so many raw bytes a second), and are handed to the recovery volumes in order. They are forgotten
 * when they were applied. When memory is full it stops reading, and in the end the gateway over there waits.
 */
import { type Hash64, hashInteger, hashText, NS_PER_SECOND } from '../../base/index.ts';
import { readUpdateSetHead } from '../../formats/update-set.ts';
import { type ChannelOwner, encodeMessage, type Message, type MessageChannel, message } from '../../storage/index.ts';
import type { EventArguments } from '../../sim/event-queue.ts';
import type { StreamConnection, StreamHandler } from '../host-ports.ts';
import type { NodePart, NodePorts } from '../node-ports.ts';
import { acceptedChannel, callChannel, RETRY_NS, TCP_PORTS } from './channels.ts';
import { FlowMeter } from './flow-meter.ts';
import { GatewayFaults } from './gateway-faults.ts';
import { type GatewayFill, GatewayLoad } from './gateway-load.ts';
import { MEMORY_BYTES } from './primary-gateway.ts';
import { ownerOf, Staging, type StagingOwner } from './staging.ts';
import type { GatewayTold } from './told.ts';

/** A set that is here. */
interface ReceivedSet {
  readonly workload: number;
  readonly term: number;
  readonly sequence: number;
  readonly sealedAtNs: number;
  readonly rawBytes: number;
  readonly file: string;
  readonly frame: Uint8Array;
  state: 'syncing' | 'waiting' | 'working' | 'ready' | 'sent';
}

function ownerKey({ workload, term }: { readonly workload: number; readonly term: number }): string {
  return `${workload}.${term}`;
}

/** See the file's head. */
export class RecoveryGateway implements NodePart, ChannelOwner, StagingOwner {
  private readonly ports: NodePorts;
  private readonly staging: Staging;
  private readonly load: GatewayLoad;
  private readonly faults: GatewayFaults;
  private readonly recoverySite: number;
  private site: MessageChannel | undefined; //         the balancer's
  private volumes: MessageChannel | undefined;
  private readonly callers: MessageChannel[] = []; //  production gateways
  /** Who is told of a workload's sets, by `<workload>.<term>`: a former owner may still be sending. */
  private readonly byOwner = new Map<string, MessageChannel>();
  private sets: ReceivedSet[] = [];
  private isWorking = false;
  private memoryBytes = 0;
  private backlogBytes = 0;
  private shippedBytes = 0;
  private readonly came = new FlowMeter();
  private readonly shipped = new FlowMeter();

  constructor(ports: NodePorts) {
    this.ports = ports;
    this.staging = new Staging(ports, this);
    this.load = new GatewayLoad(ports);
    this.faults = new GatewayFaults(ports, this.staging);
    this.recoverySite = ports.parameters['recoverySite'] ?? -1;
    ports.listen(TCP_PORTS.gateway, (connection) => this.acceptSite(connection));
    ports.listen(TCP_PORTS.pair, (connection) => this.acceptCaller(connection));
    ports.schedule(ports.knob('epoch'), 'epoch', { epoch: 1 });
  }

  private acceptSite(connection: StreamConnection): StreamHandler {
    this.site?.end();
    const channel = acceptedChannel(this, connection);
    this.site = channel;
    return channel;
  }

  private acceptCaller(connection: StreamConnection): StreamHandler {
    const channel = acceptedChannel(this, connection);
    this.callers.push(channel);
    channel.hold(this.memoryBytes >= MEMORY_BYTES);
    return channel;
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────

  onMessage(channel: MessageChannel, said: Message): void {
    this.load.received += said.payload.length + 40;
    switch (said.name) {
      case 'ping':
        if (channel === this.site) channel.post(message('pong', 0, 0, { first: said.first }));
        return;
      case 'fence':
        this.byOwner.set(ownerKey(said), channel);
        this.volumesChannel().post(said);
        return;
      case 'set':
        this.byOwner.set(ownerKey(said), channel);
        this.onSet(channel, said);
        return;
      case 'fenced':
        this.byOwner.get(ownerKey(said))?.post(said);
        return;
      case 'applied':
        this.forgetSets((set) => set.workload === said.workload && set.sequence <= said.first);
        this.byOwner.get(ownerKey(said))?.post(said);
        return;
      case 'refused':
        this.forgetSets((set) => set.workload === said.workload && set.term <= said.term);
        this.byOwner.get(ownerKey(said))?.post(said);
        return;
      default:
    }
  }

  private onSet(channel: MessageChannel, said: Message): void {
    const head = readUpdateSetHead(said.payload);
    if (!head.ok) {
      channel.end(); // TCP brings what was sent; the other side sends it again over a new connection
      this.onChannelDown(channel);
      return;
    }
    const { workload, term, sequence, sealedAtNs, rawBytes } = head.value;
    if (this.sets.some((set) => set.workload === workload && set.term === term && set.sequence === sequence)) return;
    const bytes = encodeMessage(said);
    const file = this.staging.create(workload, term, bytes.length);
    if (file === undefined) {
      // No room: it is not acknowledged, and comes again when the connection is made anew.
      this.ports.note('staging-full', `gateway:${this.ports.id}`, `has no room for workload ${workload}`);
      channel.end();
      this.onChannelDown(channel);
      return;
    }
    this.load.onWork(rawBytes);
    this.came.onBytes(workload, rawBytes);
    this.sets.push({ workload, term, sequence, sealedAtNs, rawBytes, file, frame: said.payload, state: 'syncing' });
    this.memoryBytes += said.payload.length;
    this.backlogBytes += rawBytes;
    this.staging.append(file, bytes);
    this.staging.sync(file);
    this.holdCallers();
  }

  private holdCallers(): void {
    const isFull = this.memoryBytes >= MEMORY_BYTES;
    for (const caller of [...this.callers]) caller.hold(isFull);
  }

  // ── Sets ──────────────────────────────────────────────────────────────────────────────────────

  onSafe(file: string): void {
    const set = this.sets.find((it) => it.file === file);
    if (set?.state !== 'syncing') return;
    set.state = 'waiting';
    this.work();
  }

  onStagingFailed(file: string): void {
    this.forgetSets((set) => set.file === file);
    const caller = this.byOwner.get(ownerKey(ownerOf(file)));
    if (caller === undefined) return;
    caller.end();
    this.onChannelDown(caller);
  }

  private work(): void {
    if (this.isWorking) return;
    const set = this.sets.find((it) => it.state === 'waiting');
    if (set === undefined) return;
    this.isWorking = true;
    set.state = 'working';
    const takesNs = Math.max(1, Math.round((set.rawBytes * NS_PER_SECOND) / this.faults.capacity()));
    this.ports.schedule(this.ports.now() + takesNs, 'worked', { file: set.file });
  }

  private onWorked(file: string): void {
    this.isWorking = false;
    const set = this.sets.find((it) => it.file === file);
    if (set?.state === 'working') {
      set.state = 'ready';
      this.ship();
    }
    this.work();
  }

  private ship(): void {
    const channel = this.volumesChannel();
    if (!channel.isUp) return;
    for (const set of this.sets) {
      if (set.state !== 'ready') continue;
      set.state = 'sent';
      this.shippedBytes += set.frame.length;
      this.shipped.onBytes(set.workload, set.frame.length);
      channel.post(message('set', set.workload, set.term, { first: set.sequence, payload: set.frame }));
    }
  }

  private forgetSets(isOver: (set: ReceivedSet) => boolean): void {
    const before = this.sets.length;
    this.sets = this.sets.filter((set) => {
      if (!isOver(set)) return true;
      this.staging.remove(set.file);
      this.memoryBytes -= set.frame.length;
      this.backlogBytes -= set.rawBytes;
      return false;
    });
    if (this.sets.length < before) this.holdCallers();
  }

  // ── Channels ──────────────────────────────────────────────────────────────────────────────────

  private volumesChannel(): MessageChannel {
    this.volumes ??= callChannel(this.ports, this, this.recoverySite, TCP_PORTS.volumes);
    return this.volumes;
  }

  onChannelUp(channel: MessageChannel): void {
    if (channel === this.volumes) this.ship();
  }

  onChannelDown(channel: MessageChannel): void {
    if (channel === this.site) this.site = undefined;
    if (channel === this.volumes) {
      this.volumes = undefined;
      for (const set of this.sets) if (set.state === 'sent') set.state = 'ready';
      this.ports.schedule(this.ports.now() + RETRY_NS, 'call', {});
    }
    const index = this.callers.indexOf(channel);
    if (index >= 0) this.callers.splice(index, 1);
    for (const [owner, caller] of [...this.byOwner]) if (caller === channel) this.byOwner.delete(owner);
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
        this.ship();
        return;
      case 'epoch':
        this.onEpoch(Number(args['epoch']), now);
        return;
      default:
        this.faults.onEvent(kind, now);
    }
  }

  private onEpoch(epoch: number, now: number): void {
    this.ports.schedule(now + this.ports.knob('epoch'), 'epoch', { epoch: epoch + 1 });
    const capacity = this.faults.capacity();
    this.came.onEpoch(now, this.ports.knob('smoothing'));
    this.shipped.onEpoch(now, this.ports.knob('smoothing'));
    this.load.onEpoch(this.fill(), capacity);
    const score = this.faults.reportedScore(this.load.score);
    if (score !== undefined) this.site?.post(this.load.report(epoch, this.fill(), capacity, score));
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
    this.faults.onFault(fault, target, false);
  }

  onKnob(knob: string, value: number): void {
    if (knob === 'staging-capacity') this.staging.setCapacity(value);
  }

  onPowerLoss(): void {
    this.site = undefined;
    this.volumes = undefined;
    this.callers.length = 0;
    this.byOwner.clear();
    this.sets = [];
    this.isWorking = false;
    this.memoryBytes = 0;
    this.backlogBytes = 0;
    this.staging.onCrash();
    this.faults.onPowerLoss();
    this.came.stop();
    this.shipped.stop();
    this.load.reset();
  }

  onBoot(): void {
    for (const file of this.staging.recover()) {
      const frame = this.staging.messagesOf(file).messages.at(-1)!.payload;
      const head = readUpdateSetHead(frame);
      if (!head.ok) continue;
      const { workload, term, sequence, sealedAtNs, rawBytes } = head.value;
      this.sets.push({ workload, term, sequence, sealedAtNs, rawBytes, file, frame, state: 'waiting' });
      this.memoryBytes += frame.length;
      this.backlogBytes += rawBytes;
    }
    const { ports } = this;
    const epochNs = ports.knob('epoch');
    const epoch = Math.floor(ports.now() / epochNs) + 1;
    ports.schedule(epoch * epochNs, 'epoch', { epoch });
    this.work();
  }

  // ── What is told ──────────────────────────────────────────────────────────────────────────────

  told(): GatewayTold {
    const bytes = new Map<number, number>();
    for (const set of this.sets) bytes.set(set.workload, (bytes.get(set.workload) ?? 0) + set.rawBytes);
    return {
      site: 1,
      isUp: this.ports.isUp(),
      use: { ...this.load.use },
      score: this.load.score,
      capacityBytesPerSecond: this.faults.capacity(),
      workBytesPerSecond: this.load.workBytesPerSecond,
      memoryBytes: this.memoryBytes,
      memoryCapacityBytes: MEMORY_BYTES,
      stagingBytes: this.staging.disk.usedBytes(),
      stagingCapacityBytes: this.staging.disk.settings.capacityBytes,
      backlogBytes: this.backlogBytes,
      backlogAgeNs: this.fill().backlogAgeNs,
      backlogByWorkload: [...bytes].map(([workload, byteCount]) => ({ workload, byteCount })).toSorted((left, right) => left.workload - right.workload),
      shippedBytes: this.shippedBytes,
      came: this.came.told(),
      shipped: this.shipped.told(),
      networkBytes: this.ports.wireBytes() + this.load.received,
      faults: this.faults.list(),
    };
  }

  hashInto(hash: Hash64): void {
    for (const value of this.staging.disk.fingerprint()) hashInteger(hash, value);
    for (const set of this.sets) {
      hashText(hash, set.file);
      hashText(hash, set.state);
    }
    hashInteger(hash, this.memoryBytes);
    this.load.hashInto(hash);
    this.shipped.hashInto(hash);
    this.faults.hashInto(hash);
  }
}
