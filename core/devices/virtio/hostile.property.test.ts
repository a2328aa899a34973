// Goal: whatever a driver writes into registers and rings, a device ends in a value or its error state: no exception, bounded work,
// no byte outside the guest's RAM; a neighbour on the same host is untouched, and a reset makes the device whole again.
// Method: seeded random rings, descriptors and register writes over every device; counted memory accesses; named faults one by one.
import { expect, test } from 'vitest';
import { assert, makePrng, nextBelow, type Prng } from '../../base/index.ts';
import { MemoryStore, RawImage } from '../../formats/index.ts';
import { GUEST_RAM_ADDRESS, MemorySystem, type VmMemory } from '../../memory/index.ts';
import { localMac } from '../../network/index.ts';
import { blockHeader, makeGuestMemory, mmioRegister as reg, VirtioDriver } from '../../testing/virtio-driver.ts';
import { PciDriver } from '../../testing/virtio-pci.ts';
import { VirtioBalloon, VirtioBlock, VirtioConsole, type VirtioDevice, VirtioEntropy, type VirtioMmio, VirtioNet, virtioStatus, VmBalloonPages } from './index.ts';

const runs = process.env['GLASSHOUSE_VERIFY'] ? 4_000 : 120;
const PAGES = 48;

function makeDevice(kind: number, memory: VmMemory): VirtioDevice {
  switch (kind) {
    case 0:
      return new VirtioBlock({ image: new RawImage(new MemoryStore({ bytesMax: 1 << 16, bytes: new Uint8Array(1 << 16) })) });
    case 1:
      return new VirtioConsole({ onOutput: () => undefined });
    case 2:
      return new VirtioEntropy({ seed: 3, stream: 1 });
    case 3:
      return new VirtioNet({ mac: localMac(1) }, { transmit: () => undefined });
    default:
      return new VirtioBalloon(new VmBalloonPages(memory));
  }
}

test('named faults lead to DEVICE_NEEDS_RESET with a reason, and a reset helps', () => {
  type Fields = Partial<{ address: number; byteCount: number; flags: number; next: number }>;
  const GOOD = { address: GUEST_RAM_ADDRESS, byteCount: 16, flags: 0, next: 0 };
  /** A chain from descriptor 0, its descriptors as given. */
  const chain = (...fields: readonly Fields[]) => (driver: VirtioDriver) => {
    fields.forEach((it, index) => void driver.putDescriptor(driver.queues[0]!.descriptors, index, { ...GOOD, ...it }));
    driver.offer(0, 0);
  };
  const ramEnd = GUEST_RAM_ADDRESS + PAGES * 4096;
  // A driver's queue begins where the driver's own memory does.
  const second = GUEST_RAM_ADDRESS + 0x1_0000 + 16;
  const table: readonly (readonly [string, RegExp, (driver: VirtioDriver) => void])[] = [
    ['head', /descriptor 16 of 16/, (driver) => driver.offer(0, 16)],
    ['index', /17 entries are available/, (driver) => driver.put16(driver.queues[0]!.available + 2, 17)],
    ['next', /descriptor 99 of 16/, chain({ flags: 1, next: 99 })],
    ['loop', /circle/, chain({ flags: 1, next: 1, byteCount: 0 }, { flags: 1, next: 0, byteCount: 0 })],
    ['order', /follows one to write/, chain({ flags: 3, next: 1 }, {})],
    ['length', /more than 16777216 bytes/, chain({ byteCount: 0xffff_ffff })],
    ['address', /buffer lies outside RAM/, chain({ address: 0x1000 })],
    ['end of RAM', /buffer lies outside RAM/, chain({ address: ramEnd - 8 })],
    ['wide address', /buffer lies outside RAM/, chain({ address: 2 ** 52 })],
    ['short header', /lacks its header/, chain({ byteCount: 8 })],
    ['no status', /lacks its header or its status/, chain({ byteCount: 16 })],
    ['indirect size', /indirect table has 24 bytes/, chain({ flags: 4, byteCount: 24 })],
    ['indirect huge', /indirect table has/, chain({ flags: 4, byteCount: 0xffff_fff0 })],
    ['indirect and next', /does not end its chain/, chain({ flags: 5, byteCount: 16 })],
    ['nested', /lies in another/, chain({ flags: 4, address: second }, { flags: 4 })],
  ];
  for (const [name, pattern, wrong] of table) {
    const memory = makeGuestMemory(PAGES);
    const driver = new VirtioDriver(makeDevice(0, memory), memory);
    driver.start();
    wrong(driver);
    driver.notify(0);
    const { core } = driver.device as VirtioMmio;
    expect([name, core.failure]).toEqual([name, expect.stringMatching(pattern)]);
    expect([driver.read(reg.status) & virtioStatus.needsReset, driver.read(reg.interruptStatus) & 2, driver.line]).toEqual([64, 2, true]);
    // In the error state it does nothing; a reset makes it whole.
    const before = driver.get16(driver.queues[0]!.used + 2);
    driver.notify(0);
    expect(driver.get16(driver.queues[0]!.used + 2)).toBe(before);
    expect(driver.start()).toBe(15);
    expect(driver.request(0, [blockHeader(0, 0)], [512, 1]).bytes[512]).toBe(0);
  }
});

