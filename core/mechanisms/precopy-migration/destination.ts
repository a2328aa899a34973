/**
 * The destination's side of one migration: reserve memory, write pages as they come, check the
 * final state, say READY, and run the VM when, and only when, the token has come and is in the
 * ledger.
 *
 *   greeting → receiving ⇄ checking → ready → taking → running
 *       └──────────┴───────────┴────────┴──→ dropped (its memory is given back)
 *
 * A connection that only asks a question (QUERY) is answered from the ledger and ends.
 */
import { assert, type Hash64, makeHash } from '../../base/index.ts';
import {
  decodeHello,
  encodeRecord,
  PageStreamDecoder,
  recordKind,
  type RecordKindName,
  type StreamHello,
  streamErrorSentence,
} from '../../hypervisor/page-stream.ts';
import type { MigrationSnapshot } from '../../protocol/snapshot.ts';
import { migrationCostNs } from './costs.ts';
import { answerQuery, entryOf, type Ledger, recordVoid, takeOrVoid } from './handover.ts';
import { hashPageRecord, hashRecord } from './page-sender.ts';
import type { MigrationHost, MigrationVm, StreamConnection, StreamHandler } from './ports.ts';
import { readTime, sentenceBytes, timeBytes } from './payload.ts';

/** Where it stands; see the file's head. */
export type DestinationPhase =
  | 'greeting'
  | 'receiving'
  | 'checking'
  | 'ready'
  | 'taking'
  | 'running'
  | 'dropped';

/**
 * Nothing heard for this long: the source has given up, or is gone. Longer than the source's own
 * patience.
 */
const SILENCE_NS_MAX = 5_000_000_000;
const WATCH_NS = 250_000_000;

/** What a destination does besides its stream. */
export interface DestinationOwner {
  /**
   * A question has just made `term` void, or found it so: who waits under it goes back to
   * receiving.
   */
  onTermVoid(vm: number, term: number): void;
  /** `vm` is announced anew by its source, which has therefore given up what it began before. */
  onAnnounced(by: DestinationMigration, vm: number, source: number): void;
}

export class DestinationMigration implements StreamHandler {
  readonly serial: number;
  phase: DestinationPhase = 'greeting';
  hello: StreamHello | undefined;
  vm: MigrationVm | undefined;
  reason = '';
  term = 0; //             of the present stop
  readonly startedAtNs: number;
  endedAtNs = -1;
  pausedAtNs = -1;
  resumedAtNs = -1;
  pagesReceived = 0;
  pagesZero = 0;
  readonly connection: StreamConnection;
  private readonly host: MigrationHost;
  private readonly ledger: Ledger;
  private readonly owner: DestinationOwner;
  private readonly decoder = new PageStreamDecoder();
  private digest: Hash64 | undefined; // between `stop` and `final`
  private records: (Uint8Array | undefined)[] = [];
  private device: Uint8Array | undefined;
  private lastHeardNs: number;

  constructor(options: {
    readonly host: MigrationHost;
    readonly ledger: Ledger;
    readonly owner: DestinationOwner;
    readonly connection: StreamConnection;
    readonly serial: number;
  }) {
    this.host = options.host;
    this.ledger = options.ledger;
    this.owner = options.owner;
    this.connection = options.connection;
    this.serial = options.serial;
    this.startedAtNs = this.host.now();
    this.lastHeardNs = this.startedAtNs;
    this.after(WATCH_NS, 'watch', 0);
  }

  /** True while it may still write to the VM or run it. */
  active(): boolean {
    return this.phase !== 'running' && this.phase !== 'dropped';
  }

  private isDropped(): boolean {
    return this.phase === 'dropped';
  }

  onConnected(): void {
    // Accepted connections are connected; the source speaks first.
  }

  onAcknowledged(): void {
    // Answers are small; nothing waits for room.
  }

