/**
 * How fast virtual time may go: at a ratio to the wall, or as fast as it goes in chunks short enough that
 * a command is answered at once. Pure; wall time comes in as an argument. Nothing here touches the model:
 * the limit's steps leave no trace in a run.
 */

/** Slow motion: the pace at a hand-over is this much lower. */
export const SLOW_MOTION_FACTOR = 10;
/** How far the limit may lead the clocks, as wall time at the present pace. Unit: ms. */
const LEAD_MS = 25;
/** A longer gap between two looks (a hidden tab, a debugger) counts as this much. Unit: ms. */
const GAP_MS_MAX = 100;
/** Wall time that a chunk should take when nothing paces it. Unit: ms. */
const CHUNK_MS = 15;
const CHUNK_NS_MIN = 1_000;
const CHUNK_NS_MAX = 1_000_000_000;

/** Where a paced run should be. */
export interface Pace {
  targetNs: number; // may have a fraction
  lookedAtMs: number;
}

/** The target after a look at `nowMs`. `speed`: virtual ns a wall ns. `clockNs`: where the run really is. */
export function paceTarget(
  pace: Pace,
  look: { readonly nowMs: number; readonly speed: number; readonly clockNs: number },
): number {
  const gapMs = Math.min(GAP_MS_MAX, Math.max(0, look.nowMs - pace.lookedAtMs));
  const leadNs = LEAD_MS * 1e6 * look.speed;
  pace.lookedAtMs = look.nowMs;
  pace.targetNs = Math.min(pace.targetNs + gapMs * 1e6 * look.speed, look.clockNs + Math.max(1, leadNs));
  return Math.floor(pace.targetNs);
}

/** A chunk of an unpaced run. */
export interface Chunk {
  lengthNs: number;
  begunAtMs: number;
}

/** A chunk to begin with. */
export function makeChunk(nowMs: number): Chunk {
  return { lengthNs: 100_000, begunAtMs: nowMs };
}

/** Fits the length of the next chunk to the time that the one before took, and begins it. Unit of the result: ns. */
export function nextChunkLength(chunk: Chunk, nowMs: number): number {
  const tookMs = nowMs - chunk.begunAtMs;
  if (tookMs < CHUNK_MS / 2) chunk.lengthNs = Math.min(CHUNK_NS_MAX, chunk.lengthNs * 2);
  else if (tookMs > CHUNK_MS * 1.5) {
    chunk.lengthNs = Math.max(CHUNK_NS_MIN, Math.floor(chunk.lengthNs / 2));
  }
  chunk.begunAtMs = nowMs;
  return chunk.lengthNs;
}
