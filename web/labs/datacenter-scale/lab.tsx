/** How ten thousand hosts are shown: the site as a grid of hosts, and below it how many of them are overloaded. */
import type { LabView } from '../lab-view.ts';

export const view: LabView = {
  lab: 'datacenter-scale',
  stage: { picture: 'site' },
  strip: [{ view: 'time-chart', title: 'Overloaded hosts', metrics: ['overloaded'], process: 'all' }],
  charts: [
    { view: 'time-chart', title: 'Overloaded hosts', metrics: ['overloaded'], process: 'all' },
    { view: 'time-chart', title: 'Migrations under way', metrics: ['moving'], process: 'all' },
    { view: 'time-chart', title: 'VMs that run', metrics: ['vms-running'], process: 'all' },
    { view: 'time-chart', title: 'Stolen CPU', metrics: ['cpu-stolen'], process: 'all' },
  ],
};
