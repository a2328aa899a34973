// Goal: a VM's memory is created, refused, filled, read and given back; absent pages give values.
// Method: direct calls.
import { expect, test } from 'vitest';
import {
  frameKind,
  HART_ADDRESS,
  HART_STRIDE,
  tlbOffset,
} from '../protocol/host-memory-layout.ts';
import { pteBit } from './g-stage.ts';
import { GUEST_RAM_ADDRESS } from './guest-map.ts';
import { MemorySystem } from './memory-system.ts';
import type { VmMemory } from './vm-memory.ts';

function create(system: MemorySystem, vmId: number, pageCount: number, allocated = true): VmMemory {
  const made = system.createVm({ vmId, pageCount, allocated });
  if (!made.ok) throw new Error(made.error.kind);
  return made.value;
}

test('a VM that does not fit is refused with the numbers, and takes nothing', () => {
  const system = new MemorySystem(100);
  expect(system.framesNeeded(90)).toBe(96);
  expect(system.createVm({ vmId: 1, pageCount: 95, allocated: true })).toEqual({
    ok: false,
    error: { kind: 'out-of-memory', asked: 101, free: 100 },
  });
  expect(system.createVm({ vmId: 1, pageCount: 0, allocated: true })).toMatchObject({
    error: { kind: 'no-pages' },
  });
  expect(system.frames.freeCount()).toBe(100);
  const vm = create(system, 1, 94);
  expect(system.frames.freeCount()).toBe(0);
  vm.destroy();
  expect(system.frames.freeCount()).toBe(100);
});

test('the seventeenth VM finds no slot; a slot is free again after its VM is gone', () => {
  const system = new MemorySystem(400);
  const vms = Array.from({ length: 16 }, (_, index) => create(system, index + 1, 1));
  expect(system.createVm({ vmId: 17, pageCount: 1, allocated: false })).toMatchObject({
    error: { kind: 'no-vm-slot' },
  });
  vms[3]!.destroy();
  expect(create(system, 17, 1).slot).toBe(3);
});

test('absent pages give values, present ones their bytes', () => {
  const system = new MemorySystem(40);
  const vm = create(system, 1, 8, false);
  const page = new Uint8Array(4096).fill(9);
  expect([
    vm.pageState(2),
    vm.readPage(2),
    vm.writePage(2, page, 'migration'),
    vm.isZero(2),
  ]).toEqual(['absent', undefined, false, true]);
  expect([vm.pageState(-1), vm.pageState(8), vm.readPage(99)]).toEqual([
    'absent',
    'absent',
    undefined,
  ]);
  expect(vm.allocate(2)).toBe(true);
  expect(vm.isZero(2)).toBe(true);
  expect(vm.writePage(2, page, 'migration')).toBe(true);
  expect(vm.readPage(2)).toEqual(page);
  expect(vm.isZero(2)).toBe(false);
  expect(vm.writeZeroPage(2, 'migration')).toBe(true);
  expect(vm.isZero(2)).toBe(true);
  expect(vm.gStage.leaf(2) & (pteBit.valid | pteBit.write)).toBe(pteBit.valid | pteBit.write);
  vm.release(2);
  expect(vm.pageState(2)).toBe('absent');
  expect(vm.gStage.leaf(2)).toBe(0);
});

test('a page cannot be had when another tenant has all frames', () => {
  const system = new MemorySystem(40);
  const vm = create(system, 1, 8, false);
  system.frames.takeAllFree(0, frameKind.pinned);
  expect([vm.allocate(0), vm.allocateAll(), vm.presentCount()]).toEqual([false, false, 0]);
  system.frames.releaseAll(0, frameKind.pinned);
  expect([vm.allocateAll(), vm.presentCount()]).toEqual([true, 8]);
});

