/**
 * A guest's access to one page, as hardware and hypervisor do it together: the two-stage walk; when
 * the G-stage refuses a write for a model reason, the writer serves the reason and the walk starts
 * again (or the whole instruction does, when the hypervisor set record.exitReason to leave the
 * guest first); any other fault becomes a trap in the guest or an exit to the hypervisor.
 */
import { assert } from '../base/assert.ts';
import { isCompressed } from '../isa/compressed.ts';
import {
  accessKind,
  type AccessKind,
  GUEST_RAM_FIRST_PAGE,
  type VmMemory,
  walkFault,
} from '../memory/index.ts';
import type { HartContext } from './hart-context.ts';
import { exitReason } from '../protocol/host-memory-layout.ts';
import { hartWord, slotOfHart } from './hart.ts';
import { enterTrap, recordGuestPageFault } from './trap.ts';

/**
 * Page-fault cause of each access kind; the guest-page fault has a table of its own (Privileged
 * §10.1.8, §18.6.1).
 */
const PAGE_FAULT: readonly number[] = [12, 13, 15];
const GUEST_PAGE_FAULT: readonly number[] = [20, 21, 23];
/**
 * Walks of one access: each repeats only after a reason on another page was served (3 entries and
 * the page itself).
 */
const WALK_COUNT_MAX = 8;

/**
 * Finds the page of the virtual address `high`:`low`; context.walk then describes it. False: a trap
 * was taken or an exit recorded, and the instruction does not retire. A fault is reported as one of
 * `faultAs`, which differs from `access` for cache-block management alone.
 */
export function locate(
  context: HartContext,
  hart: number,
  low: number,
  high: number,
  access: AccessKind,
  faultAs: AccessKind = access,
): boolean {
  const vm = context.vms[slotOfHart(hart)];
  assert(vm !== undefined, 'a hart that runs belongs to a VM');
  for (let count = 0; count < WALK_COUNT_MAX; count++) {
    const fault = context.walk.translate(vm, hart, low, high, access);
    if (fault === walkFault.none) return true;
    if (fault === walkFault.page) {
      raise(context, hart, PAGE_FAULT[faultAs]!, low, high);
      return false;
    }
    const { guestPage, guestOffset, refusedImplicit, refusedTable } = context.walk;
    recordGuestPageFault(context.words, hart, {
      code: GUEST_PAGE_FAULT[faultAs]!,
      addressLow: low,
      addressHigh: high,
      guestPage,
      guestOffset,
      implicitWrite: refusedImplicit,
      implicit: refusedTable,
    });
    if (!serveReasons(context, vm)) {
      context.counts[slotOfHart(hart)]!.notRetired++;
      context.words[(hart >> 2) + hartWord.exitReason] = exitReason.guestPageFault;
      return false;
    }
    // Whoever served it may want the guest to leave, so that the cost counts before the next
    // instruction.
    if (context.words[(hart >> 2) + hartWord.exitReason] !== exitReason.none) {
      context.counts[slotOfHart(hart)]!.notRetired++;
      return false;
    }
  }
  assert(false, 'a walk ends once the reasons of its four pages are served');
  return false;
}

/**
 * Serves the model reasons behind a refused write. False when none explains it. When the write must
 * wait, whoever was told has set record.exitReason, and the instruction is tried again later.
 */
function serveReasons(context: HartContext, vm: VmMemory): boolean {
  const { walk } = context;
  if (!walk.refusedWrite) return false;
  const page = walk.guestPage - GUEST_RAM_FIRST_PAGE;
  if (vm.frame(page) < 0 || vm.arbiter.isFree(page)) return false;
  const origin = walk.refusedImplicit ? 'walker' : 'vcpu';
  return context.system.writer.resolve(vm, page, origin) !== 'closed';
}

/** Raises an exception of the present instruction in the guest. */
export function raise(
  context: HartContext,
  hart: number,
  code: number,
  valueLow: number,
  valueHigh: number,
): void {
  context.counts[slotOfHart(hart)]!.notRetired++;
  enterTrap(context.words, hart, code, false, valueLow, valueHigh);
}

/** The instruction at pc, which has been fetched before, 2 or 4 bytes; undefined when it can be fetched no more. */
export function presentWord(context: HartContext, hart: number): number | undefined {
  const { words, walk, system } = context;
  const vm = context.vms[slotOfHart(hart)];
  assert(vm !== undefined, 'a hart that runs belongs to a VM');
  const pc = (hart >> 2) + hartWord.pc;
  const offset = words[pc]! & 0xfff;
  if (walk.translate(vm, hart, words[pc]!, words[pc + 1]!, accessKind.fetch) !== walkFault.none) return undefined;
  const first = system.host.view.getUint16(walk.hostPage + offset, true);
  if (isCompressed(first)) return first;
  if (offset !== 0xffe) return system.host.view.getInt32(walk.hostPage + offset, true);
  const low = (words[pc]! + 2) | 0;
  const high = low === 0 ? (words[pc + 1]! + 1) | 0 : words[pc + 1]!;
  if (walk.translate(vm, hart, low, high, accessKind.fetch) !== walkFault.none) return undefined;
  return first | (system.host.view.getUint16(walk.hostPage, true) << 16);
}
