/**
 * The checkpoints of one lane, the coordinator's side: when one is due (replay work), taking it when all
 * processes stand at a cut, comparing the state when one is passed again, thinning to a bound of memory,
 * going back to one. The workers hold the contents; here are their times, hashes and sizes.
 */
import { assert } from '../core/base/assert.ts';
import { findVictim } from '../core/sim/checkpoint/thinning.ts';
import { foldRunHash } from '../core/sim/run-hash.ts';
import type { ProcessReply } from './host-message.ts';
import type { LaneRun } from './lane-run.ts';

/** How checkpoints are kept. */
export interface CheckpointPolicy {
  /** Replay work of one worker between two checkpoints. Unit: guest instructions. */
  readonly spacing: number;
  /** Most memory of all checkpoints of the run. Unit: byte. */
  readonly bytesMax: number;
}

/** What a run has when nobody says otherwise. */
export const DEFAULT_POLICY: CheckpointPolicy = { spacing: 4_000_000, bytesMax: 256 << 20 };

/** Most checkpoints of a lane: beyond, thinning costs more than it saves replay. */
const COUNT_MAX = 128;
/** The same when their pages lie on the disk: what stays in memory of each is small. */
const COUNT_MAX_SPILLED = 512;

/** One checkpoint, as it is known here. */
export interface CheckpointEntry {
  readonly id: number;
  readonly timeNs: number;
  /** The run hash there. */
  readonly hash: string;
  /** Hash of everything, by process. */
  readonly states: ReadonlyMap<number, string>;
  /** Replay work from the start, by worker. */
  readonly works: readonly number[];
}

/** A state that differs from the one recorded. */
export interface Divergence {
  readonly process: number;
  readonly timeNs: number;
  readonly message: string;
}

/** See the file's head. */
export class LaneHistory {
  readonly #lane: LaneRun;
  readonly #policy: CheckpointPolicy;
  readonly #onChange: () => void;
  readonly #onDivergence: (found: Divergence) => void;
  readonly #entries: CheckpointEntry[] = [];
  #base: CheckpointEntry | undefined;
  #nextId = 0;
  #busy: Promise<void> | undefined;
  #bytes = 0;
  #spilledBytes = 0;

  constructor(
    lane: LaneRun,
    options: {
      readonly policy: CheckpointPolicy;
      readonly onChange: () => void;
      readonly onDivergence: (found: Divergence) => void;
    },
  ) {
    this.#lane = lane;
    this.#policy = options.policy;
    this.#onChange = options.onChange;
    this.#onDivergence = options.onDivergence;
  }

  /** All checkpoints, in order of time. */
  entries(): readonly CheckpointEntry[] {
    return this.#entries;
  }

  /** Memory that they take in all workers. Unit: byte. */
  byteCount(): number {
    return this.#bytes;
  }

  /** What lies beside memory, on the disk. Unit: byte. */
  spilledByteCount(): number {
    return this.#spilledBytes;
  }

  /** The newest checkpoint at or before a time. */
  findBefore(timeNs: number): CheckpointEntry | undefined {
    return this.#entries.findLast((entry) => entry.timeNs <= timeNs);
  }

  /** True while the lane must rest: a checkpoint is due, or being taken or compared. Begins that. */
  tend(): boolean {
    if (this.#busy !== undefined) return true;
    const lane = this.#lane;
    if (!lane.isAtLimit()) return this.#isDue();
    if (!lane.isQuiet()) return false;
    const known = this.#entries.find((entry) => entry.timeNs === lane.limitNs());
    if (known === undefined ? !this.#isDue() : known === this.#base) return false;
    this.#occupy(known === undefined ? this.#take() : this.#compare(known));
    return true;
  }

  /** How far the lane may go towards `targetNs` at once: not past a checkpoint that it will pass. */
  clamp(targetNs: number): number {
    const limitNs = this.#lane.limitNs();
    const next = this.#entries.find((entry) => entry.timeNs > limitNs);
    return next === undefined ? targetNs : Math.min(targetNs, next.timeNs);
  }

  /** Resolves when nothing is being taken or compared. */
  async rest(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
  }

  /** Puts the lane back to a checkpoint. What is told of times before `knownNs` is known already. */
  async restore(entry: CheckpointEntry, knownNs: number): Promise<void> {
    await this.rest();
    assert(this.#entries.includes(entry), 'a checkpoint that is restored is still there');
    this.#base = entry;
    await this.#occupy(this.#lane.restore(entry, knownNs));
  }

  /** Forgets all checkpoints after a time: the run takes another course from there. */
  async forgetAfter(timeNs: number): Promise<void> {
    await this.rest();
    const gone = this.#entries.filter((entry) => entry.timeNs > timeNs);
    if (gone.length > 0) await this.#occupy(this.#drop(gone));
  }

  #occupy(work: Promise<void>): Promise<void> {
    this.#busy = work.then(() => {
      this.#busy = undefined;
      this.#onChange();
    });
    return this.#busy;
  }