test('reads and writes by address cross pages, and are all or nothing', () => {
  const system = new MemorySystem(40);
  const vm = create(system, 1, 4, false);
  for (const page of [0, 1, 3]) vm.allocate(page);
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => index + 1);
  expect(vm.write(GUEST_RAM_ADDRESS + 4096 - 50, bytes, 'hypervisor')).toBe(true);
  expect(vm.read(GUEST_RAM_ADDRESS + 4096 - 50, 100)).toEqual(bytes);
  expect(vm.write(GUEST_RAM_ADDRESS + 8192 - 50, bytes, 'hypervisor')).toBe(false);
  expect(vm.read(GUEST_RAM_ADDRESS + 8192 - 50, 50)).toEqual(new Uint8Array(50));
  for (const [address, count] of [
    [0, 1],
    [GUEST_RAM_ADDRESS - 1, 2],
    [GUEST_RAM_ADDRESS + 4 * 4096 - 1, 2],
    [2 ** 52, 8],
  ] as const) {
    expect(vm.read(address, count)).toBeUndefined();
  }
});

test('two reasons on a page keep it protected until both are gone', () => {
  const system = new MemorySystem(40);
  const vm = create(system, 1, 4);
  const writable = () => (vm.gStage.leaf(1) & pteBit.write) !== 0;
  vm.arbiter.add(1, 'watch');
  vm.dirtyLog.arm();
  expect([writable(), vm.arbiter.count('dirtyLog'), vm.arbiter.count('watch')]).toEqual([
    false,
    4,
    1,
  ]);
  vm.write(GUEST_RAM_ADDRESS + 4096, new Uint8Array(1), 'device');
  expect([writable(), vm.arbiter.count('dirtyLog'), vm.dirtyLog.count()]).toEqual([false, 3, 1]);
  vm.arbiter.remove(1, 'watch');
  expect(writable()).toBe(true);
  vm.dirtyLog.disarm();
  expect([vm.arbiter.count('dirtyLog'), vm.dirtyLog.count(), vm.arbiter.isFree(0)]).toEqual([
    0,
    0,
    true,
  ]);
});

test('a page that gets its frame while the log is armed is logged from its first write', () => {
  const system = new MemorySystem(40);
  const vm = create(system, 1, 4, false);
  vm.dirtyLog.arm();
  vm.allocate(3);
  expect(vm.dirtyLog.count()).toBe(0);
  vm.writePage(3, new Uint8Array(4096), 'restore');
  const bitmap = new Uint32Array(1);
  expect([vm.dirtyLog.takeAndRearm(bitmap), bitmap[0], vm.dirtyLog.count()]).toEqual([1, 8, 0]);
  expect(system.frames.entry(vm.frame(3)).dirty).toBe(false);
});

test('whoever writes, the armed log has the page; cost comes only with the guest’s own stores', () => {
  const system = new MemorySystem(40);
  const vm = create(system, 1, 4);
  let faults = 0;
  system.writer.ports.onModelFault = () => faults++;
  const bitmap = new Uint32Array(1);
  vm.dirtyLog.arm();
  const guests = ['vcpu', 'walker'] as const;
  const others = ['device', 'hypervisor', 'sbi', 'restore', 'migration'] as const;
  for (const origin of [...guests, ...others]) {
    expect(vm.write(GUEST_RAM_ADDRESS + 2 * 4096 + 8, new Uint8Array(1), origin)).toBe(true);
    expect([origin, vm.dirtyLog.takeAndRearm(bitmap), bitmap[0]]).toEqual([origin, 1, 4]);
  }
  expect(faults).toBe(guests.length);
});

test('a log of many words protects again just what it hands out, to the last page', () => {
  const pageCount = 205; // seven words, the last one not full
  const system = new MemorySystem(300);
  const vm = create(system, 1, pageCount);
  const bitmap = new Uint32Array(7);
  const touch = (page: number) =>
    vm.write(GUEST_RAM_ADDRESS + page * 4096, new Uint8Array(1), 'device');
  const isWritable = (page: number) => (vm.gStage.leaf(page) & pteBit.write) !== 0;
  vm.dirtyLog.arm();
  for (let round = 0; round < 3; round++) {
    for (let page = 0; page < pageCount; page++) expect([page, isWritable(page)]).toEqual([page, false]);
    const chosen = Array.from({ length: pageCount }, (_, page) => page).filter(
      (page) => page % 3 === round || page === pageCount - 1,
    );
    chosen.forEach(touch);
    expect(vm.dirtyLog.takeAndRearm(bitmap)).toBe(chosen.length);
    const taken = Array.from({ length: 224 }, (_, page) => page).filter(
      (page) => ((bitmap[page >>> 5]! >>> (page & 31)) & 1) !== 0,
    );
    expect(taken).toEqual(chosen);
  }
  expect(vm.arbiter.count('dirtyLog')).toBe(pageCount);
});

