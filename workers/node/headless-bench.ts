/** `headless bench`: speeds on this machine, measured on whole runs over threads; one JSON line each. */
import { benchmarkEvents } from '../../core/sim/event-kernel.bench.ts';
import { benchmarkInterpreter } from '../../core/wasm/interpreter.bench.ts';
import { WORKER_COUNT_MAX } from '../run-plan.ts';
import { planner } from '../world.ts';
import { benchRewind } from './bench-rewind.ts';
import { measureScale, measureScales, SCALE_SIZES } from './bench-scale.ts';
import { readInteger, suggestion } from './arguments.ts';
import { optional, readOptions } from './options.ts';
import { startHeadlessRun } from './run-session.ts';
import type { HeadlessRun } from './run-session.ts';
import { BadInput, showFailure } from './terminal.ts';

/** What `bench --help` prints. */
export const benchHelp = `usage: npm run bench -- [name] [--workers n]   (1 worker by default)

  events      the event queues in the hold model, typed beside objects, millions of events a second of processor time
  interpreter compiled code alone, under two-stage paging
  guest       guest instructions a wall second: the lab's guest at its highest write rate
  rewind      time travel in a migration: steps back near the present, journeys, memory, what it costs the run
  scale       the ten-thousand-hosts lab at 1,000 … 30,000 hosts with 1 and 2 workers, or --hosts n with --workers n
  migration   guest pages moved a wall second: pre-copy over a link of 400 Gb/s
  page        in Chromium: first paint, script, guest speed, main-thread work of every lab's frames, how soon knobs answer
  page-memory in Chromium: the tab's memory while ten thousand hosts and their baseline run
`;

const LAB = 'precopy-migration';
const NAMES = ['events', 'interpreter', 'guest', 'migration', 'rewind', 'scale'] as const;

/** Runs the benches named, or all. */
export async function runBench(rest: readonly string[]): Promise<number> {
  const given = readOptions('bench', rest, { workers: 'value', hosts: 'value' });
  const bounds = { minimum: 1, maximum: WORKER_COUNT_MAX };
  const workers =
    optional(given.value('workers'), (text) => readInteger('--workers', text, bounds)) ?? 1;
  for (const name of given.operands) {
    if (!NAMES.some((known) => known === name)) {
      throw new BadInput(`There is no bench '${name}'${suggestion(name, NAMES)}`);
    }
  }
  const wanted = given.operands.length === 0 ? NAMES : NAMES.filter((name) => given.operands.includes(name));
  for (const name of wanted) {
    if (name === 'events') {
      for (const { pending, ...row } of benchmarkEvents(processorMs)) {
        const rounded = Object.fromEntries(Object.entries(row).map(([id, value]) => [id, Number(value.toFixed(2))]));
        process.stdout.write(`${JSON.stringify({ bench: `events, ${pending} waiting`, ...rounded, unit: 'million events/s' })}\n`);
      }
      continue;
    }
    if (name === 'scale') {
      const status = await benchScale(given.value('hosts'), given.value('workers') === undefined ? undefined : workers);
      if (status !== 0) return status;
      continue;
    }
    if (name === 'interpreter') {
      for (const line of benchmarkInterpreter()) {
        process.stdout.write(`${JSON.stringify({ bench: line.name.startsWith('interpreter') ? line.name : `interpreter, ${line.name}`, value: line.value, unit: line.unit })}\n`);
      }
      continue;
    }
    if (name === 'rewind') {
      const lines = await benchRewind(workers);
      if (lines === undefined) return 1;
      for (const { name: what, ...line } of lines) {
        process.stdout.write(`${JSON.stringify({ bench: `rewind, ${what}`, ...line })}\n`);
      }
      continue;
    }
    const result = await (name === 'guest' ? benchGuest(workers) : benchMigration(workers));
    if (result === undefined) return 1;
    process.stdout.write(`${JSON.stringify({ bench: name, ...result })}\n`);
  }
  return 0;
}

async function begin(
  knobs: Readonly<Record<string, number>>,
  workers: number,
): Promise<HeadlessRun | undefined> {
  const begun = await startHeadlessRun(
    {
      lab: LAB,
      seed: 1,
      knobs,
      playing: false,
      speed: Number.POSITIVE_INFINITY,
      capture: false,
      workerCount: workers,
    },
    { inline: false },
  );
  if (begun.ok) return begun.value;
  process.stderr.write('sentence' in begun.error ? `${begun.error.sentence}\n` : `${showFailure(begun.error)}\n`);
  return undefined;
}

