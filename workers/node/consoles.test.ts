// Goal: lines of several VMs come out whole, named, by virtual time, however hosts tell of them. Method: two orders of the same chunks.
import { expect, test } from 'vitest';
import type { ConsoleChunk, ProcessSnapshot } from '../../core/protocol/snapshot.ts';
import { Consoles } from './consoles.ts';

const told = (...console: ConsoleChunk[]) => ({ console }) as unknown as ProcessSnapshot;
const names = new Map([[1, 'web'], [2, 'clock']]);

test('several VMs: the same text in whichever order hosts tell', () => {
  const a = told({ vm: 1, timeNs: 10, text: 'one\r\ntw' }, { vm: 1, timeNs: 30, text: 'o\nthr' });
  const b = told({ vm: 2, timeNs: 20, text: 'tick\n' });
  const texts = [[a, b], [b, a]].map((order) => {
    const consoles = new Consoles(names, () => {});
    for (const snapshot of order) consoles.take(snapshot);
    consoles.settle();
    consoles.end();
    return consoles.text();
  });
  expect(texts).toEqual(Array.from({ length: 2 }, () => 'web | one\nclock | tick\nweb | two\nweb | thr\n'));
});

test('one VM: as it comes', () => {
  let out = '';
  const consoles = new Consoles(new Map([[1, 'web']]), (text) => (out += text));
  consoles.take(told({ vm: 1, timeNs: 10, text: 'login: ' }));
  expect(out).toBe('login: ');
  expect(consoles.text()).toBe('login: ');
});
