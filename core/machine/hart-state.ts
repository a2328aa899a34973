/**
 * The architectural state of a hart as one declared record: what migrates, what is hashed, what a
 * checkpoint holds. TLBs, decoded pages and the fields for slow paths are not state. All little
 * endian.
 *
 *   0  u32 magic 'HART'   4  u32 version   8  fields in the order of the table
 */
import { assert } from '../base/assert.ts';
import { err, ok, type Result } from '../base/result.ts';
import { getProfile, GUEST_PROFILES } from '../isa/table/index.ts';
import { csrSlot, hartOffset } from '../protocol/host-memory-layout.ts';

const MAGIC = 0x5452_4148;
/** Version 1 is a hart of profile rv64ima; later ones name their profile. */
const NEWEST = 2;

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
  { name: 'profile',              offset: hartOffset.profile,              byteCount: 4,   since: 2 },
  { name: 'fcsr',                 offset: hartOffset.fcsr,                 byteCount: 4,   since: 2 },
  { name: 'f',                    offset: hartOffset.f,                    byteCount: 256, since: 2 },
] as const satisfies readonly HartField[];

/** The fields of a saved hart of `version`. */
export function hartFields(version: number): readonly HartField[] {
  return HART_FIELDS.filter((field) => field.since <= version);
}

/** Bytes of a saved hart of `version`. */
export function hartStateSize(version: number): number {
  return hartFields(version).reduce((size, field) => size + field.byteCount, 8);
}

/**
 * The version that holds a hart of profile `profile` (its number). Guests of rv64ima keep version
 * 1, so that what they migrate and hash stays what it was.
 */
export function hartStateVersion(profile: number): number {
  return profile === getProfile('rv64ima').number ? 1 : NEWEST;
}

/** Why saved bytes were refused. */
export type HartStateError =
  | { readonly kind: 'wrong-size'; readonly expected: number; readonly found: number }
  | { readonly kind: 'not-a-hart'; readonly foundMagic: number }
  | { readonly kind: 'unknown-version'; readonly known: number; readonly found: number }
  | { readonly kind: 'unknown-profile'; readonly found: number };

/** The state of the hart whose block is at `hart`, as hartStateSize() bytes of its own. */
export function saveHartState(bytes: Uint8Array, hart: number): Uint8Array {
  const live = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = hartStateVersion(live.getUint32(hart + hartOffset.profile, true));
  const saved = new Uint8Array(hartStateSize(version));
  const view = new DataView(saved.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, version, true);
  let at = 8;
  for (const field of hartFields(version)) {
    saved.set(bytes.subarray(hart + field.offset, hart + field.offset + field.byteCount), at);
    at += field.byteCount;
  }
  return saved;
}

/** Whether bytes are a saved hart of a known version and profile. */
export function checkHartState(saved: Uint8Array): Result<true, HartStateError> {
  const sizes = Array.from({ length: NEWEST }, (_, index) => hartStateSize(index + 1));
  if (!sizes.includes(saved.length)) {
    return err({ kind: 'wrong-size', expected: hartStateSize(1), found: saved.length });
  }
  const view = new DataView(saved.buffer, saved.byteOffset, saved.length);
  const foundMagic = view.getUint32(0, true);
  if (foundMagic !== MAGIC) return err({ kind: 'not-a-hart', foundMagic });
  const found = view.getUint32(4, true);
  if (found < 1 || found > NEWEST) return err({ kind: 'unknown-version', known: NEWEST, found });
  const expected = hartStateSize(found);
  if (saved.length !== expected) {
    return err({ kind: 'wrong-size', expected, found: saved.length });
  }
  if (found === 1) return ok(true);
  const profile = view.getUint32(hartFieldOffset('profile'), true);
  if (GUEST_PROFILES[profile] === undefined || hartStateVersion(profile) !== found) {
    return err({ kind: 'unknown-profile', found: profile });
  }
  return ok(true);
}

/** Offset of a field in a saved hart that has it. */
export function hartFieldOffset(name: (typeof HART_FIELDS)[number]['name']): number {
  let at = 8;
  for (const field of HART_FIELDS) {
    if (field.name === name) break;
    at += field.byteCount;
  }
  return at;
}

/** Puts a checked saved state into the block at `hart`, whose record is otherwise zero. */
export function loadHartState(bytes: Uint8Array, hart: number, saved: Uint8Array): void {
  assert(checkHartState(saved).ok, 'a saved hart was checked before it is loaded');
  const view = new DataView(saved.buffer, saved.byteOffset, saved.length);
  let at = 8;
  for (const field of hartFields(view.getUint32(4, true))) {
    bytes.set(saved.subarray(at, at + field.byteCount), hart + field.offset);
    at += field.byteCount;
  }
}
