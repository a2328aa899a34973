// Goal: pieces of work come one after the other, each finds what the one before has kept, and refusals pass through.
// Method: two users of one region that refuses a second opening, as the browser's file system does.
import { expect, test } from 'vitest';
import { err, ok } from '../../core/base/result.ts';
import { BLOCK_SIZE } from './blob-store.ts';
import { KeptBlobs, type KeptPorts } from './kept-blobs.ts';
import { MemoryRegion } from './memory-region.ts';
import type { Region } from './region.ts';

class SharedRegion extends MemoryRegion {
  isOpen = false;

  override close(): void {
    this.isOpen = false;
  }
}

function portsOver(region: SharedRegion, queues: boolean): KeptPorts {
  let last: Promise<unknown> = Promise.resolve();
  return {
    open: async () => {
      if (region.isOpen) return err({ kind: 'busy', sentence: 'Another tab is using what is kept; try again when it is done.' });
      region.isOpen = true;
      await Promise.resolve();
      return ok<Region>(region);
    },
    exclusive: (work) => {
      const next = queues ? last.then(work) : work();
      last = next.catch(() => undefined);
      return next;
    },
  };
}

test('two tabs keep, read and delete, one after the other', async () => {
  const ports = portsOver(new SharedRegion(), true);
  const [one, two] = [new KeptBlobs(ports, 8 * BLOCK_SIZE), new KeptBlobs(ports, 8 * BLOCK_SIZE)];
  const [first, second] = await Promise.all([
    one.keep('a', Uint8Array.of(1, 2, 3), { of: 'desk-1' }),
    two.keep('b', Uint8Array.of(4), null),
  ]);
  expect(first.ok && second.ok).toBe(true);
  expect(await one.list()).toEqual({
    ok: true,
    value: {
      entries: [{ name: 'a', byteCount: 3, about: { of: 'desk-1' } }, { name: 'b', byteCount: 1, about: null }],
      usage: { usedBytes: 2 * BLOCK_SIZE, boundBytes: 8 * BLOCK_SIZE },
    },
  });
  expect(await two.read('a')).toEqual({ ok: true, value: Uint8Array.of(1, 2, 3) });
  expect(await one.keep('a', Uint8Array.of(9), null)).toMatchObject({ ok: false, error: { kind: 'bad-name' } });
  expect(await one.delete('a')).toMatchObject({ ok: true, value: { entries: [{ name: 'b' }] } });
  await two.allow(BLOCK_SIZE);
  expect(await two.keep('c', new Uint8Array(10), null)).toMatchObject({ ok: false, error: { kind: 'bound' } });
});

test('without a lock the second is refused in a sentence, and nothing is left open', async () => {
  const region = new SharedRegion();
  const ports = portsOver(region, false);
  const [one, two] = [new KeptBlobs(ports, 1 << 20), new KeptBlobs(ports, 1 << 20)];
  const results = await Promise.all([one.keep('a', Uint8Array.of(1), null), two.keep('b', Uint8Array.of(2), null)]);
  expect(results.map((it) => (it.ok ? 'kept' : it.error.kind))).toEqual(['kept', 'busy']);
  expect(region.isOpen).toBe(false);
  expect(await two.keep('b', Uint8Array.of(2), null)).toMatchObject({ ok: true });
});
