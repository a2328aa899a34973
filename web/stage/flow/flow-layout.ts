/**
 * Where everything of the flow picture stands: five columns, one scale of bytes per second for all ribbons, the
 * order in each column fixed by id, so that a move bends ribbons and nothing else jumps. Pure geometry.
 */
import type { FlowFacts, FlowRibbonFacts } from './flow-facts.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface FlowLayout {
  readonly nodes: ReadonlyMap<string, Box>;
  readonly ribbons: readonly { readonly facts: FlowRibbonFacts; readonly path: string; readonly centre: string; readonly height: number }[];
  readonly wan: Box;
  readonly perByte: number; // px a byte per second
}

interface Column {
  readonly x: number;
  readonly width: number;
}

type Columns = Readonly<Record<'workload' | 'primary' | 'wan' | 'recovery' | 'volume', Column>>;

/** Left edge and width of the five columns, as shares of the width. */
const COLUMNS: Columns = {
  workload: { x: 0, width: 0.15 },
  primary: { x: 0.23, width: 0.18 },
  wan: { x: 0.475, width: 0.05 },
  recovery: { x: 0.59, width: 0.18 },
  volume: { x: 0.85, width: 0.15 },
};
/** The same where there is less room for words: knobs stand at both sides, or letters are large. */
const TIGHT_COLUMNS: Columns = {
  workload: { x: 0, width: 0.206 },
  primary: { x: 0.257, width: 0.182 },
  wan: { x: 0.483, width: 0.042 },
  recovery: { x: 0.575, width: 0.19 },
  volume: { x: 0.825, width: 0.175 },
};

/** Part of a column's height that ribbons may take when everything flows; the rest is air. */
const FILL = 0.5;
/** Gap between the boxes of a column: less where many stand. Unit: px. */
const gapOf = (count: number) => (count > 6 ? 4 : 14);

/** Places all of it in a frame. Rates below a hundredth of the greatest are drawn as hairlines. */
export function layoutFlow(facts: FlowFacts, frame: Box, isTight = false): FlowLayout {
  const columns = isTight ? TIGHT_COLUMNS : COLUMNS;
  const nodes = new Map<string, Box>();
  const column = (entities: readonly string[], { x, width }: Column) => {
    const gap = gapOf(entities.length);
    const height = Math.min(110, (frame.height - gap * Math.max(0, entities.length - 1)) / Math.max(1, entities.length));
    const top = frame.y + (frame.height - entities.length * height - gap * Math.max(0, entities.length - 1)) / 2;
    entities.forEach((entity, index) => {
      nodes.set(entity, { x: frame.x + x * frame.width, y: top + index * (height + gap), width: width * frame.width, height });
    });
  };
  const gateways = (side: 0 | 1) => facts.gateways.filter((it) => it.side === side).map((it) => it.entity);
  column(facts.workloads.map((it) => it.entity), columns.workload);
  column(gateways(0), columns.primary);
  column(gateways(1), columns.recovery);
  column(facts.volumes.map((it) => it.entity), columns.volume);
  const most = Math.max(facts.wan.capacity, ...columnRates(facts), 1);
  const perByte = (frame.height * FILL) / most;
  const wanHeight = Math.max(6, facts.wan.capacity * perByte);
  const wan = {
    x: frame.x + columns.wan.x * frame.width, y: frame.y + (frame.height - wanHeight) / 2,
    width: columns.wan.width * frame.width, height: wanHeight,
  };
  nodes.set('wan', wan);
  return { nodes, wan, perByte, ribbons: ribbonsOf(facts, nodes, perByte) };
}

/** Sum of what leaves the workloads, and of what enters the volumes. */
function columnRates(facts: FlowFacts): number[] {
  const sum = (pick: (it: FlowRibbonFacts) => boolean) => facts.ribbons.filter(pick).reduce((total, it) => total + it.bytesPerSecond, 0);
  return [sum((it) => it.from.startsWith('workload')), sum((it) => it.to.startsWith('volume'))];
}

function ribbonsOf(facts: FlowFacts, nodes: ReadonlyMap<string, Box>, perByte: number): FlowLayout['ribbons'] {
  const middle = (entity: string) => {
    const box = nodes.get(entity);
    return box === undefined ? 0 : box.y + box.height / 2;
  };
  // Ribbons leave and enter a node in the order of where they come from and go to: fewest crossings.
  const sorted = facts.ribbons.filter((it) => nodes.has(it.from) && nodes.has(it.to));
  const offsets = new Map<FlowRibbonFacts, { from: number; to: number }>();
  for (const it of sorted) offsets.set(it, { from: 0, to: 0 });
  for (const end of ['from', 'to'] as const) {
    const other = end === 'from' ? 'to' : 'from';
    for (const entity of nodes.keys()) {
      const here = sorted.filter((it) => it[end] === entity).sort((a, b) => middle(a[other]) - middle(b[other]) || a.workload - b.workload);
      const total = here.reduce((sum, it) => sum + it.bytesPerSecond * perByte, 0);
      let y = middle(entity) - total / 2;
      for (const it of here) {
        const height = it.bytesPerSecond * perByte;
        offsets.get(it)![end] = y + height / 2;
        y += height;
      }
    }
  }
  return sorted.map((it) => {
    const [from, to] = [nodes.get(it.from)!, nodes.get(it.to)!];
    const { from: y1, to: y2 } = offsets.get(it)!;
    const [x1, x2] = [from.x + from.width, to.x];
    const height = it.bytesPerSecond * perByte;
    return { facts: it, height, path: ribbonPath(x1, y1, x2, y2, height), centre: curve(x1, y1, x2, y2) };
  });
}

const number = (value: number) => value.toFixed(1);

function curve(x1: number, y1: number, x2: number, y2: number): string {
  const half = (x1 + x2) / 2;
  return `M${number(x1)} ${number(y1)}C${number(half)} ${number(y1)} ${number(half)} ${number(y2)} ${number(x2)} ${number(y2)}`;
}

/** A band of even height along the curve. */
function ribbonPath(x1: number, y1: number, x2: number, y2: number, height: number): string {
  const r = Math.max(0.5, height / 2);
  const half = number((x1 + x2) / 2);
  return `M${number(x1)} ${number(y1 - r)}C${half} ${number(y1 - r)} ${half} ${number(y2 - r)} ${number(x2)} ${number(y2 - r)}`
    + `V${number(y2 + r)}C${half} ${number(y2 + r)} ${half} ${number(y1 + r)} ${number(x1)} ${number(y1 + r)}Z`;
}

/** Positions on a score bar, in px: where each resource's part ends, and the whole. `span` is the score at the bar's end. */
export function scoreParts(resources: readonly { readonly use: number; readonly weight: number }[], width: number, span: number): number[] {
  let sum = 0;
  return resources.map(({ use, weight }) => {
    sum += Math.max(0, use) * weight;
    return (Math.min(span, sum) / span) * width;
  });
}

/** What a full tank holds: the least of 1, 2, 5 · 10ⁿ bytes that none of the backlogs exceeds, so that areas compare; from 200 kB on. */
export function tankBytes(backlogs: readonly number[]): number {
  const most = Math.max(200_000, ...backlogs);
  const decade = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 5].find((step) => step * decade >= most) ?? 10) * decade;
}
