// Goal: what is kept is there whole or not at all, within its bound, and every refusal is a sentence. Method: the same
// tests over memory and over a file; power lost at every step of random histories, with writes kept, lost and
// torn; a canary that commits before its content.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { openFileRegion } from '../node/file-region.ts';
import { BLOCK_SIZE, BlobStore, SLOT_SIZE } from './blob-store.ts';
import { MemoryRegion } from './memory-region.ts';
import { openOpfsRegion } from './opfs-region.ts';
import type { Region } from './region.ts';

const BOUND = 64 * BLOCK_SIZE;
const folder = mkdtempSync(join(tmpdir(), 'glasshouse-blobs-'));
afterAll(() => rmSync(folder, { recursive: true }));

function content(byteCount: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: byteCount }, (_, index) => (index * 31 + seed * 17 + (index >> 8)) & 0xff);
}

function open(region: Region, bound = BOUND): BlobStore {
  const store = BlobStore.open(region, bound);
  if (!store.ok) throw new Error(store.error.sentence);
  return store.value;
}

function fileRegion(path: string): Region {
  const region = openFileRegion(path);
  if (!region.ok) throw new Error(region.error.sentence);
  return region.value;
}

let fileCount = 0;
const TWINS: readonly { readonly name: string; readonly make: () => () => Region }[] = [
  { name: 'memory', make: () => { const region = new MemoryRegion(); return () => region; } },
  { name: 'a file', make: () => { const path = join(folder, `${fileCount++}.blobs`); return () => fileRegion(path); } },
];

describe.each(TWINS)('over $name', ({ make }) => {
  test('put, get, list, replace, delete; all of it survives closing', () => {
    const again = make();
    const store = open(again());
    expect(store.list()).toEqual([]);
    expect(store.put('one', content(10_000, 1), { taken: 5 }).ok).toBe(true);
    expect(store.put('two', content(1, 2)).ok).toBe(true);
    expect(store.put('empty', new Uint8Array(0)).ok).toBe(true);
    expect(store.put('one', content(20_000, 3), { taken: 6 }).ok).toBe(true);
    expect(store.usage()).toEqual({ usedBytes: 6 * BLOCK_SIZE, boundBytes: BOUND });
    store.close();
    const later = open(again());
    expect(later.list()).toEqual([
      { name: 'two', byteCount: 1, about: null },
      { name: 'empty', byteCount: 0, about: null },
      { name: 'one', byteCount: 20_000, about: { taken: 6 } },
    ]);
    expect(later.get('one')).toEqual({ ok: true, value: content(20_000, 3) });
    expect(later.get('empty')).toEqual({ ok: true, value: new Uint8Array(0) });
    expect(later.delete('one').ok).toBe(true);
    expect(later.get('one')).toMatchObject({ ok: false, error: { kind: 'no-such-blob' } });
    expect(later.delete('one')).toMatchObject({ ok: false, error: { kind: 'no-such-blob' } });
    later.close();
    const region = again();
    expect(open(region).list().map(({ name }) => name)).toEqual(['two', 'empty']);
    expect(region.size()).toBeLessThanOrEqual(2 * SLOT_SIZE + 8 * BLOCK_SIZE);
    region.close();
  });

  test('the bound is never passed, also not for a moment of replacing, and says what to do', () => {
    const region = make()();
    const store = open(region);
    expect(store.put('big', content(BOUND - BLOCK_SIZE, 1)).ok).toBe(true);
    expect(store.put('more', content(BLOCK_SIZE + 1, 2))).toMatchObject({
      ok: false, error: { kind: 'bound', sentence: expect.stringMatching(/0\.3 MB are allowed; delete something/) },
    });
    expect(store.put('fits', content(BLOCK_SIZE, 2)).ok).toBe(true);
    expect(store.usage().usedBytes).toBe(BOUND);
    expect(store.delete('big').ok).toBe(true);
    expect(store.put('more', content(BOUND - BLOCK_SIZE, 4)).ok).toBe(true);
    expect(store.get('fits')).toEqual({ ok: true, value: content(BLOCK_SIZE, 2) });
    store.close();
  });

  test('bad names and a full directory are refused', () => {
    const store = open(make()());
    expect(store.put('', content(1, 1))).toMatchObject({ ok: false, error: { kind: 'bad-name' } });
    expect(store.put('x'.repeat(201), content(1, 1))).toMatchObject({ ok: false, error: { kind: 'bad-name' } });
    const about = 'x'.repeat(SLOT_SIZE / 2);
    expect(store.put('a', content(1, 1), about).ok).toBe(true);
    expect(store.put('b', content(1, 1), about)).toMatchObject({ ok: false, error: { kind: 'too-many' } });
    expect(store.list().map(({ name }) => name)).toEqual(['a']);
    store.close();
  });
});

