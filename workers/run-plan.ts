/**
 * What the coordinator lays out for a run, in memory that all its workers see: per lane a control block
 * with the limit, acknowledgements and the clock board, a command ring per worker, a mailbox per channel
 * between workers, a sample ring per process. One word, `activity`, counts everything worth waking for.
 *
 *   control block: i64 limit · i32 records taken, by worker (16) · i32 slow motion, by process · i64 work,
 *   by process · clock board
 */
import { assert } from '../core/base/assert.ts';
import type { SampleRing } from '../core/metrics/sample-ring.ts';
import { makeSampleRing, sampleRingOver, sampleRingSize } from '../core/metrics/sample-ring.ts';
import type { ByteRing } from '../core/sim/byte-ring.ts';
import { byteRingOver, byteRingSize } from '../core/sim/byte-ring.ts';
import type { ClockBoard } from '../core/sim/clock-board.ts';
import { clockBoardOver, clockBoardSize } from '../core/sim/clock-board.ts';
import type { Channel, Wiring } from '../core/sim/process-group.ts';
import type { Lane } from './session-api.ts';
import { shard } from './sharding.ts';
import type { ScenarioFace } from './world-port.ts';

/** Most workers of a run. */
export const WORKER_COUNT_MAX = 16;
/** Mailbox of a channel between two workers: 64 frames of 64 KiB. A full one only holds the sender back. */
const MAILBOX_CAPACITY = 4 * 1024 * 1024;
const MAILBOX_CAPACITY_MIN = 256 * 1024;
const MAILBOX_BYTES_MAX = 128 * 1024 * 1024;
/** Commands and requests to one worker; the largest record is a console input of some 25 KB. */
const COMMAND_RING_CAPACITY = 256 * 1024;
/** Rows of a sample ring: at one row each 10 ms of virtual time, the last 160 s. */
const SAMPLE_ROW_COUNT = 16_384;
const ACKNOWLEDGED_OFFSET = 8;
const SLOW_MOTION_OFFSET = ACKNOWLEDGED_OFFSET + 4 * WORKER_COUNT_MAX;

/** One run, as all its workers see it. Structured-cloneable. */
export interface LanePlan {
  readonly lane: Lane;
  readonly scenario: ScenarioFace;
  readonly guest: Uint8Array | undefined;
  readonly capture: boolean;
  readonly wiring: Wiring;
  /** Worker of each process, by its position in the wiring. */
  readonly owners: readonly number[];
  readonly control: ArrayBufferLike;
  readonly commandRings: readonly ArrayBufferLike[]; //             by worker
  readonly mailboxes: readonly (ArrayBufferLike | undefined)[]; // by channel; undefined inside one worker
  readonly samples: readonly ArrayBufferLike[]; //                  by process position
}

/** What one worker is started with: its lanes, the first one first. */
export interface HostPlan {
  readonly worker: number;
  readonly shared: boolean; // memories may be posted
  readonly activity: ArrayBufferLike;
  readonly lanes: readonly LanePlan[];
}

/** The views of a lane's control block. */
export interface Control {
  readonly limit: BigInt64Array; //      one word. Unit: ns
  readonly acknowledged: Int32Array; //  records taken from its command ring, by worker
  readonly slowMotion: Int32Array; //    0 or 1, by process position
  readonly work: BigInt64Array; //       replay work so far, by process position. Unit: guest instructions
  readonly board: ClockBoard;
}

/** Channels of a scenario's links: both directions of each, in order. */
export function wiringOf(scenario: ScenarioFace): Wiring {
  const channels: Channel[] = [];
  for (const { a, b } of scenario.links) channels.push({ from: a, to: b }, { from: b, to: a });
  return { processIds: scenario.processes.map(({ id }) => id), channels };
}

