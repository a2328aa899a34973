/**
 * The architectural state of a hart as one declared record: what migrates, what is hashed, what a
 * checkpoint holds. TLBs, decoded pages and the fields for slow paths are not state. All little
 * endian.
 *
 *   0  u32 magic 'HART'   4  u32 version   8  fields in the order of the table
 */
import { assert } from '../base/assert.ts';
import { err, ok, type Result } from '../base/result.ts';
import { csrSlot, hartOffset } from '../protocol/host-memory-layout.ts';

const MAGIC = 0x5452_4148;
const VERSION = 1;

/**
 * A field: `offset` in the live record, `byteCount` in both, initial value 0 unless resetHart says
 * otherwise.
 */
export interface HartField {
  readonly name: string;
  readonly offset: number;
  readonly byteCount: number;
  readonly since: number;
}

const csr = (slot: number) => hartOffset.csr + 8 * slot;

// biome-ignore format: a row a line
export const HART_FIELDS = [
  { name: 'x',                    offset: hartOffset.x,                    byteCount: 256, since: 1 },
  { name: 'pc',                   offset: hartOffset.pc,                   byteCount: 8,   since: 1 },
  { name: 'privilege',            offset: hartOffset.privilege,            byteCount: 4,   since: 1 },
  { name: 'virtualMode',          offset: hartOffset.virtualMode,          byteCount: 4,   since: 1 },
  { name: 'reservationValid',     offset: hartOffset.reservationValid,     byteCount: 4,   since: 1 },
  { name: 'reservationAddress',   offset: hartOffset.reservationAddress,   byteCount: 8,   since: 1 },
  { name: 'instructionsRetired',  offset: hartOffset.instructionsRetired,  byteCount: 8,   since: 1 },
  { name: 'instructionsAttempted', offset: hartOffset.instructionsAttempted, byteCount: 8, since: 1 },
  { name: 'vsstatus',             offset: csr(csrSlot.vsstatus),           byteCount: 8,   since: 1 },
  { name: 'vsie',                 offset: csr(csrSlot.vsie),               byteCount: 8,   since: 1 },
  { name: 'vstvec',               offset: csr(csrSlot.vstvec),             byteCount: 8,   since: 1 },
  { name: 'vsscratch',            offset: csr(csrSlot.vsscratch),          byteCount: 8,   since: 1 },
  { name: 'vsepc',                offset: csr(csrSlot.vsepc),              byteCount: 8,   since: 1 },
  { name: 'vscause',              offset: csr(csrSlot.vscause),            byteCount: 8,   since: 1 },
  { name: 'vstval',               offset: csr(csrSlot.vstval),             byteCount: 8,   since: 1 },
  { name: 'vsatp',                offset: csr(csrSlot.vsatp),              byteCount: 8,   since: 1 },
  { name: 'hvip',                 offset: csr(csrSlot.hvip),               byteCount: 8,   since: 1 },
  { name: 'scounteren',           offset: csr(csrSlot.scounteren),         byteCount: 8,   since: 1 },
  { name: 'senvcfg',              offset: csr(csrSlot.senvcfg),            byteCount: 8,   since: 1 },
] as const satisfies readonly HartField[];

/** Bytes of a saved hart. */
export const HART_STATE_SIZE = HART_FIELDS.reduce((size, field) => size + field.byteCount, 8);

/** Why saved bytes were refused. */
export type HartStateError =
  | { readonly kind: 'wrong-size'; readonly expected: number; readonly found: number }
  | { readonly kind: 'not-a-hart'; readonly foundMagic: number }
  | { readonly kind: 'unknown-version'; readonly known: number; readonly found: number };

/** The state of the hart whose block is at `hart`, as HART_STATE_SIZE bytes of its own. */
export function saveHartState(bytes: Uint8Array, hart: number): Uint8Array {
  const saved = new Uint8Array(HART_STATE_SIZE);
  const view = new DataView(saved.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  let at = 8;
  for (const field of HART_FIELDS) {
    saved.set(bytes.subarray(hart + field.offset, hart + field.offset + field.byteCount), at);
    at += field.byteCount;
  }
  return saved;
}

/** Whether bytes are a saved hart of a known version. */
export function checkHartState(saved: Uint8Array): Result<true, HartStateError> {
  if (saved.length !== HART_STATE_SIZE) {
    return err({ kind: 'wrong-size', expected: HART_STATE_SIZE, found: saved.length });
  }
  const view = new DataView(saved.buffer, saved.byteOffset, saved.length);
  const foundMagic = view.getUint32(0, true);
  if (foundMagic !== MAGIC) return err({ kind: 'not-a-hart', foundMagic });
  const found = view.getUint32(4, true);
  if (found !== VERSION) return err({ kind: 'unknown-version', known: VERSION, found });
  return ok(true);
}

/** Puts a checked saved state into the block at `hart`, whose record is otherwise zero. */
export function loadHartState(bytes: Uint8Array, hart: number, saved: Uint8Array): void {
  assert(checkHartState(saved).ok, 'a saved hart was checked before it is loaded');
  let at = 8;
  for (const field of HART_FIELDS) {
    bytes.set(saved.subarray(at, at + field.byteCount), hart + field.offset);
    at += field.byteCount;
  }
}
