// Goal: files come out of a bundle as they went in, and damage gives one sentence. Method: random files; a thousand mutations.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { type BootFiles, isBundle, packBundle, readBundle } from './index.ts';

const BOOT: BootFiles = { kernel: 'Image', initrd: 'ram disk', append: 'console=ttyS0 "ä"', disks: ['disk'], network: true };

test('what goes in comes out', () => {
  const file = fc.tuple(fc.string({ minLength: 1, maxLength: 30 }), fc.uint8Array({ maxLength: 200 }));
  fc.assert(
    fc.property(fc.array(file, { maxLength: 8 }), fc.boolean(), (list, boots) => {
      const files = new Map(list);
      const bytes = packBundle(files, boots ? BOOT : undefined);
      expect(isBundle(bytes)).toBe(true);
      const read = readBundle(bytes);
      expect(read.ok && [...read.value.files]).toEqual([...files]);
      expect(read.ok && read.value.boot).toEqual(boots ? BOOT : undefined);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test('a thousand mutations: files inside the bundle, or a sentence', () => {
  const sound = packBundle(new Map([['Image', new Uint8Array(40)], ['disk', new Uint8Array(20)]]), BOOT);
  const prng = makePrng({ seed: 2, stream: 1 });
  let refused = 0;
  for (let round = 0; round < 1_000; round++) {
    const bytes = sound.slice(0, nextBelow(prng, 4) === 0 ? nextBelow(prng, sound.length) : undefined);
    for (let count = nextBelow(prng, 4); count > 0 && bytes.length > 0; count--) bytes[nextBelow(prng, bytes.length)] = nextBelow(prng, 256);
    const read = readBundle(bytes);
    if (read.ok) {
      const size = [...read.value.files.values()].reduce((sum, file) => sum + file.length, 0);
      expect(size).toBeLessThan(bytes.length);
    } else {
      expect(read.error).toMatch(/^It[^\n]*[.]$/);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(100);
});
