/// <reference types="vite/client" />
/** Loads what the page needs of one lab: contract, walkthrough and view, each a file of its own that comes when asked for. */
import type { Contract } from '../../core/base/contract.ts';
import type { Walkthrough } from '../../core/protocol/walkthrough.ts';
import { DATACENTER_LAB, type LabModule, type LoadedLab } from './lab-view.ts';

/** Shown when the address names no lab. */
export const DEFAULT_LAB = 'precopy-migration';

const CONTRACTS = import.meta.glob<Contract>('../../core/mechanisms/*/contract.ts', { import: 'contract' });
const WALKTHROUGHS = import.meta.glob<Walkthrough>('../../core/mechanisms/*/walkthrough.ts', { import: 'walkthrough' });
const MODULES = import.meta.glob<LabModule>('./*/lab.tsx');

/** Slugs of all labs, in alphabetical order. */
export const LAB_SLUGS: readonly string[] = Object.keys(MODULES).map((path) => path.split('/')[1]!).sort();

/** The parts of a lab, or undefined when there is none of that name. Rejects when its files do not come. `scenario`: text of the file that the run is of. */
export async function loadLab(slug: string, scenario?: string): Promise<LoadedLab | undefined> {
  if (slug === DATACENTER_LAB.contract.id) return (await import('./scenario-view.ts')).viewOfScenario(scenario);
  const contract = CONTRACTS[`../../core/mechanisms/${slug}/contract.ts`];
  const walkthrough = WALKTHROUGHS[`../../core/mechanisms/${slug}/walkthrough.ts`];
  const module = MODULES[`./${slug}/lab.tsx`];
  if (contract === undefined || walkthrough === undefined || module === undefined) return undefined;
  const [its, steps, { view, story, flow, commands = [] }] = await Promise.all([contract(), walkthrough(), module()]);
  return { contract: its, walkthrough: steps, view, story, commands, flow };
}
