export { Aclint, TICK_NS } from './aclint.ts';
export { Aplic } from './aplic.ts';
export { aplicFacts, type ControllerNames, interruptFileFacts, plicFacts } from './controller-facts.ts';
export { EmptyVirtioSlot } from './empty-virtio-slot.ts';
export { GoldfishRtc } from './goldfish-rtc.ts';
export { InterruptFile, InterruptFilePages } from './interrupt-file.ts';
export { Plic } from './plic.ts';
export { type FinisherPorts, TestFinisher } from './test-finisher.ts';
export { Uart16550 } from './uart-16550.ts';
