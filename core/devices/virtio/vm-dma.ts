/** A VM's memory as its devices reach it: through the one writer, with the origin 'device'. */
import { GUEST_RAM_FIRST_PAGE, type VmMemory } from '../../memory/index.ts';
import type { BalloonPorts } from './balloon.ts';
import type { QueueMemory } from './queue.ts';

/** Reads and writes are all or nothing; a write that a snapshot holds up is not ready and not tried. */
export class VmDma implements QueueMemory {
  private readonly memory: VmMemory;

  constructor(memory: VmMemory) {
    this.memory = memory;
  }

  read(address: number, byteCount: number): Uint8Array | undefined {
    return this.memory.read(address, byteCount);
  }

  write(address: number, bytes: Uint8Array): boolean {
    return this.isReady(address, bytes.length, true) && this.memory.write(address, bytes, 'device');
  }

  /** Asks the keeper of a snapshot under way for the pages of a write; false: not all are open yet. */
  isReady(address: number, byteCount: number, writes: boolean): boolean {
    if (!writes || !this.memory.isPresent(address, byteCount)) return true;
    return this.memory.prepareWrite(address, byteCount, 'device').waitsForPage < 0;
  }
}

/** A VM's frames as its balloon gives and takes them. */
export class VmBalloonPages implements BalloonPorts {
  private readonly memory: VmMemory;

  constructor(memory: VmMemory) {
    this.memory = memory;
  }

  isRam(page: number): boolean {
    return page >= GUEST_RAM_FIRST_PAGE && page < GUEST_RAM_FIRST_PAGE + this.memory.pageCount;
  }

  release(page: number): boolean {
    const index = page - GUEST_RAM_FIRST_PAGE;
    if (this.memory.frame(index) < 0) return false;
    // A snapshot still needs the old content: the page stays, which the guest cannot tell.
    if (this.memory.prepareWrite(page * 4096, 4096, 'device').waitsForPage >= 0) return false;
    this.memory.release(index);
    return true;
  }

  /** The page comes back as zeroes, which the dirty log must know: another host has its old content. */
  restore(page: number): boolean {
    const index = page - GUEST_RAM_FIRST_PAGE;
    if (this.memory.frame(index) >= 0) return true;
    return this.memory.allocate(index) && this.memory.writeZeroPage(index, 'device');
  }
}
