/**
 * The source's side of one migration: connect, reserve over there, arm the dirty log, send all
 * pages, re-send in rounds what was written meanwhile, stop when what is left fits the downtime
 * limit, send the rest, give the right to run away, free the VM. Clark et al., "Live Migration of
 * Virtual Machines", NSDI 2005. The baseline, stop-and-copy, stops before the first page and takes
 * the same stream.
 *
 *   connecting → copying ⇄ stopping → handing-over → done
 *        └───────────┴─────────┴──→ failed, cancelled        handing-over → resolving → done | failed
 *
 * Left out: several connections, compression, post-copy, encryption.
 */
import { assert } from '../../base/index.ts';
import {
  encodeHello,
  PAGE_RECORD_SIZE,
  PageStreamDecoder,
  recordKind,
  STREAM_VERSION,
  streamErrorSentence,
} from '../../hypervisor/page-stream.ts';
import type { MigrationSnapshot } from '../../protocol/snapshot.ts';
import { decideRound, makeConvergence, milliseconds, usableLimitNs } from './convergence.ts';
import { migrationCostNs } from './costs.ts';
import { issueTerm, type Ledger, recordGranted } from './handover.ts';
import { makePace, onAcknowledged, openBusyTime, openProbe } from './pace.ts';
import { CONTROL_BYTES, PageSender } from './page-sender.ts';
import type { MigrationHost, MigrationVm, StreamConnection, StreamHandler } from './ports.ts';
import { LOOK_NS } from './ports.ts';
import { aheadBytes, downtimeNs, grantNs } from './prediction.ts';
import { Question, type QuestionAsker } from './question.ts';
import { RoundBook } from './rounds.ts';
import { type MigrationSettings, PATIENCE, type SourcePhase } from './settings.ts';
import { readSentence, readTime, timeBytes } from './payload.ts';

export class SourceMigration implements StreamHandler, QuestionAsker {
  readonly serial: number; //       names this migration in its events
  readonly vm: MigrationVm;
  readonly to: number;
  readonly mode: 'pre-copy' | 'stop-and-copy';
  phase: SourcePhase = 'connecting';
  reason = '';
  readonly startedAtNs: number;
  endedAtNs = -1;
  stoppedAtNs = -1; //  the guest's last instruction; before the pause when the throttle held it
  resumedAtNs = -1;
  /** Stops that were undone because they would have missed the limit. */
  undoneStops = 0;
  downtimePredictedNs = -1;
  readonly pace = makePace();
  readonly convergence = makeConvergence();
  private readonly rounds = new RoundBook();
  private readonly host: MigrationHost;
  private readonly settings: MigrationSettings;
  private readonly ledger: Ledger;
  private readonly sender: PageSender;
  private readonly connection: StreamConnection;
  private readonly decoder = new PageStreamDecoder();
  private term = 0; //             of the present stop; 0 before the first
  private pausedAtNs = -1;
  private stopped = false; //      the vCPUs are stopped by this migration
  private markSent = false; //     the round's end mark, or the final records, are in the stream
  private startDue = false; //     a round's sending begins at an event that is scheduled
  private lastProgressNs: number;
  private acknowledgedSeen = 0;
  private retryNs: number = PATIENCE.retryNsFirst;
  private question: Question | undefined;
  private streamBroken = false; // after the grant
  private readonly wireBytesBefore: number;
  private wireBytesAtEnd = -1;

  constructor(options: {
    readonly host: MigrationHost;
    readonly vm: MigrationVm;
    readonly to: number;
    readonly mode: 'pre-copy' | 'stop-and-copy';
    readonly settings: MigrationSettings;
    readonly ledger: Ledger;
    readonly serial: number;
  }) {
    this.host = options.host;
    this.vm = options.vm;
    this.to = options.to;
    this.mode = options.mode;
    this.settings = options.settings;
    this.ledger = options.ledger;
    this.serial = options.serial;
    this.startedAtNs = this.host.now();
    this.lastProgressNs = this.startedAtNs;
    this.wireBytesBefore = this.host.wireByteCount(this.to);
    this.connection = this.host.connect(this.to, this);
    this.sender = new PageSender(this.host, this.vm, this.connection);
    this.after(PATIENCE.watchNs, 'watch', 0);
  }

  /** True until the outcome is known. */
  active(): boolean {
    return this.phase !== 'done' && this.phase !== 'failed' && this.phase !== 'cancelled';
  }

  // ── The stream ────────────────────────────────────────────────────────────────────────────────

