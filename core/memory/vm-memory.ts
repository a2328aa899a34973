/**
 * The memory of one VM on one host: its G-stage, its pages in host frames, its dirty log. Pages are
 * counted from the start of guest RAM (GUEST_RAM_ADDRESS), 0 … pageCount − 1; byte addresses are
 * guest physical. Asking for an absent page gives a value (undefined or false), never an exception.
 * Left out: swapping, ballooning, merging, huge pages, devices in the physical address space.
 */
import { assert } from '../base/assert.ts';
import { frameField, frameKind } from '../protocol/host-memory-layout.ts';
import { Arbiter } from './arbiter.ts';
import { DirtyLog } from './dirty-log.ts';
import type { GStage } from './g-stage.ts';
import { GUEST_RAM_ADDRESS } from './guest-map.ts';
import { frameAddress } from './host-memory.ts';
import type { MemorySystem } from './memory-system.ts';
import { SnapshotProtection } from './snapshot-protection.ts';
import type { WriteOrigin } from './writer.ts';

export class VmMemory {
  readonly slot: number;
  readonly vmId: number;
  readonly pageCount: number;
  readonly gStage: GStage;
  readonly arbiter: Arbiter;
  readonly dirtyLog: DirtyLog;
  readonly protection: SnapshotProtection;
  private readonly system: MemorySystem;
  private present = 0;
  /** Frames set aside for pages that are absent yet. */
  private reserved = 0;
  private alive = true;

  /** Made by MemorySystem.createVm only. */
  constructor(system: MemorySystem, gStage: GStage, options: VmMemoryOptions) {
    this.system = system;
    this.gStage = gStage;
    this.slot = options.slot;
    this.vmId = options.vmId;
    this.pageCount = options.pageCount;
    this.arbiter = new Arbiter({
      pageCount: this.pageCount,
      gStage,
      tlb: system.tlb,
      vmSlot: this.slot,
    });
    const { pageCount, arbiter } = this;
    const frames = system.frames;
    const owner = { pageCount, arbiter, frames, frame: (page: number) => this.frame(page) };
    this.dirtyLog = new DirtyLog(owner);
    this.protection = new SnapshotProtection(owner);
  }

  /** Host frame of a page, −1 when it is absent or not a page of this VM. */
  frame(page: number): number {
    if (page < 0 || page >= this.pageCount) return -1;
    return this.system.map.frame(this.slot, page);
  }

  pageState(page: number): 'absent' | 'present' {
    return this.frame(page) < 0 ? 'absent' : 'present';
  }

  /** Pages that have a frame. */
  presentCount(): number {
    return this.present;
  }

  /**
   * Gives a page a frame of zeroes. False when the host has none left; true also when it had one
   * already.
   */
  allocate(page: number): boolean {
    assert(page >= 0 && page < this.pageCount && this.alive, 'a page of a living VM');
    if (this.frame(page) >= 0) return true;
    const { frames } = this.system;
    const promised = this.reserved > 0;
    const frame = promised
      ? frames.allocateReserved(this.vmId, frameKind.private)
      : frames.allocate(this.vmId, frameKind.private);
    if (frame < 0) return false;
    if (promised) this.reserved--;
    this.system.map.set(this.slot, page, frame);
    this.gStage.map(page, frame, this.arbiter.isFree(page));
    this.present++;
    return true;
  }

  /** Gives every page a frame, all or none. */
  allocateAll(): boolean {
    const missing = this.pageCount - this.present - this.reserved;
    if (this.system.frames.freeCount() < missing) return false;
    for (let page = 0; page < this.pageCount; page++) this.allocate(page);
    return true;
  }

  /** Sets frames aside for all absent pages, all or none: {@link allocate} then never fails. */
  reserveAll(): boolean {
    const count = this.pageCount - this.present - this.reserved;
    if (!this.system.frames.reserve(count)) return false;
    this.reserved += count;
    return true;
  }

