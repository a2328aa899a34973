/**
 * What the newest snapshot of a host shows of itself in the host's shared memory, for painters: how far each page
 * of its file is, the queue, and what flows through it (core/protocol/host-memory-layout.ts).
 * Written only; nothing in the model reads it, and all of it follows from the job, so that it can be painted
 * anew after a journey in time.
 */
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import type { HostMemory } from '../../memory/index.ts';
import {
  FORCED_RING_ADDRESS, FORCED_RING_BITS, fileByte, SNAPSHOT_ADDRESS, SNAPSHOT_WORD_COUNT, snapshotWord,
} from '../../protocol/host-memory-layout.ts';
import type { RamQueue } from './ram-queue.ts';

/** What is said of a page of the file besides its state: the bits of fileByte. */
export const pageMark = { forced: fileByte.forced, leftOut: fileByte.leftOut } as const;
export type PageMark = (typeof pageMark)[keyof typeof pageMark];

const WORDS = SNAPSHOT_ADDRESS >> 2;

/** A job as its picture sees it. */
export interface PicturedJob {
  readonly serial: number;
  readonly state: string;
  readonly vm: { readonly id: number };
  readonly pageState: Uint8Array;
  readonly pageMarks: Uint8Array;
  readonly queue: RamQueue;
  queuedPages(): number;
  transfer(): { readonly pageCount: number; readonly fromNs: number; readonly toNs: number } | undefined;
}

/** See the file's head. One a host; the job with the highest serial number is shown. */
export class SnapshotPicture {
  static readonly [checkpointRules]: CheckpointRules = { memory: 'outside' };
  private readonly memory: HostMemory;
  private shown = 0; // serial number of the job that is painted

  constructor(memory: HostMemory) {
    this.memory = memory;
  }

  /** From here on this job is shown, from its beginning. */
  show(job: PicturedJob): void {
    this.shown = job.serial;
    this.paintAll(job);
  }

  /** One page of the file has come further. */
  paintPage(job: PicturedJob, page: number): void {
    if (job.serial !== this.shown) return;
    this.memory.bytes[this.memory.layout.fileMapAddress + page] = job.pageState[page]! | job.pageMarks[page]!;
  }

  /** Everything, as the job is now; nothing when no job is shown. O(pages). */
  paintAll(job: PicturedJob | undefined): void {
    const { bytes, words, layout } = this.memory;
    const at = layout.fileMapAddress;
    if (job === undefined || job.serial !== this.shown) {
      if (job !== undefined) return;
      bytes.fill(0, at, at + layout.frameCount);
      words.fill(0, WORDS, WORDS + SNAPSHOT_WORD_COUNT);
      return;
    }
    const pageCount = Math.min(job.pageState.length, layout.frameCount);
    // A snapshot that was given up has no file.
    const isGone = job.state === 'aborted';
    for (let page = 0; page < pageCount; page++) bytes[at + page] = isGone ? 0 : job.pageState[page]! | job.pageMarks[page]!;
    bytes.fill(0, at + pageCount, at + layout.frameCount);
    bytes.set(job.queue.forcedBits, FORCED_RING_ADDRESS);
    this.paintFlow(job);
  }

  /** The queue, and what flows through it. */
  paintFlow(job: PicturedJob): void {
    if (job.serial !== this.shown) return;
    const { words, view, bytes } = this.memory;
    const { queue } = job;
    const put = (word: number, value: number) => {
      words[WORDS + word] = value;
    };
    const last = Math.max(0, queue.pagesTaken - 1) % FORCED_RING_BITS;
    bytes[FORCED_RING_ADDRESS + (last >> 3)] = queue.forcedBits[last >> 3]!;
    put(snapshotWord.serial, job.serial);
    put(snapshotWord.vm, job.vm.id);
    put(snapshotWord.pageCount, job.pageState.length);
    put(snapshotWord.heldBytes, queue.heldBytes);
    put(snapshotWord.capBytes, queue.capBytes);
    put(snapshotWord.reserveBytes, queue.reserveBytes());
    put(snapshotWord.takenPages, queue.pagesTaken);
    put(snapshotWord.leftPages, queue.pagesTaken - job.queuedPages());
    const transfer = job.transfer();
    put(snapshotWord.writeCount, transfer?.pageCount ?? 0);
    view.setFloat64(SNAPSHOT_ADDRESS + 4 * snapshotWord.writeFromNs, transfer?.fromNs ?? -1, true);
    view.setFloat64(SNAPSHOT_ADDRESS + 4 * snapshotWord.writeToNs, transfer?.toNs ?? -1, true);
  }
}
