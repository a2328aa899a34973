// Goal: the labs of migration and of snapshots hold what they promise with a small Linux under redis, too, with baselines: every copy that goes on is
// its clone of the stop, every file and every VM put back from one the clone of t0, the guest's clock and counters agree, and redis has in the end
// exactly the data that it has when nothing was done to it. Method: worlds in this thread over the files of `npm run guests`; a digest of all
// keys after so many requests. Canaries: a page that is changed on the way, and a digest after one write less. Only in the long form (npm run verify).
import { expect, test } from 'vitest';
import { LAB_GUESTS } from '../../../core/protocol/lab-guests.ts';
import type { Scenario } from '../../../core/protocol/scenario.ts';
import { migrationsOf, runTrial, type TimedCommand } from '../../../core/testing/migration-trial.ts';
import { WorldRun } from '../../../core/testing/run-world.ts';
import { ask, runSnapshotTrial } from '../../../core/testing/snapshot-trial.ts';
import { scenarioOf } from '../../../core/world/index.ts';
import { chooseLabGuest, listLabGuests } from '../guest-choice.ts';

const MS = 1_000_000;
const [REDIS] = LAB_GUESTS;
const there = listLabGuests().there.length > 0;
const runs = there && process.env['GLASSHOUSE_VERIFY'] !== undefined;
const why = there ? '' : ` (left out: guests not fetched; run ${REDIS!.command})`;
/** Its load is on then; the first command comes after. Unit: ms. */
const BEGIN_MS = 400;
const LENGTH = { timeout: 900_000 };

const guest = () => chooseLabGuest('redis')!;

function labOf(lab: string, knobs: Readonly<Record<string, number>> = {}, baseline = ''): Scenario {
  const made = scenarioOf({ lab, seed: 7, knobs, baseline, guest: guest() });
  if (!made.ok) throw new Error('the lab takes the guest');
  return { ...made.value, script: [] };
}

const at = (atMs: number, command: TimedCommand['command']): TimedCommand => ({ atNs: atMs * MS, command });
const type = (atMs: number, text: string) => at(atMs, { kind: 'console-input', vm: 1, text: `${text}\n` });
const move = (atMs: number, to: number) => at(atMs, { kind: 'migrate', vm: 1, to });
const turn = (atMs: number, knob: string, value: number) => at(atMs, { kind: 'set-knob', knob, value });

function textOf(run: WorldRun): string {
  return run.snapshots().flatMap((it) => it.console.filter((chunk) => chunk.vm === 1))
    .toSorted((left, right) => left.timeNs - right.timeNs).map(({ text }) => text).join('');
}

/** The digests of all keys that redis has told. */
const sumsOf = (run: WorldRun) => [...textOf(run).matchAll(/^redis (sum \w+ after \d+ requests)$/gm)].map((it) => it[1]);

const digestOf = (sum: string | undefined) => sum?.split(' ')[1];

const SUMS = new Map<number, string | undefined>();

/** What redis holds after so many requests in a VM to which nothing is done; the digest itself takes some hundred milliseconds. */
function undisturbedSum(requests: number): string | undefined {
  if (SUMS.has(requests)) return SUMS.get(requests);
  const run = new WorldRun({ scenario: labOf('precopy-migration', { 'request-rate': 4_000 }), guest: guest() });
  const input = (atMs: number, text: string) => run.command(atMs * MS, { kind: 'console-input', vm: 1, text });
  input(BEGIN_MS, `stop ${requests}\n`);
  const doneMs = BEGIN_MS + Math.ceil(requests / 3);
  input(doneMs, 'sum\n');
  run.runTo((doneMs + 600) * MS);
  const [sum] = sumsOf(run);
  SUMS.set(requests, sum);
  return sum;
}

