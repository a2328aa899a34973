// Goal: CRC32C as RFC 3720 appendix B.4 tabulates it. Method: the RFC's own vectors, and pieces against the whole.
import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

test.each([
  ['32 bytes of zeroes', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 bytes, 0 … 31', Uint8Array.from({ length: 32 }, (_, it) => it), 0x46dd794e],
  ['32 bytes, 31 … 0', Uint8Array.from({ length: 32 }, (_, it) => 31 - it), 0x113fdb5c],
  ['nothing', new Uint8Array(0), 0],
])('%s', (_, bytes, expected) => expect(crc32c(bytes)).toBe(expected));

test('pieces in a row give the check of the whole; one bit more gives another', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, it) => (it * 7) & 0xff);
  expect(crc32c(bytes.subarray(333), crc32c(bytes.subarray(0, 333)))).toBe(crc32c(bytes));
  const other = bytes.slice();
  other[500]! ^= 4;
  expect(crc32c(other)).not.toBe(crc32c(bytes));
});
