/** Captures of a world: one bound for all of them, so that a world of many ports keeps no more than one of two. */
import { CaptureTap } from '../network/capture-tap.ts';
import type { Scenario } from '../protocol/scenario.ts';

/** Bytes of frames that the captures of a world keep together; later ones are counted as dropped. */
export const CAPTURE_BYTES_MAX = 256 << 20;

/** The tap of one process of the world, each with the same share of the bound; undefined when nothing is captured. */
export function makeWorldTap(scenario: Pick<Scenario, 'processes'>, capture: boolean): CaptureTap | undefined {
  return capture ? new CaptureTap({ bytesMax: Math.floor(CAPTURE_BYTES_MAX / scenario.processes.length) }) : undefined;
}
