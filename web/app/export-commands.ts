/** Commands that write files or read them back. */
import * as v from 'valibot';
import { GUESTS, PREPARED_GUESTS } from '../../core/protocol/guest-library.ts';
import { LAB_GUESTS, LABS_WITH_GUESTS } from '../../core/protocol/lab-guests.ts';
import type { AppState } from '../session/store.ts';
import type { CommandRow } from './commands.ts';

const none = v.object({});
const alive = (state: AppState) => (state.status === 'live' ? '' : 'No run is alive; start again first.');
const always = () => '';

export const EXPORT_ROWS: readonly CommandRow[] = [
  { id: 'save-stage-png', title: 'Save the picture as PNG', group: 'Files', schema: none, enabledWhen: alive, run: ({ actions }) => actions.saveStage('png') },
  { id: 'save-stage-svg', title: 'Save the picture as SVG', group: 'Files', schema: none, enabledWhen: alive, run: ({ actions }) => actions.saveStage('svg') },
  { id: 'download-trace', title: 'Download the trace (Perfetto)', group: 'Files', schema: none, enabledWhen: alive, run: ({ actions }) => actions.downloadTrace() },
  { id: 'open-run', title: 'Open a run file', group: 'Files', schema: none, enabledWhen: always, run: ({ actions }) => actions.openRun() },
  { id: 'open-scenario', title: 'Open a scenario file', group: 'Files', schema: none, enabledWhen: always, run: ({ actions }) => actions.openScenario() },
  ...GUESTS.map(({ id, title }): CommandRow => (
    { id: `boot-${id}`, title: `Boot ${title} in a VM`, group: 'Files', schema: none, enabledWhen: always, run: ({ actions }) => actions.openGuest(id, 1) }
  )),
  ...PREPARED_GUESTS.map(({ id, title }): CommandRow => (
    { id: `boot-${id}`, title: `Go on with ${title}`, group: 'Files', schema: none, enabledWhen: always, run: ({ actions }) => actions.openGuest(id, 1) }
  )),
  ...LAB_GUESTS.map(({ id, title }): CommandRow => ({
    id: `lab-on-${id}`, title: `Run this lab on ${title}`, group: 'Guest', schema: none,
    enabledWhen: (state) => (LABS_WITH_GUESTS.includes(state.lab.contract.id) ? '' : 'This lab has its own guest only.'),
    run: ({ actions }) => actions.openLabGuest(id, ''),
  })),
  {
    id: 'lab-on-own-guest', title: 'Run this lab on its own guest', group: 'Guest', schema: none,
    enabledWhen: ({ spec }) => (spec.guest === undefined ? 'The lab’s own guest runs.' : ''), run: ({ actions }) => actions.openLabGuest('', ''),
  },
  { id: 'print', title: 'Print', group: 'Files', schema: none, enabledWhen: always, run: () => window.print() },
];
