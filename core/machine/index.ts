export { GUEST_CSRS } from './csr.ts';
export { type HartStateError, HART_FIELDS, HART_STATE_SIZE } from './hart-state.ts';
export type { MachinePorts } from './hart-context.ts';
export { virtualInterrupt } from './interrupt.ts';
export { type GuestPageFault, Machine, type RunOutcome } from './machine.ts';
