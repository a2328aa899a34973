// Goal: a virtio function is found, sized, placed and driven through ECAM and the memory window as PCI and VIRTIO 1.2 §4.1 say.
// Method: the driver of the other tests, which reaches every register by what the capabilities tell; each rule broken once.
import { expect, test } from 'vitest';
import { MemoryStore, RawImage } from '../../formats/index.ts';
import { ObjectHistory } from '../../sim/checkpoint/object-history.ts';
import { blockHeader, makeGuestMemory, mmioRegister as reg, VirtioDriver, without } from '../../testing/virtio-driver.ts';
import { ECAM_ADDRESS, PciDriver, WINDOW_ADDRESS } from '../../testing/virtio-pci.ts';
import { VirtioBlock, VirtioConsole, VirtioEntropy } from './index.ts';

function makeDisk(place = 1): { readonly driver: VirtioDriver; readonly pci: PciDriver } {
  const image = new RawImage(new MemoryStore({ bytesMax: 1 << 20, bytes: new Uint8Array(1 << 16) }));
  const driver = new VirtioDriver(new VirtioBlock({ image }), makeGuestMemory(256), (device, memory, interrupt) => new PciDriver({ device, memory, interrupt, place }));
  return { driver, pci: driver.device as PciDriver };
}

test('configuration space: identity, capabilities, what is absent', () => {
  const { pci } = makeDisk(3);
  const function0 = (device: number, offset: number, byteCount: number) => pci.bring(ECAM_ADDRESS + (device << 15) + offset, byteCount);
  expect([function0(0, 0, 4), function0(0, 8, 4)]).toEqual([0x0008_1b36, 0x0600_0000]);
  expect([function0(1, 0, 4), function0(1, 0, 2), function0(3, 0x1000, 4)]).toEqual([0xffff_ffff, 0xffff, 0xffff_ffff]);
  expect(pci.bring(ECAM_ADDRESS + (1 << 20), 4)).toBe(0xffff_ffff);
  expect([pci.config(0, 4), pci.config(8, 4), pci.config(0x0e, 1), pci.config(0x3d, 1), pci.config(6, 2) & 0x10]).toEqual([0x1042_1af4, 0x0100_0001, 0, 1, 0x10]);
  const found: number[] = [];
  for (let at = pci.config(0x34, 1); at !== 0; at = pci.config(at + 1, 1)) found.push(pci.config(at + 3, 1));
  expect(found).toEqual([1, 2, 3, 4, 5]);
  // Read-only fields stay; the register holds its size.
  pci.setConfig(0, 4, 0);
  pci.setConfig(0x14, 4, 0xffff_ffff);
  expect([pci.config(0, 4), pci.config(0x14, 4)]).toEqual([0x1042_1af4, 0]);
  pci.setConfig(0x10, 4, 0xffff_ffff);
  expect(pci.config(0x10, 4)).toBe(0xffff_c000);
});

test('a disk works over PCI as over a memory bus; its pin reaches the wire of its place', () => {
  for (const place of [1, 2, 3, 4]) {
    const { driver, pci } = makeDisk(place);
    expect(driver.start({ without: [without.eventIndex] })).toBe(15);
    expect([driver.read(reg.config), driver.read(reg.config + 20)]).toEqual([128, 512]);
    expect(driver.request(0, [blockHeader(1, 3), new Uint8Array(512).fill(0x77)], [1]).bytes[0]).toBe(0);
    expect(pci.levels).toEqual([0, 1, 2, 3].map((wire) => wire === place % 4));
    expect(pci.config(6, 2) & 8).toBe(8);
    expect(driver.read(reg.interruptStatus)).toBe(1);
    expect([driver.line, pci.config(6, 2) & 8]).toEqual([false, 0]);
    expect(driver.request(0, [blockHeader(0, 3)], [512, 1], true).bytes[100]).toBe(0x77);
    // The command register silences the pin, not the status.
    expect(driver.line).toBe(true);
    pci.setConfig(4, 2, 0x406);
    expect([driver.line, pci.config(6, 2) & 8]).toEqual([false, 8]);
    pci.setConfig(4, 2, 6);
    expect(driver.line).toBe(true);
    driver.write(reg.status, 0);
    expect([driver.line, driver.read(reg.status)]).toEqual([false, 0]);
  }
});

test('without bus mastering the device waits; without memory space nobody answers', () => {
  const { driver, pci } = makeDisk();
  driver.start();
  pci.setConfig(4, 2, 2);
  driver.add(0, [blockHeader(0, 0)], [512, 1]);
  driver.notify(0);
  expect([driver.collect(0), pci.function.core.failure]).toEqual([[], '']);
  pci.setConfig(4, 2, 6);
  expect(driver.collect(0)).toHaveLength(1);
  const place = pci.config(0x10, 4);
  expect(pci.bring(place + 18, 2)).toBe(1);
  pci.setConfig(4, 2, 4);
  expect([pci.bring(place + 18, 2), pci.bring(WINDOW_ADDRESS, 4), pci.bring(WINDOW_ADDRESS + 0x3fff_fffc, 1)]).toEqual([0xffff, 0xffff_ffff, 0xff]);
});

test('the configuration window reads and writes what the register would', () => {
  const { driver, pci } = makeDisk();
  driver.start();
  const window = Array.from({ length: 48 }, (_, index) => index * 4 + 0x40).find((at) => pci.config(at, 1) === 9 && pci.config(at + 3, 1) === 5)!;
  const look = (offset: number, byteCount: number) => {
    pci.setConfig(window + 8, 4, offset);
    pci.setConfig(window + 12, 4, byteCount);
    return pci.config(window + 16, 4);
  };
  expect([look(20, 1), look(18, 2), look(0x2000, 4)]).toEqual([15, 1, 128]);
  // Out of the register, of no width, misaligned: the data stay as they were.
  for (const [offset, byteCount] of [[0x4000, 4], [20, 3], [19, 2], [0xffff_fffc, 4]] as const) expect(look(offset, byteCount)).toBe(128);
  look(20, 1);
  pci.setConfig(window + 16, 4, 0);
  expect(driver.read(reg.status)).toBe(0);
});

test('other devices over PCI; their state comes back in place', () => {
  let output = '';
  const console = new VirtioConsole({
    onOutput(bytes) {
      output += String.fromCharCode(...bytes);
    },
  });
  const driver = new VirtioDriver(console, makeGuestMemory(64), (device, memory, interrupt) => new PciDriver({ device, memory, interrupt }));
  driver.start();
  driver.request(1, [Uint8Array.of(0x68, 0x69)], []);
  expect(output).toBe('hi');
  const random = new VirtioDriver(new VirtioEntropy({ seed: 1, stream: 2 }), makeGuestMemory(64), (device, memory, interrupt) => new PciDriver({ device, memory, interrupt }));
  random.start();
  const history = new ObjectHistory((random.device as PciDriver).bridge);
  history.take(1);
  const first = random.request(0, [], [16]).bytes;
  const [queue] = random.queues;
  history.restore(1);
  queue!.nextAvailable = 0;
  queue!.nextUsed = 0;
  random.put16(queue!.available + 2, 0);
  expect(random.request(0, [], [16]).bytes).toEqual(first);
});
