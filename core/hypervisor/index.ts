/** What other layers may use of the hypervisor. */
export { type GuestImage, prepareImage } from './boot.ts';
export { EXIT_COSTS, type ExitCause } from './cost-table.ts';
export { CONSOLE_INPUT_MAX, DebugConsole, type OutputChunk } from './debug-console.ts';
export * from './host.ts';
export type * from './host-options.ts';
export { inspectVm } from './inspect.ts';
export * from './page-stream.ts';
export { SLICE_NS } from './scheduler.ts';
export { hartState, type Vcpu } from './vcpu.ts';
export { QUANTUM_NS } from './vcpu-run.ts';
export { THROTTLE_PERCENT_MAX, THROTTLE_PERIOD_NS, Vm, type VmState } from './vm.ts';
export { type PlacedDevice, type VmDeviceSpec, VmDevices } from './vm-devices.ts';
export { type VmError, vmErrorSentence } from './vm-error.ts';
