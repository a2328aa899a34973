/**
 * `headless bench scale`: the ten-thousand-hosts lab at several sizes with one and two workers: virtual seconds a wall second and
 * a processor second, events, memory. Every row runs in a process of its own, so that its memory is its own, and is the best
 * of some windows, because other work on the machine takes its caches, too.
 */
import { spawnSync } from 'node:child_process';
import { clockBoardOver, clockBoardSize } from '../../core/sim/clock-board.ts';
import { ProcessGroup } from '../../core/sim/process-group.ts';
import { builder, planner } from '../world.ts';
import { startHeadlessRun } from './run-session.ts';

/** Hosts with modelled VMs, row by row. */
export const SCALE_SIZES = [1_000, 3_000, 10_000, 30_000] as const;
const LAB = 'datacenter-scale';
/** Virtual time before the measurement, enough for the engine to compile what is hot, and its windows: as much work for each size,
 * and no less than this. Unit: ns. */
const WARM_NS = 60_000_000_000;
const WINDOW_NS_MIN = 5_000_000_000;
const WINDOW_COUNT = 5;
const HOST_SECONDS = 200_000;

/** One row. */
export interface ScaleRow {
  readonly hosts: number;
  readonly vms: number;
  readonly workers: number;
  /** Virtual seconds of a window, and the least that one took. */
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
  readonly processorSeconds: number;
  readonly timesRealTime: number; //       by the wall
  readonly timesRealTimeByWork: number; // by processor time of all threads, over the workers: what a quiet machine comes to
  readonly events: number; //              of the pods, in a window on average
  readonly eventsPerSecond: number;
  readonly megabytes: number; //           resident, of the whole program
  readonly migrations: number;
  readonly runHash: string;
}

/** Measures one size in this program; a sentence when the run could not be started. */
export async function measureScale(hosts: number, workers: number): Promise<ScaleRow | string> {
  const begun = await startHeadlessRun(
    { lab: LAB, seed: 1, knobs: { hosts }, baselines: [], playing: false, speed: Number.POSITIVE_INFINITY, capture: false, workerCount: workers, checkpointSpacing: Number.MAX_SAFE_INTEGER },
    { inline: false },
  );
  if (!begun.ok) return 'sentence' in begun.error ? begun.error.sentence : begun.error.message;
  const run = begun.value;
  const sums = (): { events: number; moves: number; vms: number } => {
    const metrics = run.snapshots('main').map(({ told }) => (told as { metrics?: Record<string, number> } | undefined)?.metrics ?? {});
    const sum = (id: string) => metrics.reduce((total, it) => total + (it[id] ?? 0), 0);
    return { events: sum('events'), moves: sum('moves'), vms: sum('vms-running') };
  };
  const windowNs = Math.max(WINDOW_NS_MIN, Math.ceil(HOST_SECONDS / hosts) * 1e9);
  await run.coordinator.advanceTo(WARM_NS);
  const before = sums();
  let wallSeconds = Number.POSITIVE_INFINITY;
  let processorSeconds = Number.POSITIVE_INFINITY;
  for (let window = 1; window <= WINDOW_COUNT; window++) {
    const processor = process.cpuUsage();
    const wall = performance.now();
    await run.coordinator.advanceTo(WARM_NS + window * windowNs);
    wallSeconds = Math.min(wallSeconds, (performance.now() - wall) / 1000);
    const { user, system } = process.cpuUsage(processor);
    processorSeconds = Math.min(processorSeconds, (user + system) / 1e6);
  }
  const after = sums();
  const megabytes = process.memoryUsage().rss / 1e6;
  const { hash } = await run.coordinator.runHash();
  await run.stop();
  const events = Math.round((after.events - before.events) / WINDOW_COUNT);
  return {
    hosts, vms: after.vms, workers,
    virtualSeconds: windowNs / 1e9,
    wallSeconds: round(wallSeconds),
    processorSeconds: round(processorSeconds),
    timesRealTime: round(windowNs / 1e9 / wallSeconds),
    timesRealTimeByWork: round((windowNs / 1e9 / processorSeconds) * workers),
    events,
    eventsPerSecond: Math.round(events / wallSeconds),
    megabytes: Math.round(megabytes),
    migrations: after.moves - before.moves,
    runHash: hash,
  };
}

/**
 * The model alone, in this thread: no coordinator, no snapshots, no samples. Processor time of a virtual second, the least of
 * some windows. Unit: ms.
 */
export function measureModel(hosts: number): number {
  const made = planner.scenarioOf({ lab: LAB, seed: 1, knobs: { hosts }, baseline: '' });
  if (!made.ok) return Number.NaN;
  const processIds = made.value.processes.map(({ id }) => id);
  const processes = builder.buildWorld({ scenario: made.value, processIds, sampleRings: new Map(), capture: false });
  const channels = made.value.links.flatMap(({ a, b }) => [{ from: a, to: b }, { from: b, to: a }]);
  const sizes = { processCount: processIds.length, channelCount: channels.length };
  const buffer = new ArrayBuffer(clockBoardSize(sizes.processCount, sizes.channelCount));
  const board = clockBoardOver({ buffer, byteOffset: 0, ...sizes });
  const group = new ProcessGroup({ wiring: { processIds, channels }, board, processes, rings: new Map() });
  let least = Number.POSITIVE_INFINITY;
  for (let window = 0; window <= 2 * WINDOW_COUNT; window++) {
    const before = process.cpuUsage();
    while (group.advance((window + 1) * 2 * WINDOW_NS_MIN, 1e9) !== 'at-limit');
    const { user, system } = process.cpuUsage(before);
    if (window > 0) least = Math.min(least, (user + system) / 1e3 / ((2 * WINDOW_NS_MIN) / 1e9));
  }
  return round(least);
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

/** Measures all sizes, each in a program of its own; gives the exit status: 1 also when the hash depends on the workers. */
export function measureScales(sizes: readonly number[], workerCounts: readonly number[]): number {
  for (const hosts of sizes) {
    tell({ bench: 'scale, the model in one thread', hosts, value: measureModel(hosts), unit: 'ms of processor time per virtual second' });
    const rows: ScaleRow[] = [];
    for (const workers of workerCounts) {
      const done = spawnSync(process.execPath, [process.argv[1]!, 'bench', 'scale', '--hosts', String(hosts), '--workers', String(workers)], { encoding: 'utf8' });
      process.stdout.write(done.stdout);
      process.stderr.write(done.stderr);
      if (done.status !== 0) return done.status ?? 1;
      rows.push(JSON.parse(done.stdout.trim().split('\n').at(-1)!) as ScaleRow);
    }
    const [one] = rows;
    for (const many of rows.slice(1)) tell({ bench: 'scale, parallel speed-up', hosts, workers: many.workers, beside: one!.workers, ...speedUp(one!, many) });
    if (rows.some(({ runHash }) => runHash !== one?.runHash)) {
      process.stderr.write(`The run hash of ${hosts} hosts depends on the workers: ${rows.map(({ runHash }) => runHash).join(', ')}.\n`);
      return 1;
    }
  }
  return 0;
}

/** How much faster more workers are: by the wall, and what would come of it if no thread had to share its core (what is done twice counts). */
function speedUp(one: ScaleRow, many: ScaleRow): { readonly byWall: number; readonly byWork: number } {
  return { byWall: round(one.wallSeconds / many.wallSeconds), byWork: round(many.timesRealTimeByWork / one.timesRealTimeByWork) };
}

function tell(row: Readonly<Record<string, number | string>>): void {
  process.stdout.write(`${JSON.stringify(row)}\n`);
}