  onReadable(): void {
    this.lastHeardNs = this.host.now();
    if (this.isDropped()) return;
    for (;;) {
      const bytes = this.connection.receive();
      if (bytes.length === 0) return;
      const fed = this.decoder.feed(bytes, (kind, argument, extra, source, at, size) => {
        this.onRecord(kind, argument, extra, source.subarray(at, at + size));
        return !this.isDropped();
      });
      if (!fed.ok) this.refuse(streamErrorSentence(fed.error));
      if (!fed.ok || this.isDropped()) return;
    }
  }

  onClosed(why: string): void {
    if (this.phase === 'taking' || this.phase === 'running') return; // the ledger has it; the source may ask
    this.drop(`the connection from the source is lost: ${why}`);
  }

  private onRecord(kind: number, argument: number, extra: number, payload: Uint8Array): void {
    const isPage = kind === recordKind.page; // hashed once it is in memory
    if (this.digest !== undefined && kind !== recordKind.final && !isPage) {
      hashRecord(this.digest, kind, argument, extra, payload);
    }
    switch (kind) {
      case recordKind.page:
        this.onPages(argument, 1, payload);
        break;
      case recordKind.zero:
        this.onPages(argument, extra, undefined);
        break;
      case recordKind.disk:
        this.onDiskPage(extra, argument, payload);
        break;
      case recordKind.hello:
        this.onHello(payload);
        break;
      case recordKind.roundEnd:
        if (this.phase === 'receiving') this.answer('roundAck', argument);
        break;
      case recordKind.stop:
        if (this.phase === 'receiving') this.onStop(argument, payload);
        break;
      case recordKind.vcpu:
        this.records[argument] = payload.slice();
        break;
      case recordKind.device:
        this.device = payload.slice();
        break;
      case recordKind.final:
        this.onFinal(argument, extra);
        break;
      case recordKind.undo:
        this.onUndo(argument);
        break;
      case recordKind.grant:
        this.onGrant(argument, readTime(payload));
        break;
      case recordKind.query:
        this.onQuery(argument, extra);
        break;
      default:
        this.refuse(`a record of kind ${kind} came the wrong way`);
    }
  }

  // ── Receiving ─────────────────────────────────────────────────────────────────────────────────

  private onHello(payload: Uint8Array): void {
    const decoded = decodeHello(payload);
    if (!decoded.ok) {
      this.refuse(streamErrorSentence(decoded.error));
      return;
    }
    if (this.phase !== 'greeting') {
      this.refuse('a stream greets once');
      return;
    }
    this.hello = decoded.value;
    const { vm: id, name, guest, source, pageCount, vcpuCount } = decoded.value;
    this.owner.onAnnounced(this, id, source);
    const made = this.host.createIncoming({ id, name, guest, pageCount, vcpuCount });
    if (!made.ok) {
      this.refuse(made.error);
      return;
    }
    this.vm = made.value;
    this.phase = 'receiving';
    this.host.note('incoming', `migration:${id}`, `memory for ${pageCount} pages is reserved`);
    this.after(migrationCostNs.reserve, 'accept', 0);
  }

  /** One page with bytes, or `count` pages of zeroes. */
  private onPages(first: number, count: number, bytes: Uint8Array | undefined): void {
    const { vm } = this;
    if (vm === undefined || this.phase !== 'receiving' || first + count > vm.pageCount) {
      this.refuse(`page ${first} of ${vm?.pageCount ?? 0} came in phase ${this.phase}`);
      return;
    }
    for (let page = first; page < first + count; page++) {
      const written =
        bytes === undefined ? vm.memory.writeZeroPage(page) : vm.memory.writePage(page, bytes);
      assert(written, 'the frames of an arriving VM are set aside');
    }
    if (this.digest !== undefined && bytes !== undefined) {
      hashPageRecord(this.digest, vm.memory, first);
    }
    if (bytes === undefined) this.pagesZero += count;
    else this.pagesReceived++;
  }

