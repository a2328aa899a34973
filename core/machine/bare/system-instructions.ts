/**
 * System instructions of a bare-metal hart in all its modes (RISC-V Privileged ISA 20240411 §3.3, §12.2, §18.3,
 * §18.6.1): what is legal where, what is a virtual-instruction exception, what else is illegal. Each moves pc
 * itself. wfi waits for no bounded time: where TW or VTW forbid waiting it traps at once.
 */
import { accessKind, type AccessKind } from '../../memory/index.ts';
import { CACHE_BLOCK_SIZE } from '../../isa/table/index.ts';
import { bareBlock, exitReason } from '../../protocol/host-memory-layout.ts';
import { SYSTEM_HANDLERS, type SlowPaths } from '../../wasm/interpreter-abi.ts';
import { advancePc, hartWord, registerWord, slotOfHart } from '../hart.ts';
import { csrHandlers, csrNumber, type CsrOperation, exchangeCsr, writesCsr } from '../zicsr.ts';
import type { BareContext } from './context.ts';
import { modifiedBase, permissionOf, readBareCsr, rowOf, writeBareCsr } from './csr-access.ts';
import { guestLoad, guestStore } from './guest-instructions.ts';
import type { BareMemory } from './memory-access.ts';
import { bareSlot, bareWord, environmentLow, hstatusLow, mode, statusLow } from './registers.ts';
import {
  isAnyPending,
  raiseException,
  returnFromMachine,
  returnFromSupervisor,
  takeInterrupt,
} from './trap.ts';

const ILLEGAL = 2;
const BREAKPOINT = 3;
const VIRTUAL = 22;

type SystemSlowPaths = Pick<SlowPaths, 'system' | 'illegal' | 'misalignedTarget' | 'decode'>;
type Handler = (machine: Parts, hart: number, word: number) => void;

interface Parts {
  readonly context: BareContext;
  readonly memory: BareMemory;
}

/** The part of a bare-metal machine's slow paths that is no plain memory access. */
export function makeBareSystemSlowPaths(context: BareContext, memory: BareMemory): SystemSlowPaths {
  const { words } = context;
  const parts = { context, memory };
  const handlers = SYSTEM_HANDLERS.map((name) => HANDLERS[name]);
  return {
    system(hart, handler) {
      handlers[handler]!(parts, hart, words[(hart >> 2) + hartWord.instructionWord]!);
      return 0;
    },
    illegal(hart) {
      illegal(context, hart, words[(hart >> 2) + hartWord.instructionWord]!);
      return 0;
    },
    misalignedTarget(hart) {
      const address = (hart >> 2) + hartWord.address;
      const isGuestAddress = context.isVirtual(hart);
      raiseException(context, hart, 0, { low: words[address]!, high: words[address + 1]!, isGuestAddress });
      return 0;
    },
    decode(_hart, page, operation) {
      context.decoded.decode(page, operation);
      return 1;
    },
  };
}

/** Raises illegal-instruction for `word`. */
export function illegal(context: BareContext, hart: number, word: number): void {
  raiseException(context, hart, ILLEGAL, { low: word });
}

/** Raises virtual-instruction for `word`. */
export function virtual(context: BareContext, hart: number, word: number): void {
  raiseException(context, hart, VIRTUAL, { low: word });
}

/** Takes an interrupt that the present instruction, behind which pc stands, has let in. */
export function settle(context: BareContext, hart: number): void {
  if (context.words[(hart >> 2) + hartWord.budget]! <= 0) return;
  if (context.words[(hart >> 2) + hartWord.exitReason] !== exitReason.none) return;
  takeInterrupt(context, hart, context.ticksAfter(hart));
}

