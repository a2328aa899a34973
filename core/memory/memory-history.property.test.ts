// Goal: checkpoints of a memory are whole, whatever was written, freed, given out, restored, dropped and put on a shelf. Method: random operations on two VMs' memories against full copies of the host's frames and tables.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FRAME_TABLE_ADDRESS, frameField } from '../protocol/host-memory-layout.ts';
import { frameAddress } from './host-memory.ts';
import { ObjectHistory } from '../sim/checkpoint/object-history.ts';
import { MemoryHistory } from './memory-history.ts';
import { MemorySystem } from './memory-system.ts';

const FRAMES = 64;
const STATE = ~frameField.code; // with heat, which a restore brings back too

/** Everything a checkpoint must bring back. */
function copyOf(system: MemorySystem) {
  const { host } = system;
  const table = host.words.slice(FRAME_TABLE_ADDRESS >> 2, (FRAME_TABLE_ADDRESS >> 2) + FRAMES).map((word) => word & STATE);
  const first = frameAddress(host, 0);
  const maps = host.words.slice(host.layout.guestMapAddress >> 2, (host.layout.guestMapAddress + 16 * host.layout.guestMapStride) >> 2);
  const back = Array.from({ length: FRAMES }, (_, frame) => [system.map.slotOfFrame(frame), system.map.pageOfFrame(frame)]);
  return {
    frames: Buffer.from(host.bytes.slice(first, first + FRAMES * 4096)).toString('base64'),
    table: [...table], maps: [...maps], back, hashLog: [...system.tools.writtenFrames()], epoch: system.tools.heatStamps().at(-1), free: system.frames.freeCount(),
  };
}

/** A shelf with few slots, each filled once: a page that is read after its release is gone. */
function smallShelf(slotMax: number) {
  const pages = new Map<number, Uint8Array>();
  let next = 0;
  return {
    pages,
    keep(page: Uint8Array): number {
      if (pages.size >= slotMax) return -1;
      pages.set(next, page.slice());
      return next++;
    },
    read(slot: number, into: Uint8Array): boolean {
      const page = pages.get(slot);
      if (page !== undefined) into.set(page);
      return page !== undefined;
    },
    release(slot: number): void {
      expect(pages.delete(slot)).toBe(true);
    },
  };
}

type Copy = ReturnType<typeof copyOf>;

test('any checkpoint comes back whole, over frees, new VMs, armed logs, restores and drops', () => {
  const operation = fc.record({ kind: fc.nat(12), page: fc.nat(7), byte: fc.nat(4095), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(operation, { minLength: 10, maxLength: 80 }), (operations) => {
      const system = new MemorySystem(FRAMES);
      // As in a host: the objects are one part, the memory another, restored first.
      const shelf = smallShelf(24);
      const memory = new MemoryHistory(system, () => undefined, shelf);
      const parts = [memory, new ObjectHistory(system)];
      const copies = new Map<number, Copy>();
      let line: number[] = [];
      let nextId = 0;
      let base = 0;
      const take = () => {
        const id = nextId++;
        for (const part of parts) part.take(id);
        copies.set(id, copyOf(system));
        line.splice(line.indexOf(base) + 1, 0, id);
        // A checkpoint after a step back leaves what came later to another course.
        for (const later of line.slice(line.indexOf(id) + 1)) for (const part of parts) part.drop(later);
        line = line.slice(0, line.indexOf(id) + 1);
        base = id;
      };
      take();
      for (const { kind, page, byte, value } of operations) {
        const vm = system.findVm(value & 1);
        if (kind === 0) system.createVm({ vmId: 1 + (value & 1), pageCount: 8, allocated: byte % 2 === 0 });
        else if (kind === 1) vm?.destroy();
        else if (kind === 2) vm?.allocate(page);
        else if (kind === 3) vm?.release(page);
        else if (kind === 4 && vm !== undefined && !vm.dirtyLog.armed()) vm.dirtyLog.arm();
        else if (kind === 5 && value % 2 === 0) system.tools.advanceHeatEpoch();
        else if (kind === 5) system.tools.takeWritten();
        else if (kind === 6) take();
        else if (kind === 7) {
          base = line[value % line.length]!;
          for (const part of parts) part.restore(base);
          expect(copyOf(system)).toEqual(copies.get(base));
        } else if (kind === 8) {
          const victim = line[1 + (value % line.length)];
          if (victim === undefined || victim === base) continue;
          for (const part of parts) part.drop(victim);
          line.splice(line.indexOf(victim), 1);
        } else if (kind === 9) {
          const before = memory.byteCount();
          const freed = memory.spill(value * 200);
          expect(before - memory.byteCount()).toBe(freed);
          expect(memory.spilledByteCount()).toBe(shelf.pages.size * 4096);
        } else vm?.write(0x8000_0000 + page * 4096 + Math.min(byte, 4000), Uint8Array.of(value, 1, 2), 'hypervisor');
      }
      for (const id of line) {
        for (const part of parts) part.restore(id);
        expect(copyOf(system)).toEqual(copies.get(id));
      }
      for (const id of line.slice(1)) {
        for (const part of parts) part.restore(line[0]!);
        for (const part of parts) part.drop(id);
      }
      expect(memory.byteCount()).toBeLessThan(400_000);
    }),
    { seed: 3, numRuns: 60 },
  );
});

test('canary: a page that cannot be read back from the shelf ends the journey', () => {
  const system = new MemorySystem(FRAMES);
  system.createVm({ vmId: 1, pageCount: 8, allocated: true });
  system.findVm(0)!.write(0x8000_0000, Uint8Array.of(1), 'hypervisor');
  const memory = new MemoryHistory(system, () => undefined, { keep: () => 0, read: () => false, release: () => undefined });
  memory.take(0);
  expect(memory.spill(1 << 20)).toBeGreaterThan(0);
  system.findVm(0)!.write(0x8000_0000, Uint8Array.of(2), 'hypervisor');
  expect(() => memory.restore(0)).toThrow('can be read back');
});
