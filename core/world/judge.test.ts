// Goal: the judgement of a run sees what is wrong with it, and refusals name what is asked too late
// or in vain. Method: a sound run, then the same snapshots spoiled in one place each: every check
// has its canary.
import { expect, test } from 'vitest';
import { smallScenario } from '../testing/migration-trial.ts';
import { WorldRun } from '../testing/run-world.ts';
import type { Command } from '../protocol/command.ts';
import type { HostSnapshot, ProcessSnapshot } from '../protocol/snapshot.ts';
import { judge } from './judge.ts';
import { baselineCommand, validateCommand } from './validate-command.ts';

const MS = 1_000_000;
const scenario = smallScenario({
  seed: 1,
  knobs: { bandwidth: 400 * MS, 'downtime-limit': 8 * MS },
});
const run = new WorldRun({ scenario });
run.command(30 * MS, { kind: 'migrate', vm: 1, to: 1 });
run.runTo(45 * MS);
const during = structuredClone(run.snapshots());
run.runTo(400 * MS);
const sound = run.snapshots();

type Spoil = (snapshots: ProcessSnapshot[]) => ProcessSnapshot[];
const inText =
  (from: string | RegExp, to: string): Spoil =>
  (snapshots) =>
    snapshots.map((it) => ({
      ...it,
      console: it.console.map((chunk) => ({ ...chunk, text: chunk.text.replace(from, to) })),
    }));

function broken(spoil: Spoil): string[] {
  const { checks } = judge({ scenario, snapshots: spoil([...sound]), commands: run.log });
  return checks.filter((check) => !check.holds).map((check) => check.id);
}

test('a sound run is judged sound, with its numbers', () => {
  const { checks, metrics, outcome } = judge({ scenario, snapshots: sound, commands: run.log });
  expect(checks.filter((check) => !check.holds)).toEqual([]);
  expect(outcome).toBe('migrated; VM 1 is running on host-b');
  expect(metrics['downtime']!.value).toBeGreaterThan(2 * MS);
  expect(Math.abs(metrics['guest-gap']!.value - metrics['downtime']!.value)).toBeLessThan(1.5 * MS);
  expect(metrics['rounds']).toEqual({ value: expect.any(Number), unit: 'rounds' });
});

test.each<[string, Spoil]>([
  ['guest-sound', inText(/ {2}ok\n/, '  CORRUPT 1\n')],
  [
    'one-copy',
    (all) =>
      all.map((it) =>
        it.process === 0
          ? { ...it, events: it.events.filter((event) => event.kind !== 'vm-stands') }
          : it,
      ),
  ],
  [
    'one-copy',
    (all) =>
      all.map((it) =>
        it.process === 0 ? { ...it, host: { ...it.host!, vms: sound[1]!.host!.vms } } : it,
      ),
  ],
  ['console-unbroken', inText(/dirtier 0\.0[56]0[^\n]*\n/, '')],
  ['console-unbroken', inText(/(dirtier 0\.050[^\n]*\n)/, '$1$1')],
  ['console-unbroken', inText(/pages\/s {2}set/, 'pages/s  s')],
  ['console-unbroken', (all) => [all[0]!, ...inText(/verified \d+ /, 'verified 0 ')(all.slice(1))]],
  [
    'console-unbroken',
    (all) =>
      all.map((it) =>
        it.process === 1
          ? {
              ...it,
              console: [
                ...sound[0]!.console.slice(-1).map((chunk) => ({ ...chunk, timeNs: 20 * MS })),
                ...it.console,
              ],
            }
          : it,
      ),
  ],
  [
    'downtime-within-limit',
    (all) =>
      all.map((it) => ({
        ...it,
        migrations: it.migrations.map((migration) => ({
          ...migration,
          stoppedAtNs: migration.stoppedAtNs - 9 * MS,
        })),
      })),
  ],
  ['guest-clock', inText(/stepped \d+/, 'stepped 99')],
])('canary: %s does not hold when it is spoiled', (id, spoil) =>
  expect(broken(spoil)).toContain(id),
);

test.each<[Command, string | undefined, RegExp]>([
  [
    { kind: 'migrate', vm: 1, to: 1 },
    'already-migrating',
    /already migrating to host-b; a second migration of it is refused/,
  ],
  [{ kind: 'migrate', vm: 2, to: 1 }, 'no-such-vm', /no VM 2/],
  [{ kind: 'cancel-migration', vm: 1 }, undefined, /fine/],
  [{ kind: 'set-knob', knob: 'loss', value: 11 }, 'out-of-range', /'loss' is 11/],
  [
    { kind: 'inject-fault', fault: 'flood' },
    'unknown-fault',
    /no fault 'flood'; known are cut-link/,
  ],
  [{ kind: 'console-input', vm: 1, text: 'x'.repeat(5000) }, 'too-long', /5000 characters/],
])('while it migrates, command %#', (command, kind, sentence) => {
  const refusal = validateCommand(scenario, during, command);
  expect(refusal?.kind).toBe(kind);
  expect(refusal?.sentence ?? 'fine').toMatch(sentence);
});

test.each<[Command, string | undefined]>([
  [{ kind: 'migrate', vm: 1, to: 1 }, 'same-host'],
  [{ kind: 'migrate', vm: 1, to: 7 }, 'no-such-host'],
  [{ kind: 'migrate', vm: 1, to: 0 }, undefined],
  [{ kind: 'cancel-migration', vm: 1 }, 'not-migrating'],
])('after it, command %#', (command, kind) =>
  expect(validateCommand(scenario, sound, command)?.kind).toBe(kind),
);

test('a full or dead destination is named before the request is made', () => {
  const with1 = (change: Partial<HostSnapshot>) =>
    sound.map((it) => (it.process === 0 ? { ...it, host: { ...it.host!, ...change } } : it));
  const back: Command = { kind: 'migrate', vm: 1, to: 0 };
  expect(validateCommand(scenario, with1({ framesFree: 10 }), back)?.sentence).toMatch(
    /needs 1024 pages and host-a has 10 frames free/,
  );
  expect(validateCommand(scenario, with1({ state: 'crashed' }), back)?.sentence).toMatch(
    /host-a is down/,
  );
});

test('what only pre-copy knows does not reach the baseline', () => {
  expect(baselineCommand(scenario, { kind: 'set-knob', knob: 'downtime-limit', value: MS })).toBeUndefined();
  expect(baselineCommand(scenario, { kind: 'set-knob', knob: 'bandwidth', value: 1e9 })).toBeDefined();
});
