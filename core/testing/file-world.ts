/** Test-only: the world of a scenario file with the files that its VMs boot, run here. */
import { packBundle } from '../formats/guest-bundle.ts';
import { parseScenarioFile } from '../world/scenario-file.ts';
import { sentenceOf } from '../world/world-error.ts';
import { WorldRun } from './run-world.ts';

/** That world at `untilNs`, the file's own commands given. */
export function runFileWorld(text: string, files: ReadonlyMap<string, Uint8Array>, untilNs: number): WorldRun {
  const guest = packBundle(files);
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
