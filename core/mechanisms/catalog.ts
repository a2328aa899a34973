/** Every mechanism of the house: contracts and walkthroughs. The folder test checks that none is missing. */
import type { Contract } from '../base/contract.ts';
import type { Walkthrough } from '../protocol/walkthrough.ts';
import { contract as precopyMigration } from './precopy-migration/contract.ts';
import { walkthrough as precopyWalkthrough } from './precopy-migration/walkthrough.ts';

export const CATALOG: readonly Contract[] = [precopyMigration];

export const WALKTHROUGHS: readonly Walkthrough[] = [precopyWalkthrough];

/** The contract of that id, or undefined. */
export function findContract(id: string): Contract | undefined {
  return CATALOG.find((contract) => contract.id === id);
}
