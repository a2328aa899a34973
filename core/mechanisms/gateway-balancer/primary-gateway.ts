/**
 * A gateway of the production site. What taps write is staged as it comes; a sealed set that is safe on the disk waits
 * for the processor, which merges, compresses and frames it (so many bytes a second), and then goes to the recovery
 * gateway of its workload, in order. It is forgotten when the recovery volume has applied it. Staged sets survive a
 * loss of power; which workloads were open does not: their tap says so again.
 */
import { type Hash64, hashInteger, hashText, NS_PER_SECOND } from '../../base/index.ts';
import { encodeUpdateSet } from '../../formats/update-set.ts';
import {
  type ChannelOwner, digestText, encodeMessage, mergeWrites, type Message, type MessageChannel, message,
} from '../../storage/index.ts';
import type { EventArguments } from '../../sim/event-queue.ts';
import type { StreamConnection, StreamHandler } from '../host-ports.ts';
import type { NodePart, NodePorts } from '../node-ports.ts';
import { acceptedChannel, callChannel, RETRY_NS, TCP_PORTS } from './channels.ts';
import { FlowMeter } from './flow-meter.ts';
import { GatewayFaults } from './gateway-faults.ts';
import { type GatewayFill, GatewayLoad } from './gateway-load.ts';
import { ownerOf, Staging, type StagingOwner } from './staging.ts';
import type { GatewayTold } from './told.ts';

/** Frames that wait for the network or their acknowledgement at most, before the processor rests: a gateway's memory. */
export const MEMORY_BYTES = 1_000_000;

/** A workload that this gateway replicates. */
interface Held {
  readonly workload: number;
  readonly term: number;
  readonly peer: number; //        recovery gateway
  state: 'opening' | 'open' | 'closing';
  file: string; //                 of the set being written, '' = none begun
  bytes: number; //                in it
  isBroken: boolean; //            the staging disk had no room: wait for the tap to send it again
}

/** A sealed set on its way. */
interface StagedSet {
  readonly workload: number;
  readonly term: number;
  readonly sequence: number;
  readonly base: number;
  readonly sealedAtNs: number;
  readonly file: string;
  readonly rawBytes: number;
  state: 'syncing' | 'waiting' | 'working' | 'ready' | 'sent';
  frame: Uint8Array | undefined;
}

/** See the file's head. */
export class PrimaryGateway implements NodePart, ChannelOwner, StagingOwner {
  private readonly ports: NodePorts;
  private readonly staging: Staging;
  private readonly load: GatewayLoad;
  private readonly faults: GatewayFaults;
  private site: MessageChannel | undefined;
  private readonly peers = new Map<number, MessageChannel>();
  private readonly held = new Map<number, Held>();
  /** In the order of their seals. */
  private sets: StagedSet[] = [];
  private isWorking = false;
  private memoryBytes = 0; //      of frames
  private backlogBytes = 0; //     raw, of sets that are not applied
  private shippedBytes = 0; //     of frames, since the start
  private readonly came = new FlowMeter();
  private readonly shipped = new FlowMeter();

