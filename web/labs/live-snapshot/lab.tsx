/** How a snapshot is shown: the VM's pages on their way through the queue into the file, and how long the session waits. */
import type { LabView } from '../lab-view.ts';

export { story } from './story.tsx';

export const view: LabView = {
  lab: 'live-snapshot',
  stage: { picture: 'memories', left: { map: 'vm', host: 0 }, between: 'queue', right: { map: 'file', host: 0 } },
  strip: [{ view: 'latency-ribbons', metric: 'echo-longest' }],
  charts: [
    { view: 'time-chart', title: 'From a typed line to its echo', metrics: ['echo-longest'] },
    { view: 'time-chart', title: 'Queue', metrics: ['queue-bytes'], tokens: ['in-flight'] },
    { view: 'time-chart', title: 'Pages protected and pages in the file', metrics: ['pages-protected', 'pages-stored'], tokens: ['ink', 'device'] },
    { view: 'time-chart', title: 'Disk rate', metrics: ['disk-bytes-per-second'], tokens: ['device'] },
    { view: 'lanes' }, { view: 'page-heat' }, { view: 'memory-map' }, { view: 'console-gaps' }, { view: 'registers' }, { view: 'sample-ring' },
  ],
};