test('a platform without room: refused, and what was there stays', () => {
  const region = new MemoryRegion({ roomBytes: 2 * SLOT_SIZE + 4 * BLOCK_SIZE });
  const store = open(region);
  expect(store.put('kept', content(2 * BLOCK_SIZE, 1)).ok).toBe(true);
  expect(store.put('kept', content(3 * BLOCK_SIZE, 2))).toMatchObject({ ok: false, error: { kind: 'quota' } });
  expect(store.get('kept')).toEqual({ ok: true, value: content(2 * BLOCK_SIZE, 1) });
  expect(open(region).list()).toHaveLength(1);
});

test('without an origin private file system the refusal says so', async () => {
  const opened = await openOpfsRegion('anything');
  expect(opened).toMatchObject({ ok: false, error: { kind: 'no-storage', sentence: expect.stringMatching(/download/) } });
});

test('a byte that has changed is found; a directory lost in both slots is said, not taken for an empty store', () => {
  const region = new MemoryRegion();
  const store = open(region);
  store.put('one', content(5_000, 1));
  region.write(2 * SLOT_SIZE + 4_500, Uint8Array.of(255, 254));
  expect(open(region).get('one')).toMatchObject({ ok: false, error: { kind: 'damaged' } });
  store.put('two', content(10, 2));
  for (const slot of [0, 1]) region.write(slot * SLOT_SIZE + 40, content(20, 9));
  expect(BlobStore.open(region, BOUND)).toMatchObject({ ok: false, error: { kind: 'damaged' } });
});

// ── Power is lost ───────────────────────────────────────────────────────────────────────────────

type Change = { readonly put: string; readonly byteCount: number; readonly seed: number } | { readonly delete: string };
type Contents = ReadonlyMap<string, Uint8Array>;

/** A region that loses power before step `diesAt`: nothing from there on has any effect. */
class DyingRegion extends MemoryRegion {
  readonly #diesAt: number;

  constructor(from: MemoryRegion, diesAt: number) {
    super({ bytes: bytesOf(from), remembers: true });
    this.#diesAt = diesAt;
  }

  override write(at: number, bytes: Uint8Array) {
    // The step that is cut short may have begun: its bytes are among those that survive in part.
    return this.stepCount <= this.#diesAt ? super.write(at, bytes) : undefined;
  }

  override flush(): undefined {
    return this.stepCount < this.#diesAt ? super.flush() : void this.stepCount++;
  }

  override truncate(byteCount: number): undefined {
    return this.stepCount < this.#diesAt ? super.truncate(byteCount) : void this.stepCount++;
  }
}

function bytesOf(region: Region): Uint8Array {
  const bytes = new Uint8Array(region.size());
  region.read(0, bytes);
  return bytes;
}

function apply(before: Contents, change: Change): Contents {
  const after = new Map(before);
  if ('put' in change) after.set(change.put, content(change.byteCount, change.seed));
  else after.delete(change.delete);
  return after;
}

