// Goal: the session's latencies are those of the lines typed, and the longest of a period is kept even when many lines
// are answered at once. Method: a console filled by hand.
import { expect, test } from 'vitest';
import type { HostPorts } from '../host-ports.ts';
import { echoOf, TypingSession } from './session.ts';

const MS = 1_000_000;

function makeSession() {
  let printed: { timeNs: number; text: string }[] = [];
  let byteCount = 0;
  const debugConsole = {
    get byteCount() { return byteCount; },
    chunksFrom: () => printed.splice(0),
  };
  const ports = { scenario: { vms: [{ id: 1 }] }, host: { findVm: () => ({ debugConsole }) } } as unknown as HostPorts;
  const print = (timeNs: number, text: string) => {
    printed = [...printed, { timeNs, text }];
    byteCount += text.length;
  };
  return { session: new TypingSession(ports), print };
}

test('after a pause many lines are answered at once: the longest of the period is the first of them', () => {
  const { session, print } = makeSession();
  print(10 * MS, `dirtier echo ${9.9 * MS}\n`);
  session.read();
  expect(session.takeLongest()).toBe(0.1 * MS);
  for (let typed = 20; typed < 220; typed += 5) print(220 * MS + typed, `dirtier echo ${typed * MS}\n`);
  session.read();
  expect(session.takeLongest()).toBe(200 * MS + 20);
  expect(session.answers.at(-1)?.latencyNs).toBe(5 * MS + 215);
  expect(session.takeLongest()).toBe(-1);
  expect(echoOf(session.answers, 20 * MS, 220 * MS)).toMatchObject({ answered: 40, worstNs: 200 * MS + 20 });
});

test('a line that is printed in pieces counts once, at its end; other output does not count', () => {
  const { session, print } = makeSession();
  print(3 * MS, 'dirtier ec');
  print(4 * MS, `ho ${MS}\ndirtier 0.004 s  ok\nechoes 5\n`);
  session.read();
  expect(session.answers).toEqual([{ sentNs: MS, latencyNs: 3 * MS }]);
});
