/**
 * The one slow-path writer: every byte of guest memory that is not stored by compiled code through
 * a write TLB entry is announced here, with the origin of the write, before or right after it
 * lands. It marks the dirty log, heat and hash logs, and tells whoever holds decoded instructions
 * of the frame. Forget one caller, and a migrated guest is corrupt.
 */
import { assert } from '../base/assert.ts';
import type { FrameTable } from './frame-table.ts';
import type { Tlb } from './tlb.ts';
import type { ToolLog } from './tool-log.ts';
import type { VmMemory } from './vm-memory.ts';

/**
 * Who writes. vcpu and walker writes are the guest's own: on real hardware they fault, so they
 * cost.
 */
export type WriteOrigin =
  | 'vcpu'
  | 'walker'
  | 'device'
  | 'hypervisor'
  | 'sbi'
  | 'restore'
  | 'migration'
  | 'workload'; // a modelled guest (core/workload): no vCPU of it runs

/**
 * What a guest's write to a page with a model reason came to; each costs.
 *  dirtyLog      noted in the log
 *  snapshotCopy  the old content was kept
 *  snapshotWait  it cannot be kept yet: the vCPU waits until the page's turn
 */
export type ModelFault = 'dirtyLog' | 'snapshotCopy' | 'snapshotWait';

/**
 * What {@link GuestWriter.resolve} came to: the page is open; the writer must wait and try again; or
 * it is closed for a reason that nobody here serves.
 */
export type Resolution = 'open' | 'waits' | 'closed';

/** What the writer tells the layers above. */
export interface WriterPorts {
  /**
   * The guest's write to a page with a model reason left to the hypervisor. `page` from the start of
   * RAM. After 'snapshotWait' the guest must leave before its next instruction.
   */
  onModelFault(vm: VmMemory, fault: ModelFault, page: number): void;
  /** Bytes of a frame that holds decoded instructions change. */
  onCodeWrite(frame: number, offset: number, byteCount: number): void;
  /** A frame that holds decoded instructions goes back to the host. */
  onCodeFrameReleased(frame: number): void;
}

export class GuestWriter {
  /** Doors upward; whoever builds the host assigns them one by one. */
  readonly ports: WriterPorts = {
    onModelFault: () => undefined,
    onCodeWrite: () => undefined,
    onCodeFrameReleased: () => undefined,
  };
  private readonly frames: FrameTable;
  private readonly tools: ToolLog;
  private readonly tlb: Tlb;

  constructor(options: { frames: FrameTable; tools: ToolLog; tlb: Tlb }) {
    this.frames = options.frames;
    this.tools = options.tools;
    this.tlb = options.tlb;
  }

  /**
   * Announces a write of `byteCount` bytes at `offset` inside one page, held by `frame`. Whoever
   * calls it changes the bytes in the same step.
   */
  observe(
    vm: VmMemory,
    page: number,
    frame: number,
    offset: number,
    byteCount: number,
    origin: WriteOrigin,
  ): void {
    if (!vm.arbiter.isFree(page)) {
      const resolution = this.resolve(vm, page, origin);
      assert(resolution !== 'waits', `a ${origin} write was prepared, so that it need not wait`);
    }
    this.tools.mark(frame);
    if (this.frames.isCode(frame)) this.ports.onCodeWrite(frame, offset, byteCount);
    if (origin !== 'vcpu' && origin !== 'walker') this.tlb.clearReservations(vm.slot, -1);
  }

  /**
   * Serves the model reasons of a page that is about to be written, in their order: the snapshot
   * keeps the old content first, then the dirty log notes the page.
   */
  resolve(vm: VmMemory, page: number, origin: WriteOrigin): Resolution {
    const isGuest = origin === 'vcpu' || origin === 'walker';
    if (vm.arbiter.has(page, 'snapshot')) {
      const outcome = vm.protection.onWrite(page, origin);
      if (isGuest && outcome !== 'waiting') this.ports.onModelFault(vm, 'snapshotCopy', page);
      if (isGuest && outcome !== 'kept') this.ports.onModelFault(vm, 'snapshotWait', page);
      if (outcome !== 'kept') return 'waits';
    }
    if (vm.arbiter.has(page, 'dirtyLog')) {
      vm.dirtyLog.mark(page);
      if (isGuest) this.ports.onModelFault(vm, 'dirtyLog', page);
    }
    return vm.arbiter.isFree(page) ? 'open' : 'closed';
  }

  /**
   * Whether compiled code may store to this page without telling anybody, until something is
   * re-armed.
   */
  mayBypass(vm: VmMemory, page: number, frame: number): boolean {
    return vm.arbiter.isFree(page) && this.tools.isMarked(frame) && !this.frames.isCode(frame);
  }
}
