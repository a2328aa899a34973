/**
 * What compiled code and the machine layer promise each other. All functions take and give i32.
 *
 * Export `run(hartAddress, budget)`: executes up to `budget` instructions (1 … 2^31 − 1) of the
 * hart whose block is at `hartAddress`, from the record's pc, and returns the exit reason. It
 * leaves pc and the unused budget in the record. Before every call out, pc (of the current
 * instruction) and budget (what is left after the current instruction) are in the record. Each
 * attempted instruction takes one from the budget, also one that traps.
 *
 * A slow path that returns 0 has changed where the hart goes on (a trap was taken, or it must
 * leave): the interpreter looks at record.exitReason, returns it when not 0, and else goes on at
 * record.pc.
 *
 * `run` clears record.exitReason at entry and writes `exitReason.budget` there when the budget is
 * used up. A fetch is the only call out before its instruction takes from the budget: the record
 * then holds what would be left after it, and counts only if the fetch gives 0. A slow path that
 * gives 1 may zero operations of the decoded page that is being executed, but may not bind that
 * page to another frame; to do so it finishes the instruction itself (registers, record.pc) and
 * gives 0.
 */
export interface SlowPaths {
  /**
   * record.address = virtual address of an instruction. Gives the address of its decoded page (and
   * fills the fetch TLB), or 0.
   */
  fetch(hart: number): number;
  /**
   * record.address. Puts the zero-extended value into record.scratch and gives 1 (and fills the
   * read TLB where allowed), or 0.
   */
  load(hart: number, byteCount: number): number;
  /** record.address, record.scratch. Writes, with every reason observed, and gives 1, or 0. */
  store(hart: number, byteCount: number): number;
  /**
   * record.address. Gives the address in the memory to modify in place, all reasons already
   * observed as for a write, or 0.
   */
  atomic(hart: number, byteCount: number): number;
  /** record.address. As load, and sets the reservation. */
  loadReserved(hart: number, byteCount: number): number;
  /**
   * record.address, record.scratch = value. Puts 0 (stored) or 1 (not) into record.scratch and
   * gives 1, or 0 on a trap.
   */
  storeConditional(hart: number, byteCount: number): number;
  /** record.instructionWord. Carries out a system row. Always changes record.pc itself. Gives 0. */
  system(hart: number, handler: number): number;
  /**
   * record.address = target of a taken branch or jump that is not a multiple of 4. Raises
   * instruction-address-misaligned on the branch or jump itself, whose rd is not written. Not with
   * the C extension. Gives 0.
   */
  misalignedTarget(hart: number): number;
  /** An undecodable word (record.instructionWord): raises illegal-instruction. Gives 0. */
  illegal(hart: number): number;
  /**
   * record.instructionWord. Executes a float instruction, its flags and its effect on sstatus.FS,
   * and gives 1, or 0 on a trap. Leaves pc to the caller.
   */
  float(hart: number): number;
  /**
   * record.pc is that of an instruction of 4 bytes, 2 of them in the next page. Fetches both halves
   * and decodes them into the hart's own operation (record.straddle), with a sentinel that goes on
   * to pc + 4 behind it, and gives 1, or 0 when a half faults. Like a fetch it comes before its
   * instruction takes from the budget.
   */
  straddle(hart: number): number;
  /**
   * Fills the operation at `operation` (inside the decoded page `page`) from the instruction word
   * in the frame behind it. Gives 1.
   */
  decode(hart: number, page: number, operation: number): number;
}

/** Order of the handlers that `system` is called with: index into this list. */
export const SYSTEM_HANDLERS = [
  'ecall', 'ebreak', 'sret', 'mret', 'wfi', 'sfenceVma', 'hfenceVvma', 'hfenceGvma',
  'csrReadWrite', 'csrReadSet', 'csrReadClear',
  'csrReadWriteImmediate', 'csrReadSetImmediate', 'csrReadClearImmediate',
  'cacheBlockInvalidate', 'cacheBlockClean', 'cacheBlockFlush', 'cacheBlockZero',
  'guestLoad', 'guestStore', 'fenceInvalidation',
] as const;
