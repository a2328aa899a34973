/** How ten thousand hosts are shown: the site as a grid of hosts, and below it how many of them are overloaded. */
import type { LabView } from '../lab-view.ts';

export const view: LabView = {
  lab: 'datacenter-scale',
  stage: { picture: 'site' },
  strip: [{ view: 'time-chart', title: 'Overloaded hosts of the first pod', metrics: ['overloaded'], process: 0 }],
  charts: [
    { view: 'time-chart', title: 'Overloaded hosts', metrics: ['overloaded'] },
    { view: 'time-chart', title: 'Migrations under way', metrics: ['moving'] },
    { view: 'time-chart', title: 'VMs that run', metrics: ['vms-running'] },
    { view: 'time-chart', title: 'Stolen CPU', metrics: ['cpu-stolen'] },
  ],
};
