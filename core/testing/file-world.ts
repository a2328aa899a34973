/** Test-only: the world of a scenario file with the files that its VMs boot, run here. */
import { packBundle } from '../formats/guest-bundle.ts';
import type { SnapshotHead } from '../formats/snapshot-file.ts';
import { readSnapshotHead } from '../formats/snapshot-notes.ts';
import { parseScenarioFile } from '../world/scenario-file.ts';
import { sentenceOf } from '../world/world-error.ts';
import { WorldRun } from './run-world.ts';

/** That world at `untilNs`, the file's own commands given. */
export function runFileWorld(text: string, files: ReadonlyMap<string, Uint8Array>, untilNs: number): WorldRun {
  return runWorldWith(text, packBundle(files), untilNs);
}

/** The same with the one file beside the scenario as it is: a bundle, or a snapshot that a VM goes on from. */
export function runWorldWith(text: string, guest: Uint8Array, untilNs: number): WorldRun {
  const scenario = parseScenarioFile({ text, guest });
  if (!scenario.ok) throw new Error(sentenceOf(scenario.error));
  const run = new WorldRun({ scenario: scenario.value, guest });
  for (const { atNs, command } of scenario.value.script) {
    if (atNs >= untilNs) break;
    run.runTo(atNs);
    run.command(atNs, command);
  }
  run.runTo(untilNs);
  return run;
}

/** Whose VM a snapshot's file is, and when it was kept. */
export function headOf(file: Uint8Array): SnapshotHead {
  const head = readSnapshotHead(file);
  if (!head.ok) throw new Error(head.error);
  return head.value;
}