  onConnected(): void {
    this.progress();
    const { vm } = this;
    openProbe(this.pace, this.host.now(), this.connection.acknowledgedByteCount());
    this.sender.sendRecord('hello', {
      payload: encodeHello({
        version: STREAM_VERSION,
        vm: vm.id,
        attempt: this.serial,
        source: this.host.id,
        pageCount: vm.pageCount,
        vcpuCount: vm.vcpuCount,
        mode: this.mode === 'pre-copy' ? 0 : 1,
        name: vm.name,
        guest: vm.guest,
      }),
    });
  }

  onReadable(): void {
    this.progress();
    for (;;) {
      const bytes = this.connection.receive();
      if (bytes.length === 0) return;
      const fed = this.decoder.feed(bytes, (kind, argument, extra, source, at, size) =>
        this.onRecord(kind, argument, extra, source.subarray(at, at + size)),
      );
      if (!fed.ok) this.onClosed(streamErrorSentence(fed.error));
      if (!fed.ok || !this.active()) return;
    }
  }

  onAcknowledged(): void {
    const acknowledgedBytes = this.connection.acknowledgedByteCount();
    if (acknowledgedBytes !== this.acknowledgedSeen) this.progress();
    this.acknowledgedSeen = acknowledgedBytes;
    if (!this.active()) return;
    onAcknowledged(this.pace, {
      timeNs: this.host.now(),
      acknowledgedBytes,
      outstandingBytes: this.outstandingBytes(),
    });
    this.sender.onAcknowledged();
    if (this.phase === 'copying') this.considerStop();
    this.pump();
  }

  onClosed(why: string): void {
    switch (this.phase) {
      case 'connecting':
      case 'copying':
      case 'stopping':
        this.fail(`the connection to ${this.toName()} is lost: ${why}`);
        break;
      case 'handing-over':
      case 'resolving':
        if (!this.streamBroken) this.connection.abort();
        this.streamBroken = true;
        this.resolve();
        break;
      default: // the outcome is known; the connection only closes
        break;
    }
  }

  private onRecord(kind: number, argument: number, extra: number, payload: Uint8Array): boolean {
    switch (kind) {
      case recordKind.accept:
        this.onAccept();
        break;
      case recordKind.refuse:
        if (this.phase === 'connecting' || this.phase === 'copying' || this.phase === 'stopping') {
          this.fail(`${this.toName()} refuses: ${readSentence(payload)}`);
        }
        break;
      case recordKind.roundAck:
        if (this.phase === 'copying' && argument === this.rounds.count) this.endRound();
        break;
      case recordKind.ready:
        if (this.phase === 'stopping' && argument === this.term) this.grant();
        break;
      case recordKind.taken:
        this.onTaken(argument, readTime(payload));
        break;
      case recordKind.void:
        this.onVoid(argument);
        break;
      default:
        this.onClosed(`a record of kind ${kind} (${extra}) came the wrong way`);
    }
    return this.active();
  }

  // ── Copying ───────────────────────────────────────────────────────────────────────────────────

  private onAccept(): void {
    if (this.phase !== 'connecting') return;
    if (this.mode === 'stop-and-copy') {
      this.sender.loadAll();
      this.stop();
      return;
    }
    this.phase = 'copying';
    this.vm.memory.armLog();
    this.sender.loadAll();
    this.beginRound();
  }

  /** The set to send is loaded; its first page goes when the log's scan is paid for. */
  private beginRound(): void {
    this.markSent = false;
    this.startDue = true;
    this.rounds.begin(this.host.now(), this.sender.leftCount);
    this.note('round', `round ${this.rounds.count}: ${this.sender.leftCount} pages`);
    this.after(migrationCostNs.round, 'pump', this.rounds.count);
  }

  /** Sends as much as there is room for; at the end the round's mark, or the final records. */
  private pump(): void {
    if (this.startDue || (this.phase !== 'copying' && this.phase !== 'stopping')) return;
    // Without a rate the time on the wire cannot be taken off: the greeting's round trip stands.
    if (this.outstandingBytes() === 0) {
      const acknowledgedBytes = this.connection.acknowledgedByteCount();
      openBusyTime(this.pace, this.host.now(), acknowledgedBytes);
      if (this.pace.rateBytesPerSecond > 0) openProbe(this.pace, this.host.now(), acknowledgedBytes);
    }
    const moved = this.sender.pump(aheadBytes(this.pace));
    if (this.phase === 'copying') this.rounds.onSent(moved);
    if (this.sender.leftCount > 0 || this.markSent) return;
    if (this.phase === 'copying') {
      if (this.connection.sendSpace() < CONTROL_BYTES) return;
      this.sender.sendRecord('roundEnd', {
        argument: this.rounds.count,
        extra: this.rounds.pagesSent,
      });
      this.markSent = true;
      if (this.nextRoundFillsTheWay()) this.endRound();
    } else this.markSent = this.sender.sendFinalState();
  }

