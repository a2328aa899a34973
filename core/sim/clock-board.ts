/**
 * Clocks and promises of all processes in (shared) memory, one 64-bit word each, read and written with
 * Atomics so that no reader sees half a time. Written by the owner of a process only, read by all.
 * Sequentially consistent: who reads a promise sees all mail that was put into rings before it.
 */

/** Words: clocks of the processes by position, then promises of the channels by position. Unit: ns. */
export interface ClockBoard {
  readonly words: BigInt64Array;
  readonly processCount: number;
}

/** Bytes that a board takes. */
export function clockBoardSize(processCount: number, channelCount: number): number {
  return (processCount + channelCount) * 8;
}

/** A board over `buffer` from `byteOffset` (a multiple of 8). Fresh memory means: all stand at 0 and promise nothing. */
export function clockBoardOver(options: {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly processCount: number;
  readonly channelCount: number;
}): ClockBoard {
  const { buffer, byteOffset, processCount, channelCount } = options;
  return { words: new BigInt64Array(buffer, byteOffset, processCount + channelCount), processCount };
}

/** Time up to which everything has happened in the process at `position`, mail included. */
export function readClock(board: ClockBoard, position: number): number {
  return Number(Atomics.load(board.words, position));
}

/** See {@link readClock}. */
export function writeClock(board: ClockBoard, position: number, timeNs: number): void {
  Atomics.store(board.words, position, BigInt(timeNs));
}

/** Nothing that is not yet in the channel's mailbox arrives before this time. */
export function readPromise(board: ClockBoard, channel: number): number {
  return Number(Atomics.load(board.words, board.processCount + channel));
}

/** See {@link readPromise}. May be taken back only down to a time that no receiver has passed. */
export function writePromise(board: ClockBoard, channel: number, timeNs: number): void {
  Atomics.store(board.words, board.processCount + channel, BigInt(timeNs));
}
