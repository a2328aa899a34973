// Goal: the mechanism keeps its promises in every world of its lab. Method: runs in one thread; what the guest
// prints and what the host tells are held against what was asked.
import { expect, test } from 'vitest';
import { WorldRun } from '../../testing/run-world.ts';
import { judge } from '../../world/judge.ts';
import { scenarioOf } from '../../world/scenario.ts';
import { validateCommand } from '../../world/validate-command.ts';
import type { Command } from '../../protocol/command.ts';

const MS = 1_000_000;
const pause: Command = { kind: 'ask', ask: 'pause-briefly', arguments: { vm: 1 } };

function runOf(
  setting: { readonly knobs?: Readonly<Record<string, number>>; readonly baseline?: string } = {},
): WorldRun {
  const { knobs = {}, baseline = '' } = setting;
  const made = scenarioOf({ lab: 'skeleton', seed: 1, knobs, baseline });
  if (!made.ok) throw new Error(made.error.kind);
  return new WorldRun({ scenario: made.value });
}

function judged(run: WorldRun) {
  return judge({ scenario: run.scenario, snapshots: run.snapshots(), commands: run.log });
}

test.each([10, 60, 200])(
  'a pause of %i ms is a gap of that length, and no more than a period longer',
  (length) => {
    const run = runOf({ knobs: { pause: length * MS } });
    run.command(200 * MS, pause);
    run.runTo(600 * MS);
    const { metrics, checks } = judged(run);
    expect(checks.filter((check) => !check.holds)).toEqual([]);
    expect(metrics['gap-longest']?.value).toBeGreaterThanOrEqual(Math.max(20, length) * MS - MS);
    expect(metrics['gap-longest']?.value).toBeLessThanOrEqual((length + 31) * MS);
  },
);

test('the baseline is the same world without the pause', () => {
  const run = runOf({ baseline: 'undisturbed' });
  run.runTo(400 * MS);
  expect(judged(run).metrics['gap-longest']?.value).toBeLessThan(22 * MS);
});

test('the period reaches the guest at boot and while it runs', () => {
  const run = runOf({ knobs: { period: 10 * MS } });
  run.runTo(200 * MS);
  const before = judged(run).metrics['ticks']?.value ?? 0;
  expect(before).toBeGreaterThan(15);
  run.command(run.now(), { kind: 'set-knob', knob: 'period', value: 50 * MS });
  run.runTo(400 * MS);
  expect((judged(run).metrics['ticks']?.value ?? 0) - before).toBeLessThan(8);
});

test('refused by name: no such VM, a VM that stands, arguments of the wrong kind', () => {
  const run = runOf();
  const kindOf = (command: Command) =>
    validateCommand(run.scenario, run.snapshots(), command)?.kind;
  expect(kindOf(pause)).toBeUndefined();
  expect(kindOf({ ...pause, arguments: { vm: 7 } })).toBe('no-such-vm');
  expect(kindOf({ ...pause, arguments: { vm: 'one' } })).toBe('bad-argument');
  expect(kindOf({ ...pause, arguments: {} })).toBe('bad-argument');
  expect(kindOf({ kind: 'ask', ask: 'fly', arguments: {} })).toBe('unknown-request');
  run.command(100 * MS, pause);
  run.runTo(110 * MS);
  expect(kindOf(pause)).toBe('not-running');
});

test('the host crashes while the VM stands: it is gone, and nothing resumes it', () => {
  const run = runOf();
  run.command(100 * MS, pause);
  run.command(120 * MS, { kind: 'inject-fault', fault: 'host-crash' });
  run.runTo(400 * MS);
  expect(judged(run).outcome).toContain('lost');
});
