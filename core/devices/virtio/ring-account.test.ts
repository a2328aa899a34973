// Goal: an inspector reads any rings in bounded work, says what is wrong as the device would, and changes nothing. Method: sound chains
// of every kind, then random hostile rings, held against the device's own reader; counted reads; a digest of memory and device.
import { expect, test } from 'vitest';
import { hashBytes, hashHex, makeHash, makePrng, nextBelow } from '../../base/index.ts';
import { MemoryStore, RawImage } from '../../formats/index.ts';
import { GUEST_RAM_ADDRESS } from '../../memory/index.ts';
import { blockHeader, makeGuestMemory, VirtioDriver } from '../../testing/virtio-driver.ts';
import { VirtioBlock, type VirtioMmio } from './index.ts';
import { ringFacts, type RingMemory, virtioFacts } from './ring-account.ts';

const PAGES = 20;
const RUNS = process.env['GLASSHOUSE_VERIFY'] === undefined ? 100 : 5_000;
/** Reads of one account at most: every shown chain as long as a device follows it, and the table once. */
const READS_MAX = 32 * (1_024 + 32) + 2 * 1_024 + 64;

function makeDisk() {
  const memory = makeGuestMemory(PAGES);
  const clock = { now: 0 };
  const image = new RawImage(new MemoryStore({ bytesMax: 1 << 16, bytes: new Uint8Array(1 << 16) }));
  const driver = new VirtioDriver(new VirtioBlock({ image, latencyNs: 1_000, nowNs: () => clock.now }), memory);
  driver.start();
  const device = driver.device as VirtioMmio;
  let reads = 0;
  const counted: RingMemory = {
    read: (address, byteCount) => {
      reads++;
      return memory.read(address, byteCount);
    },
  };
  const look = () => {
    reads = 0;
    const ring = ringFacts(device.core, counted, 0, 0)!;
    expect(reads).toBeLessThan(READS_MAX);
    return ring;
  };
  const digest = () => {
    const hash = makeHash();
    hashBytes(hash, memory.read(GUEST_RAM_ADDRESS, PAGES * 4096)!);
    hashBytes(hash, device.saveRecord());
    return hashHex(hash);
  };
  return { memory, driver, device, clock, look, digest };
}

test('chains wait, are in flight, come back; direct and indirect ones are taken apart', () => {
  const { driver, device, clock, look } = makeDisk();
  expect(look()).toMatchObject({ size: 16, ready: true, waiting: 0, inFlight: 0, chains: [], fault: '', descriptorStates: '................' });
  const first = driver.add(0, [blockHeader(0, 0)], [512, 1]);
  const second = driver.add(0, [blockHeader(0, 1)], [512, 1], true);
  const waiting = look();
  expect(waiting.chains.map(({ head, place, slot, fault }) => ({ head, place, slot, fault }))).toEqual([
    { head: first, place: 'waiting', slot: 0, fault: '' }, { head: second, place: 'waiting', slot: 1, fault: '' },
  ]);
  expect([...waiting.descriptorStates].filter((it) => it === 'w').length).toBe(4); // three, and the one of the indirect table
  driver.notify(0);
  const taken = look();
  expect(taken.chains.map((it) => it.place)).toEqual(['in flight', 'in flight']);
  expect(taken.chains[1]!.descriptors.map(({ flags, indirect, byteCount }) => `${flags} ${indirect} ${byteCount}`)).toEqual([
    'INDIRECT false 48', 'NEXT true 16', 'NEXT WRITE true 512', 'WRITE true 1',
  ]);
  expect(taken.chains[1]).toMatchObject({ readableBytes: 16, writableBytes: 513, written: -1 });
  clock.now = 10_000;
  device.service(10_000);
  const done = look();
  expect(done.chains).toMatchObject([{ head: second, place: 'returned', written: 513, slot: 1 }, { head: first, place: 'returned', written: 513, slot: 0 }]);
  expect([done.waiting, done.inFlight, done.nextUsed, done.usedIndex]).toEqual([0, 0, 2, 2]);
  expect(virtioFacts(device.core, driver.memory).queues).toEqual([{ queue: 0, name: 'requests', size: 16, ready: true, waiting: 0, inFlight: 0, fault: '' }]);
});

test('hostile rings are told in the device’s words, in bounded work', () => {
  const wrong: readonly (readonly [RegExp, (driver: VirtioDriver) => void])[] = [
    [/goes in a circle/, (driver) => {
      driver.putDescriptor(driver.queues[0]!.descriptors, 0, { address: GUEST_RAM_ADDRESS, byteCount: 0, flags: 1, next: 1 });
      driver.putDescriptor(driver.queues[0]!.descriptors, 1, { address: GUEST_RAM_ADDRESS, byteCount: 0, flags: 1, next: 0 });
      driver.offer(0, 0);
    }],
    [/begins at descriptor 16 of 16/, (driver) => driver.offer(0, 16)],
    [/goes on at descriptor 99 of 16/, (driver) => {
      driver.putDescriptor(driver.queues[0]!.descriptors, 0, { address: GUEST_RAM_ADDRESS, byteCount: 16, flags: 1, next: 99 });
      driver.offer(0, 0);
    }],
  ];
  for (const [pattern, spoil] of wrong) {
    const { driver, device, look } = makeDisk();
    spoil(driver);
    expect(look().chains[0]!.fault).toMatch(pattern);
    driver.notify(0);
    expect(device.core.failure).toMatch(pattern);
    look();
  }
  const { driver, look } = makeDisk();
  driver.put16(driver.queues[0]!.available + 2, 60_000);
  expect(look().fault).toBe('60000 entries are available in a queue of 16');
});

test('whatever lies in the rings, an account ends, and changes neither memory nor device', () => {
  const prng = makePrng({ seed: 7, stream: 0 });
  let faults = 0;
  for (let run = 0; run < RUNS; run++) {
    const { driver, device, look, digest } = makeDisk();
    const { descriptors, available, used, size } = driver.queues[0]!;
    for (let index = 0; index < size; index++) {
      const address = nextBelow(prng, 4) === 0 ? nextBelow(prng, 2 ** 32) * 2 ** 20 : GUEST_RAM_ADDRESS + nextBelow(prng, PAGES * 4096);
      const byteCount = nextBelow(prng, 3) === 0 ? nextBelow(prng, 2 ** 32) : 16 * nextBelow(prng, 70);
      driver.putDescriptor(descriptors, index, { address, byteCount, flags: nextBelow(prng, 8), next: nextBelow(prng, size + 2) });
      driver.put16(available + 4 + 2 * index, nextBelow(prng, size + 2));
    }
    driver.put16(available + 2, nextBelow(prng, 2) === 0 ? nextBelow(prng, size + 1) : nextBelow(prng, 65_536));
    if (nextBelow(prng, 4) === 0) driver.put16(used + 2, nextBelow(prng, 65_536));
    const before = digest();
    const ring = look();
    expect(digest()).toBe(before);
    const [first] = ring.chains;
    if (first === undefined || ring.fault !== '') continue;
    // The device judges its first chain alike, unless its rings are wrong as a whole.
    driver.notify(0);
    if (first.fault === '') continue;
    faults++;
    expect(device.core.failure).toBe(first.fault);
  }
  expect(faults).toBeGreaterThan(RUNS / 20);
});
