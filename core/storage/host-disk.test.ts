// Goal: the disk takes the time its settings say, keeps bytes in order, fails at exactly byte k, and after a crash
// has what was synced and no more than a torn tail. Method: a disk with a hand-driven clock; random crashes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DiskClient, type DiskError, HostDisk, SECTOR_SIZE } from './host-disk.ts';

/** A disk whose events are driven by hand. */
class Bench implements DiskClient {
  now = 0;
  due: number[] = [];
  readonly done: { ticket: number; at: number; error: DiskError | undefined }[] = [];
  readonly disk: HostDisk;

  constructor(settings: { rate?: number; latencyNs?: number; capacity?: number; seed?: number } = {}) {
    const { rate = 1_000_000_000, latencyNs = 1_000, capacity = 1 << 30, seed = 1 } = settings;
    this.disk = new HostDisk(
      { bandwidthBytesPerSecond: rate, latencyNs, capacityBytes: capacity },
      { client: this, ports: { effectNs: () => this.now, scheduleDisk: (at) => void this.due.push(at) }, seed, stream: 0 },
    );
  }

  onDiskDone(ticket: number, error: DiskError | undefined): void {
    this.done.push({ ticket, at: this.now, error });
  }

  /** Lets everything that is queued happen. */
  settle(untilNs = Number.POSITIVE_INFINITY): void {
    while (this.due.length > 0 && this.due[0]! <= untilNs) {
      this.now = this.due.shift()!;
      this.disk.onEvent(this.now);
    }
  }

  text(name: string): number[] {
    return (this.disk.content(name) ?? []).flatMap((chunk) => [...chunk]);
  }
}

const pattern = (count: number, seed: number) => Uint8Array.from({ length: count }, (_, index) => (index * 31 + seed) & 0xff);

test('operations take latency and bytes over bandwidth, one after the other; remainders do not drift', () => {
  const bench = new Bench({ rate: 3_000_000, latencyNs: 500 });
  bench.disk.create('a');
  for (let ticket = 1; ticket <= 3; ticket++) bench.disk.append('a', pattern(1000, ticket), ticket);
  bench.disk.sync('a', 4);
  bench.settle();
  expect(bench.done.map(({ ticket }) => ticket)).toEqual([1, 2, 3, 4]);
  // 1000 bytes at 3 MB/s are 333,333.3… ns: three of them are exactly 1 ms.
  expect(bench.done.map(({ at }) => at)).toEqual([333_833, 667_666, 1_001_500, 1_002_000]);
  bench.disk.read('a', 5);
  bench.settle();
  expect(bench.done.at(-1)!.at).toBe(2_002_500);
});

test('the disk is full at byte k: so many bytes are there, the rest is not, and the error says so', () => {
  const bench = new Bench({ capacity: 4096 + 1500 });
  bench.disk.create('a');
  bench.disk.append('a', pattern(1000, 1), 1);
  bench.disk.append('a', pattern(1000, 2), 2);
  bench.settle();
  expect(bench.done.map(({ error }) => error?.kind)).toEqual([undefined, 'no-space']);
  expect(bench.done[1]!.error).toEqual({ kind: 'no-space', atByte: 1500, capacityBytes: 5596 });
  expect(bench.text('a')).toEqual([...pattern(1000, 1), ...pattern(500, 2)]);
  bench.disk.remove('a');
  expect(bench.disk.usedBytes()).toBe(0);
});

test('a write error at byte k comes once', () => {
  const bench = new Bench();
  bench.disk.create('a');
  bench.disk.failAfterBytes = 700;
  for (let ticket = 1; ticket <= 3; ticket++) bench.disk.append('a', pattern(500, ticket), ticket);
  bench.settle();
  expect(bench.done.map(({ error }) => error)).toEqual([undefined, { kind: 'write-error', atByte: 700 }, undefined]);
});

test('a removed file is told nothing more, and the next operation waits for the bus', () => {
  const bench = new Bench();
  bench.disk.create('a');
  bench.disk.create('b');
  bench.disk.append('a', pattern(5000, 1), 1);
  bench.disk.append('a', pattern(5000, 1), 2);
  bench.disk.append('b', pattern(10, 1), 3);
  bench.disk.remove('a');
  bench.settle();
  expect(bench.done).toEqual([{ ticket: 3, at: 1_000 + 5_000 + 1_000 + 10, error: undefined }]);
});

test('after a crash: synced bytes are all there, the tail is whole sectors of what was written, names survive by sync', () => {
  let torn = 0;
  let lost = 0;
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.nat(),
        pieces: fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 8 }),
        syncAfter: fc.integer({ min: -1, max: 7 }),
        crashAt: fc.integer({ min: 0, max: 40_000 }),
      }),
      ({ seed, pieces, syncAfter, crashAt }) => {
        const bench = new Bench({ seed });
        bench.disk.create('a');
        const whole = pattern(pieces.reduce((sum, it) => sum + it, 0), 9);
        let at = 0;
        for (const [index, size] of pieces.entries()) {
          bench.disk.append('a', whole.slice(at, at + size), index);
          at += size;
          if (index === syncAfter) bench.disk.sync('a', 100);
        }
        bench.settle(crashAt);
        const written = bench.text('a').length;
        const synced = bench.done.some(({ ticket }) => ticket === 100);
        const syncedBytes = synced ? pieces.slice(0, syncAfter + 1).reduce((sum, it) => sum + it, 0) : 0;
        bench.disk.crash();
        bench.settle();
        const found = bench.disk.content('a');
        if (found === undefined) {
          expect(synced).toBe(false);
          lost++;
          return;
        }
        const bytes = bench.text('a');
        expect(bytes).toEqual([...whole.slice(0, bytes.length)]);
        expect(bytes.length).toBeGreaterThanOrEqual(syncedBytes);
        expect(bytes.length).toBeLessThanOrEqual(written);
        if (bytes.length > syncedBytes) expect(bytes.length % SECTOR_SIZE).toBe(0);
        if (bytes.length < written) torn++;
      },
    ),
    { seed: 7, numRuns: 300 },
  );
  expect(torn).toBeGreaterThan(20);
  expect(lost).toBeGreaterThan(20);
});

test('a rename that was not synced is there or undone, never both and never neither', () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const bench = new Bench({ seed });
    bench.disk.create('part');
    bench.disk.append('part', pattern(2000, 1), 1);
    bench.disk.sync('part', 2);
    bench.settle();
    bench.disk.rename('part', 'whole');
    bench.disk.crash();
    const names = bench.disk.list().map(({ name }) => name);
    expect(names).toHaveLength(1);
    expect(bench.text(names[0]!)).toEqual([...pattern(2000, 1)]);
    outcomes.add(names[0]!);
  }
  expect([...outcomes].sort()).toEqual(['part', 'whole']);
});
