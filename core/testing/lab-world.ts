/** Test-only: the world of a lab on one of the guests of labs, with the commands of a run's log, run here. */
import { packBundle } from '../formats/guest-bundle.ts';
import type { LoggedCommand } from '../protocol/command.ts';
import { type LabGuest, labGuestBoot } from '../protocol/lab-guests.ts';
import { scenarioOf } from '../world/scenario.ts';
import { sentenceOf } from '../world/world-error.ts';
import { WorldRun } from './run-world.ts';

/** What was run elsewhere: a lab's own scenario with its defaults and seed 1. */
export interface LabCourse {
  readonly lab: string;
  readonly log: readonly LoggedCommand[];
  readonly endNs: number;
}

/** The same course here; `files` by the names that the VM boots them by. */
export function runLabWorld({ lab, log, endNs }: LabCourse, guest: LabGuest, files: ReadonlyMap<string, Uint8Array>): WorldRun {
  const bundle = packBundle(files, labGuestBoot(guest));
  const scenario = scenarioOf({ lab, seed: 1, knobs: {}, baseline: '', guest: bundle });
  if (!scenario.ok) throw new Error(sentenceOf(scenario.error));
  const run = new WorldRun({ scenario: scenario.value, guest: bundle });
  for (const { atNs, command } of log) {
    run.runTo(atNs);
    run.command(atNs, command);
  }
  run.runTo(endNs);
  return run;
}
