/** `--guest id` of labs: a real system in place of the lab's own guest. It boots before the lab begins. */
import { LAB_GUESTS, LABS_WITH_GUESTS } from '../../core/protocol/lab-guests.ts';
import type { Scenario } from '../../core/protocol/scenario.ts';
import { suggestion } from './arguments.ts';
import { chooseLabGuest } from './guest-choice.ts';
import type { HeadlessRun } from './run-session.ts';
import { BadInput, showDuration } from './terminal.ts';

/** Virtual time between two looks whether the guest's load is on, and how long that may take. Unit: ns. */
const LOOK_NS = 10_000_000;
const BEGIN_NS_MAX = 10_000_000_000;

/** The guest's files as its VM boots them; {@link BadInput} when the lab takes none, or says how to get it. */
export function readLabGuest(id: string, lab: string): { readonly name: string; readonly bytes: Uint8Array } {
  if (!LABS_WITH_GUESTS.includes(lab)) throw new BadInput(`The lab '${lab}' does not take the guest '${id}'; ${LABS_WITH_GUESTS.join(' and ')} do.`);
  const bytes = chooseLabGuest(id);
  if (bytes === undefined) throw new BadInput(`There is no guest '${id}' for labs${suggestion(id, LAB_GUESTS.map((it) => it.id))}`);
  return { name: id, bytes };
}

/** Goes on until a VM has said that the lab may begin; gives when that is (0: at once), or one sentence why it never will. */
export async function advanceToBegin(run: HeadlessRun, { begins }: Scenario): Promise<number | string> {
  if (begins === undefined) return 0;
  const { vm, said } = begins;
  const textOf = () => run.snapshots('main').flatMap((it) => it.console).filter((chunk) => chunk.vm === vm).map(({ text }) => text).join('');
  for (let timeNs = LOOK_NS; timeNs <= BEGIN_NS_MAX && run.failure() === undefined; timeNs += LOOK_NS) {
    await run.coordinator.advanceTo(timeNs);
    if (textOf().includes(said)) return timeNs;
    const found = run.snapshots('main').flatMap((it) => it.host?.vms ?? []).find(({ id }) => id === vm);
    if (found?.state !== 'running') break;
  }
  const [last = ''] = textOf().trimEnd().split('\n').slice(-1);
  return `The guest has not said '${said}' within ${showDuration(BEGIN_NS_MAX)}; the last that it said is '${last.trim().slice(0, 120)}'. Its files may be older than this program: 'npm run guests -- --small' makes them anew.`;
}