test('arming and taking the log empty the write tables of every hart of the VM, and of no other', () => {
  const system = new MemorySystem(100);
  const vm = create(system, 1, 4);
  const other = create(system, 2, 4);
  const slots = [0, 1, 5];
  for (const slot of slots) system.tlb.attach(slot, vm.slot);
  system.tlb.attach(2, other.slot);
  const entryOf = (slot: number) => {
    const hart = HART_ADDRESS + slot * HART_STRIDE;
    return system.host.words[((hart + tlbOffset.write) >> 2) + 2]!;
  };
  const fillAll = () => {
    for (const slot of [...slots, 2]) {
      const hart = HART_ADDRESS + slot * HART_STRIDE;
      system.tlb.fill(hart, tlbOffset.write, 0, 0, 0, 0x1000, false);
    }
  };
  fillAll();
  vm.dirtyLog.arm();
  expect([0, 1, 5, 2].map(entryOf)).toEqual([-1, -1, -1, 0x1000]);
  vm.write(GUEST_RAM_ADDRESS, new Uint8Array(1), 'device');
  fillAll();
  vm.dirtyLog.takeAndRearm(new Uint32Array(1));
  expect([0, 1, 5, 2].map(entryOf)).toEqual([-1, -1, -1, 0x1000]);
});

test('heat stamps age, and never look young again', () => {
  const system = new MemorySystem(40);
  const vm = create(system, 1, 2);
  vm.write(GUEST_RAM_ADDRESS, new Uint8Array(1), 'device');
  const header = system.host.words;
  const age = (page: number) => (header[3]! - system.frames.heat(vm.frame(page))) & 255;
  expect([age(0), age(1)]).toEqual([0, 128]);
  let last = 0;
  for (let epoch = 0; epoch < 1000; epoch++) {
    system.tools.advanceHeatEpoch();
    if (epoch < 128) expect(age(0)).toBe(epoch + 1);
    last = Math.min(age(0), age(1));
    if (epoch >= 128) expect(last).toBeGreaterThanOrEqual(128);
  }
});

test('the hash log lists written pages once, in order of frames', () => {
  const system = new MemorySystem(60);
  const first = create(system, 1, 4);
  const second = create(system, 2, 4);
  second.writePage(3, new Uint8Array(4096).fill(1), 'restore');
  first.write(GUEST_RAM_ADDRESS + 4090, new Uint8Array(12), 'device');
  first.write(GUEST_RAM_ADDRESS, new Uint8Array(1), 'device');
  const seen: number[][] = [];
  system.takeWrittenPages((slot, page) => seen.push([slot, page]));
  expect(seen).toEqual([
    [0, 0],
    [0, 1],
    [1, 3],
  ]);
  system.takeWrittenPages(() => expect.unreachable());
});

test('a VM that arrives has its frames set aside, absent until allocated', () => {
  const system = new MemorySystem(200);
  const arriving = system.createVm({ vmId: 1, pageCount: 100, allocated: false, reserved: true });
  if (!arriving.ok) throw new Error(arriving.error.kind);
  const needed = system.framesNeeded(100);
  expect(arriving.value.pageState(0)).toBe('absent');
  expect(system.frames.freeCount()).toBe(200 - needed);
  expect(system.createVm({ vmId: 2, pageCount: 100, allocated: true })).toMatchObject({
    error: { kind: 'out-of-memory' },
  });
  expect(system.frames.takeAllFree(0, frameKind.pinned)).toBe(200 - needed);
  for (let page = 0; page < 100; page++) expect(arriving.value.allocate(page)).toBe(true);
  arriving.value.destroy();
  expect(system.frames.freeCount()).toBe(needed);

  const dropped = system.createVm({ vmId: 3, pageCount: 50, allocated: false, reserved: true });
  if (!dropped.ok) throw new Error(dropped.error.kind);
  dropped.value.allocate(7);
  dropped.value.destroy();
  expect(system.frames.freeCount()).toBe(needed);
});