const HANDLERS: Readonly<Record<(typeof SYSTEM_HANDLERS)[number], Handler>> = {
  ecall: ({ context }, hart) => {
    const privilege = context.privilege(hart);
    const isGuestSupervisor = context.isVirtual(hart) && privilege === mode.supervisor;
    raiseException(context, hart, isGuestSupervisor ? 10 : 8 + privilege, {});
  },
  ebreak: ({ context }, hart) => {
    const pc = (hart >> 2) + hartWord.pc;
    const { words } = context;
    raiseException(context, hart, BREAKPOINT, {
      low: words[pc]!,
      high: words[pc + 1]!,
      isGuestAddress: context.isVirtual(hart),
    });
  },
  sret: ({ context }, hart, word) => {
    const refused = refuse(context, hart, { machine: statusLow.tsr, guest: hstatusLow.vtsr });
    if (refused !== undefined) {
    refused(context, hart, word);
    return;
  }
    returnFromSupervisor(context, hart);
    settle(context, hart);
  },
  mret: ({ context }, hart, word) => {
    if (context.privilege(hart) !== mode.machine) return illegal(context, hart, word);
    returnFromMachine(context, hart);
    settle(context, hart);
  },
  wfi: ({ context }, hart, word) => {
    const { words } = context;
    const privilege = context.privilege(hart);
    const mayNotWait = (words[bareWord(hart, bareSlot.mstatus)]! & statusLow.tw) !== 0;
    if (privilege !== mode.machine && mayNotWait) return illegal(context, hart, word);
    const refused = refuse(context, hart, { machine: 0, guest: hstatusLow.vtw });
    if (refused !== undefined) {
    refused(context, hart, word);
    return;
  }
    advancePc(words, hart);
    if (isAnyPending(context, hart, context.ticks(hart))) return;
    words[(hart >> 2) + hartWord.exitReason] = exitReason.wait;
  },
  sfenceVma: ({ context }, hart, word) => {
    const refused = refuse(context, hart, { machine: statusLow.tvm, guest: hstatusLow.vtvm });
    if (refused !== undefined) {
    refused(context, hart, word);
    return;
  }
    const block = context.isVirtual(hart) ? bareBlock.guest : bareBlock.host;
    const source = (word >>> 15) & 31;
    if (source === 0) {
      context.flush(hart, block);
    } else {
      const address = registerWord(hart, source);
      const { words, system } = context;
      system.tlb.flushAddress(slotOfHart(hart) + block, words[address]!, words[address + 1]!);
    }
    context.flush(hart, bareBlock.modified);
    advancePc(context.words, hart);
  },
  fenceInvalidation: ({ context }, hart, word) => {
    const refused = refuse(context, hart, { machine: 0, guest: 0 });
    if (refused !== undefined) {
    refused(context, hart, word);
    return;
  }
    advancePc(context.words, hart);
  },
  hfenceVvma: ({ context }, hart, word) => fenceGuest(context, hart, word, 0),
  hfenceGvma: ({ context }, hart, word) => fenceGuest(context, hart, word, statusLow.tvm),
  guestLoad: ({ context, memory }, hart, word) => guestLoad(context, memory, hart, word),
  guestStore: ({ context, memory }, hart, word) => guestStore(context, memory, hart, word),
  ...csrHandlers<Parts>(({ context }, hart, word, operation, immediate) => accessCsr(context, hart, word, { operation, immediate })),
  cacheBlockInvalidate: (parts, hart, word) => cacheBlock(parts, hart, word, environmentLow.cbie),
  cacheBlockClean: (parts, hart, word) => cacheBlock(parts, hart, word, environmentLow.cbcfe),
  cacheBlockFlush: (parts, hart, word) => cacheBlock(parts, hart, word, environmentLow.cbcfe),
  cacheBlockZero: (parts, hart, word) => cacheBlock(parts, hart, word, environmentLow.cbze),
};

/**
 * Who refuses a supervisor's instruction: U and VU always do, S when mstatus has the `machine` bit, VS when hstatus
 * has the `guest` bit. Undefined: nobody.
 */
function refuse(
  context: BareContext,
  hart: number,
  bits: { readonly machine: number; readonly guest: number },
): typeof illegal | undefined {
  const privilege = context.privilege(hart);
  if (privilege === mode.machine) return undefined;
  if (context.isVirtual(hart)) {
    if (privilege === mode.user) return virtual;
    return (context.words[bareWord(hart, bareSlot.hstatus)]! & bits.guest) !== 0 ? virtual : undefined;
  }
  if (privilege === mode.user) return illegal;
  return (context.words[bareWord(hart, bareSlot.mstatus)]! & bits.machine) !== 0 ? illegal : undefined;
}

