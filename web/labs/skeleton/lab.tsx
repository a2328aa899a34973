/** How the skeleton lab is shown: the VM with its console, and the gap between its ticks. */
import type { LabView } from '../lab-view.ts';

export const view: LabView = {
  lab: 'skeleton',
  parts: [
    { view: 'stage', entities: ['host:0', 'vm:1'] },
    { view: 'console', entity: 'console:1' },
    { view: 'time-chart', metrics: ['gap'], process: 0 },
  ],
};
