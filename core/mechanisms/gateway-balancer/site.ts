/**
 * The production site: protected workloads with their taps, the channels to all gateways, and the balancer that
 * looks at all scores once an epoch (mechanism.ts decides, moves.ts carries out). Volumes, bitmaps, terms, who owns
 * what and moves are durable; channels, reports and what the VMs were about to write are not.
 */
import { type Hash64, hashInteger, NS_PER_SECOND } from '../../base/index.ts';
import { CHANGED_BLOCK_BYTES, type ChannelOwner, digestText, type Message, type MessageChannel, message } from '../../storage/index.ts';
import type { MechanismRequest, Refusal } from '../../protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../../protocol/inspection.ts';
import type { EventArguments } from '../../sim/event-queue.ts';
import type { NodePart, NodePorts } from '../node-ports.ts';
import { BalancerDesk } from './balancer-desk.ts';
import { callChannel, RETRY_NS, TCP_PORTS } from './channels.ts';
import { recoveryPointColumn } from './contract.ts';
import { readReport } from './gateway-load.ts';
import { type Move, Moves, type MovesHost } from './moves.ts';
import { type Exchange, ProtectedWorkload } from './protected-workload.ts';
import { findRequestRefusal } from './refusal.ts';
import type { SiteTold } from './told.ts';

/** The site is back after this. Unit: ns. */
const BOOT_NS = 2_000_000_000;
/** How long a burst of writes lasts. Unit: ns. */
const BURST_NS = 3_000_000_000;
/** A workload that does not write is looked at again. Unit: ns. */
const IDLE_NS = 100_000_000;
/** Most bytes of a volume in one reply. */
const INSPECT_BYTES_MAX = 65_536;

/** See the file's head. */
export class ProductionSite implements NodePart, ChannelOwner, Exchange, MovesHost {
  readonly workloads = new Map<number, ProtectedWorkload>();
  readonly moves: Moves;
  readonly desk: BalancerDesk;
  private readonly ports: NodePorts;
  private readonly gateways: readonly number[];
  private readonly recoverySite: number;
  private readonly channels = new Map<number, MessageChannel>(); // by gateway
  private far: MessageChannel | undefined; //                       the recovery site

  constructor(ports: NodePorts) {
    this.ports = ports;
    const { scenario } = ports;
    this.gateways = scenario.processes.filter(({ kind }) => kind === 'gateway').map(({ id }) => id);
    this.recoverySite = ports.parameters['recoverySite'] ?? -1;
    for (const row of scenario.workloads ?? []) {
      this.workloads.set(row.id, new ProtectedWorkload(row, { seed: scenario.seed, exchange: this }));
    }
    this.moves = new Moves(this);
    this.desk = new BalancerDesk(ports, this.workloads, this.moves);
    ports.schedule(1, 'start', {});
  }

  /** Time 0, and each time power is back. */
  private start(): void {
    const { ports } = this;
    const now = ports.now();
    for (const gateway of this.gateways) this.call(gateway);
    const sealNs = ports.knob('seal-interval');
    const count = Math.max(1, this.workloads.size);
    let index = 0;
    for (const { id } of this.workloads.values()) {
      // Seals are spread over the interval, so that gateways do not get all sets at once.
      ports.schedule(now + sealNs + Math.floor((index * sealNs) / count), 'seal', { workload: id });
      ports.schedule(now + 1 + Math.floor((index * IDLE_NS) / count), 'write', { workload: id });
      index++;
    }
    const epochNs = ports.knob('epoch');
    ports.schedule(now + epochNs + Math.floor(epochNs / 2), 'epoch', {});
  }

  // ── The Exchange and the host of moves ────────────────────────────────────────────────────────

  channelTo(gateway: number): MessageChannel | undefined {
    return this.channels.get(gateway);
  }

  now(): number {
    return this.ports.now();
  }

  find(workload: number): ProtectedWorkload | undefined {
    return this.workloads.get(workload);
  }

  tell(gateway: number, said: Message): void {
    const channel = this.channels.get(gateway);
    if (channel?.isUp === true) channel.post(said);
  }

  isConnected(gateway: number): boolean {
    return this.channels.get(gateway)?.isUp === true;
  }

  note(kind: string, entity: string, text: string): void {
    this.ports.note(kind, entity, text);
  }

  nameOf(gateway: number): string {
    return this.ports.nameOf(gateway);
  }

  onMoveEnded(move: Move): void {
    this.desk.onMoveEnded(move);
    const workload = this.workloads.get(move.workload);
    if (workload?.tap.mode === 'opening') this.open(workload);
  }

