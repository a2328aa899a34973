/**
 * Every mechanism of the house with its model, for core/world. Written by `npm run new-mechanism` from the
 * folders, and held to them by catalog.test.ts; not edited by hand.
 */
import type { LabDefinition } from './lab.ts';
import { lab as datacenterScale } from './datacenter-scale/scenario.ts';
import { lab as gatewayBalancer } from './gateway-balancer/scenario.ts';
import { lab as liveSnapshot } from './live-snapshot/scenario.ts';
import { lab as precopyMigration } from './precopy-migration/scenario.ts';
import { lab as skeleton } from './skeleton/scenario.ts';

// biome-ignore format: a row a line
export const LABS: readonly LabDefinition[] = [
  datacenterScale,
  gatewayBalancer,
  liveSnapshot,
  precopyMigration,
  skeleton,
];

/** The lab of that slug, or undefined. */
export function findLab(slug: string): LabDefinition | undefined {
  return LABS.find((lab) => lab.contract.id === slug);
}