/** A descriptor that is often almost right. */
function hostileDescriptor(random: Prng, driver: VirtioDriver, size: number) {
  const queue = driver.queues[0]!;
  const addresses = [
    GUEST_RAM_ADDRESS + nextBelow(random, PAGES * 4096), queue.available, queue.used, queue.descriptors,
    GUEST_RAM_ADDRESS + PAGES * 4096 - 4, 0, 2 ** 40, 0x1_0000_0000_0000 * 8,
  ];
  const lengths = [nextBelow(random, 64), 16, 512, 16 * (1 + nextBelow(random, 8)), 4096, 0, 0xffff_ffff, 1 << 20];
  return {
    address: addresses[nextBelow(random, 3) === 0 ? nextBelow(random, addresses.length) : 0]!,
    byteCount: lengths[nextBelow(random, lengths.length)]!,
    flags: [0, 1, 1, 2, 3, 3, 4, 5, 6, nextBelow(random, 65_536)][nextBelow(random, 10)]!,
    next: nextBelow(random, 8) === 0 ? nextBelow(random, 65_536) : nextBelow(random, size),
  };
}

function hostileRun(seed: number, outcomes: Set<string>): void {
  const random = makePrng({ seed, stream: 9 });
  const system = new MemorySystem(PAGES * 2 + 80);
  const make = (vmId: number) => {
    const made = system.createVm({ vmId, pageCount: PAGES, allocated: true });
    assert(made.ok, 'two VMs fit');
    return made.value;
  };
  const [memory, neighbour] = [make(1), make(2)];
  for (let page = 0; page < PAGES; page++) neighbour.writePage(page, new Uint8Array(4096).fill(page + 1), 'hypervisor');
  const kind = nextBelow(random, 5);
  const device = makeDevice(kind, memory);
  const driver = new VirtioDriver(device, memory);
  const size = 1 << nextBelow(random, 5);
  driver.start({ queueSize: size });
  const { core } = driver.device as VirtioMmio;
  for (let step = 0; step < 12; step++) {
    const index = nextBelow(random, driver.queues.length);
    const queue = driver.queues[index]!;
    const memoryIsThere = [queue.descriptors, queue.available, queue.used].every((at) => memory.isPresent(at, 16));
    if (memoryIsThere && memory.isPresent(GUEST_RAM_ADDRESS + 0x1_0000, 0x1000)) {
      for (let at = 0; at < size; at++) driver.putDescriptor(queue.descriptors, at, hostileDescriptor(random, driver, size));
      for (let at = 0; at < size; at++) driver.put16(queue.available + 4 + at * 2, nextBelow(random, nextBelow(random, 6) === 0 ? 65_536 : size));
      const ahead = nextBelow(random, 8) === 0 ? nextBelow(random, 65_536) : nextBelow(random, size + 1);
      driver.put16(queue.available + 2, (core.queues[index]!.nextAvailable + ahead) & 0xffff);
    }
    if (nextBelow(random, 4) === 0) driver.device.write(nextBelow(random, 0x50) * 4, [1, 2, 4][nextBelow(random, 3)]!, nextBelow(random, 0x1_0000_0000));
    driver.notify(index);
    if (device instanceof VirtioNet) device.receive(new Uint8Array(60));
    if (device instanceof VirtioConsole) device.type([1, 2, 3]);
    driver.read(nextBelow(random, 0x50) * 4);
    if (core.failure !== '') {
      outcomes.add(core.failure.replace(/\d+/g, 'n'));
      if (nextBelow(random, 2) === 0) break;
      driver.write(reg.status, 0);
    }
  }
  for (let page = 0; page < PAGES; page++) {
    const bytes = neighbour.readPage(page)!;
    if (bytes.some((byte) => byte !== page + 1)) throw new Error(`page ${page} of the neighbour changed`);
  }
  if (core.failure === '') outcomes.add('went on');
}

