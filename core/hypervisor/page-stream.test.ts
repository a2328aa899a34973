// Goal: what the encoder writes the decoder reads, however the bytes are split; broken bytes are refused by name.
// Method: random sequences of records, cut at random places, must come back equal; single bytes of a stream are changed.
// Canary: a decoder fed with one byte missing must not give the same records.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeHello,
  encodeHello,
  encodeRecord,
  PAGE_RECORD_SIZE,
  PageStreamDecoder,
  recordKind,
  type RecordKindName,
  recordKindName,
  RECORD_HEADER_SIZE,
  streamErrorSentence,
  writePageRecord,
} from './page-stream.ts';

interface Decoded {
  readonly kind: string;
  readonly argument: number;
  readonly extra: number;
  readonly payload: readonly number[];
}

function decodeAll(pieces: readonly Uint8Array[]): { records: Decoded[]; pending: number; error: string } {
  const decoder = new PageStreamDecoder();
  const records: Decoded[] = [];
  for (const piece of pieces) {
    const fed = decoder.feed(piece, (kind, argument, extra, source, offset, size) => {
      const payload = [...source.subarray(offset, offset + size)];
      records.push({ kind: recordKindName(kind), argument, extra, payload });
      return true;
    });
    if (!fed.ok) return { records, pending: 0, error: streamErrorSentence(fed.error) };
  }
  return { records, pending: decoder.pendingByteCount(), error: '' };
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const record = fc.oneof(
  fc.record({ kind: fc.constantFrom('accept', 'zero', 'roundEnd', 'query', 'grant'), argument: word, extra: word, payload: fc.constant(new Uint8Array(0)) }),
  fc.record({ kind: fc.constantFrom('vcpu', 'device'), argument: word, extra: word, payload: fc.uint8Array({ maxLength: 900 }) }),
  fc.record({ kind: fc.constant('page'), argument: word, extra: fc.constant(0), payload: fc.uint8Array({ minLength: 4096, maxLength: 4096 }) }),
);

test('records survive any splitting of the stream', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 30 }), (records, cuts) => {
      const parts = records.map(({ kind, argument, extra, payload }) =>
        encodeRecord(kind as RecordKindName, { argument, extra, payload }),
      );
      const stream = join(parts);
      const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length].toSorted((a, b) => a - b);
      const pieces = places.slice(1).map((end, index) => stream.subarray(places[index], end));
      const expected = records.map((it) => ({ ...it, payload: [...it.payload] }));
      expect(decodeAll(pieces)).toEqual({ records: expected, pending: 0, error: '' });
      if (stream.length > 0) {
        expect(decodeAll([stream.subarray(0, stream.length - 1)]).records).not.toEqual(expected);
      }
    }),
    { numRuns: process.env['GLASSHOUSE_VERIFY'] === undefined ? 60 : 3000, seed: 7 },
  );
});

test('a page written in place is read in place, not copied', () => {
  const page = Uint8Array.from({ length: 4096 }, (_, index) => index & 0xff);
  const stream = new Uint8Array(2 * PAGE_RECORD_SIZE);
  expect(writePageRecord(stream, writePageRecord(stream, 0, 7, page), 8, page)).toBe(stream.length);
  const seen: [number, boolean, number][] = [];
  const fed = new PageStreamDecoder().feed(stream, (_kind, argument, _extra, source, offset) => {
    seen.push([argument, source === stream, offset]);
    return true;
  });
  expect(fed).toEqual({ ok: true, value: 2 });
  expect(seen).toEqual([[7, true, RECORD_HEADER_SIZE], [8, true, PAGE_RECORD_SIZE + RECORD_HEADER_SIZE]]);
});

test('a handler that says no stops the decoder', () => {
  const stream = join([encodeRecord('ready'), encodeRecord('ready')]);
  expect(new PageStreamDecoder().feed(stream, () => false)).toEqual({ ok: true, value: 1 });
});

test('broken streams are refused by name and place', () => {
  const good = join([encodeRecord('ready'), encodeRecord('vcpu', { payload: new Uint8Array(32) })]);
  const broken = (at: number, value: number) => {
    const bytes = good.slice();
    bytes[at] = value;
    return bytes;
  };
  expect(decodeAll([broken(0, 0)]).error).toContain('at byte 0, where a record should begin');
  expect(decodeAll([broken(17, 0)]).error).toContain('at byte 16');
  expect(decodeAll([broken(2, 99)]).error).toContain('unknown kind 99 at byte 0');
  expect(decodeAll([broken(2, 0)]).error).toContain('unknown kind 0');
  expect(decodeAll([broken(16 + 14, 255)]).error).toContain('vcpu record at byte 16');
  expect(decodeAll([broken(12, 1)]).error).toContain('ready record at byte 0');
  const page = encodeRecord('page', { payload: new Uint8Array(4096) });
  page[12] = 1;
  expect(decodeAll([page]).error).toContain('a page is exactly 4096');
  // The same when the broken header arrives byte by byte.
  expect(decodeAll([...broken(2, 99)].map((byte) => Uint8Array.of(byte))).error).toContain('unknown kind 99');
});

test('kinds have one number each', () => {
  const numbers = Object.values(recordKind);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(recordKindName(250)).toBe('kind 250');
});

test('hello keeps its fields; cut short or of another version it is refused', () => {
  const bytes = encodeHello({
    version: 1, vm: 3, attempt: 2, source: 1, pageCount: 16_384, vcpuCount: 2, mode: 1, name: 'web–1', guest: 'dirtier',
  });
  const back = decodeHello(bytes);
  expect(back.ok && back.value).toMatchObject({ vm: 3, source: 1, pageCount: 16_384, vcpuCount: 2, mode: 1, name: 'web–1', guest: 'dirtier' });
  for (let size = 0; size < bytes.length; size++) expect(decodeHello(bytes.subarray(0, size)).ok).toBe(false);
  const other = bytes.slice();
  other[0] = 9;
  const refused = decodeHello(other);
  expect(!refused.ok && streamErrorSentence(refused.error)).toContain('version 9');
});
