/** Makers of the board's virtio devices: what goes into a slot is told its wire and the RAM that it reaches. */
import { VirtioBlock, VirtioMmio, VmDma } from '../devices/virtio/index.ts';
import type { BlockImage } from '../formats/index.ts';
import type { VirtMachineOptions } from './virt-machine.ts';

type SlotMaker = NonNullable<VirtMachineOptions['slots']>[number];

/** A disk over an image, done with each request at once. */
export function diskSlot(image: BlockImage): SlotMaker {
  return (interrupt, ram) => new VirtioMmio({ device: new VirtioBlock({ image }), memory: new VmDma(ram), interrupt });
}
