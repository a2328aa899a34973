export {
  type BootError,
  type BootImage,
  type BootRequest,
  layOutBoot,
  type NamedBytes,
  renderBootError,
} from './boot-image.ts';
export { HART_PROFILES, type HartProfileId } from '../isa/table/index.ts';
export { AIA_CHOICES, type AiaChoice } from '../platform/memory-map.ts';
export { RAM_ADDRESS } from '../platform/memory-map.ts';
export { deviceFacts, interruptFacts, modeName, processorFacts, queueFacts, translationFacts } from './inspect.ts';
export { busDevices, deviceReports, type HartReport, hartReports } from './report.ts';
export type { SlotDevice } from './virt-devices.ts';
export { BoardNetwork } from './board-network.ts';
export { CaptureTap } from '../network/capture-tap.ts';
export { consoleFunction, diskFunction, diskSlot, entropyFunction, entropySlot } from './virtio-slots.ts';
export { type Advance, type MachineEnd, VirtMachine, type VirtMachineOptions } from './virt-machine.ts';
