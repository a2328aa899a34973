/**
 * Every mechanism of the house: contract and walkthrough. Written by `npm run new-mechanism` from the
 * folders, and held to them by catalog.test.ts; not edited by hand. Light: no model comes with it.
 */
import type { Contract } from '../base/contract.ts';
import type { Walkthrough } from '../protocol/walkthrough.ts';
import { contract as datacenterScale } from './datacenter-scale/contract.ts';
import { walkthrough as datacenterScaleWalkthrough } from './datacenter-scale/walkthrough.ts';
import { contract as gatewayBalancer } from './gateway-balancer/contract.ts';
import { walkthrough as gatewayBalancerWalkthrough } from './gateway-balancer/walkthrough.ts';
import { contract as liveSnapshot } from './live-snapshot/contract.ts';
import { walkthrough as liveSnapshotWalkthrough } from './live-snapshot/walkthrough.ts';
import { contract as precopyMigration } from './precopy-migration/contract.ts';
import { walkthrough as precopyMigrationWalkthrough } from './precopy-migration/walkthrough.ts';
import { contract as skeleton } from './skeleton/contract.ts';
import { walkthrough as skeletonWalkthrough } from './skeleton/walkthrough.ts';

// biome-ignore format: a row a line
export const CATALOG: readonly Contract[] = [
  datacenterScale,
  gatewayBalancer,
  liveSnapshot,
  precopyMigration,
  skeleton,
];

// biome-ignore format: a row a line
export const WALKTHROUGHS: readonly Walkthrough[] = [
  datacenterScaleWalkthrough,
  gatewayBalancerWalkthrough,
  liveSnapshotWalkthrough,
  precopyMigrationWalkthrough,
  skeletonWalkthrough,
];

/** The contract of that id, or undefined. */
export function findContract(id: string): Contract | undefined {
  return CATALOG.find((contract) => contract.id === id);
}

/** The walkthrough of that lab, or undefined. */
export function findWalkthrough(lab: string): Walkthrough | undefined {
  return WALKTHROUGHS.find((walkthrough) => walkthrough.lab === lab);
}