  /** Gives a page's frame back. A snapshot under way has kept its content before (prepareWrite). */
  release(page: number): void {
    if (this.frame(page) < 0) return;
    assert(!this.protection.isProtected(page), 'a page that a snapshot still needs is not given back');
    this.system.tlb.flushVm(this.slot);
    this.releaseFlushed(page);
  }

  /**
   * Gives all frames, also those of the tables, and the slot back. Harts have been detached before.
   */
  destroy(): void {
    assert(this.alive, 'a VM memory is destroyed once');
    this.system.tlb.flushVm(this.slot);
    for (let page = 0; page < this.pageCount; page++) {
      if (this.frame(page) >= 0) this.releaseFlushed(page);
    }
    this.system.frames.unreserve(this.reserved);
    this.reserved = 0;
    this.gStage.destroy();
    this.alive = false;
    this.system.forgetVm(this);
  }

  /**
   * A live view of a page's 4,096 bytes: copy before keeping; never write through it. Undefined
   * when absent.
   */
  readPage(page: number): Uint8Array | undefined {
    const frame = this.frame(page);
    if (frame < 0) return undefined;
    const address = frameAddress(this.system.host, frame);
    return this.system.host.bytes.subarray(address, address + 4096);
  }

  /** Copies a page into `into` at `offset`. False when the page is absent (nothing is copied). */
  copyPage(page: number, into: Uint8Array, offset: number): boolean {
    const bytes = this.readPage(page);
    if (bytes === undefined) return false;
    into.set(bytes, offset);
    return true;
  }

  /** Writes all 4,096 bytes of a page. False when it is absent (nothing is written). */
  writePage(page: number, bytes: Uint8Array, origin: WriteOrigin): boolean {
    assert(bytes.length === 4096, 'a page has 4096 bytes');
    const frame = this.frame(page);
    if (frame < 0) return false;
    this.system.writer.observe(this, page, frame, 0, 4096, origin);
    this.system.host.bytes.set(bytes, frameAddress(this.system.host, frame));
    return true;
  }

  /** Writes 4,096 zeroes to a page. False when it is absent. */
  writeZeroPage(page: number, origin: WriteOrigin): boolean {
    const frame = this.frame(page);
    if (frame < 0) return false;
    this.system.writer.observe(this, page, frame, 0, 4096, origin);
    const address = frameAddress(this.system.host, frame);
    this.system.host.bytes.fill(0, address, address + 4096);
    return true;
  }

  /** Whether a page is absent or all its bytes are 0. */
  isZero(page: number): boolean {
    const frame = this.frame(page);
    if (frame < 0) return true;
    const words = this.system.host.words;
    const first = frameAddress(this.system.host, frame) >> 2;
    for (let word = first; word < first + 1024; word += 8) {
      const bits =
        words[word]! |
        words[word + 1]! |
        words[word + 2]! |
        words[word + 3]! |
        words[word + 4]! |
        words[word + 5]! |
        words[word + 6]! |
        words[word + 7]!;
      if (bits !== 0) return false;
    }
    return true;
  }

  /** A copy of guest physical memory; undefined when a byte of it is absent or not RAM. */
  read(guestPhysicalAddress: number, byteCount: number): Uint8Array | undefined {
    if (!this.isPresent(guestPhysicalAddress, byteCount)) return undefined;
    const bytes = new Uint8Array(byteCount);
    this.eachPiece(guestPhysicalAddress, byteCount, (page, offset, at, length) => {
      const address = frameAddress(this.system.host, this.frame(page)) + offset;
      bytes.set(this.system.host.bytes.subarray(address, address + length), at);
    });
    return bytes;
  }

  /** Writes guest physical memory, all or nothing: false when a byte of it is absent or not RAM. */
  write(guestPhysicalAddress: number, bytes: Uint8Array, origin: WriteOrigin): boolean {
    if (!this.isPresent(guestPhysicalAddress, bytes.length)) return false;
    this.eachPiece(guestPhysicalAddress, bytes.length, (page, offset, at, length) => {
      const frame = this.frame(page);
      this.system.writer.observe(this, page, frame, offset, length, origin);
      const address = frameAddress(this.system.host, frame) + offset;
      this.system.host.bytes.set(bytes.subarray(at, at + length), address);
    });
    return true;
  }

