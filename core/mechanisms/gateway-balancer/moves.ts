/**
 * Moves of workloads between gateways, step 7 of the card, phase after phase:
 *
 *   sealing       the set being written ends; from here on new writes are only marked in the bitmap
 *   draining      the old pair ships what was sealed, until the recovery volume has all of it
 *   handing-over  the durable record says who owns the workload now, under a higher term; the bitmap and the next
 *                 sequence go to the new gateway
 *   re-pointing   the new pair makes itself known to the recovery volume, which refuses lower terms from then on
 *   resuming      marked blocks are sent; the move is done when the first set of the new pair is applied
 *
 * A crash in any phase leaves one owner: the record's. Before handing-over it is the old gateway, which goes on with
 * what it has staged; after it the new one. What was staged and is lost is in the bitmap.
 */
import { assert, type Hash64, hashInteger, hashText } from '../../base/index.ts';
import { CHANGED_BLOCK_BYTES, message } from '../../storage/index.ts';
import type { ProtectedWorkload } from './protected-workload.ts';
import type { MovePhase, MoveTold } from './told.ts';

/** Moves that ended and are still told of. */
const ENDED_MAX = 12;

/** A move that is under way. Durable, with the taps. */
export interface Move {
  readonly workload: number;
  readonly site: 0 | 1;
  readonly from: number;
  readonly to: number;
  readonly why: MoveTold['why'];
  readonly startedAtNs: number;
  phase: MovePhase;
  /** First sequence of the new pair; −1 before it is known. */
  resumeSequence: number;
  handedBlocks: number;
}

/** What moves need of the site. An object with fields, for checkpoints. */
export interface MovesHost {
  now(): number;
  find(workload: number): ProtectedWorkload | undefined;
  /** Tells the pair that owns the workload to open it, if there is a way to it. */
  open(workload: ProtectedWorkload): void;
  tell(gateway: number, said: ReturnType<typeof message>): void;
  isConnected(gateway: number): boolean;
  note(kind: string, entity: string, text: string): void;
  nameOf(gateway: number): string;
  /** A move is over; `freeAtEpoch` follows from the cool-down. */
  onMoveEnded(move: Move, done: boolean): void;
}

/** See the file's head. */
export class Moves {
  readonly active: Move[] = [];
  ended: MoveTold[] = [];
  doneCount = 0;
  failedCount = 0;
  /** Of completed moves: blocks that were sent again, in bytes; and what their bitmaps allowed. */
  resentBytes = 0;
  handedBytes = 0;
  private readonly host: MovesHost;

  constructor(host: MovesHost) {
    this.host = host;
  }

  find(workload: number): Move | undefined {
    return this.active.find((move) => move.workload === workload);
  }

  /** Begins a move. The workload replicates, is not moving, and `to` is another gateway of that site. */
  begin(workload: ProtectedWorkload, plan: { readonly site: 0 | 1; readonly to: number; readonly why: MoveTold['why'] }): void {
    const { host } = this;
    const from = plan.site === 0 ? workload.primary : workload.recovery;
    assert(!workload.isMoving && from !== plan.to, 'a move leads from one gateway to another, one at a time');
    const move: Move = { workload: workload.id, ...plan, from, startedAtNs: host.now(), phase: 'sealing', resumeSequence: -1, handedBlocks: 0 };
    this.active.push(move);
    workload.isMoving = true;
    host.note('move', `workload:${workload.id}`, `${workload.name}: ${host.nameOf(from)} → ${host.nameOf(plan.to)}`);
    workload.tap.seal(host.now());
    workload.tap.hold();
    if (plan.why === 'gateway-lost' || !host.isConnected(workload.primary)) {
      this.handOver(move);
      return;
    }
    this.enter(move, 'draining');
    host.tell(workload.primary, message('close', workload.id, workload.tap.term));
  }

  /** The old gateway has nothing more of the workload; or it will not be waited for any longer. */
  onDrained(workload: number): void {
    const move = this.find(workload);
    if (move?.phase === 'draining') this.handOver(move);
  }

