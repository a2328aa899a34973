/**
 * The VMs of a pod: a VM is a row of sixteen numbers that lie together. Events come to VMs in no order, so that each finds its row in no
 * cache; one row is then two lines of memory, where a column for each field would be as many as there are fields.
 *
 *   │ id │ host │ state │ profile │ phase │ transferNs │ draws │ stamp │ transferWaits │ migration │ millicores │ …   a row, 16 × Float64
 *     what a transfer needs stands first
 */
import { assert } from '../../base/index.ts';

/** Positions in a row; the readers of {@link VmTable} say what they mean. */
// biome-ignore format: a table, four fields a row
export const vmField = {
  id: 0,            host: 1,       state: 2,       profile: 3,
  phase: 4,         transferNs: 5, draws: 6,       stamp: 7,
  transferWaits: 8, migration: 9,  millicores: 10, writes: 11,
  phaseEndNs: 12,   memory: 13,    next: 14,       previous: 15,
} as const;
/** Name of a position. */
export type VmField = (typeof vmField)[keyof typeof vmField];

/** Fields of a row, as a shift. */
const ROW_SHIFT = 4;
const ROWS_MAX = 1 << 22;

/** See the file's head. */
export class VmTable {
  private cells: Float64Array;

  constructor(capacity: number) {
    this.cells = new Float64Array(capacity << ROW_SHIFT);
  }

  /** Rows that there is room for. */
  capacity(): number {
    return this.cells.length >> ROW_SHIFT;
  }

  grow(): void {
    assert(this.capacity() < ROWS_MAX, 'a pod has not that many VMs');
    const larger = new Float64Array(this.cells.length * 2);
    larger.set(this.cells);
    this.cells = larger;
  }

  /** Unique in the world. */
  id(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.id]!;
  }

  /** Host of the pod that it is on. */
  host(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.host]!;
  }

  /** One of `vmState`. */
  state(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.state]!;
  }

  profile(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.profile]!;
  }

  phase(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.phase]!;
  }

  /** Mean time between two transfers; 0 for none. Unit: ns. */
  transferNs(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.transferNs]!;
  }

  /** Draws so far: a VM's chance is a function of this number. */
  draws(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.draws]!;
  }

  /** Events of other stamps are not for who is in the row now. */
  stamp(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.stamp]!;
  }

  /** 1 when a transfer is scheduled. */
  transferWaits(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.transferWaits]!;
  }

  /** Its move; NOBODY when it stays. */
  migration(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.migration]!;
  }

  millicores(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.millicores]!;
  }

  /** To its pages. Unit: a second. */
  writes(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.writes]!;
  }

  phaseEndNs(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.phaseEndNs]!;
  }

  /** Unit: MiB. */
  memory(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.memory]!;
  }

  /** Next one in the list of its host, or of the free rows. */
  next(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.next]!;
  }

  previous(row: number): number {
    return this.cells[(row << ROW_SHIFT) + vmField.previous]!;
  }

  put(row: number, field: VmField, value: number): void {
    this.cells[(row << ROW_SHIFT) + field] = value;
  }

  /** Adds 1; gives what was there before. */
  count(row: number, field: VmField): number {
    const at = (row << ROW_SHIFT) + field;
    const before = this.cells[at]!;
    this.cells[at] = before + 1;
    return before;
  }
}
