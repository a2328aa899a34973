/**
 * Checkpoints of one logical process, as parts that are taken and restored together: its objects, its
 * host's memory. They form one line in time; the present stands on the checkpoint that was taken,
 * passed or restored last (the base), plus what happened since.
 */

/** A place beside memory for copies of pages: slower, larger, gone with the run. Synchronous; what fails says so. */
export interface PageShelf {
  /** Puts 4,096 bytes away; gives the slot that holds them, −1 when there is no room. */
  keep(page: Uint8Array): number;
  /** Fills `into` with the page of a slot; false when it cannot be read back. */
  read(slot: number, into: Uint8Array): boolean;
  /** The slot may hold another page. */
  release(slot: number): void;
}

/** See the file's head. `id` names a checkpoint in all parts and processes of a lane; ids are never used twice. */
export interface CheckpointPart {
  /** Saves the present state as checkpoint `id`, right behind the base in time; it becomes the base. */
  take(id: number): void;
  /** The present state is that of checkpoint `id`, reached again by replay; it becomes the base. */
  pass(id: number): void;
  /** Puts the state of checkpoint `id` back, in place; it becomes the base. */
  restore(id: number): void;
  /** Forgets checkpoint `id`, which is neither the base nor the first. Others stay whole. */
  drop(id: number): void;
  /** Memory that the checkpoints take now. Unit: byte. */
  byteCount(): number;
  /** Moves copies to the shelf, the oldest first, until `byteCount` bytes of memory are free; gives those that are. */
  spill?(byteCount: number): number;
  /** What lies on the shelf. Unit: byte. */
  spilledByteCount?(): number;
}

/** Parts as one. They are restored in the given order. */
export class CheckpointParts implements CheckpointPart {
  private readonly parts: readonly CheckpointPart[];

  constructor(parts: readonly CheckpointPart[]) {
    this.parts = parts;
  }

  take(id: number): void {
    for (const part of this.parts) part.take(id);
  }

  pass(id: number): void {
    for (const part of this.parts) part.pass(id);
  }

  restore(id: number): void {
    for (const part of this.parts) part.restore(id);
  }

  drop(id: number): void {
    for (const part of this.parts) part.drop(id);
  }

  byteCount(): number {
    return this.parts.reduce((sum, part) => sum + part.byteCount(), 0);
  }

  spill(byteCount: number): number {
    return this.parts.reduce((freed, part) => freed + (part.spill?.(byteCount - freed) ?? 0), 0);
  }

  spilledByteCount(): number {
    return this.parts.reduce((sum, part) => sum + (part.spilledByteCount?.() ?? 0), 0);
  }
}
