/**
 * What modelled VMs do, as tables: a profile has phases, and in a phase a VM asks for so much CPU, writes so many
 * pages of a working set with a hot spot in it, and starts so many transfers over the network and its disk. Both
 * fidelities read the same rows: a paged VM writes real pages by them, an aggregate VM has their rates.
 * Orders of size follow published traces (Cortez et al. 2017, "Resource Central", SOSP: most VMs are small and use little
 * CPU most of the time, a few use nearly all of theirs); the numbers are ours. Left out: days and weeks, VMs that depend
 * on each other.
 */
import { assert } from '../base/assert.ts';

/** Least and most of something drawn evenly. */
export type Range = readonly [least: number, most: number];

/** One phase of a profile. */
export interface Phase {
  readonly id: string;
  readonly weight: number; //          how often it is drawn next, beside the other phases of its profile
  readonly seconds: Range; //          how long it lasts
  readonly millicores: Range; //       CPU asked for
  readonly writesPerSecond: Range; //  writes to pages
  readonly workingSetPercent: number; // of the memory: the pages that are written
  readonly hotSetPercent: number; //   of the working set: its hot spot
  readonly hotWritesPercent: number; // of the writes: those to the hot spot
  readonly transfersPerMinute: Range; // flows over the network and bursts of the disk together
  readonly diskPercent: number; //     of the transfers: those of the disk
  readonly transferKib: Range; //      size of one
}

/** One kind of VM. */
export interface Profile {
  readonly id: string;
  readonly title: string;
  readonly share: number; //           how often a new VM is one
  readonly memoryMib: readonly number[]; // sizes, drawn evenly
  readonly guest: string; //           guest program that it may be emulated by; '' for none
  readonly phases: readonly Phase[];
}

// biome-ignore format: a table, a row a line
const phaseRows = {
  //            weight  seconds     millicores      writes/s         set  hot  writes  transfers/min  disk  KiB
  webQuiet:     ['quiet',    5, [10, 40],  [100, 600],      [50, 400],        10,  10,  80,  [3, 8],      20, [16, 512]],
  webBusy:      ['busy',     2, [5, 20],   [1_500, 4_000],  [1_000, 6_000],   20,  10,  80,  [6, 20],     20, [64, 4_096]],
  dbSteady:     ['steady',   5, [15, 60],  [800, 2_500],    [2_000, 8_000],   30,  5,   70,  [5, 15],     60, [256, 8_192]],
  dbCheckpoint: ['checkpoint', 1, [5, 10], [1_500, 3_000],  [4_000, 12_000],  40,  5,   50,  [10, 25],    90, [2_048, 65_536]],
  cacheSteady:  ['steady',   3, [20, 60],  [600, 2_000],    [4_000, 16_000],  60,  20,  60,  [8, 20],     0,  [64, 2_048]],
  cacheStorm:   ['storm',    1, [4, 12],   [2_500, 4_000],  [10_000, 30_000], 70,  20,  60,  [15, 30],    0,  [256, 8_192]],
  batchWait:    ['waiting',  1, [20, 90],  [20, 100],       [0, 20],          2,   50,  50,  [0, 1],      50, [16, 64]],
  batchRun:     ['running',  2, [20, 80],  [3_000, 8_000],  [3_000, 15_000],  50,  10,  40,  [4, 12],     50, [1_024, 32_768]],
  idle:         ['idle',     4, [30, 120], [10, 80],        [1, 30],          1,   50,  90,  [0, 2],      50, [4, 64]],
  idleWoken:    ['woken',    1, [4, 15],   [300, 1_500],    [100, 1_000],     8,   20,  60,  [3, 10],     50, [16, 1_024]],
  tinyWait:     ['waiting',  2, [5, 20],   [5, 40],         [1, 10],          10,  20,  80,  [0, 2],      0,  [1, 16]],
  tinyServe:    ['serving',  2, [3, 15],   [50, 400],       [20, 200],        40,  20,  80,  [2, 10],     0,  [4, 256]],
} as const satisfies Readonly<Record<string, readonly [string, number, Range, Range, Range, number, number, number, Range, number, Range]>>;

function phase(row: keyof typeof phaseRows): Phase {
  const [id, weight, seconds, millicores, writesPerSecond, workingSetPercent, hotSetPercent, hotWritesPercent, transfersPerMinute, diskPercent, transferKib] = phaseRows[row];
  return { id, weight, seconds, millicores, writesPerSecond, workingSetPercent, hotSetPercent, hotWritesPercent, transfersPerMinute, diskPercent, transferKib };
}

