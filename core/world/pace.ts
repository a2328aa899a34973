/** When every process hashes and samples itself. */
import type { Scenario } from '../protocol/scenario.ts';

/** Time between two hash points where the scenario says nothing. Unit: ns. */
export const HASH_NS = 10_000_000;
/** Time between two samples where the scenario says nothing. Unit: ns. */
const SAMPLE_NS = 1_000_000;

/** Time between two samples. Unit: ns. */
export function sampleNsOf(scenario: Scenario): number {
  return scenario.sampleNs ?? SAMPLE_NS;
}

/** Time between two hash points. Unit: ns. */
export function hashNsOf(scenario: Scenario): number {
  return scenario.hashNs ?? HASH_NS;
}