  /** Writes whole words within one page, `offset` a multiple of 4. False when the page is absent (nothing is written). */
  writeWords(page: number, offset: number, words: Int32Array, origin: WriteOrigin): boolean {
    assert(offset % 4 === 0 && offset + words.length * 4 <= 4096, 'words lie within a page');
    const frame = this.frame(page);
    if (frame < 0) return false;
    this.system.writer.observe(this, page, frame, offset, words.length * 4, origin);
    const into = this.system.host.words;
    const first = (frameAddress(this.system.host, frame) + offset) >> 2;
    for (let index = 0; index < words.length; index++) into[first + index] = words[index]!;
    return true;
  }

  /**
   * Makes the pages under a range ready for a write that cannot wait in its middle: the hypervisor's
   * own, for a guest. `waitsForPage` ≥ 0: not yet, try again when that page is open. `keptCount`:
   * pages whose old content was kept just now (each cost a copy).
   */
  prepareWrite(
    guestPhysicalAddress: number,
    byteCount: number,
    origin: WriteOrigin,
  ): { readonly waitsForPage: number; readonly keptCount: number } {
    const start = guestPhysicalAddress - GUEST_RAM_ADDRESS;
    let keptCount = 0;
    for (let page = Math.floor(start / 4096); page * 4096 < start + byteCount; page++) {
      if (this.frame(page) < 0 || !this.protection.isProtected(page)) continue;
      const outcome = this.protection.onWrite(page, origin);
      if (outcome !== 'waiting') keptCount++;
      if (outcome !== 'kept') return { waitsForPage: page, keptCount };
    }
    return { waitsForPage: -1, keptCount };
  }

  /** Whether all bytes of a range of guest physical addresses are RAM with frames. */
  isPresent(guestPhysicalAddress: number, byteCount: number): boolean {
    const start = guestPhysicalAddress - GUEST_RAM_ADDRESS;
    if (!Number.isSafeInteger(start) || start < 0 || byteCount < 0) return false;
    const end = start + byteCount;
    if (end > this.pageCount * 4096) return false;
    for (let page = Math.floor(start / 4096); page * 4096 < end; page++) {
      if (this.frame(page) < 0) return false;
    }
    return true;
  }

  /** Marks a page as handed to a page stream and not yet acknowledged (shown on screen only). */
  setInFlight(page: number, inFlight: boolean): void {
    const frame = this.frame(page);
    if (frame >= 0) this.system.frames.setFlag(frame, frameField.inFlight, inFlight);
  }

  private eachPiece(
    address: number,
    byteCount: number,
    visit: (page: number, offset: number, at: number, length: number) => void,
  ): void {
    const start = address - GUEST_RAM_ADDRESS;
    for (let at = 0; at < byteCount; ) {
      const page = Math.floor((start + at) / 4096);
      const offset = start + at - page * 4096;
      const length = Math.min(4096 - offset, byteCount - at);
      visit(page, offset, at, length);
      at += length;
    }
  }

  private releaseFlushed(page: number): void {
    const frame = this.frame(page);
    if (this.system.frames.isCode(frame)) this.system.writer.ports.onCodeFrameReleased(frame);
    this.gStage.unmap(page);
    this.system.map.clear(this.slot, page);
    this.system.frames.release(frame);
    this.present--;
  }
}

/** What a VM's memory is made from. */
export interface VmMemoryOptions {
  /** VM slot of the host, 0 … VM_SLOT_COUNT − 1. */
  readonly slot: number;
  /** Number of the VM in its world, 1 … 255. */
  readonly vmId: number;
  /** RAM in 4 KiB pages. */
  readonly pageCount: number;
}