  /** Bitmap, next sequence and pair go to the owner; or, when it has answered before, it goes on where it was. */
  open(workload: ProtectedWorkload): void {
    const { id, tap, primary, recovery } = workload;
    if (!this.isConnected(primary) || !workload.isReplicating()) return;
    if (workload.openedTerm === tap.term) {
      this.tell(primary, message('resume', id, tap.term, { first: recovery, second: tap.applied }));
      return;
    }
    const payload = tap.changedBlocks().save();
    this.tell(primary, message('open', id, tap.term, { first: recovery, second: tap.nextSequence, payload }));
    this.moves.onOpening(id);
  }

  // ── Channels ──────────────────────────────────────────────────────────────────────────────────

  private call(gateway: number): void {
    if (this.channels.has(gateway)) return;
    this.channels.set(gateway, callChannel(this.ports, this, gateway, TCP_PORTS.gateway));
  }

  onChannelUp(channel: MessageChannel): void {
    if (channel === this.far) {
      this.askForPromotions();
      return;
    }
    this.desk.onConnected(channel.peer, true);
    for (const workload of this.workloads.values()) {
      const { id, tap } = workload;
      const owns = workload.primary === channel.peer && workload.isReplicating();
      if (!owns) {
        channel.post(message('drop', id, tap.term));
        continue;
      }
      this.open(workload);
      if (this.moves.find(id)?.phase === 'draining') channel.post(message('close', id, tap.term));
    }
  }

  onChannelDown(channel: MessageChannel): void {
    if (channel === this.far) {
      this.far = undefined;
      this.ports.schedule(this.ports.now() + RETRY_NS, 'promote', {});
      return;
    }
    const gateway = channel.peer;
    if (this.channels.get(gateway) !== channel) return;
    this.channels.delete(gateway);
    this.desk.onConnected(gateway, false);
    for (const { primary, tap } of this.workloads.values()) if (primary === gateway) tap.onOwnerDown();
    this.ports.schedule(this.ports.now() + RETRY_NS, 'call', { gateway });
  }

  onRoom(channel: MessageChannel): void {
    for (const { primary, tap } of this.workloads.values()) if (primary === channel.peer) tap.pump();
  }

  onMessage(channel: MessageChannel, said: Message): void {
    if (said.name === 'pong') {
      this.desk.onPong(channel.peer);
      return;
    }
    if (said.name === 'report') {
      const report = readReport(said);
      if (report !== undefined) this.desk.onReport(channel.peer, report);
      return;
    }
    const workload = this.workloads.get(said.workload);
    if (workload === undefined) return;
    if (said.name === 'promoted') this.onPromoted(workload);
    else if (said.name === 'applied') this.onApplied(workload, said.first);
    else if (said.term === workload.tap.term && channel.peer === workload.primary) this.onOwnerMessage(workload, said);
  }

  private onOwnerMessage(workload: ProtectedWorkload, said: Message): void {
    const { tap, id } = workload;
    switch (said.name) {
      case 'opened':
        if (workload.openedTerm === tap.term || tap.mode === 'held') return;
        workload.openedTerm = tap.term;
        tap.onOpened(said.first, digestText(said.payload));
        this.moves.onOpened(workload);
        return;
      case 'resumed':
        if (tap.mode !== 'held') tap.onResumed(said.first);
        return;
      case 'staged':
        tap.onStaged(said.first);
        return;
      case 'drained':
        this.moves.onDrained(id);
        return;
      case 'full': // it tries again, and until then writes are marked
        tap.onOwnerDown();
        this.ports.schedule(this.ports.now() + RETRY_NS, 'reopen', { workload: id, term: tap.term });
        return;
      case 'lost':
        this.onLost(workload, said.second);
        return;
      default:
    }
  }

  /** The recovery volume did not take what the owner sent: it is promoted, or what it needs is gone. */
  private onLost(workload: ProtectedWorkload, knownTerm: number): void {
    const { tap, id } = workload;
    if (knownTerm < 0) {
      this.give(workload, 'runs at the recovery site');
      return;
    }
    if (this.moves.find(id)?.phase === 'draining') {
      this.moves.onDrained(id);
      return;
    }
    tap.term = Math.max(tap.term, knownTerm);
    tap.nextTerm();
    this.ports.schedule(this.ports.now() + RETRY_NS, 'reopen', { workload: id, term: tap.term });
  }

  private onApplied(workload: ProtectedWorkload, sequence: number): void {
    workload.tap.onApplied(sequence);
    this.moves.onApplied(workload);
    this.promoteWhenDrained(workload);
  }

