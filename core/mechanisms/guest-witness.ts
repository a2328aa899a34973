/**
 * What guests of labs print of themselves, so that their own clock and counters witness a run: status lines at a
 * steady pace, a line for each step that they see in their clock, and nothing that is not in the table.
 */
import { DIRTIER_SAMPLING_NS, DIRTIER_STATUS_NS, DIRTIER_STEP_NS } from '../guests/index.ts';
import { THROTTLE_PERIOD_NS } from '../hypervisor/vm.ts';
import { findLabGuest } from '../protocol/lab-guests.ts';

export interface Witness {
  /** Groups: seconds, their thousandths, and two counters that never go back. */
  readonly status: RegExp;
  readonly others: readonly RegExp[];
  /** Before this line others print, too; '' when nobody does. */
  readonly begin: string;
  /** Time between two status lines. Unit: ns. */
  readonly statusNs: number;
  /** How much later one may come than its clock says: while it runs, others may run in its place. Unit: ns. */
  readonly lateNs: number;
  /** Longest time between two looks at its clock while it runs undisturbed. Unit: ns. */
  readonly samplingNs: number;
  /** A step longer than this is printed at once. Unit: ns. */
  readonly stepNs: number;
  /** How much later than the VM its clock began. Unit: ns, at most. */
  readonly behindNs: number;
  /** How long a throttled vCPU may run others before it looks again. Unit: ns. */
  readonly throttledNs: number;
}

// biome-ignore format: what a row says belongs together
export const WITNESSES: Readonly<Record<string, Witness>> = {
  dirtier: {
    status: /^dirtier (\d+)\.(\d{3}) s {2}\d+ pages\/s {2}set \d+ {2}written (\d+) {2}verified (\d+) {2}gap [\d.]+ ms {2}(?:ok|CORRUPT.*)$/,
    others: [
      /^dirtier: \d+ of \d+ pages filled$/,
      /^dirtier clock stepped [\d.]+ ms$/,
      /^dirtier (rate \d+ pages\/s|set \d+ pages|gap [\d.]+ ms|sum [0-9a-fx]+|echo .*)$/,
      /^dirtier does not know '.*'$/,
      /^CORRUPT page .*$/,
    ],
    begin: '',
    statusNs: DIRTIER_STATUS_NS, lateNs: DIRTIER_STEP_NS, samplingNs: DIRTIER_SAMPLING_NS, stepNs: DIRTIER_STEP_NS, behindNs: 0, throttledNs: 0,
  },
  // workers/node/guests/redis-load.sh
  redis: {
    status: /^redis (\d+)\.(\d{3}) s {2}\d+ requests\/s {2}keys \d+ {2}done (\d+) {2}verified (\d+) {2}gap [\d.]+ ms {2}(?:ok|CORRUPT.*)$/,
    others: [
      /^redis clock stepped [\d.]+ ms$/,
      /^redis (rate \d+ requests\/s|keys \d+|stop \d+|sum [0-9a-f]{40} after \d+ requests|echo .*)$/,
      /^redis (does not know .*|wants a number .*)$/,
      /^CORRUPT .*$/,
    ],
    begin: findLabGuest('redis')!.ready,
    statusNs: 50_000_000, lateNs: 30_000_000, samplingNs: 4_000_000, stepNs: 6_000_000, behindNs: 20_000_000, throttledNs: 2 * THROTTLE_PERIOD_NS,
  },
};

const STEPPED = /^(dirtier|redis) clock stepped (\d+)\.(\d{3}) ms$/;

/** The step in its clock that a line tells of, and whose it is. Unit: ns. */
export function findStep(line: string): { readonly guest: string; readonly stepNs: number } | undefined {
  const match = STEPPED.exec(line);
  return match === null ? undefined : { guest: match[1]!, stepNs: Number(match[2]) * 1_000_000 + Number(match[3]) * 1_000 };
}

const ECHO = /^(?:dirtier|redis) echo (\d+)$/;

/** The number that a line echoes; −1 for other lines. */
export function readEcho(line: string): number {
  const match = ECHO.exec(line);
  return match === null ? -1 : Number(match[1]);
}
