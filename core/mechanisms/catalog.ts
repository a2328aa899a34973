/** Every mechanism of the house, by its contract. The folder test checks that none is missing. */
import type { Contract } from '../base/contract.ts';
import { contract as precopyMigration } from './precopy-migration/contract.ts';

export const CATALOG: readonly Contract[] = [precopyMigration];

/** The contract of that id, or undefined. */
export function findContract(id: string): Contract | undefined {
  return CATALOG.find((contract) => contract.id === id);
}
