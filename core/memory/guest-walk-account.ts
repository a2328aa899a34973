/**
 * The account of a translation of a VM's vCPU: Sv39 by vsatp, Sv39x4 by the VM's G stage, from the bytes that
 * {@link TwoStageWalk} walks. Both stages set A and D in hardware; there are no memory types and no protection.
 */
import { csrSlot, hartOffset } from '../protocol/host-memory-layout.ts';
import type { WalkAccess, WalkFacts } from '../protocol/machine-inspection.ts';
import { frameAddress, type HostMemory } from './host-memory.ts';
import type { VmMemory } from './vm-memory.ts';
import { accountForWalk } from './walk-account.ts';

const SUM = 1n << 18n;
const MXR = 1n << 19n;
const PPN = (1n << 44n) - 1n;

/** Accounts for an access of the hart whose block is at `hart` to `address`, at its present privilege. Changes nothing. */
export function accountForGuestWalk(host: HostMemory, vm: VmMemory, hart: number, address: bigint, access: WalkAccess): WalkFacts {
  const csr = (slot: number) => BigInt.asUintN(64, host.longs[(hart + hartOffset.csr + 8 * slot) >> 3]!);
  const satp = csr(csrSlot.vsatp);
  const status = csr(csrSlot.vsstatus);
  const rules = { setsAccessed: true, memoryTypes: false } as const;
  return accountForWalk({
    first: {
      ...rules, stage: 'VS', mode: satp >> 60n === 0n ? 'Bare' : 'Sv39', root: satp & PPN,
      isUser: host.words[(hart + hartOffset.privilege) >> 2] === 0, sum: (status & SUM) !== 0n, mxr: (status & MXR) !== 0n,
    },
    second: { ...rules, mode: 'Sv39', root: BigInt(vm.gStage.rootFrame), mxr: false },
    access, executes: false,
    readTable: (physical) => {
      const frame = physical >> 12n;
      if (frame >= BigInt(host.layout.frameCount)) return undefined;
      return host.view.getBigUint64(frameAddress(host, Number(frame)) + Number(physical & 0xfffn), true);
    },
    mayReach: () => true,
  }, address);
}
