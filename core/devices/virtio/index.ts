export { type BalloonPorts, VirtioBalloon } from './balloon.ts';
export { blockFeature, type BlockOptions, blockRequest, blockStatus, VirtioBlock } from './block.ts';
export { type ConsolePorts, VirtioConsole } from './console.ts';
export { commonFeature, featureWords, status as virtioStatus, VirtioCore, type VirtioDevice } from './core.ts';
export { VirtioEntropy } from './entropy.ts';
export { MMIO_BYTES, VirtioMmio } from './mmio.ts';
export { type NetPorts, VirtioNet } from './net.ts';
export type { QueueMemory } from './queue.ts';
export { VmBalloonPages, VmDma } from './vm-dma.ts';
