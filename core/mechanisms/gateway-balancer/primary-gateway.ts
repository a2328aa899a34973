/**
 * A gateway of the production site. What taps write is staged as it comes; a sealed set that is safe on the disk waits
 * for the processor, which merges, compresses and frames it (so many bytes a second), and then goes to the recovery
 * gateway of its workload, in order. It is forgotten when the recovery volume has applied it. Staged sets survive a
 * loss of power; which workloads were open does not: their tap says so again.
 */
import { type Hash64, hashInteger, hashText } from '../../base/index.ts';
import { encodeUpdateSet } from '../../formats/update-set.ts';
import { digestText, encodeMessage, mergeWrites, type Message, type MessageChannel, message } from '../../storage/index.ts';
import type { EventArguments } from '../../sim/event-queue.ts';
import type { NodePorts } from '../node-ports.ts';
import { callChannel, RETRY_NS, TCP_PORTS } from './channels.ts';
import { GatewayPart, type StagedSet } from './gateway-part.ts';
import { ownerOf } from './staging.ts';

/** A workload that this gateway replicates. */
interface Held {
  readonly workload: number;
  readonly term: number;
  readonly peer: number; //        recovery gateway
  state: 'opening' | 'open' | 'closing';
  file: string; //                 of the set being written, '' = none begun
  bytes: number; //                in it
  isAsked: boolean; //             the tap waits for 'opened'
  lost: Message | undefined; //    what the tap was told when the volume refused a set: it may not have heard
  isBroken: boolean; //            the staging disk had no room: wait for the tap to send it again
}

/** A sealed set on its way. */
interface SealedSet extends StagedSet {
  readonly base: number;
}

/** See the file's head. */
export class PrimaryGateway extends GatewayPart {
  private readonly peers = new Map<number, MessageChannel>();
  private readonly held = new Map<number, Held>();

  constructor(ports: NodePorts) {
    super(ports, 0);
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────

  protected onSaid(channel: MessageChannel, said: Message): void {
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
      default:
    }
  }

  /** A workload is handed over: what is here of it from before is void, and the recovery volume must know its new owner. */
  private onOpen({ workload, term, first }: Message): void {
    const before = this.held.get(workload);
    if (before?.term === term && before.state !== 'closing') {
      // Asked for twice: the answer to the first may be on its way, and writes behind this. They must not be dropped.
      before.isAsked = true;
      this.peerChannel(first).post(message('fence', workload, term));
      return;
    }
    this.forget(workload);
    this.held.set(workload, { workload, term, peer: first, state: 'opening', file: '', bytes: 0, isAsked: true, lost: undefined, isBroken: false });
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
    this.release((set) => set.workload === workload && set.term !== term);
    const last = this.sets.findLast((set) => set.workload === workload);
    this.held.set(workload, { workload, term, peer: first, state: 'open', file: '', bytes: 0, isAsked: false, lost: before?.term === term ? before.lost : undefined, isBroken: false });
    this.site?.post(message('resumed', workload, term, { first: last?.sequence ?? -1 }));
    this.tellLost(workload);
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
    const set: SealedSet = { workload, term, sequence, base, sealedAtNs, file, rawBytes, state: 'syncing', frame: undefined };
    this.take(set);
    this.staging.sync(file);
  }

  private onClose(said: Message): void {
    const held = this.findHeld(said);
    if (held === undefined) return;
    held.state = 'closing';
    this.dropOpenSet(held.workload);
    this.tellLost(held.workload);
    this.tellDrained(held);
  }

  /** A volume that refused a set of this ownership takes no other: whoever asks is told so, again and again. */
  private tellLost(workload: number): void {
    const lost = this.held.get(workload)?.lost;
    if (lost !== undefined) this.site?.post(lost);
  }

  private tellDrained(held: Held): void {
    if (held.state !== 'closing' || this.sets.some((set) => set.workload === held.workload)) return;
    this.site?.post(message('drained', held.workload, held.term));
    this.held.delete(held.workload);
  }

