/**
 * A file of text opened on the page, by dialog or by drop: its `format` says what it is. What is none of the
 * others is taken for a scenario file, whose door (the same as the command line's) names what does not fit.
 */
import { packBundle } from '../../core/formats/guest-bundle.ts';
import type { PageActions } from '../app/commands.ts';
import { DATACENTER_LAB } from '../labs/lab-view.ts';
import { LAB_SLUGS } from '../labs/load-lab.ts';
import type { RunController } from '../session/run-controller.ts';
import { NARRATION_FORMAT } from '../tour/narration-format.ts';
import { openRunFile } from './export-actions.ts';

/** Largest scenario file taken, as at its door. Unit: bytes. */
const SCENARIO_BYTES_MAX = 4 * 1024 * 1024;
/** Files beside a scenario, together: what a tab has room for beside the VMs. Unit: bytes. */
const FILES_BYTES_MAX = 512 * 1024 * 1024;

/** Opens a file that begins like JSON; gives '' or one sentence that says why not. */
export async function openTextFile(controller: RunController, actions: PageActions, file: File): Promise<string> {
  if (file.size > SCENARIO_BYTES_MAX) return await openRunFile(controller, file); // only runs are as long
  const format = formatOf(await file.text());
  if (format === 'glasshouse-run') return await openRunFile(controller, file);
  if (format === NARRATION_FORMAT) {
    await actions.tour({ kind: 'narration', file });
    return '';
  }
  return await openScenarioFile(controller, file);
}

/** Opens a scenario file in place of the present run; nothing changes when it does not fit. */
export async function openScenarioFile(controller: RunController, file: File): Promise<string> {
  if (file.size > SCENARIO_BYTES_MAX) {
    const notice = `${file.name} has ${file.size} bytes; a scenario file may have at most ${SCENARIO_BYTES_MAX} bytes.`;
    controller.store.setState({ notice });
    return notice;
  }
  return await openScenario(controller, await file.text());
}

/** Files beside a scenario, by the names that its VMs boot them by. */
export type ScenarioFiles = ReadonlyMap<string, Uint8Array>;

/** The same of a file's text, with the files that its VMs boot; without any, the run has no guest file. */
export async function openScenario(controller: RunController, text: string, files: ScenarioFiles = new Map()): Promise<string> {
  const { lab, seed } = headOf(text);
  const name = [...files.keys()].join(', ');
  return await controller.start({
    // How it is shown; whether there is such a lab is for the door to say.
    lab: typeof lab === 'string' && LAB_SLUGS.includes(lab) ? lab : DATACENTER_LAB.contract.id,
    seed: isSeed(seed) ? seed : 0,
    knobs: {},
    scenario: text,
    ...(files.size === 0 ? {} : { guest: { name, bytes: packBundle(files) } }),
  });
}

/** Several files at once: one is a scenario, the others are what its VMs boot. */
export async function openTogether(controller: RunController, files: readonly File[]): Promise<string> {
  const scenario = files.find(({ name }) => name.endsWith('.json'));
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const notice =
    scenario === undefined ? 'Of several files at once one is a scenario, a JSON file; the others are what its VMs boot.'
    : size > FILES_BYTES_MAX ? `The files have ${size} bytes; together they may have at most ${FILES_BYTES_MAX} bytes.`
    : '';
  if (scenario === undefined || notice !== '') {
    controller.store.setState({ notice });
    return notice;
  }
  const others = files.filter((file) => file !== scenario);
  const contents = await Promise.all(others.map(async (file) => [file.name, new Uint8Array(await file.arrayBuffer())] as const));
  return await openScenario(controller, await scenario.text(), new Map(contents));
}

function isSeed(seed: unknown): seed is number {
  return typeof seed === 'number' && Number.isInteger(seed) && seed >= 0 && seed <= 0xffff_ffff;
}

function formatOf(text: string): unknown {
  return headOf(text)['format'];
}

/** The fields of a JSON object; none when the text is something else. */
function headOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