test.skipIf(!runs)(`redis moves six times under load, over quick and slow links, throttled too: its data is what it is without a move${why}`, LENGTH, () => {
  const REQUESTS = 13_000;
  const trial = runTrial({
    scenario: labOf('precopy-migration'), guest: guest(), untilNs: 10_000 * MS, settleNs: 800 * MS,
    commands: [
      move(BEGIN_MS, 1), turn(900, 'request-rate', 2_500), move(950, 0),
      turn(1_400, 'bandwidth', 150 * MS), move(1_410, 1), // writes about as fast as that link: it is throttled
      turn(6_000, 'bandwidth', 10_000 * MS), move(6_010, 0), type(6_020, `stop ${REQUESTS}`),
      turn(6_300, 'loss', 1), move(6_310, 1), turn(6_800, 'loss', 0), move(6_810, 0),
      type(7_500, 'sum'),
    ],
  });
  expect(trial.faults).toEqual([]);
  expect(trial.migrations.map(({ phase }) => phase)).toEqual(Array.from({ length: 6 }, () => 'done'));
  expect(trial.migrations.some((it) => it.throttlePercent > 0)).toBe(true);
  expect(trial.clonesCompared).toBeGreaterThanOrEqual(6);
  expect(textOf(trial.run)).toContain(`${REDIS!.ready}, 1000 requests/s`);
  const [sum] = sumsOf(trial.run);
  expect(sum).toBe(undisturbedSum(REQUESTS));
  expect(digestOf(sum)).not.toBe(digestOf(undisturbedSum(REQUESTS - 2))); // canary: it sees one write less
});

test.skipIf(!runs)(`the baseline of a move stands for all of it, and loses nothing either${why}`, LENGTH, () => {
  const trial = runTrial({
    scenario: labOf('precopy-migration', {}, 'stop-and-copy'), guest: guest(), untilNs: 3_000 * MS, settleNs: 800 * MS,
    commands: [move(BEGIN_MS, 1), type(BEGIN_MS + 900, 'sum')],
  });
  expect(trial.faults).toEqual([]);
  const [done] = trial.migrations;
  expect(done).toMatchObject({ phase: 'done', mode: 'stop-and-copy' });
  expect(done!.resumedAtNs - done!.stoppedAtNs).toBeGreaterThan(200 * MS);
  expect(sumsOf(trial.run)).toHaveLength(1);
});

test.skipIf(!runs)(`canary: a page of redis that is changed on the way is found${why}`, LENGTH, () => {
  const trial = runTrial({
    scenario: labOf('precopy-migration'), guest: guest(), untilNs: 2_000 * MS, settleNs: 300 * MS, commands: [move(BEGIN_MS, 1)],
    meddle: (run) => {
      const arrives = migrationsOf(run.processes[1]!);
      const take = arrives.accept.bind(arrives);
      arrives.accept = (connection) => {
        const receive = connection.receive.bind(connection);
        let count = 0;
        connection.receive = () => {
          const bytes = receive();
          count += bytes.length;
          if (count > 20_000_000 && bytes.length > 100) bytes[50]! ^= 1;
          return bytes;
        };
        return take(connection);
      };
    },
  });
  expect(trial.migrations.map(({ phase }) => phase)).not.toEqual(['done']);
});

for (const baseline of ['', 'stop-and-copy', 'synchronous']) {
  const title = baseline === '' ? 'a snapshot of redis under load is one instant, to which it goes back' : `the baseline '${baseline}' likewise`;
  test.skipIf(!runs)(`${title}${why}`, LENGTH, () => {
    const REQUESTS = 5_000;
    const trial = runSnapshotTrial({
      scenario: labOf('live-snapshot', { 'request-rate': 4_000 }, baseline), guest: guest(), untilNs: 9_000 * MS,
      commands: [
        ask(BEGIN_MS * MS, 'take-snapshot', { vm: 1, name: 'one' }),
        ask((BEGIN_MS + 1_500) * MS, 'restore-snapshot', { vm: 1, name: 'one' }),
        type(BEGIN_MS + 2_000, `stop ${REQUESTS}`),
        ask((BEGIN_MS + 2_050) * MS, 'take-snapshot', { vm: 1, name: 'two' }),
        type(BEGIN_MS + 4_100, 'sum'),
      ],
    });
    trial.run.runTo((BEGIN_MS + 4_700) * MS);
    expect(trial.faults).toEqual([]);
    expect([trial.filesCompared, trial.restoresCompared]).toEqual([2, 1]);
    expect(trial.jobs.map(({ state }) => state)).toEqual(['committed', 'committed']);
    expect(textOf(trial.run)).not.toContain('does not know');
    expect(sumsOf(trial.run)).toEqual([undisturbedSum(REQUESTS)]);
  });
}
