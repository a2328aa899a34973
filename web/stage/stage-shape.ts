/**
 * What stands where on the stage of a lab: its view gives the walls and what is between them, its contract the
 * knobs, each beside the mark that its row names. Pure.
 */
import type { KnobRow } from '../../core/base/contract.ts';
import type { LoadedLab, StageSide, StageView } from '../labs/lab-view.ts';

/** Knobs of a lab by place: at a VM's map, at the file's map, at what is between, at the left edge of the strip. */
export interface PlacedKnobs {
  readonly vm: readonly KnobRow[];
  readonly file: readonly KnobRow[];
  readonly between: readonly KnobRow[];
  readonly strip: readonly KnobRow[];
}

/** What the layout needs to know of a lab. */
export interface StageShape {
  readonly left: StageSide;
  readonly right: StageSide | 'nothing';
  readonly between: 'link' | 'queue' | 'nothing';
  /** Knobs beside the side that has most, and between the sides. */
  readonly sideKnobs: number;
  readonly betweenKnobs: number;
}

/** Entities of knobs that belong to what stands between the sides. */
const BETWEEN: Readonly<Record<StageShape['between'], readonly string[]>> = {
  link: ['link'],
  queue: ['snapshot', 'queue'],
  nothing: [],
};
const FILE = ['disk', 'file', 'volume'];

function sidesOf(stage: StageView): Pick<StageShape, 'left' | 'right' | 'between'> {
  if (stage.picture === 'memories') return stage;
  return { left: { map: 'vm', host: 0 }, right: 'nothing', between: 'nothing' };
}

/** Every knob of the lab at exactly one place; what has no mark of its own stands at the VM. */
export function placeKnobs(lab: Pick<LoadedLab, 'contract' | 'view'>): PlacedKnobs {
  const { left, right, between } = sidesOf(lab.view.stage);
  const hasFile = left.map === 'file' || (right !== 'nothing' && right.map === 'file');
  const hasGraph = lab.view.strip.some(({ view }) => view === 'migration-graph');
  const placed: Record<keyof PlacedKnobs, KnobRow[]> = { vm: [], file: [], between: [], strip: [] };
  for (const row of lab.contract.knobs) {
    const place = BETWEEN[between].includes(row.entity) ? 'between'
      : hasFile && FILE.includes(row.entity) ? 'file'
      : hasGraph && row.entity === 'migration' ? 'strip'
      : 'vm';
    placed[place].push(row);
  }
  return placed;
}

/** Most rows that stand there at once: those of one guest with those of all. */
function shownAtOnce(rows: readonly KnobRow[]): number {
  const common = rows.filter(({ guest }) => guest === undefined).length;
  const guests = [...new Set(rows.map(({ guest }) => guest))];
  return common + Math.max(0, ...guests.map((id) => (id === undefined ? 0 : rows.filter(({ guest }) => guest === id).length)));
}

export function shapeOf(lab: Pick<LoadedLab, 'contract' | 'view'>): StageShape {
  const knobs = placeKnobs(lab);
  return { ...sidesOf(lab.view.stage), sideKnobs: Math.max(shownAtOnce(knobs.vm), knobs.file.length), betweenKnobs: knobs.between.length };
}

/** The shape in a datacenter that has these hosts (none told yet: all): a wall without its host, and what leads to it, are not drawn. */
export function shapeWith(shape: StageShape, hosts: readonly number[]): StageShape {
  const { right } = shape;
  if (right === 'nothing' || hosts.length === 0 || hosts.includes(right.host)) return shape;
  return { ...shape, right: 'nothing', between: 'nothing', betweenKnobs: 0 };
}

/** Host shown at a side, −1 when nothing stands there. */
export function hostAt(shape: StageShape, side: 0 | 1): number {
  const it = side === 0 ? shape.left : shape.right;
  return it === 'nothing' ? -1 : it.host;
}

/** Side at which the VMs of a host stand, or undefined. */
export function findSide(shape: StageShape, host: number): 0 | 1 | undefined {
  if (shape.left.map === 'vm' && shape.left.host === host) return 0;
  if (shape.right !== 'nothing' && shape.right.map === 'vm' && shape.right.host === host) return 1;
  return undefined;
}
