/**
 * Columns of a time chart with what the run has left: after the curves as they are come the same curves of what
 * lies ahead of the present, then those of the branch that was left last. Pure.
 */
import type { SampleTail } from '../session/branch-samples.ts';

/** Where a curve's values lie in a tail, by curve; −1: it is not measured. */
type Places = readonly number[];

/** Columns of one length; the first holds times. */
export type BesideColumns = readonly (readonly (number | undefined)[])[];

/** A course beside the present one: rows of `fromNs` and later count. */
export interface Beside {
  readonly tail: SampleTail;
  readonly fromNs: number;
}

/** Times in seconds, then the curves, then `ahead`, then `left`; undefined where a course has no sample at that time (NaN: there is one, without a value). */
export function comparedColumns(
  main: readonly (readonly number[])[],
  beside: { readonly ahead: Beside | undefined; readonly left: Beside | undefined },
  options: { readonly places: Places; readonly pointsMax: number },
): (number | undefined)[][] {
  const { places } = options;
  const [times = [], ...curves] = main;
  const courses = [beside.ahead, beside.left].map((it) => (it === undefined ? [] : rowsOf(it, options.pointsMax)));
  const all = new Set(times);
  const tails = [beside.ahead, beside.left];
  courses.forEach((rows, index) => {
    for (const row of rows) all.add(tails[index]!.tail.timeNs[row]! / 1e9);
  });
  const axis = [...all].sort((a, b) => a - b);
  const position = new Map(axis.map((time, index) => [time, index]));
  const spread = (pairs: Iterable<readonly [number, number]>) => {
    const column: (number | undefined)[] = new Array(axis.length).fill(undefined);
    for (const [time, value] of pairs) column[position.get(time)!] = value;
    return column;
  };
  const out: (number | undefined)[][] = [axis, ...curves.map((values) => spread(values.map((value, row) => [times[row]!, value] as const)))];
  courses.forEach((rows, index) => {
    for (const place of places) {
      const tail = tails[index]?.tail;
      const values = tail?.columns[place];
      out.push(values === undefined ? spread([]) : spread(rows.map((row) => [tail!.timeNs[row]! / 1e9, values[row]!] as const)));
    }
  });
  return out;
}

function rowsOf({ tail, fromNs }: Beside, pointsMax: number): number[] {
  let first = 0;
  while (first < tail.timeNs.length && tail.timeNs[first]! < fromNs) first++;
  const stride = Math.max(1, Math.ceil((tail.timeNs.length - first) / pointsMax));
  const rows: number[] = [];
  for (let row = first; row < tail.timeNs.length; row += stride) rows.push(row);
  return rows;
}
