/** A snapshot under way, or one that was, in the words of told.ts. */
import type { SnapshotJob } from './mechanism.ts';
import type { JobTold } from './told.ts';

export function toldOf(job: SnapshotJob): JobTold {
  const { queue, pageState, protectedCount, storedCount, zeroCount } = job;
  return {
    name: job.name, parent: job.parent, vm: job.vm.id, mode: job.mode, state: job.state, reason: job.reason,
    startedAtNs: job.startedAtNs, takenAtNs: job.takenAtNs, resumedAtNs: job.resumedAtNs,
    sweptAtNs: job.sweptAtNs, endedAtNs: job.endedAtNs, pageCount: pageState.length,
    protectedPages: protectedCount, queuedPages: pageState.length - protectedCount - storedCount - zeroCount,
    storedPages: storedCount, zeroPages: zeroCount, faults: job.faultCount,
    retries: job.retryCount, stalls: job.stallCount, stallNs: job.stallNs, queueBytes: queue.heldBytes,
    queueBytesMost: queue.heldBytesMost, queueCapBytes: queue.capBytes, fileBytes: job.fileBytes,
  };
}