  private handOver(move: Move): void {
    const workload = this.host.find(move.workload);
    assert(workload !== undefined, 'a workload that moves is there');
    const before = workload.primary;
    if (move.site === 0) workload.primary = move.to;
    else workload.recovery = move.to;
    workload.tap.nextTerm();
    move.handedBlocks = workload.tap.changedBlocks().count();
    this.enter(move, 'handing-over');
    if (before !== workload.primary) this.host.tell(before, message('drop', workload.id, workload.tap.term));
    this.host.open(workload);
  }

  /** Bitmap and next sequence are on their way to the new gateway. */
  onOpening(workload: number): void {
    const move = this.find(workload);
    if (move?.phase === 'handing-over') this.enter(move, 're-pointing');
  }

  /** The new pair owns the workload; the tap sends again. */
  onOpened(workload: ProtectedWorkload): void {
    const move = this.find(workload.id);
    if (move === undefined || (move.phase !== 're-pointing' && move.phase !== 'handing-over')) return;
    move.resumeSequence = workload.tap.nextSequence;
    move.handedBlocks = workload.tap.handedBlocks;
    this.enter(move, 'resuming');
  }

  onApplied(workload: ProtectedWorkload): void {
    const move = this.find(workload.id);
    if (move?.phase !== 'resuming' || workload.tap.applied < move.resumeSequence) return;
    move.handedBlocks = workload.tap.handedBlocks; // more than one bitmap when its gateway went down meanwhile
    this.end(move, 'done', '');
  }

  /** Ends a move that cannot come to its end; the owner is whom the record says. */
  fail(move: Move, reason: string): void {
    this.end(move, 'failed', reason);
  }

  /** The site is back after a loss of power: what was not handed over stays with the old gateway. */
  recover(): void {
    for (const move of [...this.active]) {
      if (move.phase === 'sealing' || move.phase === 'draining') this.fail(move, 'the production site lost power');
    }
  }

  private end(move: Move, phase: 'done' | 'failed', reason: string): void {
    const { host } = this;
    const workload = host.find(move.workload);
    assert(workload !== undefined, 'a workload that moves is there');
    const resentBytes = workload.tap.resentBlocks * CHANGED_BLOCK_BYTES;
    this.active.splice(this.active.indexOf(move), 1);
    workload.isMoving = false;
    if (phase === 'done') {
      this.doneCount++;
      this.resentBytes += resentBytes;
      this.handedBytes += move.handedBlocks * CHANGED_BLOCK_BYTES;
    } else {
      this.failedCount++;
      if (workload.tap.mode === 'held') workload.tap.mode = 'opening';
    }
    this.ended.push({ ...toldOf({ ...move, phase }, workload), endedAtNs: host.now(), reason, resentBytes });
    if (this.ended.length > ENDED_MAX) this.ended.shift();
    const text = phase === 'done' ? `${workload.name} streams through ${host.nameOf(move.to)}` : `${workload.name} stays: ${reason}`;
    host.note(phase === 'done' ? 'moved' : 'move-failed', `workload:${workload.id}`, text);
    host.onMoveEnded(move, phase === 'done');
  }

  private enter(move: Move, phase: MovePhase): void {
    move.phase = phase;
    this.host.note(phase, `workload:${move.workload}`, `${phase} from ${this.host.nameOf(move.from)} to ${this.host.nameOf(move.to)}`);
  }

  /** Moves under way, then the last that ended. */
  told(): MoveTold[] {
    const going = this.active.map((move) => toldOf(move, this.host.find(move.workload)));
    return [...going, ...this.ended.toReversed()];
  }

  hashInto(hash: Hash64): void {
    for (const { workload, from, to, phase, resumeSequence } of this.active) {
      for (const value of [workload, from, to, resumeSequence]) hashInteger(hash, value);
      hashText(hash, phase);
    }
    hashInteger(hash, this.doneCount);
    hashInteger(hash, this.failedCount);
  }
}

function toldOf(move: Move, workload: ProtectedWorkload | undefined): MoveTold {
  const { resumeSequence: _, ...rest } = move;
  const isSending = move.phase === 'resuming';
  return { ...rest, endedAtNs: -1, resentBytes: isSending ? (workload?.tap.resentBlocks ?? 0) * CHANGED_BLOCK_BYTES : 0, reason: '' };
}