  private onPeerMessage(said: Message): void {
    const { name, workload, term, first, payload } = said;
    const held = this.findHeld(said);
    if (name === 'fenced' && held?.isAsked === true && held.state !== 'closing') {
      held.isAsked = false;
      held.state = 'open';
      this.site?.post(message('opened', workload, term, { first, payload }));
    } else if (name === 'applied') {
      this.release((set) => set.workload === workload && set.sequence <= first);
      this.site?.post(message('applied', workload, term, { first }));
      if (held !== undefined) this.tellDrained(held);
      this.work();
    } else if (name === 'refused' && held !== undefined) {
      held.lost = message('lost', workload, term, { first, second: said.second });
      this.tellLost(workload);
    }
  }

  private findHeld({ workload, term }: Message): Held | undefined {
    const held = this.held.get(workload);
    return held?.term === term ? held : undefined;
  }

  // ── Sets ──────────────────────────────────────────────────────────────────────────────────────

  protected override onStaged({ workload, term, sequence }: StagedSet): void {
    this.site?.post(message('staged', workload, term, { first: sequence }));
  }

  onStagingFailed(file: string): void {
    const { workload, term } = ownerOf(file);
    this.release((it) => it.file === file);
    this.site?.post(message('lost', workload, term));
  }

  /** The oldest set that is safe, while memory has room for its frame; of a workload that leaves first. */
  protected findWork(): StagedSet | undefined {
    if (this.isMemoryFull()) return undefined;
    const leaves = (it: StagedSet) => this.held.get(it.workload)?.state === 'closing';
    return this.sets.find((it) => it.state === 'waiting' && leaves(it)) ?? this.sets.find((it) => it.state === 'waiting');
  }

  protected onWorkDone(set: StagedSet): void {
    this.hold(set, this.frameOf(set as SealedSet));
    set.state = 'ready';
    const held = this.held.get(set.workload);
    if (held !== undefined) this.ship(held.peer);
  }

  private frameOf(set: SealedSet): Uint8Array {
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
      this.send(channel, set, set.frame);
    }
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
    this.release((set) => set.workload === workload);
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
      if (held.peer === channel.peer && held.isAsked) channel.post(message('fence', held.workload, held.term));
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

  protected onCall(args: EventArguments): void {
    const peer = Number(args['peer']);
    const isNeeded = [...this.held.values()].some((it) => it.peer === peer);
    if (isNeeded) this.peerChannel(peer);
  }

  // ── Epochs and power ──────────────────────────────────────────────────────────────────────────

  /** A peer that lost power does not say so: whoever waits for it asks now and then, and is told by a reset. */
  protected override onEpochBegins(): void {
    for (const { workload, term, peer, state, isAsked } of this.held.values()) {
      if (isAsked && state !== 'closing') this.peerChannel(peer).post(message('fence', workload, term));
      else if (state === 'closing') this.peerChannel(peer).post(message('ping', workload, term));
    }
  }

  protected override isMoving(): boolean {
    return [...this.held.values()].some(({ state }) => state !== 'open');
  }

  protected override forgetOwn(): void {
    this.peers.clear();
    this.held.clear();
  }

  /** Which workloads are ours, the taps will say. */
  protected recovered(file: string): StagedSet | undefined {
    const { messages } = this.staging.messagesOf(file);
    const seal = messages.at(-1)!;
    const rawBytes = messages.reduce((sum, it) => sum + (it.name === 'write' ? it.payload.length : 0), 0);
    const { workload, term, first: sequence, second: base, third: sealedAtNs } = seal;
    const set: SealedSet = { workload, term, sequence, base, sealedAtNs, file, rawBytes, state: 'waiting', frame: undefined };
    return set;
  }

  protected override hashOwn(hash: Hash64): void {
    for (const { workload, term, state } of this.held.values()) {
      hashInteger(hash, workload);
      hashInteger(hash, term);
      hashText(hash, state);
    }
  }
}
