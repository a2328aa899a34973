/**
 * The board of a pod: one row a host in (shared) memory, which the pod writes when it samples and a painter reads without a
 * message, as the frame table of a host with real memory is read. A torn picture is tolerated on screen. It is what
 * LogicalProcess.memory() of a pod gives; without isolation the page asks for copies of its bytes.
 *
 *   header 32 bytes: u32 magic 'GHBD' · u32 first host's number · u32 hosts · u32 row words · f64 virtual time of the
 *   rows in ns · u32 times written · u32 unused
 *   rows: u32 × ROW_WORDS each, little endian, see `boardColumn`
 */

/** 'GHBD'. */
export const BOARD_MAGIC = 0x44424847;
const HEADER_BYTES = 32;
/** Bytes from which {@link boardSizeOf} tells a board's size. */
export const BOARD_HEADER_BYTES: number = HEADER_BYTES;
const ROW_WORDS = 8;

/** Words of a row. */
// biome-ignore format: a table, a row a line
export const boardColumn = {
  state: 0, //       0 down, 1 up; + 2 when more CPU is asked for than there is
  cpu: 1, //         CPU asked for, of the capacity. Unit: a thousandth; above 1,000 when overloaded
  memory: 2, //      memory of VMs and reservations, of all. Unit: a thousandth
  writes: 3, //      page writes of all VMs. Unit: writes/s
  network: 4, //     bytes that left its port. Unit: kB/s since the writing before
  vms: 5, //         VMs on it, those that stand and those without power included
  leaving: 6, //     migrations that leave it
  arriving: 7, //    migrations within its pod that come to it
} as const;

/** State bits of a row. */
export const boardState = { up: 1, overloaded: 2 } as const;

/** Views of a board. */
export interface HostBoard {
  readonly words: Uint32Array; // header and rows
  readonly time: Float64Array; // one number
  readonly firstHost: number;
  readonly hostCount: number;
}

/** Bytes of a board of so many hosts. */
export function boardSize(hostCount: number): number {
  return HEADER_BYTES + hostCount * ROW_WORDS * 4;
}

/** Size of the board that begins with these bytes, −1 when it is none. */
export function boardSizeOf(header: Uint8Array): number {
  if (header.byteLength < HEADER_BYTES) return -1;
  const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
  return view.getUint32(0, true) === BOARD_MAGIC && view.getUint32(12, true) === ROW_WORDS ? boardSize(view.getUint32(8, true)) : -1;
}

/** Makes an empty board in fresh memory. */
export function makeBoard(buffer: ArrayBufferLike, firstHost: number, hostCount: number): HostBoard {
  const words = new Uint32Array(buffer, 0, boardSize(hostCount) / 4);
  words[0] = BOARD_MAGIC;
  words[1] = firstHost;
  words[2] = hostCount;
  words[3] = ROW_WORDS;
  return { words, time: new Float64Array(buffer, 16, 1), firstHost, hostCount };
}

/** The board in a buffer that a process gave; undefined when it is no board. Also over a copy of its bytes. */
export function findBoard(buffer: ArrayBufferLike): HostBoard | undefined {
  if (buffer.byteLength < HEADER_BYTES) return undefined;
  const [magic, firstHost, hostCount, rowWords] = new Uint32Array(buffer, 0, 4);
  if (magic !== BOARD_MAGIC || rowWords !== ROW_WORDS || buffer.byteLength < boardSize(hostCount!)) return undefined;
  const words = new Uint32Array(buffer, 0, boardSize(hostCount!) / 4);
  return { words, time: new Float64Array(buffer, 16, 1), firstHost: firstHost!, hostCount: hostCount! };
}

/** Index of a host's first word, by its position on the board. */
export function boardRow(position: number): number {
  return HEADER_BYTES / 4 + position * ROW_WORDS;
}

/** Times that the board has been written: a painter whose number is the same has nothing to do. */
export function boardWritten(board: HostBoard): number {
  return board.words[6]!;
}

/** Counts one writing, at a virtual time. */
export function stampBoard(board: HostBoard, timeNs: number): void {
  board.time[0] = timeNs;
  board.words[6]! += 1;
}
