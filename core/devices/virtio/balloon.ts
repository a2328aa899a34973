/**
 * A memory balloon: pages that the guest gives up go back to the host, and come back when it asks.
 * A page returns before it is used only when VIRTIO_BALLOON_F_MUST_TELL_HOST was agreed on; without
 * it pages are counted and keep their frames, for the guest might use them untold.
 * Left out: statistics, deflation on lack of memory, free page hints, page poison and reports.
 * Standard: VIRTIO 1.2 §5.5.
 */
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type RecordError, type RecordShape, wrongField } from '../../base/record-shape.ts';
import { ok, type Result } from '../../base/result.ts';
import type { VirtioCore, VirtioDevice } from './core.ts';
import type { Chain } from './queue.ts';

const MUST_TELL_HOST = 0;
const INFLATE = 0;
const DEFLATE = 1;
const ENTRY_BYTES = 4;

/** What the host does with the pages. Guest physical page numbers (4 KiB). False: that cannot be. */
export interface BalloonPorts {
  /** Whether the page is RAM of the guest, with a frame or in the balloon. */
  isRam(page: number): boolean;
  /** The guest will not touch the page: its frame may go. */
  release(page: number): boolean;
  /** The guest wants the page back: it has a frame afterwards, of zeroes. */
  restore(page: number): boolean;
}

/** Pages of the largest VM. */
const PAGES_MAX = 1 << 20;
const RECORD = {
  name: 'balloon', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'targetPages',  width: 'u32', since: 1 },
    { name: 'actualPages',  width: 'u32', since: 1 },
    { name: 'refusedPages', width: 'u53', since: 1 },
  ],
  lists: [{ name: 'inflated', since: 1, max: PAGES_MAX, rows: [{ name: 'page', width: 'u32', since: 1 }] }], // rising
} as const satisfies RecordShape;

/** See the file's head. */
export class VirtioBalloon implements VirtioDevice {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside' };
  readonly name = 'balloon';
  readonly deviceId = 5;
  readonly featureBits = [MUST_TELL_HOST];
  readonly queueSizes = [128, 128];
  /** Pages that the guest named and the host could not serve: outside RAM, in use by a snapshot, or no frame left. */
  refusedPages = 0;
  private readonly ports: BalloonPorts;
  private targetPages = 0;
  private actualPages = 0;
  /** Pages that are in the balloon. */
  private readonly inflated = new Set<number>();
  private core: VirtioCore | undefined;

  constructor(ports: BalloonPorts) {
    this.ports = ports;
  }

  /** Pages in the balloon now. */
  get pageCount(): number {
    return this.inflated.size;
  }

  /** Size that the guest says its balloon has. Unit: page. */
  get reportedPages(): number {
    return this.actualPages;
  }

  /** Asks the guest for a balloon of so many pages, 0 … 2^32 − 1. */
  setTarget(pages: number): void {
    this.targetPages = pages;
    this.core!.configChanged();
  }

  attach(core: VirtioCore): void {
    this.core = core;
  }

  /** §5.5.4: num_pages, actual. */
  config(): Uint8Array {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.targetPages, true);
    view.setUint32(4, this.actualPages, true);
    return bytes;
  }

  writeConfig(offset: number, byteCount: number, value: number): void {
    if (offset === 4 && byteCount === 4) this.actualPages = value;
  }

  /** The next driver knows nothing of the balloon: all pages go back to the guest (§5.5.6). */
  onReset(): void {
    for (const page of [...this.inflated].sort((left, right) => left - right)) this.giveBack(page);
    this.actualPages = 0;
  }

  onNotify(queue: number): void {
    const core = this.core!;
    core.drain(queue, (chain) => this.serve(core, chain, queue));
  }

  private serve(core: VirtioCore, chain: Chain, queue: number): number | undefined {
    const bytes = core.read(chain, 0, chain.readableBytes);
    if (bytes === undefined) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
      const page = view.getUint32(at, true);
      if (queue === INFLATE) this.takeAway(core, page);
      else if (queue === DEFLATE) this.giveBack(page);
    }
    return 0;
  }

  /** Frames of the pages in the balloon go: after a move they may have come back as zeroes. */
  giveUp(): void {
    if (this.core?.has(MUST_TELL_HOST) !== true) return;
    for (const page of this.inflated) this.ports.release(page);
  }

  private takeAway(core: VirtioCore, page: number): void {
    if (this.inflated.has(page)) return;
    if (!this.ports.isRam(page)) this.refusedPages++;
    else if (core.has(MUST_TELL_HOST) && !this.ports.release(page)) this.refusedPages++;
    else this.inflated.add(page);
  }

  private giveBack(page: number): void {
    if (!this.inflated.has(page)) return;
    if (this.ports.restore(page)) this.inflated.delete(page);
    else this.refusedPages++;
  }

  saveRecord(): Uint8Array {
    const { targetPages, actualPages, refusedPages } = this;
    const inflated = [...this.inflated].sort((left, right) => left - right).map((page) => ({ page }));
    return encodeRecord(RECORD, { targetPages, actualPages, refusedPages, inflated });
  }

  /** Frames of the pages in the balloon are not touched: whoever made this VM has none for them, or has zeroes there. */
  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { targetPages, actualPages, refusedPages, inflated } = read.value;
    const odd = inflated.find(({ page }, index) => !this.ports.isRam(page) || (index > 0 && page <= inflated[index - 1]!.page));
    if (odd !== undefined) return wrongField(RECORD, 'page', odd.page);
    return ok(() => {
      this.targetPages = targetPages;
      this.actualPages = actualPages;
      this.refusedPages = refusedPages;
      this.inflated.clear();
      for (const { page } of inflated) this.inflated.add(page);
    });
  }
}
