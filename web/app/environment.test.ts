// Goal: what a browser lacks is said in one sentence. Method: take one thing away at a time.
import { expect, test } from 'vitest';
import { unsupportedBecause } from './environment.ts';

const full = { WebAssembly: { Memory: 1, Module: 1 }, Worker: 1, BigInt64Array: 1, CSS: { supports: () => true } };

test('a current browser runs', () => expect(unsupportedBecause(full)).toBe(''));
test.each([
  ['no WebAssembly', { ...full, WebAssembly: {} }],
  ['no web workers', { ...full, Worker: undefined }],
  ['too old', { ...full, BigInt64Array: undefined }],
  ['too old', { ...full, CSS: { supports: () => false } }],
])('%s', (words, scope) => {
  const sentence = unsupportedBecause(scope);
  expect(sentence).toContain(words);
  expect(sentence.match(/\./g)).toHaveLength(1);
});
