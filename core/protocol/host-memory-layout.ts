/**
 * Where everything lies in a host's one WebAssembly.Memory: the table that compiled code, the memory
 * layer, the machine layer and the screen's painters all read. Fixed addresses come first, so that one
 * compiled module serves every host; RAM frames come last.
 *
 *   0x0000_0000  header            64 KiB   words, see `headerWord`
 *   0x0001_0000  hart blocks       32 × 64 KiB: record (4 KiB), then six TLB tables
 *   0x0021_0000  decoded pages     512 × 33 KiB
 *   0x0130_0000  frame table       262,144 × u32
 *   0x0140_0000  guest frame maps  16 × frameCount × u32
 *   …            RAM frames        frameCount × 4 KiB, aligned to 64 KiB
 *   …            file map          frameCount × u8, see `fileByte`
 *
 * The memory is created with exactly the pages it needs and never grows, so views stay valid.
 */

/** Declared maximum of every host memory, in 64 KiB WebAssembly pages (1 GiB). Imports must match it exactly. */
export const HOST_MEMORY_MAXIMUM_PAGES = 16_384;

export const HEADER_ADDRESS = 0;
/** Words (u32) of the header, at HEADER_ADDRESS + 4 × index. */
export const headerWord = {
  frameCount: 0,
  ramAddress: 1,
  guestMapAddress: 2,
  heatEpoch: 3, // 0 … 255, the stamp that the writer puts into the frame table; advanced by the sampler
} as const;

/**
 * What the newest snapshot taken on the host shows of itself, for painters only: nothing in the model reads
 * it. Words (u32) at SNAPSHOT_ADDRESS + 4 × index, inside the header; times are f64 at 8-byte alignment.
 */
export const SNAPSHOT_ADDRESS = 0x1000;
export const snapshotWord = {
  serial: 0, //       counts snapshots; 0 = none yet
  vm: 1,
  pageCount: 2, //    of the file map
  heldBytes: 3, //    in the queue
  capBytes: 4,
  reserveBytes: 5, // of it, for the guest's own writes only
  takenPages: 6, //   that have come into the queue since the start
  leftPages: 7, //    of them, those that have left it: they are in the file, or were zeroes
  writeCount: 8, //   pages of the write under way, the next ones to leave; 0 = none
  writeFromNs: 10, // f64: when the bytes of that write began to move, and when they end
  writeToNs: 12,
} as const;
export const SNAPSHOT_WORD_COUNT = 16;
/** A bit a page in the order of coming into the queue, modulo FORCED_RING_BITS: whether a write of the guest forced the copy. */
export const FORCED_RING_ADDRESS = 0x2000;
/** As many pages as the largest queue holds. */
export const FORCED_RING_BITS = 65_536;
/**
 * A page in the file map: bits 0–1 as frameField.capture (0 none, 1 protected: not in the file yet, 2 queued,
 * 3 stored), and whether a write forced the copy, and whether the page is zeroes and left out.
 */
export const fileByte = { captureMask: 0x3, forced: 0x4, leftOut: 0x8 } as const;

export const HART_ADDRESS = 0x0001_0000;
export const HART_STRIDE = 0x0001_0000;
export const HART_COUNT_MAX = 32;

/** Byte offsets into a hart record. All 8 bytes wide (little endian) unless said otherwise. */
export const hartOffset = {
  x: 0, //                 x0 … x31, 8 bytes each; x0 stays 0
  pc: 256,
  sink: 264, //            where decoded operations with rd = x0 write
  privilege: 272, //       u32: 0 = U, 1 = S, 3 = M
  virtualMode: 276, //     u32: V bit
  budget: 280, //          i32: instructions still to run; written by compiled code before every call out and at exit
  exitReason: 284, //      u32: see `exitReason`; 0 while running
  instructionWord: 288, // u32: the word of an instruction handed to a slow path
  reservationValid: 292, // u32: byte count of the LR, 4 or 8; 0 = no reservation
  reservationAddress: 296, // guest physical address of the LR
  scratch: 304, //         value to or from a slow path
  address: 312, //         virtual address handed to a slow path
  instructionsRetired: 320,
  instructionsAttempted: 328, // the cycle counter: also those that trapped
  profile: 336, //         u32: number of the hart profile (core/isa/table/profiles.ts)
  fcsr: 340, //            u32: frm in bits 7 … 5, fflags below
  floatState: 344, //      u32: see `floatStateBit`; follows from sstatus.FS and fcsr
  tlbBase: 348, //         u32: added to the bank of the mode; 0 for guests, see `bareBlock`
  // 352 … 511 free
  csr: 512, //             64 CSR slots of 8 bytes, see `csrSlot`
  f: 1024, //              f0 … f31, 8 bytes each, singles NaN-boxed
  straddle: 1280, //       an operation of 16 bytes for an instruction over a page's end; at + 32 a sentinel
  bareCsr: 1536, //        CSRs of a bare-metal hart, 8 bytes each, see core/machine/bare/registers.ts
} as const;

/**
 * A bare-metal hart takes four hart blocks: its record and the TLB banks of U and S lie in the first, those of
 * VU and VS in the second, that of M in the third, and that of M with mstatus.MPRV set in the fourth.
 */
export const bareBlock = { host: 0, guest: 1, machine: 2, modified: 3, count: 4 } as const;

/** What compiled code may do with floats by itself. */
export const floatStateBit = {
  usable: 1, //       sstatus.FS is Dirty and frm is legal: what raises no flag and does not round
  nearest: 2, //      also frm is 0, to nearest even: exact results
  inexactKnown: 4, // also fflags.NX is set: inexact results, too
} as const;

