// Goal: whatever bytes an image has, opening and using it ends soon with values or an error in one sentence, within bounded memory.
// Method: seeded mutations of headers, tables and lengths of good images over a store that counts what it is asked for.
import { expect, test } from 'vitest';
import { makePrng } from '../../base/index.ts';
import { makeCampaignImage, STORE_BYTES_MAX, work } from '../../testing/qcow2-campaign.ts';
import { damage, unclear } from '../../testing/mutate-bytes.ts';
import { type ByteStore, type ImageError, MemoryStore, renderImageError } from '../byte-store.ts';
import { BACKING_NAME_BYTES_MAX } from './header.ts';
import { CHAIN_MAX, checkQcow2, createQcow2, openQcow2Chain, renderQcow2Error } from './index.ts';

const mutations = process.env['GLASSHOUSE_VERIFY'] ? 30_000 : 1_200;
/** Most bytes that one image may ask of its store at once: its largest table (header.ts). */
const READ_BYTES_MAX = 8 << 20;
/** Most requests to the store of one small request to the image. */
const REQUESTS_MAX = 70_000;

/** A store that refuses to go beyond what an image may cost. */
class MeteredStore implements ByteStore {
  requests = 0;
  private readonly inner: MemoryStore;
  constructor(bytes: Uint8Array) {
    this.inner = new MemoryStore({ bytesMax: STORE_BYTES_MAX, bytes });
  }
  size(): number {
    return this.inner.size();
  }
  read(offset: number, into: Uint8Array): boolean {
    this.meter(into.length);
    return this.inner.read(offset, into);
  }
  write(offset: number, bytes: Uint8Array): boolean {
    this.meter(bytes.length);
    return this.inner.write(offset, bytes);
  }
  flush(): boolean {
    return true;
  }
  private meter(byteCount: number): void {
    if (byteCount > READ_BYTES_MAX) throw new Error(`${byteCount} bytes at once`);
    if (++this.requests > REQUESTS_MAX) throw new Error('too many requests');
  }
}

function use(bytes: Uint8Array, base: Uint8Array | undefined, outcomes: Set<string>): void {
  const store = new MeteredStore(bytes);
  const below = base === undefined ? undefined : new MeteredStore(base);
  const checked = checkQcow2(store);
  if (!checked.ok) expect(unclear(renderQcow2Error(checked.error, 'x'), 'x')).toBeUndefined();
  store.requests = 0;
  const opened = openQcow2Chain(store, () => below);
  if (!opened.ok) {
    outcomes.add(opened.error.kind);
    expect(unclear(renderQcow2Error(opened.error, 'x'), 'x')).toBeUndefined();
    return;
  }
  const image = opened.value;
  const errors: ImageError[] = [];
  const offsets = [0, Math.floor(image.byteCount / 2), Math.max(0, image.byteCount - 5000), image.byteCount];
  for (const offset of offsets) {
    const byteCount = Math.min(5000, image.byteCount - offset);
    for (const outcome of [
      image.read(offset, new Uint8Array(byteCount)),
      image.write(offset, new Uint8Array(byteCount).fill(7)),
      image.discard(offset, byteCount),
      image.writeZeroes(offset, byteCount, true),
      image.write(offset, new Uint8Array(byteCount).fill(9)),
      image.flush(),
    ]) {
      if (!outcome.ok) errors.push(outcome.error);
      store.requests = 0;
    }
  }
  outcomes.add(errors.length === 0 ? 'runs' : errors[0]!.kind);
  for (const error of errors) expect(renderImageError(error)).toMatch(/^.+\.$/);
}

test('mutated images: one clear error or a run', () => {
  const outcomes = new Set<string>();
  const goods = [9, 12, 16].map((clusterBits) => {
    const campaign = makeCampaignImage({ seed: clusterBits, diskBytes: 150_000, clusterBits, version: 3, refcountOrder: 4, backing: clusterBits === 12 ? 'qcow2' : 'none' });
    work(campaign, makePrng({ seed: clusterBits, stream: 2 }), 12);
    return { disk: campaign.files.get('disk')!.bytes(), base: campaign.files.get('base')?.bytes() };
  });
  const random = makePrng({ seed: 77, stream: 0 });
  for (let count = 0; count < mutations; count++) {
    const good = goods[count % goods.length]!;
    use(damage(random, good.disk, { head: 160 }), good.base, outcomes);
  }
  // Canary: a campaign that only ever meets one branch tests nothing.
  for (const kind of ['runs', 'truncated', 'bad-magic', 'unsupported', 'out-of-range', 'corrupt', 'read-only']) {
    expect(outcomes).toContain(kind);
  }
}, process.env['GLASSHOUSE_VERIFY'] ? 180_000 : 20_000);

test('a backing format full of control characters still gives one line', () => {
  const error = { kind: 'unsupported', what: `a backing file of format '\0\n${'x'.repeat(200)}'` } as const;
  expect(renderQcow2Error(error, 'x')).toMatch(/^x: .{1,100}\.$/);
});

test('an image that is its own backing file, and one whose file is missing', () => {
  const store = new MemoryStore({ bytesMax: 1 << 20 });
  expect(createQcow2(store, { diskBytes: 1 << 16, backing: { name: 'me', format: 'qcow2' } }).ok).toBe(true);
  expect(openQcow2Chain(store, () => store)).toEqual({ ok: false, error: { kind: 'chain-too-long', maximum: CHAIN_MAX } });
  expect(openQcow2Chain(store, () => undefined)).toEqual({ ok: false, error: { kind: 'no-backing', name: 'me' } });
});

test('a full store fails the request and leaves an image that is sound but for leaks', () => {
  const store = new MemoryStore({ bytesMax: 40_000 });
  expect(createQcow2(store, { diskBytes: 1 << 20, clusterBits: 12 }).ok).toBe(true);
  const opened = openQcow2Chain(store, () => undefined);
  if (!opened.ok) throw new Error('a new image opens');
  const outcomes = Array.from({ length: 9 }, (_, index) => opened.value.write(index * 4096, new Uint8Array(4096)).ok);
  expect(outcomes).toEqual([true, true, true, true, false, false, false, false, false]);
  const checked = checkQcow2(store);
  expect(checked).toMatchObject({ ok: true, value: { damages: 0, flagFaults: 0 } });
});

test('new images are refused where they cannot be', () => {
  const fresh = () => new MemoryStore({ bytesMax: 1 << 20 });
  expect(createQcow2(fresh(), { diskBytes: 2 ** 50, clusterBits: 9 })).toMatchObject({ ok: false, error: { field: 'the disk size' } });
  const name = 'n'.repeat(BACKING_NAME_BYTES_MAX + 1);
  expect(createQcow2(fresh(), { diskBytes: 512, backing: { name, format: 'raw' } })).toMatchObject({ ok: false });
});
