/** Makers of the board's virtio devices: what goes into a slot, or onto the PCIe bus, is told the RAM that it reaches. */
import { VirtioBlock, VirtioConsole, type VirtioDevice, VirtioEntropy, VirtioMmio, VirtioPci, VmDma } from '../devices/virtio/index.ts';
import type { BlockImage } from '../formats/index.ts';
import type { VirtMachineOptions } from './virt-machine.ts';

type SlotMaker = NonNullable<VirtMachineOptions['slots']>[number];
type FunctionMaker = NonNullable<VirtMachineOptions['functions']>[number];

/** A disk over an image; a request takes `latencyNs` beyond the one before, or is done at once. */
export function diskSlot(image: BlockImage, latencyNs = 0): SlotMaker {
  return (interrupt, ram, clock) => new VirtioMmio({
    device: new VirtioBlock({ image, latencyNs, nowNs: () => clock.nowNs() }), memory: new VmDma(ram), interrupt,
  });
}

/** A source of random bytes; they repeat with the seed. */
export function entropySlot(seed: number): SlotMaker {
  return (interrupt, ram) => new VirtioMmio({ device: new VirtioEntropy({ seed, stream: 0 }), memory: new VmDma(ram), interrupt });
}

function pciFunction(make: () => VirtioDevice): FunctionMaker {
  return (ram) => new VirtioPci({ device: make(), memory: new VmDma(ram) });
}

/** A disk as a PCI function. */
export function diskFunction(image: BlockImage): FunctionMaker {
  return pciFunction(() => new VirtioBlock({ image }));
}

/** A console as a PCI function; its output goes to `onOutput` as it is written. */
export function consoleFunction(onOutput: (bytes: Uint8Array) => void): FunctionMaker {
  return pciFunction(() => new VirtioConsole({ onOutput }));
}

/** A source of random bytes as a PCI function; they repeat with the seed. */
export function entropyFunction(seed: number): FunctionMaker {
  return pciFunction(() => new VirtioEntropy({ seed, stream: 0 }));
}
