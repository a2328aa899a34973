// Goal: console, network card and balloon do what VIRTIO 1.2 §5.1, §5.3 and §5.5 say; any device's state can be put back in place.
// Method: a driver over real guest memory.
import { expect, test } from 'vitest';
import { GUEST_RAM_ADDRESS, GUEST_RAM_FIRST_PAGE } from '../../memory/index.ts';
import { MemoryStore, RawImage } from '../../formats/index.ts';
import { localMac } from '../../network/index.ts';
import { ObjectHistory } from '../../sim/checkpoint/object-history.ts';
import { blockHeader, makeGuestMemory, mmioRegister as reg, VirtioDriver } from '../../testing/virtio-driver.ts';
import { blockRequest, VirtioBalloon, VirtioBlock, VirtioConsole, type VirtioDevice, VirtioEntropy, type VirtioMmio, VirtioNet, VmBalloonPages } from './index.ts';

const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);
const bytesOf = (string: string) => Uint8Array.from(string, (character) => character.charCodeAt(0));

test('console: output in order, input into waiting buffers, what waits survives a reset', () => {
  let output = '';
  const device = new VirtioConsole({
    onOutput(bytes) {
      output += text(bytes);
    },
  }, { columns: 132, rows: 43 });
  const driver = new VirtioDriver(device, makeGuestMemory(64));
  expect(device.type(bytesOf('early '))).toBe(6);
  driver.start();
  expect([driver.device.read(reg.config, 2), driver.device.read(reg.config + 2, 2)]).toEqual([132, 43]);
  driver.add(1, [bytesOf('hello'), bytesOf(', ')], []);
  driver.add(1, [bytesOf('world')], []);
  driver.notify(1);
  expect([output, driver.collect(1).map(({ written }) => written)]).toEqual(['hello, world', [0, 0]]);
  driver.add(0, [], [4]);
  driver.add(0, [], [64]);
  driver.notify(0);
  const received = driver.collect(0);
  expect(received.map(({ bytes, written }) => text(bytes.subarray(0, written)))).toEqual(['earl', 'y ']);
  driver.add(0, [], [64]);
  driver.notify(0);
  expect(driver.collect(0)).toEqual([]);
  device.type(bytesOf('later'));
  expect(text(driver.collect(0)[0]!.bytes.subarray(0, 5))).toBe('later');
  expect([device.type(new Uint8Array(5000)), device.overflowCount]).toEqual([4096, 904]);
  driver.write(reg.config + 8, 0x21);
  expect(output).toBe('hello, world!');
});

test('network: frames both ways with their headers, none is invented', () => {
  const sent: Uint8Array[] = [];
  const device = new VirtioNet({ mac: localMac(7) }, { transmit: (frame) => void sent.push(frame) });
  const driver = new VirtioDriver(device, makeGuestMemory(512));
  expect(device.receive(new Uint8Array(60))).toBe(false); // no driver yet
  driver.start();
  const config = Array.from({ length: 12 }, (_, at) => driver.device.read(reg.config + at, 1));
  expect(config).toEqual([2, 0, 0, 0, 0, 7, 1, 0, 1, 0, 0xdc, 5]);
  const frame = Uint8Array.from({ length: 60 }, (_, at) => at);
  driver.request(1, [new Uint8Array(12), frame], []);
  driver.request(1, [Uint8Array.from({ length: 72 }, (_, at) => (at < 12 ? 0 : at))], []);
  expect(sent.map((it) => it.length)).toEqual([60, 60]);
  expect(sent[0]).toEqual(frame);
  // Too short, too long, an offload that was not agreed on: refused.
  driver.request(1, [new Uint8Array(12 + 13)], []);
  driver.request(1, [new Uint8Array(12 + 1515)], []);
  driver.request(1, [Uint8Array.from({ length: 72 }, (_, at) => (at === 0 ? 1 : 0))], []);
  driver.request(1, [new Uint8Array(5)], []);
  expect([sent.length, device.counters.refusedFrames]).toEqual([2, 4]);
  // A frame waits for a buffer; a small buffer loses it.
  expect(device.receive(frame)).toBe(true);
  expect(driver.collect(0)).toEqual([]);
  driver.add(0, [], [12, 1514]);
  driver.notify(0);
  const [received] = driver.collect(0);
  expect([received!.written, [...received!.bytes.subarray(0, 12)]]).toEqual([72, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]]);
  expect(received!.bytes.subarray(12, 72)).toEqual(frame);
  driver.add(0, [], [40]);
  device.receive(frame);
  expect([driver.collect(0)[0]!.written, device.counters.droppedFrames]).toEqual([0, 2]);
  const taken = Array.from({ length: 300 }, () => device.receive(frame)).filter(Boolean).length;
  expect([taken, device.receive(new Uint8Array(1515))]).toEqual([256, false]);
  // The cable is pulled: the guest is told and hears nothing.
  driver.write(reg.interruptAcknowledge, 3);
  const generation = driver.read(reg.configGeneration);
  device.setLink(false);
  expect([driver.read(reg.interruptStatus), driver.device.read(reg.config + 6, 2), driver.read(reg.configGeneration)]).toEqual([2, 0, generation + 1]);
  expect(device.receive(frame)).toBe(false);
});

