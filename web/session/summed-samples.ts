/**
 * One series for many processes that sample the same columns at the same instants: each row the sum over all of
 * them, told when the last of them has told its own. What a datacenter of many pods shows as one curve.
 */
import type { SampleSeries } from './sample-series.ts';

/** Host number that stands for all processes in `Session.samplesOf`. */
export const ALL_PROCESSES = -1;
/** Instants that may wait for the last process; older ones go, so that one that is silent costs no memory. */
const WAITING_MAX = 1_024;

/** Adds up the rows of `members` processes into `series`. */
export class SummedSamples {
  readonly series: SampleSeries;
  readonly #members: number;
  readonly #waiting = new Map<number, { readonly values: Float64Array; count: number }>();

  constructor(series: SampleSeries, members: number) {
    this.series = series;
    this.#members = members;
  }

  /** A row of one process; rows of each come in the order of time. */
  add(timeNs: number, values: ArrayLike<number>): void {
    const { count } = this.series;
    if (count > 0 && timeNs <= this.series.timeNs[count - 1]!) return; // told before
    const found = this.#waiting.get(timeNs);
    const row = found ?? { values: new Float64Array(this.series.ids.length), count: 0 };
    if (found === undefined) this.#waiting.set(timeNs, row);
    for (let column = 0; column < row.values.length; column++) row.values[column]! += values[column] ?? 0;
    row.count++;
    if (row.count === this.#members) {
      this.series.append(timeNs, row.values);
      this.#waiting.delete(timeNs);
    } else if (this.#waiting.size > WAITING_MAX) {
      this.#waiting.delete(this.#waiting.keys().next().value!);
    }
  }

  /** The run was rewound: what waits at `timeNs` and later is told anew (all of it, when `isRetold`). The series is cut by its owner. */
  cutFrom(timeNs: number, isRetold: boolean): void {
    for (const time of [...this.#waiting.keys()]) if (isRetold || time >= timeNs) this.#waiting.delete(time);
  }
}
