/** How a migration is shown: both memories, the link between them, the console, the rates and what is left. */
import type { LabView } from '../lab-view.ts';

export const view: LabView = {
  lab: 'precopy-migration',
  parts: [
    { view: 'stage', entities: ['host:0', 'link:0-1', 'host:1', 'vm:1'] },
    { view: 'console', entity: 'console:1' },
    { view: 'time-chart', metrics: ['dirty-bytes-per-second', 'link-bytes-per-second'], process: 0 },
    { view: 'time-chart', metrics: ['bytes-left'], process: 0 },
  ],
};