// biome-ignore format: a table, a row a line
/** All profiles; a VM names its own by position. */
export const PROFILES: readonly Profile[] = [
  { id: 'web',      title: 'Web server',     share: 30, memoryMib: [2_048, 4_096],          guest: '',       phases: [phase('webQuiet'), phase('webBusy')] },
  { id: 'database', title: 'Database',       share: 12, memoryMib: [8_192, 16_384, 32_768], guest: '',       phases: [phase('dbSteady'), phase('dbCheckpoint')] },
  { id: 'cache',    title: 'Cache',          share: 8,  memoryMib: [8_192, 16_384],         guest: '',       phases: [phase('cacheSteady'), phase('cacheStorm')] },
  { id: 'batch',    title: 'Batch',          share: 15, memoryMib: [4_096, 8_192, 16_384],  guest: '',       phases: [phase('batchWait'), phase('batchRun')] },
  { id: 'idle',     title: 'Mostly idle',    share: 30, memoryMib: [1_024, 2_048, 4_096],   guest: '',       phases: [phase('idle'), phase('idleWoken')] },
  { id: 'micro',    title: 'Micro-VM',       share: 5,  memoryMib: [2, 4],                  guest: 'ticker', phases: [phase('tinyWait'), phase('tinyServe')] },
];

/** A draw, 0 … 2^32 − 1, as a pure function: no generator's state to keep for each of a hundred thousand VMs. */
export function drawOf(seed: number, entity: number, number: number): number {
  let z = (seed ^ Math.imul(entity + 1, 0x9e3779b9)) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = (z ^ (z >>> 15)) + Math.imul(number + 1, 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/** The value that a draw picks of a range, both ends included. Whole numbers. */
export function within(range: Range, draw: number): number {
  return between(range[0], range[1], draw);
}

/** As {@link within}, for ends that are no table's. */
export function between(least: number, most: number, draw: number): number {
  return least + Math.floor((draw * (most - least + 1)) / 0x1_0000_0000);
}

/** The profile that a draw picks by the shares. */
export function pickProfile(draw: number): number {
  return pickWeighted(PROFILES, (profile) => profile.share, draw);
}

/** The phase that a draw picks for a VM of that profile. */
export function pickPhase(profile: number, draw: number): number {
  return pickWeighted(profileAt(profile).phases, (it) => it.weight, draw);
}

function pickWeighted<T>(rows: readonly T[], weight: (row: T) => number, draw: number): number {
  let sum = 0;
  for (const row of rows) sum += weight(row);
  let left = Math.floor((draw * sum) / 0x1_0000_0000);
  for (let index = 0; index < rows.length; index++) {
    left -= weight(rows[index]!);
    if (left < 0) return index;
  }
  return rows.length - 1;
}

export function profileAt(index: number): Profile {
  const profile = PROFILES[index];
  assert(profile !== undefined, 'a profile has a position in the table');
  return profile;
}

export function phaseAt(profile: number, index: number): Phase {
  const found = profileAt(profile).phases[index];
  assert(found !== undefined, 'a phase is one of its profile');
  return found;
}

/** What a VM asks for in a phase that begins, as its draws say. */
export interface DrawnPhase {
  readonly phase: number;
  readonly millicores: number;
  readonly writes: number; //      to pages, a second
  readonly transferNs: number; //  mean time between two transfers, 0 for none
  readonly lastsNs: number;
  readonly draws: number; //       drawn so far, these included
}

/**
 * The next phase of the VM `id`, which has drawn `draws` times: the same for whoever models it. `pacePercent`: how fast phases
 * change, 100 as the profile says.
 */
export function drawPhase(vm: { readonly seed: number; readonly id: number; readonly profile: number; readonly draws: number; readonly pacePercent: number }): DrawnPhase {
  const { seed, id, profile, draws, pacePercent } = vm;
  const phase = pickPhase(profile, drawOf(seed, id, draws));
  const of = phaseAt(profile, phase);
  const transfers = within(of.transfersPerMinute, drawOf(seed, id, draws + 3));
  const milliseconds = between(of.seconds[0] * 1000, of.seconds[1] * 1000, drawOf(seed, id, draws + 4));
  return {
    phase,
    millicores: within(of.millicores, drawOf(seed, id, draws + 1)),
    writes: within(of.writesPerSecond, drawOf(seed, id, draws + 2)),
    transferNs: transfers === 0 ? 0 : Math.floor(60_000_000_000 / transfers),
    // Phases do not end on a common grid: the nanoseconds, too, are a VM's own.
    lastsNs: Math.max(1, Math.floor((milliseconds * 100) / pacePercent)) * 1_000_000 + (drawOf(seed, id, draws + 5) % 1_000_000),
    draws: draws + 6,
  };
}

/** The pages that a VM of so many pages writes in a phase: its working set, and the hot spot at its start. */
export function workingSet(of: Phase, pageCount: number): { readonly pages: number; readonly hotPages: number } {
  const pages = Math.max(1, Math.floor((pageCount * of.workingSetPercent) / 100));
  return { pages, hotPages: Math.max(1, Math.floor((pages * of.hotSetPercent) / 100)) };
}