  constructor(ports: NodePorts) {
    this.ports = ports;
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

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────

  onMessage(channel: MessageChannel, said: Message): void {
    this.load.received += said.payload.length + 40;
    if (channel === this.site) this.onTapMessage(said);
    else this.onPeerMessage(said);
  }

  private onTapMessage(said: Message): void {
    switch (said.name) {
      case 'open':
        this.onOpen(said);
        return;
      case 'resume':
        this.onResume(said);
        return;
      case 'write':
        this.onWrite(said);
        return;
      case 'seal':
        this.onSeal(said);
        return;
      case 'close':
        this.onClose(said);
        return;
      case 'drop':
        this.forget(said.workload);
        return;
      case 'ping':
        this.site?.post(message('pong', 0, 0, { first: said.first }));
        return;
      default:
    }
  }

  /** A workload is handed over: what is here of it from before is void, and the recovery volume must know its new owner. */
  private onOpen({ workload, term, first }: Message): void {
    this.forget(workload);
    this.held.set(workload, { workload, term, peer: first, state: 'opening', file: '', bytes: 0, isBroken: false });
    this.peerChannel(first).post(message('fence', workload, term));
  }

  /** The tap is back, or we are: the same ownership goes on behind what is safe here. */
  private onResume({ workload, term, first }: Message): void {
    const before = this.held.get(workload);
    if (before?.state === 'opening' && before.term === term) {
      this.peerChannel(first).post(message('fence', workload, term)); // the answer was lost, or is on its way
      return;
    }
    this.dropOpenSet(workload);
    this.sets = this.sets.filter((set) => set.workload !== workload || set.term === term || this.release(set));
    const last = this.sets.findLast((set) => set.workload === workload);
    this.held.set(workload, { workload, term, peer: first, state: 'open', file: '', bytes: 0, isBroken: false });
    this.site?.post(message('resumed', workload, term, { first: last?.sequence ?? -1 }));
    this.ship(first);
    this.work();
  }

  private onWrite(said: Message): void {
    const held = this.findHeld(said);
    if (held === undefined || held.state !== 'open' || held.isBroken) return;
    const bytes = encodeMessage(said);
    if (!this.hasFile(held, bytes.length)) {
      held.isBroken = true;
      this.dropOpenSet(held.workload);
      this.ports.note('staging-full', `gateway:${this.ports.id}`, `has no room for workload ${held.workload}`);
      this.site?.post(message('full', held.workload, held.term));
      return;
    }
    this.staging.append(held.file, bytes);
    held.bytes += said.payload.length;
    this.load.onWork(said.payload.length);
    this.came.onBytes(held.workload, said.payload.length);
  }

  private hasFile(held: Held, byteCount: number): boolean {
    if (held.file !== '') return this.staging.fits(byteCount);
    held.file = this.staging.create(held.workload, held.term, byteCount) ?? '';
    held.bytes = 0;
    return held.file !== '';
  }

  private onSeal(said: Message): void {
    const held = this.findHeld(said);
    if (held === undefined || held.state !== 'open' || held.isBroken) return;
    const bytes = encodeMessage(said);
    if (!this.hasFile(held, bytes.length)) {
      held.isBroken = true;
      this.dropOpenSet(held.workload);
      this.site?.post(message('full', held.workload, held.term));
      return;
    }
    const { workload, term, first: sequence, second: base, third: sealedAtNs } = said;
    const { file, bytes: rawBytes } = held;
    held.file = '';
    this.staging.append(file, bytes);
    this.sets.push({ workload, term, sequence, base, sealedAtNs, file, rawBytes, state: 'syncing', frame: undefined });
    this.backlogBytes += rawBytes;
    this.staging.sync(file);
  }

  private onClose(said: Message): void {
    const held = this.findHeld(said);
    if (held === undefined) return;
    held.state = 'closing';
    this.dropOpenSet(held.workload);
    this.tellDrained(held);
  }

  private tellDrained(held: Held): void {
    if (held.state !== 'closing' || this.sets.some((set) => set.workload === held.workload)) return;
    this.site?.post(message('drained', held.workload, held.term));
    this.held.delete(held.workload);
  }

  private onPeerMessage(said: Message): void {
    const { name, workload, term, first, payload } = said;
    const held = this.findHeld(said);
    if (name === 'fenced' && held?.state === 'opening') {
      held.state = 'open';
      this.site?.post(message('opened', workload, term, { first, payload }));
    } else if (name === 'applied') {
      this.sets = this.sets.filter((set) => set.workload !== workload || set.sequence > first || this.release(set));
      this.site?.post(message('applied', workload, term, { first }));
      if (held !== undefined) this.tellDrained(held);
      this.work();
    } else if (name === 'refused' && held !== undefined) {
      this.site?.post(message('lost', workload, term, { first, second: said.second }));
    }
  }

  private findHeld({ workload, term }: Message): Held | undefined {
    const held = this.held.get(workload);
    return held?.term === term ? held : undefined;
  }

  // ── Sets ──────────────────────────────────────────────────────────────────────────────────────

  onSafe(file: string): void {
    const set = this.sets.find((it) => it.file === file);
    if (set?.state !== 'syncing') return;
    set.state = 'waiting';
    this.site?.post(message('staged', set.workload, set.term, { first: set.sequence }));
    this.work();
  }

  onStagingFailed(file: string): void {
    const { workload, term } = ownerOf(file);
    this.sets = this.sets.filter((it) => it.file !== file || this.release(it));
    this.site?.post(message('lost', workload, term));
  }

  /** The processor takes the oldest set that is safe, while memory has room for its frame; a workload that leaves first. */
  private work(): void {
    if (this.isWorking || this.memoryBytes >= MEMORY_BYTES) return;
    const leaves = (it: StagedSet) => this.held.get(it.workload)?.state === 'closing';
    const set = this.sets.find((it) => it.state === 'waiting' && leaves(it)) ?? this.sets.find((it) => it.state === 'waiting');
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
      set.frame = this.frameOf(set);
      this.memoryBytes += set.frame.length;
      set.state = 'ready';
      const held = this.held.get(set.workload);
      if (held !== undefined) this.ship(held.peer);
    }
    this.work();
  }

  private frameOf(set: StagedSet): Uint8Array {
    const { messages } = this.staging.messagesOf(set.file);
    const seal = messages.at(-1)!;
    const writes = messages.filter(({ name }) => name === 'write').map(({ first, payload }) => ({ byteOffset: first, bytes: payload }));
    const { workload, term, base, sequence, sealedAtNs } = set;
    const digest = digestText(seal.payload);
    return encodeUpdateSet({ workload, term, base, sequence, sealedAtNs, digest, resync: seal.payload[8] === 1, extents: mergeWrites(writes) });
  }

  /** Hands finished frames for that peer over, in order for each workload. */
  private ship(peer: number): void {
    const channel = this.peerChannel(peer);
    if (!channel.isUp) return;
    const stopped = new Set<number>();
    for (const set of this.sets) {
      if (this.held.get(set.workload)?.peer !== peer || stopped.has(set.workload)) continue;
      if (set.state !== 'ready' && set.state !== 'sent') stopped.add(set.workload);
      if (set.state !== 'ready' || set.frame === undefined) continue;
      set.state = 'sent';
      this.shippedBytes += set.frame.length;
      this.shipped.onBytes(set.workload, set.frame.length);
      channel.post(message('set', set.workload, set.term, { first: set.sequence, payload: set.frame }));
    }
  }

