/** Rates from totals that are told a few times a second: the mean over the last stretch of virtual time. */

/** Stretch over which a rate is the mean. Unit: ns. */
const STRETCH_NS = 1_000_000_000;

interface Reading {
  readonly timeNs: number;
  readonly total: number;
}

/** Totals by name; forgets what lies in the future when time goes back. */
export class RateMeter {
  readonly #readings = new Map<string, Reading[]>();
  #timeNs = -1;

  /** Tells a total at a time and gives the rate per second now; 0 until two are known. */
  rate(name: string, timeNs: number, total: number): number {
    if (timeNs < this.#timeNs) this.#readings.clear();
    this.#timeNs = timeNs;
    const readings = this.#readings.get(name) ?? [];
    this.#readings.set(name, readings);
    const last = readings.at(-1);
    if (last !== undefined && total < last.total) readings.length = 0; // counted anew, as after a loss of power
    if (last === undefined || timeNs > last.timeNs) readings.push({ timeNs, total });
    while (readings.length > 2 && readings[1]!.timeNs <= timeNs - STRETCH_NS) readings.shift();
    const [first, newest] = [readings[0], readings.at(-1)];
    if (first === undefined || newest === undefined || newest.timeNs <= first.timeNs) return 0;
    return ((newest.total - first.total) / (newest.timeNs - first.timeNs)) * 1e9;
  }
}
