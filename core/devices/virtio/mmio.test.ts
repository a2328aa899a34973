// Goal: registers, feature negotiation, status and queues behave as VIRTIO 1.2 §2, §3.1 and §4.2 say.
// Method: a driver of core/testing over real guest memory; each rule with the step that breaks it.
import { expect, test } from 'vitest';
import { makeGuestMemory, mmioRegister as reg, VirtioDriver, without } from '../../testing/virtio-driver.ts';
import { VirtioEntropy, type VirtioMmio, virtioStatus } from './index.ts';

const entropy = () => new VirtioDriver(new VirtioEntropy({ seed: 1, stream: 2 }), makeGuestMemory(64));

test('identification, and accesses of other widths', () => {
  const driver = entropy();
  expect([driver.read(reg.magic), driver.read(reg.version), driver.read(reg.deviceId)]).toEqual([0x74726976, 2, 4]);
  expect(driver.read(0x0c)).toBe(0x53414c47);
  expect(driver.device.read(0, 1)).toBe(0);
  expect(driver.device.write(reg.status, 1, 1)).toBe(true);
  expect(driver.read(reg.status)).toBe(0);
  expect([driver.read(0xb0), driver.read(0xb4)]).toEqual([0xffffffff, 0xffffffff]);
});

test('features: a foreign bit, a missing VERSION_1 and words beyond the second are refused by FEATURES_OK', () => {
  const { acknowledge, driver: driverBit, featuresOk, driverOk, needsReset } = virtioStatus;
  const offered = (driver: VirtioDriver, word: number) => {
    driver.write(reg.deviceFeaturesSelect, word);
    return driver.read(reg.deviceFeatures);
  };
  const attempt = (words: readonly (readonly [number, number])[]) => {
    const driver = entropy();
    driver.write(reg.status, acknowledge | driverBit);
    for (const [word, value] of words) {
      driver.write(reg.driverFeaturesSelect, word);
      driver.write(reg.driverFeatures, value);
    }
    driver.write(reg.status, acknowledge | driverBit | featuresOk);
    return driver.read(reg.status);
  };
  expect([offered(entropy(), 0), offered(entropy(), 1), offered(entropy(), 2)]).toEqual([0x3000_0000, 1, 0]);
  expect(attempt([[1, 1]])).toBe(acknowledge | driverBit | featuresOk);
  expect(attempt([[0, 0x3000_0000], [1, 1]])).toBe(acknowledge | driverBit | featuresOk);
  expect(attempt([[0, 0x3000_0000]])).toBe(acknowledge | driverBit);
  expect(attempt([[0, 1], [1, 1]])).toBe(acknowledge | driverBit);
  expect(attempt([[1, 1], [2, 1]])).toBe(acknowledge | driverBit);
  // DRIVER_OK without FEATURES_OK: the device cannot work.
  const driver = entropy();
  driver.write(reg.status, acknowledge | driverBit | driverOk);
  expect(driver.read(reg.status) & needsReset).toBe(needsReset);
  expect(driver.line).toBe(true);
  driver.write(reg.status, 0);
  expect([driver.read(reg.status), driver.read(reg.interruptStatus), driver.line]).toEqual([0, 0, false]);
});

test('status bits are not cleared but by a reset; features are fixed after FEATURES_OK', () => {
  const driver = entropy();
  expect(driver.start()).toBe(15);
  driver.write(reg.status, 1);
  expect(driver.read(reg.status)).toBe(15);
  driver.write(reg.driverFeaturesSelect, 1);
  driver.write(reg.driverFeatures, 0);
  expect(driver.request(0, [], [8]).written).toBe(8);
  driver.write(reg.status, 0);
  expect(driver.read(reg.status)).toBe(0);
  driver.write(reg.queueSelect, 0);
  expect(driver.read(reg.queueReady)).toBe(0);
});

test('interrupts: raised by used buffers, lowered by the acknowledgement, silenced by the driver', () => {
  for (const eventIndex of [true, false]) {
    const driver = entropy();
    driver.start(eventIndex ? {} : { without: [without.eventIndex] });
    const [queue] = driver.queues;
    expect(driver.request(0, [], [8]).bytes).toHaveLength(8);
    expect([driver.line, driver.read(reg.interruptStatus)]).toEqual([true, 1]);
    driver.write(reg.interruptAcknowledge, 1);
    expect([driver.line, driver.read(reg.interruptStatus)]).toEqual([false, 0]);
    // With an event index: an interrupt when entry 5 is used. Without: the flag.
    if (eventIndex) driver.put16(queue!.available + 4 + queue!.size * 2, 4);
    else driver.put16(queue!.available, 1);
    for (let used = 1; used < 7; used++) {
      driver.request(0, [], [8]);
      expect(driver.line, `${used + 1} buffers used`).toBe(eventIndex && used >= 4);
    }
    // The device asks to be told of each next entry.
    if (eventIndex) expect(driver.get16(queue!.used + 4 + queue!.size * 8)).toBe(queue!.nextAvailable);
  }
});

test('a queue wraps past 65,536 entries; every chain comes back once', () => {
  const driver = entropy();
  driver.start({ queueSize: 4 });
  const queue = driver.queues[0]!;
  const state = (driver.device as VirtioMmio).core.queues[0]!;
  // As after 65,530 entries.
  queue.nextAvailable = 65_530;
  driver.put16(queue.available + 2, 65_530);
  state.nextAvailable = 65_530;
  state.nextUsed = 65_530;
  state.signalledUsed = 65_530;
  driver.putDescriptor(queue.descriptors, 0, { address: driver.room(16), byteCount: 4, flags: 2, next: 0 });
  for (let count = 65_532; count <= 65_560; count += 2) {
    driver.offer(0, 0);
    driver.offer(0, 0);
    driver.notify(0);
    expect(driver.get16(queue.used + 2)).toBe(count & 0xffff);
  }
  expect(driver.read(reg.status)).toBe(15);
});

test('the same seed gives the same bytes, in direct and indirect tables, in one buffer or several', () => {
  const bytes = (parts: readonly number[], indirect: boolean) => {
    const driver = entropy();
    driver.start();
    return driver.request(0, [], parts, indirect).bytes;
  };
  const whole = bytes([64], false);
  expect(bytes([1, 3, 0, 60], false)).toEqual(whole);
  expect(bytes([30, 34], true)).toEqual(whole);
  expect(new Set(whole).size).toBeGreaterThan(40);
});

test('nothing happens before DRIVER_OK; what was made available before counts then', () => {
  const driver = entropy();
  let before = -1;
  driver.start({
    beforeOk() {
      driver.add(0, [], [8]);
      driver.notify(0);
      before = driver.get16(driver.queues[0]!.used + 2);
    },
  });
  expect([before, driver.collect(0).length, driver.line]).toEqual([0, 1, true]);
  driver.write(reg.status, 0);
  driver.notify(0);
  expect(driver.rises).toBe(1);
});

test('a queue that cannot be is an error', () => {
  for (const [offset, value] of [[reg.queueSize, 3], [reg.queueSize, 0], [reg.queueSize, 512], [reg.descriptors, 8], [reg.driverArea, 1], [reg.deviceArea, 2]] as const) {
    const driver = entropy();
    driver.write(reg.status, 3);
    driver.write(reg.queueSelect, 0);
    driver.write(offset, value);
    driver.write(reg.queueReady, 1);
    expect(driver.read(reg.queueReady)).toBe(0);
    expect(driver.read(reg.status) & virtioStatus.needsReset).toBe(virtioStatus.needsReset);
  }
});
