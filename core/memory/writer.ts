/**
 * The one slow-path writer: every byte of guest memory that is not stored by compiled code through
 * a write TLB entry is announced here, with the origin of the write, before or right after it
 * lands. It marks the dirty log, heat and hash logs, and tells whoever holds decoded instructions
 * of the frame. Forget one caller, and a migrated guest is corrupt.
 */
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
  | 'migration';

/** What the writer tells the layers above. */
export interface WriterPorts {
  /**
   * The guest's first write to a page with a model reason left to the hypervisor. `page` from the
   * start of RAM.
   */
  onModelFault(vm: VmMemory, reason: 'dirtyLog', page: number): void;
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
    if (!vm.arbiter.isFree(page)) this.resolve(vm, page, origin);
    this.tools.mark(frame);
    if (this.frames.isCode(frame)) this.ports.onCodeWrite(frame, offset, byteCount);
    if (origin !== 'vcpu' && origin !== 'walker') this.tlb.clearReservations(vm.slot, -1);
  }

  /**
   * Serves the model reasons of a page that is about to be written. Gives whether the page is open
   * afterwards; when not, a guest's store is a fault that somebody above must answer.
   */
  resolve(vm: VmMemory, page: number, origin: WriteOrigin): boolean {
    if (vm.arbiter.has(page, 'dirtyLog')) {
      vm.dirtyLog.mark(page);
      if (origin === 'vcpu' || origin === 'walker') this.ports.onModelFault(vm, 'dirtyLog', page);
    }
    return vm.arbiter.isFree(page);
  }

  /**
   * Whether compiled code may store to this page without telling anybody, until something is
   * re-armed.
   */
  mayBypass(vm: VmMemory, page: number, frame: number): boolean {
    return vm.arbiter.isFree(page) && this.tools.isMarked(frame) && !this.frames.isCode(frame);
  }
}
