/**
 * A write tap on one protected volume: sees every write in order, hands it on, and cuts the stream into update sets
 * (*seals*). What is not known to be applied at the recovery site stays marked in changed-block bitmaps, one for
 * each sealed set and one since the last seal: so nothing that is lost on the way is lost for good, and nobody
 * needs a full copy again. The tap never makes the workload wait.
 *
 * Modes: 'opening' (nobody takes writes yet), 'streaming' (every write goes out at once), 'resync' (marked blocks
 * are read from the volume and sent as there is room; when none is left the tap streams again), 'held' (a move is
 * under way: writes are marked only). State is durable: it lies with the volume and survives a loss of power.
 */
import { assert, type Hash64, hashInteger } from '../base/index.ts';
import { CHANGED_BLOCK_BYTES, ChangedBlocks } from './changed-blocks.ts';
import { digestBytes, type Message, message } from './replication-message.ts';

/** What the tap needs of its volume. */
export interface TappedVolume {
  readonly byteCount: number;
  read(byteOffset: number, byteCount: number): Uint8Array;
  write(byteOffset: number, bytes: Uint8Array): void;
  digest(): string;
}

/** Where the tap's messages go. An object with fields, for checkpoints. */
export interface TapOutlet {
  post(message: Message): void;
  /** Whether a sender that can wait should go on. */
  room(): boolean;
}

export type TapMode = 'opening' | 'streaming' | 'resync' | 'held';

/** A set that was sealed and is not known to be applied. */
interface SealedSet {
  readonly sequence: number;
  readonly sealedAtNs: number;
  readonly blocks: ChangedBlocks;
}

/** Blocks read and sent as one write while there is room. */
const RESYNC_RUN_BLOCKS = 4;

/** See the file's head. */
export class WriteTap {
  readonly workload: number;
  readonly volume: TappedVolume;
  mode: TapMode = 'opening';
  /** Of the ownership under which it sends: who holds a lower one is refused by the recovery volume. */
  term = 0;
  nextSequence = 1;
  /** Sequence that the set being written builds on. */
  base = 0;
  /** Known to be applied at the recovery site, when it was sealed, and known to be safe on a staging disk. */
  applied = 0;
  appliedSealedAtNs = 0;
  staged = 0;
  sealedAtNs = 0; //       last seal
  /** The recovery volume is known to be some moment of this volume. */
  hasPoint = false;
  writtenBytes = 0; //     by the workload, since the start
  writeCount = 0;
  /** Under the present term: blocks that had to be sent again at its openings, and those of them that were. */
  handedBlocks = 0;
  resentBlocks = 0;
  /** Blocks sent from bitmaps since the start. */
  resyncBlocks = 0;
  private readonly outlet: TapOutlet;
  private current: ChangedBlocks; //            written since the last seal
  private toSend: ChangedBlocks; //             to be read and sent
  private handed: ChangedBlocks; //             of the last opening, not yet sent
  private unapplied: SealedSet[] = [];
  private isResync = false; //                  the set being written holds blocks from a bitmap
  private isPaired = false; //                  the two volumes were compared once, or a full copy is under way
  private readonly startDigest: string;

  constructor(options: { readonly workload: number; readonly volume: TappedVolume; readonly outlet: TapOutlet }) {
    this.workload = options.workload;
    this.volume = options.volume;
    this.outlet = options.outlet;
    this.startDigest = this.volume.digest();
    const blockCount = this.volume.byteCount / CHANGED_BLOCK_BYTES;
    this.current = new ChangedBlocks(blockCount);
    this.toSend = new ChangedBlocks(blockCount);
    this.handed = new ChangedBlocks(blockCount);
  }

  // ── Writes and seals ──────────────────────────────────────────────────────────────────────────

  /** The workload writes. */
  write(byteOffset: number, bytes: Uint8Array): void {
    this.volume.write(byteOffset, bytes);
    this.current.markBytes(byteOffset, bytes.length);
    this.writtenBytes += bytes.length;
    this.writeCount++;
    if (this.mode === 'streaming' && this.outlet.room()) {
      this.outlet.post(message('write', this.workload, this.term, { first: byteOffset, payload: bytes }));
      return;
    }
    if (this.mode === 'streaming') this.mode = 'resync';
    if (this.mode !== 'resync') return;
    this.toSend.markBytes(byteOffset, bytes.length);
    this.pump();
  }