/** Wall time and, for machines that do other work, processor time of all threads since now. */
function startWatch(): () => { readonly wallSeconds: number; readonly processorSeconds: number } {
  const beganAtMs = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return {
      wallSeconds: Number(((performance.now() - beganAtMs) / 1000).toFixed(3)),
      processorSeconds: Number(((user + system) / 1e6).toFixed(3)),
    };
  };
}

/** One row in this program when a number of hosts is given, else all of them. */
async function benchScale(text: string | undefined, workers: number | undefined): Promise<number> {
  if (text === undefined) return measureScales(SCALE_SIZES, workers === undefined ? [1, 2] : [workers]);
  const hosts = optional(text, (it) => readInteger('--hosts', it, { minimum: 20, maximum: 30_000 })) ?? 20;
  const row = await measureScale(hosts, workers ?? 1);
  if (typeof row === 'string') throw new BadInput(row);
  process.stdout.write(`${JSON.stringify({ bench: 'scale', ...row })}\n`);
  return 0;
}

/** Processor time of the whole program so far: other work on the machine does not count. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function retiredOf(run: HeadlessRun): number {
  return run
    .snapshots('main')
    .flatMap((snapshot) => snapshot.host?.vms ?? [])
    .reduce((sum, vm) => sum + vm.instructionsRetired, 0);
}

/** Warm-up of half a virtual second, then two measured. */
async function benchGuest(workers: number) {
  const run = await begin({ 'dirty-rate': 200_000 }, workers);
  if (run === undefined) return undefined;
  await run.coordinator.advanceTo(500_000_000);
  const before = retiredOf(run);
  const watch = startWatch();
  await run.coordinator.advanceTo(2_500_000_000);
  const { wallSeconds, processorSeconds } = watch();
  const instructions = retiredOf(run) - before;
  await run.stop();
  return { instructions, wallSeconds, processorSeconds, value: instructions / wallSeconds, unit: 'instructions/s' };
}

/** From the request until the migration has ended; several in a row to and fro, the first one left out. */
async function benchMigration(workers: number) {
  const knobs = { bandwidth: 400_000_000_000, latency: 50_000, 'dirty-rate': 20_000 };
  const run = await begin(knobs, workers);
  if (run === undefined) return undefined;
  const pageBytes = 4096;
  let pages = 0;
  let wallSeconds = 0;
  let processorSeconds = 0;
  await run.coordinator.advanceTo(200_000_000);
  for (let trip = 0; trip < 5; trip++) {
    const to = trip % 2 === 0 ? 1 : 0;
    const begun = (await run.coordinator.state())?.timeNs ?? 0;
    const accepted = await run.coordinator.command({ kind: 'migrate', vm: 1, to }, begun);
    if (!accepted.ok) throw new BadInput(accepted.error.sentence);
    const watch = startWatch();
    const moved = await untilEnded(run, begun, to);
    if (trip > 0) {
      const took = watch();
      pages += moved;
      wallSeconds += took.wallSeconds;
      processorSeconds += took.processorSeconds;
    }
    await run.coordinator.advanceTo(((await run.coordinator.state())?.timeNs ?? 0) + 100_000_000);
  }
  await run.stop();
  const value = (pages * pageBytes) / wallSeconds / 1e6;
  return { model: planner.modelVersion, pages, wallSeconds, processorSeconds, value, unit: 'MB of guest pages/s' };
}

/** Goes on in steps of 0.5 ms until that migration has ended; pages that crossed, zero pages left out. */
async function untilEnded(run: HeadlessRun, startNs: number, to: number): Promise<number> {
  for (let timeNs = startNs + 500_000; timeNs < startNs + 10_000_000_000; timeNs += 500_000) {
    await run.coordinator.advanceTo(timeNs);
    const migration = run
      .snapshots('main')
      .flatMap((snapshot) => snapshot.migrations)
      .find((it) => it.role === 'source' && it.to === to && it.startedAtNs >= startNs && it.endedAtNs >= 0);
    if (migration?.phase === 'done') return migration.pagesSent;
    if (migration !== undefined) throw new BadInput(`The migration did not complete: ${migration.reason}`);
  }
  throw new BadInput('The migration did not end within 10 s of virtual time.');
}
