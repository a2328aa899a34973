// Goal: the disk does what VIRTIO 1.2 §5.2 says, on raw and qcow2 images, whatever the layout of its buffers.
// Method: a driver over real guest memory; random requests beside an array; qemu-img's judgement is in core/formats.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../../base/index.ts';
import { type BlockImage, checkQcow2, createQcow2, MemoryStore, openQcow2Chain, RawImage } from '../../formats/index.ts';
import { blockHeader, blockRanges, makeGuestMemory, mmioRegister as reg, VirtioDriver } from '../../testing/virtio-driver.ts';
import { blockFeature, blockRequest, blockStatus, VirtioBlock, type VirtioMmio } from './index.ts';

const DISK_BYTES = 1 << 20;

function rawDisk(readOnly = false): BlockImage {
  return new RawImage(new MemoryStore({ bytesMax: DISK_BYTES, bytes: new Uint8Array(DISK_BYTES) }), { readOnly });
}

function start(image: BlockImage, without: readonly number[] = []): { readonly driver: VirtioDriver; readonly disk: VirtioBlock } {
  const disk = new VirtioBlock({ image, serial: 'disk-one' });
  const driver = new VirtioDriver(disk, makeGuestMemory(1024));
  expect(driver.start({ without })).toBe(15);
  return { driver, disk };
}

test('configuration: capacity, limits, and none of discard on a disk that is read only', () => {
  const { driver } = start(rawDisk());
  const words = Array.from({ length: 15 }, (_, index) => driver.read(reg.config + index * 4));
  expect(words.slice(0, 6)).toEqual([2048, 0, 65536, 126, 0, 512]);
  expect(words.slice(9, 14)).toEqual([65536, 16, 1, 65536, 16]);
  expect([driver.device.read(reg.config + 32, 1), driver.device.read(reg.config + 34, 2), driver.device.read(reg.config + 56, 1)]).toEqual([1, 1, 1]);
  expect(driver.read(reg.config + 0x60)).toBe(0);
  const fixed = start(rawDisk(true)).driver;
  fixed.write(reg.deviceFeaturesSelect, 0);
  expect(fixed.read(reg.deviceFeatures) & (1 << blockFeature.readOnly)).not.toBe(0);
  expect(fixed.read(reg.deviceFeatures) & ((1 << blockFeature.discard) | (1 << blockFeature.writeZeroes))).toBe(0);
  expect(fixed.request(0, [blockHeader(blockRequest.write, 0), new Uint8Array(512)], [1]).bytes).toEqual(new Uint8Array([blockStatus.error]));
});

test('each request, its answer and its errors', () => {
  const { driver, disk } = start(rawDisk());
  const status = (readable: readonly Uint8Array[], writable: readonly number[]) => {
    const { bytes } = driver.request(0, readable, writable);
    return bytes[bytes.length - 1];
  };
  const { ok, error, unsupported } = blockStatus;
  expect(status([blockHeader(blockRequest.write, 5), new Uint8Array(1024).fill(0x5a)], [1])).toBe(ok);
  const read = driver.request(0, [blockHeader(blockRequest.read, 4)], [512, 1024, 1]);
  expect(read.written).toBe(1537);
  expect([read.bytes[0], read.bytes[511], read.bytes[512], read.bytes[1535], read.bytes[1536]]).toEqual([0, 0, 0x5a, 0x5a, ok]);
  expect(status([blockHeader(blockRequest.flush, 0)], [1])).toBe(ok);
  const id = driver.request(0, [blockHeader(blockRequest.getId, 0)], [20, 1]);
  expect(String.fromCharCode(...id.bytes.subarray(0, 8))).toBe('disk-one');
  expect(status([blockHeader(blockRequest.discard, 0), blockRanges({ sector: 0, sectors: 8 })], [1])).toBe(ok);
  expect(status([blockHeader(blockRequest.discard, 0), blockRanges({ sector: 0, sectors: 8, flags: 1 })], [1])).toBe(unsupported);
  expect(status([blockHeader(blockRequest.writeZeroes, 0), blockRanges({ sector: 5, sectors: 1, flags: 1 })], [1])).toBe(ok);
  expect(driver.request(0, [blockHeader(blockRequest.read, 5)], [1024, 1]).bytes.slice(510, 514)).toEqual(new Uint8Array([0, 0, 0x5a, 0x5a]));
  expect(status([blockHeader(blockRequest.writeZeroes, 0), blockRanges({ sector: 0, sectors: 1, flags: 2 })], [1])).toBe(unsupported);
  expect(status([blockHeader(99, 0)], [1])).toBe(unsupported);
  // What lies outside the disk, is no whole sector, or lacks its data.
  expect(status([blockHeader(blockRequest.read, 2048)], [512, 1])).toBe(error);
  expect(status([blockHeader(blockRequest.read, 2047)], [1024, 1])).toBe(error);
  expect(status([blockHeader(blockRequest.read, 2 ** 44)], [512, 1])).toBe(error);
  expect(status([blockHeader(blockRequest.read, 0)], [100, 1])).toBe(error);
  expect(status([blockHeader(blockRequest.write, 0), new Uint8Array(100)], [1])).toBe(error);
  expect(status([blockHeader(blockRequest.discard, 0), blockRanges({ sector: 2040, sectors: 9 })], [1])).toBe(error);
  expect(status([blockHeader(blockRequest.discard, 0), new Uint8Array(15)], [1])).toBe(error);
  expect(disk.counters).toMatchObject({ reads: 2, writes: 1, flushes: 1, writtenBytes: 1024, errors: 10 });
  expect(driver.read(reg.status)).toBe(15);
});