function contentsOf(region: Region): Contents {
  const store = open(region);
  return new Map(store.list().map(({ name, byteCount }) => {
    const bytes = store.get(name);
    if (!bytes.ok) throw new Error(`${name} is listed but ${bytes.error.sentence}`);
    expect(bytes.value.length).toBe(byteCount);
    return [name, bytes.value];
  }));
}

function equal(left: Contents, right: Contents): boolean {
  return left.size === right.size && [...left].every(([name, bytes]) => Buffer.from(right.get(name) ?? [-1]).equals(bytes) && right.has(name));
}

/** Does `change` with power lost at every step; what is found each time must be what was before or what is after. */
function faultOf(change: Change, before: { readonly region: MemoryRegion; readonly contents: Contents }, keep: (position: number) => number, run: (store: BlobStore, region: Region) => void): string {
  const after = apply(before.contents, change);
  for (let diesAt = 0; ; diesAt++) {
    const region = new DyingRegion(before.region, diesAt);
    run(open(region), region);
    let found: Contents;
    try {
      found = contentsOf(region.survivor(keep));
    } catch (cause) {
      return `step ${diesAt}: ${String(cause)}`;
    }
    if (!equal(found, before.contents) && !equal(found, after)) return `step ${diesAt}: ${[...found.keys()].join()}`;
    if (region.stepCount <= diesAt) return equal(found, after) ? '' : 'a change that was acknowledged was lost';
  }
}

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ put: fc.constantFrom('a', 'b', 'c'), byteCount: fc.nat(3 * BLOCK_SIZE), seed: fc.nat(250) }) },
  { weight: 1, arbitrary: fc.record({ delete: fc.constantFrom('a', 'b', 'c') }) },
);

function make(store: BlobStore, it: Change): void {
  if ('put' in it) store.put(it.put, content(it.byteCount, it.seed));
  else store.delete(it.delete);
}

test('power lost at any step of any change: what was before, or what is after, never half of it', () => {
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), fc.array(fc.constantFrom(0, 0.3, 0.7, 1), { minLength: 4, maxLength: 4 }), (changes, parts) => {
      let region = new MemoryRegion({ remembers: true });
      let contents: Contents = new Map();
      for (const it of changes) {
        if ('delete' in it && !contents.has(it.delete)) continue;
        const keep = (position: number) => parts[position % parts.length]!;
        expect(faultOf(it, { region, contents }, keep, (store) => make(store, it))).toBe('');
        make(open(region), it);
        contents = apply(contents, it);
        region = region.survivor(() => 0); // what was acknowledged needs nothing that was not flushed
        expect(equal(contentsOf(region), contents)).toBe(true);
      }
    }),
    { numRuns: process.env['GLASSHOUSE_VERIFY'] === '1' ? 200 : 6 },
  );
});

test('canary: a store that names its content before it is there is caught', () => {
  const region = new MemoryRegion({ remembers: true });
  open(region).put('a', content(5_000, 1));
  const it: Change = { put: 'b', byteCount: 9_000, seed: 2 };
  const hasty = (_store: BlobStore, at: Region) => {
    // The writes of a put, in the wrong order.
    const recorded = new RecordingRegion(at);
    open(recorded).put('b', content(9_000, 2));
    const [data, directory] = recorded.writes;
    at.write(directory![0], directory![1]);
    at.flush();
    at.write(data![0], data![1]);
    at.flush();
  };
  expect(faultOf(it, { region, contents: contentsOf(region) }, () => 0.3, hasty)).toMatch(/^step \d+: /);
});

/** Keeps writes to itself, in order. */
class RecordingRegion extends MemoryRegion {
  readonly writes: (readonly [number, Uint8Array])[] = [];

  constructor(from: Region) {
    super({ bytes: bytesOf(from) });
  }

  override write(at: number, bytes: Uint8Array) {
    this.writes.push([at, bytes.slice()]);
    return super.write(at, bytes);
  }
}