  /**
   * Whether the pages that are dirty by now would keep the way busy: then the next round follows at
   * once. Else the end waits for the destination's answer, or short rounds would follow each other
   * in a rush.
   */
  private nextRoundFillsTheWay(): boolean {
    return 2 * this.dirtyPages() * PAGE_RECORD_SIZE >= this.outstandingBytes();
  }

  /** All of this round is sent, and the destination has it or the next one is worth while. */
  private endRound(): void {
    this.rounds.end(this.host.now(), this.dirtyPages());
    const stoodNs = this.host.now() - this.vm.standsSince();
    const usableNs = usableLimitNs(this.settings.downtimeLimitNs);
    const predictedNs = this.predict();
    // What is left fits, but the throttle has held the guest for too long: let it run for a moment first.
    if (predictedNs > usableNs && predictedNs - stoodNs <= usableNs) {
      this.after(this.vm.runsAgainAt() - this.host.now() + LOOK_NS, 'look', this.rounds.count);
    } else this.decide();
  }

  /** Stop, slow the vCPU, give up, or begin the next round. */
  private decide(): void {
    const pagesDirty = this.dirtyPages();
    const predictedNs = this.predict();
    const decision = decideRound(this.convergence, {
      roundCount: this.rounds.count,
      roundLimit: this.settings.roundLimit,
      pagesSent: this.rounds.pagesSent,
      pagesDirty,
      predictedNs,
      leastNs: downtimeNs(this.pace, { bytes: 0, vcpuCount: this.vm.vcpuCount }),
      limitNs: this.settings.downtimeLimitNs,
      throttleAllowed: this.settings.throttleAllowed,
    });
    switch (decision.kind) {
      case 'stop':
        this.stop();
        return;
      case 'give-up':
        this.fail(`it does not converge: ${decision.why}`);
        return;
      case 'throttle':
        this.vm.setThrottle(decision.percent);
        this.note('throttle', `the vCPU is throttled by ${decision.percent} %`);
        break;
      case 'round':
        break;
    }
    this.rounds.pagesTaken += pagesDirty;
    this.sender.loadDirty();
    this.beginRound();
  }

  /** In the middle of a round, too: what is left may fit by now. */
  private considerStop(): void {
    if (this.startDue) return;
    if (this.predict() <= usableLimitNs(this.settings.downtimeLimitNs)) this.stop();
  }

  // ── The stop and the hand-over ────────────────────────────────────────────────────────────────

  private stop(): void {
    if (!this.vm.runs()) {
      this.fail('the VM has stopped by itself');
      return;
    }
    this.phase = 'stopping';
    this.stopped = true;
    this.stoppedAtNs = this.vm.standsSince();
    this.pausedAtNs = this.host.now();
    this.vm.pause(`It stands to be handed over to ${this.toName()}.`);
    this.rounds.end(this.pausedAtNs, this.dirtyPages());
    this.rounds.pagesTaken += this.dirtyPages();
    if (this.mode === 'pre-copy') this.sender.joinDirty();
    this.term = issueTerm(this.ledger, this.vm.id);
    this.markSent = false;
    this.startDue = true;
    this.note('stop', `stopped; ${this.sender.leftCount} pages are left`);
    this.after(migrationCostNs.round, 'final', this.term);
    if (this.mode === 'pre-copy') {
      // The last moment at which a grant could still arrive, and be written down, within the limit.
      const lastNs = this.stoppedAtNs + this.settings.downtimeLimitNs - grantNs(this.pace);
      this.after(Math.max(0, lastNs - this.pausedAtNs), 'overdue', this.term);
    }
  }

  private beginFinal(): void {
    this.startDue = false;
    this.sender.beginDigest();
    this.sender.sendRecord('stop', { argument: this.term, payload: timeBytes(this.pausedAtNs) });
    this.pump();
  }

  /** The destination could run: give it the right to, unless that would come too late. */
  private grant(): void {
    const limited = this.mode === 'pre-copy';
    const deadlineNs = limited
      ? this.stoppedAtNs + this.settings.downtimeLimitNs
      : Number.MAX_SAFE_INTEGER;
    if (this.host.now() + grantNs(this.pace) > deadlineNs) {
      this.undo('ready came too late');
      return;
    }
    recordGranted(this.ledger, this.vm.id, this.term);
    this.phase = 'handing-over';
    this.vm.beginHandOver(`The right to run is on its way to ${this.toName()}.`);
    this.sender.sendRecord('grant', {
      argument: this.term,
      extra: this.vm.id,
      payload: timeBytes(deadlineNs),
    });
    this.note('grant', `the token of term ${this.term} is on the wire`);
    // After its deadline the token can no longer be taken: then an answer exists.
    const answerNs = deadlineNs - this.host.now() + this.pace.roundTripNs + PATIENCE.answerNsSpare;
    if (limited) this.after(answerNs, 'unanswered', this.term);
  }