/** Lays a lane out. Its processes are spread over `workers` (sharding.ts). */
export function planLane(options: {
  readonly lane: Lane;
  readonly scenario: ScenarioFace;
  readonly guest: Uint8Array | undefined;
  readonly capture: boolean;
  readonly workerCount: number;
  readonly workers: readonly number[]; // those that this lane may use, 0 … workerCount − 1
  readonly makeBuffer: (byteCount: number) => ArrayBufferLike;
}): LanePlan {
  const { lane, scenario, guest, capture, workerCount, workers, makeBuffer } = options;
  assert(workerCount >= 1 && workerCount <= WORKER_COUNT_MAX, 'a run has 1 … 16 workers');
  const wiring = wiringOf(scenario);
  const owners = ownersOf(scenario, wiring, workers);
  const crossing = wiring.channels.filter(({ from, to }) => ownerAt(from) !== ownerAt(to)).length;
  const mailboxCapacity = mailboxCapacityOf(crossing);
  const rows = sampleRowsOf(owners.length);
  function ownerAt(id: number): number | undefined {
    return owners[wiring.processIds.indexOf(id)];
  }
  return {
    lane,
    scenario,
    guest,
    capture,
    wiring,
    owners,
    control: makeBuffer(
      boardOffset(owners.length) + clockBoardSize(owners.length, wiring.channels.length),
    ),
    commandRings: Array.from({ length: workerCount }, () =>
      makeBuffer(byteRingSize(COMMAND_RING_CAPACITY)),
    ),
    mailboxes: wiring.channels.map(({ from, to }) =>
      ownerAt(from) === ownerAt(to) ? undefined : makeBuffer(byteRingSize(mailboxCapacity)),
    ),
    samples: scenario.processes.map(({ sampleColumns }) => {
      const columns = sampleColumns.length + 1;
      const buffer = makeBuffer(sampleRingSize(columns, rows));
      makeSampleRing({ buffer, byteOffset: 0, columns, capacity: rows });
      return buffer;
    }),
  };
}

/** Worker of each process. */
function ownersOf(scenario: ScenarioFace, wiring: Wiring, workers: readonly number[]): number[] {
  const links = scenario.links.map(({ a, b, latencyNs = 0 }) => ({
    a: wiring.processIds.indexOf(a),
    b: wiring.processIds.indexOf(b),
    latencyNs,
  }));
  const weights = scenario.processes.map(({ weight = 1 }) => weight);
  return shard({ weights, links, workerCount: workers.length }).map((worker) => workers[worker]!);
}

/** Mailboxes of many channels are smaller: together they take no more than {@link MAILBOX_BYTES_MAX}. */
function mailboxCapacityOf(channels: number): number {
  let capacity = MAILBOX_CAPACITY;
  while (capacity > MAILBOX_CAPACITY_MIN && capacity * channels > MAILBOX_BYTES_MAX) capacity /= 2;
  return capacity;
}

/** Sample rings of many processes are shorter. */
function sampleRowsOf(processes: number): number {
  return processes > 16 ? SAMPLE_ROW_COUNT / 8 : SAMPLE_ROW_COUNT;
}

/** The views of a plan's control block. */
export function controlOf(plan: LanePlan): Control {
  const processCount = plan.owners.length;
  const buffer = plan.control;
  return {
    limit: new BigInt64Array(buffer, 0, 1),
    acknowledged: new Int32Array(buffer, ACKNOWLEDGED_OFFSET, WORKER_COUNT_MAX),
    slowMotion: new Int32Array(buffer, SLOW_MOTION_OFFSET, processCount),
    work: new BigInt64Array(buffer, workOffset(processCount), processCount),
    board: clockBoardOver({
      buffer,
      byteOffset: boardOffset(processCount),
      processCount,
      channelCount: plan.wiring.channels.length,
    }),
  };
}

/** The command ring of a worker. */
export function commandRingOf(plan: LanePlan, worker: number): ByteRing {
  return byteRingOver({
    buffer: plan.commandRings[worker]!,
    byteOffset: 0,
    capacity: COMMAND_RING_CAPACITY,
  });
}

/** Mailboxes by channel, those that cross workers. */
export function mailboxesOf(plan: LanePlan): Map<number, ByteRing> {
  const rings = new Map<number, ByteRing>();
  for (const [channel, buffer] of plan.mailboxes.entries()) {
    if (buffer === undefined) continue;
    rings.set(channel, byteRingOver({ buffer, byteOffset: 0, capacity: buffer.byteLength - byteRingSize(0) }));
  }
  return rings;
}

/** Sample rings by process id. */
export function sampleRingsOf(plan: LanePlan): Map<number, SampleRing> {
  return new Map(
    plan.samples.map((buffer, position) => [
      plan.wiring.processIds[position]!,
      sampleRingOver(buffer, 0),
    ]),
  );
}

/** Ids of the processes that `worker` runs, ascending. */
export function processIdsOf(plan: LanePlan, worker: number): number[] {
  return plan.wiring.processIds.filter((_, position) => plan.owners[position] === worker);
}

/** Counts something that others may be waiting for, and wakes them. */
export function signalActivity(activity: Int32Array): void {
  Atomics.add(activity, 0, 1);
  Atomics.notify(activity, 0);
}

function boardOffset(processCount: number): number {
  return workOffset(processCount) + 8 * processCount;
}

function workOffset(processCount: number): number {
  return Math.ceil((SLOW_MOTION_OFFSET + 4 * processCount) / 8) * 8;
}