  // ── Fail-over ─────────────────────────────────────────────────────────────────────────────────

  private stop(workload: ProtectedWorkload): void {
    workload.state = 'stopping';
    this.ports.note('stopping', `workload:${workload.id}`, `${workload.name} stops and ships the rest`);
    this.promoteWhenDrained(workload);
  }

  private promoteWhenDrained(workload: ProtectedWorkload): void {
    const { tap } = workload;
    // Nothing to ship is not enough: before the first copy the other site has nothing to start from.
    if (workload.state !== 'stopping' || !tap.isDrained() || !tap.hasPoint || workload.isMoving) return;
    workload.state = 'stopped';
    this.askForPromotions();
  }

  private askForPromotions(): void {
    const waiting = [...this.workloads.values()].filter(({ state }) => state === 'stopped');
    if (waiting.length === 0) return;
    this.far ??= callChannel(this.ports, this, this.recoverySite, TCP_PORTS.site);
    if (!this.far.isUp) return;
    for (const { id, tap } of waiting) this.far.post(message('promote', id, tap.term, { first: tap.applied }));
    this.ports.schedule(this.ports.now() + NS_PER_SECOND, 'promote', {});
  }

  private onPromoted(workload: ProtectedWorkload): void {
    if (workload.state === 'stopped') this.give(workload, 'runs at the recovery site');
  }

  /** Nothing of it is replicated from here any more. */
  private give(workload: ProtectedWorkload, why: string): void {
    if (workload.state === 'failed-over') return;
    workload.state = 'failed-over';
    const move = this.moves.find(workload.id);
    if (move !== undefined) this.moves.fail(move, 'the workload was failed over');
    workload.tap.hold();
    this.tell(workload.primary, message('drop', workload.id, workload.tap.term));
    this.ports.note('given-over', `workload:${workload.id}`, `${workload.name} ${why}`);
  }

  // ── Events ────────────────────────────────────────────────────────────────────────────────────

  onEvent(kind: string, args: EventArguments, now: number): void {
    const workload = this.workloads.get(Number(args['workload']));
    switch (kind) {
      case 'start':
        this.start();
        return;
      case 'call':
        this.call(Number(args['gateway']));
        return;
      case 'epoch':
        this.ports.schedule(now + this.ports.knob('epoch'), 'epoch', {});
        for (const gateway of this.gateways) this.tell(gateway, message('ping', 0, 0, { first: now }));
        this.desk.onEpoch(now);
        return;
      case 'promote':
        this.askForPromotions();
        return;
      default:
    }
    if (workload === undefined) return;
    if (kind === 'write') this.onWrite(workload, now);
    else if (kind === 'seal') this.onSeal(workload, now);
    else if (kind === 'reopen' && args['term'] === workload.tap.term && workload.tap.mode === 'opening') this.open(workload);
  }

  private onWrite(workload: ProtectedWorkload, now: number): void {
    if (workload.state !== 'running') return;
    const percent = workload.percent(this.ports.knob('churn'), now);
    if (percent <= 0 || workload.writer.profile.churnBytesPerSecond <= 0) {
      this.ports.schedule(now + IDLE_NS, 'write', { workload: workload.id });
      return;
    }
    const { byteOffset, bytes } = workload.writer.next();
    workload.tap.write(byteOffset, bytes);
    const pauseNs = workload.writer.pauseNs(bytes.length, percent);
    this.ports.schedule(now + Math.max(1, pauseNs), 'write', { workload: workload.id });
  }

  private onSeal(workload: ProtectedWorkload, now: number): void {
    if (!workload.isReplicating() || workload.state === 'stopped') return;
    workload.tap.seal(now);
    this.ports.schedule(now + this.ports.knob('seal-interval'), 'seal', { workload: workload.id });
    this.promoteWhenDrained(workload);
  }

  // ── What people do ────────────────────────────────────────────────────────────────────────────

  onRequest(request: MechanismRequest): void {
    if (!this.ports.isUp()) return; // whoever started a workload over there meanwhile will tell
    const workload = this.workloads.get(Number(request.arguments['workload']));
    const refusal = this.findRefusal(request);
    if (refusal !== undefined || workload === undefined) {
      this.ports.note('refused', `workload:${String(request.arguments['workload'])}`, refusal?.sentence ?? 'there is no such workload');
      return;
    }
    if (request.name === 're-home') {
      const to = Number(request.arguments['gateway']);
      this.moves.begin(workload, { site: this.desk.siteOf(to), to, why: 'asked' });
    } else if (request.name === 'fail-over-planned') this.stop(workload);
    else if (request.name === 'fail-over-unplanned') this.give(workload, 'was given up here');
  }

