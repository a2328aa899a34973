/** A VM that goes on from a snapshot's file, in a run of two hosts and a link, so that it can be moved. */
import type { SnapshotHead } from '../../core/formats/snapshot-file.ts';
import { restoredScenario } from '../../core/protocol/guest-scenario.ts';
import type { RunController } from '../session/run-controller.ts';

/** Starts that run in place of the present one; it stands just after the instant that the snapshot shows, when the VM takes typing again. Gives '' or one sentence. */
export async function openRestored(
  controller: RunController, guest: { readonly name: string; readonly bytes: Uint8Array }, head: SnapshotHead,
): Promise<string> {
  const refusal = await controller.start({
    lab: 'precopy-migration', seed: 1, knobs: {}, autoplay: false, scenario: restoredScenario(head), guest,
  });
  if (refusal !== '') return refusal;
  return (await controller.session?.advanceTo(head.takenAtNs + 1)) ?? 'No run is alive.';
}
