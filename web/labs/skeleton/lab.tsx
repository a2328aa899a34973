/** How the skeleton lab is shown: the VM with its console, and the gap between its ticks. */
import type { LabView } from '../lab-view.ts';

export const view: LabView = {
  lab: 'skeleton',
  stage: { picture: 'memories', left: { map: 'vm', host: 0 }, between: 'nothing', right: 'nothing' },
  strip: [{ view: 'time-chart', title: 'Gap between two ticks', metrics: ['gap'], process: 0 }],
  charts: [
    { view: 'time-chart', title: 'Gap between two ticks', metrics: ['gap', 'gap-longest'], tokens: ['ink', 'device'] },
    { view: 'lanes' }, { view: 'console-gaps' }, { view: 'page-heat' }, { view: 'memory-map' }, { view: 'registers' }, { view: 'sample-ring' },
  ],
};
