// Goal: no file makes the ELF reader throw, hang or lie about bounds. Method: fast-check mutates bytes,
// words and lengths of a good file; whatever is accepted must lie inside the file and the address space.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseElf, renderElfError } from './elf.ts';
import { writeElf } from './elf-writer.ts';

const runs = process.env['GLASSHOUSE_VERIFY'] ? 200_000 : 5_000;

const good = writeElf({
  entry: 0x8000_0000,
  segments: [
    { physicalAddress: 0x8000_0000, bytes: new Uint8Array(100).fill(0x13) },
    { physicalAddress: 0x8000_1000, bytes: new Uint8Array(20), memorySize: 64 },
  ],
  symbols: [
    { name: 'a', address: 0x8000_0000 },
    { name: 'b', address: 0x8000_0010 },
  ],
});

const interesting = fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 56, 64, good.length);

test('mutated files: a value or an error with a sentence, and what is accepted is in bounds', () => {
  const outcomes = new Set<string>();
  const change = fc.oneof(
    fc.record({ kind: fc.constant('byte' as const), at: fc.nat(good.length - 1), value: fc.nat(255) }),
    fc.record({ kind: fc.constant('byte' as const), at: fc.nat(175), value: fc.nat(255) }),
    fc.record({ kind: fc.constant('word' as const), at: fc.nat(good.length - 4), value: interesting }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat(good.length), value: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let bytes = good.slice();
      for (const { kind, at, value } of changes) {
        if (kind === 'cut') bytes = bytes.subarray(0, Math.min(at, bytes.length));
        else if (kind === 'byte' && at < bytes.length) bytes[at] = value;
        else if (at + 4 <= bytes.length) new DataView(bytes.buffer).setUint32(at, value, true);
      }
      const parsed = parseElf(bytes, { name: 'x' });
      outcomes.add(parsed.ok ? 'ok' : parsed.error.kind);
      if (!parsed.ok) {
        expect(renderElfError(parsed.error)).toMatch(/^x: .+\.$/);
        return;
      }
      let end = 0;
      for (const segment of parsed.value.segments) {
        expect(segment.physicalAddress).toBeGreaterThanOrEqual(end);
        expect(segment.bytes.length).toBeLessThanOrEqual(segment.memorySize);
        end = segment.physicalAddress + segment.memorySize;
      }
      expect(end).toBeLessThanOrEqual(2 ** 41);
    }),
    { numRuns: runs, seed: 20 },
  );
  // Canary: a campaign that only ever meets one branch tests nothing.
  expect(outcomes.size).toBeGreaterThan(8);
  expect(outcomes).toContain('ok');
});

test('random bytes are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(parseElf(bytes, { name: 'x' }).ok).toBe(false);
    }),
    { numRuns: 500, seed: 21 },
  );
});