  /** Ends a set here when all of it has been handed on; whether it did. */
  seal(now: number): boolean {
    if (this.mode !== 'streaming') return false;
    const sequence = this.nextSequence++;
    const payload = new Uint8Array(9);
    payload.set(digestBytes(this.volume.digest()));
    payload[8] = this.isResync ? 1 : 0;
    const says = { first: sequence, second: this.base, third: now, payload };
    this.outlet.post(message('seal', this.workload, this.term, says));
    this.unapplied.push({ sequence, sealedAtNs: now, blocks: this.current });
    this.current = new ChangedBlocks(this.current.blockCount);
    this.base = sequence;
    this.sealedAtNs = now;
    this.isResync = false;
    return true;
  }

  /** Sends marked blocks while there is room; streams again when none is left. */
  pump(): void {
    while (this.mode === 'resync') {
      const run = this.toSend.findRun(0, RESYNC_RUN_BLOCKS);
      if (run === undefined) {
        this.mode = 'streaming';
        return;
      }
      if (!this.outlet.room()) return;
      const byteOffset = run.first * CHANGED_BLOCK_BYTES;
      const bytes = this.volume.read(byteOffset, run.count * CHANGED_BLOCK_BYTES);
      this.toSend.clearBlocks(run.first, run.count);
      this.countResent(run.first, run.count);
      this.isResync = true;
      this.outlet.post(message('write', this.workload, this.term, { first: byteOffset, payload: bytes }));
    }
  }

  private countResent(first: number, count: number): void {
    this.resyncBlocks += count;
    for (let block = first; block < first + count; block++) {
      if (!this.handed.isMarked(block)) continue;
      this.handed.clearBlocks(block, 1);
      this.resentBlocks++;
    }
  }

  // ── Ownership ─────────────────────────────────────────────────────────────────────────────────

  /** From now on writes are only marked. */
  hold(): void {
    this.mode = 'held';
  }

  /** A new owner is to be opened under a higher term. */
  nextTerm(): void {
    this.term++;
    this.handedBlocks = 0;
    this.resentBlocks = 0;
    this.mode = 'opening';
  }

  /** The way to the owner is gone; what it has staged is not known now. */
  onOwnerDown(): void {
    if (this.mode !== 'held') this.mode = 'opening';
  }

  /** All blocks that the recovery site is not known to have: what is handed over. */
  changedBlocks(): ChangedBlocks {
    return this.changedSince(this.applied);
  }

  /** The recovery volume is this tap's alone, and stands at `applied` with that digest. */
  onOpened(applied: number, digest: string): void {
    const isKnown = applied === this.applied || this.unapplied.some((set) => set.sequence === applied);
    const isOtherStart = applied === 0 && !this.isPaired && digest !== this.startDigest;
    if (!isKnown || isOtherStart) this.current.markAll();
    else this.hasPoint = true;
    this.isPaired = true;
    this.onApplied(applied);
    this.startFrom(applied);
  }

  /** The owner is back, and has sealed sets up to `staged` safe (−1: none). */
  onResumed(staged: number): void {
    this.startFrom(Math.max(staged, this.applied));
  }

  private startFrom(base: number): void {
    this.base = base;
    this.staged = base;
    this.toSend = this.changedSince(base);
    this.handed = this.toSend.copy();
    this.handedBlocks += this.toSend.count();
    this.isResync = false;
    this.mode = 'resync';
    this.pump();
  }

  private changedSince(sequence: number): ChangedBlocks {
    const changed = this.current.copy();
    for (const set of this.unapplied) if (set.sequence > sequence) changed.addAll(set.blocks);
    return changed;
  }

  onStaged(sequence: number): void {
    this.staged = Math.max(this.staged, sequence);
  }

  /** Everything up to that seal is on the recovery volume. */
  onApplied(sequence: number): void {
    const last = this.unapplied.findLast((set) => set.sequence <= sequence);
    if (last === undefined) return;
    assert(last.sequence > this.applied, 'seals are applied in order');
    this.applied = last.sequence;
    this.appliedSealedAtNs = last.sealedAtNs;
    this.hasPoint = true;
    this.unapplied = this.unapplied.filter((set) => set.sequence > sequence);
  }

  // ── What is there ─────────────────────────────────────────────────────────────────────────────

  /** True when the recovery site has every write. */
  isDrained(): boolean {
    return this.unapplied.length === 0 && this.current.isEmpty();
  }

  /** Sets that were sealed and are not known to be applied. */
  unappliedCount(): number {
    return this.unapplied.length;
  }

  hashInto(hash: Hash64): void {
    const { mode, term, nextSequence, base, applied, staged, sealedAtNs, writtenBytes, unapplied } = this;
    const modes = ['opening', 'streaming', 'resync', 'held'];
    for (const value of [modes.indexOf(mode), term, nextSequence, base, applied, staged, sealedAtNs, writtenBytes]) hashInteger(hash, value);
    this.current.hashInto(hash);
    this.toSend.hashInto(hash);
    for (const set of unapplied) hashInteger(hash, set.sequence);
  }
}
