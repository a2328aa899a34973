// Goal: an address typed in any usual way is understood, anything else is answered with one sentence that helps.
import { expect, test } from 'vitest';
import { parseAddress } from './parse-address.ts';

test('hexadecimal and decimal addresses', () => {
  const of = (text: string) => parseAddress(text);
  expect(of('0x80000000')).toEqual({ ok: true, address: '0x0000000080000000' });
  expect(of('  0xFFFF_FFC0_8000_0123 ')).toEqual({ ok: true, address: '0xffffffc080000123' });
  expect(of('2147483648')).toEqual({ ok: true, address: '0x0000000080000000' });
  expect(of('18446744073709551615')).toEqual({ ok: true, address: '0xffffffffffffffff' });
});

test('what is no address gets a sentence', () => {
  const sentence = (text: string) => {
    const parsed = parseAddress(text);
    return parsed.ok ? '' : parsed.sentence;
  };
  expect(sentence('')).toContain('Type an address');
  expect(sentence('pc')).toContain('“pc” is no address');
  expect(sentence('80a0')).toContain('Did you mean 0x80a0?');
  expect(sentence('-1')).toContain('no address');
  expect(sentence('0x')).toContain('no address');
  expect(sentence('18446744073709551616')).toContain('at most 64 bits');
  expect(sentence('0x10000000000000000')).toContain('at most 64 bits');
  expect(sentence('9'.repeat(10_000))).toContain('at most 64 bits');
});
