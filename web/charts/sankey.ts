/**
 * Flows in columns from left to right: a ribbon's height is its rate, a tank's height is what waits in it.
 * A flow that goes in faster than it goes out fills the tank, which a Sankey alone could not show. Own
 * layout: nodes keep their column, heights share one scale, ribbons leave in the order of their targets.
 */
import { area, curveBumpX } from 'd3-shape';
import { formatQuantity } from '../app/quantity.ts';
import type { ColourToken } from '../styles/colours.ts';
import type { ChartTable } from './chart-table.ts';
import type { Mark, Picture, PictureSize, Spot } from './marks.ts';

export interface FlowNode {
  readonly id: string;
  readonly title: string;
  readonly entity: string;
  readonly column: number;
  /** What waits here and what it could hold; a node without a tank only passes on. */
  readonly tank?: { readonly held: number; readonly capacity: number; readonly unit: string; readonly note: string };
}

export interface Flow {
  readonly from: string;
  readonly to: string;
  readonly rate: number;
  readonly unit: string;
  readonly token: ColourToken;
  readonly title: string;
}

export interface FlowBox {
  readonly node: FlowNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface FlowRibbon {
  readonly flow: Flow;
  readonly from: { readonly x: number; readonly y: number };
  readonly to: { readonly x: number; readonly y: number };
  readonly height: number;
}

const NODE_WIDTH = 14;
const TANK_WIDTH = 72;

/** Places nodes and ribbons in a frame. `scaleRate` is the rate that fills the height of the tallest column. */
export function layoutFlows(options: {
  readonly nodes: readonly FlowNode[];
  readonly flows: readonly Flow[];
  readonly width: number;
  readonly height: number;
  readonly top: number;
}): { readonly boxes: readonly FlowBox[]; readonly ribbons: readonly FlowRibbon[] } {
  const { nodes, flows, width, height, top } = options;
  const columns = Math.max(1, ...nodes.map((node) => node.column + 1));
  const rateOf = (node: FlowNode) => Math.max(
    flows.filter((flow) => flow.to === node.id).reduce((sum, flow) => sum + flow.rate, 0),
    flows.filter((flow) => flow.from === node.id).reduce((sum, flow) => sum + flow.rate, 0),
  );
  const columnRates = Array.from({ length: columns }, (_, column) => nodes.filter((node) => node.column === column).reduce((sum, node) => sum + rateOf(node), 0));
  const most = Math.max(1e-9, ...columnRates);
  const gap = 16;
  const room = height - top;
  const tallest = Math.max(1, ...Array.from({ length: columns }, (_, column) => nodes.filter((node) => node.column === column).length));
  const perRate = Math.max(0, room - gap * (tallest - 1)) / most;
  const boxes: FlowBox[] = [];
  for (let column = 0; column < columns; column++) {
    const members = nodes.filter((node) => node.column === column);
    const wide = (node: FlowNode) => (node.tank === undefined ? NODE_WIDTH : TANK_WIDTH);
    const tall = (node: FlowNode) => (node.tank === undefined ? Math.max(4, rateOf(node) * perRate) : room);
    const total = members.reduce((sum, node) => sum + tall(node), 0) + gap * Math.max(0, members.length - 1);
    let y = top + Math.max(0, (room - total) / 2);
    for (const node of members) {
      const x = columns === 1 ? 0 : (column / (columns - 1)) * (width - wide(node));
      boxes.push({ node, x, y, width: wide(node), height: tall(node) });
      y += tall(node) + gap;
    }
  }
  return { boxes, ribbons: layoutRibbons(boxes, flows, perRate) };
}

function layoutRibbons(boxes: readonly FlowBox[], flows: readonly Flow[], perRate: number): FlowRibbon[] {
  const byId = new Map(boxes.map((box) => [box.node.id, box]));
  const stacks = new Map<string, number>();
  const take = (key: string, box: FlowBox, height: number, total: number) => {
    const start = stacks.get(key) ?? box.y + Math.max(0, (box.height - total) / 2);
    stacks.set(key, start + height);
    return start + height / 2;
  };
  const sum = (pick: (flow: Flow) => boolean) => flows.filter(pick).reduce((total, flow) => total + flow.rate * perRate, 0);
  const order = (flow: Flow) => (byId.get(flow.to)?.y ?? 0) * 1e4 + (byId.get(flow.from)?.y ?? 0);
  return [...flows].sort((a, b) => order(a) - order(b)).flatMap((flow): FlowRibbon[] => {
    const [from, to] = [byId.get(flow.from), byId.get(flow.to)];
    if (from === undefined || to === undefined) return [];
    const height = flow.rate * perRate;
    return [{
      flow, height,
      from: { x: from.x + from.width, y: take(`out ${flow.from}`, from, height, sum((it) => it.from === flow.from)) },
      to: { x: to.x, y: take(`in ${flow.to}`, to, height, sum((it) => it.to === flow.to)) },
    }];
  });
}

function ribbonPath({ from, to, height }: FlowRibbon): string {
  const half = Math.max(0.75, height / 2);
  const path = area<{ x: number; y: number }>((p) => p.x, (p) => p.y - half, (p) => p.y + half).curve(curveBumpX);
  return path([from, to]) ?? '';
}

/** The flows drawn, each ribbon with its rate, each tank with its level and what it means. */
export function flowPicture(options: {
  readonly nodes: readonly FlowNode[];
  readonly flows: readonly Flow[];
  readonly size: PictureSize;
}): Picture {
  const { nodes, flows, size } = options;
  const { width, height, text } = size;
  const margin = text * 5;
  const inner = width - 2 * margin;
  // In a narrow picture the rates stand in a line below, where no tank's label is.
  const narrow = width < text * 40;
  const { boxes, ribbons } = layoutFlows({ nodes, flows, width: inner, height: height - text * (narrow ? 1.8 : 0.5), top: text * 2.8 });
  const marks: Mark[] = [];
  const spots: Spot[] = [];
  for (const ribbon of ribbons) {
    const { flow } = ribbon;
    const moved = { ...ribbon, from: { ...ribbon.from, x: ribbon.from.x + margin }, to: { ...ribbon.to, x: ribbon.to.x + margin } };
    const rate = formatQuantity(flow.rate, flow.unit).text;
    if (flow.rate > 0) marks.push({ kind: 'path', d: ribbonPath(moved), fill: flow.token, opacity: 0.75 });
    else marks.push({ kind: 'path', d: `M${moved.from.x} ${moved.from.y}H${moved.to.x}`, stroke: 'rule-strong', dash: [2, 4] });
    const middle = { x: (moved.from.x + moved.to.x) / 2, y: Math.min(moved.from.y, moved.to.y) - ribbon.height / 2 - text * 0.8 };
    marks.push({ kind: 'text', ...middle, y: narrow ? height - text * 0.8 : Math.max(text * 2, middle.y), text: rate, ink: 'ink', size: text, anchor: 'middle', strong: true });
    spots.push({
      key: `${flow.from}-${flow.to}`, x: moved.from.x, y: Math.min(moved.from.y, moved.to.y) - ribbon.height / 2, width: moved.to.x - moved.from.x,
      height: Math.max(4, ribbon.height), entity: nodes.find((node) => node.id === flow.to)?.entity ?? '', label: `${flow.title}: ${rate}`,
    });
  }
  for (const box of boxes) nodeMarks({ ...box, x: box.x + margin }, text, width, marks, spots);
  const told = flows.map((flow) => `${flow.title} ${formatQuantity(flow.rate, flow.unit).text}`).join(', ');
  const held = nodes.filter((node) => node.tank !== undefined).map((node) => `${node.title} ${formatQuantity(node.tank!.held, node.tank!.unit).text}`).join(', ');
  return { width, height, marks, spots, summary: `${told}${held === '' ? '' : `; ${held} waiting`}.` };
}

function nodeMarks(box: FlowBox, text: number, width: number, marks: Mark[], spots: Spot[]): void {
  const { node } = box;
  const centre = Math.min(width - node.title.length * text * 0.27, Math.max(node.title.length * text * 0.27, box.x + box.width / 2));
  marks.push({ kind: 'text', x: centre, y: text * 0.7, text: node.title, ink: 'ink', size: text, anchor: 'middle' });
  if (node.tank === undefined) {
    marks.push({ kind: 'rect', x: box.x, y: box.y, width: box.width, height: box.height, fill: 'ink' });
    spots.push({ key: node.id, x: box.x, y: box.y, width: box.width, height: box.height, entity: node.entity, label: node.title });
    return;
  }
  const { held, capacity, unit, note } = node.tank;
  const level = Math.min(1, Math.max(0, capacity <= 0 ? 0 : held / capacity)) * (box.height - 4);
  marks.push({ kind: 'rect', x: box.x, y: box.y, width: box.width, height: box.height, fill: 'stage', edge: 'rule-strong' });
  marks.push({ kind: 'rect', x: box.x + 2, y: box.y + box.height - 2 - level, width: box.width - 4, height: level, fill: 'dirty' });
  marks.push({ kind: 'rect', x: box.x + 2, y: box.y + box.height - 2 - level, width: box.width - 4, height: 2, fill: 'ink' });
  const amount = formatQuantity(held, unit).text;
  marks.push({ kind: 'text', x: box.x + box.width / 2, y: text * 1.95, text: `${amount}${note === '' ? '' : ` · ${note}`}`, ink: 'ink', size: text, anchor: 'middle', strong: true });
  spots.push({ key: node.id, x: box.x, y: box.y, width: box.width, height: box.height, entity: node.entity, label: `${node.title}: ${amount}${note === '' ? '' : `, ${note}`}` });
}

/** The flows' table twin. */
export function flowTable(nodes: readonly FlowNode[], flows: readonly Flow[], title: string): ChartTable {
  const unit = flows[0]?.unit ?? '';
  const held = nodes.find((node) => node.tank !== undefined)?.tank?.unit ?? '';
  const entity = nodes[0]?.entity ?? 'run';
  return {
    title,
    columns: [{ title: 'Flow', unit: '', entity }, { title: 'Rate', unit, entity }, { title: 'Waiting at its end', unit: held, entity }],
    rows: flows.map((flow) => [flow.title, flow.rate, nodes.find((node) => node.id === flow.to)?.tank?.held ?? 0]),
  };
}
