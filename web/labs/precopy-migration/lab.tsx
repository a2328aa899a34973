/** How a migration is shown: both memories, the link between them, and below it the rates and what is left. */
import type { LabView } from '../lab-view.ts';

export { commands, story } from './story.tsx';

export const view: LabView = {
  lab: 'precopy-migration',
  stage: { picture: 'memories', left: { map: 'vm', host: 0 }, between: 'link', right: { map: 'vm', host: 1 } },
  strip: [{ view: 'migration-graph' }],
  charts: [
    { view: 'time-chart', title: 'Dirty rate and link rate', metrics: ['dirty-bytes-per-second', 'link-bytes-per-second'], tokens: ['dirty', 'in-flight'] },
    { view: 'time-chart', title: 'Bytes left', metrics: ['bytes-left'] },
    { view: 'lanes' }, { view: 'migration-flow' }, { view: 'page-heat' }, { view: 'memory-map' }, { view: 'console-gaps' },
    { view: 'time-chart', title: 'Downtime predicted', metrics: ['downtime-predicted'] },
    { view: 'registers' },
    { view: 'time-chart', title: 'vCPU throttle', metrics: ['throttle-percent'] },
    { view: 'sample-ring' },
  ],
};