test('random hostile rings: no exception, no harm, the neighbour keeps every byte', () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < runs; seed++) hostileRun(seed, outcomes);
  // Canary: the campaign meets most of the faults, and also goes on where nothing was wrong.
  expect(outcomes.size).toBeGreaterThan(9);
  expect(outcomes).toContain('went on');
}, 180_000);

test('random accesses to configuration space, base addresses and registers over PCI: no exception, and it can be found again', () => {
  const random = makePrng({ seed: 21, stream: 1 });
  for (let round = 0; round < (process.env['GLASSHOUSE_VERIFY'] ? 600 : 25); round++) {
    const memory = makeGuestMemory(PAGES);
    const device = makeDevice(round % 5, memory);
    const driver = new VirtioDriver(device, memory, (it, dma, interrupt) => new PciDriver({ device: it, memory: dma, interrupt }));
    driver.start({ queueSize: 8 });
    const pci = driver.device as PciDriver;
    const place = pci.config(0x10, 4);
    for (let step = 0; step < 150; step++) {
      const byteCount = [1, 2, 4][nextBelow(random, 3)]!;
      const value = nextBelow(random, 2) === 0 ? nextBelow(random, 256) : nextBelow(random, 2 ** (8 * byteCount));
      const offset = nextBelow(random, nextBelow(random, 2) === 0 ? 0x100 : 0x1000) & -byteCount;
      switch (nextBelow(random, 4)) {
        case 0:
          pci.setConfig(offset, byteCount, value);
          break;
        case 1:
          pci.config(offset, byteCount);
          break;
        case 2:
          pci.put(place + (nextBelow(random, 0x3100) & -byteCount), byteCount, value);
          break;
        default:
          pci.bring(place + (nextBelow(random, 0x4000) & -byteCount), byteCount);
      }
    }
    // Whatever was done to it, a driver that begins anew finds a device that works.
    pci.enumerate();
    expect(driver.start({ queueSize: 8 }) & 15).toBe(15);
    expect((pci.function.core.status & virtioStatus.needsReset) === 0).toBe(true);
  }
}, 60_000);

test('a device whose writes make new entries available in its own ring does not go on for ever', () => {
  const memory = makeGuestMemory(PAGES);
  const driver = new VirtioDriver(new VirtioEntropy({ seed: 1, stream: 1 }), memory);
  driver.start({ queueSize: 4 });
  const [queue] = driver.queues;
  // The buffer is the available ring's own index: each served chain writes a random one.
  driver.putDescriptor(queue!.descriptors, 0, { address: queue!.available + 2, byteCount: 2, flags: 2, next: 0 });
  driver.offer(0, 0);
  driver.notify(0);
  expect(driver.get16(queue!.used + 2)).toBeLessThanOrEqual(4);
});