  /**
   * The stop would miss its limit: the VM runs on here, and rounds go on. Only before the grant.
   */
  private undo(why: string): void {
    assert(
      this.phase === 'stopping',
      'only a stop that is not granted is undone by the source alone',
    );
    this.sender.sendRecord('undo', { argument: this.term });
    this.runOnHere(why);
  }

  private runOnHere(why: string): void {
    this.undoneStops++;
    this.note('undo', `the stop is undone: ${why}`);
    this.stopped = false;
    this.vm.resume(this.pausedAtNs);
    if (this.undoneStops >= PATIENCE.undoneStopsMax) {
      this.fail(
        `${this.undoneStops} stops missed the downtime limit of ${milliseconds(this.settings.downtimeLimitNs)}`,
      );
      return;
    }
    // The way was slower than measured: believe half of it until acknowledgements say more.
    this.pace.rateBytesPerSecond = Math.max(1, Math.floor(this.pace.rateBytesPerSecond / 2));
    this.phase = 'copying';
    this.sender.endDigest();
    this.sender.joinDirty();
    this.beginRound();
  }

  /** The destination says, in the stream or as an answer, that it runs the VM. */
  onTaken(term: number, resumedAtNs: number): void {
    if (term === this.term) this.complete(resumedAtNs);
  }

  /** The destination says that the token was not taken and never will be. */
  onVoid(term: number): void {
    if (term !== this.term || (this.phase !== 'handing-over' && this.phase !== 'resolving')) return;
    this.question?.drop();
    if (this.streamBroken) {
      this.fail(
        `the way to ${this.toName()} broke during the hand-over, and the token was not taken`,
      );
    } else this.runOnHere('the token did not arrive in time');
  }

  /** No answer to the grant: neither side runs the VM on a guess. Ask until there is an answer. */
  private resolve(): void {
    if (this.phase === 'resolving') return;
    this.phase = 'resolving';
    this.retryNs = PATIENCE.retryNsFirst;
    this.note('resolve', `what became of the token of term ${this.term}?`);
    this.ask();
  }

  private ask(): void {
    this.question?.drop();
    this.question = new Question(this.host, this, { to: this.to, vm: this.vm.id, term: this.term });
    this.after(this.retryNs + 4 * this.pace.roundTripNs, 'ask', this.term);
    this.retryNs = Math.min(2 * this.retryNs, PATIENCE.retryNsMax);
  }

  private complete(resumedAtNs: number): void {
    if (this.phase !== 'handing-over' && this.phase !== 'resolving') return;
    this.question?.drop();
    this.resumedAtNs = resumedAtNs;
    this.finish('done', '');
    this.note(
      'done',
      `runs on ${this.toName()}; it stood still for ${milliseconds(resumedAtNs - this.stoppedAtNs)}`,
    );
    this.connection.close();
    this.host.destroyVm(this.vm.id);
  }

  // ── Ends ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * Calls the migration off; the error is one sentence, '' when done. Possible until the token is
   * sent.
   */
  cancel(): string {
    if (this.phase === 'handing-over' || this.phase === 'resolving') {
      return `VM ${this.vm.id} can no longer stay: the token of its hand-over to ${this.toName()} is sent`;
    }
    if (!this.active()) return `VM ${this.vm.id} is not migrating`;
    this.finish('cancelled', 'called off');
    this.connection.abort();
    this.note('cancelled', `called off; stays on ${this.host.name}`);
    return '';
  }

  private fail(reason: string): void {
    this.finish('failed', reason);
    this.connection.abort();
    this.note('failed', `stays on ${this.host.name}: ${reason}`);
  }

  /** Everything that the migration did to the VM is taken back, unless it has left. */
  private finish(phase: 'done' | 'failed' | 'cancelled', reason: string): void {
    this.wireBytesAtEnd = this.host.wireByteCount(this.to);
    this.phase = phase;
    this.reason = reason;
    this.endedAtNs = phase === 'done' ? this.resumedAtNs : this.host.now();
    this.sender.clearFlight();
    this.sender.disarmLogs();
    if (phase === 'done') return;
    this.vm.setThrottle(0);
    this.convergence.throttlePercent = 0;
    if (this.stopped) this.vm.resume(this.pausedAtNs);
    this.stopped = false;
  }

