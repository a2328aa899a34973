/**
 * How long ago each page of a VM was last written, read from the frame table in shared memory: one byte a
 * page. Never written since the stamps began counts as old; absent pages are told apart. Pure but for the
 * shared bytes it reads.
 */
import { frameField } from '../../core/protocol/host-memory-layout.ts';
import { type HostView, heatEpoch } from '../session/host-view.ts';
import type { ChartTable } from './chart-table.ts';

/** Ages are clamped here: the oldest bucket means "this long ago or never". Unit: epochs. */
export const AGE_MAX = 31;
/** A page that is not there. */
export const ABSENT = 255;

/** Fills `into[0 … pageCount)` with ages in epochs, 0 … AGE_MAX, or ABSENT. O(pageCount), no allocation. */
export function readAges(view: HostView, slot: number, pageCount: number, into: Uint8Array): void {
  if (slot < 0) {
    into.fill(ABSENT, 0, pageCount);
    return;
  }
  const { frameTable, guestMaps } = view;
  const base = slot * view.frameCount;
  const epoch = heatEpoch(view);
  for (let page = 0; page < pageCount; page++) {
    const mapped = guestMaps[base + page]!;
    if (mapped === 0) into[page] = ABSENT;
    else {
      const stamp = (frameTable[mapped - 1]! >>> frameField.heatShift) & frameField.heatMask;
      into[page] = stamp === 0 ? AGE_MAX : Math.min(AGE_MAX, (epoch - stamp) & frameField.heatMask);
    }
  }
}

/** Pages by age, 0 … AGE_MAX; absent ones are not counted. */
export function ageCounts(ages: Uint8Array, pageCount: number): number[] {
  const counts = new Array<number>(AGE_MAX + 1).fill(0);
  for (let page = 0; page < pageCount; page++) {
    const age = ages[page]!;
    if (age <= AGE_MAX) counts[age]!++;
  }
  return counts;
}

/** Packed colours by age on a ramp of one hue from `hot` to `cold`; pages older than `cut` are dimmed to `stage`. */
export function ageColours(options: { readonly hot: number; readonly cold: number; readonly stage: number; readonly cut: number }): Uint32Array {
  const { hot, cold, stage, cut } = options;
  const mix = (a: number, b: number, part: number) => {
    let out = 0xff000000;
    for (const shift of [0, 8, 16]) out |= Math.round(((a >>> shift) & 0xff) + (((b >>> shift) & 0xff) - ((a >>> shift) & 0xff)) * part) << shift;
    return out >>> 0;
  };
  return Uint32Array.from({ length: AGE_MAX + 1 }, (_, age) => {
    const colour = mix(hot, cold, Math.sqrt(age / AGE_MAX));
    return age > cut ? mix(colour, stage, 0.75) : colour;
  });
}

/** Text of an age in words with its unit. */
export function ageText(age: number): string {
  if (age === ABSENT) return 'absent';
  if (age >= AGE_MAX) return `${AGE_MAX} epochs ago or never`;
  return `${age} ${age === 1 ? 'epoch' : 'epochs'} ago`;
}

/** The pages' table twin: pages by age (the grid itself is one row a page in CSV). */
export function heatTable(counts: readonly number[], entity: string): ChartTable {
  return {
    title: 'Pages by time since their last write',
    columns: [{ title: 'Last write', unit: 'epochs ago', entity }, { title: 'Pages', unit: 'pages', entity }],
    rows: counts.map((count, age) => [age, count]),
  };
}