  private onDiskPage(disk: number, page: number, bytes: Uint8Array): void {
    const taken = this.phase === 'receiving' && this.vm?.disks.writePage({ disk, page }, bytes) === true;
    if (!taken) this.refuse(`page ${page} of disk ${disk} came in phase ${this.phase}`);
    else this.pagesReceived++;
  }

  private onStop(term: number, payload: Uint8Array): void {
    this.term = term;
    this.pausedAtNs = readTime(payload);
    this.records = [];
    this.device = undefined;
    this.digest = makeHash();
    hashRecord(this.digest, recordKind.stop, term, 0, payload);
  }

  private onFinal(low: number, high: number): void {
    const { digest } = this;
    this.digest = undefined;
    if (this.phase !== 'receiving' || digest === undefined) {
      this.refuse('a final record came without a stop');
    } else if (digest.low >>> 0 !== low || digest.high >>> 0 !== high) {
      this.refuse('the final state arrived with another digest than it was sent with');
    } else {
      this.phase = 'checking';
      this.after(migrationCostNs.restore, 'restored', this.term);
    }
  }

  /** The records have been loaded: the VM could run. */
  private onRestored(): void {
    const { vm, device, records } = this;
    if (vm === undefined || device === undefined) {
      this.refuse('the final state has no device record');
      return;
    }
    for (let index = 0; index < vm.vcpuCount; index++) {
      const record = records[index];
      const loaded = record === undefined ? undefined : vm.loadVcpu(index, record);
      if (loaded?.ok !== true) {
        this.refuse(
          loaded === undefined ? `the final state has no record of vCPU ${index}` : loaded.error,
        );
        return;
      }
    }
    const loaded = vm.loadDeviceRecord(device);
    if (!loaded.ok) {
      this.refuse(loaded.error);
      return;
    }
    this.phase = 'ready';
    this.answer('ready', this.term);
  }

  private onUndo(term: number): void {
    if (term !== this.term) return;
    this.digest = undefined;
    if (this.phase === 'checking' || this.phase === 'ready') this.phase = 'receiving';
  }

  // ── The token ─────────────────────────────────────────────────────────────────────────────────

  private onGrant(term: number, deadlineNs: number): void {
    const { vm } = this;
    const runsAtNs = this.host.now() + migrationCostNs.ledger;
    const fits = vm !== undefined && this.phase === 'ready' && term === this.term;
    if (fits && takeOrVoid(this.ledger, vm.id, { term, deadlineNs, runsAtNs })) {
      this.phase = 'taking';
      this.after(migrationCostNs.ledger, 'run', term);
      return;
    }
    if (vm !== undefined) recordVoid(this.ledger, vm.id, term);
    if (this.phase === 'ready') this.phase = 'receiving';
    this.after(migrationCostNs.ledger, 'say-void', term);
  }

  private run(): void {
    const { vm } = this;
    if (vm === undefined || this.phase !== 'taking') return;
    this.phase = 'running';
    this.resumedAtNs = this.host.now();
    this.endedAtNs = this.resumedAtNs;
    vm.resume(this.pausedAtNs);
    this.host.note(
      'resume',
      `migration:${vm.id}`,
      `runs on ${this.host.name} under term ${this.term}`,
    );
    this.answer('taken', this.term, timeBytes(this.resumedAtNs));
  }

  private onQuery(term: number, vm: number): void {
    if (answerQuery(this.ledger, vm, term) === 'void') this.owner.onTermVoid(vm, term);
    this.term = term;
    this.after(migrationCostNs.ledger, 'answer-query', vm);
  }

  private answerQuestion(vm: number): void {
    const entry = entryOf(this.ledger, vm);
    const taken = entry.takenTerm >= this.term;
    const payload = taken ? timeBytes(entry.takenAtNs) : NOTHING;
    this.answer(taken ? 'taken' : 'void', this.term, payload);
    this.phase = 'dropped';
    this.connection.close();
  }