test('balloon: pages leave, their frames are free, they come back as zeroes and dirty', () => {
  const memory = makeGuestMemory(128);
  const device = new VirtioBalloon(new VmBalloonPages(memory));
  const driver = new VirtioDriver(device, memory);
  driver.start();
  device.setTarget(3);
  expect([driver.read(reg.config), driver.read(reg.interruptStatus)]).toEqual([3, 2]);
  const pages = [100, 101, 102].map((page) => GUEST_RAM_FIRST_PAGE + page);
  driver.put(GUEST_RAM_ADDRESS + 100 * 4096, bytesOf('secret'));
  const list = (...numbers: readonly number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);
  driver.request(0, [list(...pages, pages[0]!, 5, GUEST_RAM_FIRST_PAGE + 128, 0xffffffff)], []);
  driver.write(reg.config + 4, 3);
  expect([device.pageCount, device.refusedPages, device.reportedPages, memory.presentCount()]).toEqual([3, 3, 3, 125]);
  expect(memory.frame(100)).toBe(-1);
  memory.dirtyLog.arm();
  driver.request(1, [list(pages[0]!)], []);
  expect([device.pageCount, memory.presentCount(), memory.isZero(100), memory.dirtyLog.has(100)]).toEqual([2, 126, true, true]);
  driver.write(reg.status, 0);
  expect([device.pageCount, memory.presentCount()]).toEqual([0, 128]);
  // Without "must tell host" a page keeps its frame: the guest may use it untold.
  driver.start({ without: [0] });
  driver.request(0, [list(...pages)], []);
  expect([device.pageCount, memory.presentCount()]).toEqual([3, 128]);
});

test('the state of every device comes back in place, and goes on from there', () => {
  const image = () => new RawImage(new MemoryStore({ bytesMax: 1 << 20, bytes: new Uint8Array(1 << 16) }));
  const devices: readonly (readonly [VirtioDevice, (driver: VirtioDriver) => unknown])[] = [
    [new VirtioEntropy({ seed: 5, stream: 1 }), (driver) => driver.request(0, [], [16]).bytes],
    [
      new VirtioBlock({ image: image() }),
      (driver) => {
        const before = driver.request(0, [blockHeader(blockRequest.read, 1)], [512, 1]).bytes;
        driver.request(0, [blockHeader(blockRequest.write, 1), before.subarray(0, 512).map((byte) => byte + 1)], [1]);
        return before;
      },
    ],
    [new VirtioConsole({ onOutput: () => undefined }), (driver) => driver.request(1, [bytesOf('x')], [])],
  ];
  for (const [device, step] of devices) {
    const driver = new VirtioDriver(device, makeGuestMemory(256));
    driver.start();
    const first = step(driver);
    const history = new ObjectHistory({ transport: driver.device as VirtioMmio, queues: driver.queues });
    const rings = driver.queues.map(({ available, size }) => ({ at: available, bytes: driver.get(available, 4096 * 2 - size) }));
    history.take(1);
    const course = () => [step(driver), step(driver), step(driver), driver.get16(driver.queues[0]!.used + 2)];
    const once = course();
    history.restore(1);
    for (const { at, bytes } of rings) driver.put(at, bytes);
    expect(course()).toEqual(once);
    expect(first).toBeDefined();
  }
});
