// Goal: the run hash tells which process had which hash, and nothing else. Method: small folds against each other.
import { expect, test } from 'vitest';
import { foldRunHash } from './run-hash.ts';

const A = '0123456789abcdef';
const B = 'fedcba9876543210';

test('the order given does not matter; ids, hashes and their pairing do', () => {
  const run = foldRunHash([{ process: 0, hash: A }, { process: 1, hash: B }]);
  expect(run).toMatch(/^[0-9a-f]{16}$/);
  expect(foldRunHash([{ process: 1, hash: B }, { process: 0, hash: A }])).toBe(run);
  const others = [
    [{ process: 0, hash: B }, { process: 1, hash: A }],
    [{ process: 0, hash: A }, { process: 2, hash: B }],
    [{ process: 0, hash: A }, { process: 1, hash: A }],
    [{ process: 0, hash: A }],
    [],
  ].map(foldRunHash);
  expect(new Set([run, ...others]).size).toBe(6);
});

test('a process that gives two hashes is a programmer’s error', () => {
  expect(() => foldRunHash([{ process: 1, hash: A }, { process: 1, hash: B }])).toThrow('one hash');
});