/** Slots of the CSRs that a hart keeps as storage, at hartOffset.csr + 8 × slot. For a guest, the VS copies. */
export const csrSlot = {
  vsstatus: 0, vsie: 1, vstvec: 2, vsscratch: 3, vsepc: 4, vscause: 5, vstval: 6, vsip: 7, vsatp: 8,
  vstimecmp: 9, htimedelta: 10, hgatp: 11, hedeleg: 12, hideleg: 13, hvip: 14, scounteren: 15, senvcfg: 16,
  hcounteren: 17, htval: 18, htinst: 19, scause: 20, stval: 21, sepc: 22, stvec: 23, sscratch: 24, sie: 25,
  sstatus: 26, satp: 27, hstatus: 28,
} as const;

/** Why compiled code, or a slow path, left the guest. */
export const exitReason = {
  none: 0,
  budget: 1, //        the instruction budget is used up
  environmentCall: 2, // ecall from VS: an SBI call; pc still points at it
  guestPageFault: 3, // a G-stage fault that the hypervisor must resolve or report; nothing was changed
  wait: 4, //          wfi with no interrupt pending
  breakpoint: 5,
  illegal: 6, //       a trap that is not delegated: the VM stops with an error
  yield: 7, //         a slow path wants the run loop to look again (timer reprogrammed, interrupt enabled)
} as const;

/** TLB tables inside a hart block, after the record. Direct-mapped, index = (address >> 12) & (TLB_ENTRY_COUNT − 1). */
export const TLB_ENTRY_COUNT = 512;
/** Bytes of an entry: i64 tag, then u32 payload, then 4 unused. */
export const TLB_ENTRY_SIZE = 16;
export const TLB_TABLE_SIZE = TLB_ENTRY_COUNT * TLB_ENTRY_SIZE;
/**
 * Offset into the hart block of a table: + bank × TLB_TABLE_SIZE, bank 0 = U, 1 = S (VU, VS).
 * The tag is the virtual address with its low 12 bits clear; an access of n bytes compares
 * `address & (~0xfff | (n − 1))`, so a misaligned access misses by itself. An empty entry's tag is −1.
 * Payload of read and write: address of the host frame in the memory. Payload of fetch: address of the decoded page.
 */
export const tlbOffset = {
  read: 0x1000,
  write: 0x1000 + 2 * TLB_TABLE_SIZE,
  fetch: 0x1000 + 4 * TLB_TABLE_SIZE,
} as const;

export const DECODED_ADDRESS = 0x0021_0000;
/**
 * A decoded page: 2,048 operations of 16 bytes, one for every 2-byte parcel, then a sentinel operation that
 * goes on to the next page, then 16 unused bytes. Zeroed operations mean `not decoded yet`.
 * Operation: u16 handler, u16 rd offset, u16 rs1 offset, u16 rs2 offset, i64 immediate.
 */
export const DECODED_STRIDE = 2048 * 16 + 32;
export const DECODED_COUNT = 512;

export const FRAME_TABLE_ADDRESS = 0x0130_0000;
/** Fields of a frame table entry (u32). */
export const frameField = {
  heatShift: 0, heatMask: 0xff, //       epoch of the last write (tool log, free of cost)
  kindShift: 8, kindMask: 0xf, //        see `frameKind`
  dirty: 1 << 12, //                     written since the dirty log was last armed
  inFlight: 1 << 13, //                  handed to a page stream and not yet acknowledged
  code: 1 << 14, //                      holds decoded instructions
  ownerShift: 16, ownerMask: 0xff, //    VM id, 0 = the host itself or free
  captureShift: 24, captureMask: 0x3, // of a snapshot under way: 0 none, 1 protected, 2 queued, 3 stored
} as const;
/** Kinds of frame. */
export const frameKind = { free: 0, private: 1, merged: 2, pinned: 3, ballooned: 4, table: 5 } as const;

export const GUEST_MAP_ADDRESS = 0x0140_0000;
/** VM slots of a host: how many VMs can be on it at once, incoming ones included. */
export const VM_SLOT_COUNT = 16;
/** Largest RAM of a host in frames (≈ 970 MiB): what is left of the maximum after the tables. */
export const FRAME_COUNT_MAX = 240_000;

/** Addresses that depend on the size of the host's RAM. */
export interface HostMemoryLayout {
  readonly frameCount: number;
  /** First byte of the guest frame map of VM slot 0: u32 per guest frame, host frame + 1, 0 = absent. */
  readonly guestMapAddress: number;
  /** Bytes between the guest frame maps of two VM slots. */
  readonly guestMapStride: number;
  /** First byte of frame 0. */
  readonly ramAddress: number;
  /** First byte of the file map: a byte a page of the newest snapshot, frameCount at most. */
  readonly fileMapAddress: number;
  /** Size of the whole memory in 64 KiB pages. */
  readonly pageCount: number;
}

/** The layout for a host with `frameCount` frames of RAM (1 … FRAME_COUNT_MAX; the caller has checked). */
export function hostMemoryLayout(frameCount: number): HostMemoryLayout {
  const guestMapStride = frameCount * 4;
  const tablesEnd = GUEST_MAP_ADDRESS + VM_SLOT_COUNT * guestMapStride;
  const ramAddress = Math.ceil(tablesEnd / 0x10000) * 0x10000;
  const fileMapAddress = ramAddress + frameCount * 4096;
  const pageCount = Math.ceil((fileMapAddress + frameCount) / 0x10000);
  return { frameCount, guestMapAddress: GUEST_MAP_ADDRESS, guestMapStride, ramAddress, fileMapAddress, pageCount };
}