  #isDue(): boolean {
    const base = this.#base;
    if (base === undefined) return true;
    return this.#lane.works().some((work, index) => work - base.works[index]! >= this.#policy.spacing);
  }

  async #take(): Promise<void> {
    const id = this.#nextId++;
    const before = this.#bytes;
    const replies = await this.#lane.ask({ what: 'checkpoint', id, known: false });
    if (replies.length === 0) return; // the lane has ended
    const entry = this.#entryOf(id, replies);
    const after = this.#entries.findIndex((other) => other.timeNs > entry.timeNs);
    this.#entries.splice(after < 0 ? this.#entries.length : after, 0, entry);
    this.#base = entry;
    this.#measure(replies);
    await this.#thin(Math.max(0, this.#bytes - before));
  }

  async #compare(known: CheckpointEntry): Promise<void> {
    const replies = await this.#lane.ask({ what: 'checkpoint', id: known.id, known: true });
    if (replies.length === 0) return;
    const now = this.#entryOf(known.id, replies);
    this.#base = known;
    this.#measure(replies);
    for (const [process, state] of now.states) {
      const recorded = known.states.get(process);
      if (recorded === state) continue;
      const message = `Replay took another course: at ${known.timeNs} ns the state of process ${process} has hash ${state}; when it was first there, ${recorded}. Run hash ${now.hash}, then ${known.hash}.`;
      this.#onDivergence({ process, timeNs: known.timeNs, message });
      return;
    }
  }

  #entryOf(id: number, replies: readonly ProcessReply[]): CheckpointEntry {
    const hashes = replies.map(({ process, checkpoint }) => ({ process, hash: checkpoint?.hash ?? '' }));
    return {
      id,
      timeNs: this.#lane.limitNs(),
      hash: foldRunHash(hashes),
      states: new Map(replies.map(({ process, checkpoint }) => [process, checkpoint?.state ?? ''])),
      works: this.#lane.works(),
    };
  }

  /** Spills, then drops, until the bound holds with room for what the next two checkpoints may take. */
  async #thin(addedBytes: number): Promise<void> {
    const allowed = this.#policy.bytesMax - 2 * addedBytes;
    if (this.#bytes > allowed) await this.#spill(this.#bytes - allowed + addedBytes);
    const countMax = this.#spilledBytes > 0 ? COUNT_MAX_SPILLED : COUNT_MAX;
    for (;;) {
      const surplus = this.#entries.length - countMax;
      const bytesOver = this.#bytes - allowed;
      if (surplus <= 0 && bytesOver <= 0) return;
      const each = Math.max(1, this.#bytes / this.#entries.length);
      const wanted = Math.min(Math.max(surplus, Math.ceil(bytesOver / each)), this.#entries.length >> 2);
      const victims = this.#victims(Math.max(1, wanted));
      if (victims.length === 0) return;
      await this.#drop(victims);
    }
  }

  #victims(count: number): CheckpointEntry[] {
    const left = this.#entries.map((entry) => ({
      entry,
      work: Math.max(...entry.works),
      isBase: entry === this.#base,
    }));
    const present = Math.max(...this.#lane.works());
    const victims: CheckpointEntry[] = [];
    while (victims.length < count) {
      const position = findVictim(left, present);
      if (position < 0) break;
      victims.push(...left.splice(position, 1).map(({ entry }) => entry));
    }
    return victims;
  }

  async #drop(victims: readonly CheckpointEntry[]): Promise<void> {
    for (const entry of victims) this.#entries.splice(this.#entries.indexOf(entry), 1);
    const replies = await this.#lane.ask({ what: 'drop', ids: victims.map(({ id }) => id) });
    if (replies.length > 0) this.#measure(replies);
  }

  /** Moves pages of the oldest checkpoints beside memory, where there is such a place. */
  async #spill(byteCount: number): Promise<void> {
    const replies = await this.#lane.ask({ what: 'spill', byteCount });
    if (replies.length > 0) this.#measure(replies);
  }

  #measure(replies: readonly ProcessReply[]): void {
    this.#bytes = replies.reduce((sum, reply) => sum + (reply.checkpointBytes ?? 0), 0);
    this.#spilledBytes = replies.reduce((sum, reply) => sum + (reply.spilledBytes ?? 0), 0);
  }
}
