/** The run hash: the processes' hashes folded in the order of their ids, however they were spread over workers. */
import { assert } from '../base/assert.ts';
import { hashHex, hashInteger, hashText, makeHash } from '../base/hash.ts';

/** One process's share. `hash` is what LogicalProcess.hash() gave at the cut. */
export interface ProcessHash {
  readonly process: number;
  readonly hash: string;
}

/** Folds the hashes of all processes at one cut to 16 hexadecimal digits. The order given does not matter. */
export function foldRunHash(hashes: readonly ProcessHash[]): string {
  const sorted = hashes.toSorted((left, right) => left.process - right.process);
  const state = makeHash();
  let previous = -1;
  for (const { process, hash } of sorted) {
    assert(process > previous, 'every process gives one hash');
    previous = process;
    hashInteger(state, process);
    hashText(state, hash);
  }
  return hashHex(state);
}
