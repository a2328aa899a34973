/**
 * The console of a VM over all hosts it ran on: one concatenation, nothing lost, nothing doubled.
 * What the lab's own guest prints is known line by line, so its own clock and counters witness it;
 * of other guests only the order of the pieces is checked.
 */
import { DIRTIER_SAMPLING_NS, DIRTIER_STATUS_NS, DIRTIER_STEP_NS } from '../guests/index.ts';
import { THROTTLE_PERIOD_NS } from '../hypervisor/vm.ts';
import type { MigrationSnapshot, ProcessSnapshot } from '../protocol/snapshot.ts';
import { custodyOf, type Spell } from './custody.ts';

/** A piece of output and where it was printed. */
export interface PlacedChunk {
  readonly process: number;
  readonly timeNs: number;
  readonly text: string;
}

/** All output of a VM in order of time. */
export function consoleOf(snapshots: readonly ProcessSnapshot[], vm: number): PlacedChunk[] {
  return snapshots
    .flatMap(({ process, console: chunks }) =>
      chunks
        .filter((chunk) => chunk.vm === vm)
        .map(({ timeNs, text }) => ({ process, timeNs, text })),
    )
    .toSorted((left, right) => left.timeNs - right.timeNs);
}

/** One check of the judgement; see the file's head. */
export function checkConsole(
  snapshots: readonly ProcessSnapshot[],
  about: { readonly vm: number; readonly guest: string },
): { readonly id: string; readonly holds: boolean; readonly found: string } {
  const chunks = consoleOf(snapshots, about.vm);
  const spells = custodyOf(snapshots, about.vm);
  const text = chunks.map((chunk) => chunk.text).join('');
  const fault =
    findStray(chunks, spells) ??
    (about.guest === 'dirtier' ? findLineFault(text, spells, snapshots, about.vm) : undefined);
  const places = new Set(chunks.map((chunk) => chunk.process)).size;
  return {
    id: 'console-unbroken',
    holds: fault === undefined,
    found:
      fault ??
      `${text.split('\n').length - 1} lines from ${places} ${places === 1 ? 'host' : 'hosts'}, unbroken`,
  };
}

/**
 * Output from a host at a time at which the VM did not run there. An SBI call that began before a
 * stop may end with it.
 */
function findStray(chunks: readonly PlacedChunk[], spells: readonly Spell[]): string | undefined {
  const stray = chunks.find(
    ({ process, timeNs }) =>
      !spells.some((it) => it.process === process && timeNs >= it.startNs && timeNs <= it.endNs),
  );
  if (stray === undefined) return undefined;
  return `output on process ${stray.process} at ${stray.timeNs} ns, where the VM did not run`;
}

const STATUS =
  /^dirtier (\d+)\.(\d{3}) s {2}\d+ pages\/s {2}set \d+ {2}written (\d+) {2}verified (\d+) {2}gap [\d.]+ ms {2}(ok|CORRUPT.*)$/;
const OTHER = [
  /^dirtier: \d+ of \d+ pages filled$/,
  /^dirtier clock stepped [\d.]+ ms$/,
  /^dirtier (rate \d+ pages\/s|set \d+ pages|gap [\d.]+ ms|sum [0-9a-fx]+|echo .*)$/,
  /^dirtier does not know '.*'$/,
  /^CORRUPT page .*$/,
];

/**
 * The first line that the dirtier cannot have printed there; the last, unfinished one is not looked
 * at.
 */
function findLineFault(
  text: string,
  spells: readonly Spell[],
  snapshots: readonly ProcessSnapshot[],
  vm: number,
): string | undefined {
  const restoredNs = snapshots
    .flatMap((it) => it.events)
    .filter((event) => event.kind === 'restored' && event.entity === `vm:${vm}`)
    .map((event) => event.timeNs);
  const lines = text.split('\n').slice(0, -1);
  const throttled = snapshots.some((it) => it.events.some((event) => event.kind === 'throttle'));
  const slackNs =
    DIRTIER_STEP_NS + (throttled ? 2 * THROTTLE_PERIOD_NS : 0) + stalledNs(snapshots);
  let before = { timeMs: -1, written: 0, verified: 0 };
  for (const line of lines) {
    const match = STATUS.exec(line);
    if (match === null) {
      if (OTHER.some((pattern) => pattern.test(line))) continue;
      return `a broken line: '${line.slice(0, 80)}'`;
    }
    const now = {
      timeMs: Number(match[1]) * 1000 + Number(match[2]),
      written: Number(match[3]),
      verified: Number(match[4]),
    };
    if (now.timeMs <= before.timeMs)
      return `a line of ${now.timeMs} ms after one of ${before.timeMs} ms`;
    const from = before.timeMs * 1e6;
    // A snapshot was put in its place: its counters are those of then.
    if (restoredNs.some((it) => it >= from && it < (now.timeMs + 1) * 1e6)) before.timeMs = -1;
    else if (now.written < before.written || now.verified < before.verified) {
      return `counters that go back at ${now.timeMs} ms`;
    }
    if (before.timeMs >= 0) {
      const stoodNs = standingNs(spells, before.timeMs * 1e6, (now.timeMs + 1) * 1e6);
      const gapNs = (now.timeMs - before.timeMs) * 1e6;
      if (gapNs > DIRTIER_STATUS_NS + slackNs + stoodNs) {
        return `no line between ${before.timeMs} ms and ${now.timeMs} ms, though the VM ran`;
      }
    }
    before = now;
  }
  return undefined;
}

/** Time in which guests waited for snapshots: the longest that it can have kept one from a line. */
function stalledNs(snapshots: readonly ProcessSnapshot[]): number {
  return snapshots.reduce((sum, { mechanisms }) => {
    const told = mechanisms['live-snapshot'] as { readonly stallNs?: number } | undefined;
    return sum + (told?.stallNs ?? 0);
  }, 0);
}

/** Time within [fromNs, untilNs) in which no copy ran. */
function standingNs(spells: readonly Spell[], fromNs: number, untilNs: number): number {
  let ranNs = 0;
  for (const { startNs, endNs } of spells) {
    ranNs += Math.max(0, Math.min(endNs, untilNs) - Math.max(startNs, fromNs));
  }
  return untilNs - fromNs - ranNs;
}

const STEPPED = /dirtier clock stepped (\d+)\.(\d{3}) ms/;

/**
 * The step in its clock that the dirtier printed first after it came to run at the destination of
 * `migration`, and how far it may lie from the downtime. Undefined when it printed none.
 */
export function guestGapAfter(
  snapshots: readonly ProcessSnapshot[],
  migration: MigrationSnapshot,
): { readonly gapNs: number; readonly toleranceNs: number } | undefined {
  const chunks = consoleOf(snapshots, migration.vm).filter(
    (chunk) => chunk.process === migration.to,
  );
  const text = chunks
    .filter(
      (chunk) =>
        chunk.timeNs >= migration.resumedAtNs &&
        chunk.timeNs <= migration.resumedAtNs + DIRTIER_SAMPLING_NS,
    )
    .map((chunk) => chunk.text)
    .join('');
  const match = STEPPED.exec(text);
  if (match === null) return undefined;
  return {
    gapNs: Number(match[1]) * 1_000_000 + Number(match[2]) * 1_000,
    toleranceNs: DIRTIER_SAMPLING_NS + DIRTIER_SAMPLING_NS / 2,
  };
}
