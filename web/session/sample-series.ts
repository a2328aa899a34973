/**
 * Samples of a run as growing columns: virtual time and one column a metric. The session fills it from
 * the rings in shared memory once a frame; charts read it. It grows as rows come, and is bounded: when full,
 * every second row goes.
 */

/** Rows kept before thinning. At one sample a millisecond of virtual time: over a minute. */
export const SAMPLE_ROWS_MAX = 65_536;
/** The same of a baseline, which charts draw as one thin curve: its memory is a quarter. */
export const BASELINE_ROWS_MAX = 16_384;
/** Rows that there is room for at first: a world of hundreds of processes has a series for each. */
const ROWS_FIRST = 512;

/** Columns by metric id; rows 0 … count − 1 are valid, times ascend. */
export class SampleSeries {
  readonly ids: readonly string[];
  /** Replaced when it grows: do not keep it beyond a frame. The same of `columns`. */
  timeNs: Float64Array;
  columns: readonly Float64Array[];
  count = 0;
  /** Grows with every change, so that a chart knows whether to draw. */
  version = 0;

  readonly #rowsMax: number;

  constructor(ids: readonly string[], rowsMax: number = SAMPLE_ROWS_MAX) {
    this.ids = ids;
    this.#rowsMax = rowsMax;
    const rows = Math.min(ROWS_FIRST, rowsMax);
    this.timeNs = new Float64Array(rows);
    this.columns = ids.map(() => new Float64Array(rows));
  }

  /** The column of a metric, or undefined when the run does not measure it. */
  find(id: string): Float64Array | undefined {
    const index = this.ids.indexOf(id);
    return index < 0 ? undefined : this.columns[index];
  }

  /** The newest value of a metric, or undefined. */
  findLatest(id: string): number | undefined {
    return this.count === 0 ? undefined : this.find(id)?.[this.count - 1];
  }

  /** Appends a row; `values` in the order of `ids`. A row that is not newer than the last is ignored. */
  append(timeNs: number, values: ArrayLike<number>): void {
    if (this.count > 0 && timeNs <= this.timeNs[this.count - 1]!) return;
    if (this.count === this.#rowsMax) this.#thin();
    else if (this.count === this.timeNs.length) this.#grow();
    this.timeNs[this.count] = timeNs;
    for (let column = 0; column < this.columns.length; column++) {
      this.columns[column]![this.count] = values[column] ?? 0;
    }
    this.count++;
    this.version++;
  }

  /** Takes the rows at `timeNs` and later away: the run was rewound. Gives them, oldest first. */
  cutFrom(timeNs: number): { readonly timeNs: Float64Array; readonly columns: readonly Float64Array[] } {
    const first = rowAt(this, timeNs);
    const cut = {
      timeNs: this.timeNs.slice(first, this.count),
      columns: this.columns.map((column) => column.slice(first, this.count)),
    };
    if (first < this.count) {
      this.count = first;
      this.version++;
    }
    return cut;
  }

  #grow(): void {
    const rows = Math.min(this.#rowsMax, this.timeNs.length * 4);
    const larger = (column: Float64Array) => {
      const next = new Float64Array(rows);
      next.set(column);
      return next;
    };
    this.timeNs = larger(this.timeNs);
    this.columns = this.columns.map(larger);
  }

  #thin(): void {
    const kept = this.#rowsMax / 2;
    for (let row = 0; row < kept; row++) {
      this.timeNs[row] = this.timeNs[row * 2]!;
      for (const column of this.columns) column[row] = column[row * 2]!;
    }
    this.count = kept;
  }
}

/** First row whose time is not before `timeNs` (binary search); `count` when there is none. */
export function rowAt(series: SampleSeries, timeNs: number): number {
  let low = 0;
  let high = series.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (series.timeNs[middle]! < timeNs) low = middle + 1;
    else high = middle;
  }
  return low;
}
