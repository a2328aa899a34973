/**
 * What a stop would cost, and how much may be on the way: arithmetic over what was measured
 * (pace.ts).
 */
import { migrationCostNs } from './costs.ts';
import { type Pace, transferNs } from './pace.ts';

/**
 * Unacknowledged bytes that are allowed at least: eight segments, so that the wire is never idle.
 */
const AHEAD_BYTES_MIN = 8 * 65_536;
/** A record of a vCPU or of the devices is smaller than this. Unit: byte. */
const RECORD_BYTES_MOST = 2048;

/**
 * Bytes that may be unacknowledged: twice what the way holds, so that it is always full and its
 * queue short.
 */
export function aheadBytes(pace: Pace): number {
  if (pace.rateBytesPerSecond === 0) return Number.MAX_SAFE_INTEGER;
  const held = Math.round((pace.rateBytesPerSecond * pace.roundTripNs) / 1e9);
  return Math.max(AHEAD_BYTES_MIN, 2 * held);
}

/** From sending the grant to the first instruction over there. Unit: ns. */
export function grantNs(pace: Pace): number {
  return Math.ceil(pace.roundTripNs / 2) + migrationCostNs.ledger;
}

/**
 * A stop with `bytes` to send: they and the records go over, READY comes back, GRANT goes over (one
 * and a half round trips beside the transfer), and the fixed steps. Unit: ns; Infinity while no
 * rate is known.
 */
export function downtimeNs(
  pace: Pace,
  left: { readonly bytes: number; readonly vcpuCount: number },
): number {
  const recordBytes = (left.vcpuCount + 1) * RECORD_BYTES_MOST;
  const fixedNs = migrationCostNs.round + migrationCostNs.restore + migrationCostNs.ledger;
  return transferNs(pace, left.bytes + recordBytes) + Math.ceil(1.5 * pace.roundTripNs) + fixedNs;
}
