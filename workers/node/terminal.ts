/** What the command line says to a person: progress on a terminal, one line for a refusal, failures with how to see them again. */
import type { FailureReport, RunState } from '../session-api.ts';

/** Ends the program with status 2: bad input, in one sentence. */
export class BadInput extends Error {}

/** Least wall time between two redraws of the progress line. Unit: ms. */
const REDRAW_MS = 200;

/** A progress line on stderr, if that is a terminal. */
export function makeProgress(untilNs: number) {
  let drawnAtMs = 0;
  const shown = process.stderr.isTTY === true;
  return {
    onState(state: RunState): void {
      const nowMs = performance.now();
      if (!shown || nowMs - drawnAtMs < REDRAW_MS) return;
      drawnAtMs = nowMs;
      const percent = Math.floor((100 * state.timeNs) / Math.max(1, untilNs));
      const speed = state.measuredSpeed.toPrecision(2);
      process.stderr.write(
        `\r\u001b[K${percent} %  ${showDuration(state.timeNs)} of ${showDuration(untilNs)}, ${speed} s a second`,
      );
    },
    done(): void {
      if (shown && drawnAtMs > 0) process.stderr.write('\r\u001b[K');
    },
  };
}

/** A virtual time for a person: 1.234 s, 56.7 ms. */
export function showDuration(ns: number): string {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(3)} s`;
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(1)} ms`;
  if (ns >= 1e3) return `${(ns / 1e3).toFixed(1)} µs`;
  return `${ns} ns`;
}

/** A failed assertion, for stderr: where, what, and all that is needed to see it again. */
export function showFailure(failure: FailureReport): string {
  const place = failure.process < 0 ? 'before it began' : `in process ${failure.process} at ${failure.virtualTimeNs} ns`;
  return [
    `The ${failure.lane} run of ${failure.lab} failed ${place}: ${failure.message}`,
    failure.stack,
    `To see it again: seed ${failure.seed}, knobs ${JSON.stringify(failure.knobs)}, log ${JSON.stringify(failure.commandLog)}`,
  ].join('\n');
}
