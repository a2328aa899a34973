/** Sampled rows of one process, as read from its ring after a run, and what a report says of them. */

/** See the file's head. */
export interface SampleRows {
  /** Ids of the metrics, without the time. */
  readonly columns: readonly string[];
  /** `columns.length + 1` values a row, its time first. Unit of the time: ns. */
  readonly values: Float64Array;
}

/** Mean of a metric from one time to another, both included; undefined when it was not measured then. */
export function meanSample(
  rows: SampleRows | undefined,
  metric: string,
  range: { readonly fromNs: number; readonly toNs: number },
): number | undefined {
  let sum = 0;
  let count = 0;
  for (const [timeNs, value] of samplesOf(rows, metric)) {
    if (timeNs < range.fromNs || timeNs > range.toNs) continue;
    sum += value;
    count++;
  }
  return count === 0 ? undefined : sum / count;
}

/** The newest value of a metric; undefined when it was never measured. */
export function newestSample(rows: SampleRows | undefined, metric: string): number | undefined {
  return samplesOf(rows, metric).at(-1)?.[1];
}

/** Times and values where there is one. */
function samplesOf(rows: SampleRows | undefined, metric: string): (readonly [number, number])[] {
  const column = rows?.columns.indexOf(metric) ?? -1;
  const found: (readonly [number, number])[] = [];
  if (rows === undefined || column < 0) return found;
  const width = rows.columns.length + 1;
  for (let start = 0; start + width <= rows.values.length; start += width) {
    const value = rows.values[start + 1 + column]!;
    if (Number.isFinite(value)) found.push([rows.values[start]!, value]);
  }
  return found;
}