  findRefusal(request: MechanismRequest): Refusal | undefined {
    return findRequestRefusal(this.told(), request);
  }

  onFault(fault: string, target: string): void {
    const { ports } = this;
    if (fault === 'site-power') {
      ports.note('fault', `site:${ports.id}`, `${ports.name} loses power`);
      ports.losePower(BOOT_NS);
    } else if (fault === 'churn-burst') {
      const id = target.startsWith('workload:') ? Number(target.slice('workload:'.length)) : [...this.workloads.keys()][0];
      const workload = this.workloads.get(id ?? -1);
      if (workload === undefined) return;
      workload.burstUntilNs = ports.now() + BURST_NS;
      ports.note('fault', `workload:${workload.id}`, `${workload.name} writes four times as much`);
    }
  }

  onPowerLoss(): void {
    this.channels.clear();
    this.far = undefined;
    for (const { tap } of this.workloads.values()) tap.onOwnerDown();
    this.desk.onPowerLoss();
  }

  onBoot(): void {
    this.moves.recover();
    this.start();
    this.askForPromotions(); // who was stopped before may run over there already
  }

  // ── What is told ──────────────────────────────────────────────────────────────────────────────

  measure(): Readonly<Record<string, number>> {
    const now = this.ports.now();
    const points: Record<string, number> = {};
    let worst = 0;
    let resyncBlocks = 0;
    for (const workload of this.workloads.values()) {
      if (workload.isReplicating()) {
        const ageNs = workload.recoveryPointNs(now);
        points[recoveryPointColumn(workload.id)] = ageNs;
        worst = Math.max(worst, ageNs);
      }
      resyncBlocks += workload.tap.resyncBlocks;
    }
    const { doneCount, resentBytes } = this.moves;
    return {
      ...this.desk.measure(),
      ...points,
      'worst-recovery-point': worst,
      'resync-bytes': resyncBlocks * CHANGED_BLOCK_BYTES,
      moves: doneCount,
      ...(doneCount === 0 ? {} : { 'wan-bytes-per-move': resentBytes / doneCount }),
    };
  }

  told(): SiteTold {
    const now = this.ports.now();
    let resyncBlocks = 0;
    let writtenBytes = 0;
    for (const { tap } of this.workloads.values()) {
      resyncBlocks += tap.resyncBlocks;
      writtenBytes += tap.writtenBytes;
    }
    return {
      ...this.desk.told(),
      isUp: this.ports.isUp(),
      workloads: [...this.workloads.values()].map((it) => ({
        id: it.id,
        name: it.name,
        state: it.state,
        primaryGateway: it.primary,
        recoveryGateway: it.recovery,
        mode: it.tap.mode,
        churnBytesPerSecond: it.churnBytesPerSecond,
        recoveryPointNs: it.recoveryPointNs(now),
        hasPoint: it.tap.hasPoint,
        rpoTargetNs: this.ports.knob('rpo-target'),
        sealedSequence: it.tap.nextSequence - 1,
        appliedSequence: it.tap.applied,
        changedBlocks: it.tap.changedBlocks().count(),
        blockCount: it.content.byteCount / CHANGED_BLOCK_BYTES,
        homes: this.desk.homesOf(it),
      })),
      moves: this.moves.told(),
      movesDone: this.moves.doneCount,
      resyncBytes: resyncBlocks * CHANGED_BLOCK_BYTES,
      resentBytes: this.moves.resentBytes,
      writtenBytes,
    };
  }

  inspect(request: InspectionRequest): InspectionReply | undefined {
    if (request.view !== 'volume') return undefined;
    const workload = this.workloads.get(request.workload);
    if (workload === undefined) return { view: 'none', sentence: `There is no workload ${request.workload}.` };
    const { content, tap } = workload;
    const byteOffset = Math.max(0, Math.min(request.byteOffset, content.byteCount));
    const count = Math.max(0, Math.min(request.byteCount, INSPECT_BYTES_MAX, content.byteCount - byteOffset));
    const bytes = [...content.read(byteOffset, count)];
    return { view: 'volume', process: this.ports.id, workload: workload.id, byteOffset, bytes, sequence: tap.nextSequence - 1, digest: content.digest() };
  }

  hashInto(hash: Hash64): void {
    for (const workload of this.workloads.values()) workload.hashInto(hash);
    this.moves.hashInto(hash);
    this.desk.hashInto(hash);
    hashInteger(hash, this.channels.size);
  }
}
