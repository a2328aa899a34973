export { Bus, type BusDevice, type BusValue, type BusWindow, type DmaPort, type InterruptLine } from './bus.ts';
export { BareMachine } from './bare/machine.ts';
export type { BareMachinePorts, TrapCounts } from './bare/context.ts';
export { BARE_CSRS } from './bare/csr-table.ts';
export { BARE_HART_MAX, GUEST_EXTERNAL_COUNT, GUEST_LINE } from './bare/registers.ts';
export type { FileLevel } from './bare/aia.ts';
export { GUEST_CSRS } from './csr.ts';
export {
  checkHartState,
  hartFieldOffset,
  hartFields,
  type HartStateError,
  hartStateSize,
  hartStateVersion,
} from './hart-state.ts';
export type { MachinePorts } from './hart-context.ts';
export { causeText, interruptName, statusFields, translationRegister, trapFields } from './register-facts.ts';
export { virtualInterrupt } from './interrupt.ts';
export { type GuestDeviceAccess, type GuestPageFault, Machine, type RunOutcome } from './machine.ts';
