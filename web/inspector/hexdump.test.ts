// Goal: the dump shows every byte at its address. Method: known bytes, and folding of equal lines.
import { expect, test } from 'vitest';
import { hexdumpLines } from './hexdump.ts';

test('a line is address, bytes and characters', () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, index) => 0x41 + index);
  expect(hexdumpLines(bytes, 0x8000_1000)).toEqual(['80001000  41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP']);
});

test('equal lines fold to one star, the last line stays', () => {
  const lines = hexdumpLines(new Uint8Array(4096), 0);
  expect(lines).toHaveLength(3);
  expect(lines[1]).toBe('*');
  expect(lines[2]!.startsWith('00000ff0')).toBe(true);
});
