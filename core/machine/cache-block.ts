/**
 * Cache-block operations of a guest (Unprivileged ISA 20240411, chapter 19): cbo.zero writes a block
 * of zeros; inval, clean and flush check that the access is permitted, and on coherent memory that
 * is all. henvcfg enables everything; in VU senvcfg decides (Privileged 20240411 §12.1.10): CBIE 0
 * makes inval illegal, 1 makes it a flush. A refused access faults as a store does, at rs1's value.
 */
import { accessKind, frameOfAddress, GUEST_RAM_FIRST_PAGE } from '../memory/index.ts';
import { assert } from '../base/assert.ts';
import { CACHE_BLOCK_SIZE } from '../isa/table/index.ts';
import { csrSlot } from '../protocol/host-memory-layout.ts';
import { locate, raise } from './guest-access.ts';
import { advancePc, csrWord, hartWord, privilege, registerWord, slotOfHart } from './hart.ts';
import type { HartContext } from './hart-context.ts';

const ILLEGAL_INSTRUCTION = 2;

/** Bits of senvcfg that must not all be 0 for VU. */
const ENABLES = { invalidate: 3 << 4, clean: 1 << 6, flush: 1 << 6, zero: 1 << 7 } as const;

/** Executes `word`, a cache-block operation; moves pc or raises. */
export function cacheBlock(
  context: HartContext,
  hart: number,
  word: number,
  operation: keyof typeof ENABLES,
): void {
  const { words } = context;
  const inUser = words[(hart >> 2) + hartWord.privilege] === privilege.user;
  if (inUser && (words[csrWord(hart, csrSlot.senvcfg)]! & ENABLES[operation]) === 0) {
    raise(context, hart, ILLEGAL_INSTRUCTION, word, 0);
    return;
  }
  const register = registerWord(hart, (word >>> 15) & 31);
  const low = words[register]!;
  const high = words[register + 1]!;
  const access = operation === 'zero' ? accessKind.store : accessKind.load;
  if (!locate(context, hart, low, high, access, accessKind.store)) return;
  if (operation === 'zero') zeroBlock(context, hart, low & 0xfff & ~(CACHE_BLOCK_SIZE - 1));
  advancePc(words, hart);
}

/** Zeroes the block at `offset` in the page just found, announced like any store. */
function zeroBlock(context: HartContext, hart: number, offset: number): void {
  const { walk, system } = context;
  const vm = context.vms[slotOfHart(hart)];
  assert(vm !== undefined, 'a hart that runs belongs to a VM');
  const page = walk.guestPage - GUEST_RAM_FIRST_PAGE;
  const frame = frameOfAddress(system.host, walk.hostPage);
  system.writer.observe(vm, page, frame, offset, CACHE_BLOCK_SIZE, 'vcpu');
  const start = walk.hostPage + offset;
  system.host.bytes.fill(0, start, start + CACHE_BLOCK_SIZE);
}
