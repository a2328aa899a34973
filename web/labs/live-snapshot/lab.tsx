/** How a snapshot is shown: the VM's pages on their way to the disk, the session, and its latency. */
import type { LabView } from '../lab-view.ts';

export const view: LabView = {
  lab: 'live-snapshot',
  parts: [
    { view: 'stage', entities: ['host:0', 'vm:1', 'link:0-1', 'host:1'] },
    { view: 'console', entity: 'console:1' },
    { view: 'time-chart', metrics: ['echo-latest'], process: 0 },
    { view: 'time-chart', metrics: ['queue-bytes', 'disk-bytes-per-second'], process: 0 },
    { view: 'time-chart', metrics: ['pages-protected', 'pages-stored'], process: 0 },
  ],
};
