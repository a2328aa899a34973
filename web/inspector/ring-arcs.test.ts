// Goal: the arcs of a queue's rings cover each ring once and lie where the indices say, also when indices wrap. Method: a sweep.
import { expect, test } from 'vitest';
import { availableArcs, ringHands, ringSentence, tickPath, AVAILABLE, usedArcs } from './ring-arcs.ts';

test('arcs cover the ring once; in flight lies before what waits', () => {
  for (const size of [1, 8, 64, 256]) {
    for (const nextUsed of [0, 3, 255, 65_535]) {
      for (const [inFlight, waiting] of [[0, 0], [0, 1], [1, 0], [size >> 1, size >> 2], [size, 0], [0, size], [size, size]] as const) {
        const arcs = availableArcs({ size, nextUsed, waiting, inFlight });
        expect(arcs.reduce((sum, it) => sum + it.count, 0)).toBe(size);
        expect(arcs[0]!.first).toBe(nextUsed % size);
        for (const [index, it] of arcs.slice(1).entries()) expect(it.first).toBe((arcs[index]!.first + arcs[index]!.count) % size);
        expect(arcs.find((it) => it.part === 'in-flight')?.count ?? 0).toBe(inFlight);
        expect(arcs.every((it) => it.d.startsWith('M'))).toBe(true);
        const used = usedArcs({ size, nextUsed });
        expect(used.reduce((sum, it) => sum + it.count, 0)).toBe(size);
      }
    }
  }
});

test('hands point at the slots of their indices', () => {
  const hands = ringHands({ size: 16, availableIndex: 21, nextAvailable: 19, nextUsed: 18, usedEvent: -1 });
  expect(hands.map((it) => [it.ring, it.hand.who, it.hand.slot])).toEqual([['available', 'driver', 5], ['available', 'device', 3], ['used', 'device', 2]]);
  expect(ringHands({ size: 16, availableIndex: -1, nextAvailable: 0, nextUsed: 0, usedEvent: -1 }).length).toBe(2);
  expect(tickPath(64, AVAILABLE).split('M').length).toBe(65);
  expect(tickPath(65, AVAILABLE)).toBe('');
});

test('the sentence names what is wrong', () => {
  const ring = { size: 16, waiting: 2, inFlight: 1, ready: true, device: 'block', name: 'requests', fault: '' } as Parameters<typeof ringSentence>[0];
  expect(ringSentence(ring)).toBe('The requests queue of block has 16 entries: 2 wait for the device, 1 are in flight.');
  expect(ringSentence({ ...ring, fault: 'the used ring lies outside RAM' })).toContain('Wrong: the used ring lies outside RAM.');
  expect(ringSentence({ ...ring, ready: false })).toContain('no driver has set it up');
});