/** hfence: everything of the guest's goes, whatever the operands. `refusing`: bit of mstatus that traps it in HS. */
function fenceGuest(context: BareContext, hart: number, word: number, refusing: number): void {
  const refused = context.isVirtual(hart) ? virtual : refuse(context, hart, { machine: refusing, guest: 0 });
  if (refused !== undefined) {
    refused(context, hart, word);
    return;
  }
  context.flush(hart, bareBlock.guest);
  context.flush(hart, bareBlock.modified);
  advancePc(context.words, hart);
}

/** One Zicsr instruction. */
function accessCsr(
  context: BareContext,
  hart: number,
  word: number,
  { operation, immediate }: { readonly operation: CsrOperation; readonly immediate: boolean },
): void {
  const { words } = context;
  const number = csrNumber(word);
  const writes = writesCsr(word, operation);
  const row = rowOf(context, hart, number);
  const permission = row === undefined ? 'illegal' : permissionOf(context, hart, number, row, writes);
  if (row === undefined || permission !== 'allowed') {
    if (permission === 'virtual') virtual(context, hart, word);
    else illegal(context, hart, word);
    return;
  }
  const scratch = (hart >> 2) + hartWord.scratch;
  readBareCsr(context, hart, row, scratch);
  const base = modifiedBase(context, hart, row, words[scratch]!);
  const { low, high } = exchangeCsr(words, hart, word, { operation, immediate, base });
  if (!writes) return;
  writeBareCsr(context, hart, row, low, high);
  if (MAY_LET_IN.has(row.behaviour)) settle(context, hart);
}

/** Registers whose writes may let an interrupt in. */
const MAY_LET_IN: ReadonlySet<string> = new Set([
  'status', 'hypervisorStatus', 'enable', 'pending', 'delegation', 'guestPriority', 'window', 'topExternal',
]);

/** Who refuses a cache-block operation with the field `enable`. */
function refuseCacheBlock(context: BareContext, hart: number, enable: number): typeof illegal | undefined {
  const privilege = context.privilege(hart);
  if (privilege === mode.machine) return undefined;
  const lacks = (slot: number) => (context.words[bareWord(hart, slot)]! & enable) === 0;
  if (lacks(bareSlot.menvcfg)) return illegal;
  const isVirtual = context.isVirtual(hart);
  if (isVirtual && lacks(bareSlot.henvcfg)) return virtual;
  if (privilege !== mode.user || !lacks(bareSlot.senvcfg)) return undefined;
  return isVirtual ? virtual : illegal;
}

/**
 * Cache-block operations (Unprivileged 20240411, chapter 19; §3.1.18, §12.1.10, §18.2.5): `enable` is their field
 * of menvcfg, henvcfg and senvcfg. On coherent memory only cbo.zero does something.
 */
function cacheBlock({ context, memory }: Parts, hart: number, word: number, enable: number): void {
  const { words, system } = context;
  const refused = refuseCacheBlock(context, hart, enable);
  if (refused !== undefined) {
    refused(context, hart, word);
    return;
  }
  const register = registerWord(hart, (word >>> 15) & 31);
  const low = words[register]!;
  const high = words[register + 1]!;
  const isZero = enable === environmentLow.cbze;
  const access: AccessKind = isZero ? accessKind.store : accessKind.load;
  if (!memory.locateRam(hart, low, high, access, accessKind.store)) return;
  if (isZero) {
    const offset = low & 0xfff & ~(CACHE_BLOCK_SIZE - 1);
    memory.observeStore(hart, offset, 0, CACHE_BLOCK_SIZE, false);
    const start = memory.hostPage + offset;
    system.host.bytes.fill(0, start, start + CACHE_BLOCK_SIZE);
  }
  advancePc(words, hart);
}
