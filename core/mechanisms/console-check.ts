/**
 * The console of a VM over all hosts it ran on: one concatenation, nothing lost, nothing doubled.
 * What guests of labs print is known line by line (guest-witness.ts), so their own clock and counters witness it;
 * of other guests only the order of the pieces is checked.
 */
import { THROTTLE_PERIOD_NS } from '../hypervisor/vm.ts';
import type { MigrationSnapshot, ProcessSnapshot } from '../protocol/snapshot.ts';
import { custodyOf, type Spell } from './custody.ts';
import { findStep, type Witness, WITNESSES } from './guest-witness.ts';

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
  const witness = WITNESSES[about.guest];
  const fault =
    findStray(chunks, spells) ??
    (witness === undefined ? undefined : findLineFault(witness, chunks, spells, { snapshots, vm: about.vm }));
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

/** A whole line and when its pieces were printed. */
interface PlacedLine {
  readonly text: string;
  readonly fromNs: number;
  readonly toNs: number;
}

/** Whole lines; the last, unfinished one is not looked at. */
function linesOf(chunks: readonly PlacedChunk[]): PlacedLine[] {
  const lines: PlacedLine[] = [];
  let text = '';
  let fromNs = -1;
  for (const chunk of chunks) {
    const [first = '', ...rest] = chunk.text.split('\n');
    if (fromNs < 0) fromNs = chunk.timeNs;
    text += first;
    for (const next of rest) {
      lines.push({ text, fromNs, toNs: chunk.timeNs });
      text = next;
      fromNs = chunk.timeNs;
    }
    if (text === '') fromNs = -1;
  }
  return lines;
}

/** The first line that the guest cannot have printed there. */
function findLineFault(
  witness: Witness,
  chunks: readonly PlacedChunk[],
  spells: readonly Spell[],
  about: { readonly snapshots: readonly ProcessSnapshot[]; readonly vm: number },
): string | undefined {
  const { snapshots, vm } = about;
  const restoredNs = snapshots
    .flatMap((it) => it.events)
    .filter((event) => event.kind === 'restored' && event.entity === `vm:${vm}`)
    .map((event) => event.timeNs);
  const isRestoredIn = (fromNs: number, toNs: number) => restoredNs.some((it) => it >= fromNs && it < toNs);
  const throttled = snapshots.some((it) => it.events.some((event) => event.kind === 'throttle'));
  const slackNs = witness.lateNs + (throttled ? 2 * THROTTLE_PERIOD_NS : 0) + stalledNs(snapshots);
  let before = { timeMs: -1, first: 0, second: 0 };
  const lines = linesOf(chunks);
  const begin = lines.findIndex(({ text }) => text.startsWith(witness.begin));
  if (begin < 0) return undefined;
  for (const { text, fromNs, toNs } of witness.begin === '' ? lines : lines.slice(begin + 1)) {
    const match = witness.status.exec(text);
    if (match === null) {
      if (witness.others.some((pattern) => pattern.test(text))) continue;
      // Of a serial port's line the first half may be of the VM that was, the rest of the one that took its place.
      if (isRestoredIn(fromNs, toNs)) continue;
      return `a broken line: '${text.slice(0, 80)}'`;
    }
    const now = { timeMs: Number(match[1]) * 1000 + Number(match[2]), first: Number(match[3]), second: Number(match[4]) };
    if (now.timeMs <= before.timeMs)
      return `a line of ${now.timeMs} ms after one of ${before.timeMs} ms`;
    const from = before.timeMs * 1e6;
    // A snapshot was put in its place: its counters are those of then.
    if (isRestoredIn(from, (now.timeMs + 1) * 1e6 + witness.behindNs)) before.timeMs = -1;
    else if (now.first < before.first || now.second < before.second) {
      return `counters that go back at ${now.timeMs} ms`;
    }
    if (before.timeMs >= 0) {
      const stoodNs = standingNs(spells, before.timeMs * 1e6, (now.timeMs + 1) * 1e6 + witness.behindNs);
      const gapNs = (now.timeMs - before.timeMs) * 1e6;
      if (gapNs > witness.statusNs + slackNs + stoodNs) {
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

/**
 * The step in its clock that the guest printed first after it came to run at the destination of
 * `migration`, and how far it may lie from the downtime. Undefined when it printed none.
 */
export function guestGapAfter(
  snapshots: readonly ProcessSnapshot[],
  migration: MigrationSnapshot,
): { readonly gapNs: number; readonly toleranceNs: number } | undefined {
  const { vm, to, resumedAtNs } = migration;
  for (const { text, toNs } of linesOf(consoleOf(snapshots, vm).filter((chunk) => chunk.process === to && chunk.timeNs >= resumedAtNs))) {
    const found = findStep(text);
    const witness = WITNESSES[found?.guest ?? ''];
    if (found === undefined || witness === undefined) continue;
    if (toNs > resumedAtNs + witness.samplingNs) return undefined;
    const throttledNs = migration.throttlePercent > 0 ? witness.throttledNs : 0;
    return { gapNs: found.stepNs, toleranceNs: witness.samplingNs + witness.samplingNs / 2 + throttledNs };
  }
  return undefined;
}