/** Counts flushes of a raw disk. */
class CountingStore extends MemoryStore {
  flushes = 0;
  override flush(): boolean {
    this.flushes++;
    return true;
  }
}

test('a driver that does not know flush is promised each write', () => {
  for (const knowsFlush of [true, false]) {
    const store = new CountingStore({ bytesMax: DISK_BYTES, bytes: new Uint8Array(DISK_BYTES) });
    const { driver } = start(new RawImage(store), knowsFlush ? [] : [blockFeature.flush]);
    driver.request(0, [blockHeader(blockRequest.write, 0), new Uint8Array(512)], [1]);
    expect(store.flushes).toBe(knowsFlush ? 0 : 1);
  }
});

test('random requests on raw and qcow2 beside an array, buffers cut anywhere', () => {
  for (const [seed, kind] of ['raw', 'qcow2'].entries()) {
    const store = new MemoryStore({ bytesMax: DISK_BYTES * 2 });
    if (kind === 'qcow2') expect(createQcow2(store, { diskBytes: DISK_BYTES, clusterBits: 12 }).ok).toBe(true);
    const opened = kind === 'qcow2' ? openQcow2Chain(store, () => undefined) : undefined;
    if (opened?.ok === false) throw new Error(opened.error.kind);
    const { driver } = start(opened?.value ?? new RawImage(store, { byteCount: DISK_BYTES }));
    const expected = new Uint8Array(DISK_BYTES);
    const random = makePrng({ seed, stream: 5 });
    const cut = (bytes: Uint8Array): Uint8Array[] => {
      const at = nextBelow(random, bytes.length);
      return [bytes.slice(0, at), bytes.slice(at)];
    };
    for (let count = 0; count < 80; count++) {
      const sectors = 1 + nextBelow(random, 12);
      const sector = nextBelow(random, DISK_BYTES / 512 - sectors);
      const indirect = nextBelow(random, 2) === 0;
      const range = [sector * 512, (sector + sectors) * 512] as const;
      if (nextBelow(random, 2) === 0) {
        const data = new Uint8Array(sectors * 512).map(() => nextBelow(random, 256));
        const all = new Uint8Array(16 + data.length);
        all.set(blockHeader(blockRequest.write, sector));
        all.set(data, 16);
        expect(driver.request(0, cut(all), [1], indirect).bytes[0]).toBe(0);
        expected.set(data, range[0]);
      } else {
        const first = nextBelow(random, sectors * 512);
        const { bytes, written } = driver.request(0, cut(blockHeader(blockRequest.read, sector)), [first, sectors * 512 - first + 1], indirect);
        expect(written).toBe(sectors * 512 + 1);
        expect(Buffer.compare(bytes.subarray(0, -1), expected.subarray(...range))).toBe(0);
      }
    }
    if (kind === 'qcow2') expect(checkQcow2(store)).toMatchObject({ ok: true, value: { leaks: 0, damages: 0, flagFaults: 0 } });
  }
});

test('with a latency requests are done in order, each at its time, and bytes move then', () => {
  let nowNs = 1000;
  const disk = new VirtioBlock({ image: rawDisk(), latencyNs: 500, nowNs: () => nowNs });
  const driver = new VirtioDriver(disk, makeGuestMemory(64));
  driver.start();
  driver.add(0, [blockHeader(blockRequest.write, 0), new Uint8Array(512).fill(1)], [1]);
  driver.add(0, [blockHeader(blockRequest.read, 0)], [512, 1]);
  driver.notify(0);
  expect([disk.dueNs, driver.collect(0)]).toEqual([1500, []]);
  nowNs = 1499;
  disk.service(nowNs);
  expect(driver.collect(0)).toEqual([]);
  nowNs = 1500;
  disk.service(nowNs);
  expect([driver.collect(0).length, disk.dueNs, driver.line]).toEqual([1, 2000, true]);
  nowNs = 2600;
  disk.service(nowNs);
  const [done] = driver.collect(0);
  expect([done!.bytes[0], disk.dueNs]).toEqual([1, Infinity]);
  // A reset forgets what is under way.
  driver.add(0, [blockHeader(blockRequest.flush, 0)], [1]);
  driver.notify(0);
  driver.write(reg.status, 0);
  expect(disk.dueNs).toBe(Infinity);
});

test('a page that a snapshot holds makes the disk wait, and nothing is lost', () => {
  const memory = makeGuestMemory(64);
  const disk = new VirtioBlock({ image: rawDisk() });
  const driver = new VirtioDriver(disk, memory);
  driver.start();
  const core = (driver.device as VirtioMmio).core;
  driver.add(0, [blockHeader(blockRequest.read, 0)], [512, 1]);
  let open = false;
  const asked = new Set<number>();
  memory.protection.arm({
    onProtectedWrite(page, origin) {
      if (origin !== 'device') return 'waiting';
      asked.add(page);
      if (!open) return 'waiting';
      memory.protection.release(page);
      return 'kept';
    },
  });
  driver.notify(0);
  expect([core.isStalled(), driver.collect(0).length, asked.size > 0, core.failure]).toEqual([true, 0, true, '']);
  core.retry();
  expect(driver.collect(0)).toEqual([]);
  open = true;
  core.retry();
  expect([driver.collect(0).length, core.isStalled(), driver.line]).toEqual([1, false, true]);
});

test('DMA marks the dirty log', () => {
  const memory = makeGuestMemory(64);
  const driver = new VirtioDriver(new VirtioBlock({ image: rawDisk() }), memory);
  driver.start();
  driver.add(0, [blockHeader(blockRequest.read, 0)], [512, 1]);
  memory.dirtyLog.arm();
  const before = memory.dirtyLog.count();
  driver.notify(0);
  expect(memory.dirtyLog.count()).toBeGreaterThan(before);
});
