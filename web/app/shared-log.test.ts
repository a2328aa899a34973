// Goal: a log survives its way through a link, and a damaged, foreign or swollen text is no log. Method: round trips (fast-check) and bad texts.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LoggedCommand } from '../../core/protocol/command.ts';
import { decodeLog, encodeLog, LOG_TEXT_MAX } from './shared-log.ts';

const command = fc.oneof(
  fc.record({ kind: fc.constant('set-knob' as const), knob: fc.string(), value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0) }),
  fc.record({ kind: fc.constant('console-input' as const), vm: fc.nat(9), text: fc.string({ unit: 'grapheme' }) }),
  fc.record({ kind: fc.constant('migrate' as const), vm: fc.nat(9), to: fc.nat(9) }),
);

test('a log survives the way through its text, which an address may hold', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(), command), { maxLength: 20 }), async (pairs) => {
      const log = pairs.map(([atNs, it], sequence): LoggedCommand => ({ atNs, sequence, command: it }));
      const text = await encodeLog(log);
      expect(text).toMatch(/^[\w-]*$/);
      fc.pre(text.length <= LOG_TEXT_MAX);
      expect(await decodeLog(text)).toEqual(JSON.parse(JSON.stringify(log)));
    }),
    { seed: 2, numRuns: 60 },
  );
});

test('what is no log is refused, and a small text that grows without end, too', async () => {
  for (const text of ['%%%', 'AAAA', 'a'.repeat(LOG_TEXT_MAX + 1), await encodeText('{}'), await encodeText('[1]'), await encodeText('[')]) {
    expect(await decodeLog(text), text.slice(0, 20)).toBeUndefined();
  }
  const swollen = await encodeText(`[[0,"${' '.repeat(3 << 20)}"]]`);
  expect(swollen.length).toBeLessThan(LOG_TEXT_MAX);
  expect(await decodeLog(swollen)).toBeUndefined();
});

async function encodeText(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return Buffer.from(await new Response(stream).arrayBuffer()).toString('base64url');
}