  /** Another connection's question made `term` void. */
  onTermVoid(vm: number, term: number): void {
    if (this.phase === 'ready' && this.vm?.id === vm && this.term <= term) this.phase = 'receiving';
  }

  /**
   * Its source begins anew over another connection. A source does so only after it has given this
   * attempt up, which it may not do once it has sent a grant that is unresolved: so a copy that
   * does not run may go.
   */
  supersede(vm: number, source: number): void {
    if (this.hello?.source !== source || this.vm?.id !== vm || this.phase === 'taking') return;
    this.drop('its source begins anew');
  }

  /** What the screen shows; undefined for a connection that only asked. */
  snapshot(): MigrationSnapshot | undefined {
    const { hello } = this;
    if (hello === undefined) return undefined;
    const phase =
      this.phase === 'running' ? 'done' : this.phase === 'dropped' ? 'failed' : this.phase;
    return {
      vm: hello.vm,
      from: hello.source,
      to: this.host.id,
      role: 'destination',
      mode: hello.mode === 0 ? 'pre-copy' : 'stop-and-copy',
      phase,
      reason: this.reason,
      startedAtNs: this.startedAtNs,
      endedAtNs: this.endedAtNs,
      stoppedAtNs: this.pausedAtNs,
      resumedAtNs: this.resumedAtNs,
      throttlePercent: 0,
      downtimePredictedNs: -1,
      bytesLeft: 0,
      pagesSent: this.pagesReceived,
      pagesZero: this.pagesZero,
      bytesSent: 0,
      rounds: [],
    };
  }

  // ── Ends and events ───────────────────────────────────────────────────────────────────────────

  private answer(kind: RecordKindName, argument: number, payload: Uint8Array = NOTHING): void {
    this.connection.send(encodeRecord(kind, { argument, payload }));
  }

  private refuse(sentence: string): void {
    if (this.phase === 'taking' || this.phase === 'running') return; // the VM is ours; only the stream is odd
    this.connection.send(encodeRecord('refuse', { payload: sentenceBytes(sentence) }));
    this.host.note('refused', `host:${this.host.id}`, sentence);
    this.end(sentence);
    this.connection.close();
  }

  private drop(why: string): void {
    if (!this.active()) return;
    if (this.vm !== undefined) this.host.note('dropped', `migration:${this.vm.id}`, why);
    this.end(why);
    this.connection.abort();
  }

  /**
   * Gives the memory back. A term that might still be granted becomes void first (handover.ts, rule
   * 4).
   */
  private end(why: string): void {
    if (this.vm !== undefined) {
      if (this.term > 0) recordVoid(this.ledger, this.vm.id, this.term);
      this.host.destroyVm(this.vm.id);
    }
    this.phase = 'dropped';
    this.reason = why;
    this.endedAtNs = this.host.now();
  }

  /** An event `migration.<kind>` of this migration. */
  onEvent(kind: string, value: number): void {
    switch (kind) {
      case 'watch':
        this.watch();
        break;
      case 'accept':
        if (this.phase === 'receiving') this.answer('accept', 0);
        break;
      case 'restored':
        if (this.phase === 'checking' && value === this.term) this.onRestored();
        break;
      case 'run':
        this.run();
        break;
      case 'say-void':
        if (this.phase !== 'dropped') this.answer('void', value);
        break;
      case 'answer-query':
        this.answerQuestion(value);
        break;
      default:
        break;
    }
  }

  private watch(): void {
    if (!this.active() || this.phase === 'taking') return;
    if (this.host.now() - this.lastHeardNs > SILENCE_NS_MAX)
      this.drop('nothing was heard from the source for 5 s');
    else this.after(WATCH_NS, 'watch', 0);
  }

  private after(delayNs: number, kind: string, value: number): void {
    this.host.schedule(this.host.now() + delayNs, kind, this.serial, value);
  }
}

const NOTHING = new Uint8Array(0);
