/**
 * A virtio-mmio slot with nothing in it: magic, version and device id 0, which tells a driver to
 * pass on (virtio 1.2 §4.2.2: registers from 0x000 on; all others read 0, writes do nothing).
 */
import type { BusDevice } from '../machine/bus.ts';

const MAGIC = 0x7472_6976; // 'virt', little endian
const VERSION = 2;
const VENDOR = 0x554d_4551; // 'QEMU', as every slot of its virt machine says

export class EmptyVirtioSlot implements BusDevice {
  readonly name = 'virtio_mmio';
  readonly size = 0x1000;
  readonly widths = 1 | 2 | 4;

  read(offset: number, byteCount: number): number {
    if (byteCount !== 4) return 0;
    if (offset === 0) return MAGIC;
    if (offset === 4) return VERSION;
    return offset === 0xc ? VENDOR : 0;
  }

  write(): boolean {
    return true;
  }
}
