/**
 * The account of a translation of a bare-metal hart: the stages that satp, or vsatp and hgatp, describe, with memory
 * types, A and D as its environment says, and physical memory protection. From the bytes that {@link BareWalk} walks;
 * changes nothing.
 */
import { HART_PROFILES } from '../../isa/table/index.ts';
import type { Extension } from '../../isa/table/row.ts';
import { accessKind, accountForWalk, frameAddress, GUEST_RAM_FIRST_PAGE, type StageRules } from '../../memory/index.ts';
import type { WalkAccess, WalkFacts } from '../../protocol/machine-inspection.ts';
import { hartWord } from '../hart.ts';
import type { BareContext } from './context.ts';
import { mayAccess } from './pmp.ts';
import { bareSlot, bareWord, mode } from './registers.ts';
import type { AccessMode } from './translation.ts';

const PPN = (1n << 44n) - 1n;
const [SUM, MXR, ADUE, PBMTE] = [18n, 19n, 61n, 62n] as const;

/** Accounts for an access made as `as`; `hart` is the address of its first block. */
export function accountForBareWalk(context: BareContext, hart: number, address: bigint, access: WalkAccess, as: AccessMode): WalkFacts {
  const { words, ram, system } = context;
  const { host } = system;
  const csr = (slot: number) => BigInt.asUintN(64, host.longs[bareWord(hart, slot) >> 1]!);
  const is = (slot: number, bit: bigint) => ((csr(slot) >> bit) & 1n) === 1n;
  const extensions: readonly Extension[] = HART_PROFILES[words[(hart >> 2) + hartWord.profile]!]!.extensions;
  const stage = (register: number, environment: number, mxr: boolean): StageRules => {
    const value = csr(register);
    const scheme = value >> 60n;
    return {
      mode: scheme === 0n ? 'Bare' : scheme === 8n ? 'Sv39' : 'Sv48', root: value & PPN, mxr,
      setsAccessed: extensions.includes('Svadu') ? is(environment, ADUE) : !extensions.includes('Svade'),
      memoryTypes: is(environment, PBMTE),
    };
  };
  const readsExecutable = is(bareSlot.mstatus, MXR);
  const isMachine = as.privilege === mode.machine;
  const isGuest = as.isVirtual && !isMachine;
  const own = isGuest
    ? stage(bareSlot.vsatp, bareSlot.henvcfg, readsExecutable || is(bareSlot.vsstatus, MXR))
    : stage(bareSlot.satp, bareSlot.menvcfg, readsExecutable);
  const kind = accessKind[access];
  return accountForWalk({
    first: {
      ...own, mode: isMachine ? 'Bare' : own.mode, stage: isGuest ? 'VS' : 'S',
      isUser: as.privilege === mode.user, sum: is(isGuest ? bareSlot.vsstatus : bareSlot.mstatus, SUM),
    },
    second: isGuest ? stage(bareSlot.hgatp, bareSlot.menvcfg, readsExecutable) : undefined,
    access, executes: as.executes,
    readTable: (physical, tableAccess) => {
      const page = Number(physical >> 12n);
      const frame = ram.frame(page - GUEST_RAM_FIRST_PAGE);
      if (frame < 0 || !mayAccess(words, hart, page, accessKind[tableAccess], mode.supervisor)) return undefined;
      return host.view.getBigUint64(frameAddress(host, frame) + Number(physical & 0xfffn), true);
    },
    mayReach: (physical) => mayAccess(words, hart, Number(physical >> 12n), kind, as.privilege),
  }, address);
}
