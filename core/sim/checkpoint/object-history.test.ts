// Goal: every kind of state comes back, in place; what is left alone is left alone by rule; an unknown kind is an error. Method: one small object graph with all kinds, changed in every way between checkpoints; canaries.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { ObjectHistory } from './object-history.ts';

class Cell {
  static readonly [checkpointRules]: CheckpointRules = { cache: 'outside', frames: 'values' };
  readonly ring = new Uint8Array(10_000);
  readonly halves = new Float64Array(3);
  readonly shared = new Int32Array(new SharedArrayBuffer(8));
  readonly names = new Map<string, { count: number }>([['a', { count: 1 }]]);
  readonly ports = new Set<number>([7]);
  readonly ledger: Record<string, number> = {};
  frames: Uint8Array[] = [];
  cache = 0;
  next: Cell | undefined;
  readonly call = () => this.cache;
}

test('all kinds of state come back in place, over any order of takes, restores and drops', () => {
  const root = new Cell();
  const history = new ObjectHistory(root);
  const { names, ring, ledger } = root;
  const inner = names.get('a');
  history.take(1);
  const frame = Uint8Array.of(1, 2, 3);
  root.next = new Cell();
  root.next.next = root; // a circle
  ring[9_999] = 5;
  root.halves[1] = Number.NaN;
  names.set('b', { count: 2 });
  names.delete('a');
  root.ports.add(9);
  ledger['z'] = 1;
  ledger['y'] = 2;
  root.frames.push(frame);
  root.cache = 44;
  root.shared[0] = 3;
  history.take(2);
  const second = root.next;
  root.next = undefined;
  root.frames = [];
  delete ledger['z'];
  ledger['z'] = 9;
  history.take(3);
  history.restore(2);
  expect(root.next).toBe(second);
  expect(second.next).toBe(root);
  expect(root.frames).toEqual([frame]);
  expect(root.frames[0]).toBe(frame);
  expect(Object.entries(ledger)).toEqual([['z', 1], ['y', 2]]);
  expect([...names]).toEqual([['b', { count: 2 }]]);
  history.restore(1);
  expect([root.next, root.frames, ring[9_999], root.halves[1], [...root.ports]]).toEqual([undefined, [], 0, 0, [7]]);
  expect(names.get('a')).toBe(inner);
  expect([root.names, root.ring, root.ledger]).toEqual([names, ring, ledger]);
  expect(root.cache).toBe(44); // outside
  expect(root.shared[0]).toBe(3); // shared memory
  history.restore(3);
  expect(Object.entries(ledger)).toEqual([['y', 2], ['z', 9]]);
  history.drop(2);
  history.restore(1);
  history.drop(3);
  expect(Object.entries(ledger)).toEqual([]);
});

test('memory is counted: what is the same is shared, what is dropped is given back', () => {
  const root = { bytes: new Uint8Array(1 << 20), list: Array.from({ length: 10_000 }, (_, index) => index) };
  const history = new ObjectHistory(root);
  history.take(0);
  const first = history.byteCount();
  expect(first).toBeGreaterThan((1 << 20) + 80_000);
  for (let id = 1; id <= 50; id++) {
    root.bytes[id * 5000] = id;
    root.list.push(id);
    history.take(id);
  }
  expect(history.byteCount()).toBeLessThan(first + 50 * 16_000);
  for (let id = 1; id < 50; id++) history.drop(id);
  expect(history.byteCount()).toBeLessThan(first + 260_000);
  history.restore(0);
  history.drop(50);
  expect(history.byteCount()).toBe(first);
});

test('property: a random history of a nested value is found again at each checkpoint', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 4 }), { minLength: 2, maxLength: 12 }), fc.array(fc.nat(), { maxLength: 20 }), (values, order) => {
      const root: { value: unknown } = { value: undefined };
      const history = new ObjectHistory(root);
      const texts = values.map((value, id) => {
        root.value = structuredClone(value);
        const text = JSON.stringify(root);
        history.take(id);
        return text;
      });
      for (const pick of order) {
        history.restore(pick % values.length);
        expect(JSON.stringify(root)).toBe(texts[pick % values.length]);
        // What happens after does not reach into what is saved.
        if (typeof root.value === 'object' && root.value !== null) Object.assign(root.value, { more: pick });
      }
    }),
    { seed: 11, numRuns: 200 },
  );
});

test('canaries: what the walk does not know is an error with a name', () => {
  const take = (root: object) => () => new ObjectHistory(root).take(0);
  expect(take({ later: Promise.resolve() })).toThrow('a checkpoint knows no [object Promise]');
  expect(take({ weak: new WeakMap() })).toThrow('a checkpoint knows no [object WeakMap]');
  expect(take({ walk: [1][Symbol.iterator]() })).toThrow('a checkpoint knows no');
  expect(take({ get value() { return 1; } })).toThrow('is a field, not a getter');
  expect(take({ [Symbol('hidden')]: 1 })).toThrow('named by symbols');
  expect(take(Object.defineProperty({}, 'hidden', { value: 1, enumerable: false }))).toThrow('can be seen');
});
