export { accountForGuestWalk } from './guest-walk-account.ts';
export { type Reason, reasonBit } from './arbiter.ts';
export type { DirtyLog } from './dirty-log.ts';
export { type FrameEntry, type FrameKind, FrameTable } from './frame-table.ts';
export { gStageTableCount, pteBit } from './g-stage.ts';
export { GUEST_RAM_ADDRESS, GUEST_RAM_FIRST_PAGE } from './guest-map.ts';
export { frameAddress, frameOfAddress, type HostMemory, makeHostMemory } from './host-memory.ts';
export { MemoryHistory } from './memory-history.ts';
export { type MemoryError, MemorySystem } from './memory-system.ts';
export {
  type CaptureState,
  captureState,
  type KeepOutcome,
  type PageKeeper,
  type SnapshotProtection,
} from './snapshot-protection.ts';
export type { Tlb } from './tlb.ts';
export type { ToolLog } from './tool-log.ts';
export {
  accessKind,
  type AccessKind,
  TwoStageWalk,
  walkFault,
  type WalkFault,
  type WalkStep,
} from './two-stage-walk.ts';
export type { VmMemory } from './vm-memory.ts';
export type { GuestWriter, ModelFault, Resolution, WriteOrigin, WriterPorts } from './writer.ts';
export { accountForWalk, hexadecimal, type StageRules, type WalkRules } from './walk-account.ts';
