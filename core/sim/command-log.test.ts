// Goal: a log survives its text form, and bad text is named, not taken. Method: property test of the round trip; table of bad texts.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Command } from '../protocol/command.ts';
import {
  appendCommand,
  makeCommandLog,
  parseCommandLog,
  sentenceOfCommandLogError,
  serialiseCommandLog,
} from './command-log.ts';

const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant('set-knob' as const), knob: fc.string(), value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0) }),
  fc.record({ kind: fc.constant('inject-fault' as const), fault: fc.string() }),
  fc.record({ kind: fc.constant('migrate' as const), vm: fc.nat(), to: fc.nat() }),
  fc.record({ kind: fc.constant('cancel-migration' as const), vm: fc.nat() }),
  fc.record({ kind: fc.constant('console-input' as const), vm: fc.nat(), text: fc.string() }),
);

test('a log comes back from its text', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1000), commands)), (entries) => {
      const log = makeCommandLog();
      let atNs = 0;
      for (const [later, command] of entries) {
        atNs += later;
        appendCommand(log, atNs, command);
      }
      expect(parseCommandLog(serialiseCommandLog(log))).toEqual({ ok: true, value: log });
    }),
  );
});

test.each([
  ['{', 'not JSON'],
  ['{}', 'must be a list'],
  ['[{"command":{"kind":"migrate","vm":1,"to":1}}]', 'Entry 0 of the command log has atNs = undefined'],
  ['[{"atNs":5,"command":{"kind":"cancel-migration","vm":1}},{"atNs":4,"command":{"kind":"cancel-migration","vm":1}}]', 'Entry 1'],
  ['[{"atNs":0,"command":{"kind":"__proto__"}}]', 'unknown kind "__proto__"'],
  ['[{"atNs":0,"command":{"kind":"set-knob","knob":"bandwidth","value":"fast"}}]', 'value = "fast"'],
  ['[{"atNs":0,"command":{"kind":"migrate","vm":1.5,"to":1}}]', 'vm = 1.5'],
  ['[null]', 'Entry 0'],
])('bad text %s is refused with a sentence', (text, words) => {
  const result = parseCommandLog(text);
  expect(result.ok).toBe(false);
  if (!result.ok) expect(sentenceOfCommandLogError(result.error)).toContain(words);
});

test('a log goes forward', () => {
  const log = makeCommandLog();
  appendCommand(log, 10, { kind: 'inject-fault', fault: 'cut-link' });
  expect(() => appendCommand(log, 9, { kind: 'inject-fault', fault: 'cut-link' })).toThrow('forward');
});