  /** A set is over: its file and its memory are free. False, so that filters drop it. */
  private release(set: StagedSet): boolean {
    this.staging.remove(set.file);
    this.memoryBytes -= set.frame?.length ?? 0;
    this.backlogBytes -= set.rawBytes;
    return false;
  }

  private dropOpenSet(workload: number): void {
    const held = this.held.get(workload);
    if (held === undefined || held.file === '') return;
    this.staging.remove(held.file);
    held.file = '';
  }

  private forget(workload: number): void {
    this.dropOpenSet(workload);
    this.held.delete(workload);
    this.sets = this.sets.filter((set) => set.workload !== workload || this.release(set));
  }

  // ── Channels ──────────────────────────────────────────────────────────────────────────────────

  private peerChannel(peer: number): MessageChannel {
    const known = this.peers.get(peer);
    if (known !== undefined) return known;
    const channel = callChannel(this.ports, this, peer, TCP_PORTS.pair);
    this.peers.set(peer, channel);
    return channel;
  }

  onChannelUp(channel: MessageChannel): void {
    for (const held of this.held.values()) {
      if (held.peer === channel.peer && held.state === 'opening') channel.post(message('fence', held.workload, held.term));
    }
    this.ship(channel.peer);
  }

  /** What was sent to a peer and not applied is sent again once it is back. */
  onChannelDown(channel: MessageChannel): void {
    if (channel === this.site) {
      this.site = undefined;
      return;
    }
    if (this.peers.get(channel.peer) !== channel) return;
    this.peers.delete(channel.peer);
    for (const set of this.sets) {
      if (set.state === 'sent' && this.held.get(set.workload)?.peer === channel.peer) set.state = 'ready';
    }
    this.ports.schedule(this.ports.now() + RETRY_NS, 'call', { peer: channel.peer });
  }

  private callAgain(peer: number): void {
    const isNeeded = [...this.held.values()].some((it) => it.peer === peer);
    if (isNeeded) this.peerChannel(peer);
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
        this.callAgain(Number(args['peer']));
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
    this.askPeers();
    this.came.onEpoch(now, this.ports.knob('smoothing'));
    this.shipped.onEpoch(now, this.ports.knob('smoothing'));
    this.load.onEpoch(this.fill(), this.faults.capacity());
    const score = this.faults.reportedScore(this.load.score);
    if (score === undefined) return;
    this.site?.post(this.load.report(epoch, this.fill(), this.faults.capacity(), score));
  }

  /** A peer that lost power does not say so: whoever waits for it asks now and then, and is told by a reset. */
  private askPeers(): void {
    for (const { workload, term, peer, state } of this.held.values()) {
      if (state === 'opening') this.peerChannel(peer).post(message('fence', workload, term));
      else if (state === 'closing') this.peerChannel(peer).post(message('ping', workload, term));
    }
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
    const isMoving = [...this.held.values()].some(({ state }) => state !== 'open');
    this.faults.onFault(fault, target, isMoving);
  }

  onKnob(knob: string, value: number): void {
    if (knob === 'staging-capacity') this.staging.setCapacity(value);
  }

  onPowerLoss(): void {
    this.site = undefined;
    this.peers.clear();
    this.held.clear();
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

  /** What is whole on the disk is there again; which workloads are ours, the taps will say. */
  onBoot(): void {
    for (const file of this.staging.recover()) {
      const { messages } = this.staging.messagesOf(file);
      const seal = messages.at(-1)!;
      const rawBytes = messages.reduce((sum, it) => sum + (it.name === 'write' ? it.payload.length : 0), 0);
      const { workload, term, first: sequence, second: base, third: sealedAtNs } = seal;
      this.sets.push({ workload, term, sequence, base, sealedAtNs, file, rawBytes, state: 'waiting', frame: undefined });
      this.backlogBytes += rawBytes;
    }
    const { ports } = this;
    const epochNs = ports.knob('epoch');
    const epoch = Math.floor(ports.now() / epochNs) + 1;
    ports.schedule(epoch * epochNs, 'epoch', { epoch });
  }

  // ── What is told ──────────────────────────────────────────────────────────────────────────────

  told(): GatewayTold {
    return {
      site: 0,
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
      backlogByWorkload: this.backlogByWorkload(),
      shippedBytes: this.shippedBytes,
      came: this.came.told(),
      shipped: this.shipped.told(),
      networkBytes: this.ports.wireBytes() + this.load.received,
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
    for (const { workload, term, state } of this.held.values()) {
      hashInteger(hash, workload);
      hashInteger(hash, term);
      hashText(hash, state);
    }
    hashInteger(hash, this.memoryBytes);
    this.load.hashInto(hash);
    this.shipped.hashInto(hash);
    this.faults.hashInto(hash);
  }
}