  // ── Events and measurement ────────────────────────────────────────────────────────────────────

  /** An event `migration.<kind>` of this migration. */
  onEvent(kind: string, value: number): void {
    if (!this.active()) return;
    switch (kind) {
      case 'watch':
        this.watch();
        break;
      case 'pump':
        if (this.phase !== 'copying' || value !== this.rounds.count) return;
        this.startDue = false;
        this.pump();
        break;
      case 'look':
        if (this.phase === 'copying' && value === this.rounds.count) this.decide();
        break;
      case 'final':
        if (this.phase === 'stopping' && value === this.term) this.beginFinal();
        break;
      case 'overdue':
        if (this.phase === 'stopping' && value === this.term)
          this.undo('it would have missed the downtime limit');
        break;
      case 'unanswered':
        if (this.phase === 'handing-over' && value === this.term) this.resolve();
        break;
      case 'ask':
        if (this.phase === 'resolving') this.ask();
        break;
      default:
        assert(false, `a migration knows its event ${kind}`);
    }
  }

  /** A knob was turned. */
  onSettings(): void {
    if (!this.settings.throttleAllowed && this.convergence.throttlePercent > 0) {
      this.convergence.throttlePercent = 0;
      this.vm.setThrottle(0);
    }
    if (this.phase === 'copying') this.considerStop();
  }

  private watch(): void {
    this.after(PATIENCE.watchNs, 'watch', 0);
    if (this.host.now() - this.lastProgressNs <= PATIENCE.silenceNsMax) return;
    this.onClosed(`nothing was heard for ${milliseconds(PATIENCE.silenceNsMax)}`);
  }

  private note(kind: string, text: string): void {
    this.host.note(kind, `migration:${this.vm.id}`, text);
  }

  private toName(): string {
    return this.host.hostName(this.to);
  }

  private progress(): void {
    this.lastProgressNs = this.host.now();
  }

  private after(delayNs: number, kind: string, value: number): void {
    this.host.schedule(this.host.now() + delayNs, kind, this.serial, value);
  }

  private outstandingBytes(): number {
    return this.connection.sentByteCount() - this.connection.acknowledgedByteCount();
  }

  /** What stopping now would cost; Infinity while nothing is measured. */
  private predict(): number {
    const bytes = this.bytesLeft() + this.outstandingBytes() + this.vm.deviceBytes;
    const stoodNs = this.host.now() - this.vm.standsSince(); // its throttle counts: the guest sees both
    const predictedNs = downtimeNs(this.pace, { bytes, vcpuCount: this.vm.vcpuCount }) + stoodNs;
    this.downtimePredictedNs = Number.isFinite(predictedNs) ? predictedNs : -1;
    return predictedNs;
  }

  /** Dirty or waiting in this round, not yet in the stream. Unit: byte. */
  bytesLeft(): number {
    if (!this.active() || this.phase === 'connecting') return 0;
    return (this.sender.leftCount + this.dirtyPages()) * PAGE_RECORD_SIZE;
  }

  /** Pages in the dirty log now; 0 when none is armed. */
  dirtyPages(): number {
    return this.active() && this.mode === 'pre-copy' ? this.sender.dirtyCount() : 0;
  }

  /** Pages that became dirty since the log was armed; a page counts once a round. */
  dirtiedPages(): number {
    return this.rounds.pagesTaken + this.dirtyPages();
  }

  /** Bytes that the port has put on the wire since the request. */
  wireBytes(): number {
    const now = this.wireBytesAtEnd >= 0 ? this.wireBytesAtEnd : this.host.wireByteCount(this.to);
    return now - this.wireBytesBefore;
  }

  snapshot(): MigrationSnapshot {
    return {
      vm: this.vm.id,
      from: this.host.id,
      to: this.to,
      role: 'source',
      mode: this.mode,
      phase: this.phase,
      reason: this.reason,
      startedAtNs: this.startedAtNs,
      endedAtNs: this.endedAtNs,
      stoppedAtNs: this.stoppedAtNs,
      resumedAtNs: this.resumedAtNs,
      throttlePercent: this.convergence.throttlePercent,
      downtimePredictedNs: this.downtimePredictedNs,
      bytesLeft: this.bytesLeft(),
      pagesSent: this.sender.pagesSent,
      pagesZero: this.sender.pagesZero,
      bytesSent: this.wireBytes(),
      rounds: this.rounds.snapshot(),
    };
  }
}
