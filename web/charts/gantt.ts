/** Lanes over virtual time: who did what from when to when. Slices are hatched when they are a stop. Pure. */
import { formatClock, formatQuantity } from '../app/quantity.ts';
import type { ColourToken } from '../styles/colours.ts';
import type { ChartTable } from './chart-table.ts';
import type { Mark, Picture, PictureSize, Spot } from './marks.ts';
import { timeScale, timeTicks, type TimeRange } from './time-ticks.ts';

export interface Slice extends TimeRange {
  readonly title: string;
  readonly token: ColourToken;
  readonly hatched?: boolean;
  /** More of it, with units, for whoever looks closer. */
  readonly detail?: string;
}

export interface Lane {
  readonly title: string;
  readonly entity: string;
  readonly slices: readonly Slice[]; // ascending, not overlapping
}

/** Share of the width that lane names take at most. */
const NAME_SHARE = 0.3;

/** The lanes drawn in `range`; a brushed interval is framed. */
export function ganttPicture(options: {
  readonly lanes: readonly Lane[];
  readonly range: TimeRange;
  readonly brush: TimeRange | null;
  readonly size: PictureSize;
}): Picture {
  const { lanes, range, brush, size } = options;
  const { width, height, text } = size;
  const left = Math.min(width * NAME_SHARE, Math.max(0, ...lanes.map((lane) => lane.title.length)) * text * 0.56 + 16);
  const scale = timeScale(range, left, width - 8);
  const bottom = height - text * 1.8;
  const step = lanes.length === 0 ? 0 : Math.min(text * 2.6, bottom / lanes.length);
  const marks: Mark[] = [];
  const spots: Spot[] = [];
  lanes.forEach((lane, row) => {
    const y = row * step + step * 0.15;
    const tall = step * 0.7;
    marks.push({ kind: 'text', x: left - 8, y: y + tall / 2, text: lane.title, ink: 'ink', size: text, anchor: 'end' });
    marks.push({ kind: 'rect', x: left, y: row * step + step - 1, width: scale.right - left, height: 1, fill: 'rule' });
    for (const [index, slice] of lane.slices.entries()) {
      if (slice.toNs < range.fromNs || slice.fromNs > range.toNs) continue;
      const box = { x: scale.at(slice.fromNs), y, width: Math.max(1.5, scale.at(slice.toNs) - scale.at(slice.fromNs)), height: tall };
      marks.push({ kind: 'rect', ...box, fill: slice.token, ...(slice.hatched === true ? { hatched: true } : {}) });
      const gap = index > 0 && lane.slices[index - 1]!.toNs === slice.fromNs;
      if (gap && box.width > 3) marks.push({ kind: 'rect', x: box.x, y, width: 1, height: tall, fill: 'stage' });
      spots.push({ key: `${row}-${index}`, ...box, entity: lane.entity, label: sliceSentence(lane, slice) });
    }
  });
  if (brush !== null) {
    const from = scale.at(brush.fromNs);
    marks.push({ kind: 'rect', x: from, y: 0, width: Math.max(1, scale.at(brush.toNs) - from), height: lanes.length * step, edge: 'ink' });
  }
  marks.push(...timeTicks(scale, lanes.length * step + 1, text));
  const count = lanes.reduce((sum, lane) => sum + lane.slices.length, 0);
  return { width, height, marks, spots, summary: `${lanes.length} lanes with ${count} slices of virtual time.` };
}

function sliceSentence(lane: Lane, slice: Slice): string {
  const took = formatQuantity(slice.toNs - slice.fromNs, 'ns').text;
  const detail = slice.detail === undefined ? '' : `; ${slice.detail}`;
  return `${lane.title}: ${slice.title}, ${took} from ${formatClock(slice.fromNs).text}${detail}`;
}

/** The lanes' table twin. */
export function ganttTable(lanes: readonly Lane[], title: string): ChartTable {
  const entity = lanes[0]?.entity ?? 'run';
  return {
    title,
    columns: [
      { title: 'Lane', unit: '', entity }, { title: 'Slice', unit: '', entity },
      { title: 'From', unit: 'ns', entity }, { title: 'Took', unit: 'ns', entity }, { title: 'More', unit: '', entity },
    ],
    rows: lanes.flatMap((lane) => lane.slices.map((slice) => [lane.title, slice.title, slice.fromNs, slice.toNs - slice.fromNs, slice.detail ?? ''])),
  };
}
