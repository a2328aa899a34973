/**
 * All memory of one host, wired together: the only way into core/memory for the machine and the
 * hypervisor.
 */
import { assert } from '../base/assert.ts';
import { err, ok, type Result } from '../base/result.ts';
import { VM_SLOT_COUNT } from '../protocol/host-memory-layout.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { FrameTable } from './frame-table.ts';
import { GStage, gStageTableCount } from './g-stage.ts';
import { GuestMap } from './guest-map.ts';
import { type HostMemory, makeHostMemory } from './host-memory.ts';
import { Tlb } from './tlb.ts';
import { ToolLog } from './tool-log.ts';
import { VmMemory } from './vm-memory.ts';
import { GuestWriter } from './writer.ts';
import { WrittenLog } from './written-log.ts';

/** Why a VM's memory was refused. Counts in 4 KiB frames. */
export type MemoryError =
  | { readonly kind: 'no-vm-slot'; readonly slots: number }
  | { readonly kind: 'no-pages'; readonly asked: number }
  | { readonly kind: 'out-of-memory'; readonly asked: number; readonly free: number };

export class MemorySystem {
  static readonly [checkpointRules]: CheckpointRules = { written: 'outside' };
  readonly host: HostMemory;
  /** Frames whose bytes changed since the last checkpoint. */
  readonly written: WrittenLog;
  readonly frames: FrameTable;
  readonly map: GuestMap;
  readonly tlb: Tlb;
  readonly tools: ToolLog;
  readonly writer: GuestWriter;
  private readonly vms: (VmMemory | undefined)[] = new Array(VM_SLOT_COUNT).fill(undefined);

  constructor(frameCount: number, existing?: WebAssembly.Memory) {
    this.host = makeHostMemory(frameCount, existing);
    this.written = new WrittenLog(frameCount);
    this.frames = new FrameTable(this.host, this.written);
    this.map = new GuestMap(this.host);
    this.tlb = new Tlb(this.host);
    this.tools = new ToolLog(this.host, this.tlb, this.written);
    this.writer = new GuestWriter({ frames: this.frames, tools: this.tools, tlb: this.tlb });
  }

  /** Frames that a VM of `pageCount` pages needs, its G-stage tables included. */
  framesNeeded(pageCount: number): number {
    return pageCount + gStageTableCount(pageCount);
  }

  /**
   * Makes the memory of a VM in the lowest free slot, with G-stage tables. `allocated`: all pages
   * get frames now (a VM that boots). `reserved`: frames are set aside for all, and each page is
   * absent until it is allocated (a VM that arrives). Else none has one yet.
   */
  createVm(options: {
    readonly vmId: number;
    readonly pageCount: number;
    readonly allocated: boolean;
    readonly reserved?: boolean;
  }): Result<VmMemory, MemoryError> {
    const { vmId, pageCount } = options;
    if (!Number.isSafeInteger(pageCount) || pageCount < 1) {
      return err({ kind: 'no-pages', asked: pageCount });
    }
    const slot = this.vms.indexOf(undefined);
    if (slot < 0) return err({ kind: 'no-vm-slot', slots: VM_SLOT_COUNT });
    const free = this.frames.freeCount();
    const asked = this.framesNeeded(pageCount);
    const refused = err({ kind: 'out-of-memory' as const, asked, free });
    const now = options.allocated || options.reserved === true;
    if (pageCount > this.frames.frameCount || (now && asked > free)) return refused;
    const gStage = GStage.create(this.host, this.frames, { owner: vmId, pageCount });
    if (gStage === undefined) return refused;
    const vm = new VmMemory(this, gStage, { slot, vmId, pageCount });
    if (options.allocated) assert(vm.allocateAll(), 'the frames were counted before');
    else if (options.reserved === true) assert(vm.reserveAll(), 'the frames were counted before');
    this.vms[slot] = vm;
    return ok(vm);
  }

  /** The VM in a slot, undefined when it is free. */
  findVm(slot: number): VmMemory | undefined {
    return this.vms[slot];
  }

  /** Frees the slot of a destroyed VM. Called by VmMemory.destroy only. */
  forgetVm(vm: VmMemory): void {
    assert(this.vms[vm.slot] === vm, 'a VM sits in its slot');
    this.vms[vm.slot] = undefined;
  }

  /**
   * Guest pages written since the call before, as (VM slot, page, host frame) in order of frames.
   * For the run hash.
   */
  takeWrittenPages(visit: (slot: number, page: number, frame: number) => void): void {
    for (const frame of this.tools.takeWritten()) {
      const slot = this.map.slotOfFrame(frame);
      if (slot >= 0) visit(slot, this.map.pageOfFrame(frame), frame);
    }
  }
}
