// Goal: messages survive any cutting of their stream, and a stream that is none of ours is refused. Method: random messages, random pieces, random bytes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestBytes, digestText, encodeMessage, MESSAGES, type Message, type MessageName, MessageReader, message } from './replication-message.ts';

const messages = fc
  .record({
    name: fc.constantFrom(...(Object.keys(MESSAGES) as MessageName[])),
    workload: fc.nat(0xffff_ffff),
    term: fc.nat(0xffff_ffff),
    first: fc.double({ noNaN: true }),
    second: fc.integer(),
    third: fc.maxSafeNat(),
    payload: fc.uint8Array({ maxLength: 120 }),
  })
  .map(({ name, workload, term, ...says }) => message(name, workload, term, says));

test('kinds are numbered once', () => {
  const kinds = Object.values(MESSAGES).map(({ kind }) => kind);
  expect(new Set(kinds).size).toBe(kinds.length);
});

test('whatever pieces a stream comes in, the messages are those that were sent', () => {
  fc.assert(
    fc.property(fc.array(messages, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 10 }), (list, cuts) => {
      const stream = list.flatMap((it) => [...encodeMessage(it)]);
      const reader = new MessageReader();
      const read: Message[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = cuts[turn % cuts.length]!;
        reader.push(Uint8Array.from(stream.slice(at, at + size)));
        at += size;
        for (;;) {
          const taken = reader.take();
          if (!taken.ok) throw new Error(taken.error.kind);
          if (taken.value === undefined) break;
          read.push({ ...taken.value, payload: taken.value.payload.slice() });
        }
      }
      expect(read).toEqual(list);
      expect(reader.waitingBytes()).toBe(0);
    }),
    { seed: 3, numRuns: 200 },
  );
});

test('other bytes are refused by name, and a length beyond the bound before it is waited for', () => {
  const kindOf = (bytes: Uint8Array) => {
    const reader = new MessageReader();
    reader.push(bytes);
    const taken = reader.take();
    return taken.ok ? '' : taken.error.kind;
  };
  const sound = encodeMessage(message('write', 1, 1));
  const changed = (at: number, byte: number) => sound.map((it, index) => (index === at ? byte : it));
  expect(kindOf(sound)).toBe('');
  expect(kindOf(changed(0, 0))).toBe('bad-magic');
  expect(kindOf(changed(2, 9))).toBe('bad-magic');
  expect(kindOf(changed(3, 200))).toBe('unknown-kind');
  expect(kindOf(changed(7, 0x7f))).toBe('too-long');
});

test('digests as bytes and as text', () => expect(digestText(digestBytes('00ff1234abcdef09'))).toBe('00ff1234abcdef09'));
